// SPDX-License-Identifier: MIT
//! Datagrams that are ready to be sent, in order.

use super::peer::PeerId;
use super::store::StoredMessage;
use super::transmission::Owner;
use crate::config::OUTBOX;
use crate::handle::Handle;
use crate::list;
use heapless::Vec;

/// One datagram to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outgoing {
    /// Where to.
    pub peer: PeerId,
    /// Its bytes. `None`: an Empty message.
    pub message: Option<StoredMessage>,
    /// The message is freed once it has been sent, not needed longer.
    pub once: bool,
    /// The bytes of an Empty message.
    pub empty: [u8; 4],
    /// Whose first transmission this is, see [`Outgoing::starts`].
    handle: Option<Handle>,
    owner_kind: u8,
}

impl Outgoing {
    /// A stored message.
    pub fn stored(peer: PeerId, message: StoredMessage, once: bool) -> Self {
        Self {
            peer,
            message: Some(message),
            once,
            empty: [0; 4],
            handle: None,
            owner_kind: 0,
        }
    }

    /// An Empty message.
    pub fn empty(peer: PeerId, bytes: [u8; 4]) -> Self {
        Self {
            peer,
            message: None,
            once: true,
            empty: bytes,
            handle: None,
            owner_kind: 0,
        }
    }

    /// The same, as the first transmission of this owner's message.
    pub fn starting(self, owner: Option<Owner>) -> Self {
        let (handle, owner_kind) = Owner::split(owner);
        Self {
            handle,
            owner_kind,
            ..self
        }
    }

    /// Whose first transmission this is.
    #[must_use]
    pub fn starts(&self) -> Option<Owner> {
        Owner::join(self.handle, self.owner_kind)
    }
}

/// A queue of datagrams.
#[derive(Default)]
pub struct Outbox {
    queue: Vec<Outgoing, OUTBOX>,
}

impl Outbox {
    /// Appends a datagram. False: the queue is full.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn push(&mut self, outgoing: Outgoing) -> bool {
        self.queue.push(outgoing).is_ok()
    }

    /// Takes the first datagram out.
    pub fn pop(&mut self) -> Option<Outgoing> {
        list::remove(&mut self.queue, 0)
    }

    /// Whether this message is queued.
    #[must_use]
    pub fn holds(&self, message: StoredMessage) -> bool {
        self.queue.iter().any(|o| o.message == Some(message))
    }

    /// Takes a message that is to be freed out of the queue.
    pub fn forget(&mut self, message: StoredMessage) {
        self.queue.retain(|o| o.message != Some(message));
    }

    /// Takes out the first transmission of this owner's message, if it is one that is sent once.
    pub fn take_once(&mut self, owner: Owner) -> Option<StoredMessage> {
        let once = |o: &&Outgoing| o.once && o.starts() == Some(owner);
        let message = self.queue.iter().find(once)?.message?;
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

    /// Everything that waits to be handed out.
    #[cfg(test)]
    pub fn all(&self) -> &[Outgoing] {
        &self.queue
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.queue.clear();
    }
}
