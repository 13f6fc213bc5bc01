// SPDX-License-Identifier: MIT
use super::super::uint;
use proptest::prelude::*;

use super::super::message::MessageView;
use super::*;

type Item = (u16, Vec<u8>);

fn token(bytes: &[u8]) -> Token {
    Token::new(bytes).unwrap()
}

fn finish(draft: &MessageDraft, buffer: &mut [u8]) -> usize {
    draft
        .finish(
            buffer,
            MessageType::Confirmable,
            Code::GET,
            MessageId(0x1234),
        )
        .unwrap()
}

fn options_of(datagram: &[u8]) -> Vec<Item> {
    let message = MessageView::parse(datagram).unwrap();
    message
        .options()
        .map(|option| (option.number.0, option.value.to_vec()))
        .collect()
}

/// The encoding of section 3.1, written plainly; `items` are sorted.
fn reference(items: &[Item]) -> Vec<u8> {
    let split = |value: usize| match value {
        0..=12 => (value as u8, vec![]),
        13..=268 => (13, vec![(value - 13) as u8]),
        _ => (14, ((value - 269) as u16).to_be_bytes().to_vec()),
    };
    let mut bytes = vec![];
    let mut previous = 0;
    for (number, value) in items {
        let (delta, delta_bytes) = split(usize::from(number - previous));
        let (len, len_bytes) = split(value.len());
        bytes.push(delta << 4 | len);
        bytes.extend(delta_bytes);
        bytes.extend(len_bytes);
        bytes.extend(value);
        previous = *number;
    }
    bytes
}

#[test]
fn header_and_token() {
    let mut buffer = [0xEE; 16];
    let draft = MessageDraft::begin(&mut buffer, &token(&[1, 2, 3])).unwrap();
    assert_eq!(draft.len(), 7);
    let len = draft
        .finish(
            &mut buffer,
            MessageType::NonConfirmable,
            Code::CONTENT,
            MessageId(0xBEEF),
        )
        .unwrap();
    assert_eq!(buffer[..len], [0x53, 0x45, 0xBE, 0xEF, 1, 2, 3]);
    assert_eq!(buffer[len..], [0xEE; 9]);
}

#[test]
fn begin_needs_room_for_header_and_token() {
    for len in 0..12 {
        let mut buffer = vec![0xEE; len];
        assert_eq!(
            MessageDraft::begin(&mut buffer, &token(&[7; 8])).err(),
            Some(BuildError::TooLong)
        );
        assert!(buffer.iter().all(|&byte| byte == 0xEE));
    }
    assert!(MessageDraft::begin(&mut [0; 12], &token(&[7; 8])).is_ok());
    assert!(MessageDraft::begin(&mut [0; 3], &Token::EMPTY).is_err());
}

#[test]
fn figure_16_of_appendix_a() {
    let mut buffer = [0; 64];
    let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
    draft
        .option(&mut buffer, OptionNumber::URI_PATH, b"temperature")
        .unwrap();
    let len = draft
        .finish(
            &mut buffer,
            MessageType::Confirmable,
            Code::GET,
            MessageId(0x7D34),
        )
        .unwrap();
    assert_eq!(&buffer[..len], b"\x40\x01\x7d\x34\xbbtemperature");
}

#[test]
fn inserting_before_an_option_shortens_its_delta() {
    // The delta of the second option shrinks by no, one and two bytes.
    for (late, early, encoded) in [
        (10, 4, &[0x40, 0x61, 9][..]),
        (20, 4, &[0x40, 0xD1, 3, 9]),
        (20, 11, &[0xB0, 0x91, 9]),
        (300, 11, &[0xB0, 0xE1, 0, 20, 9]),
        (300, 60, &[0xD0, 47, 0xD1, 227, 9]),
        (300, 292, &[0xE0, 0, 23, 0x81, 9]),
        (300, 300, &[0xE1, 0, 31, 9, 0x00]),
        (272, 12, &[0xC0, 0xD1, 247, 9]),
    ] {
        let mut buffer = [0; 32];
        let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
        draft.option(&mut buffer, OptionNumber(late), &[9]).unwrap();
        draft.payload(&mut buffer, b"xy").unwrap();
        draft.option(&mut buffer, OptionNumber(early), &[]).unwrap();
        let len = finish(&draft, &mut buffer);
        assert_eq!(buffer[4..len], [encoded, &[0xFF, b'x', b'y']].concat());
    }
}

#[test]
fn equal_numbers_keep_their_order() {
    let mut buffer = [0; 64];
    let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
    for (number, value) in [
        (15, b"1"),
        (11, b"a"),
        (15, b"2"),
        (11, b"b"),
        (3, b"h"),
        (11, b"c"),
        (15, b"3"),
    ] {
        draft
            .option(&mut buffer, OptionNumber(number), value)
            .unwrap();
    }
    let len = finish(&draft, &mut buffer);
    let values: Vec<u8> = options_of(&buffer[..len])
        .iter()
        .map(|(_, value)| value[0])
        .collect();
    assert_eq!(values, b"habc123");
}

#[test]
fn option_number_0_and_65535() {
    let mut buffer = [0; 64];
    let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
    draft
        .option(&mut buffer, OptionNumber(65535), b"z")
        .unwrap();
    draft.option(&mut buffer, OptionNumber(0), b"a").unwrap();
    draft
        .option(&mut buffer, OptionNumber(65535), b"y")
        .unwrap();
    let len = finish(&draft, &mut buffer);
    let expected = [
        (0, b"a".to_vec()),
        (65535, b"z".to_vec()),
        (65535, b"y".to_vec()),
    ];
    assert_eq!(options_of(&buffer[..len]), expected);
}

#[test]
fn value_lengths_to_the_limit_of_the_encoding() {
    let mut buffer = vec![0; 70_000];
    for value_len in [0, 12, 13, 268, 269, 65803, 65804] {
        let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
        draft
            .option(&mut buffer, OptionNumber(11), &vec![7; value_len])
            .unwrap();
        draft.option(&mut buffer, OptionNumber(1), b"").unwrap();
        let len = finish(&draft, &mut buffer);
        assert_eq!(options_of(&buffer[..len])[1], (11, vec![7; value_len]));
    }
    let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
    let too_long = vec![7; 65805];
    assert_eq!(
        draft.option(&mut buffer, OptionNumber(11), &too_long),
        Err(BuildError::OptionValue)
    );
    assert!(draft.len() == HEADER_LEN);
}

#[test]
fn uint_options_are_shortest() {
    let mut buffer = [0; 32];
    let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
    draft
        .option(
            &mut buffer,
            OptionNumber::CONTENT_FORMAT,
            uint::encode(0).as_slice(),
        )
        .unwrap();
    draft
        .option(
            &mut buffer,
            OptionNumber::MAX_AGE,
            uint::encode(256).as_slice(),
        )
        .unwrap();
    assert_eq!(buffer[4..draft.len()], [0xC0, 0x22, 1, 0]);
}

#[test]
fn payload_is_set_replaced_and_cleared() {
    let mut buffer = [0; 32];
    let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
    draft.payload(&mut buffer, b"").unwrap();
    assert!(draft.len() == HEADER_LEN);
    draft.payload(&mut buffer, b"long one").unwrap();
    draft.payload(&mut buffer, b"short").unwrap();
    assert_eq!(&buffer[4..draft.len()], b"\xffshort");
    draft.payload(&mut buffer, b"x").unwrap();
    draft.payload(&mut buffer, b"").unwrap();
    assert!(draft.len() == HEADER_LEN);
    assert_eq!(
        draft.payload(&mut buffer, &[0; 28]),
        Err(BuildError::TooLong)
    );
    assert_eq!(draft.payload(&mut buffer, &[0; 27]), Ok(()));
    assert_eq!(draft.len(), 32);
    assert_eq!(
        draft.payload_slot(&mut buffer, usize::MAX).err(),
        Some(BuildError::TooLong)
    );
}

#[test]
fn empty_messages_stay_empty() {
    let mut buffer = [0; 16];
    let draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
    let id = MessageId(1);
    assert_eq!(
        draft.finish(&mut buffer, MessageType::Confirmable, Code::EMPTY, id),
        Ok(4)
    );
    let draft = MessageDraft::begin(&mut buffer, &token(&[1])).unwrap();
    let refused = draft.finish(&mut buffer, MessageType::Confirmable, Code::EMPTY, id);
    assert_eq!(refused, Err(BuildError::TooLong));
    let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
    draft.payload(&mut buffer, b"x").unwrap();
    let refused = draft.finish(&mut buffer, MessageType::Confirmable, Code::EMPTY, id);
    assert_eq!(refused, Err(BuildError::TooLong));
}

#[test]
fn a_wrong_buffer_is_an_error_or_garbage_but_no_panic() {
    let mut buffer = [0; 64];
    let mut draft = MessageDraft::begin(&mut buffer, &token(&[1; 8])).unwrap();
    draft
        .option(&mut buffer, OptionNumber(300), b"abcdef")
        .unwrap();
    draft.payload(&mut buffer, b"payload").unwrap();
    for len in 0..64 {
        for fill in [0x00, 0xFF, 0xD0, 0x0E] {
            let mut other = vec![fill; len];
            let mut draft = draft;
            let _ = draft.option(&mut other, OptionNumber(11), b"x");
            let _ = draft.payload(&mut other, b"y");
            let finished = draft.finish(&mut other, MessageType::Reset, Code::GET, MessageId(0));
            assert!(finished.is_err() || draft.len() <= len);
        }
    }
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let number = prop_oneof![4 => 0u16..40, 2 => 0u16..700, 1 => any::<u16>(), 1 => Just(65535)];
    let len = prop_oneof![6 => 0usize..16, 2 => 250usize..300];
    let value = len.prop_flat_map(|len| prop::collection::vec(any::<u8>(), len));
    prop::collection::vec((number, value), 0..10)
}

proptest! {
    #![proptest_config(crate::wire::seeded())]
    #[test]
    fn parse_gives_back_what_was_built(
        items in items(),
        token_bytes in prop::collection::vec(any::<u8>(), 0..=8),
        payload in prop::collection::vec(any::<u8>(), 0..40),
        payload_after in 0usize..10,
    ) {
        let mut buffer = vec![0; 4096];
        let mut draft = MessageDraft::begin(&mut buffer, &token(&token_bytes)).unwrap();
        for (index, (number, value)) in items.iter().enumerate() {
            if index == payload_after {
                draft.payload(&mut buffer, &payload).unwrap();
            }
            draft.option(&mut buffer, OptionNumber(*number), value).unwrap();
        }
        if payload_after >= items.len() {
            draft.payload(&mut buffer, &payload).unwrap();
        }
        let len = finish(&draft, &mut buffer);
        let mut sorted = items.clone();
        sorted.sort_by_key(|(number, _)| *number);
        let message = MessageView::parse(&buffer[..len]).unwrap();
        prop_assert_eq!(*message.token(), token(&token_bytes));
        prop_assert_eq!(message.payload(), &payload[..]);
        prop_assert_eq!(options_of(&buffer[..len]), &sorted[..]);
        prop_assert_eq!(message.option_bytes(), &reference(&sorted)[..]);
        prop_assert_eq!(draft.options(&buffer).next().is_none() && draft.len() == draft.options_end, items.is_empty() && payload.is_empty());
    }

    /// Every buffer length: nothing past the message is written, and an option or a payload is there whole or not at all.
    #[test]
    fn every_output_length(
        items in items(),
        payload in prop::collection::vec(any::<u8>(), 0..20),
        payload_after in 0usize..10,
    ) {
        let mut sizes: Vec<usize> = (0..64).collect();
        let full: usize = 40 + payload.len() + items.iter().map(|(_, value)| value.len() + 5).sum::<usize>();
        sizes.extend((64..full).step_by(7));
        for size in sizes {
            let mut buffer = vec![0xA5; size];
            let Ok(mut draft) = MessageDraft::begin(&mut buffer, &token(b"tok")) else {
                prop_assert!(size < 7 && buffer.iter().all(|&byte| byte == 0xA5));
                continue;
            };
            let mut accepted: Vec<Item> = vec![];
            let mut kept_payload: &[u8] = &[];
            for (index, (number, value)) in items.iter().enumerate() {
                if index == payload_after && draft.payload(&mut buffer, &payload).is_ok() {
                    kept_payload = &payload;
                }
                let before = (draft.len(), buffer.clone());
                let mut with = accepted.clone();
                with.push((*number, value.clone()));
                with.sort_by_key(|(number, _)| *number);
                let marker = usize::from(!kept_payload.is_empty());
                let fits = 7 + reference(&with).len() + marker + kept_payload.len() <= size;
                match draft.option(&mut buffer, OptionNumber(*number), value) {
                    Ok(()) => {
                        prop_assert!(fits);
                        accepted = with;
                    }
                    Err(error) => {
                        prop_assert_eq!(error, BuildError::TooLong);
                        prop_assert!(!fits);
                        prop_assert_eq!((draft.len(), buffer.clone()), before);
                    }
                }
                prop_assert!(buffer[draft.len()..].iter().all(|&byte| byte == 0xA5));
            }
            let len = finish(&draft, &mut buffer);
            let message = MessageView::parse(&buffer[..len]).unwrap();
            prop_assert_eq!(options_of(&buffer[..len]), accepted);
            prop_assert_eq!(message.payload(), kept_payload);
        }
    }
}
