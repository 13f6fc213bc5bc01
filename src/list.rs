// SPDX-License-Identifier: MIT
//! Moving values within slices, without a path that panics.

use crate::config::STORED_MESSAGES;
use core::cell::Cell;
use heapless::Vec;

/// Takes out the value at `index`; the later ones move down. `None`: there is none.
pub fn remove<T: Copy, const N: usize>(list: &mut Vec<T, N>, index: usize) -> Option<T> {
    let rest = list.get_mut(index..)?;
    let value = *rest.first()?;
    rest.copy_within(1.., 0);
    list.pop();
    Some(value)
}

/// Moves everything down by `count` places; the first values go, the last stay where they are, too.
pub fn move_down<T: Copy>(values: &mut [T], count: usize) {
    let cells = Cell::from_mut(values).as_slice_of_cells();
    for (to, from) in cells.iter().zip(cells.iter().skip(count)) {
        to.set(from.get());
    }
}

/// Bytes that [`move_bytes_down`] moves at once: more where the store, and the stack, is large.
const CHUNK: usize = if STORED_MESSAGES < 100 { 32 } else { 256 };

/// The same for many bytes: several at once. (`copy_within` has paths that panic.)
pub fn move_bytes_down(bytes: &mut [u8], count: usize) {
    let mut rest = bytes;
    while let Some(&chunk) = rest.get(count..).and_then(<[u8]>::first_chunk::<CHUNK>) {
        let Some((to, later)) = rest.split_first_chunk_mut::<CHUNK>() else {
            return;
        };
        *to = chunk;
        rest = later;
    }
    move_down(rest, count);
}

/// Moves everything up by `count` places; the last values go, the first stay where they are, too.
pub fn move_up<T: Copy>(values: &mut [T], count: usize) {
    let cells = Cell::from_mut(values).as_slice_of_cells();
    for (to, from) in cells.iter().rev().zip(cells.iter().rev().skip(count)) {
        to.set(from.get());
    }
}

/// Moves the first `count` values behind the others.
pub fn rotate_down<T: Copy>(values: &mut [T], count: usize) {
    if let Some((first, rest)) = values.split_at_mut_checked(count) {
        reverse(first);
        reverse(rest);
        reverse(values);
    }
}

fn reverse<T: Copy>(values: &mut [T]) {
    let cells = Cell::from_mut(values).as_slice_of_cells();
    for (a, b) in cells.iter().zip(cells.iter().rev()).take(cells.len() / 2) {
        // Cell::swap has a path that panics.
        let first = a.replace(b.get());
        b.set(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_move_down_in_chunks() {
        let values: std::vec::Vec<u8> = (0..4 * CHUNK).map(|n| (n % 251) as u8).collect();
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 4 * CHUNK] {
            for count in [0, 1, 5, CHUNK, CHUNK + 7, 3 * CHUNK - 9, 5 * CHUNK] {
                let (mut one, mut other) = (values.clone(), values.clone());
                move_bytes_down(&mut one[..len], count);
                move_down(&mut other[..len], count);
                assert_eq!(one, other, "{count} of {len}");
            }
        }
    }

    #[test]
    fn removing_keeps_the_order() {
        let mut list: Vec<u8, 4> = Vec::from_slice(&[1, 2, 3, 4]).unwrap();
        assert_eq!(remove(&mut list, 4), None);
        assert_eq!(remove(&mut list, 1), Some(2));
        assert_eq!(remove(&mut list, 2), Some(4));
        assert_eq!(list, [1, 3]);
        assert_eq!(remove(&mut list, usize::MAX), None);
    }

    #[test]
    fn values_move_over_each_other() {
        let mut values = [1, 2, 3, 4, 5];
        move_down(&mut values, 2);
        assert_eq!(values, [3, 4, 5, 4, 5]);
        move_up(&mut values, 1);
        assert_eq!(values, [3, 3, 4, 5, 4]);
        move_up(&mut values, 9);
        move_down(&mut values, 9);
        assert_eq!(values, [3, 3, 4, 5, 4]);
    }
}
