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
pub struct MessageIds {
    next: u16,
    /// When an id of the block was last sent; `None`: not within EXCHANGE_LIFETIME.
    last_use: [Option<Instant>; BLOCKS],
}

impl MessageIds {
    /// A sequence that starts at `start`, which should be unpredictable.
    #[must_use]
    pub fn new(start: u16) -> Self {
        Self {
            next: start,
            last_use: [None; BLOCKS],
        }
    }

    /// The next id, unless it may still be known to a peer.
    pub fn allocate(&mut self, now: Instant, lifetime_ms: u32) -> Option<MessageId> {
        if self.available_at(now, lifetime_ms).is_some() {
            return None;
        }
        let id = MessageId(self.next);
        self.next = self.next.wrapping_add(1);
        self.sent(id, now);
        Some(id)
    }

    /// When the next id can be given out: `None` is at once.
    #[must_use]
    pub fn available_at(&self, now: Instant, lifetime_ms: u32) -> Option<Instant> {
        if !self.next.is_multiple_of(BLOCK) {
            return None;
        }
        let at = (*self.last_use.get(usize::from(self.next / BLOCK))?)?.after(lifetime_ms);
        if at.is_due(now) { None } else { Some(at) }
    }

    /// Notes that a message with this id goes out now.
    pub fn sent(&mut self, id: MessageId, now: Instant) {
        if let Some(last_use) = self.last_use.get_mut(usize::from(id.0 / BLOCK)) {
            *last_use = Some(now);
        }
    }

    /// Whether a use is remembered.
    #[must_use]
    pub fn in_use(&self) -> bool {
        self.last_use.iter().any(Option::is_some)
    }

    /// Forgets uses that are over, so that they are not mistaken for later ones when the clock wraps.
    pub fn expire(&mut self, now: Instant, lifetime_ms: u32) {
        for last_use in &mut self.last_use {
            if last_use.is_some_and(|at| at.after(lifetime_ms).is_due(now)) {
                *last_use = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn ids_run_in_sequence_from_the_start() {
        let mut ids = MessageIds::new(0xFFFF);
        assert_eq!(ids.allocate(Instant(0), 1000), Some(MessageId(0xFFFF)));
        assert_eq!(ids.allocate(Instant(0), 1000), Some(MessageId(0)));
    }

    #[test]
    fn no_id_is_reused_within_its_lifetime() {
        let mut ids = MessageIds::new(12_345);
        let mut used: HashMap<u16, u32> = HashMap::new();
        let mut now = 0;
        for _ in 0..200_000 {
            let id = loop {
                match ids.allocate(Instant(now), 247_000) {
                    Some(id) => break id,
                    None => now = ids.available_at(Instant(now), 247_000).unwrap().0,
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
        let mut ids = MessageIds::new(0);
        let id = ids.allocate(Instant(0), 1000).unwrap();
        for _ in 1..=u16::MAX {
            ids.allocate(Instant(0), 1000).unwrap();
        }
        ids.sent(id, Instant(900));
        assert_eq!(ids.allocate(Instant(1000), 1000), None);
        assert_eq!(ids.available_at(Instant(1000), 1000), Some(Instant(1900)));
        assert!(ids.allocate(Instant(1900), 1000).is_some());
    }

    #[test]
    fn old_uses_are_forgotten_before_the_clock_wraps() {
        let mut ids = MessageIds::new(0);
        ids.allocate(Instant(0), 1000).unwrap();
        ids.expire(Instant(1000), 1000);
        ids.next = 0;
        assert!(ids.allocate(Instant(u32::MAX / 2 + 10), 1000).is_some());
    }
}
