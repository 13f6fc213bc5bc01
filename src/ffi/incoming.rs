// SPDX-License-Identifier: MIT
//! Requests of peers that have not been answered.

use super::{
    MCOAP_ERR_ARGUMENT, MCOAP_ERR_STALE, MCOAP_OK, alive, mcoap_endpoint, mcoap_handle,
    mcoap_result, peer_addr, put, token as token_from, with_handle,
};
use crate::endpoint::Endpoint;
use crate::handle::Handle;
use crate::time::Instant;
use crate::wire::header::MessageId;

/// The request from this peer that has not been answered: with this message id (-1: no such one), else with
/// this token (`NULL`: no such one).
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_incoming_find(
    endpoint: *const mcoap_endpoint,
    peer: *const u8,
    peer_len: usize,
    message_id: i32,
    token: *const u8,
    token_len: usize,
    request: *mut mcoap_handle,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (endpoint.as_ref(), peer_addr(peer, peer_len)) };
    let (Some(this), Some(peer)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    let token = if token.is_null() {
        None
    } else {
        // SAFETY: the caller vouches.
        unsafe { token_from(token, token_len) }
    };
    let id = u16::try_from(message_id).ok().map(MessageId);
    let Some(handle) = this.endpoint.incoming_find(&peer, id, token) else {
        return MCOAP_ERR_STALE;
    };
    // SAFETY: the caller vouches.
    unsafe { put(request, handle.to_u32()) };
    MCOAP_OK
}

/// Says that the handler of a request has returned. If it has not answered, a confirmable request is
/// acknowledged with an Empty ACK, and the answer may still come. A stale handle is fine: the request
/// has been answered.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_incoming_release(
    endpoint: *mut mcoap_endpoint,
    request: mcoap_handle,
) {
    // SAFETY: the caller vouches.
    let this = unsafe { endpoint.as_mut() };
    if let (Some(this), Some(request)) = (this, Handle::from_u32(request)) {
        this.endpoint.incoming_release(request);
    }
}

/// Ends a request that nobody waits for the answer to any more, and names it; 0: there is none now. For who wants to
/// hear of it: `mcoap_endpoint_handle_timeout` ends them all.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_incoming_expired(
    endpoint: *mut mcoap_endpoint,
    now: u32,
) -> mcoap_handle {
    // SAFETY: the caller vouches.
    let this = unsafe { endpoint.as_mut() };
    let expired = this.and_then(|this| this.endpoint.incoming_expired(Instant(now)));
    expired.map_or(0, Handle::to_u32)
}

/// Says that a block of a request's body has been taken and that the next one is welcome, after `MCOAP_EVENT_UPLOAD`.
/// The request's handle is stale afterwards.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_incoming_continue(
    endpoint: *mut mcoap_endpoint,
    now: u32,
    request: mcoap_handle,
) -> mcoap_result {
    let go_on = |endpoint: &mut Endpoint<'static>, request| {
        alive(endpoint.incoming_continue(request, Instant(now)))
    };
    // SAFETY: the caller vouches.
    unsafe { with_handle(endpoint, request, go_on) }
}

/// Whether more blocks of this body may come or be asked for. False: forget it.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_body_alive(
    endpoint: *const mcoap_endpoint,
    body: mcoap_handle,
) -> bool {
    // SAFETY: the caller vouches.
    let this = unsafe { endpoint.as_ref() };
    let body = Handle::from_u32(body);
    matches!((this, body), (Some(this), Some(body)) if this.endpoint.body_is_alive(body))
}
