// SPDX-License-Identifier: MIT
//! Requests of peers that have not been answered.

use crate::config::REQUESTS;
use crate::handle::{Handle, SlotTable};
use crate::message::peer::PeerId;
use crate::time::{Instant, earliest};
use crate::wire::header::{MessageId, Token};

/// What the message layer owes the peer, RFC 7252 section 5.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acknowledgement {
    /// The request was confirmable and its ACK is still to be sent: at `deadline` at the latest, as
    /// an Empty one if there is no response by then.
    Owed {
        /// When an Empty ACK goes out.
        deadline: Instant,
    },
    /// The Empty ACK is out: the response will be separate.
    Sent,
    /// The request was non-confirmable.
    None,
}

/// A request that a handler is to answer.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Who asked.
    pub peer: PeerId,
    /// The request's message id.
    pub id: MessageId,
    /// What the response must carry.
    pub token: Token,
    /// Whether an ACK is owed.
    pub acknowledgement: Acknowledgement,
    /// The handler has returned without an answer; one may come later, or never.
    pub released: bool,
    /// When nobody waits for the answer any more.
    pub expires: Instant,
}

/// All requests that have not been answered.
#[derive(Default)]
pub struct Requests {
    table: SlotTable<Request, REQUESTS>,
}

impl Requests {
    /// Adds a request. When the table is full, the oldest one whose handler has returned gives way.
    /// `Err`: all are being handled.
    pub fn insert(&mut self, request: Request) -> Result<Handle, Request> {
        if self.table.len() == REQUESTS
            && let Some(handle) = self.table.earliest(|r| r.released.then_some(r.expires))
        {
            self.table.remove(handle);
        }
        self.table.insert(request)
    }

    /// The request, unless the handle is stale.
    #[must_use]
    pub fn get(&self, handle: Handle) -> Option<&Request> {
        self.table.get(handle)
    }

    /// The request, unless the handle is stale.
    pub fn get_mut(&mut self, handle: Handle) -> Option<&mut Request> {
        self.table.get_mut(handle)
    }

    /// Takes a request out: it has been answered, or never will be.
    pub fn remove(&mut self, handle: Handle) -> Option<Request> {
        self.table.remove(handle)
    }

    /// The request with this message id from this peer.
    #[must_use]
    pub fn find(&self, peer: PeerId, id: MessageId) -> Option<Handle> {
        self.table.find(|r| r.peer == peer && r.id == id)
    }

    /// The request with this token from this peer.
    #[must_use]
    pub fn find_token(&self, peer: PeerId, token: Token) -> Option<Handle> {
        self.table.find(|r| r.peer == peer && r.token == token)
    }

    /// Forgets requests that nobody waits for any more.
    pub fn expire(&mut self, now: Instant) {
        let expired = |r: &Request| r.released && r.expires.is_due(now);
        while let Some(handle) = self.table.find(expired) {
            self.table.remove(handle);
        }
    }

    /// Whether `expire` has something to forget some day.
    #[must_use]
    pub fn remembers(&self) -> bool {
        self.table.iter().any(|(_, request)| request.released)
    }

    /// Marks one request whose ACK is due as acknowledged and gives it.
    pub fn take_ack_due(&mut self, now: Instant) -> Option<Request> {
        let due = |r: &Request| matches!(r.acknowledgement, Acknowledgement::Owed { deadline } if deadline.is_due(now));
        let (_, request) = self.table.iter_mut().find(|(_, r)| due(r))?;
        request.acknowledgement = Acknowledgement::Sent;
        Some(*request)
    }

    /// When the next ACK is due.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.table
            .iter()
            .fold(None, |next, (_, r)| match r.acknowledgement {
                Acknowledgement::Owed { deadline } => earliest(next, Some(deadline)),
                _ => next,
            })
    }

    /// Whether one refers to the peer.
    #[must_use]
    pub fn refers_to(&self, peer: PeerId) -> bool {
        self.table.iter().any(|(_, request)| request.peer == peer)
    }

    /// Requests in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether none is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.table.clear();
    }
}
