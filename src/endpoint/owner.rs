// SPDX-License-Identifier: MIT
//! Who sends messages that the message layer repeats until they are acknowledged, and what becomes of the sender then.
//! A new kind of sender has its place here, in each of these.

use super::Endpoint;
use super::receive::{Event, Piece};
use super::upper::Upper;
use crate::exchange::outgoing::{Failure, Kind};
use crate::handle::Handle;
use crate::message::Datagram;
use crate::message::peer::PeerId;
use crate::message::receive::Incoming;
use crate::message::reliability::Expired;
use crate::message::transmission::Owner;
use crate::time::Instant;
use crate::wire::header::MessageId;

/// A request, or a ping, of ours.
const EXCHANGE: u8 = 0;
/// A notification of ours, RFC 7641.
const OBSERVER: u8 = 1;

impl Owner {
    /// A request, or a ping, of ours.
    pub(crate) fn exchange(handle: Handle) -> Self {
        Self {
            kind: EXCHANGE,
            handle,
        }
    }

    /// A notification of ours, RFC 7641.
    pub(crate) fn observer(handle: Handle) -> Self {
        Self {
            kind: OBSERVER,
            handle,
        }
    }

    /// The exchange of a request.
    pub(crate) fn as_exchange(self) -> Option<Handle> {
        match self.sender() {
            Sender::Exchange(handle) => Some(handle),
            Sender::Observer(_) => None,
        }
    }

    fn sender(self) -> Sender {
        match self.kind {
            EXCHANGE => Sender::Exchange(self.handle),
            _ => Sender::Observer(self.handle),
        }
    }
}

/// An owner, as the layers above know it.
enum Sender {
    Exchange(Handle),
    Observer(Handle),
}

impl Datagram<'_> {
    /// The exchange whose first transmission this is.
    #[must_use]
    pub fn exchange(&self) -> Option<Handle> {
        self.starts.and_then(Owner::as_exchange)
    }
}

impl Upper {
    /// Who has sent a message with this id that is no longer on its way, and may still be acknowledged, or rejected.
    pub(super) fn find_sender(&self, peer: PeerId, id: MessageId, is_reset: bool) -> Option<Owner> {
        let exchange = self.exchanges.match_id(peer, id);
        exchange.map(Owner::exchange).or_else(|| {
            let observer = self.observers.match_id(peer, id).filter(|_| is_reset);
            observer.map(Owner::observer)
        })
    }
}

impl Endpoint<'_> {
    /// RFC 7252 sections 4.2 and 5.2.1. What an ACK carries beside its Message ID matters to requests alone.
    pub(super) fn owner_acknowledged(
        &mut self,
        owner: Option<Owner>,
        incoming: &Incoming<'_>,
        piece: &mut Piece,
    ) -> Option<Event> {
        match owner.map(Owner::sender) {
            Some(Sender::Exchange(handle)) => {
                return self.exchange_acknowledged(handle, incoming, piece);
            }
            Some(Sender::Observer(handle)) => self.notification_acknowledged(handle),
            None => {}
        }
        self.message.accept(incoming);
        None
    }

    /// RFC 7252 sections 4.2 and 4.3.
    pub(super) fn owner_reset(
        &mut self,
        owner: Option<Owner>,
        incoming: &Incoming<'_>,
    ) -> Option<Event> {
        match owner.map(Owner::sender) {
            Some(Sender::Exchange(handle)) => {
                let exchange = self.upper.exchanges.get_mut(handle)?;
                if exchange.kind() == Kind::Ping {
                    self.exchange_end(handle, incoming.now);
                    return Some(Event::Pong(handle));
                }
                exchange.set_id(Some(incoming.id.id));
                self.exchange_fail(handle, Failure::Reset, incoming.now);
            }
            // RFC 7641 section 3.6: a client that rejects a notification is not interested any more.
            Some(Sender::Observer(handle)) => self.observer_end(handle),
            None => {}
        }
        self.message.count_reset();
        None
    }

    /// A message was given up or superseded; a NON has been sent.
    pub(super) fn owner_expired(&mut self, expired: Expired, now: Instant) {
        match expired.owner.map(Owner::sender) {
            Some(Sender::Exchange(handle)) => {
                self.exchange_expired(handle, expired, now);
            }
            Some(Sender::Observer(handle)) => self.notification_expired(handle, expired.superseded),
            None => {}
        }
    }
}
