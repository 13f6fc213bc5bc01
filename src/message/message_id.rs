// SPDX-License-Identifier: MIT
//! Message ids, RFC 7252 section 4.4.

use crate::time::Instant;
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
/// To each peer the sequence is moved by a number of its own ([`PeerTable::id_offset`](super::peer::PeerTable)).
#[derive(Default)]
pub struct MessageIds {
    next: u16,
    /// When an id of each block was last sent.
    last_use: [Instant; BLOCKS],
    /// Bit n: that was within EXCHANGE_LIFETIME for block n.
    in_use: u16,
}

impl MessageIds {
    /// Where the sequence starts; should be unpredictable.
    pub fn start_at(&mut self, start: u16) {
        self.next = start;
    }

    /// The id that comes next, and the blocks (bit n: block n) of which ids may still be known to a peer.
    #[must_use]
    pub fn state(&self) -> (u16, u16) {
        (self.next, self.in_use)
    }

    /// Goes on from such a state. How long ago it was is not known: what was in use then is from now on.
    pub fn restore(&mut self, (next, in_use): (u16, u16), now: Instant) {
        *self = Self {
            next,
            last_use: [now; BLOCKS],
            in_use,
        };
    }

    /// The next id, unless it may still be known to a peer.
    pub fn allocate(&mut self, now: Instant, lifetime_ms: u32) -> Option<MessageId> {
        if self.available_at(now, lifetime_ms) != now {
            return None;
        }
        let id = MessageId(self.next);
        self.next = self.next.wrapping_add(1);
        self.sent(id, now);
        Some(id)
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

    /// Notes that a message with this id goes out now.
    pub fn sent(&mut self, id: MessageId, now: Instant) {
        let block = id.0 / BLOCK;
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

    fn ids_from(start: u16) -> MessageIds {
        let mut ids = MessageIds::default();
        ids.start_at(start);
        ids
    }

    #[test]
    fn ids_run_in_sequence_from_the_start() {
        let mut ids = ids_from(0xFFFF);
        assert_eq!(ids.allocate(Instant(0), 1000), Some(MessageId(0xFFFF)));
        assert_eq!(ids.allocate(Instant(0), 1000), Some(MessageId(0)));
    }

    #[test]
    fn no_id_is_reused_within_its_lifetime() {
        let mut ids = ids_from(12_345);
        let mut used: HashMap<u16, u32> = HashMap::new();
        let mut now = 0;
        for _ in 0..200_000 {
            let id = loop {
                match ids.allocate(Instant(now), 247_000) {
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
    fn a_message_sent_late_keeps_its_block() {
        let mut ids = ids_from(0);
        let id = ids.allocate(Instant(0), 1000).unwrap();
        for _ in 1..=u16::MAX {
            ids.allocate(Instant(0), 1000).unwrap();
        }
        ids.sent(id, Instant(900));
        assert_eq!(ids.allocate(Instant(1000), 1000), None);
        assert_eq!(ids.available_at(Instant(1000), 1000), Instant(1900));
        assert!(ids.allocate(Instant(1900), 1000).is_some());
    }

    #[test]
    fn a_restored_sequence_goes_on_and_reuses_nothing_too_early() {
        let mut ids = ids_from(8 * BLOCK);
        for _ in 0..=u16::MAX {
            ids.allocate(Instant(0), 1000).unwrap();
        }
        let mut restored = ids_from(7);
        restored.restore(ids.state(), Instant(50));
        assert_eq!(restored.allocate(Instant(51), 1000), None);
        assert_eq!(
            restored.available_at(Instant(51), 1000),
            Instant(1050),
            "as if all had been sent at the time of the restart"
        );
        assert_eq!(
            restored.allocate(Instant(1050), 1000),
            Some(MessageId(8 * BLOCK))
        );
    }

    #[test]
    fn old_uses_are_forgotten_before_the_clock_wraps() {
        let mut ids = ids_from(0);
        ids.allocate(Instant(0), 1000).unwrap();
        ids.expire(Instant(1000), 1000);
        ids.next = 0;
        assert!(ids.allocate(Instant(u32::MAX / 2 + 10), 1000).is_some());
    }
}
