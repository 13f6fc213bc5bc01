// SPDX-License-Identifier: MIT
//! One bound socket's protocol state, client and server in one.
//!
//! The caller drives it: `handle_*` takes something in, `poll_*` gives something out. After every
//! `handle_*`, `exchange_send` and `response_send`: poll events and transmits until there are none,
//! then wait for a datagram or for [`Endpoint::poll_timeout`]. Spurious calls are harmless.

mod client;
mod draft;
mod forget;
mod incoming;
mod links;
mod notify;
mod owner;
mod receive;
mod respond;
mod response;
mod security;
mod state;
#[cfg(test)]
mod tests;
mod upper;

use crate::config::{BLOCK, Parameters};
use crate::echo::{EchoKey, Purpose};
use crate::exchange::incoming::Acknowledgement;
use crate::exchange::outgoing::Failure;
use crate::handle::{Handle, OfPeer};
use crate::message::deduplication::Answer;
use crate::message::peer::PeerAddr;
use crate::message::reliability::Expired;
use crate::message::transmission::Owner;
use crate::message::{Above, Counters, Datagram, MessageLayer};
use crate::oscore::contexts::Contexts;
use crate::resource::Resources;
use crate::time::{Instant, earliest};
use crate::wire::header::{MessageId, MessageType, Token};
pub use client::{RequestError, Sent};
pub use draft::{DraftError, Entropy, Part};
pub use notify::Notification;
pub use receive::{Event, Piece, Received};
pub use respond::{RespondError, Responded};
pub use state::ImportError;
use upper::Upper;

/// How long an idle endpoint may be left alone, milliseconds (6.2 days): instants are compared correctly
/// up to four times that.
const FORGET_WITHIN_MS: u32 = crate::time::LONGEST / 4;

/// Protocol state of one endpoint. `'m`: the memory for messages and resources.
#[derive(Default)]
pub struct Endpoint<'m> {
    message: MessageLayer<'m>,
    upper: Upper,
    resources: Resources<'m>,
    pub(crate) draft: Option<draft::Draft>,
    echo: EchoKey,
    contexts: Contexts<'m>,
}

/// As `ffi/placement.rs` wants it: all zeros are an endpoint with nothing outstanding, but for the draft.
const _: fn(Endpoint<'_>) = |endpoint| {
    let Endpoint {
        message: _,
        upper: _,
        resources: _,
        draft: _,
        echo: _,
        contexts: _,
    } = endpoint;
};

/// The end of an exchange that came from a timer or an RST, not from a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended<'a> {
    /// The exchange; its handle is stale by now.
    pub exchange: Handle,
    /// Whom it was with.
    pub peer: &'a PeerAddr,
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
    /// Bodies that come or go block by block, as a client or as a server.
    pub bodies: usize,
    /// Resources of peers that we observe.
    pub observations: usize,
    /// Observers of our resources.
    pub observers: usize,
}

impl<'m> Endpoint<'m> {
    /// An endpoint with nothing outstanding.
    ///
    /// `parameters` must be in range ([`Parameters::out_of_range`]); `seed` should be unpredictable;
    /// `store` is for messages, `parameters.message_store` bytes.
    pub fn new(parameters: Parameters, seed: u32, store: &'m mut [u8]) -> Self {
        let mut endpoint = Self::default();
        endpoint.set_up(parameters, seed, store);
        endpoint
    }

    /// Makes of a default one what [`Endpoint::new`] makes.
    pub(crate) fn set_up(&mut self, parameters: Parameters, seed: u32, store: &'m mut [u8]) {
        self.message.set_up(parameters, seed, store);
    }

    /// Sets the secret that Echo values, and what is added to message ids, are made with; should be unpredictable.
    pub fn set_key(&mut self, key: EchoKey) {
        self.echo = key;
        if BLOCK {
            self.message.set_id_key(key.derive(Purpose::MessageIds));
        }
    }

    /// Ends everything outstanding and forgets all peers. Resources, counters and the sequence of
    /// message ids stay.
    pub fn reset(&mut self) {
        self.draft = None;
        self.message.clear();
        self.upper.clear();
    }

    /// The paths that are served.
    pub fn resources(&mut self) -> &mut Resources<'m> {
        &mut self.resources
    }

    /// RFC 7252 section 4.8.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        self.message.parameters()
    }

    /// What went on.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.message.counters()
    }

    /// What is in use.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let (transmissions, deduplication) = self.message.in_use();
        let upper = &self.upper;
        Usage {
            exchanges: upper.exchanges.len(),
            transmissions,
            deduplication,
            requests: upper.incoming.len(),
            bodies: upper.transfers.len() + upper.bodies.len(),
            observations: upper.observations.len(),
            observers: upper.observers.len(),
        }
    }

    /// Whether anything refers to the peer.
    #[must_use]
    pub fn knows_peer(&self, peer: &PeerAddr) -> bool {
        let id = self.message.find_peer(peer);
        id.is_some_and(|id| self.message.refers_to(id) || self.upper.refers_to(id))
    }

    /// Whether more blocks of a peer's body may come or be asked for.
    #[must_use]
    pub fn body_is_alive(&self, body: Handle) -> bool {
        self.upper.bodies.is_alive(body)
    }

    /// Whether an exchange has had its Empty ACK and waits for a separate response.
    #[must_use]
    pub fn awaits_separate(&self) -> bool {
        self.upper.exchanges.awaits_separate()
    }

    /// Ends an exchange without an event; nothing is sent to the peer. False: the handle is stale.
    ///
    /// An observation is forgotten: RFC 7641 section 3.6, the next notification is rejected.
    pub fn exchange_cancel(&mut self, exchange: Handle, now: Instant) -> bool {
        self.settle();
        self.upper.exchanges.is_known(exchange) && self.exchange_end(exchange, now)
    }

    /// Takes an exchange out, with everything that belongs to it. False: the handle is stale.
    fn exchange_end(&mut self, handle: Handle, now: Instant) -> bool {
        let Some(is_fetch) = self.exchange_take(handle, now) else {
            return false;
        };
        if !is_fetch {
            self.upper.transfers.end(handle);
            self.upper.observations.end(handle);
            self.fetch_end(handle, now);
        }
        true
    }

    /// Ends the exchange that fetches the rest of a notification.
    fn fetch_end(&mut self, root: Handle, now: Instant) {
        if let Some(child) = self.upper.exchanges.child(root) {
            self.exchange_take(child, now);
            self.upper.transfers.end(root);
        }
    }

    /// Whether it fetched the rest of a notification. `None`: the handle is stale.
    fn exchange_take(&mut self, handle: Handle, now: Instant) -> Option<bool> {
        let exchange = self.upper.exchanges.get(handle)?;
        let (is_fetch, request) = (exchange.root().is_some(), exchange.request());
        let token = exchange.token_use();
        self.message.end_owned(Owner::exchange(handle), now);
        self.upper.exchanges.remove(handle);
        if let Some(message) = request {
            self.message.free(message);
        }
        self.token_is_free(token, now);
        Some(is_fetch)
    }

    /// Notes that an exchange came to nothing; `poll_event` tells it.
    fn exchange_fail(&mut self, handle: Handle, failure: Failure, now: Instant) {
        let Some(exchange) = self.upper.exchanges.get_mut(handle) else {
            return;
        };
        if let Some(root) = exchange.root() {
            // The rest of a notification cannot be had: the state is asked for anew.
            self.fetch_end(root, now);
            self.register_soon(root, now);
        } else if exchange.is_forgotten() {
            self.exchange_end(handle, now);
        } else if failure == Failure::Timeout && self.upper.observations.is_registered(handle) {
            // RFC 7641 section 3.3.1: a client that wants to stay registered tries again.
            self.register_soon(handle, now);
        } else {
            exchange.fail(failure);
        }
    }

    /// Runs all timers that are due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.settle();
        self.message.expire(now);
        self.upper.observers.expire(now);
        while let Some(expired) = self.message.next_expired(now) {
            self.owner_expired(expired, now);
        }
        while let Some(handle) = self.upper.exchanges.first_over(now) {
            self.message.count_timeout();
            self.message.end_owned(Owner::exchange(handle), now);
            self.exchange_fail(handle, Failure::Timeout, now);
        }
        while let Some(handle) = self.upper.exchanges.first_stale(now) {
            self.register_again(handle, now);
        }
        while let Some(handle) = self.upper.incoming.first_expired(now) {
            self.incoming_end(handle);
        }
        while let Some(handle) = self.upper.incoming.take_failed() {
            self.answer_failed(handle, now);
        }
        if BLOCK {
            self.upper.bodies.expire(now);
        }
        while let Some(request) = self.upper.incoming.take_ack_due(now) {
            self.message
                .acknowledge(request.peer(), request.id(), Answer::Acknowledged);
        }
    }

    /// A message of an exchange has come to its end without an answer.
    fn exchange_expired(&mut self, handle: Handle, expired: Expired, now: Instant) {
        let Some(exchange) = self.upper.exchanges.get_mut(handle) else {
            return;
        };
        if expired.confirmable {
            exchange.set_id(expired.id);
            self.exchange_fail(handle, Failure::Timeout, now);
        } else if exchange.is_live() {
            exchange.set_id(expired.id);
            // The response to a NON can come as long as its message id is taken.
            exchange.sent(now.after(self.message.parameters().non_lifetime_ms()));
        }
    }

    /// Ends what other calls have left: the draft, and what `poll_transmit` has lent.
    fn settle(&mut self) {
        self.discard_draft();
        self.message.settle();
    }

    /// Says that the handler of a request has returned. If it has not answered, a confirmable request
    /// is acknowledged now, and the answer may still come. Stale handles are fine: it has answered.
    pub fn incoming_release(&mut self, request: Handle) {
        let Some(pending) = self.upper.incoming.get_mut(request) else {
            return;
        };
        let (peer, id) = (pending.peer(), pending.id());
        match pending.release() {
            Some(Acknowledgement::Owed { .. }) => {
                self.message.acknowledge(peer, id, Answer::Acknowledged);
            }
            Some(Acknowledgement::None) => {
                self.message.set_answer(peer, id, Answer::Silence);
            }
            Some(Acknowledgement::Sent | Acknowledgement::Notification) | None => {}
        }
    }

    /// Ends a request that nobody waits for the answer to any more, if there is one at `now`. `handle_timeout` ends them
    /// all, without a word.
    pub fn incoming_expired(&mut self, now: Instant) -> Option<Handle> {
        self.settle();
        let handle = self.upper.incoming.first_expired(now)?;
        self.incoming_end(handle);
        Some(handle)
    }

    /// Takes a request out, with everything that belongs to it.
    fn incoming_end(&mut self, handle: Handle) {
        let Some(request) = self.upper.incoming.get(handle) else {
            return;
        };
        let (peer, id, observing) = (request.peer(), request.id(), request.observing());
        let was_sent = request.acknowledgement() == Acknowledgement::Sent;
        self.upper.incoming.remove(handle);
        if was_sent {
            // Nothing comes after the Empty ACK any more: it may give way.
            let answer = Answer::Empty(MessageType::Acknowledgement);
            self.message.set_answer(peer, id, answer);
        }
        if let Some(message) = observing.kept {
            self.message.free(message);
        }
        if let Some(observer) = observing.observer {
            self.notification_given_up(observer);
        }
    }

    /// Forgets a request that will never be answered; its repetitions are still recognised.
    pub fn incoming_drop(&mut self, request: Handle) {
        self.incoming_release(request);
        self.incoming_end(request);
    }

    /// The latest request from this peer that has not been answered: with this message id, else with this token.
    #[must_use]
    pub fn incoming_find(
        &self,
        peer: &PeerAddr,
        id: Option<MessageId>,
        token: Option<Token>,
    ) -> Option<Handle> {
        let peer = self.message.find_peer(peer)?;
        let found = self
            .upper
            .incoming
            .find_last(peer, |r| Some(r.id().id) == id);
        found.or_else(|| {
            self.upper
                .incoming
                .find_last(peer, |r| Some(*r.token()) == token)
        })
    }

    /// Whether `poll_event` has something to give.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.upper.exchanges.first_failed().is_some()
    }

    /// The next exchange that ended without a response. Call until `None`.
    pub fn poll_event(&mut self, now: Instant) -> Option<Ended<'_>> {
        let handle = self.upper.exchanges.first_failed()?;
        let exchange = *self.upper.exchanges.get(handle)?;
        self.exchange_end(handle, now);
        Some(Ended {
            exchange: handle,
            peer: self.message.address(exchange.peer())?,
            token: exchange.token(),
            id: exchange.id().unwrap_or(MessageId(0)),
            failure: exchange.failure()?,
        })
    }

    /// The next datagram to send. Call until `None`.
    pub fn poll_transmit(&mut self) -> Option<Datagram<'_>> {
        self.discard_draft();
        let datagram = self.message.poll_transmit()?;
        if let Some(exchange) = datagram.exchange()
            && let Some(exchange) = self.upper.exchanges.get_mut(exchange)
        {
            exchange.transmitted();
        }
        Some(datagram)
    }

    /// When [`Endpoint::handle_timeout`] has work, milliseconds from `now`; 0 also while an event or a
    /// datagram waits to be polled. `None`: not until something else happens.
    #[must_use]
    pub fn poll_timeout(&self, now: Instant) -> Option<u32> {
        if self.message.has_output() || self.has_ended() || self.upper.incoming.has_failed() {
            return Some(0);
        }
        let next = earliest(
            self.message.next_timeout(now),
            self.upper.exchanges.next_timeout(),
        );
        // What is only remembered needs no timer, but must be forgotten before the clock has wrapped.
        let forget = self.message.remembers() || !self.upper.observers.is_empty();
        let forget = forget.then(|| now.after(FORGET_WITHIN_MS));
        let next = earliest(next, self.upper.incoming.next_timeout());
        let next = earliest(next, self.upper.bodies.next_timeout());
        let next = earliest(next, self.next_notification());
        Some(earliest(next, forget)?.remaining(now))
    }
}
