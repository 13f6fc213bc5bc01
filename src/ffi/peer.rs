// SPDX-License-Identifier: MIT
//! Peer addresses as text.
//!
//! A peer with an IP address is: family (4 or 6), address (4 or 16 bytes), port (2 bytes, big endian).
//! One that names a session of DTLS starts with 1, `MCOAP_PEER_SESSION`.
//! Every other peer address may be anything that starts with another byte.

use super::{MCOAP_ERR_ARGUMENT, MCOAP_OK, mcoap_result, put, slice};
use crate::config::PEER_ADDRESS_MAX;
use crate::message::peer::SESSION_FAMILY;
use crate::wire::ip;

/// Bytes of the longest peer address; without IPv6 it is shorter.
pub const MCOAP_PEER_MAX: usize = 19;
/// Bytes of the longest text of an IP address, not terminated.
pub const MCOAP_ADDRESS_TEXT_MAX: usize = 46;

/// The first byte of the address of a peer that has shown by a handshake where it is: it is never challenged.
pub const MCOAP_PEER_SESSION: u8 = 1;

const _: () = assert!(MCOAP_PEER_SESSION == SESSION_FAMILY);
const _: () = assert!(MCOAP_PEER_MAX >= PEER_ADDRESS_MAX && MCOAP_ADDRESS_TEXT_MAX == ip::TEXT_MAX);

/// The peer that an IP literal ("192.168.1.2", "2001:db8::1", "[::1]") and a port name.
/// `MCOAP_ERR_ARGUMENT`: no IP literal, or no port. `peer`: at least `MCOAP_PEER_MAX` bytes.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_peer_from_text(
    text: *const u8,
    text_len: usize,
    port: u32,
    peer: *mut u8,
    peer_len: *mut usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let Some(text) = (unsafe { slice(text, text_len) }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    let Ok(port) = u16::try_from(port) else {
        return MCOAP_ERR_ARGUMENT;
    };
    if peer.is_null() {
        return MCOAP_ERR_ARGUMENT;
    }
    // SAFETY: not null, and the caller vouches for the length.
    let peer = unsafe {
        peer.write_bytes(0, MCOAP_PEER_MAX);
        core::slice::from_raw_parts_mut(peer, MCOAP_PEER_MAX)
    };
    let Some(len) = ip::peer_from_text(text, port, peer) else {
        return MCOAP_ERR_ARGUMENT;
    };
    // SAFETY: the caller vouches.
    unsafe { put(peer_len, len) };
    MCOAP_OK
}

/// Text and port of a peer with an IP address. `MCOAP_ERR_ARGUMENT`: it has none.
/// `text`: at least `MCOAP_ADDRESS_TEXT_MAX` bytes.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_peer_to_text(
    peer: *const u8,
    peer_len: usize,
    text: *mut u8,
    text_len: *mut usize,
    port: *mut u32,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let Some(peer) = (unsafe { slice(peer, peer_len) }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    if text.is_null() {
        return MCOAP_ERR_ARGUMENT;
    }
    // SAFETY: not null, and the caller vouches for the length.
    let text = unsafe {
        text.write_bytes(0, MCOAP_ADDRESS_TEXT_MAX);
        core::slice::from_raw_parts_mut(text, MCOAP_ADDRESS_TEXT_MAX)
    };
    let Some((len, port_number)) = ip::peer_to_text(peer, text) else {
        return MCOAP_ERR_ARGUMENT;
    };
    // SAFETY: the caller vouches.
    unsafe {
        put(text_len, len);
        put(port, port_number.into());
    }
    MCOAP_OK
}

/// Whether a peer with an IP address is a group.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_peer_is_multicast(peer: *const u8, peer_len: usize) -> bool {
    // SAFETY: the caller vouches.
    unsafe { slice(peer, peer_len) }.is_some_and(ip::is_multicast)
}
