// SPDX-License-Identifier: MIT
//! Writing a message: begin, add in any order, send. Beginning another one, receiving, polling or
//! running timers ends the draft.

use super::event::MCOAP_UNKNOWN;
use super::{
    MCOAP_ERR_ARGUMENT, MCOAP_ERR_TOKEN, MCOAP_OK, entropy as entropy_from, mcoap_endpoint,
    mcoap_handle, mcoap_result, peer_addr, put, result, slice, token as token_from, with,
    with_handle,
};
use crate::endpoint::{Endpoint, Entropy, Part};
use crate::handle::Handle;
use crate::time::Instant;
use crate::wire::code::Code;
use crate::wire::header::{MessageType, TOKEN_MAX};
use crate::wire::option::OptionNumber;
use crate::wire::uint;

/// Unpredictable bytes that `mcoap_exchange_begin` needs.
pub const MCOAP_ENTROPY_LEN: usize = 8;
/// Bytes of the longest token.
pub const MCOAP_TOKEN_MAX: usize = 8;

const _: () = assert!(MCOAP_TOKEN_MAX == TOKEN_MAX && MCOAP_ENTROPY_LEN == size_of::<Entropy>());

/// Begins a request of type 0 (CON) or 1 (NON), or a ping: CON with code 0.00, to which nothing can
/// be added. `token` `NULL`: 4 bytes are drawn from `entropy`, `MCOAP_ENTROPY_LEN` bytes; not `NULL`
/// and of length 0: a zero-length token.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_exchange_begin(
    endpoint: *mut mcoap_endpoint,
    message_type: u8,
    code: u8,
    token: *const u8,
    token_len: usize,
    entropy: *const u8,
    entropy_len: usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (endpoint.as_mut(), entropy_from(entropy, entropy_len)) };
    let (Some(this), Some(entropy)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    let token = if token.is_null() {
        None
    } else {
        // SAFETY: the caller vouches.
        match unsafe { token_from(token, token_len) } {
            Some(token) => Some(token),
            None => return MCOAP_ERR_TOKEN,
        }
    };
    if message_type > MessageType::NonConfirmable as u8 {
        return super::MCOAP_ERR_TYPE;
    }
    result(this.endpoint.exchange_begin(
        MessageType::from_bits(message_type),
        Code(code),
        token,
        *entropy,
    ))
}

/// What `mcoap_draft_add` adds beside options: Uri-Host, unless it is an IP literal.
pub const MCOAP_PART_HOST: u32 = 0x1_0000;
/// Uri-Path and Uri-Query options for "a/b?x=1", percent-decoded.
pub const MCOAP_PART_PATH: u32 = 0x1_0001;
/// Uri-Query options for "x=1&y=2", percent-decoded.
pub const MCOAP_PART_QUERY: u32 = 0x1_0002;
/// The payload, instead of an earlier one.
pub const MCOAP_PART_PAYLOAD: u32 = 0x1_0003;

/// Location-Path and Location-Query options for "a/b?x=1", percent-decoded.
pub const MCOAP_PART_LOCATION: u32 = 0x1_0004;

/// Content-Format, RFC 7252 section 5.10.3.
pub const MCOAP_OPTION_CONTENT_FORMAT: u32 = 12;

const _: () = assert!(MCOAP_OPTION_CONTENT_FORMAT == OptionNumber::CONTENT_FORMAT.0 as u32);

/// The value of Observe that registers, RFC 7641 section 2.
pub const MCOAP_OBSERVE_REGISTER: u32 = 0;

const _: () = assert!(MCOAP_OBSERVE_REGISTER == crate::wire::observe::REGISTER);

/// Adds to the draft: the option of number `part`, or one of `MCOAP_PART_*`; all of it or nothing.
///
/// Options go after those with the same or a lower number. `MCOAP_ERR_OPTION`: the option cannot have
/// this length or value, or must not be repeated.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_draft_add(
    endpoint: *mut mcoap_endpoint,
    part: u32,
    bytes: *const u8,
    len: usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (endpoint.as_mut(), slice(bytes, len)) };
    let (Some(this), Some(bytes)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    let part = match part {
        MCOAP_PART_HOST => Part::Host(bytes),
        MCOAP_PART_PATH => Part::Path(bytes),
        MCOAP_PART_QUERY => Part::Query(bytes),
        MCOAP_PART_PAYLOAD => Part::Payload(bytes),
        MCOAP_PART_LOCATION => Part::Location(bytes),
        0..=0xFFFF => Part::Option(OptionNumber(part as u16), bytes),
        _ => return super::MCOAP_ERR_OPTION,
    };
    result(this.endpoint.draft_add(part))
}

/// Adds an option of format `uint`, RFC 7252 section 3.2, as [`mcoap_draft_add`] does.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_draft_uint(
    endpoint: *mut mcoap_endpoint,
    number: u32,
    value: u32,
) -> mcoap_result {
    let value = uint::encode(value);
    let value = value.as_slice();
    // SAFETY: the caller vouches for the endpoint.
    unsafe { mcoap_draft_add(endpoint, number, value.as_ptr(), value.len()) }
}

/// Says of a request that the caller deals with a critical option of the response itself. `MCOAP_ERR_OPTION`: those
/// would be too many, more than 2.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_draft_understand(
    endpoint: *mut mcoap_endpoint,
    number: u16,
) -> mcoap_result {
    let understand =
        |endpoint: &mut Endpoint<'static>| result(endpoint.draft_understand(OptionNumber(number)));
    // SAFETY: the caller vouches.
    unsafe { with(endpoint, understand) }
}

/// Hands the request over: it goes out with the next `mcoap_endpoint_poll_transmit`, or when its turn
/// comes (RFC 7252 section 4.7). The exchange ends with exactly one event, unless it is cancelled.
/// `message_len`: bytes of the message. `message_id`: its id, 0 if it has none yet.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_exchange_send(
    endpoint: *mut mcoap_endpoint,
    now: u32,
    peer: *const u8,
    peer_len: usize,
    exchange: *mut mcoap_handle,
    message_len: *mut usize,
    message_id: *mut u16,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (endpoint.as_mut(), peer_addr(peer, peer_len)) };
    let (Some(this), Some(peer)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    let sent = match this.endpoint.exchange_send(&peer, Instant(now)) {
        Ok(sent) => sent,
        Err(error) => return super::Failure::from(error).0,
    };
    // SAFETY: the caller vouches.
    unsafe {
        put(exchange, sent.exchange.to_u32());
        put(message_len, sent.len);
        put(message_id, sent.id.0);
    }
    MCOAP_OK
}

/// Begins the response to a request. `message_type`: 1 (NON) makes a separate response non-confirmable;
/// anything else leaves it confirmable, unless the request was not. `code` must be a response code.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_response_begin(
    endpoint: *mut mcoap_endpoint,
    request: mcoap_handle,
    message_type: u8,
    code: u8,
) -> mcoap_result {
    let confirmable = message_type != MessageType::NonConfirmable as u8;
    let begin = |endpoint: &mut Endpoint<'static>, request| {
        result(endpoint.response_begin(request, confirmable, Code(code)))
    };
    // SAFETY: the caller vouches.
    unsafe { with_handle(endpoint, request, begin) }
}

/// Which part of a body goes into the draft, when everything else is in it: where the part starts, and at most
/// how many bytes. `total`: bytes of the body, or `MCOAP_UNKNOWN`; `size`: bytes of a block at most, 0 for as
/// many as fit.
///
/// # Safety
/// Pointers are valid; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_draft_body(
    endpoint: *mut mcoap_endpoint,
    total: u32,
    size: u32,
    offset: *mut u32,
    len: *mut u32,
) -> mcoap_result {
    let total = (total != MCOAP_UNKNOWN).then_some(total);
    let body = |endpoint: &mut Endpoint<'static>| match endpoint.draft_body(total, size) {
        Ok((part_offset, part_len)) => {
            // SAFETY: the caller vouches.
            unsafe {
                put(offset, part_offset);
                put(len, part_len);
            }
            MCOAP_OK
        }
        Err(error) => super::Failure::from(error).0,
    };
    // SAFETY: the caller vouches.
    unsafe { with(endpoint, body) }
}

/// Adds the part of the body that `mcoap_draft_body` has asked for. `more`: it is not the last, and then it must
/// have that length. `MCOAP_ERR_RANGE`: the body ends before it.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_draft_block(
    endpoint: *mut mcoap_endpoint,
    data: *const u8,
    len: usize,
    more: bool,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (endpoint.as_mut(), slice(data, len)) };
    let (Some(this), Some(data)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    result(this.endpoint.draft_block(data, more))
}

/// Asks, in a request, for the response from byte `offset` on, which must have this ETag unless the offset is 0,
/// in blocks of at most `size` bytes; 0: of any size. `MCOAP_ERR_RANGE`: no block starts there.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_draft_want(
    endpoint: *mut mcoap_endpoint,
    offset: u32,
    etag: *const u8,
    etag_len: usize,
    size: u32,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (endpoint.as_mut(), slice(etag, etag_len)) };
    let (Some(this), Some(etag)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    result(this.endpoint.draft_want(offset, etag, size))
}

/// Hands the response over: in the ACK while that is owed, else in a message of its own. The request's handle is
/// stale afterwards. `body`: what later requests for the rest of the body name it by, 0 if it is complete.
///
/// # Safety
/// Pointers are valid; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_response_send(
    endpoint: *mut mcoap_endpoint,
    now: u32,
    message_len: *mut usize,
    body: *mut mcoap_handle,
) -> mcoap_result {
    let send = |endpoint: &mut Endpoint<'static>| match endpoint.response_send(Instant(now)) {
        Ok(responded) => {
            // SAFETY: the caller vouches.
            unsafe {
                put(message_len, responded.len);
                put(body, responded.body.map_or(0, Handle::to_u32));
            }
            MCOAP_OK
        }
        Err(error) => super::Failure::from(error).0,
    };
    // SAFETY: the caller vouches.
    unsafe { with(endpoint, send) }
}
