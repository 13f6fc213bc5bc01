// SPDX-License-Identifier: MIT
//! Message ids, RFC 7252 section 4.4.

use crate::config::BLOCK as HAS_MAC;
use crate::mac::HalfSipHash;
use crate::time::Instant;
use crate::when::When;
use crate::wire::header::MessageId;

/// Ids are watched in blocks of this many.
const BLOCK: u16 = 4096;
const BLOCKS: usize = 16;

/// Gives out message ids in sequence from an unpredictable start.
///
/// RFC 7252 section 4.4: an id is not reused towards a peer within EXCHANGE_LIFETIME. One sequence
/// serves all peers, which is stricter; a block of ids is entered again only when its last use is
/// that long ago. So at most about 61,440 messages go out in one EXCHANGE_LIFETIME (with the
/// default parameters, 248 a second on average), and the next ones wait.
///
/// To each peer the sequence is moved by a number of its own, so that who sees the ids sent to one peer does not know
/// those sent to another.
#[derive(Default)]
pub struct MessageIds {
    next: u16,
    /// When an id of each block was last sent.
    last_use: [Instant; BLOCKS],
    /// Bit n: that was within EXCHANGE_LIFETIME for block n.
    in_use: u16,
    /// What the peers' numbers are made with; all zeros: they are 0.
    key: When<{ HAS_MAC as usize }, IdKey>,
}

/// A secret; to be kept as long as the sequence goes on.
pub type IdKey = [u8; 8];

impl MessageIds {
    /// Where the sequence starts; should be unpredictable.
    pub fn start_at(&mut self, start: u16) {
        self.next = start;
    }

    /// Sets the secret that the sequences of peers are told apart with.
    pub fn set_key(&mut self, key: IdKey) {
        self.key.set(key);
    }

    /// The secret.
    #[must_use]
    pub fn key(&self) -> IdKey {
        self.key.get()
    }

    /// By how much the sequence is moved for the peer.
    fn offset(&self, peer: &[u8]) -> u16 {
        let key = self.key.get();
        if !HAS_MAC || key == [0; 8] {
            return 0;
        }
        let mut mac = HalfSipHash::new(key);
        mac.update(peer);
        let [[first, second, ..], _] = mac.finish();
        u16::from_be_bytes([first, second])
    }

    /// The id that comes next, and the blocks (bit n: block n) of which ids may still be known to a peer.
    #[must_use]
    pub fn state(&self) -> (u16, u16) {
        (self.next, self.in_use)
    }

    /// Goes on from such a state. How long ago it was is not known: what was in use then is from now on.
    pub fn restore(&mut self, (next, in_use): (u16, u16), now: Instant) {
        self.next = next;
        self.last_use = [now; BLOCKS];
        self.in_use = in_use;
    }

    /// The next id for the peer with this address, unless it may still be known to a peer.
    pub fn allocate(&mut self, peer: &[u8], now: Instant, lifetime_ms: u32) -> Option<MessageId> {
        if self.available_at(now, lifetime_ms) != now {
            return None;
        }
        let number = self.next;
        self.next = number.wrapping_add(1);
        self.used(number, now);
        Some(MessageId(number.wrapping_add(self.offset(peer))))
    }

    /// When the next id can be given out; `now` if at once.
    #[must_use]
    pub fn available_at(&self, now: Instant, lifetime_ms: u32) -> Instant {
        let block = self.next / BLOCK;
        match self.last_use.get(usize::from(block)) {
            Some(last_use) if self.next.is_multiple_of(BLOCK) && self.in_use >> block & 1 != 0 => {
                last_use.after(lifetime_ms).or_now(now)
            }
            _ => now,
        }
    }

    /// Notes that a message to the peer with this id goes out now.
    pub fn sent(&mut self, peer: &[u8], id: MessageId, now: Instant) {
        self.used(id.0.wrapping_sub(self.offset(peer)), now);
    }

    fn used(&mut self, number: u16, now: Instant) {
        let block = number / BLOCK;
        self.in_use |= 1 << block;
        if let Some(last_use) = self.last_use.get_mut(usize::from(block)) {
            *last_use = now;
        }
    }

    /// Whether a use is remembered.
    #[must_use]
    pub fn in_use(&self) -> bool {
        self.in_use != 0
    }

    /// Forgets uses that are over, so that they are not mistaken for later ones when the clock wraps.
    pub fn expire(&mut self, now: Instant, lifetime_ms: u32) {
        if self.in_use == 0 {
            return;
        }
        for (block, last_use) in self.last_use.iter().enumerate() {
            if last_use.after(lifetime_ms).is_due(now) {
                self.in_use &= !(1 << block);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    const PEER: &[u8] = &[4, 192, 0, 2, 1, 0x16, 0x33];

    fn ids_from(start: u16) -> MessageIds {
        let mut ids = MessageIds::default();
        ids.start_at(start);
        ids
    }

    #[test]
    fn ids_run_in_sequence_from_the_start() {
        let mut ids = ids_from(0xFFFF);
        assert_eq!(
            ids.allocate(PEER, Instant(0), 1000),
            Some(MessageId(0xFFFF))
        );
        assert_eq!(ids.allocate(PEER, Instant(0), 1000), Some(MessageId(0)));
    }

    #[test]
    fn no_id_is_reused_within_its_lifetime() {
        let mut ids = ids_from(12_345);
        let mut used: HashMap<u16, u32> = HashMap::new();
        let mut now = 0;
        for _ in 0..200_000 {
            let id = loop {
                match ids.allocate(PEER, Instant(now), 247_000) {
                    Some(id) => break id,
                    None => now = ids.available_at(Instant(now), 247_000).0,
                }
            };
            if let Some(before) = used.insert(id.0, now) {
                assert!(now - before >= 247_000);
            }
            now += 1;
        }
    }

    #[test]
    #[cfg(feature = "block")]
    fn ids_to_one_peer_say_nothing_of_those_to_another() {
        // The difference between what two peers get next: if it were known, it would be the same for all keys.
        let other: &[u8] = &[4, 192, 0, 2, 2, 0x16, 0x33];
        let mut counts = [0; 16];
        for key in 0..4096u64 {
            let mut ids = ids_from(0x1234);
            ids.set_key((key + 1).to_be_bytes());
            let one = ids.allocate(PEER, Instant(0), 1000).unwrap();
            let two = ids.allocate(other, Instant(0), 1000).unwrap();
            let three = ids.allocate(PEER, Instant(0), 1000).unwrap();
            assert_eq!(three.0, one.0.wrapping_add(2), "in sequence to each");
            counts[usize::from(two.0.wrapping_sub(one.0) >> 12)] += 1;
        }
        // Chi-squared with 15 degrees of freedom: above 50 in one of 80,000 runs, and the keys are always these.
        let expected = 4096.0 / 16.0;
        let deviation = counts.map(|count| (f64::from(count) - expected).powi(2) / expected);
        assert!(deviation.iter().sum::<f64>() < 50.0, "{counts:?}");
    }

    #[test]
    #[cfg(feature = "block")]
    fn a_message_to_a_peer_with_its_own_sequence_keeps_its_block() {
        let mut ids = ids_from(0);
        ids.set_key([7; 8]);
        let id = ids.allocate(PEER, Instant(0), 1000).unwrap();
        for _ in 1..=u16::MAX {
            ids.allocate(PEER, Instant(0), 1000).unwrap();
        }
        ids.sent(PEER, id, Instant(900));
        assert_eq!(ids.available_at(Instant(1000), 1000), Instant(1900));
    }

    #[test]
    fn a_message_sent_late_keeps_its_block() {
        let mut ids = ids_from(0);
        let id = ids.allocate(PEER, Instant(0), 1000).unwrap();
        for _ in 1..=u16::MAX {
            ids.allocate(PEER, Instant(0), 1000).unwrap();
        }
        ids.sent(PEER, id, Instant(900));
        assert_eq!(ids.allocate(PEER, Instant(1000), 1000), None);
        assert_eq!(ids.available_at(Instant(1000), 1000), Instant(1900));
        assert!(ids.allocate(PEER, Instant(1900), 1000).is_some());
    }

    #[test]
    fn a_restored_sequence_goes_on_and_reuses_nothing_too_early() {
        let mut ids = ids_from(8 * BLOCK);
        for _ in 0..=u16::MAX {
            ids.allocate(PEER, Instant(0), 1000).unwrap();
        }
        let mut restored = ids_from(7);
        restored.restore(ids.state(), Instant(50));
        assert_eq!(restored.allocate(PEER, Instant(51), 1000), None);
        assert_eq!(
            restored.available_at(Instant(51), 1000),
            Instant(1050),
            "as if all had been sent at the time of the restart"
        );
        assert_eq!(
            restored.allocate(PEER, Instant(1050), 1000),
            Some(MessageId(8 * BLOCK))
        );
    }

    #[test]
    fn old_uses_are_forgotten_before_the_clock_wraps() {
        let mut ids = ids_from(0);
        ids.allocate(PEER, Instant(0), 1000).unwrap();
        ids.expire(Instant(1000), 1000);
        ids.next = 0;
        assert!(
            ids.allocate(PEER, Instant(u32::MAX / 2 + 10), 1000)
                .is_some()
        );
    }
}
