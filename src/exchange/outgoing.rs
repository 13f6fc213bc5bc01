// SPDX-License-Identifier: MIT
//! Requests of ours that wait for their response.

use crate::config::EXCHANGES;
use crate::handle::{Handle, SlotTable};
use crate::message::peer::PeerId;
use crate::time::{Instant, earliest};
use crate::wire::header::{MessageId, Token};

/// What was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A confirmable request.
    Confirmable,
    /// A non-confirmable request.
    NonConfirmable,
    /// An Empty confirmable message, RFC 7252 section 4.3: its RST is the answer.
    Ping,
}

/// How an exchange ended without a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// No ACK, or no response, in time.
    Timeout,
    /// The peer sent RST.
    Reset,
}

/// Where an exchange stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// The message layer has it: it waits for its turn, or for its ACK.
    Sending,
    /// A confirmable request was acknowledged with an Empty ACK: a separate response will come.
    Acknowledged {
        /// When the wait is over.
        deadline: Instant,
    },
    /// A non-confirmable request got no response at once; it may still come.
    Unanswered {
        /// When the wait is over.
        deadline: Instant,
    },
    /// Over, and not reported yet.
    Failed(Failure),
}

/// A request and the response it waits for.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// Where to.
    pub peer: PeerId,
    /// RFC 7252 section 5.3.1.
    pub token: Token,
    /// The message id of the request; `None` until it has one.
    pub id: Option<MessageId>,
    /// What was asked.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
}

/// All exchanges.
#[derive(Default)]
pub struct Exchanges {
    table: SlotTable<Exchange, EXCHANGES>,
}

impl Exchanges {
    /// Adds an exchange; gives it back when the table is full.
    pub fn insert(&mut self, exchange: Exchange) -> Result<Handle, Exchange> {
        self.table.insert(exchange)
    }

    /// The exchange, unless the handle is stale.
    #[must_use]
    pub fn get(&self, handle: Handle) -> Option<&Exchange> {
        self.table.get(handle)
    }

    /// The exchange, unless the handle is stale.
    pub fn get_mut(&mut self, handle: Handle) -> Option<&mut Exchange> {
        self.table.get_mut(handle)
    }

    /// Ends an exchange.
    pub fn remove(&mut self, handle: Handle) -> Option<Exchange> {
        self.table.remove(handle)
    }

    /// The exchange that a separate response with this token from this peer answers.
    ///
    /// RFC 7252 section 5.3.2: token and peer must match. Callers may choose equal tokens; then one that
    /// is no longer with the message layer goes first, and one that `was_sent` denies cannot be meant.
    #[must_use]
    pub fn match_token(
        &self,
        peer: PeerId,
        token: Token,
        was_sent: impl Fn(Handle) -> bool,
    ) -> Option<Handle> {
        let mut with_message_layer = None;
        for (handle, e) in self.table.iter() {
            if e.peer != peer || e.token != token || e.kind == Kind::Ping || !e.is_live() {
                continue;
            }
            if e.state != State::Sending {
                return Some(handle);
            }
            if with_message_layer.is_none() && was_sent(handle) {
                with_message_layer = Some(handle);
            }
        }
        with_message_layer
    }

    /// The exchange whose request had this message id and is no longer with the message layer: what an
    /// RST that is about no transmission can be about.
    #[must_use]
    pub fn match_id(&self, peer: PeerId, id: MessageId) -> Option<Handle> {
        let fits = |e: &Exchange| {
            // What is still with the message layer and no transmission of it has not been sent.
            e.peer == peer && e.id == Some(id) && e.is_live() && e.state != State::Sending
        };
        self.table.find(fits)
    }

    /// The oldest non-confirmable request, to that peer or to any, whose response did not come at once.
    #[must_use]
    pub fn first_unanswered(&self, to: Option<PeerId>) -> Option<Handle> {
        self.table.earliest(|e| match e.state {
            State::Unanswered { deadline } if to.is_none_or(|to| to == e.peer) => Some(deadline),
            _ => None,
        })
    }

    /// One exchange that is over and not reported yet.
    #[must_use]
    pub fn first_failed(&self) -> Option<Handle> {
        self.table.find(|e| !e.is_live())
    }

    /// Ends all waits that are over at `now`; gives how many.
    pub fn expire(&mut self, now: Instant) -> u32 {
        let mut ended = 0;
        for (_, exchange) in self.table.iter_mut() {
            if exchange
                .deadline()
                .is_some_and(|deadline| deadline.is_due(now))
            {
                exchange.state = State::Failed(Failure::Timeout);
                ended += 1;
            }
        }
        ended
    }

    /// When `expire` has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.table.iter().fold(None, |next, (_, exchange)| {
            earliest(next, exchange.deadline())
        })
    }

    /// Whether one has had its Empty ACK and waits for a separate response.
    #[must_use]
    pub fn awaits_separate(&self) -> bool {
        self.table
            .iter()
            .any(|(_, e)| matches!(e.state, State::Acknowledged { .. }))
    }

    /// Exchanges with a peer.
    #[must_use]
    pub fn with_peer(&self, peer: PeerId) -> usize {
        self.table.iter().filter(|(_, e)| e.peer == peer).count()
    }

    /// Whether one refers to the peer.
    #[must_use]
    pub fn refers_to(&self, peer: PeerId) -> bool {
        self.table.iter().any(|(_, exchange)| exchange.peer == peer)
    }

    /// Exchanges in use.
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

impl Exchange {
    fn is_live(&self) -> bool {
        !matches!(self.state, State::Failed(_))
    }

    fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Acknowledged { deadline } | State::Unanswered { deadline } => Some(deadline),
            State::Sending | State::Failed(_) => None,
        }
    }
}
