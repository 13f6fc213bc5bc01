// SPDX-License-Identifier: MIT
//! Bytes of messages that must outlive the call that wrote them: confirmable messages until their
//! ACK, answers until their request can no longer be repeated, datagrams until they are polled.
//!
//! Each takes exactly its size. Freeing one moves the later ones down, so there is no
//! fragmentation; they are named by [`StoredMessage`], never by position. The message being written
//! (the draft) is the open end of the store and moves along.

use crate::config::STORED_MESSAGES;
use crate::list;
use core::num::NonZeroU8;

/// Names a message in a [`MessageStore`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct StoredMessage(NonZeroU8);

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
    memory: &'m mut [u8],
    /// Where the first message begins: what is before it is free.
    base: usize,
    used: usize,
    draft_len: usize,
    extents: [Extent; STORED_MESSAGES],
}

impl<'m> MessageStore<'m> {
    /// An empty store. What lies past 65,535 bytes is not used.
    pub fn new(memory: &'m mut [u8]) -> Self {
        Self {
            memory,
            base: 0,
            used: 0,
            draft_len: 0,
            extents: [Extent::default(); STORED_MESSAGES],
        }
    }

    /// Where a message can be written before it is committed; `limit` bytes at most.
    pub fn draft(&mut self, limit: usize) -> &mut [u8] {
        self.make_contiguous(limit);
        let end = self.draft_end(limit);
        self.memory.get_mut(self.used..end).unwrap_or_default()
    }

    /// The message that is being written, and what room is behind it where it is.
    pub fn drafted(&mut self) -> &mut [u8] {
        let end = self.draft_end(usize::MAX);
        self.memory.get_mut(self.used..end).unwrap_or_default()
    }

    /// A message, and where another can be written, `limit` bytes at most.
    pub fn with_draft(&mut self, message: StoredMessage, limit: usize) -> (&[u8], &mut [u8]) {
        self.make_contiguous(limit);
        let extent = self.extents.get(message.index()).copied();
        let extent = extent.unwrap_or_default();
        let end = self.draft_end(limit);
        let draft_len = end.saturating_sub(self.used);
        let Some((messages, draft)) = self.memory.split_at_mut_checked(self.used) else {
            return (&[], &mut []);
        };
        let start = usize::from(extent.start);
        let bytes = messages.get(start..start + usize::from(extent.len));
        (
            bytes.unwrap_or_default(),
            draft.get_mut(..draft_len).unwrap_or_default(),
        )
    }

    /// Moves everything to the beginning of the memory, if the draft has less than `limit` bytes where it is.
    fn make_contiguous(&mut self, limit: usize) {
        if self.base != 0 && self.draft_end(limit) - self.used < limit {
            let base = core::mem::take(&mut self.base);
            self.cut(0, base as u16);
        }
    }

    fn draft_end(&self, limit: usize) -> usize {
        self.memory
            .len()
            .min(usize::from(u16::MAX))
            .min(self.used.saturating_add(limit))
    }

    /// Says how many bytes of the draft must be kept when other messages are freed.
    pub fn keep_draft(&mut self, len: usize) {
        self.draft_len = len;
    }

    /// Makes the first `len` bytes of the draft a message. `None`: no slot, or `len` is 0 or too long.
    pub fn commit(&mut self, len: usize) -> Option<StoredMessage> {
        self.draft_len = 0;
        let end = self.used.checked_add(len)?;
        if len == 0 || end > self.memory.len().min(usize::from(u16::MAX)) {
            return None;
        }
        let (index, extent) = self
            .extents
            .iter_mut()
            .enumerate()
            .find(|(_, extent)| extent.len == 0)?;
        *extent = Extent {
            start: self.used as u16,
            len: len as u16,
        };
        self.used = end;
        NonZeroU8::new(index as u8 + 1).map(StoredMessage)
    }

    /// The bytes of a message; empty if it was freed.
    #[must_use]
    pub fn get(&self, message: StoredMessage) -> &[u8] {
        let Some(extent) = self.extents.get(message.index()) else {
            return &[];
        };
        let start = usize::from(extent.start);
        self.memory
            .get(start..start + usize::from(extent.len))
            .unwrap_or_default()
    }

    /// The bytes of a message; empty if it was freed.
    pub fn get_mut(&mut self, message: StoredMessage) -> &mut [u8] {
        let Some(extent) = self.extents.get(message.index()) else {
            return &mut [];
        };
        let start = usize::from(extent.start);
        self.memory
            .get_mut(start..start + usize::from(extent.len))
            .unwrap_or_default()
    }

    /// Gives a message's bytes back. The later messages, and the draft, move down.
    pub fn free(&mut self, message: StoredMessage) {
        let Some(extent) = self.extents.get_mut(message.index()) else {
            return;
        };
        let freed = core::mem::take(extent);
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

    /// Replaces a message by the first `len` bytes of the draft, followed by the message's own last `tail`.
    pub fn replace(&mut self, message: StoredMessage, len: usize, tail: usize) {
        let Some(extent) = self.extents.get(message.index()).copied() else {
            return;
        };
        let tail = (tail as u16).min(extent.len);
        self.draft_len = len;
        self.cut(extent.start, extent.len - tail);
        let end = self.used.saturating_add(len);
        if let Some(region) = self.memory.get_mut(usize::from(extent.start)..end) {
            list::rotate_down(region, usize::from(tail));
        }
        self.draft_len = 0;
        self.shift(extent.start, tail);
        let start = self.used.saturating_sub(usize::from(tail));
        if let Some(extent) = self.extents.get_mut(message.index()) {
            *extent = Extent {
                start: start as u16,
                len: tail + len as u16,
            };
        }
        self.used = end;
    }

    /// Takes out bytes that belong to no message any more. The later messages, and the draft, move down.
    fn cut(&mut self, start: u16, len: u16) {
        if len == 0 {
            return;
        }
        let end = self
            .used
            .saturating_add(self.draft_len)
            .min(self.memory.len());
        if let Some(rest) = self.memory.get_mut(usize::from(start)..end) {
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
        used.map(|(i, _): (u8, _)| StoredMessage(NonZeroU8::new(i + 1).unwrap()))
            .collect()
    }

    /// Frees everything.
    pub fn clear(&mut self) {
        self.extents = [Extent::default(); STORED_MESSAGES];
        self.base = 0;
        self.used = 0;
        self.draft_len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(store: &mut MessageStore, bytes: &[u8]) -> Option<StoredMessage> {
        let draft = store.draft(usize::MAX);
        draft.get_mut(..bytes.len())?.copy_from_slice(bytes);
        store.commit(bytes.len())
    }

    #[test]
    fn freeing_keeps_the_others_and_the_draft() {
        let mut memory = [0; 16];
        let mut store = MessageStore::new(&mut memory);
        let a = put(&mut store, b"aaa").unwrap();
        let b = put(&mut store, b"bb").unwrap();
        let c = put(&mut store, b"cccc").unwrap();
        store.draft(usize::MAX)[..2].copy_from_slice(b"dd");
        store.keep_draft(2);
        store.free(a);
        store.free(b);
        assert_eq!(store.get(c), b"cccc");
        let d = store.commit(2).unwrap();
        assert_eq!(store.get(d), b"dd");
        assert_eq!(store.get(a), b"dd", "slot of a is taken again");
        assert_eq!(store.draft(usize::MAX).len(), 10);
    }

    #[test]
    fn a_message_is_truncated_and_replaced() {
        let mut memory = [0; 20];
        let mut store = MessageStore::new(&mut memory);
        let a = put(&mut store, b"aa").unwrap();
        let b = put(&mut store, b"head.tail").unwrap();
        let c = put(&mut store, b"cccc").unwrap();
        store.draft(usize::MAX)[..3].copy_from_slice(b"new");
        store.replace(b, 3, 5);
        assert_eq!((store.get(a), store.get(b)), (&b"aa"[..], &b"new.tail"[..]));
        assert_eq!(store.get(c), b"cccc");
        assert_eq!(store.draft(usize::MAX).len(), 6);
        store.draft(usize::MAX)[..2].copy_from_slice(b"dd");
        store.keep_draft(2);
        store.truncate(a, 1);
        store.truncate(b, 3);
        store.truncate(b, 4);
        assert_eq!((store.get(a), store.get(b)), (&b"a"[..], &b"new"[..]));
        assert_eq!(store.get(c), b"cccc");
        let d = store.commit(2).unwrap();
        assert_eq!(store.get(d), b"dd");
        store.draft(usize::MAX)[..2].copy_from_slice(b"ee");
        store.replace(a, 2, 0);
        store.draft(usize::MAX)[..1].copy_from_slice(b"f");
        store.replace(d, 1, 2);
        assert_eq!((store.get(a), store.get(d)), (&b"ee"[..], &b"fdd"[..]));
        assert_eq!((store.get(b), store.get(c)), (&b"new"[..], &b"cccc"[..]));
        assert_eq!(store.draft(usize::MAX).len(), 20 - 12);
    }

    #[test]
    fn a_full_store_refuses() {
        let mut memory = [0; 4];
        let mut store = MessageStore::new(&mut memory);
        let a = put(&mut store, b"1234").unwrap();
        assert!(store.draft(usize::MAX).is_empty());
        assert_eq!(store.commit(1), None);
        store.free(a);
        store.free(a);
        assert!(put(&mut store, b"5678").is_some());
    }

    #[test]
    fn a_message_is_never_empty() {
        let mut memory = [0; 4];
        assert_eq!(MessageStore::new(&mut memory).commit(0), None);
    }

    #[test]
    fn slots_run_out_before_they_are_shared() {
        let mut memory = [0; 2 * STORED_MESSAGES];
        let mut store = MessageStore::new(&mut memory);
        for n in 0..STORED_MESSAGES {
            assert!(put(&mut store, &[n as u8]).is_some());
        }
        assert_eq!(put(&mut store, b"x"), None);
    }
}
