// SPDX-License-Identifier: MIT
//! `mcoap_endpoint`.

use super::event::{MCOAP_EVENT_NONE, mcoap_event};
use super::placement::place;
use super::{
    MCOAP_ERR_ARGUMENT, MCOAP_ERR_MEMORY, MCOAP_NOTHING, MCOAP_OK, buffer, entropy, mcoap_endpoint,
    mcoap_handle, mcoap_result, peer_addr, put, slice, with,
};
use crate::config::Parameters;
use crate::echo::EchoKey;
use crate::endpoint::Endpoint;
use crate::handle::Handle;
use crate::message::{Counters, peer::PeerAddr};
use crate::time::Instant;

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
    /// What went on.
    pub counters: Counters,
    /// Requests of ours that wait for their response.
    pub exchanges_in_use: u32,
    /// Messages of ours on their way.
    pub transmissions_in_use: u32,
    /// Received messages whose repetitions are recognised.
    pub deduplication_in_use: u32,
    /// Requests of peers that have not been answered.
    pub requests_in_use: u32,
    /// Bodies that come or go block by block.
    pub bodies_in_use: u32,
    /// Resources of peers that we observe.
    pub observations_in_use: u32,
    /// Observers of our resources.
    pub observers_in_use: u32,
}

/// Unpredictable bytes that `mcoap_endpoint_init` needs.
pub const MCOAP_SEED_LEN: usize = 12;

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
    let size = unsafe { mcoap_endpoint_size(parameters) };
    // SAFETY: the caller vouches.
    let inputs = unsafe {
        (
            parameters.as_ref(),
            entropy::<MCOAP_SEED_LEN>(seed, seed_len),
        )
    };
    let (Some(parameters), Some(seed)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    let [s0, s1, s2, s3, key @ ..] = *seed;
    let seed = u32::from_be_bytes([s0, s1, s2, s3]);
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
        place(&raw mut (*state).endpoint, *parameters, seed, store);
        (*state).endpoint.set_key(EchoKey::new(key));
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
/// `multicast`: it came to a group address. A protected message is uncovered where it is.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_handle_datagram(
    endpoint: *mut mcoap_endpoint,
    now: u32,
    peer: *const u8,
    peer_len: usize,
    data: *mut u8,
    data_len: usize,
    multicast: bool,
    event: *mut mcoap_event,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe {
        (
            endpoint.as_mut(),
            slice(peer, peer_len),
            buffer(data, data_len),
        )
    };
    let (Some(this), Some(peer), Some(data)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    let Some(address) = PeerAddr::new(peer) else {
        return MCOAP_ERR_ARGUMENT;
    };
    // SAFETY: the caller vouches.
    let event = unsafe {
        put(event, mcoap_event::about(peer));
        &mut *event
    };
    let now = Instant(now);
    let received = if multicast {
        this.endpoint.handle_multicast(&address, data, now)
    } else {
        this.endpoint.handle_datagram(&address, data, now)
    };
    if let Some(received) = received {
        event.set_received(&received);
    }
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

/// The next thing that did not come with a datagram: an exchange that ended without a response, or an observer to
/// be told. Call until `MCOAP_NOTHING`.
///
/// # Safety
/// Pointers are valid; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_poll_event(
    endpoint: *mut mcoap_endpoint,
    now: u32,
    event: *mut mcoap_event,
) -> mcoap_result {
    let poll = |endpoint: &mut Endpoint<'static>| {
        let now = Instant(now);
        let mut out = mcoap_event::about(&[]);
        if endpoint.has_ended() {
            if let Some(ended) = endpoint.poll_event(now) {
                out = mcoap_event::about(ended.peer.as_slice());
                out.set_ended(&ended);
            }
        } else if let Some(notification) = endpoint.poll_notification(now) {
            out = mcoap_event::about(notification.peer.as_slice());
            out.set_notification(&notification);
        }
        if out.kind == MCOAP_EVENT_NONE {
            return MCOAP_NOTHING;
        }
        // SAFETY: the caller vouches.
        unsafe { put(event, out) };
        MCOAP_OK
    };
    // SAFETY: the caller vouches.
    unsafe { with(endpoint, poll) }
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
    let poll = |endpoint: &mut Endpoint<'static>| {
        let Some(out) = endpoint.poll_transmit() else {
            return MCOAP_NOTHING;
        };
        let peer = out.peer.as_slice();
        let out = mcoap_datagram {
            peer: peer.as_ptr(),
            data: out.bytes.as_ptr(),
            peer_len: peer.len(),
            data_len: out.bytes.len(),
            exchange: out.exchange().map_or(0, Handle::to_u32),
        };
        // SAFETY: the caller vouches.
        unsafe { put(datagram, out) };
        MCOAP_OK
    };
    // SAFETY: the caller vouches.
    unsafe { with(endpoint, poll) }
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

/// Bytes of the largest block that a message of this endpoint can hold, 16 to 1024; 0 without block-wise transfer.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_block_size(endpoint: *const mcoap_endpoint) -> u32 {
    // SAFETY: the caller vouches.
    unsafe { endpoint.as_ref() }.map_or(0, |this| this.endpoint.block_size())
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
    let usage = this.endpoint.usage();
    let out = mcoap_stats {
        counters: this.endpoint.counters(),
        exchanges_in_use: usage.exchanges as u32,
        transmissions_in_use: usage.transmissions as u32,
        deduplication_in_use: usage.deduplication as u32,
        requests_in_use: usage.requests as u32,
        bodies_in_use: usage.bodies as u32,
        observations_in_use: usage.observations as u32,
        observers_in_use: usage.observers as u32,
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

/// Forgets a peer that will never be heard of again: requests to it end as if it had reset them.
///
/// # Safety
/// Pointers are valid for their lengths, or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_peer_remove(
    endpoint: *mut mcoap_endpoint,
    now: u32,
    peer: *const u8,
    peer_len: usize,
) {
    // SAFETY: the caller vouches.
    if let (Some(this), Some(peer)) = unsafe { (endpoint.as_mut(), peer_addr(peer, peer_len)) } {
        this.endpoint.peer_remove(&peer, Instant(now));
    }
}

/// Notes that a peer, `MCOAP_PEER_SESSION`, sends from another address now: it is challenged there, where responses are
/// limited by that.
///
/// # Safety
/// Pointers are valid for their lengths, or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_peer_moved(
    endpoint: *mut mcoap_endpoint,
    peer: *const u8,
    peer_len: usize,
) {
    // SAFETY: the caller vouches.
    if let (Some(this), Some(peer)) = unsafe { (endpoint.as_mut(), peer_addr(peer, peer_len)) } {
        this.endpoint.peer_moved(&peer);
    }
}

/// Whether requests of ours wait for responses, or messages of ours for acknowledgements.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_is_busy(endpoint: *const mcoap_endpoint) -> bool {
    // SAFETY: the caller vouches.
    let usage = unsafe { endpoint.as_ref() }.map(|this| this.endpoint.usage());
    usage.is_some_and(|usage| usage.exchanges + usage.transmissions > 0)
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
