// SPDX-License-Identifier: MIT
//! Peer addresses as text.
//!
//! A peer with an IP address is: family (4 or 6), address (4 or 16 bytes), port (2 bytes, big endian).
//! Every other peer address may be anything that starts with another byte.

use super::{MCOAP_ERR_ARGUMENT, MCOAP_OK, mcoap_result, put, slice};
use crate::config::PEER_ADDRESS_MAX;
use crate::wire::ip;

/// Bytes of the longest peer address.
pub const MCOAP_PEER_MAX: usize = 24;
/// Bytes of the longest text of an IP address, not terminated.
pub const MCOAP_ADDRESS_TEXT_MAX: usize = 46;

const _: () = assert!(MCOAP_PEER_MAX == PEER_ADDRESS_MAX && MCOAP_ADDRESS_TEXT_MAX == ip::TEXT_MAX);

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
    let bare = text
        .strip_prefix(b"[")
        .and_then(|text| text.strip_suffix(b"]"));
    let (family, v4, v6) = match (
        bare,
        ip::parse_ipv4(text),
        ip::parse_ipv6(bare.unwrap_or(text)),
    ) {
        (None, Some(v4), _) => (4, v4, [0; 16]),
        (_, _, Some(v6)) => (6, [0; 4], v6),
        _ => return MCOAP_ERR_ARGUMENT,
    };
    let address: &[u8] = if family == 4 { &v4 } else { &v6 };
    let parts = [&[family], address, &port.to_be_bytes()];
    let mut len = 0;
    for &byte in parts.into_iter().flatten() {
        // SAFETY: at most 19 bytes are written, and the caller vouches for MCOAP_PEER_MAX.
        unsafe { peer.add(len).write(byte) };
        len += 1;
    }
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
    let mut out = [0; ip::TEXT_MAX];
    let (len, port_bytes) = match peer {
        [4, address @ .., p0, p1] if address.len() == 4 => (
            address
                .first_chunk()
                .map_or(0, |address| ip::format_ipv4(address, &mut out)),
            [*p0, *p1],
        ),
        [6, address @ .., p0, p1] if address.len() == 16 => (
            address
                .first_chunk()
                .map_or(0, |address| ip::format_ipv6(address, &mut out)),
            [*p0, *p1],
        ),
        _ => return MCOAP_ERR_ARGUMENT,
    };
    if text.is_null() {
        return MCOAP_ERR_ARGUMENT;
    }
    for (index, &byte) in out.iter().enumerate().take(len) {
        // SAFETY: at most MCOAP_ADDRESS_TEXT_MAX bytes are written, which the caller vouches for.
        unsafe { text.add(index).write(byte) };
    }
    // SAFETY: the caller vouches.
    unsafe {
        put(text_len, len);
        put(port, u16::from_be_bytes(port_bytes).into());
    }
    MCOAP_OK
}
