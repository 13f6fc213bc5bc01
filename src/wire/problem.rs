// SPDX-License-Identifier: MIT
//! Concise Problem Details, RFC 9290: a CBOR map with the title of an error.

use super::option::{OptionNumber, Options};
use super::uint;

/// RFC 9290 section 6.3: application/concise-problem-details+cbor.
pub const FORMAT: u16 = 257;

/// Bytes beside the text, at most.
pub const OVERHEAD: usize = 5;

// RFC 8949 section 3: major types in the high three bits.
const MAP_OF_ONE: u8 = 5 << 5 | 1;
const TEXT: u8 = 3 << 5;
const ONE_BYTE_FOLLOWS: u8 = 24;
const TWO_BYTES_FOLLOW: u8 = 25;
/// RFC 9290 section 2: the key `title` is -1, as RFC 8949 encodes it.
const TITLE: u8 = 1 << 5;

/// Writes the payload of an error: problem details if the request accepts them, else the text. Gives its
/// length, 0 for an empty text, and its Content-Format. `out` must hold [`OVERHEAD`] bytes more than the text.
pub fn write(mut request: Options<'_>, text: &[u8], out: &mut [u8]) -> (usize, Option<u16>) {
    let accept = request.find(|option| option.number == OptionNumber::ACCEPT);
    let accept = accept.and_then(|option| uint::decode(option.value));
    let details = accept == Some(u32::from(FORMAT)) && !text.is_empty();
    let [high, low] = (text.len() as u16).to_be_bytes();
    let head: &[u8] = match text.len() {
        _ if !details => &[],
        0..24 => &[MAP_OF_ONE, TITLE, TEXT | low],
        24..256 => &[MAP_OF_ONE, TITLE, TEXT | ONE_BYTE_FOLLOWS, low],
        _ => &[MAP_OF_ONE, TITLE, TEXT | TWO_BYTES_FOLLOW, high, low],
    };
    let mut len = 0;
    for (to, from) in out.iter_mut().zip(head.iter().chain(text)) {
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
