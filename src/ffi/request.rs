// SPDX-License-Identifier: MIT
//! Requests of peers that have not been answered.

use super::{
    MCOAP_ERR_ARGUMENT, MCOAP_ERR_STALE, MCOAP_ERR_TOKEN, MCOAP_OK, mcoap_endpoint, mcoap_handle,
    mcoap_result, peer_addr, put, token as token_from,
};
use crate::handle::Handle;
use crate::wire::header::MessageId;

/// The request with this message id from this peer that has not been answered.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_request_find(
    endpoint: *const mcoap_endpoint,
    peer: *const u8,
    peer_len: usize,
    message_id: u16,
    request: *mut mcoap_handle,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (endpoint.as_ref(), peer_addr(peer, peer_len)) };
    let (Some(this), Some(peer)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    // SAFETY: the caller vouches.
    unsafe {
        found(
            this.endpoint.request_find(&peer, MessageId(message_id)),
            request,
        )
    }
}

/// The request with this token from this peer that has not been answered.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_request_find_token(
    endpoint: *const mcoap_endpoint,
    peer: *const u8,
    peer_len: usize,
    token: *const u8,
    token_len: usize,
    request: *mut mcoap_handle,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (endpoint.as_ref(), peer_addr(peer, peer_len)) };
    let (Some(this), Some(peer)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    // SAFETY: the caller vouches.
    let Some(token) = (unsafe { token_from(token, token_len) }) else {
        return MCOAP_ERR_TOKEN;
    };
    // SAFETY: the caller vouches.
    unsafe { found(this.endpoint.request_find_token(&peer, token), request) }
}

/// # Safety
/// `request` is writable or null.
unsafe fn found(handle: Option<Handle>, request: *mut mcoap_handle) -> mcoap_result {
    let Some(handle) = handle else {
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
pub unsafe extern "C" fn mcoap_request_release(
    endpoint: *mut mcoap_endpoint,
    request: mcoap_handle,
) {
    // SAFETY: the caller vouches.
    if let Some(this) = unsafe { endpoint.as_mut() } {
        this.endpoint.request_release(Handle::from_u32(request));
    }
}

/// Forgets a request that will never be answered; its repetitions are still recognised.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_request_drop(endpoint: *mut mcoap_endpoint, request: mcoap_handle) {
    // SAFETY: the caller vouches.
    if let Some(this) = unsafe { endpoint.as_mut() } {
        this.endpoint.request_drop(Handle::from_u32(request));
    }
}
