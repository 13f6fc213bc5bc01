// SPDX-License-Identifier: MIT
//! Handles: what the core gives out instead of references.

use crate::list;
use crate::message::peer::PeerId;
use crate::time::Instant;
use core::num::NonZeroU32;
use heapless::Vec;

/// Names one value of a [`Table`] during its life. Never 0 as a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(transparent)]
pub struct Handle(NonZeroU32);

impl Handle {
    /// The handle as one number, for the C ABI.
    #[must_use]
    pub fn to_u32(self) -> u32 {
        self.0.get()
    }

    /// The handle that [`Handle::to_u32`] gave; `None` for 0. Any other number is accepted; one that
    /// was never given out names nothing.
    #[must_use]
    pub fn from_u32(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }
}

/// In a table for fewer values all are looked at: that is shorter.
const SEARCHED_FROM: usize = 32;

#[derive(Clone, Copy)]
struct Entry<T> {
    handle: Handle,
    value: T,
}

/// At most `N` values, oldest first, named by handles that go stale when their value is removed.
///
/// Handles are numbers in sequence: one kept while 2^31 values come and go may name a later value, or none.
pub struct Table<T, const N: usize> {
    entries: Vec<Entry<T>, N>,
    last: Option<Handle>,
}

impl<T, const N: usize> Default for Table<T, N> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            last: None,
        }
    }
}

/// A value that belongs to a peer.
pub trait OfPeer {
    /// Whom it belongs to.
    fn peer(&self) -> PeerId;
}

impl<T: Copy + OfPeer, const N: usize> Table<T, N> {
    /// Whether a value belongs to the peer.
    #[must_use]
    pub fn refers_to(&self, peer: PeerId) -> bool {
        self.iter().any(|(_, value)| value.peer() == peer)
    }
}

impl<T: Copy, const N: usize> Table<T, N> {
    /// Bytes that each value takes.
    #[cfg(test)]
    pub const ENTRY_LEN: usize = size_of::<Entry<T>>();

    // Of a table without room there is no code: the compiler does not know that its length stays 0.
    fn entries(&self) -> &[Entry<T>] {
        if N == 0 { &[] } else { &self.entries }
    }

    fn entries_mut(&mut self) -> &mut [Entry<T>] {
        if N == 0 { &mut [] } else { &mut self.entries }
    }

    /// Adds a value. `None`: no room.
    pub fn insert(&mut self, value: T) -> Option<Handle> {
        let last = self.last.map_or(0, Handle::to_u32);
        let handle = Handle(NonZeroU32::new(last.wrapping_add(1)).unwrap_or(NonZeroU32::MIN));
        self.entries.push(Entry { handle, value }).ok()?;
        self.last = Some(handle);
        Some(handle)
    }

    fn position(&self, handle: Handle) -> Option<usize> {
        let entries = self.entries();
        if N < SEARCHED_FROM {
            return entries.iter().position(|entry| entry.handle == handle);
        }
        let first = entries.first()?.handle.to_u32();
        let age = |handle: Handle| handle.to_u32().wrapping_sub(first);
        let found = entries.binary_search_by_key(&age(handle), |entry| age(entry.handle));
        found.ok()
    }

    /// The value, unless the handle is stale.
    #[must_use]
    pub fn get(&self, handle: Handle) -> Option<&T> {
        let mut entries = self.entries().iter();
        let entry = if N < SEARCHED_FROM {
            entries.find(|entry| entry.handle == handle)
        } else {
            entries.nth(self.position(handle)?)
        };
        Some(&entry?.value)
    }

    /// The value, unless the handle is stale.
    pub fn get_mut(&mut self, handle: Handle) -> Option<&mut T> {
        let position = (N >= SEARCHED_FROM).then(|| self.position(handle));
        let mut entries = self.entries_mut().iter_mut();
        let entry = match position {
            None => entries.find(|entry| entry.handle == handle),
            Some(position) => entries.nth(position?),
        };
        Some(&mut entry?.value)
    }

    /// Takes the value out and makes its handle stale. False: it was stale already.
    pub fn remove(&mut self, handle: Handle) -> bool {
        let index = self.position(handle);
        index.is_some_and(|index| list::remove(&mut self.entries, index).is_some())
    }

    /// All values with their handles, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, &T)> {
        let entries = self.entries().iter();
        entries.map(|entry| (entry.handle, &entry.value))
    }

    /// All values with their handles, oldest first.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Handle, &mut T)> {
        let entries = self.entries_mut().iter_mut();
        entries.map(|entry| (entry.handle, &mut entry.value))
    }

    /// The oldest value that fits.
    pub fn find(&self, fits: impl Fn(&T) -> bool) -> Option<Handle> {
        let (handle, _) = self.iter().find(|(_, value)| fits(value))?;
        Some(handle)
    }

    /// The value with the earliest instant, of those that have one.
    pub fn earliest(&self, instant: impl Fn(Handle, &T) -> Option<Instant>) -> Option<Handle> {
        let instants = self
            .iter()
            .filter_map(|(handle, value)| Some((handle, instant(handle, value)?)));
        let (handle, _) = instants.reduce(|a, b| if b.1.is_before(a.1) { b } else { a })?;
        Some(handle)
    }

    /// Values in the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether there is no room left.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.entries.is_full()
    }

    /// Removes every value; all handles go stale.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_value_leaves_a_stale_handle() {
        let mut table: Table<u8, 2> = Table::default();
        let first = table.insert(1).unwrap();
        assert!(table.remove(first));
        let second = table.insert(2).unwrap();
        assert_ne!(first, second);
        assert_eq!(table.get(first), None);
        assert!(!table.remove(first));
        assert_eq!(table.get(second), Some(&2));
    }

    #[test]
    fn a_large_table_finds_what_a_small_one_finds() {
        let mut jitter = crate::rng::Jitter::default();
        jitter.seed(crate::seed::of_test() as u32);
        let mut table: Table<u32, 64> = Table {
            last: Handle::from_u32(u32::MAX - 300),
            ..Table::default()
        };
        let mut known = std::vec::Vec::new();
        for n in 0..1000 {
            if jitter.up_to(99) < 60
                && let Some(handle) = table.insert(n)
            {
                known.push((handle, n));
            } else if !known.is_empty() {
                let at = jitter.up_to(known.len() as u32 - 1) as usize;
                let (gone, _) = known.remove(at);
                assert!(table.remove(gone) && !table.remove(gone));
                assert_eq!(table.get(gone), None);
            }
            for (handle, n) in &mut known {
                assert_eq!(table.get_mut(*handle), Some(n));
            }
        }
        assert!(known.len() > 32);
    }

    #[test]
    fn a_full_table_takes_nothing() {
        let mut table: Table<u8, 1> = Table::default();
        table.insert(1).unwrap();
        assert_eq!(table.insert(2), None);
    }

    #[test]
    fn no_handle_is_zero_and_numbers_round_trip() {
        let mut table: Table<u8, 1> = Table {
            last: Handle::from_u32(u32::MAX - 5),
            ..Table::default()
        };
        for _ in 0..10 {
            let handle = table.insert(1).unwrap();
            assert_ne!(handle.to_u32(), 0);
            assert_eq!(Handle::from_u32(handle.to_u32()), Some(handle));
            assert!(table.remove(handle));
        }
    }

    #[test]
    fn the_earliest_is_found_across_the_wrap_of_the_clock() {
        let mut table: Table<Option<Instant>, 4> = Table::default();
        table.insert(None).unwrap();
        assert_eq!(table.earliest(|_, instant| *instant), None);
        table.insert(Some(Instant(5))).unwrap();
        let first = table.insert(Some(Instant(u32::MAX))).unwrap();
        table.insert(Some(Instant(0))).unwrap();
        assert_eq!(table.earliest(|_, instant| *instant), Some(first));
        assert_eq!(table.find(|i| *i == Some(Instant(u32::MAX))), Some(first));
    }

    #[test]
    fn made_up_handles_name_nothing() {
        let table: Table<u8, 1> = Table::default();
        assert_eq!(Handle::from_u32(0), None);
        assert_eq!(table.get(Handle::from_u32(7).unwrap()), None);
    }
}
