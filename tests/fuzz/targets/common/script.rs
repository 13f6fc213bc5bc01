// SPDX-License-Identifier: MIT
//! The fuzzer's input, read as a script.

/// The rest of the script; zeros once it is over.
pub struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub fn new(input: &'a [u8]) -> Self {
        Script(input)
    }

    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    /// A length, then that many bytes.
    pub fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte()).min(self.0.len());
        self.0.split_off(..len).unwrap_or_default()
    }

    /// One of the list, counted from its end: 0 is what was added last.
    pub fn pick<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        let back = usize::from(self.byte()).checked_rem(list.len())?;
        list.get(list.len() - 1 - back).cloned()
    }
}
