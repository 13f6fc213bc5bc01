// SPDX-License-Identifier: MIT
//! Datagrams that are ready to be sent, in order.

use super::peer::PeerId;
use super::store::StoredMessage;
use crate::config::OUTBOX;
use crate::handle::Handle;
use heapless::Vec;

/// One datagram to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// Where to.
    pub peer: PeerId,
    /// Its bytes.
    pub bytes: Bytes,
    /// The exchange whose first transmission this is.
    pub starts: Option<Handle>,
}

/// The bytes of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bytes {
    /// An Empty message.
    Empty([u8; 4]),
    /// A message that is needed longer.
    Kept(StoredMessage),
    /// A message that is freed once it has been sent.
    Once(StoredMessage),
}

/// A queue of datagrams.
#[derive(Default)]
pub struct Outbox {
    queue: Vec<Outgoing, OUTBOX>,
}

impl Outbox {
    /// Appends a datagram. False: the queue is full.
    pub fn push(&mut self, outgoing: Outgoing) -> bool {
        self.queue.push(outgoing).is_ok()
    }

    /// Takes the first datagram out.
    pub fn pop(&mut self) -> Option<Outgoing> {
        if self.queue.is_empty() {
            None
        } else {
            Some(self.queue.remove(0))
        }
    }

    /// Whether this message is queued.
    #[must_use]
    pub fn holds(&self, message: StoredMessage) -> bool {
        self.queue
            .iter()
            .any(|o| o.bytes == Bytes::Kept(message) || o.bytes == Bytes::Once(message))
    }

    /// Takes a message that is to be freed out of the queue.
    pub fn forget(&mut self, message: StoredMessage) {
        self.queue
            .retain(|o| o.bytes != Bytes::Kept(message) && o.bytes != Bytes::Once(message));
    }

    /// Takes out the datagram that starts this exchange, if it is one that is sent once.
    pub fn take_once(&mut self, exchange: Handle) -> Option<StoredMessage> {
        let once = |o: &Outgoing| match o.bytes {
            Bytes::Once(message) if o.starts == Some(exchange) => Some(message),
            _ => None,
        };
        let message = self.queue.iter().find_map(once)?;
        self.forget(message);
        Some(message)
    }

    /// Whether the queue has no room left.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// Whether nothing is queued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether a queued datagram refers to the peer.
    #[must_use]
    pub fn refers_to(&self, peer: PeerId) -> bool {
        self.queue.iter().any(|outgoing| outgoing.peer == peer)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.queue.clear();
    }
}
