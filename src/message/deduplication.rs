// SPDX-License-Identifier: MIT
//! Deduplication, RFC 7252 section 4.5.

use super::peer::PeerId;
use super::store::StoredMessage;
use crate::config::DEDUPLICATION;
use crate::hash::Hash;
use crate::index::{self, Index};
use crate::list;
use crate::time::{Instant, earliest};
use crate::when::When;
use crate::wire::header::{MessageId, MessageType};
use crate::wire::message::MessageView;
use heapless::Vec;

/// What a received message is known by, among those of its peer. Not its Message ID alone: a client that has
/// started anew may use one again, and then it asks for something else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReceivedId {
    /// Its Message ID.
    pub id: MessageId,
    /// A hash of its code and its token.
    mark: u16,
}

impl ReceivedId {
    /// What the message is known by.
    #[must_use]
    pub fn of(message: &MessageView<'_>) -> Self {
        let mut hash = Hash::new();
        hash.byte(message.code().0);
        let token = message.token().as_slice();
        token.iter().for_each(|&byte| hash.byte(byte));
        let hash = hash.finish();
        Self {
            id: message.id(),
            mark: (hash >> 16 ^ hash) as u16,
        }
    }
}

/// What a repetition of a received message is answered with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Not answered yet: the answer is still to come, repetitions are ignored.
    Pending,
    /// An Empty ACK; the response is still to come.
    Acknowledged,
    /// Nothing: the message was non-confirmable.
    Silence,
    /// The same Empty message.
    Empty(MessageType),
    /// The same bytes.
    Message(StoredMessage),
}

#[derive(Clone, Copy)]
struct Entry {
    peer: PeerId,
    id: ReceivedId,
    expires: Instant,
    answer: Answer,
}

/// The messages received lately, oldest first.
///
/// When the table is full, the oldest entry whose last answer has been given makes room: a flood can
/// shorten the time for which repetitions are recognised, but it can neither grow the table nor push
/// out a request that is being handled.
#[derive(Default)]
pub struct Deduplication {
    entries: Vec<Entry, { DEDUPLICATION + SLACK }>,
    index: EntryIndex,
    /// How many entries have gone from the beginning: with its position, the number that an entry has in the index.
    gone: When<{ EntryIndex::exists() as usize }, usize>,
    /// No entry expires before.
    first_expiry: Instant,
}

type EntryIndex = Index<{ index::slots(DEDUPLICATION) }>;

/// A large table is moved over the entries that have gone from its beginning when there are so many of them.
const SLACK: usize = if EntryIndex::exists() {
    DEDUPLICATION / 8
} else {
    0
};
// The count of those that have gone wraps.
const _: () = assert!(SLACK == 0 || SLACK.is_power_of_two());

impl Entry {
    fn is(&self, peer: PeerId, id: ReceivedId) -> bool {
        self.id == id && self.peer == peer
    }

    fn hash(&self) -> u32 {
        hash_of(self.peer, self.id)
    }
}

fn hash_of(peer: PeerId, id: ReceivedId) -> u32 {
    (u32::from(id.id.0) << 16 | u32::from(id.mark)) ^ peer.number()
}

/// Where the entry with this number is, of which so many have gone from the beginning.
fn position_of(number: usize, gone: usize) -> usize {
    number.wrapping_sub(gone) % index::NUMBERS
}

impl Deduplication {
    /// Bytes that each message takes.
    #[cfg(test)]
    pub const ENTRY_LEN: usize = size_of::<Entry>();

    /// How many entries have gone and are still to be moved over.
    fn dead(&self) -> usize {
        self.gone.get().checked_rem(SLACK).unwrap_or(0)
    }

    fn live(&self) -> &[Entry] {
        self.entries.get(self.dead()..).unwrap_or_default()
    }

    fn live_mut(&mut self) -> &mut [Entry] {
        let dead = self.dead();
        self.entries.get_mut(dead..).unwrap_or_default()
    }

    /// The number in the index of the entry at a position.
    fn number(&self, position: usize) -> usize {
        self.gone.get().wrapping_add(position) % index::NUMBERS
    }

    /// The last such entry.
    fn position(&self, peer: PeerId, id: ReceivedId) -> Option<usize> {
        if EntryIndex::exists() {
            let position = |number| position_of(number, self.gone.get());
            let is_it = |number| {
                let entry = self.live().get(position(number));
                entry.is_some_and(|e| e.is(peer, id))
            };
            return self.index.find(hash_of(peer, id), is_it).map(position);
        }
        // What is asked for has just come, as a rule.
        self.live().iter().rposition(|e| e.is(peer, id))
    }

    /// The answer to repeat, if this message was received before and has not expired.
    #[must_use]
    pub fn find(&self, peer: PeerId, id: ReceivedId, now: Instant) -> Option<Answer> {
        let entry = self.live().get(self.position(peer, id)?)?;
        (!entry.expires.is_due(now)).then_some(entry.answer)
    }

    /// Notes a message just received, which is not there yet. False: the table is full.
    pub fn insert(
        &mut self,
        peer: PeerId,
        id: ReceivedId,
        expires: Instant,
        answer: Answer,
    ) -> bool {
        if self.is_full() {
            return false;
        }
        if self.is_empty() || expires.is_before(self.first_expiry) {
            self.first_expiry = expires;
        }
        let entry = Entry {
            peer,
            id,
            expires,
            answer,
        };
        if EntryIndex::exists() {
            let number = self.number(self.len());
            self.index.insert(entry.hash(), number);
        }
        self.entries.push(entry).is_ok()
    }

    /// Sets the answer to repeat. False: the message is not (or no longer) known, or is another one that is known by the
    /// same and whose answer is stored; that one stays, as nothing else would free it.
    pub fn set_answer(&mut self, peer: PeerId, id: ReceivedId, answer: Answer) -> bool {
        let position = self.position(peer, id);
        let entry = position.and_then(|position| self.live_mut().get_mut(position));
        let entry = entry.filter(|entry| !matches!(entry.answer, Answer::Message(_)));
        entry.map(|entry| entry.answer = answer).is_some()
    }

    /// Forgets a message that was not answered: a repetition is taken as new.
    pub fn forget(&mut self, peer: PeerId, id: ReceivedId) {
        self.take_first(|e| e.is(peer, id) && e.answer == Answer::Pending);
    }

    /// Whether the table has no room left.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() >= DEDUPLICATION
    }

    /// Removes one expired entry and gives its answer.
    pub fn take_expired(&mut self, now: Instant) -> Option<Answer> {
        if self.is_empty() || !self.first_expiry.is_due(now) {
            return None;
        }
        let expired = self.take_first(|entry| entry.expires.is_due(now));
        if expired.is_none() {
            let first = self.live().iter().map(|entry| Some(entry.expires));
            self.first_expiry = first.fold(None, earliest).unwrap_or(now);
        }
        expired
    }

    /// Removes the oldest entry that has been answered and gives its answer.
    pub fn take_oldest_answered(&mut self) -> Option<Answer> {
        self.take_first(|entry| !matches!(entry.answer, Answer::Pending | Answer::Acknowledged))
    }

    /// Removes the oldest entry whose answer takes bytes in the store, and gives that answer.
    pub fn take_oldest_stored(&mut self) -> Option<Answer> {
        self.take_first(|entry| matches!(entry.answer, Answer::Message(_)))
    }

    fn take_first(&mut self, which: impl Fn(&Entry) -> bool) -> Option<Answer> {
        let position = self.live().iter().position(which)?;
        if EntryIndex::exists() {
            return self.take_indexed(position);
        }
        Some(list::remove(&mut self.entries, position)?.answer)
    }

    /// Removes an entry. The older ones, of which there are few, move up, so that the later ones keep their numbers.
    fn take_indexed(&mut self, position: usize) -> Option<Answer> {
        let taken = *self.live().get(position)?;
        self.index_remove(&taken, position);
        for older in (0..position).rev() {
            let entry = *self.live().get(older)?;
            self.index_remove(&entry, older);
            *self.live_mut().get_mut(older + 1)? = entry;
            self.index.insert(entry.hash(), self.number(older + 1));
        }
        self.gone.set(self.gone.get().wrapping_add(1));
        if self.dead() == 0 {
            list::move_down(&mut self.entries, SLACK);
            let len = self.entries.len().saturating_sub(SLACK);
            self.entries.truncate(len);
        }
        Some(taken.answer)
    }

    fn index_remove(&mut self, entry: &Entry, position: usize) {
        let number = self.number(position);
        let (entries, dead, gone) = (&self.entries, self.dead(), self.gone.get());
        let hash_of = |number| {
            let entry = entries.get(dead + position_of(number, gone));
            entry.map_or(0, Entry::hash)
        };
        self.index.remove(entry.hash(), number, hash_of);
    }

    /// Whether an entry refers to the peer.
    #[must_use]
    pub fn refers_to(&self, peer: PeerId) -> bool {
        self.live().iter().any(|entry| entry.peer == peer)
    }

    /// All entries.
    #[cfg(test)]
    pub fn all(&self) -> std::vec::Vec<(PeerId, ReceivedId, Answer)> {
        self.live()
            .iter()
            .map(|e| (e.peer, e.id, e.answer))
            .collect()
    }

    /// Entries in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live().len()
    }

    /// Whether no entry is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live().is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.index.clear();
        self.gone.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::peer::{PeerAddr, PeerTable};
    use crate::rng::Jitter;
    use std::vec::Vec;

    /// Beside a list that is searched from its beginning to its end.
    #[test]
    fn any_order_of_coming_and_going_is_what_a_plain_list_does() {
        let mut jitter = Jitter::default();
        jitter.seed(crate::seed::of_test() as u32);
        let mut peers = PeerTable::default();
        let peers: Vec<PeerId> = (0..4)
            .map(|n| peers.add(&PeerAddr::new(&[n]).unwrap(), None).unwrap())
            .collect();
        let mut table = Deduplication::default();
        let mut plain: Vec<(PeerId, ReceivedId, u32, Answer)> = Vec::new();
        let answers = [Answer::Pending, Answer::Acknowledged, Answer::Silence];
        for now in 0..30_000 {
            let peer = peers[jitter.up_to(3) as usize];
            let id = ReceivedId {
                id: MessageId(jitter.up_to(DEDUPLICATION as u32) as u16),
                mark: jitter.up_to(1) as u16,
            };
            let answer = answers[jitter.up_to(2) as usize];
            while let Some(answer) = table.take_expired(Instant(now)) {
                let expired = plain.iter().position(|e| e.2 <= now).unwrap();
                assert_eq!(plain.remove(expired).3, answer);
            }
            let known = plain.iter().position(|e| (e.0, e.1) == (peer, id));
            let found = table.find(peer, id, Instant(now));
            assert_eq!(found, known.map(|known| plain[known].3));
            match (known, jitter.up_to(3)) {
                (None, 0..=2) => {
                    let lifetime = 1 + jitter.up_to(3 * DEDUPLICATION as u32);
                    let added = table.insert(peer, id, Instant(now + lifetime), answer);
                    assert_eq!(added, plain.len() < DEDUPLICATION);
                    if added {
                        plain.push((peer, id, now + lifetime, answer));
                    }
                }
                (None, _) => assert!(!table.set_answer(peer, id, answer)),
                (Some(known), 0) => {
                    assert!(table.set_answer(peer, id, answer));
                    plain[known].3 = answer;
                }
                (Some(known), 1) => {
                    table.forget(peer, id);
                    if plain[known].3 == Answer::Pending {
                        plain.remove(known);
                    }
                }
                _ => {
                    let oldest = plain.iter().position(|e| e.3 == Answer::Silence);
                    let oldest = oldest.map(|oldest| plain.remove(oldest).3);
                    assert_eq!(table.take_oldest_answered(), oldest);
                }
            }
            assert_eq!(
                (table.len(), table.is_full()),
                (plain.len(), plain.len() == DEDUPLICATION)
            );
            if now % 100 == 0 {
                let plain = plain.iter().map(|e| (e.0, e.1, e.3));
                assert!(table.all().into_iter().eq(plain));
            }
        }
    }
}
