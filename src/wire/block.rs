// SPDX-License-Identifier: MIT
//! The value of a Block1 or Block2 option, RFC 7959 section 2.2.

use super::uint;

/// RFC 7959 section 2.2: SZX 7 is reserved.
pub const SZX_MAX: u8 = 6;
/// RFC 7959 section 2.2: NUM has up to 20 bits.
pub const NUM_MAX: u32 = (1 << 20) - 1;

/// Which block, of which size, and whether others follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// NUM: the block's number, at most [`NUM_MAX`].
    pub num: u32,
    /// M: the body goes on after this block.
    pub more: bool,
    /// SZX: the block holds `2 ** (SZX + 4)` bytes; at most [`SZX_MAX`].
    pub szx: u8,
}

impl Block {
    /// The block of that size that starts `offset` bytes into the body. `None`: there is none, because the
    /// offset is no multiple of the size or too large.
    #[must_use]
    pub fn at(offset: u32, more: bool, szx: u8) -> Option<Self> {
        let szx = szx.min(SZX_MAX);
        let num = offset >> (szx + 4);
        (num << (szx + 4) == offset && num <= NUM_MAX).then_some(Self { num, more, szx })
    }

    /// `None`: more than three bytes, or the reserved size.
    #[must_use]
    pub fn decode(value: &[u8]) -> Option<Self> {
        let number = uint::decode(value).filter(|_| value.len() <= 3)?;
        let szx = (number & 7) as u8;
        (szx <= SZX_MAX).then_some(Self {
            num: number >> 4,
            more: number & 8 != 0,
            szx,
        })
    }

    /// The option's value as a number; below 2^24.
    #[must_use]
    pub fn encode(self) -> u32 {
        self.num << 4 | u32::from(self.more) << 3 | u32::from(self.szx)
    }

    /// Bytes of a full block, 16 to 1024.
    #[must_use]
    pub fn size(self) -> u32 {
        size(self.szx)
    }

    /// Where in the body the block starts, bytes; below 2^30.
    #[must_use]
    pub fn offset(self) -> u32 {
        self.num << (self.szx + 4)
    }
}

/// Bytes of a block with that SZX, 16 to 1024.
#[must_use]
pub fn size(szx: u8) -> u32 {
    16 << szx.min(SZX_MAX)
}

/// The SZX of the largest block of at most `bytes` bytes; `None` below 16.
#[must_use]
pub fn szx_within(bytes: u32) -> Option<u8> {
    (0..=SZX_MAX).rev().find(|&szx| size(szx) <= bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_rfc_7959_section_2_2() {
        for (value, num, more, szx) in [
            (&[][..], 0, false, 0),
            (&[0x06], 0, false, 6),
            (&[0x0E], 0, true, 6),
            (&[0x12], 1, false, 2),
            (&[0x3A], 3, true, 2),
            (&[0x01, 0x0D], 16, true, 5),
            (&[0xFF, 0xFF, 0xFE], NUM_MAX, true, 6),
        ] {
            let block = Block::decode(value).unwrap();
            assert_eq!(block, Block { num, more, szx });
            assert_eq!(uint::encode(block.encode()).as_slice(), value);
        }
    }

    #[test]
    fn the_reserved_size_and_long_values_are_refused() {
        for value in [&[0x07][..], &[0x0F], &[0xFF, 0xFF, 0xFF], &[0, 0, 0, 6]] {
            assert_eq!(Block::decode(value), None, "{value:?}");
        }
        assert!(Block::decode(&[0, 0, 6]).is_some(), "leading zeros");
    }

    #[test]
    fn a_block_lies_at_a_multiple_of_its_size() {
        let block = Block::at(3 * 128, true, 3).unwrap();
        assert_eq!((block.num, block.size(), block.offset()), (3, 128, 384));
        assert_eq!(Block::at(100, true, 3), None);
        let last = Block::at(NUM_MAX << 10, false, 6).unwrap();
        assert_eq!((last.num, last.offset()), (NUM_MAX, 0x3FFF_FC00));
        assert_eq!(Block::at(0x4000_0000, false, 6), None);
        assert_eq!(Block::at((NUM_MAX + 1) << 4, false, 0), None);
    }

    #[test]
    fn the_largest_size_that_fits() {
        for (bytes, szx) in [
            (0, None),
            (15, None),
            (16, Some(0)),
            (31, Some(0)),
            (1023, Some(5)),
            (1024, Some(6)),
            (u32::MAX, Some(6)),
        ] {
            assert_eq!(szx_within(bytes), szx);
        }
    }
}
