// SPDX-License-Identifier: MIT
//! Any bytes as a datagram, as options, as a URI, as an address.
#![no_main]

use microcoapy::wire::builder::MessageDraft;
use microcoapy::wire::header::Token;
use microcoapy::wire::ip;
use microcoapy::wire::message::{MessageView, ParseError};
use microcoapy::wire::option::{self, OptionNumber, Options};
use microcoapy::wire::uri::{self, Host, Segment, Uri};

/// libFuzzer calls this with one input after the other.
///
/// # Safety
/// `(data, len)` is readable.
#[unsafe(no_mangle)]
unsafe extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, len: usize) -> i32 {
    let data = match len {
        0 => &[][..],
        // SAFETY: libFuzzer's promise.
        _ => unsafe { core::slice::from_raw_parts(data, len) },
    };
    parse_and_rebuild(data);
    walk_from_anywhere(data);
    build_in_any_order(data);
    read_uri(data);
    read_addresses(data);
    0
}

fn parse_and_rebuild(data: &[u8]) {
    let message = match MessageView::parse(data) {
        Ok(message) => message,
        Err(ParseError::TooShort) => return assert!(data.len() < 4),
        Err(ParseError::Version) => return assert!(data[0] >> 6 != 1),
        Err(ParseError::Format { id, .. }) => {
            return assert_eq!(id.0.to_be_bytes(), data[2..4]);
        }
    };
    message.content_format();
    message.unrecognized_critical(|number| number.definition().is_some());
    for option in message.options() {
        message.first_valid(option.number);
        message.uint(option.number);
    }

    // Odd ones backwards, then even ones: every number keeps its own order, so the message is the same again.
    let mut buffer = vec![0xA5; data.len()];
    let mut draft = MessageDraft::begin(&mut buffer, message.token()).unwrap();
    let mut numbers: Vec<OptionNumber> = message.options().map(|option| option.number).collect();
    numbers.dedup();
    numbers.sort_by_key(|number| (number.0 % 2, u16::MAX - number.0));
    draft
        .payload(
            &mut buffer,
            &message.payload()[..message.payload().len() / 2],
        )
        .unwrap();
    for number in numbers {
        for option in message.options().filter(|option| option.number == number) {
            draft.option(&mut buffer, number, option.value).unwrap();
        }
    }
    draft.payload(&mut buffer, message.payload()).unwrap();
    let len = draft
        .finish(&mut buffer, message.kind(), message.code(), message.id())
        .unwrap();
    assert_eq!(buffer[..len], *data);
}

fn walk_from_anywhere(data: &[u8]) {
    if let Ok(end) = option::check(data) {
        let (mut offset, mut number) = (0, 0);
        for expected in Options::new(&data[..end]) {
            let mut options = Options::resume(data, offset, number);
            assert_eq!(options.next(), Some(expected));
            (offset, number) = options.position();
        }
        assert_eq!(offset, end);
    }
    let at = data.first().map_or(0, |&byte| usize::from(byte));
    for option in Options::resume(data, at, at as u32 * 300) {
        assert!(u32::from(option.number.0) >= at as u32 * 300);
    }
}

/// Three bytes say what to add, to a buffer that is often too small.
fn build_in_any_order(data: &[u8]) {
    let [size, rest @ ..] = data else { return };
    let mut buffer = vec![0xA5; usize::from(*size)];
    let Ok(mut draft) = MessageDraft::begin(&mut buffer, Token::new(b"ab").unwrap()) else {
        return assert!(buffer.len() < 6);
    };
    let mut payload = vec![];
    for step in rest.chunks_exact(3).take(100) {
        let number = u16::from_be_bytes([step[0], step[1]]) >> (step[1] & 15);
        let value = vec![step[2]; usize::from(step[2]) * 2 % 300];
        let before = (draft.len(), buffer.clone());
        let result = if step[0] == 0xFF {
            draft
                .payload(&mut buffer, &value)
                .inspect(|()| payload = value)
        } else {
            draft.option(&mut buffer, OptionNumber(number), &value)
        };
        if result.is_err() {
            assert_eq!((draft.len(), buffer.clone()), before);
        }
        let options = draft.options(&buffer);
        assert!(options.is_sorted_by_key(|option| option.number));
    }
    let id = microcoapy::wire::header::MessageId(1);
    let kind = microcoapy::wire::header::MessageType::Confirmable;
    let len = draft
        .finish(&mut buffer, kind, microcoapy::wire::code::Code::GET, id)
        .unwrap();
    let message = MessageView::parse(&buffer[..len]).unwrap();
    assert_eq!(message.payload(), payload);
}

fn decoded(segment: Segment) -> Option<Vec<u8>> {
    let mut out = vec![0; segment.decoded_len().ok()?];
    segment.decode_into(&mut out);
    Some(out)
}

fn read_uri(data: &[u8]) {
    if let Some(segments) = uri::path_segments(data)
        .map(decoded)
        .collect::<Option<Vec<_>>>()
    {
        assert!(
            segments
                .iter()
                .all(|segment| segment != b"." && segment != b"..")
        );
    }
    for text in [data.to_vec(), [b"coap://", data].concat()] {
        let Ok(uri) = Uri::parse(&text) else { continue };
        assert!(uri.port != 0 && !uri.path.contains(&b'?') && !text.contains(&b'#'));
        let mut buffer = vec![0; 8 * text.len() + 64];
        let mut draft = MessageDraft::begin(&mut buffer, Token::EMPTY).unwrap();
        if uri::add_path(&mut draft, &mut buffer, uri.path).is_err() {
            continue;
        }
        if uri
            .query
            .is_some_and(|query| uri::add_query(&mut draft, &mut buffer, query).is_err())
        {
            continue;
        }
        compose_and_read_again(&uri, &buffer[4..draft.len()]);
    }
}

/// What is composed from the options gives the same options again.
fn compose_and_read_again(uri: &Uri, options: &[u8]) {
    let mut out = vec![0; 3 * options.len() + 1024];
    let options = Options::new(options);
    let len = uri::compose_uri(uri.secure, uri.host, uri.port, options, &mut out).unwrap();
    let again = Uri::parse(&out[..len]).unwrap();
    assert_eq!((again.secure, again.port), (uri.secure, uri.port));
    match (again.host, uri.host) {
        (Host::Name(again), Host::Name(name)) => assert_eq!(decoded(again), decoded(name)),
        (again, host) => assert_eq!(again, host),
    }
    let mut buffer = vec![0; 2 * out.len()];
    let mut draft = MessageDraft::begin(&mut buffer, Token::EMPTY).unwrap();
    uri::add_path(&mut draft, &mut buffer, again.path).unwrap();
    if let Some(query) = again.query {
        uri::add_query(&mut draft, &mut buffer, query).unwrap();
    }
    assert!(draft.options(&buffer).eq(options));
}

fn read_addresses(data: &[u8]) {
    let text = core::str::from_utf8(data).ok();
    let mut out = [0; ip::TEXT_MAX];
    let four = ip::parse_ipv4(data);
    assert_eq!(
        four,
        text.and_then(|text| Some(text.parse::<core::net::Ipv4Addr>().ok()?.octets()))
    );
    let six = ip::parse_ipv6(data);
    assert_eq!(
        six,
        text.and_then(|text| Some(text.parse::<core::net::Ipv6Addr>().ok()?.octets()))
    );
    if let Some(address) = six {
        let len = ip::format_ipv6(&address, &mut out);
        assert_eq!(
            out[..len],
            *core::net::Ipv6Addr::from(address).to_string().as_bytes()
        );
    }
    if let Some(address) = four {
        let len = ip::format_ipv4(&address, &mut out);
        assert_eq!(ip::parse_ipv4(&out[..len]), four);
    }
}
