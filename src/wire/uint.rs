// SPDX-License-Identifier: MIT
//! The `uint` option format, RFC 7252 section 3.2.

/// A number in network byte order and as few bytes as it needs: 0 to 4.
#[derive(Clone, Copy, Debug)]
pub struct Uint {
    bytes: [u8; 4],
    start: u8,
}

impl Uint {
    /// 0 to 4 bytes, the first of them not zero.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes
            .get(usize::from(self.start)..)
            .unwrap_or_default()
    }
}

/// The shortest encoding of `value`.
#[cfg_attr(target_os = "none", inline(never))]
pub fn encode(value: u32) -> Uint {
    // RFC 7252 section 3.2: the number 0 is represented with zero bytes; no leading zero bytes.
    // Counted, as few of the CPUs have an instruction for leading zeros.
    let bytes = value.to_be_bytes();
    let start = bytes.iter().take_while(|&&byte| byte == 0).count() as u8;
    Uint { bytes, start }
}

/// `None` when `bytes` is longer than four bytes.
pub fn decode(bytes: &[u8]) -> Option<u32> {
    if bytes.len() > 4 {
        return None;
    }
    // RFC 7252 section 3.2: a recipient must be prepared to process leading zero bytes.
    Some(
        bytes
            .iter()
            .fold(0, |value, &byte| value << 8 | u32::from(byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_is_the_shortest() {
        for (value, bytes) in [
            (0, &[][..]),
            (1, &[1]),
            (255, &[255]),
            (256, &[1, 0]),
            (65535, &[255, 255]),
            (65536, &[1, 0, 0]),
            (0xFF_FFFF, &[255, 255, 255]),
            (0x100_0000, &[1, 0, 0, 0]),
            (u32::MAX, &[255, 255, 255, 255]),
        ] {
            assert_eq!(encode(value).as_slice(), bytes);
            assert_eq!(decode(bytes), Some(value));
        }
    }

    #[test]
    fn leading_zeros_are_read() {
        assert_eq!(decode(&[0]), Some(0));
        assert_eq!(decode(&[0, 0, 0, 7]), Some(7));
        assert_eq!(decode(&[0, 0, 1, 0]), Some(256));
    }

    #[test]
    fn five_bytes_are_no_u32() {
        assert_eq!(decode(&[0, 0, 0, 0, 0]), None);
        assert_eq!(decode(&[1, 0, 0, 0, 0]), None);
    }
}
