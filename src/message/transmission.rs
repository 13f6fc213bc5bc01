// SPDX-License-Identifier: MIT
//! Messages on their way: waiting for their turn, or for their acknowledgement. RFC 7252 sections
//! 4.2 and 4.7.

use super::peer::PeerId;
use super::store::StoredMessage;
use crate::config::TRANSMISSIONS;
use crate::handle::Handle;
use crate::time::Instant;
use crate::wire::header::MessageId;
use heapless::Vec;

/// Who wants to know how a transmission ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// A request (or a ping) of ours.
    Exchange(Handle),
    /// A separate response of ours; nobody is waiting.
    Response,
}

/// Where a transmission stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Not sent yet: NSTART, PROBING_RATE or the supply of message ids holds it back.
    Waiting,
    /// Confirmable, sent `retransmissions + 1` times; sent again, or given up, at `deadline`.
    Unacknowledged {
        /// When the current timeout ends.
        deadline: Instant,
        /// The current timeout, milliseconds.
        timeout_ms: u32,
        /// Retransmissions so far, at most MAX_RETRANSMIT.
        retransmissions: u8,
    },
    /// A non-confirmable request, sent; counted as an outstanding interaction `until` then.
    Expecting {
        /// When it stops counting.
        until: Instant,
    },
}

/// A message on its way.
#[derive(Clone, Copy, Debug)]
pub struct Transmission {
    /// Where to.
    pub peer: PeerId,
    /// Its message id; `None` until there is one to be had.
    pub id: Option<MessageId>,
    /// Its bytes, while they may be needed (again).
    pub message: Option<StoredMessage>,
    /// CON, not NON.
    pub confirmable: bool,
    /// Who is told about its end.
    pub owner: Owner,
    /// Where it stands.
    pub state: State,
}

/// All messages on their way, in the order in which they were handed in.
#[derive(Default)]
pub struct Transmissions {
    list: Vec<Transmission, TRANSMISSIONS>,
}

impl Transmissions {
    /// Adds one at the end. False: the table is full.
    pub fn push(&mut self, transmission: Transmission) -> bool {
        self.list.push(transmission).is_ok()
    }

    /// Whether the table has no room left.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.list.is_full()
    }

    /// The sent message with this id to this peer: what an ACK or RST can be about.
    #[must_use]
    pub fn position_sent(&self, peer: PeerId, id: MessageId) -> Option<usize> {
        self.list
            .iter()
            .position(|t| t.peer == peer && t.id == Some(id) && t.state != State::Waiting)
    }

    /// The transmission of this exchange.
    #[must_use]
    pub fn position_owned(&self, exchange: Handle) -> Option<usize> {
        self.list
            .iter()
            .position(|t| t.owner == Owner::Exchange(exchange))
    }

    /// The transmission at this position.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Transmission> {
        self.list.get(index)
    }

    /// The transmission at this position.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut Transmission> {
        self.list.get_mut(index)
    }

    /// Takes out the transmission at this position.
    pub fn remove(&mut self, index: usize) -> Option<Transmission> {
        if index < self.list.len() {
            Some(self.list.remove(index))
        } else {
            None
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Transmission> {
        self.list.iter()
    }

    /// Outstanding interactions with a peer, RFC 7252 section 4.7.
    #[must_use]
    pub fn outstanding(&self, peer: PeerId) -> usize {
        self.list
            .iter()
            .filter(|t| t.peer == peer && t.state != State::Waiting)
            .count()
    }

    /// Whether one handed in before `index` waits for the same peer and goes first. A confirmable one
    /// does not stand behind non-confirmable ones, which PROBING_RATE may hold back for long.
    #[must_use]
    pub fn is_behind(&self, index: usize) -> bool {
        let Some(this) = self.list.get(index) else {
            return false;
        };
        self.list.iter().take(index).any(|t| {
            t.peer == this.peer && t.state == State::Waiting && (t.confirmable || !this.confirmable)
        })
    }

    /// Separate responses on their way: all of them, and those that wait to be sent to `peer`.
    #[must_use]
    pub fn responses(&self, peer: PeerId) -> (usize, usize) {
        let mut responses = (0, 0);
        for t in self.list.iter().filter(|t| t.owner == Owner::Response) {
            responses.0 += 1;
            responses.1 += usize::from(t.peer == peer && t.state == State::Waiting);
        }
        responses
    }

    /// Whether one refers to the peer.
    #[must_use]
    pub fn refers_to(&self, peer: PeerId) -> bool {
        self.list.iter().any(|t| t.peer == peer)
    }

    /// Transmissions in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether none is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.list.clear();
    }
}
