// SPDX-License-Identifier: MIT
//! Deduplication, RFC 7252 section 4.5.

use super::peer::PeerId;
use super::store::StoredMessage;
use crate::config::DEDUPLICATION;
use crate::hash::Hash;
use crate::list;
use crate::time::{Instant, earliest};
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
    entries: Vec<Entry, DEDUPLICATION>,
    /// No entry expires before.
    first_expiry: Instant,
}

impl Deduplication {
    /// Bytes that each message takes.
    #[cfg(test)]
    pub const ENTRY_LEN: usize = size_of::<Entry>();

    /// The answer to repeat, if this message was received before and has not expired.
    #[must_use]
    pub fn find(&self, peer: PeerId, id: ReceivedId, now: Instant) -> Option<Answer> {
        let fits = |e: &&Entry| e.id == id && e.peer == peer;
        let entry = self.entries.iter().find(fits)?;
        if entry.expires.is_due(now) {
            None
        } else {
            Some(entry.answer)
        }
    }

    /// Notes a message just received. False: the table is full.
    pub fn insert(
        &mut self,
        peer: PeerId,
        id: ReceivedId,
        expires: Instant,
        answer: Answer,
    ) -> bool {
        if self.entries.is_empty() || expires.is_before(self.first_expiry) {
            self.first_expiry = expires;
        }
        self.entries
            .push(Entry {
                peer,
                id,
                expires,
                answer,
            })
            .is_ok()
    }

    /// Sets the answer to repeat. False: the message is not (or no longer) known, or is another one that is known by the
    /// same and whose answer is stored; that one stays, as nothing else would free it.
    pub fn set_answer(&mut self, peer: PeerId, id: ReceivedId, answer: Answer) -> bool {
        let fits = |e: &&mut Entry| {
            e.peer == peer && e.id == id && !matches!(e.answer, Answer::Message(_))
        };
        // What is answered has just come, as a rule.
        let entry = self.entries.iter_mut().rev().find(fits);
        entry.map(|entry| entry.answer = answer).is_some()
    }

    /// Forgets a message that was not answered: a repetition is taken as new.
    pub fn forget(&mut self, peer: PeerId, id: ReceivedId) {
        self.take_first(|e| e.peer == peer && e.id == id && e.answer == Answer::Pending);
    }

    /// Whether the table has no room left.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.entries.is_full()
    }

    /// Removes one expired entry and gives its answer.
    pub fn take_expired(&mut self, now: Instant) -> Option<Answer> {
        if self.entries.is_empty() || !self.first_expiry.is_due(now) {
            return None;
        }
        let expired = self.take_first(|entry| entry.expires.is_due(now));
        if expired.is_none() {
            let first = self.entries.iter().map(|entry| Some(entry.expires));
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
        let index = self.entries.iter().position(which)?;
        Some(list::remove(&mut self.entries, index)?.answer)
    }

    /// Whether an entry refers to the peer.
    #[must_use]
    pub fn refers_to(&self, peer: PeerId) -> bool {
        self.entries.iter().any(|entry| entry.peer == peer)
    }

    /// All entries.
    #[cfg(test)]
    pub fn all(&self) -> std::vec::Vec<(PeerId, ReceivedId, Answer)> {
        self.entries
            .iter()
            .map(|e| (e.peer, e.id, e.answer))
            .collect()
    }

    /// Entries in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no entry is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}
