// SPDX-License-Identifier: MIT
//! `mcoap_event`: what the application is told.

use super::draft::MCOAP_TOKEN_MAX;
use super::mcoap_handle;
use crate::endpoint::{Ended, Event, Notification, Received};
use crate::exchange::outgoing::Failure;
use crate::handle::Handle;
use crate::oscore::contexts::ContextId;
use crate::wire::header::Token;
use crate::wire::message::MessageView;
use crate::wire::option::OptionNumber;
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

/// A block of a request's body, which others follow: `mcoap_incoming_continue`, or a response that ends it. `body`
/// names the body, `offset` says where the payload belongs.
pub const MCOAP_EVENT_UPLOAD: u8 = 6;
/// A request for a later part of a response's body, from `offset` on; `body` names that body if it is known.
pub const MCOAP_EVENT_DOWNLOAD: u8 = 7;
/// The peer has taken a block of the request's body: `mcoap_exchange_wanted` tells which is next.
pub const MCOAP_EVENT_WANTED: u8 = 8;
/// A block of a response, which others follow: `mcoap_exchange_continue` asks for the next.
pub const MCOAP_EVENT_BLOCK: u8 = 9;
/// The representation has changed: what came of it is void, `mcoap_exchange_continue` begins anew.
pub const MCOAP_EVENT_RESTART: u8 = 10;
/// A response, whole or its last block, of an exchange that goes on: an observation, or a request to a group.
pub const MCOAP_EVENT_NOTIFICATION: u8 = 11;
/// The blocks of a response do not fit together; the exchange has ended.
pub const MCOAP_EVENT_BAD_BLOCKS: u8 = 12;
/// The representation has changed too often, or since the part that was there; the exchange has ended.
pub const MCOAP_EVENT_CHANGED: u8 = 13;
/// A table is full; the exchange has ended.
pub const MCOAP_EVENT_NO_ROOM: u8 = 14;
/// The exchange has ended without a response, and none was wanted (any more).
pub const MCOAP_EVENT_SILENT: u8 = 15;

/// No such length: it is not known.
pub const MCOAP_UNKNOWN: u32 = u32::MAX;

/// No Content-Format option.
pub const MCOAP_CONTENT_FORMAT_NONE: i32 = -1;

/// What the application is told. Pointers are valid until the next call with the same endpoint;
/// peer, options and payload of a received message are those that were handed in.
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
    pub peer_len: u8,
    /// The number of the security context that has protected the message, or 0.
    pub security: u8,
    /// The Content-Format option, or `MCOAP_CONTENT_FORMAT_NONE`.
    pub content_format: i32,
    /// The request or exchange.
    pub handle: mcoap_handle,
    /// The number that the resource was added with.
    pub resource: u32,
    /// Names a body that comes or goes in several messages, or 0.
    pub body: mcoap_handle,
    /// Where in its body the payload belongs, or which part is asked for, bytes.
    pub offset: u32,
    /// What the message says about the length of the whole body, bytes, or `MCOAP_UNKNOWN`.
    pub size: u32,
    /// The token, and zeros.
    pub token: [u8; MCOAP_TOKEN_MAX],
    /// The peer address.
    pub peer: *const u8,
    /// Encoded options, for `mcoap_options_next`.
    pub options: *const u8,
    /// The payload.
    pub payload: *const u8,
    /// Bytes of the options.
    pub options_len: usize,
    /// Bytes of the payload.
    pub payload_len: usize,
}

impl mcoap_event {
    /// Nothing, about a peer whose address lies at `peer`.
    pub(super) fn about(peer: &[u8]) -> Self {
        Self {
            kind: MCOAP_EVENT_NONE,
            message_type: 0,
            code: 0,
            token_len: 0,
            message_id: 0,
            peer_len: peer.len() as u8,
            security: 0,
            content_format: MCOAP_CONTENT_FORMAT_NONE,
            handle: 0,
            resource: 0,
            body: 0,
            offset: 0,
            size: MCOAP_UNKNOWN,
            token: [0; MCOAP_TOKEN_MAX],
            peer: peer.as_ptr(),
            options: ptr::null(),
            payload: ptr::null(),
            options_len: 0,
            payload_len: 0,
        }
    }

    /// What a received message means.
    pub(super) fn set_received(&mut self, received: &Received<'_>) {
        let handle;
        (self.kind, handle, self.resource) = match received.event {
            Event::Request { request, resource } => (MCOAP_EVENT_REQUEST, request, resource),
            Event::Upload { request, resource } => (MCOAP_EVENT_UPLOAD, request, resource),
            Event::Download { request, resource } => (MCOAP_EVENT_DOWNLOAD, request, resource),
            Event::Wanted(exchange) => (MCOAP_EVENT_WANTED, exchange, 0),
            Event::Block(exchange) => (MCOAP_EVENT_BLOCK, exchange, 0),
            Event::Restart(exchange) => (MCOAP_EVENT_RESTART, exchange, 0),
            Event::Notification(exchange) => (MCOAP_EVENT_NOTIFICATION, exchange, 0),
            Event::Response(exchange) => (MCOAP_EVENT_RESPONSE, exchange, 0),
            Event::Pong(exchange) => (MCOAP_EVENT_PONG, exchange, 0),
        };
        self.handle = handle.to_u32();
        self.body = received.piece.body.map_or(0, Handle::to_u32);
        self.offset = received.piece.offset;
        self.security = received.security.map_or(0, ContextId::number);
        self.set_message(&received.message);
    }

    /// An observer is to be told.
    pub(super) fn set_notification(&mut self, notification: &Notification<'_>) {
        self.kind = MCOAP_EVENT_REQUEST;
        self.handle = notification.request.to_u32();
        self.resource = notification.resource;
        self.security = notification.security.map_or(0, ContextId::number);
        self.set_message(&notification.message);
    }

    fn set_message(&mut self, message: &MessageView<'_>) {
        let is_request = message.code().is_request();
        let size = if is_request {
            OptionNumber::SIZE1
        } else {
            OptionNumber::SIZE2
        };
        self.size = message.uint(size).unwrap_or(MCOAP_UNKNOWN);
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
        self.set_token(message.token());
    }

    /// An exchange ended without a response.
    pub(super) fn set_ended(&mut self, ended: &Ended<'_>) {
        self.kind = match ended.failure {
            Failure::Timeout => MCOAP_EVENT_TIMEOUT,
            Failure::Reset => MCOAP_EVENT_RESET,
            Failure::Blocks => MCOAP_EVENT_BAD_BLOCKS,
            Failure::Changed => MCOAP_EVENT_CHANGED,
            Failure::NoRoom => MCOAP_EVENT_NO_ROOM,
            Failure::Silent => MCOAP_EVENT_SILENT,
        };
        self.handle = ended.exchange.to_u32();
        self.message_id = ended.id.0;
        self.set_token(&ended.token);
    }

    fn set_token(&mut self, token: &Token) {
        self.token = *token.padded();
        self.token_len = token.len() as u8;
    }
}
