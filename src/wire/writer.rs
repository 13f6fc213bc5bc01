// SPDX-License-Identifier: MIT
//! Appends bytes to a caller's slice and remembers whether they fitted.

/// Bytes beyond the end of `out` are counted but not written, so one check at the end is enough.
pub(crate) struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
    /// Bytes at the beginning that are counted, but not written.
    skip: usize,
}

impl<'a> Writer<'a> {
    /// Starts writing at offset `at` of `out`.
    pub(crate) fn new(out: &'a mut [u8], at: usize) -> Self {
        Writer { out, at, skip: 0 }
    }

    /// Writes what lies `skip` bytes behind the beginning, and only that.
    pub(crate) fn window(out: &'a mut [u8], skip: usize) -> Self {
        Writer { out, at: 0, skip }
    }

    // Never inlined: the callers would grow by more than the calls cost.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(crate) fn byte(&mut self, byte: u8) {
        if let Some(slot) = self.out.get_mut(self.at.wrapping_sub(self.skip)) {
            *slot = byte;
        }
        self.at += 1;
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.byte(byte);
        }
    }

    /// The bytes, at most 255, behind their number.
    pub(crate) fn counted(&mut self, bytes: &[u8]) {
        self.byte(bytes.len() as u8);
        self.bytes(bytes);
    }

    /// Decimal digits without leading zeros.
    pub(crate) fn decimal(&mut self, mut value: u16) {
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

    /// The offset after the last byte, whether it fitted or not.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// The offset after the last byte, or `None` when something did not fit.
    pub(crate) fn finish(&self) -> Option<usize> {
        (self.at <= self.out.len()).then_some(self.at)
    }
}
