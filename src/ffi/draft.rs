// SPDX-License-Identifier: MIT
//! Writing a message: begin, add in any order, send. Beginning another one, receiving, polling or
//! running timers ends the draft.

use super::{
    MCOAP_ERR_ARGUMENT, MCOAP_ERR_TOKEN, MCOAP_OK, mcoap_endpoint, mcoap_handle, mcoap_result,
    peer_addr, put, result, slice, token as token_from,
};
use crate::endpoint::{DraftError, Endpoint, Entropy};
use crate::handle::Handle;
use crate::time::Instant;
use crate::wire::code::Code;
use crate::wire::header::{MessageType, TOKEN_MAX};

/// Unpredictable bytes that `mcoap_request_begin` needs.
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
pub unsafe extern "C" fn mcoap_request_begin(
    endpoint: *mut mcoap_endpoint,
    message_type: u8,
    code: u8,
    token: *const u8,
    token_len: usize,
    entropy: *const u8,
    entropy_len: usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (endpoint.as_mut(), slice(entropy, entropy_len)) };
    let (Some(this), Some(entropy)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    let Some(entropy) = entropy.first_chunk::<MCOAP_ENTROPY_LEN>() else {
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
    result(this.endpoint.request_begin(
        MessageType::from_bits(message_type),
        Code(code),
        token,
        *entropy,
    ))
}

/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
unsafe fn add(
    endpoint: *mut mcoap_endpoint,
    bytes: *const u8,
    len: usize,
    part: impl FnOnce(&mut Endpoint<'static>, &[u8]) -> Result<(), DraftError>,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (endpoint.as_mut(), slice(bytes, len)) };
    let (Some(this), Some(bytes)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    result(part(&mut this.endpoint, bytes))
}

/// Adds an option, number at most 65535, after those with the same or a lower number.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_draft_option(
    endpoint: *mut mcoap_endpoint,
    number: u32,
    value: *const u8,
    value_len: usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    unsafe {
        add(endpoint, value, value_len, |endpoint, value| {
            endpoint.draft_option(number, value)
        })
    }
}

/// Adds Content-Format, at most 65535.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_draft_content_format(
    endpoint: *mut mcoap_endpoint,
    content_format: u32,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    unsafe {
        add(endpoint, core::ptr::null(), 0, |endpoint, _| {
            endpoint.draft_content_format(content_format)
        })
    }
}

/// Adds Uri-Host, unless `host` is an IP literal.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_draft_uri_host(
    endpoint: *mut mcoap_endpoint,
    host: *const u8,
    host_len: usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    unsafe { add(endpoint, host, host_len, Endpoint::draft_uri_host) }
}

/// Adds Uri-Path and Uri-Query for "a/b?x=1&y=2", with or without a leading slash, percent-decoded.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_draft_uri_path(
    endpoint: *mut mcoap_endpoint,
    path: *const u8,
    path_len: usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    unsafe { add(endpoint, path, path_len, Endpoint::draft_uri_path) }
}

/// Adds Uri-Query for "x=1&y=2", percent-decoded.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_draft_uri_query(
    endpoint: *mut mcoap_endpoint,
    query: *const u8,
    query_len: usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    unsafe { add(endpoint, query, query_len, Endpoint::draft_uri_query) }
}

/// Sets the payload.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_draft_payload(
    endpoint: *mut mcoap_endpoint,
    payload: *const u8,
    payload_len: usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    unsafe { add(endpoint, payload, payload_len, Endpoint::draft_payload) }
}

/// Hands the request over: it goes out with the next `mcoap_endpoint_poll_transmit`, or when its turn
/// comes (RFC 7252 section 4.7). The exchange ends with exactly one event, unless it is cancelled.
/// `message_len`: bytes of the message. `message_id`: its id, 0 if it has none yet.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_request_send(
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
    let sent = match this.endpoint.request_send(&peer, Instant(now)) {
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
    // SAFETY: the caller vouches.
    let Some(this) = (unsafe { endpoint.as_mut() }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    let confirmable = message_type != MessageType::NonConfirmable as u8;
    result(
        this.endpoint
            .response_begin(Handle::from_u32(request), confirmable, Code(code)),
    )
}

/// Hands the response over: in the ACK while that is owed, else in a message of its own. The request's handle is stale afterwards.
///
/// # Safety
/// Pointers are valid; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_response_send(
    endpoint: *mut mcoap_endpoint,
    now: u32,
    message_len: *mut usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let Some(this) = (unsafe { endpoint.as_mut() }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    match this.endpoint.response_send(Instant(now)) {
        Ok(len) => {
            // SAFETY: the caller vouches.
            unsafe { put(message_len, len) };
            MCOAP_OK
        }
        Err(error) => super::Failure::from(error).0,
    }
}
