// SPDX-License-Identifier: MIT
//! Instants of a wrapping millisecond clock.

/// A moment on the caller's clock, milliseconds, wrapping at 2^32 (about 49.7 days).
///
/// Two instants compare correctly while they are less than 2^31 ms (24.8 days) apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Instant(pub u32);

/// The longest time that may lie between two instants that are compared, milliseconds.
pub const LONGEST: u32 = i32::MAX as u32;

impl Instant {
    /// This instant, `milliseconds` later. At most [`LONGEST`].
    #[must_use]
    pub fn after(self, milliseconds: u32) -> Self {
        Self(self.0.wrapping_add(milliseconds.min(LONGEST)))
    }

    /// Whether this instant has come at `now`.
    #[must_use]
    pub fn is_due(self, now: Self) -> bool {
        now.0.wrapping_sub(self.0) <= LONGEST
    }

    /// Whether this instant lies before `other`.
    #[must_use]
    pub fn is_before(self, other: Self) -> bool {
        self != other && self.is_due(other)
    }

    /// This instant, or `now` when it has come.
    #[must_use]
    pub fn or_now(self, now: Self) -> Self {
        if self.is_due(now) { now } else { self }
    }

    /// Milliseconds from `now` until this instant, 0 when it has come.
    #[must_use]
    pub fn remaining(self, now: Self) -> u32 {
        if self.is_due(now) {
            0
        } else {
            self.0.wrapping_sub(now.0)
        }
    }

    /// Milliseconds from `earlier` until this instant, 0 when `earlier` is in fact later.
    #[must_use]
    pub fn since(self, earlier: Self) -> u32 {
        earlier.remaining_to(self)
    }

    fn remaining_to(self, later: Self) -> u32 {
        if self.is_due(later) {
            later.0.wrapping_sub(self.0)
        } else {
            0
        }
    }
}

/// The earlier of two optional instants.
#[must_use]
pub fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.is_before(a) { b } else { a }),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_exactly_at_the_instant() {
        assert!(!Instant(10).is_due(Instant(9)));
        assert!(Instant(10).is_due(Instant(10)));
        assert!(Instant(10).is_due(Instant(11)));
    }

    #[test]
    fn wraps_around_zero() {
        let before = Instant(u32::MAX - 5);
        let later = before.after(10);
        assert_eq!(later, Instant(4));
        assert!(!later.is_due(before));
        assert!(before.is_due(later));
        assert_eq!(later.remaining(before), 10);
        assert_eq!(later.since(before), 10);
        assert_eq!(before.since(later), 0);
    }

    #[test]
    fn earliest_of_two() {
        let (a, b) = (Some(Instant(u32::MAX)), Some(Instant(3)));
        assert_eq!(earliest(a, b), a);
        assert_eq!(earliest(b, a), a);
        assert_eq!(earliest(None, b), b);
        assert_eq!(earliest(None, None), None);
    }
}
