// SPDX-License-Identifier: MIT
//! Any bytes as the value of a Block option, and as two sequence numbers.

use microcoapy::wire::block::{self, Block, NUM_MAX, SZX_MAX};
use microcoapy::wire::{observe, uint};
use microcoapy::{Instant, LONGEST};

/// RFC 7959 section 2.2, beside an encoding of its own.
pub fn block(data: &[u8]) {
    let value = match data {
        [a, b, c] => Some([0, *a, *b, *c]),
        [a, b] => Some([0, 0, *a, *b]),
        [a] => Some([0, 0, 0, *a]),
        [] => Some([0; 4]),
        _ => None,
    };
    let number = value.map(u32::from_be_bytes);
    let decoded = Block::decode(data);
    assert_eq!(
        decoded.is_some(),
        number.is_some_and(|number| number & 7 != 7)
    );
    if let Some((block, number)) = decoded.zip(number) {
        assert_eq!(block.encode(), number);
        assert!(block.num <= NUM_MAX && block.szx <= SZX_MAX);
        assert_eq!(Block::decode(uint::encode(number).as_slice()), Some(block));
        assert_eq!(block.size(), 1 << (block.szx + 4));
        assert_eq!(
            Block::at(block.offset(), block.more, block.szx),
            Some(block)
        );
    }
    at_offset(data);
}

fn at_offset(data: &[u8]) {
    let [szx, offset @ ..] = data else { return };
    let Some(offset) = uint::decode(offset) else {
        return;
    };
    match Block::at(offset, szx & 8 != 0, *szx) {
        Some(block) => assert_eq!((block.offset(), block.more), (offset, szx & 8 != 0)),
        None => {
            let size = block::size(*szx);
            assert!(!offset.is_multiple_of(size) || offset / size > NUM_MAX);
        }
    }
    match block::szx_within(offset) {
        Some(szx) => {
            let fits = |szx| block::size(szx) <= offset;
            assert!(fits(szx) && (szx == SZX_MAX || !fits(szx + 1)));
        }
        None => assert!(offset < 16),
    }
}

/// RFC 7641 section 3.4: of two numbers that come at once at most one is newer than the other.
pub fn observe(data: &[u8]) {
    let Some((numbers, rest)) = data.split_first_chunk::<12>() else {
        return;
    };
    let word = |at: usize| u32::from_be_bytes(*numbers[at..].first_chunk().unwrap());
    let (a, b) = (
        word(0) & observe::SEQUENCE_MASK,
        word(4) & observe::SEQUENCE_MASK,
    );
    let then = Instant(word(8));
    let newer = observe::is_newer(a, then, b, then);
    assert!(!(newer && observe::is_newer(b, then, a, then)));
    // RFC 7641 section 3.4, word by word.
    let (v1, v2) = (i64::from(a), i64::from(b));
    let half = 1 << 23;
    assert_eq!(
        newer,
        v1 < v2 && v2 - v1 < half || v1 > v2 && v1 - v2 > half
    );
    let Some(wait) = uint::decode(rest).map(|wait| wait.min(LONGEST)) else {
        return;
    };
    let later = observe::is_newer(a, then, b, then.after(wait));
    assert_eq!(later, newer || wait > 128_000);
}
