// SPDX-License-Identifier: MIT
//! `mcoap_endpoint`.

use super::event::{Lent, mcoap_event};
use super::{
    MCOAP_ERR_ARGUMENT, MCOAP_ERR_MEMORY, MCOAP_ERR_STALE, MCOAP_NOTHING, MCOAP_OK, mcoap_endpoint,
    mcoap_handle, mcoap_result, peer_addr, put, slice,
};
use crate::config::Parameters;
use crate::endpoint::Endpoint;
use crate::handle::Handle;
use crate::time::Instant;

/// Bytes of the seed that `mcoap_endpoint_init` needs.
pub const MCOAP_SEED_LEN: usize = 8;

/// A datagram to send. Valid until the next call with the same endpoint.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct mcoap_datagram {
    /// Where to.
    pub peer: *const u8,
    /// The message.
    pub data: *const u8,
    /// Bytes of the peer address.
    pub peer_len: usize,
    /// Bytes of the message.
    pub data_len: usize,
    /// The exchange whose first transmission this is, or 0.
    pub exchange: mcoap_handle,
}

/// Counters, which wrap at 2^32, and what is in use.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct mcoap_stats {
    /// Datagrams handed out to be sent.
    pub sent: u32,
    /// Datagrams handed in.
    pub received: u32,
    /// Confirmable messages sent again.
    pub retransmitted: u32,
    /// Messages received again and recognised.
    pub duplicates: u32,
    /// Message format errors.
    pub malformed: u32,
    /// Well-formed messages that were ignored or rejected.
    pub dropped: u32,
    /// Exchanges and separate responses that ended without an answer in time.
    pub timeouts: u32,
    /// Exchanges and separate responses that the peer rejected.
    pub resets: u32,
    /// Requests of ours that wait for their response.
    pub exchanges_in_use: u32,
    /// Messages of ours on their way.
    pub transmissions_in_use: u32,
    /// Received messages whose repetitions are recognised.
    pub deduplication_in_use: u32,
    /// Requests of peers that have not been answered.
    pub requests_in_use: u32,
}

/// Bytes of memory that an endpoint with these parameters takes, 0 if one is out of range.
///
/// # Safety
/// `parameters` is readable or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_size(parameters: *const Parameters) -> usize {
    // SAFETY: the caller vouches.
    match unsafe { parameters.as_ref() } {
        Some(parameters) if parameters.out_of_range().is_none() => {
            size_of::<mcoap_endpoint>() + parameters.message_store as usize
        }
        _ => 0,
    }
}

/// Makes an endpoint in `memory`, which must be aligned to 8 bytes, must hold `mcoap_endpoint_size`
/// bytes and must stay where it is. The endpoint needs no end: forget it and reuse the memory.
///
/// `seed`: `MCOAP_SEED_LEN` unpredictable bytes.
///
/// # Safety
/// Pointers are valid for their lengths; `memory` is used for nothing else while the endpoint is used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_init(
    memory: *mut u8,
    memory_len: usize,
    parameters: *const Parameters,
    seed: *const u8,
    seed_len: usize,
    endpoint: *mut *mut mcoap_endpoint,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let (size, seed) = unsafe { (mcoap_endpoint_size(parameters), slice(seed, seed_len)) };
    // SAFETY: the caller vouches.
    let Some(parameters) = (unsafe { parameters.as_ref() }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    let Some(seed) = seed.and_then(|seed| seed.first_chunk::<MCOAP_SEED_LEN>()) else {
        return MCOAP_ERR_ARGUMENT;
    };
    if size == 0
        || memory.is_null()
        || !memory.cast::<mcoap_endpoint>().is_aligned()
        || endpoint.is_null()
    {
        return MCOAP_ERR_ARGUMENT;
    }
    if memory_len < size {
        return MCOAP_ERR_MEMORY;
    }
    let state = memory.cast::<mcoap_endpoint>();
    let store_len = parameters.message_store as usize;
    // SAFETY: `memory` holds the state and, behind it, the store: that is how `size` was computed.
    unsafe {
        let store = memory.add(size_of::<mcoap_endpoint>());
        store.write_bytes(0, store_len);
        let store = core::slice::from_raw_parts_mut(store, store_len);
        state.write(mcoap_endpoint {
            endpoint: Endpoint::new(*parameters, *seed, store),
            lent: Lent::NOTHING,
        });
        endpoint.write(state);
    }
    MCOAP_OK
}

/// Ends everything outstanding and forgets all peers. Resources, counters and the sequence of message
/// ids stay.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_reset(endpoint: *mut mcoap_endpoint) {
    // SAFETY: the caller vouches.
    if let Some(this) = unsafe { endpoint.as_mut() } {
        this.endpoint.reset();
    }
}

/// Takes one datagram in. Writes one event, of kind `MCOAP_EVENT_NONE` if the application has nothing
/// to do. A datagram that a receive buffer cut off must be given with more than `max_message` bytes.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_handle_datagram(
    endpoint: *mut mcoap_endpoint,
    now: u32,
    peer: *const u8,
    peer_len: usize,
    data: *const u8,
    data_len: usize,
    event: *mut mcoap_event,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe {
        (
            endpoint.as_mut(),
            peer_addr(peer, peer_len),
            slice(data, data_len),
        )
    };
    let (Some(this), Some(peer), Some(data)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    let received = this.endpoint.handle_datagram(&peer, data, Instant(now));
    // SAFETY: the caller vouches.
    unsafe {
        put(
            event,
            mcoap_event::received(&received, peer, &mut this.lent),
        )
    };
    MCOAP_OK
}

/// Runs all timers that are due.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_handle_timeout(endpoint: *mut mcoap_endpoint, now: u32) {
    // SAFETY: the caller vouches.
    if let Some(this) = unsafe { endpoint.as_mut() } {
        this.endpoint.handle_timeout(Instant(now));
    }
}

/// The next exchange that ended without a response. Call until `MCOAP_NOTHING`.
///
/// # Safety
/// Pointers are valid; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_poll_event(
    endpoint: *mut mcoap_endpoint,
    event: *mut mcoap_event,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let Some(this) = (unsafe { endpoint.as_mut() }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    let Some(ended) = this.endpoint.poll_event() else {
        return MCOAP_NOTHING;
    };
    // SAFETY: the caller vouches.
    unsafe { put(event, mcoap_event::ended(&ended, &mut this.lent)) };
    MCOAP_OK
}

/// The next datagram to send. Call until `MCOAP_NOTHING`.
///
/// # Safety
/// Pointers are valid; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_poll_transmit(
    endpoint: *mut mcoap_endpoint,
    datagram: *mut mcoap_datagram,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let Some(this) = (unsafe { endpoint.as_mut() }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    let Some(out) = this.endpoint.poll_transmit() else {
        return MCOAP_NOTHING;
    };
    let peer = this.lent.set_peer(out.peer);
    let out = mcoap_datagram {
        peer: peer.as_ptr(),
        data: out.bytes.as_ptr(),
        peer_len: peer.len(),
        data_len: out.bytes.len(),
        exchange: out.starts.map_or(0, Handle::to_u32),
    };
    // SAFETY: the caller vouches.
    unsafe { put(datagram, out) };
    MCOAP_OK
}

/// Milliseconds until `mcoap_endpoint_handle_timeout` has work; 0 also while something waits to be
/// polled. `MCOAP_NOTHING`: not until something else happens.
///
/// # Safety
/// Pointers are valid; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_poll_timeout(
    endpoint: *const mcoap_endpoint,
    now: u32,
    milliseconds: *mut u32,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let Some(this) = (unsafe { endpoint.as_ref() }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    let Some(timeout) = this.endpoint.poll_timeout(Instant(now)) else {
        return MCOAP_NOTHING;
    };
    // SAFETY: the caller vouches.
    unsafe { put(milliseconds, timeout) };
    MCOAP_OK
}

/// Ends an exchange without an event; nothing is sent to the peer.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_exchange_cancel(
    endpoint: *mut mcoap_endpoint,
    now: u32,
    exchange: mcoap_handle,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let Some(this) = (unsafe { endpoint.as_mut() }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    if this
        .endpoint
        .cancel(Handle::from_u32(exchange), Instant(now))
    {
        MCOAP_OK
    } else {
        MCOAP_ERR_STALE
    }
}

/// What went on, and what is in use.
///
/// # Safety
/// Pointers are valid or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_stats(
    endpoint: *const mcoap_endpoint,
    stats: *mut mcoap_stats,
) {
    // SAFETY: the caller vouches.
    let Some(this) = (unsafe { endpoint.as_ref() }) else {
        return;
    };
    let (counters, usage) = (this.endpoint.counters(), this.endpoint.usage());
    let out = mcoap_stats {
        sent: counters.sent,
        received: counters.received,
        retransmitted: counters.retransmitted,
        duplicates: counters.duplicates,
        malformed: counters.malformed,
        dropped: counters.dropped,
        timeouts: counters.timeouts,
        resets: counters.resets,
        exchanges_in_use: usage.exchanges as u32,
        transmissions_in_use: usage.transmissions as u32,
        deduplication_in_use: usage.deduplication as u32,
        requests_in_use: usage.requests as u32,
    };
    // SAFETY: the caller vouches.
    unsafe { put(stats, out) };
}

/// Whether anything refers to this peer.
///
/// # Safety
/// Pointers are valid for their lengths, or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_knows_peer(
    endpoint: *const mcoap_endpoint,
    peer: *const u8,
    peer_len: usize,
) -> bool {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (endpoint.as_ref(), peer_addr(peer, peer_len)) };
    matches!(inputs, (Some(this), Some(peer)) if this.endpoint.knows_peer(&peer))
}

/// Whether an exchange has had its Empty ACK and waits for a separate response.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_awaits_separate(endpoint: *const mcoap_endpoint) -> bool {
    // SAFETY: the caller vouches.
    unsafe { endpoint.as_ref() }.is_some_and(|this| this.endpoint.awaits_separate())
}
