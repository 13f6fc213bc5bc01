// SPDX-License-Identifier: MIT
//! One bound socket's protocol state, client and server in one.
//!
//! The caller drives it: `handle_*` takes something in, `poll_*` gives something out. After every
//! `handle_*`, `request_send` and `response_send`: poll events and transmits until there are none,
//! then wait for a datagram or for [`Endpoint::poll_timeout`]. Spurious calls are harmless.

mod draft;
mod receive;
#[cfg(test)]
mod tests;

use crate::config::Parameters;
use crate::exchange::incoming::{Acknowledgement, Requests};
use crate::exchange::outgoing::{Exchange, Exchanges, Failure, State};
use crate::handle::Handle;
use crate::message::deduplication::Answer;
use crate::message::peer::{PeerAddr, PeerId};
use crate::message::transmission::Owner;
use crate::message::{Counters, Datagram, Expired, MessageLayer};
use crate::resource::Resources;
use crate::time::{Instant, earliest};
use crate::wire::header::{MessageId, MessageType, Token};
pub use draft::{DraftError, Entropy, RequestError, RespondError, Sent};
pub use receive::Received;

/// How long an idle endpoint may be left alone, milliseconds (6.2 days): instants are compared correctly
/// up to four times that.
const FORGET_WITHIN_MS: u32 = crate::time::LONGEST / 4;

/// Protocol state of one endpoint. `'m`: the memory for messages and resources.
pub struct Endpoint<'m> {
    message: MessageLayer<'m>,
    exchanges: Exchanges,
    requests: Requests,
    resources: Resources<'m>,
    draft: Option<draft::Draft>,
    /// The end of an exchange that gave way to another, until it is reported.
    displaced: Option<Ended>,
}

/// The end of an exchange that came from a timer or an RST, not from a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended {
    /// The exchange; its handle is stale by now.
    pub exchange: Handle,
    /// Whom it was with.
    pub peer: PeerAddr,
    /// Its token.
    pub token: Token,
    /// Its message id.
    pub id: MessageId,
    /// Why.
    pub failure: Failure,
}

/// What is in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Requests of ours that wait for their response.
    pub exchanges: usize,
    /// Messages of ours on their way.
    pub transmissions: usize,
    /// Received messages whose repetitions are recognised.
    pub deduplication: usize,
    /// Requests of peers that have not been answered.
    pub requests: usize,
}

impl<'m> Endpoint<'m> {
    /// An endpoint with nothing outstanding.
    ///
    /// `parameters` must be in range ([`Parameters::out_of_range`]); `seed` should be unpredictable;
    /// `store` is for messages, `parameters.message_store` bytes.
    pub fn new(parameters: Parameters, seed: [u8; 8], store: &'m mut [u8]) -> Self {
        Self {
            message: MessageLayer::new(parameters, seed, store),
            exchanges: Exchanges::default(),
            requests: Requests::default(),
            resources: Resources::default(),
            draft: None,
            displaced: None,
        }
    }

    /// Ends everything outstanding and forgets all peers. Resources, counters and the sequence of
    /// message ids stay.
    pub fn reset(&mut self) {
        self.draft = None;
        self.displaced = None;
        self.message.clear();
        self.exchanges.clear();
        self.requests.clear();
    }

    /// The paths that are served.
    pub fn resources(&mut self) -> &mut Resources<'m> {
        &mut self.resources
    }

    /// RFC 7252 section 4.8.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.message.parameters
    }

    /// What went on.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.message.counters
    }

    /// What is in use.
    #[must_use]
    pub fn usage(&self) -> Usage {
        Usage {
            exchanges: self.exchanges.len(),
            transmissions: self.message.transmissions.len(),
            deduplication: self.message.deduplication.len(),
            requests: self.requests.len(),
        }
    }

    /// Whether anything refers to the peer.
    #[must_use]
    pub fn knows_peer(&self, peer: &PeerAddr) -> bool {
        let displaced = self.displaced.is_some_and(|ended| ended.peer == *peer);
        displaced
            || self.message.peers.find(peer).is_some_and(|id| {
                self.message.refers_to(id)
                    || self.exchanges.refers_to(id)
                    || self.requests.refers_to(id)
            })
    }

    /// Whether an exchange has had its Empty ACK and waits for a separate response.
    #[must_use]
    pub fn awaits_separate(&self) -> bool {
        self.exchanges.awaits_separate()
    }

    /// Ends an exchange without an event; nothing is sent to the peer. False: the handle is stale.
    pub fn cancel(&mut self, exchange: Handle, now: Instant) -> bool {
        self.discard_draft();
        self.message.end_owned(exchange, now);
        self.exchanges.remove(exchange).is_some()
    }

    /// Runs all timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.discard_draft();
        self.message.settle();
        self.message.expire(now);
        while let Some(expired) = self.message.next_expired(now) {
            self.handle_expired(expired, now);
        }
        self.count_timeouts(|endpoint| endpoint.exchanges.expire(now));
        self.requests.expire(now);
        while let Some(request) = self.requests.take_ack_due(now) {
            self.acknowledge_empty(request.peer, request.id);
        }
    }

    fn handle_expired(&mut self, expired: Expired, now: Instant) {
        let (transmission, state) = match expired {
            Expired::Unacknowledged(transmission) => {
                self.count_timeouts(|_| 1);
                (transmission, State::Failed(Failure::Timeout))
            }
            Expired::Unanswered(transmission) => {
                // The response to a NON can come as long as its message id is taken.
                let deadline = now.after(self.message.parameters.non_lifetime_ms());
                (transmission, State::Unanswered { deadline })
            }
        };
        if let Owner::Exchange(handle) = transmission.owner
            && let Some(exchange) = self.exchanges.get_mut(handle)
        {
            exchange.id = transmission.id;
            exchange.state = state;
        }
    }

    fn count_timeouts(&mut self, ended: impl FnOnce(&mut Self) -> u32) {
        let ended = ended(self);
        self.message.counters.timeouts = self.message.counters.timeouts.wrapping_add(ended);
    }

    /// Sends an Empty ACK that repetitions of the request get again.
    fn acknowledge_empty(&mut self, peer: PeerId, id: MessageId) {
        self.message.deduplication.set_answer(
            peer,
            id,
            Answer::Empty(MessageType::Acknowledgement),
        );
        self.message
            .send_empty(peer, MessageType::Acknowledgement, id);
    }

    /// Says that the handler of a request has returned. If it has not answered, a confirmable request
    /// is acknowledged now, and the answer may still come. Stale handles are fine: it has answered.
    pub fn request_release(&mut self, request: Handle) {
        let Some(pending) = self.requests.get_mut(request) else {
            return;
        };
        pending.released = true;
        if matches!(pending.acknowledgement, Acknowledgement::Owed { .. }) {
            pending.acknowledgement = Acknowledgement::Sent;
            let (peer, id) = (pending.peer, pending.id);
            self.acknowledge_empty(peer, id);
        } else if pending.acknowledgement == Acknowledgement::None {
            let (peer, id) = (pending.peer, pending.id);
            self.message
                .deduplication
                .set_answer(peer, id, Answer::Silence);
        }
    }

    /// Forgets a request that will never be answered; its repetitions are still recognised.
    pub fn request_drop(&mut self, request: Handle) {
        self.request_release(request);
        self.requests.remove(request);
    }

    /// The request with this message id from this peer that has not been answered.
    #[must_use]
    pub fn request_find(&self, peer: &PeerAddr, id: MessageId) -> Option<Handle> {
        self.requests.find(self.message.peers.find(peer)?, id)
    }

    /// The request with this token from this peer that has not been answered.
    #[must_use]
    pub fn request_find_token(&self, peer: &PeerAddr, token: Token) -> Option<Handle> {
        self.requests
            .find_token(self.message.peers.find(peer)?, token)
    }

    /// The next exchange that ended without a response. Call until `None`.
    pub fn poll_event(&mut self) -> Option<Ended> {
        if let Some(ended) = self.displaced.take() {
            return Some(ended);
        }
        let handle = self.exchanges.first_failed()?;
        let exchange = self.exchanges.remove(handle)?;
        self.ended(handle, &exchange)
    }

    fn ended(&self, handle: Handle, exchange: &Exchange) -> Option<Ended> {
        let State::Failed(failure) = exchange.state else {
            return None;
        };
        Some(Ended {
            exchange: handle,
            peer: *self.message.peers.address(exchange.peer)?,
            token: exchange.token,
            id: exchange.id.unwrap_or(MessageId(0)),
            failure,
        })
    }

    /// The next datagram to send. Call until `None`.
    pub fn poll_transmit(&mut self) -> Option<Datagram<'_>> {
        self.discard_draft();
        self.message.poll_transmit()
    }

    /// When [`Endpoint::handle_timeout`] has work, milliseconds from `now`; 0 also while an event or a
    /// datagram waits to be polled. `None`: not until something else happens.
    #[must_use]
    pub fn poll_timeout(&self, now: Instant) -> Option<u32> {
        if self.message.has_output()
            || self.displaced.is_some()
            || self.exchanges.first_failed().is_some()
        {
            return Some(0);
        }
        let next = earliest(
            self.message.next_timeout(now),
            self.exchanges.next_timeout(),
        );
        // What is only remembered needs no timer, but must be forgotten before the clock has wrapped.
        let forget = self.message.remembers() || self.requests.remembers();
        let forget = forget.then(|| now.after(FORGET_WITHIN_MS));
        let next = earliest(next, self.requests.next_timeout());
        Some(earliest(next, forget)?.remaining(now))
    }

    /// The peer's number, made if need be. `None`: no room, everything is in use.
    fn intern(&mut self, address: &PeerAddr) -> Option<PeerId> {
        loop {
            let Endpoint {
                message,
                exchanges,
                requests,
                ..
            } = self;
            let id = message.intern(address, |id| {
                exchanges.refers_to(id) || requests.refers_to(id)
            });
            if id.is_some() || !message.evict_answered() {
                return id;
            }
        }
    }
}
