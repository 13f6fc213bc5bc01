// SPDX-License-Identifier: MIT
//! Finding the places of large tables by a hash of what is there. Small tables are walked: that is shorter.

/// Places that can be told apart: a power of two.
pub const NUMBERS: usize = 1 << 15;

/// Tables of fewer places have no index.
const INDEXED_FROM: usize = 32;

/// Slots that the index of a table has: at least twice as many as places, a power of two; 0: none, it is walked.
#[must_use]
pub const fn slots(places: usize) -> usize {
    if places < INDEXED_FROM {
        0
    } else {
        (2 * places).next_power_of_two()
    }
}

/// A hash table of places, with linear probing. What is at a place, and what it hashes to, the owner of the table says.
#[derive(Debug)]
pub struct Index<const SLOTS: usize> {
    /// A place plus 1; 0: free.
    slots: [u16; SLOTS],
}

impl<const SLOTS: usize> Default for Index<SLOTS> {
    fn default() -> Self {
        Self { slots: [0; SLOTS] }
    }
}

impl<const SLOTS: usize> Index<SLOTS> {
    /// Whether there is an index; without, the other functions do nothing.
    #[must_use]
    pub const fn exists() -> bool {
        SLOTS != 0
    }

    /// The slots where something with this hash can be, in order.
    fn probe(hash: u32) -> impl Iterator<Item = usize> {
        // Only the highest bits of a product depend on all bits.
        let bits = SLOTS.trailing_zeros().clamp(1, 32);
        let home = (hash.wrapping_mul(0x9E37_79B1) >> (32 - bits)) as usize;
        (home..home + SLOTS).map(|slot| slot & SLOTS.wrapping_sub(1))
    }

    fn place(&self, slot: usize) -> Option<usize> {
        let place = self.slots.get(slot).copied().unwrap_or(0);
        usize::from(place).checked_sub(1)
    }

    fn set(&mut self, slot: usize, place: Option<usize>) {
        if let Some(slot) = self.slots.get_mut(slot) {
            *slot = place.map_or(0, |place| place as u16 + 1);
        }
    }

    /// The place with this hash that fits.
    #[must_use]
    pub fn find(&self, hash: u32, fits: impl Fn(usize) -> bool) -> Option<usize> {
        for slot in Self::probe(hash) {
            let place = self.place(slot)?;
            if fits(place) {
                return Some(place);
            }
        }
        None
    }

    /// Adds a place.
    pub fn insert(&mut self, hash: u32, place: usize) {
        if let Some(slot) = Self::probe(hash).find(|&slot| self.place(slot).is_none()) {
            self.set(slot, Some(place));
        }
    }

    /// Takes a place out. `hash_of`: what is at the others.
    pub fn remove(&mut self, hash: u32, place: usize, hash_of: impl Fn(usize) -> u32) {
        let Some(found) = Self::probe(hash).find(|&slot| self.place(slot) == Some(place)) else {
            return;
        };
        self.set(found, None);
        // What follows without a gap may have been put there because its own slot was taken.
        let mut slot = found;
        loop {
            slot = (slot + 1) & SLOTS.wrapping_sub(1);
            let Some(follower) = self.place(slot) else {
                return;
            };
            self.set(slot, None);
            self.insert(hash_of(follower), follower);
        }
    }

    /// Takes all places out.
    pub fn clear(&mut self) {
        self.slots = [0; SLOTS];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn what_is_in_is_found_and_what_is_not_is_not() {
        let mut jitter = crate::rng::Jitter::default();
        jitter.seed(crate::seed::of_test() as u32);
        let mut index: Index<{ slots(100) }> = Index::default();
        // Few hashes, so that many are the same.
        let mut hashes: HashMap<usize, u32> = HashMap::new();
        for _ in 0..20_000 {
            let (place, hash) = (jitter.up_to(99) as usize, jitter.up_to(19));
            match hashes.remove(&place) {
                Some(old) => index.remove(old, place, |other| hashes[&other]),
                None => {
                    hashes.insert(place, hash);
                    index.insert(hash, place);
                }
            }
            let asked = jitter.up_to(99) as usize;
            match hashes.get(&asked) {
                Some(&hash) => assert_eq!(index.find(hash, |place| place == asked), Some(asked)),
                None => {
                    assert!((0..20).all(|hash| index.find(hash, |p| p == asked).is_none()));
                }
            }
        }
        index.clear();
        assert_eq!(
            index.find(hashes.values().copied().next().unwrap(), |_| true),
            None
        );
    }

    #[test]
    fn small_tables_have_none() {
        assert_eq!(
            (slots(8), slots(31), slots(64), slots(1000)),
            (0, 0, 128, 2048)
        );
        let mut index: Index<{ slots(8) }> = Index::default();
        assert!(!Index::<{ slots(8) }>::exists() && Index::<{ slots(64) }>::exists());
        index.insert(1, 1);
        assert_eq!(index.find(1, |_| true), None);
        index.remove(1, 1, |_| 1);
    }
}
