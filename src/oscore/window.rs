// SPDX-License-Identifier: MIT
//! The replay window, RFC 8613 section 7.4.

use super::piv::PartialIv;

/// Partial IVs below the highest one that are told apart.
pub const WINDOW: u64 = 64;

/// Which Partial IVs of the peer have been received.
#[derive(Clone, Copy, Debug)]
pub struct ReplayWindow {
    highest: u64,
    /// Bit n: `highest - n` has been received.
    seen: u64,
}

impl ReplayWindow {
    /// Nothing has been received.
    pub const NEW: Self = Self {
        highest: 0,
        seen: 0,
    };

    /// Nothing is new but what comes after this one, RFC 8613 appendix B.1.2.
    #[must_use]
    pub fn after(piv: PartialIv) -> Self {
        Self {
            highest: piv.number(),
            seen: u64::MAX,
        }
    }

    /// Whether the Partial IV has not been received, as far as that is known.
    #[must_use]
    pub fn is_new(&self, piv: PartialIv) -> bool {
        match self.highest.checked_sub(piv.number()) {
            None => true,
            Some(age) => age < WINDOW && self.seen >> age & 1 == 0,
        }
    }

    /// The same, with this one received.
    #[must_use]
    pub fn with(self, piv: PartialIv) -> Self {
        let number = piv.number();
        match number.checked_sub(self.highest) {
            Some(ahead) => Self {
                highest: number,
                seen: self.seen.checked_shl(ahead.min(WINDOW) as u32).unwrap_or(0) | 1,
            },
            None => Self {
                seen: self.seen
                    | 1_u64
                        .checked_shl((self.highest - number).min(WINDOW) as u32)
                        .unwrap_or(0),
                ..self
            },
        }
    }
}
