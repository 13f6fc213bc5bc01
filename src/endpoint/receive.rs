// SPDX-License-Identifier: MIT
//! One datagram in: behind the message layer, requests go on in `request.rs`, responses in `response.rs`,
//! acknowledgements and resets in `owner.rs`.

use super::Endpoint;
use super::security::is_protected;
use crate::config::OSCORE;
use crate::handle::Handle;
use crate::message::peer::PeerAddr;
use crate::message::receive::{Incoming, Role};
use crate::oscore::contexts::ContextId;
use crate::time::Instant;
use crate::wire::message::MessageView;

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
    /// A block of a request's body, which others follow: to be answered with `incoming_continue`, or as a
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
    /// What has protected it.
    pub security: Option<ContextId>,
}

impl Endpoint<'_> {
    /// Takes one datagram in. At most one thing comes of it for the application, unless `poll_event` has
    /// it; whatever is to be sent waits for `poll_transmit`.
    ///
    /// What is protected is uncovered where it is. A datagram that was cut off by a receive buffer must be given with more
    /// than `max_message` bytes, so that it is not mistaken for a whole one.
    pub fn handle_datagram<'d>(
        &mut self,
        peer: &PeerAddr,
        datagram: &'d mut [u8],
        now: Instant,
    ) -> Option<Received<'d>> {
        self.take_in(peer, datagram, false, now)
    }

    /// Takes in a datagram that came to a multicast address, RFC 7252 section 8.
    pub fn handle_multicast<'d>(
        &mut self,
        peer: &PeerAddr,
        datagram: &'d mut [u8],
        now: Instant,
    ) -> Option<Received<'d>> {
        self.take_in(peer, datagram, true, now)
    }

    fn take_in<'d>(
        &mut self,
        peer: &PeerAddr,
        datagram: &'d mut [u8],
        multicast: bool,
        now: Instant,
    ) -> Option<Received<'d>> {
        if OSCORE && !self.contexts.is_empty() && is_protected(datagram) {
            return self.take_in_protected(peer, datagram, multicast, now);
        }
        let received = self.receive(peer, datagram, multicast, now);
        // Not moved: it is large.
        self.dispatch(received.as_ref()?)
    }

    /// What the message layer makes of a datagram.
    pub(super) fn receive<'d>(
        &mut self,
        peer: &PeerAddr,
        datagram: &'d [u8],
        multicast: bool,
        now: Instant,
    ) -> Option<Incoming<'d>> {
        self.settle();
        self.message.expire(now);
        self.upper.observers.expire(now);
        let received = self
            .message
            .receive(&mut self.upper, peer, datagram, multicast, now);
        if datagram.len() > self.message.parameters().max_message as usize {
            self.refuse_oversize(received.as_ref()?);
            return None;
        }
        received
    }

    /// What a message means to the application.
    pub(super) fn dispatch<'d>(&mut self, incoming: &Incoming<'d>) -> Option<Received<'d>> {
        let mut piece = Piece::default();
        let event = match incoming.role {
            Role::Request => self.handle_request(incoming, &mut piece),
            Role::Response => self.handle_separate(incoming, &mut piece),
            Role::Acknowledgement(owner) => self.owner_acknowledged(owner, incoming, &mut piece),
            Role::Reset(owner) => self.owner_reset(owner, incoming),
        };
        Some(Received {
            event: event?,
            message: incoming.message,
            piece,
            security: incoming.protected.get().context,
        })
    }
}
