// SPDX-License-Identifier: MIT
//! Bytes of messages that must outlive the call that wrote them: confirmable messages until their
//! ACK, answers until their request can no longer be repeated, datagrams until they are polled.
//!
//! Each takes exactly its size. Freeing one moves the later ones down, so there is no
//! fragmentation; they are named by [`StoredMessage`], never by position. The message being written
//! (the draft) is the open end of the store and moves along.

use crate::config::{NonZeroPlace, Place, STORED_MESSAGES};
use crate::list;
use crate::wire::builder::MessageDraft;
use crate::wire::code::Code;
use crate::wire::header::{MessageId, MessageType};
use crate::wire::option::Options;

/// Whether there are so many slots that a free one is not searched from the first.
const HAS_HINT: bool = STORED_MESSAGES > 64;

/// Names a message in a [`MessageStore`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct StoredMessage(NonZeroPlace);

impl StoredMessage {
    /// Its place among the extents.
    fn index(self) -> usize {
        usize::from(self.0.get()) - 1
    }
}

#[derive(Clone, Copy, Default)]
struct Extent {
    start: u16,
    /// 0: the slot is free. No message is empty.
    len: u16,
}

/// An arena of messages in memory that the caller gave.
pub struct MessageStore<'m> {
    /// `None`: none was given yet.
    memory: Option<&'m mut [u8]>,
    /// Where the first message begins: what is before it is free.
    base: usize,
    used: usize,
    /// The message that is being written, at the open end.
    draft: MessageDraft,
    /// No slot before this one is free.
    first_free: Place,
    extents: [Extent; STORED_MESSAGES],
}

impl Default for MessageStore<'_> {
    fn default() -> Self {
        Self {
            memory: None,
            base: 0,
            used: 0,
            draft: MessageDraft::default(),
            first_free: 0,
            extents: [Extent::default(); STORED_MESSAGES],
        }
    }
}

impl<'m> MessageStore<'m> {
    /// Bytes that each message takes beside its own.
    #[cfg(test)]
    pub const ENTRY_LEN: usize = size_of::<Extent>();

    /// Gives an empty store its memory. What lies past 65,535 bytes is not used.
    pub fn set_memory(&mut self, memory: &'m mut [u8]) {
        self.memory = Some(memory);
    }

    fn memory(&self) -> &[u8] {
        self.memory.as_deref().unwrap_or_default()
    }

    fn memory_mut(&mut self) -> &mut [u8] {
        self.memory.as_deref_mut().unwrap_or_default()
    }

    /// Bytes that the draft can have; `limit` at most. Less than that: more, once other messages are freed.
    #[must_use]
    pub fn room(&self, limit: usize) -> usize {
        let end = self.memory().len().min(usize::from(u16::MAX));
        end.saturating_sub(self.used).min(limit)
    }

    /// The message that is being written, and the bytes it is written into, `limit` at most.
    pub fn draft(&mut self, limit: usize) -> (&mut MessageDraft, &mut [u8]) {
        let (_, draft, buffer) = self.draft_beside(None, limit);
        (draft, buffer)
    }

    /// The same, and the bytes of another message.
    pub fn draft_beside(
        &mut self,
        other: Option<StoredMessage>,
        limit: usize,
    ) -> (&[u8], &mut MessageDraft, &mut [u8]) {
        if self.base != 0 && self.room(limit) < limit {
            let base = core::mem::take(&mut self.base);
            self.cut(0, base as u16);
        }
        let room = self.room(limit);
        let extent = other.and_then(|other| self.extents.get(other.index()).copied());
        let extent = extent.unwrap_or_default();
        let memory = self.memory.as_deref_mut().unwrap_or_default();
        let (messages, rest) = memory.split_at_mut_checked(self.used).unwrap_or_default();
        let start = usize::from(extent.start);
        let bytes = messages.get(start..start + usize::from(extent.len));
        let buffer = rest.get_mut(..room).unwrap_or_default();
        (bytes.unwrap_or_default(), &mut self.draft, buffer)
    }

    /// The options of the message that is being written.
    #[must_use]
    pub fn drafted_options(&self) -> Options<'_> {
        self.draft
            .options(self.memory().get(self.used..).unwrap_or_default())
    }

    /// Bytes of the message that is being written; 0: none is.
    #[must_use]
    pub fn draft_len(&self) -> usize {
        self.draft.len()
    }

    /// Gives up the message that is being written.
    pub fn discard_draft(&mut self) {
        self.draft = MessageDraft::default();
    }

    /// Ends the writing. `None`: no slot, or an Empty message that is not empty; it can go on.
    pub fn commit(
        &mut self,
        kind: MessageType,
        code: Code,
        id: MessageId,
    ) -> Option<StoredMessage> {
        let len = self.finish(kind, code, id)?;
        let stored = self.take(len)?;
        self.discard_draft();
        Some(stored)
    }

    /// Writes the header of the draft, where it is; gives its length.
    fn finish(&mut self, kind: MessageType, code: Code, id: MessageId) -> Option<usize> {
        let (draft, used) = (self.draft, self.used);
        let buffer = self.memory_mut().get_mut(used..).unwrap_or_default();
        draft.finish(buffer, kind, code, id).ok()
    }

    /// Keeps a copy of a message. `None`: no room.
    pub fn add(&mut self, message: &[u8]) -> Option<StoredMessage> {
        self.discard_draft();
        let (_, buffer) = self.draft(message.len());
        for (to, from) in buffer.get_mut(..message.len())?.iter_mut().zip(message) {
            *to = *from;
        }
        self.take(message.len())
    }

    /// Makes the first `len` bytes of the open end a message. `None`: no slot, or `len` is 0.
    fn take(&mut self, len: usize) -> Option<StoredMessage> {
        if len == 0 {
            return None;
        }
        let (index, extent) = self
            .extents
            .iter_mut()
            .enumerate()
            .skip(if HAS_HINT {
                usize::from(self.first_free)
            } else {
                0
            })
            .find(|(_, extent)| extent.len == 0)?;
        *extent = Extent {
            start: self.used as u16,
            len: len as u16,
        };
        if HAS_HINT {
            self.first_free = index as Place + 1;
        }
        self.used += len;
        NonZeroPlace::new(index as Place + 1).map(StoredMessage)
    }

    /// The bytes of a message; empty if it was freed.
    #[must_use]
    pub fn get(&self, message: StoredMessage) -> &[u8] {
        let Some(extent) = self.extents.get(message.index()) else {
            return &[];
        };
        let start = usize::from(extent.start);
        self.memory()
            .get(start..start + usize::from(extent.len))
            .unwrap_or_default()
    }

    /// The bytes of a message; empty if it was freed.
    pub fn get_mut(&mut self, message: StoredMessage) -> &mut [u8] {
        let Some(&extent) = self.extents.get(message.index()) else {
            return &mut [];
        };
        let start = usize::from(extent.start);
        self.memory_mut()
            .get_mut(start..start + usize::from(extent.len))
            .unwrap_or_default()
    }

    /// Gives a message's bytes back. The later messages, and the draft, move down.
    pub fn free(&mut self, message: StoredMessage) {
        let Some(extent) = self.extents.get_mut(message.index()) else {
            return;
        };
        let freed = core::mem::take(extent);
        if HAS_HINT {
            self.first_free = self.first_free.min(message.index() as Place);
        }
        // Answers are freed in the order in which they came, as a rule: that moves nothing.
        if usize::from(freed.start) == self.base {
            self.base += usize::from(freed.len);
        } else {
            self.cut(freed.start, freed.len);
        }
    }

    /// Gives back all but the first `len` bytes of a message.
    pub fn truncate(&mut self, message: StoredMessage, len: usize) {
        if let Some(extent) = self.extents.get_mut(message.index())
            && len < usize::from(extent.len)
        {
            let len = len as u16;
            let (start, cut) = (extent.start + len, extent.len - len);
            extent.len = len;
            self.cut(start, cut);
        }
    }

    /// Ends the writing: the draft, followed by the message's own last `tail` bytes, takes the message's place.
    /// False: an Empty message that is not empty.
    pub fn replace(
        &mut self,
        message: StoredMessage,
        tail: usize,
        kind: MessageType,
        code: Code,
    ) -> bool {
        let finished = self.finish(kind, code, MessageId(0));
        let extent = self.extents.get(message.index()).copied();
        let (Some(len), Some(extent)) = (finished, extent) else {
            return false;
        };
        let tail = (tail as u16).min(extent.len);
        self.cut(extent.start, extent.len - tail);
        self.discard_draft();
        let end = self.used.saturating_add(len);
        if let Some(region) = self.memory_mut().get_mut(usize::from(extent.start)..end) {
            list::rotate_down(region, usize::from(tail));
        }
        self.shift(extent.start, tail);
        let start = self.used.saturating_sub(usize::from(tail));
        if let Some(extent) = self.extents.get_mut(message.index()) {
            *extent = Extent {
                start: start as u16,
                len: tail + len as u16,
            };
        }
        self.used = end;
        true
    }

    /// Takes out bytes that belong to no message any more. The later messages, and the draft, move down.
    fn cut(&mut self, start: u16, len: u16) {
        if len == 0 {
            return;
        }
        let end = self
            .used
            .saturating_add(self.draft.len())
            .min(self.memory().len());
        if let Some(rest) = self.memory_mut().get_mut(usize::from(start)..end) {
            list::move_bytes_down(rest, usize::from(len));
        }
        self.shift(start, len);
        self.used = self.used.saturating_sub(usize::from(len));
    }

    /// Says that the messages which begin after `start` have moved down.
    fn shift(&mut self, start: u16, by: u16) {
        for later in self.extents.iter_mut().filter(|e| e.start > start) {
            later.start = later.start.saturating_sub(by);
        }
    }

    /// All messages.
    #[cfg(test)]
    pub fn slots_in_use(&self) -> std::vec::Vec<StoredMessage> {
        let used = (0..).zip(&self.extents).filter(|(_, e)| e.len != 0);
        used.map(|(i, _): (Place, _)| StoredMessage(NonZeroPlace::new(i + 1).unwrap()))
            .collect()
    }

    /// Frees everything.
    pub fn clear(&mut self) {
        self.extents = [Extent::default(); STORED_MESSAGES];
        self.base = 0;
        self.used = 0;
        self.first_free = 0;
        self.discard_draft();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::header::Token;

    fn store_of(memory: &mut [u8]) -> MessageStore<'_> {
        let mut store = MessageStore::default();
        store.set_memory(memory);
        store
    }

    /// Begins a message of 4 bytes and, behind them, a token.
    fn begin(store: &mut MessageStore, token: &[u8]) {
        let (draft, buffer) = store.draft(usize::MAX);
        *draft = MessageDraft::begin(buffer, &Token::new(token).unwrap()).unwrap();
    }

    fn commit(store: &mut MessageStore) -> Option<StoredMessage> {
        store.commit(MessageType::NonConfirmable, Code::GET, MessageId(0x2A2A))
    }

    #[test]
    fn freeing_keeps_the_others_and_the_draft() {
        let mut memory = [0; 16];
        let mut store = store_of(&mut memory);
        let a = store.add(b"aaa").unwrap();
        let b = store.add(b"bb").unwrap();
        let c = store.add(b"cccc").unwrap();
        begin(&mut store, b"dd");
        store.free(a);
        store.free(b);
        assert_eq!(store.get(c), b"cccc");
        let d = commit(&mut store).unwrap();
        assert_eq!(store.get(d), b"\x52\x01**dd");
        assert_eq!(store.get(a), b"\x52\x01**dd", "slot of a is taken again");
        assert_eq!(store.draft_len(), 0);
        assert_eq!(store.room(usize::MAX), 1, "what is before c comes later");
        assert_eq!(store.draft(usize::MAX).1.len(), 6);
    }

    #[test]
    fn a_message_is_truncated_and_replaced() {
        let mut memory = [0; 30];
        let mut store = store_of(&mut memory);
        let a = store.add(b"aa").unwrap();
        let b = store.add(b"head.tail").unwrap();
        let c = store.add(b"cccc").unwrap();
        begin(&mut store, b"new");
        assert!(store.replace(b, 5, MessageType::NonConfirmable, Code::GET));
        assert_eq!(store.get(a), b"aa");
        assert_eq!(store.get(b), b"\x53\x01\0\0new.tail");
        assert_eq!(store.get(c), b"cccc");
        assert_eq!(store.draft(usize::MAX).1.len(), 12);
        begin(&mut store, b"dd");
        store.truncate(a, 1);
        store.truncate(b, 7);
        store.truncate(b, 8);
        assert_eq!(store.get(a), b"a");
        assert_eq!(store.get(b), b"\x53\x01\0\0new");
        assert_eq!(store.get(c), b"cccc");
        let d = commit(&mut store).unwrap();
        assert_eq!(store.get(d), b"\x52\x01**dd");
        begin(&mut store, b"ee");
        assert!(store.replace(a, 0, MessageType::Confirmable, Code::PUT));
        assert_eq!(store.get(a), b"\x42\x03\0\0ee");
        assert_eq!(store.get(b), b"\x53\x01\0\0new");
        assert_eq!(
            (store.get(c), store.get(d)),
            (&b"cccc"[..], &b"\x52\x01**dd"[..])
        );
        assert_eq!(store.draft(usize::MAX).1.len(), 30 - 6 - 7 - 4 - 6);
    }

    #[test]
    fn a_full_store_refuses() {
        let mut memory = [0; 4];
        let mut store = store_of(&mut memory);
        let a = store.add(b"1234").unwrap();
        assert!(store.draft(usize::MAX).1.is_empty());
        assert_eq!(store.add(b"5"), None);
        store.free(a);
        store.free(a);
        assert!(store.add(b"5678").is_some());
        assert_eq!(MessageStore::default().add(b"1"), None, "no memory at all");
    }

    #[test]
    fn a_message_is_never_empty() {
        let mut memory = [0; 4];
        let mut store = store_of(&mut memory);
        assert_eq!(store.add(b""), None);
        assert_eq!(commit(&mut store), None);
    }

    #[test]
    fn slots_run_out_before_they_are_shared() {
        let mut memory = [0; 2 * STORED_MESSAGES];
        let mut store = store_of(&mut memory);
        for n in 0..STORED_MESSAGES {
            assert!(store.add(&[n as u8]).is_some());
        }
        assert_eq!(store.add(b"x"), None);
    }
}
