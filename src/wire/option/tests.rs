// SPDX-License-Identifier: MIT
use proptest::prelude::*;

use super::*;

fn list(bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    Options::new(bytes)
        .map(|option| (option.number.0, option.value.to_vec()))
        .collect()
}

fn len_of(bytes: &[u8]) -> Result<usize, FormatError> {
    check(bytes).map(|(len, _)| len)
}

#[test]
fn number_properties_of_section_5_4_6() {
    // RFC 7252 table 4, columns C, U and N.
    for (number, critical, is_unsafe, no_cache_key) in [
        (OptionNumber::IF_MATCH, true, false, false),
        (OptionNumber::URI_HOST, true, true, false),
        (OptionNumber::ETAG, false, false, false),
        (OptionNumber::IF_NONE_MATCH, true, false, false),
        (OptionNumber::OBSERVE, false, true, false),
        (OptionNumber::URI_PORT, true, true, false),
        (OptionNumber::LOCATION_PATH, false, false, false),
        (OptionNumber::OSCORE, true, false, false),
        (OptionNumber::URI_PATH, true, true, false),
        (OptionNumber::CONTENT_FORMAT, false, false, false),
        (OptionNumber::MAX_AGE, false, true, false),
        (OptionNumber::URI_QUERY, true, true, false),
        (OptionNumber::HOP_LIMIT, false, false, false),
        (OptionNumber::ACCEPT, true, false, false),
        (OptionNumber::LOCATION_QUERY, false, false, false),
        (OptionNumber::BLOCK2, true, true, false),
        (OptionNumber::BLOCK1, true, true, false),
        (OptionNumber::SIZE2, false, false, true),
        (OptionNumber::PROXY_URI, true, true, false),
        (OptionNumber::PROXY_SCHEME, true, true, false),
        (OptionNumber::SIZE1, false, false, true),
        (OptionNumber::ECHO, false, false, true),
        (OptionNumber::NO_RESPONSE, false, true, false),
        (OptionNumber::REQUEST_TAG, false, false, false),
    ] {
        assert_eq!(number.is_critical(), critical, "{number:?}");
        assert_eq!(number.is_unsafe(), is_unsafe, "{number:?}");
        assert_eq!(number.is_no_cache_key(), no_cache_key, "{number:?}");
    }
}

#[test]
fn an_unsafe_option_has_no_cache_key_property() {
    // Section 5.4.6: the property is that all of bits 1 to 4 are 0, 1, 1, 1.
    assert!(OptionNumber(0xFF1C).is_no_cache_key() && OptionNumber(0x1D).is_no_cache_key());
    assert!(!OptionNumber(0x1E).is_no_cache_key() && !OptionNumber(0x0C).is_no_cache_key());
}

#[test]
fn definitions_of_table_4() {
    for (number, min, max, repeatable) in [
        (1, 0, 8, true),
        (3, 1, 255, false),
        (4, 1, 8, true),
        (5, 0, 0, false),
        (6, 0, 3, false),
        (7, 0, 2, false),
        (8, 0, 255, true),
        (9, 0, 255, false),
        (11, 0, 255, true),
        (12, 0, 2, false),
        (14, 0, 4, false),
        (15, 0, 255, true),
        (16, 1, 1, false),
        (17, 0, 2, false),
        (20, 0, 255, true),
        (23, 0, 3, false),
        (27, 0, 3, false),
        (28, 0, 4, false),
        (35, 1, 1034, false),
        (39, 1, 255, false),
        (60, 0, 4, false),
        (252, 1, 40, false),
        (258, 0, 1, false),
        (292, 0, 8, true),
    ] {
        let definition = OptionNumber(number).definition().unwrap();
        assert_eq!(
            definition,
            Definition {
                min,
                max,
                repeatable
            },
            "{number}"
        );
        assert!(definition.accepts(min.into()) && definition.accepts(max.into()));
        assert!(!definition.accepts(usize::from(max) + 1));
        assert!(min == 0 || !definition.accepts(usize::from(min) - 1));
    }
    for number in [0, 2, 10, 13, 65000, 65535] {
        assert_eq!(OptionNumber(number).definition(), None);
    }
}

#[test]
fn delta_and_length_extensions_of_section_3_1() {
    for (bytes, number) in [
        (&[0xC0][..], 12),
        (&[0xD0, 0], 13),
        (&[0xD0, 255], 268),
        (&[0xE0, 0, 0], 269),
        (&[0xE0, 0xFE, 0xF2], 65535),
    ] {
        assert_eq!(len_of(bytes), Ok(bytes.len()));
        assert_eq!(list(bytes), [(number, vec![])]);
    }
    for (head, len) in [
        (&[0x1C][..], 12),
        (&[0x1D, 0], 13),
        (&[0x1D, 255], 268),
        (&[0x1E, 0, 0], 269),
        (&[0x1E, 255, 255], 65804),
    ] {
        let mut bytes = head.to_vec();
        bytes.resize(head.len() + len, 7);
        assert_eq!(len_of(&bytes), Ok(bytes.len()));
        assert_eq!(list(&bytes), [(1, vec![7; len])]);
        bytes.pop();
        assert_eq!(len_of(&bytes), Err(FormatError));
        assert_eq!(list(&bytes), []);
    }
}

#[test]
fn reserved_nibbles_are_format_errors() {
    for nibble in 0..=14u8 {
        let mut bytes = [0; 100];
        bytes[0] = 0xF0 | nibble;
        assert_eq!(len_of(&bytes), Err(FormatError));
        bytes[0] = nibble << 4 | 0x0F;
        assert_eq!(len_of(&bytes), Err(FormatError));
    }
}

#[test]
fn truncated_extensions_are_format_errors() {
    for bytes in [
        &[0xD0][..],
        &[0xE0],
        &[0xE0, 0],
        &[0x0D],
        &[0x0E],
        &[0x0E, 0],
        &[0xDD, 0],
        &[0xEE, 0, 0, 0],
        &[0x01],
        &[0x10, 0x12, 7],
    ] {
        assert_eq!(len_of(bytes), Err(FormatError), "{bytes:x?}");
    }
}

#[test]
fn numbers_past_65535_are_format_errors() {
    // 65535 + 12 must not become option 11.
    assert_eq!(len_of(&[0xE0, 0xFE, 0xF2, 0xC0]), Err(FormatError));
    assert_eq!(list(&[0xE0, 0xFE, 0xF2, 0xC0]), [(65535, vec![])]);
    // 65536 in one step, and the largest delta there is.
    assert_eq!(len_of(&[0xE0, 0xFE, 0xF3]), Err(FormatError));
    assert_eq!(len_of(&[0xE0, 0xFF, 0xFF]), Err(FormatError));
    assert_eq!(list(&[0xE0, 0xFF, 0xFF]), []);
    // A delta of zero after 65535 is fine.
    assert_eq!(len_of(&[0xE0, 0xFE, 0xF2, 0x00]), Ok(4));
}

#[test]
fn marker_ends_the_options() {
    assert_eq!(len_of(&[]), Ok(0));
    assert_eq!(len_of(&[0xFF, 1]), Ok(0));
    assert_eq!(len_of(&[0xB1, b'a', 0xFF, 0xFF]), Ok(2));
    assert_eq!(list(&[0xB1, b'a', 0xFF, 0x10]), [(11, b"a".to_vec())]);
    // Section 3: a marker without a payload.
    assert_eq!(len_of(&[0xFF]), Err(FormatError));
    assert_eq!(len_of(&[0xB1, b'a', 0xFF]), Err(FormatError));
    // 0xFF inside a value is no marker.
    assert_eq!(len_of(&[0xB1, 0xFF]), Ok(2));
}

#[test]
fn zero_length_options_without_end() {
    let bytes = [0; 65535];
    assert_eq!(len_of(&bytes), Ok(65535));
    assert_eq!(Options::new(&bytes).count(), 65535);
    // Number 500 is reached one by one.
    let bytes = [0x10; 500];
    assert_eq!(len_of(&bytes), Ok(500));
    assert_eq!(
        Options::new(&bytes).last().map(|option| option.number),
        Some(OptionNumber(500))
    );
}

#[test]
fn resume_with_anything_never_panics() {
    let bytes = [0xB1, b'a', 0x00, 0xFF, 1];
    for offset in [0, 1, 2, 3, 4, 5, 6, 1000, usize::MAX - 1, usize::MAX] {
        for number in [0, 1, 65534, 65535, 65536, u32::MAX - 1, u32::MAX] {
            let mut options = Options::resume(&bytes, offset, number);
            while let Some(option) = options.next() {
                assert!(u32::from(option.number.0) >= number);
                assert!(options.position().0 <= bytes.len());
            }
        }
    }
}

#[test]
fn walking_stays_ended() {
    let mut options = Options::new(&[0xB1, b'a', 0xF0, 0x10]);
    assert!(options.next().is_some());
    let end = options.position();
    assert!(options.next().is_none() && options.next().is_none());
    assert_eq!(options.position(), end);
}

/// The rules of section 3.1 again, written plainly.
fn reference(mut bytes: &[u8]) -> Option<Vec<(u16, Vec<u8>)>> {
    let mut number = 0u64;
    let mut found = vec![];
    while !bytes.is_empty() && bytes[0] != 0xFF {
        let mut at = 1;
        let mut read = |nibble: u8| -> Option<u64> {
            let width = match nibble {
                15 => return None,
                14 => 2,
                13 => 1,
                small => return Some(small.into()),
            };
            let extension = bytes.get(at..at + width)?;
            at += width;
            let value = extension
                .iter()
                .fold(0u64, |value, &byte| value * 256 + u64::from(byte));
            Some(value + if width == 1 { 13 } else { 269 })
        };
        number += read(bytes[0] / 16)?;
        let len = read(bytes[0] % 16)? as usize;
        found.push((
            u16::try_from(number).ok()?,
            bytes.get(at..at + len)?.to_vec(),
        ));
        bytes = &bytes[at + len..];
    }
    (bytes != [0xFF]).then_some(found)
}

proptest! {
    #![proptest_config(crate::wire::seeded())]
    #[test]
    fn check_and_walk_agree_with_the_reference(bytes in option_like_bytes()) {
        let expected = reference(&bytes);
        prop_assert_eq!(len_of(&bytes).is_ok(), expected.is_some());
        if let Some(expected) = expected {
            prop_assert_eq!(list(&bytes), expected);
            let end = len_of(&bytes).unwrap();
            prop_assert!(end == bytes.len() || bytes[end] == 0xFF);
        }
    }

    #[test]
    fn a_resumed_walk_sees_the_same(bytes in option_like_bytes()) {
        let mut straight = Options::new(&bytes);
        let (mut offset, mut number) = (0, 0);
        loop {
            let mut resumed = Options::resume(&bytes, offset, number);
            let option = resumed.next();
            prop_assert_eq!(option, straight.next());
            (offset, number) = resumed.position();
            if option.is_none() {
                break;
            }
        }
    }
}

/// Random bytes with many small nibbles, so that several options parse before something breaks.
pub(in crate::wire) fn option_like_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => 0u8..=3,
        2 => (0u8..=13, 0u8..=4).prop_map(|(delta, len)| delta << 4 | len),
        1 => prop::sample::select(vec![0xD0, 0xE0, 0x0D, 0x0E, 0xDD, 0xEE, 0xFE, 0xF2, 0xC0]),
        1 => Just(0xFF),
        1 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..64)
}
