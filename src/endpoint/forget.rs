// SPDX-License-Identifier: MIT
//! What ends with a security context that is closed, and with a peer whose session is over.

use super::Endpoint;
use crate::exchange::incoming::IncomingRequest;
use crate::exchange::outgoing::{Exchange, Failure, Security};
use crate::handle::OfPeer;
use crate::message::peer::{PeerAddr, PeerId};
use crate::message::transmission::Owner;
use crate::observe::observer::Observer;
use crate::oscore::contexts::ContextId;
use crate::time::Instant;

impl Endpoint<'_> {
    /// Forgets a context. What it protects ends: requests of ours as if nobody had answered, those of peers without an
    /// answer, observations of ours and of peers.
    pub fn context_remove(&mut self, context: ContextId, now: Instant) {
        let is_of = |_: PeerId, protected: Option<ContextId>| protected == Some(context);
        self.forget(is_of, Failure::Timeout, now);
        self.contexts.remove(context);
    }

    /// Forgets a peer that will never be heard of again, as a session of DTLS is part of its address, RFC 7252 section
    /// 9.1.1: requests of ours end as if it had reset them.
    pub fn peer_remove(&mut self, peer: &PeerAddr, now: Instant) {
        if let Some(peer) = self.message.find_peer(peer) {
            let is_of = |whose: PeerId, _: Option<ContextId>| whose == peer;
            self.forget(is_of, Failure::Reset, now);
        }
    }

    /// Notes that a peer with a session has moved: it has to show anew where it is (RFC 9146 section 6), by Echo.
    pub fn peer_moved(&mut self, peer: &PeerAddr) {
        if let Some(peer) = self.message.find_peer(peer) {
            self.message.peer_moved(peer);
        }
    }

    /// Forgets that of which `is_of` is true: the peer, and the context that protects it.
    fn forget(
        &mut self,
        is_of: impl Fn(PeerId, Option<ContextId>) -> bool,
        failure: Failure,
        now: Instant,
    ) {
        self.settle();
        let incoming = |r: &IncomingRequest| is_of(r.peer(), r.protected().get().context);
        while let Some(handle) = self.upper.incoming.find(incoming) {
            self.incoming_drop(handle);
        }
        let observers = |o: &Observer| is_of(o.peer(), o.protected().get().context);
        while let Some(handle) = self.upper.observers.find(observers) {
            self.observer_end(handle);
            self.message.end_owned(Owner::observer(handle), now);
        }
        // What fetches the rest of a notification ends with its observation, which it would register anew.
        let has_ended = |e: &Exchange| !e.is_live() && e.security().binding.context.is_none();
        let exchanges = |e: &Exchange| {
            is_of(e.peer(), e.security().binding.context) && e.root().is_none() && !has_ended(e)
        };
        while let Some(handle) = self.upper.exchanges.find(exchanges) {
            self.fetch_end(handle, now);
            if let Some(exchange) = self.upper.exchanges.get_mut(handle) {
                exchange.set_security(Security::default());
            }
            self.message.end_owned(Owner::exchange(handle), now);
            self.upper.observations.end(handle);
            self.exchange_fail(handle, failure, now);
        }
        self.upper.bodies.end_where(is_of);
    }
}
