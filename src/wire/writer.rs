// SPDX-License-Identifier: MIT
//! Appends bytes to a caller's slice and remembers whether they fitted.

/// Bytes beyond the end of `out` are counted but not written, so one check at the end is enough.
pub(super) struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
}

impl<'a> Writer<'a> {
    /// Starts writing at offset `at` of `out`.
    pub(super) fn new(out: &'a mut [u8], at: usize) -> Self {
        Writer { out, at }
    }

    // Never inlined: the callers would grow by more than the calls cost.
    #[inline(never)]
    pub(super) fn byte(&mut self, byte: u8) {
        if let Some(slot) = self.out.get_mut(self.at) {
            *slot = byte;
        }
        self.at += 1;
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.byte(byte);
        }
    }

    /// Decimal digits without leading zeros.
    pub(super) fn decimal(&mut self, mut value: u16) {
        let mut started = false;
        for unit in [10_000u16, 1_000, 100, 10, 1] {
            let mut digit = b'0';
            while let Some(rest) = value.checked_sub(unit) {
                value = rest;
                digit += 1;
            }
            if started || digit != b'0' || unit == 1 {
                started = true;
                self.byte(digit);
            }
        }
    }

    /// The offset after the last byte, or `None` when something did not fit.
    pub(super) fn finish(&self) -> Option<usize> {
        (self.at <= self.out.len()).then_some(self.at)
    }
}
