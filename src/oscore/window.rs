// SPDX-License-Identifier: MIT
//! The replay window, RFC 8613 section 7.4.

use super::piv::PartialIv;

/// Partial IVs, the highest one among them, that are told apart.
pub const WINDOW: u64 = 64;
const BYTES: usize = WINDOW as usize / 8;

/// Which Partial IVs of the peer have been received.
#[derive(Clone, Copy, Debug)]
pub struct ReplayWindow {
    /// The highest one, or 0.
    highest: u64,
    /// The bit of a number of the window: whether it has been received. It is that of the number modulo [`WINDOW`]: nothing
    /// is shifted.
    seen: [u8; BYTES],
}

/// Where the bit of a number is.
fn place(number: u64) -> (usize, u8) {
    let bit = number as usize % WINDOW as usize;
    (bit / 8, 1 << (bit % 8))
}

impl ReplayWindow {
    /// Nothing has been received.
    pub const NEW: Self = Self {
        highest: 0,
        seen: [0; BYTES],
    };

    /// Nothing is new but what comes after this one, RFC 8613 appendix B.1.2.
    #[must_use]
    pub fn after(piv: PartialIv) -> Self {
        Self {
            highest: piv.number(),
            seen: [u8::MAX; BYTES],
        }
    }

    /// Whether the Partial IV has not been received, as far as that is known.
    #[must_use]
    pub fn is_new(&self, piv: PartialIv) -> bool {
        let number = piv.number();
        let (byte, bit) = place(number);
        let is_seen = self.seen.get(byte).is_some_and(|seen| seen & bit != 0);
        number > self.highest || self.highest - number < WINDOW && !is_seen
    }

    /// The same, with this one received.
    #[must_use]
    pub fn with(mut self, piv: PartialIv) -> Self {
        let number = piv.number();
        // The numbers between are new ones of the window.
        let skipped = number.saturating_sub(self.highest).min(WINDOW);
        for ahead in 0..skipped {
            self.set(number - ahead, false);
        }
        self.highest = self.highest.max(number);
        if self.highest - number < WINDOW {
            self.set(number, true);
        }
        self
    }

    fn set(&mut self, number: u64, is_seen: bool) {
        let (byte, bit) = place(number);
        if let Some(seen) = self.seen.get_mut(byte) {
            *seen = *seen & !bit | if is_seen { bit } else { 0 };
        }
    }
}
