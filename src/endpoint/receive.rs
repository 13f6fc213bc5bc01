// SPDX-License-Identifier: MIT
//! One datagram in: what kind of message it is, acknowledgements, resets. Requests go on in `request.rs`,
//! responses in `response.rs`.

use super::Endpoint;
use crate::exchange::outgoing::{Failure, Kind, State};
use crate::handle::Handle;
use crate::message::deduplication::{Answer, ReceivedId};
use crate::message::peer::{PeerAddr, PeerId};
use crate::message::transmission::Owner;
use crate::time::Instant;
use crate::wire::header::{MessageId, MessageType};
use crate::wire::message::{MessageView, ParseError};

/// What a datagram means to the application.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A request to be answered with `response_begin`, or released.
    Request {
        /// Names the request until it is answered.
        request: Handle,
        /// The number that the resource was added with.
        resource: u32,
    },
    /// A block of a request's body, which others follow: to be answered with `request_continue`, or as a
    /// request.
    Upload {
        /// Names the request until it is answered.
        request: Handle,
        /// The number that the resource was added with.
        resource: u32,
    },
    /// A request for a later block of a response: to be answered as a request, with the body of the response
    /// that was given before if that is still there.
    Download {
        /// Names the request until it is answered.
        request: Handle,
        /// The number that the resource was added with.
        resource: u32,
    },
    /// The peer has taken a block of our request's body: `exchange_upload` is to give the next.
    Wanted(Handle),
    /// A block of a response: `exchange_continue` asks for the next.
    Block(Handle),
    /// The representation has changed since its first block: what came before is void, and
    /// `exchange_continue` asks for the first one.
    Restart(Handle),
    /// A response or a notification, whole or its last block; others will follow.
    Notification(Handle),
    /// The response to a request of ours, whole or its last block. The exchange has ended: its handle is
    /// stale by now.
    Response(Handle),
    /// The answer to a ping. The exchange has ended: its handle is stale by now.
    Pong(Handle),
}

/// Which part of a body an event is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Piece {
    /// Bytes of the body before this part.
    pub offset: u32,
    /// Names a request's body, or the one that is fetched; the same for all its blocks.
    pub body: Option<Handle>,
}

/// What came with a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Received<'d> {
    /// What it means.
    pub event: Event,
    /// The message.
    pub message: MessageView<'d>,
    /// Which part of a body.
    pub piece: Piece,
}

/// A datagram on its way in.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'a, 'd> {
    pub address: &'a PeerAddr,
    pub message: &'a MessageView<'d>,
    pub datagram: &'d [u8],
    /// It came to a group, RFC 7252 section 8.
    pub multicast: bool,
    pub now: Instant,
}

impl Endpoint<'_> {
    fn count_malformed(&mut self) {
        self.message.counters.malformed = self.message.counters.malformed.wrapping_add(1);
    }

    /// Takes one datagram in. At most one thing comes of it for the application, unless `poll_event` has
    /// it; whatever is to be sent waits for `poll_transmit`.
    ///
    /// A datagram that was cut off by a receive buffer must be given with more than `max_message`
    /// bytes, so that it is not mistaken for a whole one.
    pub fn handle_datagram<'d>(
        &mut self,
        peer: &PeerAddr,
        datagram: &'d [u8],
        now: Instant,
    ) -> Option<Received<'d>> {
        self.take_in(peer, datagram, false, now)
    }

    /// Takes in a datagram that came to a multicast address, RFC 7252 section 8.
    pub fn handle_multicast<'d>(
        &mut self,
        peer: &PeerAddr,
        datagram: &'d [u8],
        now: Instant,
    ) -> Option<Received<'d>> {
        self.take_in(peer, datagram, true, now)
    }

    fn take_in<'d>(
        &mut self,
        peer: &PeerAddr,
        datagram: &'d [u8],
        multicast: bool,
        now: Instant,
    ) -> Option<Received<'d>> {
        self.discard_draft();
        self.message.settle();
        self.message.expire(now);
        self.observers.expire(now);
        self.message.counters.received = self.message.counters.received.wrapping_add(1);
        if let Some(id) = self.message.peers.find(peer) {
            self.message.peers.heard(id);
        }
        let message = match MessageView::parse(datagram) {
            Ok(message) => message.without_undefined_payload(),
            Err(error) => {
                self.count_malformed();
                if let ParseError::Format { kind, id } = error
                    && !multicast
                {
                    self.reject(peer, kind, id);
                }
                return None;
            }
        };
        let incoming = Incoming {
            address: peer,
            message: &message,
            datagram,
            multicast,
            now,
        };
        // RFC 7252 section 8.1: only non-confirmable requests are sent to a group.
        let is_request =
            message.kind() == MessageType::NonConfirmable && message.code().is_request();
        if multicast && !is_request {
            self.message.count_dropped();
            return None;
        }
        if datagram.len() > self.message.parameters.max_message as usize {
            self.refuse_oversize(&incoming);
            return None;
        }
        let mut piece = Piece::default();
        let event = self.dispatch(&incoming, &mut piece)?;
        Some(Received {
            event,
            message,
            piece,
        })
    }

    fn dispatch(&mut self, incoming: &Incoming<'_, '_>, piece: &mut Piece) -> Option<Event> {
        use MessageType::{Acknowledgement, Confirmable, NonConfirmable, Reset};
        let Incoming {
            address,
            message,
            now,
            ..
        } = *incoming;
        let (kind, code) = (message.kind(), message.code());
        match kind {
            Acknowledgement => return self.handle_acknowledgement(incoming, piece),
            Reset if code.is_empty() => return self.handle_reset(address, message, now),
            Confirmable | NonConfirmable if code.is_request() => {
                return self.handle_request(incoming, piece);
            }
            Confirmable | NonConfirmable if code.is_response() => {
                return self.handle_separate(incoming, piece);
            }
            // RFC 7252 section 4.2 and 4.3: Empty CON (a ping), Empty NON, reserved classes, and RST with a code.
            _ => {
                if !(kind == Confirmable && code.is_empty()) {
                    self.message.count_dropped();
                }
                self.reject(address, kind, message.id());
            }
        }
        None
    }

    /// RFC 7252 section 4.2: rejecting a CON is sending RST; section 4.3: rejecting anything else is
    /// ignoring it.
    pub(super) fn reject(&mut self, peer: &PeerAddr, kind: MessageType, id: MessageId) {
        if kind == MessageType::Confirmable {
            self.reset_peer(peer, id);
        }
    }

    /// Sends RST.
    pub(super) fn reset_peer(&mut self, peer: &PeerAddr, id: MessageId) {
        match self.intern(peer) {
            Some(peer) => self.message.send_empty(peer, MessageType::Reset, id),
            None => self.message.count_dropped(),
        }
    }

    /// RFC 7252 sections 4.2 and 5.2.1. What an ACK carries beside its Message ID matters to requests alone.
    fn handle_acknowledgement(
        &mut self,
        incoming: &Incoming<'_, '_>,
        piece: &mut Piece,
    ) -> Option<Event> {
        let (id, now) = (incoming.message.id(), incoming.now);
        let Some((peer, owner)) = self.find_sent(incoming.address, id) else {
            self.message.count_dropped();
            return None;
        };
        match owner {
            Owner::Exchange(handle) => {
                return self.exchange_acknowledged(handle, peer, incoming, piece);
            }
            Owner::Observer(observer) => self.notification_acknowledged(observer),
            Owner::Response => {}
        }
        self.message.end_sent(peer, id, now);
        None
    }

    fn exchange_acknowledged(
        &mut self,
        handle: Handle,
        peer: PeerId,
        incoming: &Incoming<'_, '_>,
        piece: &mut Piece,
    ) -> Option<Event> {
        let (id, code, now) = (incoming.message.id(), incoming.message.code(), incoming.now);
        let exchange = self.exchanges.get_mut(handle)?;
        if exchange.kind == Kind::Ping {
            // RFC 7252 section 4.3 has an RST here, but an ACK comes from a peer that lives, too.
            self.exchange_end(handle, now);
            return Some(Event::Pong(handle));
        }
        if code.is_response() {
            return self.handle_piggybacked(handle, peer, incoming, piece);
        }
        let is_awaited = exchange.kind == Kind::Confirmable && exchange.state == State::Sending;
        if !code.is_empty() || !is_awaited {
            self.message.count_dropped();
            return None;
        }
        let deadline = now.after(self.message.parameters.exchange_lifetime_ms());
        exchange.id = Some(id);
        exchange.state = if exchange.wants_no_response() {
            State::Failed(Failure::Silent)
        } else {
            State::Acknowledged { deadline }
        };
        self.message.end_sent(peer, id, now);
        None
    }

    /// What a message with this id was sent to the peer for: one that waits for its ACK, or a request that waits for
    /// nothing but its response.
    fn find_sent(&self, peer: &PeerAddr, id: MessageId) -> Option<(PeerId, Owner)> {
        let peer = self.message.peers.find(peer)?;
        let owner = match self.message.sent(peer, id) {
            Some(transmission) => transmission.owner(),
            None => Owner::Exchange(self.exchanges.match_id(peer, id)?),
        };
        Some((peer, owner))
    }

    fn handle_reset(
        &mut self,
        peer: &PeerAddr,
        message: &MessageView<'_>,
        now: Instant,
    ) -> Option<Event> {
        let id = message.id();
        let found = self.find_sent(peer, id).or_else(|| {
            let peer = self.message.peers.find(peer)?;
            Some((peer, Owner::Observer(self.observers.match_id(peer, id)?)))
        });
        let Some((peer, owner)) = found else {
            self.message.count_dropped();
            return None;
        };
        self.message.end_sent(peer, id, now);
        match owner {
            Owner::Exchange(handle) => {
                let exchange = self.exchanges.get_mut(handle)?;
                if exchange.kind == Kind::Ping {
                    self.exchange_end(handle, now);
                    return Some(Event::Pong(handle));
                }
                exchange.id = Some(id);
                self.exchange_fail(handle, Failure::Reset, now);
            }
            // RFC 7641 section 3.6: a client that rejects a notification is not interested any more.
            Owner::Observer(observer) => self.observer_end(observer),
            Owner::Response => {}
        }
        self.message.counters.resets = self.message.counters.resets.wrapping_add(1);
        None
    }

    /// Answers a message that was received before. False: it is new.
    pub(super) fn repeat_answer(
        &mut self,
        peer: PeerId,
        message: &MessageView<'_>,
        now: Instant,
    ) -> bool {
        let id = ReceivedId::of(message);
        let Some(answer) = self.message.deduplication.find(peer, id, now) else {
            return false;
        };
        self.message.counters.duplicates = self.message.counters.duplicates.wrapping_add(1);
        // RFC 7252 section 4.3: a NON is never acknowledged, not even one that reuses the id of a CON.
        match answer {
            _ if message.kind() != MessageType::Confirmable => {}
            Answer::Message(message) => self.message.send_again(peer, message),
            Answer::Acknowledged => {
                self.message
                    .send_empty(peer, MessageType::Acknowledgement, id.id);
            }
            Answer::Empty(kind) => self.message.send_empty(peer, kind, id.id),
            Answer::Pending | Answer::Silence => {}
        }
        true
    }
}
