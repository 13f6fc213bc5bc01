// SPDX-License-Identifier: MIT
//! `mcoap_event`: what the application is told.

use super::mcoap_handle;
use crate::endpoint::{Ended, Received};
use crate::exchange::outgoing::Failure;
use crate::message::peer::PeerAddr;
use crate::wire::header::Token;
use crate::wire::message::MessageView;
use core::ptr;

/// Nothing for the application.
pub const MCOAP_EVENT_NONE: u8 = 0;
/// A request to be answered; `handle` names it, `resource` is whose path it is.
pub const MCOAP_EVENT_REQUEST: u8 = 1;
/// The response to the exchange `handle`, which has ended.
pub const MCOAP_EVENT_RESPONSE: u8 = 2;
/// The RST that answers a ping; the exchange `handle` has ended.
pub const MCOAP_EVENT_PONG: u8 = 3;
/// The peer rejected the request of the exchange `handle`, which has ended.
pub const MCOAP_EVENT_RESET: u8 = 4;
/// No ACK or no response in time; the exchange `handle` has ended.
pub const MCOAP_EVENT_TIMEOUT: u8 = 5;

/// No Content-Format option.
pub const MCOAP_CONTENT_FORMAT_NONE: i32 = -1;

/// What the application is told. Pointers are valid until the next call with the same endpoint;
/// token, options and payload of a received message point into the datagram.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct mcoap_event {
    /// `MCOAP_EVENT_*`.
    pub kind: u8,
    /// 0 CON, 1 NON, 2 ACK, 3 RST.
    pub message_type: u8,
    /// Method or response code as on the wire: class in the high 3 bits.
    pub code: u8,
    /// Bytes of the token, at most 8.
    pub token_len: u8,
    /// The message id; of our request if no message was received.
    pub message_id: u16,
    /// Bytes of the peer address.
    pub peer_len: u16,
    /// The Content-Format option, or `MCOAP_CONTENT_FORMAT_NONE`.
    pub content_format: i32,
    /// The request or exchange.
    pub handle: mcoap_handle,
    /// The number that the resource was added with.
    pub resource: u32,
    /// The peer address.
    pub peer: *const u8,
    /// The token.
    pub token: *const u8,
    /// Encoded options, for `mcoap_options_next`.
    pub options: *const u8,
    /// The payload.
    pub payload: *const u8,
    /// Bytes of the options.
    pub options_len: usize,
    /// Bytes of the payload.
    pub payload_len: usize,
}

/// What an event points to that is not in the datagram.
pub(super) struct Lent {
    peer: Option<PeerAddr>,
    token: Token,
}

impl Lent {
    pub(super) const NOTHING: Self = Self {
        peer: None,
        token: Token::EMPTY,
    };

    pub(super) fn set_peer(&mut self, peer: PeerAddr) -> &[u8] {
        self.peer.insert(peer).as_slice()
    }
}

impl mcoap_event {
    pub(super) fn none() -> Self {
        Self {
            kind: MCOAP_EVENT_NONE,
            message_type: 0,
            code: 0,
            token_len: 0,
            message_id: 0,
            peer_len: 0,
            content_format: MCOAP_CONTENT_FORMAT_NONE,
            handle: 0,
            resource: 0,
            peer: ptr::null(),
            token: ptr::null(),
            options: ptr::null(),
            payload: ptr::null(),
            options_len: 0,
            payload_len: 0,
        }
    }

    /// The event of a received datagram.
    pub(super) fn received(received: &Received<'_>, peer: PeerAddr, lent: &mut Lent) -> Self {
        let (kind, handle, message) = match received {
            Received::Nothing => return Self::none(),
            Received::Reset(ended) => return Self::ended(ended, lent),
            Received::Request {
                request, message, ..
            } => (MCOAP_EVENT_REQUEST, request, message),
            Received::Response { exchange, message } => (MCOAP_EVENT_RESPONSE, exchange, message),
            Received::Pong { exchange, message } => (MCOAP_EVENT_PONG, exchange, message),
        };
        let mut event = Self {
            kind,
            handle: handle.to_u32(),
            ..Self::none()
        };
        if let Received::Request { resource, .. } = received {
            event.resource = *resource;
        }
        event.set_message(message);
        event.lend(peer, message.token(), lent);
        event
    }

    /// The event of an exchange that ended without a response.
    pub(super) fn ended(ended: &Ended, lent: &mut Lent) -> Self {
        let kind = match ended.failure {
            Failure::Timeout => MCOAP_EVENT_TIMEOUT,
            Failure::Reset => MCOAP_EVENT_RESET,
        };
        let mut event = Self {
            kind,
            handle: ended.exchange.to_u32(),
            message_id: ended.id.0,
            ..Self::none()
        };
        event.lend(ended.peer, ended.token, lent);
        event
    }

    fn set_message(&mut self, message: &MessageView<'_>) {
        self.message_type = message.kind() as u8;
        self.code = message.code().0;
        self.message_id = message.id().0;
        self.content_format = message
            .content_format()
            .map_or(MCOAP_CONTENT_FORMAT_NONE, i32::from);
        self.options = message.option_bytes().as_ptr();
        self.options_len = message.option_bytes().len();
        self.payload = message.payload().as_ptr();
        self.payload_len = message.payload().len();
    }

    fn lend(&mut self, peer: PeerAddr, token: Token, lent: &mut Lent) {
        lent.token = token;
        self.token = lent.token.as_slice().as_ptr();
        self.token_len = token.len() as u8;
        let peer = lent.set_peer(peer);
        self.peer = peer.as_ptr();
        self.peer_len = peer.len() as u16;
    }
}
