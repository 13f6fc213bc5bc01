// SPDX-License-Identifier: MIT
//! Requests of ours after they were sent: block-wise transfer, limits, cancellation.

use super::draft::MCOAP_ENTROPY_LEN;
use super::{
    MCOAP_ERR_ARGUMENT, MCOAP_ERR_STALE, MCOAP_OK, alive, entropy as entropy_from, mcoap_endpoint,
    mcoap_handle, mcoap_result, put, result, slice, with_handle,
};
use crate::block::transfer::ETAG_MAX;
use crate::config::EXCHANGES;
use crate::endpoint::Endpoint;
use crate::time::Instant;

/// Bytes of the longest ETag.
pub const MCOAP_ETAG_MAX: usize = 8;

const _: () = assert!(MCOAP_ETAG_MAX == ETAG_MAX);

/// Ends an exchange without an event; nothing is sent to the peer. An observation is forgotten: the next
/// notification is rejected.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_exchange_cancel(
    endpoint: *mut mcoap_endpoint,
    now: u32,
    exchange: mcoap_handle,
) -> mcoap_result {
    let cancel = |endpoint: &mut Endpoint<'static>, exchange| {
        alive(endpoint.exchange_cancel(exchange, Instant(now)))
    };
    // SAFETY: the caller vouches.
    unsafe { with_handle(endpoint, exchange, cancel) }
}

/// Ends an observation without an event, and tells the peer, RFC 7641 section 3.6.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_observation_cancel(
    endpoint: *mut mcoap_endpoint,
    now: u32,
    exchange: mcoap_handle,
) -> mcoap_result {
    let cancel = |endpoint: &mut Endpoint<'static>, exchange| {
        alive(endpoint.observation_cancel(exchange, Instant(now)))
    };
    // SAFETY: the caller vouches.
    unsafe { with_handle(endpoint, exchange, cancel) }
}

/// How many requests may wait for their responses at the same time.
#[unsafe(no_mangle)]
pub extern "C" fn mcoap_exchanges_max() -> usize {
    EXCHANGES
}

/// Ends the exchange as a timeout after `milliseconds`, whatever happens.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_exchange_limit(
    endpoint: *mut mcoap_endpoint,
    now: u32,
    exchange: mcoap_handle,
    milliseconds: u32,
) -> mcoap_result {
    let at = Instant(now).after(milliseconds);
    let limit =
        |endpoint: &mut Endpoint<'static>, exchange| alive(endpoint.exchange_limit(exchange, at));
    // SAFETY: the caller vouches.
    unsafe { with_handle(endpoint, exchange, limit) }
}

/// Asks for the next block after `MCOAP_EVENT_BLOCK` or `MCOAP_EVENT_RESTART`. `entropy`: `MCOAP_ENTROPY_LEN`
/// unpredictable bytes. `MCOAP_ERR_STALE`: the exchange does not wait for that.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_exchange_continue(
    endpoint: *mut mcoap_endpoint,
    now: u32,
    exchange: mcoap_handle,
    entropy: *const u8,
    entropy_len: usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let Some(entropy) = (unsafe { entropy_from::<MCOAP_ENTROPY_LEN>(entropy, entropy_len) }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    let go_on = |endpoint: &mut Endpoint<'static>, exchange| {
        result(endpoint.exchange_continue(exchange, *entropy, Instant(now)))
    };
    // SAFETY: the caller vouches.
    unsafe { with_handle(endpoint, exchange, go_on) }
}

/// Which part of its body the exchange is to send next, after `MCOAP_EVENT_WANTED`: where it starts, and at most how
/// many bytes. `MCOAP_ERR_STALE`: it does not wait for any.
///
/// # Safety
/// Pointers are valid; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_exchange_wanted(
    endpoint: *mut mcoap_endpoint,
    exchange: mcoap_handle,
    offset: *mut u32,
    len: *mut u32,
) -> mcoap_result {
    let wanted = |endpoint: &mut Endpoint<'static>, exchange| {
        let Some((start, most)) = endpoint.exchange_wanted(exchange) else {
            return MCOAP_ERR_STALE;
        };
        // SAFETY: the caller vouches.
        unsafe {
            put(offset, start);
            put(len, most);
        }
        MCOAP_OK
    };
    // SAFETY: the caller vouches.
    unsafe { with_handle(endpoint, exchange, wanted) }
}

/// Sends that part of the request's body. `more`: it is not the last, and then it must have that length.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_exchange_upload(
    endpoint: *mut mcoap_endpoint,
    now: u32,
    exchange: mcoap_handle,
    data: *const u8,
    len: usize,
    more: bool,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let Some(data) = (unsafe { slice(data, len) }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    let upload = |endpoint: &mut Endpoint<'static>, exchange| {
        result(endpoint.exchange_upload(exchange, data, more, Instant(now)))
    };
    // SAFETY: the caller vouches.
    unsafe { with_handle(endpoint, exchange, upload) }
}
