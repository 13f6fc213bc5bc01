// SPDX-License-Identifier: MIT
//! Handles: what the core gives out instead of references.

use crate::time::Instant;

/// Names one slot of a [`SlotTable`], in one of its lives. Never 0 as a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Handle {
    index: u16,
    generation: u16,
}

impl Handle {
    /// The handle as one number, for the C ABI.
    #[must_use]
    pub fn to_u32(self) -> u32 {
        u32::from(self.generation) << 16 | u32::from(self.index)
    }

    /// The handle that [`Handle::to_u32`] gave. Any number is accepted; one that was never given
    /// out names nothing.
    #[must_use]
    pub fn from_u32(number: u32) -> Self {
        Self {
            index: number as u16,
            generation: (number >> 16) as u16,
        }
    }
}

struct Slot<T> {
    generation: u16,
    value: Option<T>,
}

/// A table of at most `N` values, named by handles that go stale when their value is removed.
///
/// A generation wraps after 65,535 lives of one slot, so a handle kept for that long may name a
/// later value.
pub struct SlotTable<T, const N: usize> {
    slots: [Slot<T>; N],
}

impl<T, const N: usize> Default for SlotTable<T, N> {
    fn default() -> Self {
        Self {
            slots: core::array::from_fn(|_| Slot {
                generation: 1,
                value: None,
            }),
        }
    }
}

impl<T, const N: usize> SlotTable<T, N> {
    /// Puts `value` into a free slot; gives it back when there is none.
    pub fn insert(&mut self, value: T) -> Result<Handle, T> {
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.value.is_none() {
                slot.value = Some(value);
                return Ok(Handle {
                    index: index as u16,
                    generation: slot.generation,
                });
            }
        }
        Err(value)
    }

    /// The value, unless the handle is stale.
    #[must_use]
    pub fn get(&self, handle: Handle) -> Option<&T> {
        let slot = self.slots.get(usize::from(handle.index))?;
        if slot.generation == handle.generation {
            slot.value.as_ref()
        } else {
            None
        }
    }

    /// The value, unless the handle is stale.
    pub fn get_mut(&mut self, handle: Handle) -> Option<&mut T> {
        let slot = self.slots.get_mut(usize::from(handle.index))?;
        if slot.generation == handle.generation {
            slot.value.as_mut()
        } else {
            None
        }
    }

    /// Takes the value out and makes its handle stale.
    pub fn remove(&mut self, handle: Handle) -> Option<T> {
        let slot = self.slots.get_mut(usize::from(handle.index))?;
        if slot.generation != handle.generation {
            return None;
        }
        let value = slot.value.take()?;
        // Generation 0 is left out so that no handle is the number 0.
        slot.generation = slot.generation.checked_add(1).unwrap_or(1);
        Some(value)
    }

    /// All values with their handles.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let handle = Handle {
                index: index as u16,
                generation: slot.generation,
            };
            slot.value.as_ref().map(|value| (handle, value))
        })
    }

    /// All values with their handles.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Handle, &mut T)> {
        self.slots
            .iter_mut()
            .enumerate()
            .filter_map(|(index, slot)| {
                let handle = Handle {
                    index: index as u16,
                    generation: slot.generation,
                };
                slot.value.as_mut().map(|value| (handle, value))
            })
    }

    /// The first value that fits.
    pub fn find(&self, fits: impl Fn(&T) -> bool) -> Option<Handle> {
        let (handle, _) = self.iter().find(|(_, value)| fits(value))?;
        Some(handle)
    }

    /// The value with the earliest instant, of those that have one.
    pub fn earliest(&self, instant: impl Fn(&T) -> Option<Instant>) -> Option<Handle> {
        let instants = self
            .iter()
            .filter_map(|(handle, value)| Some((handle, instant(value)?)));
        let (handle, _) = instants.reduce(|a, b| if b.1.is_before(a.1) { b } else { a })?;
        Some(handle)
    }

    /// Slots in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots
            .iter()
            .filter(|slot| slot.value.is_some())
            .count()
    }

    /// Whether no slot is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes every value; all handles go stale.
    pub fn clear(&mut self) {
        for slot in &mut self.slots {
            if slot.value.take().is_some() {
                slot.generation = slot.generation.checked_add(1).unwrap_or(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_value_leaves_a_stale_handle() {
        let mut table: SlotTable<u8, 2> = SlotTable::default();
        let first = table.insert(1).unwrap();
        assert_eq!(table.remove(first), Some(1));
        let second = table.insert(2).unwrap();
        assert_ne!(first, second);
        assert_eq!(table.get(first), None);
        assert_eq!(table.remove(first), None);
        assert_eq!(table.get(second), Some(&2));
    }

    #[test]
    fn a_full_table_gives_the_value_back() {
        let mut table: SlotTable<u8, 1> = SlotTable::default();
        table.insert(1).unwrap();
        assert_eq!(table.insert(2), Err(2));
    }

    #[test]
    fn no_handle_is_zero_and_numbers_round_trip() {
        let mut table: SlotTable<u8, 1> = SlotTable::default();
        for _ in 0..70_000 {
            let handle = table.insert(1).unwrap();
            assert_ne!(handle.to_u32(), 0);
            assert_eq!(Handle::from_u32(handle.to_u32()), handle);
            table.remove(handle).unwrap();
        }
    }

    #[test]
    fn the_earliest_is_found_across_the_wrap_of_the_clock() {
        let mut table: SlotTable<Option<Instant>, 4> = SlotTable::default();
        table.insert(None).unwrap();
        assert_eq!(table.earliest(|instant| *instant), None);
        table.insert(Some(Instant(5))).unwrap();
        let first = table.insert(Some(Instant(u32::MAX))).unwrap();
        table.insert(Some(Instant(0))).unwrap();
        assert_eq!(table.earliest(|instant| *instant), Some(first));
        assert_eq!(table.find(|i| *i == Some(Instant(u32::MAX))), Some(first));
    }

    #[test]
    fn made_up_handles_name_nothing() {
        let table: SlotTable<u8, 1> = SlotTable::default();
        assert_eq!(table.get(Handle::from_u32(0)), None);
        assert_eq!(table.get(Handle::from_u32(u32::MAX)), None);
    }
}
