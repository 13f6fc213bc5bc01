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

use crate::time::Instant;

/// Bytes of a value: the time stamp's 4, the MAC's 8. RFC 9175 section 2.2.1 allows 1 to 40.
pub const ECHO_LEN: usize = 12;

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

/// Compares all bytes, so that the time it takes does not tell how many of them are right.
fn same(a: &[u8; ECHO_LEN], b: &[u8; ECHO_LEN]) -> bool {
    a.iter().zip(b).fold(0, |wrong, (a, b)| wrong | (a ^ b)) == 0
}

/// HalfSipHash-2-4 with 64 bits of output, by Aumasson and Bernstein: SipHash ("SipHash: a fast
/// short-input PRF", 2012) with words of 32 bits, as their reference implementation defines it.
struct HalfSipHash {
    v0: u32,
    v1: u32,
    v2: u32,
    v3: u32,
    /// The last four bytes of the input, the latest on top.
    word: u32,
    /// Bytes of input, modulo 256.
    length: u8,
}

impl HalfSipHash {
    fn new([a, b, c, d, e, f, g, h]: [u8; 8]) -> Self {
        let k0 = u32::from_le_bytes([a, b, c, d]);
        let k1 = u32::from_le_bytes([e, f, g, h]);
        Self {
            v0: k0,
            v1: k1 ^ 0xEE, // the 64-bit variant
            v2: k0 ^ 0x6C79_6765,
            v3: k1 ^ 0x7465_6462,
            word: 0,
            length: 0,
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.push(byte);
        }
    }

    #[inline(never)]
    fn push(&mut self, byte: u8) {
        self.word = self.word >> 8 | u32::from(byte) << 24;
        self.length = self.length.wrapping_add(1);
        if self.length.is_multiple_of(4) {
            self.v3 ^= self.word;
            self.rounds(2);
            self.v0 ^= self.word;
        }
    }

    /// The MAC, in its order on the wire.
    fn finish(mut self) -> [[u8; 4]; 2] {
        // The last word: what is left of the input, zeros, and in the top byte its length.
        let length = self.length;
        while self.length % 4 != 3 {
            self.push(0);
        }
        self.push(length);

        self.v2 ^= 0xEE; // the 64-bit variant
        self.rounds(4);
        let low = self.v1 ^ self.v3;
        self.v1 ^= 0xDD;
        self.rounds(4);
        let high = self.v1 ^ self.v3;
        [low.to_le_bytes(), high.to_le_bytes()]
    }

    #[inline(never)]
    fn rounds(&mut self, count: u8) {
        for _ in 0..count {
            self.v0 = self.v0.wrapping_add(self.v1);
            self.v1 = self.v1.rotate_left(5) ^ self.v0;
            self.v0 = self.v0.rotate_left(16);
            self.v2 = self.v2.wrapping_add(self.v3);
            self.v3 = self.v3.rotate_left(8) ^ self.v2;
            self.v0 = self.v0.wrapping_add(self.v3);
            self.v3 = self.v3.rotate_left(7) ^ self.v0;
            self.v2 = self.v2.wrapping_add(self.v1);
            self.v1 = self.v1.rotate_left(13) ^ self.v2;
            self.v2 = self.v2.rotate_left(16);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::LONGEST;

    /// vectors_hsip64 in vectors.h of github.com/veorq/SipHash: the MACs, under the key
    /// 00 01 .. 07, of no bytes, of 00, of 00 01, and so on.
    const VECTORS: [u64; 32] = [
        0x218D_1F59_B9B8_3CC8,
        0xBE55_2412_F838_7315,
        0x064F_39EF_7C50_EB57,
        0xCE0F_1A45_F706_0679,
        0xD5E7_8A17_5BE5_2EA1,
        0xCB9D_7C3F_2F3D_B580,
        0xCE3E_9135_8AA2_BC25,
        0xFF20_2728_B07B_C684,
        0xEDFE_E820_BCE4_858C,
        0x5B51_CCCC_1388_8307,
        0x95B0_469F_06A6_F2EE,
        0xAE26_3339_94DD_CD48,
        0x7BC7_1F9F_AEF5_C799,
        0x5A23_52D7_5A0C_3744,
        0x3BB1_A870_EAE8_E658,
        0x217D_0BCB_4E81_C902,
        0x7336_AAD2_5F7B_F3B5,
        0x37AD_C064_1C4C_4F6A,
        0xC9B2_DB2B_9A3E_42F9,
        0xF910_E480_20AB_363C,
        0x1BF5_2B0A_6FEE_A7DB,
        0x0074_1DC2_69E8_B3EF,
        0xE201_03FA_1BA7_76EF,
        0x4C22_10E5_4B68_1D73,
        0x7074_1045_AE3F_A6F1,
        0x0C86_4037_3971_4038,
        0x0D89_9ED8_1129_23F0,
        0x226B_F5FA_B81E_E1B8,
        0x2D92_5FFB_1E00_16B5,
        0x3619_58D5_2CEE_10F1,
        0x291A_AF86_4898_179D,
        0x863C_7F15_5C34_117C,
    ];
    const KEY: EchoKey = EchoKey::new([0, 1, 2, 3, 4, 5, 6, 7]);
    const NOW: Instant = Instant(1_000_000);
    const LIFETIME: u32 = 60_000;
    /// 192.0.2.1, port 5683, in the form of [`crate::ffi::peer`].
    const PEER: &[u8] = &[4, 192, 0, 2, 1, 0x16, 0x33];

    #[test]
    fn halfsiphash_reference_vectors() {
        for (length, mac) in (0..).zip(VECTORS) {
            let input: Vec<u8> = (0..length).collect();
            for split in 0..=input.len() {
                let mut hash = HalfSipHash::new(KEY.0);
                hash.update(&input[..split]);
                hash.update(&input[split..]);
                assert_eq!(hash.finish().concat(), mac.to_be_bytes(), "{length} bytes");
            }
        }
    }

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
