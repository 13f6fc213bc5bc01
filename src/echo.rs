// SPDX-License-Identifier: MIT
//! Values of the Echo option that a server recognises without having kept them.
//!
//! RFC 9175 appendix A item 2, 'Integrity-Protected Timestamp': the time stamp, and a MAC over it
//! and, as section 2.3 asks for when a client shows that it is reachable, the client's address.
//!
//! The MAC has 64 bits, as in that appendix: its length is all that stands against blind guessing,
//! and 64 bits are the level that section 5 names. With 32 bits, a message would be four bytes
//! shorter, but 1,000 guesses a second in a victim's name would have one accepted every 50 days.
//!
//! HMAC-SHA-256, which the appendix recommends, takes 288 bytes of constants alone. HalfSipHash is
//! expected to be as strong as its key is long: who sees one value finds the key by 2^64 trials.
//! That is enough against amplification (section 2.4 item 3); freshness of requests takes a
//! security layer in any case (section 2.3).
//!
//! The time stamp can be read by all, and tells how long the clock has run (section 6).

use crate::mac::{HalfSipHash, same};
use crate::time::Instant;

/// Bytes of a value: the time stamp's 4, the MAC's 8. RFC 9175 section 2.2.1 allows 1 to 40.
pub const ECHO_LEN: usize = 12;

/// What a secret is derived for.
#[derive(Clone, Copy)]
pub enum Purpose {
    /// To add to message ids.
    MessageIds,
    /// To be the next key.
    Renewal,
}

/// The secret by which a server knows its own values: 8 bytes. All zeros: not set yet.
///
/// To be drawn anew when the clock starts anew (RFC 9175 appendix A), and once in 2^32 milliseconds
/// (49.7 days): a value is fresh again when the clock has wrapped around to its time stamp.
#[derive(Clone, Copy, Default)]
#[repr(align(4))] // read by words
pub struct EchoKey([u8; 8]);

impl EchoKey {
    /// From 8 bytes that nobody else can predict.
    #[must_use]
    pub const fn new(entropy: [u8; 8]) -> Self {
        Self(entropy)
    }

    /// Another secret for each purpose, which tells neither this one nor those of other purposes.
    #[must_use]
    pub fn derive(&self, purpose: Purpose) -> [u8; 8] {
        // No value is a MAC over the time stamp alone.
        let [_, _, _, _, key @ ..] = self.issue(Instant(purpose as u32), &[]);
        key
    }

    /// Whether it was made of anything but zeros.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0 != [0; 8]
    }

    /// The value for `peer` at `now`: milliseconds, big endian, then the MAC.
    ///
    /// `peer`: the address, of any length; what counts as another peer differs in it.
    #[must_use]
    pub fn issue(&self, now: Instant, peer: &[u8]) -> [u8; ECHO_LEN] {
        let stamp = now.0.to_be_bytes();
        let mut mac = HalfSipHash::new(self.0);
        // No two inputs are the same bytes, as the time stamp's length is fixed.
        mac.update(&stamp);
        mac.update(peer);
        let [low, high] = mac.finish();
        let mut value = [0; ECHO_LEN];
        // Byte by byte: an unaligned store of a word is longer.
        for (to, &from) in value.iter_mut().zip([stamp, low, high].as_flattened()) {
            *to = from;
        }
        value
    }

    /// Whether `value` was issued with this key to `peer`, less than `lifetime_ms` milliseconds
    /// before `now`.
    ///
    /// False too while the key is not set, as anyone could have made the value then. A lifetime
    /// past [`LONGEST`](crate::time::LONGEST) ends with the span in which instants compare.
    #[must_use]
    pub fn check(&self, value: &[u8], now: Instant, peer: &[u8], lifetime_ms: u32) -> bool {
        let Ok(value) = <&[u8; ECHO_LEN]>::try_from(value) else {
            return false;
        };
        let [t0, t1, t2, t3, ..] = *value;
        let issued = Instant(u32::from_be_bytes([t0, t1, t2, t3]));
        // RFC 9175 section 2.3: fresh while (t1 - t0) < T.
        let fresh = issued.is_due(now) && now.since(issued) < lifetime_ms;
        fresh && self.is_set() && same(&self.issue(issued, peer), value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::tests::VECTORS;
    use crate::time::LONGEST;

    const KEY: EchoKey = EchoKey::new([0, 1, 2, 3, 4, 5, 6, 7]);
    const NOW: Instant = Instant(1_000_000);
    const LIFETIME: u32 = 60_000;
    /// 192.0.2.1, port 5683, in the form of [`crate::ffi::peer`].
    const PEER: &[u8] = &[4, 192, 0, 2, 1, 0x16, 0x33];

    #[test]
    fn time_stamp_then_mac_over_time_stamp_and_peer() {
        for (length, mac) in (0..).zip(VECTORS).skip(4) {
            let peer: Vec<u8> = (4..length).collect();
            let value = KEY.issue(Instant(0x0001_0203), &peer);
            assert_eq!(value[..4], [0, 1, 2, 3]);
            assert_eq!(value[4..], mac.to_be_bytes());
        }
    }

    #[test]
    fn issued_value_is_recognised() {
        let value = KEY.issue(NOW, PEER);
        assert!(KEY.check(&value, NOW, PEER, LIFETIME));
        assert!(KEY.check(&value, NOW.after(1), PEER, LIFETIME));
        assert!(KEY.check(&KEY.issue(NOW, &[]), NOW, &[], LIFETIME));
    }

    #[test]
    fn rfc_9175_section_2_3_fresh_until_the_lifetime_is_over() {
        let value = KEY.issue(NOW, PEER);
        let fresh = |age, lifetime| KEY.check(&value, NOW.after(age), PEER, lifetime);
        assert!(fresh(LIFETIME - 1, LIFETIME));
        assert!(!fresh(LIFETIME, LIFETIME));
        assert!(!fresh(LIFETIME + 1, LIFETIME));
        assert!(fresh(0, 1));
        assert!(!fresh(0, 0));
        assert!(fresh(LONGEST - 1, LONGEST));
        assert!(!fresh(LONGEST, LONGEST));
    }

    #[test]
    fn time_stamp_in_the_future_is_refused() {
        let value = KEY.issue(NOW, PEER);
        for ahead in [1, LIFETIME, LONGEST] {
            let before = Instant(NOW.0.wrapping_sub(ahead));
            assert!(!KEY.check(&value, before, PEER, LIFETIME), "{ahead}");
            assert!(!KEY.check(&value, before, PEER, u32::MAX), "{ahead}");
        }
        let half_way = Instant(NOW.0.wrapping_add(LONGEST + 1));
        assert!(!KEY.check(&value, half_way, PEER, u32::MAX));
    }

    #[test]
    fn clock_may_wrap_meanwhile() {
        let late = Instant(u32::MAX - 5);
        let value = KEY.issue(late, PEER);
        assert_eq!(value[..4], [0xFF, 0xFF, 0xFF, 0xFA]);
        assert!(KEY.check(&value, late.after(LIFETIME - 1), PEER, LIFETIME));
        assert!(!KEY.check(&value, late.after(LIFETIME), PEER, LIFETIME));

        let early = KEY.issue(Instant(4), PEER);
        assert!(!KEY.check(&early, late, PEER, LIFETIME));
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let value = KEY.issue(NOW, PEER);
        for bit in 0..ECHO_LEN * 8 {
            let mut forged = value;
            forged[bit / 8] ^= 1 << (bit % 8);
            // Fresh by its time stamp, so that the MAC decides.
            let now = Instant(u32::from_be_bytes(*forged.first_chunk().unwrap()));
            assert!(!KEY.check(&forged, now, PEER, LIFETIME), "bit {bit}");
        }
    }

    #[test]
    fn value_of_another_peer_is_refused() {
        let value = KEY.issue(NOW, PEER);
        for bit in 0..PEER.len() * 8 {
            let mut other = PEER.to_vec();
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!KEY.check(&value, NOW, &other, LIFETIME), "bit {bit}");
        }
        assert!(!KEY.check(&value, NOW, &PEER[..6], LIFETIME));
        assert!(!KEY.check(&value, NOW, &[PEER, &[0]].concat(), LIFETIME));
        assert!(!KEY.check(&value, NOW, &[], LIFETIME));
    }

    #[test]
    fn value_of_another_key_is_refused() {
        let value = KEY.issue(NOW, PEER);
        for bit in 0..64 {
            let mut other = KEY;
            other.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!other.check(&value, NOW, PEER, LIFETIME), "bit {bit}");
        }
    }

    #[test]
    fn key_not_set_recognises_nothing() {
        let unset = EchoKey::default();
        assert!(!unset.is_set());
        assert!(!unset.check(&unset.issue(NOW, PEER), NOW, PEER, LIFETIME));

        let key = EchoKey::new([0, 0, 0, 0, 0, 0, 0, 1]);
        assert!(key.is_set());
        assert!(key.check(&key.issue(NOW, PEER), NOW, PEER, LIFETIME));
    }

    #[test]
    fn only_the_right_length_is_a_value() {
        let mut longest = [0; 40];
        longest[..ECHO_LEN].copy_from_slice(&KEY.issue(NOW, PEER));
        for length in 0..=longest.len() {
            let recognised = KEY.check(&longest[..length], NOW, PEER, LIFETIME);
            assert_eq!(recognised, length == ECHO_LEN, "{length} bytes");
        }
    }
}
