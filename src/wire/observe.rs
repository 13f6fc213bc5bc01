// SPDX-License-Identifier: MIT
//! The value of the Observe option, RFC 7641 section 2, and the order of notifications (section 3.4).

use crate::time::Instant;

/// In a request: adds the client to the list of observers.
pub const REGISTER: u32 = 0;
/// In a request: removes it.
pub const DEREGISTER: u32 = 1;

/// RFC 7641 section 4.4: sequence numbers have 24 bits.
pub const SEQUENCE_MASK: u32 = 0xFF_FFFF;

/// RFC 7641 section 3.4: after so many milliseconds a notification is newer whatever its number.
const NEWER_AFTER_MS: u32 = 128_000;

/// Whether a notification with number `new`, received at `now`, is newer than the one with number `last`
/// that was received at `then`.
#[must_use]
pub fn is_newer(last: u32, then: Instant, new: u32, now: Instant) -> bool {
    // RFC 7641 section 3.4: (V1 < V2 and V2 - V1 < 2**23) or (V1 > V2 and V1 - V2 > 2**23) or
    // (T2 > T1 + 128 seconds)
    let ahead = new.wrapping_sub(last) & SEQUENCE_MASK;
    (ahead != 0 && ahead < 1 << 23) || now.since(then) > NEWER_AFTER_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_that_of_rfc_7641_section_3_4() {
        let start = Instant(u32::MAX - 10);
        for (last, new, newer) in [
            (1, 2, true),
            (2, 1, false),
            (2, 2, false),
            (0, (1 << 23) - 1, true),
            (0, 1 << 23, false),
            (0xFF_FFFF, 0, true),
            (0, 0xFF_FFFF, false),
            (0xFF_FFF0, 5, true),
        ] {
            assert_eq!(is_newer(last, start, new, start), newer, "{last} {new}");
        }
    }

    #[test]
    fn after_128_seconds_any_number_is_newer() {
        let start = Instant(u32::MAX - 10);
        assert!(!is_newer(9, start, 3, start.after(128_000)));
        assert!(is_newer(9, start, 3, start.after(128_001)));
    }
}
