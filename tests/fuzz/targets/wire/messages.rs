// SPDX-License-Identifier: MIT
//! Any bytes as a datagram and as options; any message.

use microcoapy::wire::builder::MessageDraft;
use microcoapy::wire::code::Code;
use microcoapy::wire::header::{MessageId, MessageType, Token};
use microcoapy::wire::message::{MessageView, ParseError};
use microcoapy::wire::option::{self, OptionNumber, Options};

pub fn parse_and_rebuild(data: &[u8]) {
    let message = match MessageView::parse(data) {
        Ok(message) => message,
        Err(ParseError::TooShort) => return assert!(data.len() < 4),
        Err(ParseError::Version) => return assert!(data[0] >> 6 != 1),
        Err(ParseError::Format { id, .. }) => {
            return assert_eq!(id.0.to_be_bytes(), data[2..4]);
        }
    };
    message.content_format();
    message.unrecognized_critical(|number| number.definition().is_some() || number.0 == 9);
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

pub fn walk_from_anywhere(data: &[u8]) {
    if let Ok((end, present)) = option::check(data) {
        let (mut offset, mut number) = (0, 0);
        for expected in Options::new(&data[..end]) {
            let mut options = Options::resume(data, offset, number);
            assert_eq!(options.next(), Some(expected));
            assert!(present.may_hold(expected.number));
            (offset, number) = options.position();
        }
        assert_eq!(offset, end);
    }
    let at = data.first().map_or(0, |&byte| usize::from(byte));
    for option in Options::resume(data, at, at as u32 * 300) {
        assert!(u32::from(option.number.0) >= at as u32 * 300);
    }
}

/// Three bytes say what to add, to a buffer that is often too small: what was added comes out again.
pub fn build_in_any_order(data: &[u8]) {
    let [size, how, rest @ ..] = data else { return };
    let mut buffer = vec![0xA5; usize::from(*size)];
    let token = Token::new(&b"abcdefgh"[..usize::from(how & 7) + usize::from(how >> 7)]).unwrap();
    let Ok(mut draft) = MessageDraft::begin(&mut buffer, &token) else {
        return assert!(buffer.len() < 4 + token.len());
    };
    let (mut added, mut payload) = (vec![], vec![]);
    for step in rest.chunks_exact(3).take(100) {
        let number = u16::from_be_bytes([step[0], step[1]]) >> (step[1] & 15);
        let value = vec![step[2]; usize::from(step[2]) * 2 % 300];
        let before = (draft.len(), buffer.clone());
        let result = if step[0] == 0xFF {
            draft
                .payload(&mut buffer, &value)
                .inspect(|()| payload = value)
        } else {
            draft
                .option(&mut buffer, OptionNumber(number), &value)
                .inspect(|()| added.push((number, value)))
        };
        if result.is_err() {
            assert_eq!((draft.len(), buffer.clone()), before);
        }
        let options = draft.options(&buffer);
        assert!(options.is_sorted_by_key(|option| option.number));
    }
    let (kind, id) = (
        MessageType::from_bits(how >> 3),
        MessageId(rest.len() as u16),
    );
    let len = draft.finish(&mut buffer, kind, Code::GET, id).unwrap();
    let message = MessageView::parse(&buffer[..len]).unwrap();
    let header = (
        message.kind(),
        message.code(),
        message.id(),
        *message.token(),
    );
    assert_eq!(header, (kind, Code::GET, id, token));
    assert_eq!(message.payload(), payload);
    // RFC 7252 section 3.1: by their numbers, and among those of one number as they were added.
    added.sort_by_key(|(number, _)| *number);
    let options = message.options().map(|o| (o.number.0, o.value.to_vec()));
    assert_eq!(options.collect::<Vec<_>>(), added);
}
