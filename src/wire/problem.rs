// SPDX-License-Identifier: MIT
//! Concise Problem Details, RFC 9290: a CBOR map with the title of an error, or the option that is not understood.

use super::option::{OptionNumber, Options};
use super::uint;

/// RFC 9290 section 6.3: application/concise-problem-details+cbor.
pub const FORMAT: u16 = 257;

/// Bytes beside the text, at most.
pub const OVERHEAD: usize = 5;

// RFC 8949 section 3: major types in the high three bits.
const MAP_OF_ONE: u8 = 5 << 5 | 1;
const UNSIGNED: u8 = 0;
const TEXT: u8 = 3 << 5;
const ONE_BYTE_FOLLOWS: u8 = 24;
const TWO_BYTES_FOLLOW: u8 = 25;
/// RFC 9290 section 2: the key `title` is -1, as RFC 8949 encodes it.
const TITLE: u8 = 1 << 5;
/// RFC 9290 section 2: the key `unprocessed-coap-option` is -8.
const UNPROCESSED: u8 = 1 << 5 | 7;

/// A map of one value: what comes before a text, or all of a number. Gives its length.
fn head(key: u8, major: u8, value: u16, out: &mut [u8; OVERHEAD]) -> usize {
    let [high, low] = value.to_be_bytes();
    let (bytes, len) = match value {
        0..24 => ([major | low, 0, 0], 3),
        24..256 => ([major | ONE_BYTE_FOLLOWS, low, 0], 4),
        _ => ([major | TWO_BYTES_FOLLOW, high, low], 5),
    };
    let [first, second, third] = bytes;
    *out = [MAP_OF_ONE, key, first, second, third];
    len
}

/// Writes the problem details of an option that is not understood.
pub fn unprocessed(option: OptionNumber, out: &mut [u8; OVERHEAD]) -> &[u8] {
    let len = head(UNPROCESSED, UNSIGNED, option.0, out);
    out.get(..len).unwrap_or_default()
}

/// Writes the payload of an error: problem details if the request accepts them, else the text. Gives its
/// length, 0 for an empty text, and its Content-Format. `out` must hold [`OVERHEAD`] bytes more than the text.
pub fn write(mut request: Options<'_>, text: &[u8], out: &mut [u8]) -> (usize, Option<u16>) {
    let accept = request.find(|option| option.number == OptionNumber::ACCEPT);
    let accept = accept.and_then(|option| uint::decode(option.value));
    let details = accept == Some(u32::from(FORMAT)) && !text.is_empty();
    let mut head_bytes = [0; OVERHEAD];
    let head_len = match details {
        true => head(TITLE, TEXT, text.len() as u16, &mut head_bytes),
        false => 0,
    };
    let head = head_bytes.iter().take(head_len);
    let mut len = 0;
    for (to, from) in out.iter_mut().zip(head.chain(text)) {
        *to = *from;
        len += 1;
    }
    (len, details.then_some(FORMAT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(request: &[u8], text: &[u8]) -> (Vec<u8>, Option<u16>) {
        let mut out = vec![0; text.len() + OVERHEAD];
        let (len, format) = write(Options::new(request), text, &mut out);
        out.truncate(len);
        (out, format)
    }

    /// Accept: 257
    const ACCEPTS: &[u8] = &[0xD2, 4, 1, 1];

    #[test]
    fn text_goes_to_those_that_do_not_ask() {
        assert_eq!(
            written(&[], b"no such pump"),
            (b"no such pump".to_vec(), None)
        );
        assert_eq!(written(&[0xD1, 4, 50], b"x"), (b"x".to_vec(), None));
        assert_eq!(written(ACCEPTS, b""), (vec![], None));
    }

    #[test]
    fn options_that_are_not_understood_are_numbers() {
        for (option, encoded) in [
            (9, &[0xA1, 0x27, 9][..]),
            (65, &[0xA1, 0x27, 0x18, 65]),
            (2049, &[0xA1, 0x27, 0x19, 8, 1]),
        ] {
            let mut out = [0; OVERHEAD];
            assert_eq!(unprocessed(OptionNumber(option), &mut out), encoded);
        }
    }

    #[test]
    fn problem_details_are_cbor() {
        let (short, format) = written(ACCEPTS, b"abc");
        assert_eq!((&short[..], format), (&b"\xA1\x20\x63abc"[..], Some(257)));
        let (medium, _) = written(ACCEPTS, &[b'x'; 24]);
        assert_eq!(medium[..4], [0xA1, 0x20, 0x78, 24]);
        assert_eq!(medium.len(), 28);
        let (long, _) = written(ACCEPTS, &[b'x'; 256]);
        assert_eq!(long[..5], [0xA1, 0x20, 0x79, 1, 0]);
        assert_eq!(long.len(), 261);
    }
}
