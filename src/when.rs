// SPDX-License-Identifier: MIT
//! Fields that only builds with a feature have.

use core::fmt::Debug;

/// A value when `N` is 1, and no bytes at all when `N` is 0. Reading it then gives the default, writing
/// it does nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct When<const N: usize, T>([T; N]);

impl<const N: usize, T: Copy> Default for When<N, T>
where
    T: Default,
{
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<const N: usize, T: Copy + Default> When<N, T> {
    /// Holds the value, if it holds any.
    pub fn new(value: T) -> Self {
        Self([value; N])
    }

    /// The value, or the default.
    #[must_use]
    pub fn get(&self) -> T {
        self.0.first().copied().unwrap_or_default()
    }

    /// Replaces the value.
    pub fn set(&mut self, value: T) {
        if let Some(place) = self.0.first_mut() {
            *place = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_takes_its_bytes_or_none() {
        let mut with: When<1, u32> = When::new(7);
        assert_eq!((with.get(), size_of_val(&with)), (7, 4));
        with.set(8);
        assert_eq!(with.get(), 8);
        let mut without: When<0, u32> = When::new(7);
        assert_eq!((without.get(), size_of_val(&without)), (0, 0));
        without.set(8);
        assert_eq!(without.get(), 0);
    }
}
