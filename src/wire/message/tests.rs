// SPDX-License-Identifier: MIT
use proptest::prelude::*;

use super::*;

fn parse(datagram: &[u8]) -> Result<MessageView<'_>, ParseError> {
    MessageView::parse(datagram)
}

fn is_format_error(datagram: &[u8]) -> bool {
    let id = MessageId(u16::from_be_bytes([datagram[2], datagram[3]]));
    let kind = MessageType::from_bits(datagram[0] >> 4);
    parse(datagram).err() == Some(ParseError::Format { kind, id })
}

#[test]
fn headers_of_0_to_3_bytes_are_too_short() {
    assert_eq!(parse(&[]).err(), Some(ParseError::TooShort));
    for bits in 0..=u16::MAX {
        let [first, second] = bits.to_be_bytes();
        assert_eq!(parse(&[first]).err(), Some(ParseError::TooShort));
        assert_eq!(parse(&[first, second]).err(), Some(ParseError::TooShort));
        assert_eq!(parse(&[first, second, 7]).err(), Some(ParseError::TooShort));
    }
}

#[test]
fn headers_of_4_bytes_exhaustively() {
    for bits in 0..=u16::MAX {
        let [first, code] = bits.to_be_bytes();
        let datagram = [first, code, 0xAB, 0xCD];
        let token_len = first & 0x0F;
        if first >> 6 != 1 {
            assert_eq!(parse(&datagram).err(), Some(ParseError::Version));
        } else if token_len > 0 {
            assert!(is_format_error(&datagram));
        } else {
            let message = parse(&datagram).unwrap();
            assert_eq!(message.kind() as u8, first >> 4 & 3);
            assert_eq!(message.code(), Code(code));
            assert_eq!(message.id(), MessageId(0xABCD));
            assert_eq!(*message.token(), Token::EMPTY);
            assert_eq!(
                (message.option_bytes(), message.payload()),
                (&[][..], &[][..])
            );
        }
    }
}

#[test]
fn headers_of_5_bytes_exhaustively() {
    for bits in 0..=u16::MAX {
        let [first, fifth] = bits.to_be_bytes();
        for code in [0, 1, 0x45, 0x20, 0xFF] {
            let datagram = [first, code, 0, 1, fifth];
            let option_fits = fifth >> 4 <= 12 && fifth & 0x0F == 0;
            match (first >> 6, code, first & 0x0F) {
                (0 | 2 | 3, _, _) => assert_eq!(parse(&datagram).err(), Some(ParseError::Version)),
                (1, 1.., 0) if option_fits => {
                    let numbers: Vec<_> = parse(&datagram)
                        .unwrap()
                        .options()
                        .map(|option| option.number.0)
                        .collect();
                    assert_eq!(numbers, [u16::from(fifth >> 4)]);
                }
                (1, 1.., 1) => assert_eq!(parse(&datagram).unwrap().token().as_slice(), [fifth]),
                _ => assert!(is_format_error(&datagram), "{datagram:x?}"),
            }
        }
    }
}

#[test]
fn token_lengths_9_to_15_are_format_errors() {
    for token_len in 0..=15u8 {
        // Enough bytes for any token, also for the extended lengths of RFC 8974.
        let mut datagram = vec![0x40 | token_len, 1, 0x12, 0x34];
        datagram.resize(400, 0);
        if token_len <= 8 {
            assert_eq!(
                parse(&datagram).unwrap().token().len(),
                usize::from(token_len)
            );
        } else {
            assert!(is_format_error(&datagram));
        }
    }
}

#[test]
fn token_past_the_end_is_a_format_error() {
    for token_len in 1..=8u8 {
        let mut datagram = vec![0x40 | token_len, 1, 0, 0];
        for _ in 0..token_len {
            assert!(is_format_error(&datagram));
            datagram.push(0xEE);
        }
        assert_eq!(parse(&datagram).unwrap().token().as_slice(), &datagram[4..]);
    }
}

#[test]
fn empty_message_with_a_body_is_a_format_error() {
    assert!(parse(&[0x40, 0, 1, 2]).unwrap().code().is_empty());
    assert!(is_format_error(&[0x41, 0, 1, 2, 3]));
    assert!(is_format_error(&[0x41, 0, 1, 2]));
    assert!(is_format_error(&[0x40, 0, 1, 2, 0xFF, 1]));
    assert!(is_format_error(&[0x60, 0, 1, 2, 0x10]));
    assert!(is_format_error(&[0x70, 0, 1, 2, 0]));
}

#[test]
fn marker_without_payload_is_a_format_error() {
    assert!(is_format_error(&[0x40, 1, 0, 0, 0xFF]));
    assert!(is_format_error(&[0x41, 1, 0, 0, 9, 0xB1, b'a', 0xFF]));
    assert_eq!(
        parse(&[0x40, 1, 0, 0, 0xFF, 0xFF]).unwrap().payload(),
        [0xFF]
    );
}

#[test]
fn option_number_wrap_is_a_format_error() {
    assert!(is_format_error(&[0x40, 1, 0, 0, 0xE0, 0xFE, 0xF2, 0xC0]));
}

#[test]
fn five_hundred_options_parse() {
    let mut datagram = vec![0x40, 1, 0, 0, 0xB0];
    datagram.resize(4 + 500, 0);
    let message = parse(&datagram).unwrap();
    assert_eq!(message.options().count(), 500);
    assert!(
        message
            .options()
            .all(|option| option.number == OptionNumber::URI_PATH)
    );
    assert_eq!(message.unrecognized_critical(|_| true), None);
}

#[test]
fn figure_16_of_appendix_a() {
    let request = parse(b"\x40\x01\x7d\x34\xbbtemperature").unwrap();
    assert_eq!(
        (request.kind(), request.code(), request.id().0),
        (MessageType::Confirmable, Code::GET, 0x7D34)
    );
    assert_eq!(
        request.first(OptionNumber::URI_PATH),
        Some(&b"temperature"[..])
    );
    let response = parse(b"\x60\x45\x7d\x34\xff22.3 C").unwrap();
    assert_eq!(
        (response.kind(), response.code()),
        (MessageType::Acknowledgement, Code::CONTENT)
    );
    assert_eq!(response.payload(), b"22.3 C");
}

#[test]
fn figure_17_of_appendix_a() {
    let request = parse(b"\x41\x01\x7d\x35\x20\xbbtemperature").unwrap();
    assert_eq!(request.token().as_slice(), [0x20]);
    assert_eq!(request.option_bytes(), b"\xbbtemperature");
    let response = parse(b"\x61\x45\x7d\x35\x20\xff22.3 C").unwrap();
    assert_eq!(response.token(), request.token());
    assert_eq!(response.payload(), b"22.3 C");
}

#[test]
fn first_takes_the_first_and_only_that_number() {
    // Uri-Path "a", Uri-Path "b", Content-Format 40, Max-Age absent, Accept 0.
    let message = parse(b"\x40\x01\0\0\xb1a\x01b\x11\x28\x50").unwrap();
    assert_eq!(message.first(OptionNumber::URI_PATH), Some(&b"a"[..]));
    assert_eq!(message.first(OptionNumber::URI_HOST), None);
    assert_eq!(message.first(OptionNumber::MAX_AGE), None);
    assert_eq!(message.first(OptionNumber::SIZE1), None);
    assert_eq!(message.content_format(), Some(40));
    assert_eq!(message.uint(OptionNumber::ACCEPT), Some(0));
    assert_eq!(message.uint(OptionNumber::MAX_AGE), None);
}

#[test]
fn a_length_out_of_range_counts_as_absent() {
    // Content-Format of three bytes (section 5.4.3), then Max-Age of five.
    let message = parse(b"\x40\x45\0\0\xc3\0\0\x28\x25\0\0\0\0\x3c").unwrap();
    assert_eq!(
        message.first(OptionNumber::CONTENT_FORMAT),
        Some(&[0, 0, 0x28][..])
    );
    assert_eq!(message.first_valid(OptionNumber::CONTENT_FORMAT), None);
    assert_eq!(message.content_format(), None);
    assert_eq!(message.uint(OptionNumber::MAX_AGE), None);
    // A first occurrence with a bad length is not made up for by a second one.
    let message = parse(b"\x40\x45\0\0\xc3\0\0\x28\x01\x28").unwrap();
    assert_eq!(message.content_format(), None);
    // An option nobody defined has no range.
    let message = parse(b"\x40\x45\0\0\xd1\xff\x28").unwrap();
    assert_eq!(message.first_valid(OptionNumber(268)), Some(&[0x28][..]));
}

fn refused(options: &[u8]) -> Option<u16> {
    let datagram = [&[0x40, 1, 0, 0], options].concat();
    let recognizes =
        |number: OptionNumber| number.definition().is_some() && number != OptionNumber::PROXY_URI;
    parse(&datagram)
        .unwrap()
        .unrecognized_critical(recognizes)
        .map(|number| number.0)
}

#[test]
fn unknown_critical_options_are_found() {
    // Section 5.4.1: 13 is critical and unknown, 10 and 2 are elective.
    assert_eq!(refused(&[0xD0, 0]), Some(13));
    assert_eq!(refused(&[0xA0]), None);
    assert_eq!(refused(&[0x20, 0x80, 0x30]), Some(13));
    // Recognized by its definition, but not by this endpoint.
    assert_eq!(refused(&[0xD1, 22, b'x']), Some(35));
    // The first of several.
    assert_eq!(refused(&[0x90, 0x40, 0x40]), Some(13));
    assert_eq!(refused(&[]), None);
}

#[test]
fn critical_options_with_bad_lengths_are_unrecognized() {
    // Section 5.4.3: empty Uri-Host, If-None-Match with a value, Accept of three bytes, Block2 of
    // four.
    assert_eq!(refused(&[0x30]), Some(3));
    assert_eq!(refused(&[0x51, 0]), Some(5));
    assert_eq!(refused(&[0xD3, 4, 0, 0, 0]), Some(17));
    assert_eq!(refused(&[0xD4, 10, 0, 0, 0, 0]), Some(23));
    // Elective: Content-Format of three bytes is only ignored.
    assert_eq!(refused(&[0xC3, 0, 0, 0]), None);
    let mut long_path = vec![0xBD, 255 - 13];
    long_path.resize(2 + 255, b'a');
    assert_eq!(refused(&long_path), None);
    long_path[1] += 1;
    long_path.push(b'a');
    assert_eq!(refused(&long_path), Some(11));
}

#[test]
fn supernumerary_critical_options_are_unrecognized() {
    // Section 5.4.5: Uri-Port and Accept twice; Uri-Path, Uri-Query and If-Match may repeat.
    assert_eq!(refused(&[0x70, 0x00]), Some(7));
    assert_eq!(refused(&[0xD0, 4, 0x00]), Some(17));
    assert_eq!(refused(&[0x10, 0x00, 0xA0, 0x00, 0x40, 0x00]), None);
    // Different ones are no repetition: Uri-Host, Uri-Port, Accept.
    assert_eq!(refused(&[0x31, b'h', 0x40, 0xA0]), None);
    // Elective: two Max-Age are only ignored.
    assert_eq!(refused(&[0xD0, 1, 0x00]), None);
}

proptest! {
    #![proptest_config(crate::wire::seeded())]
    #[test]
    fn arbitrary_bytes_parse_consistently(
        first in prop_oneof![3 => 0x40u8..0x4A, 1 => any::<u8>()],
        code: u8,
        rest in super::option::tests::option_like_bytes(),
    ) {
        let datagram = [&[first, code, 0x12, 0x34], &rest[..]].concat();
        if let Ok(message) = parse(&datagram) {
            // What was read is the whole datagram and nothing else.
            let mut again = vec![first, code, 0x12, 0x34];
            again.extend(message.token().as_slice());
            again.extend(message.option_bytes());
            if !message.payload().is_empty() {
                again.push(0xFF);
                again.extend(message.payload());
            }
            prop_assert_eq!(&again, &datagram);
            let mut previous = OptionNumber(0);
            for option in message.options() {
                prop_assert!(option.number >= previous);
                previous = option.number;
                prop_assert!(message.first(option.number).is_some());
                message.uint(option.number);
            }
            prop_assert_eq!(option::check(message.option_bytes()).map(|(len, _)| len), Ok(message.option_bytes().len()));
            message.content_format();
            message.unrecognized_critical(|number| number.0 < 1000);
        } else if first >> 6 == 1 {
            prop_assert!(is_format_error(&datagram));
        } else {
            prop_assert_eq!(parse(&datagram).err(), Some(ParseError::Version));
        }
    }
}
