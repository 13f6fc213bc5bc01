// SPDX-License-Identifier: MIT
//! `coap` and `coaps` URIs, RFC 7252 section 6.

use super::peer::MCOAP_PEER_MAX;
use super::{
    MCOAP_ERR_ARGUMENT, MCOAP_ERR_MEMORY, MCOAP_ERR_URI, MCOAP_OK, mcoap_result, put, slice,
};
use crate::wire::ip;
use crate::wire::uri::{self, Host, Uri};

/// A URI in its parts.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct mcoap_uri {
    /// Path and query, for `MCOAP_PART_PATH`; inside the text.
    pub path: *const u8,
    /// Bytes of path and query.
    pub path_len: usize,
    /// Bytes of the host's name; 0 for an IP address.
    pub host_len: usize,
    /// Bytes of the peer address; 0 for a name.
    pub peer_len: usize,
    /// The port; that of the scheme if the URI has none.
    pub port: u16,
    /// `coaps` rather than `coap`.
    pub secure: bool,
    /// The peer, if the host is an IP address.
    pub peer: [u8; MCOAP_PEER_MAX],
}

/// Takes a URI apart. The name of the host, decoded and in lower case, is written to `host`, which must hold as many
/// bytes as the URI.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_uri_parse(
    text: *const u8,
    text_len: usize,
    host: *mut u8,
    host_len: usize,
    uri: *mut mcoap_uri,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let Some(bytes) = (unsafe { slice(text, text_len) }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    if host.is_null() {
        return MCOAP_ERR_ARGUMENT;
    }
    let Ok(parsed) = Uri::parse(bytes) else {
        return MCOAP_ERR_URI;
    };
    let mut out = mcoap_uri {
        path: parsed.path.as_ptr(),
        path_len: parsed.path.len() + parsed.query.map_or(0, |query| query.len() + 1),
        host_len: 0,
        peer_len: 0,
        port: parsed.port,
        secure: parsed.secure,
        peer: [0; MCOAP_PEER_MAX],
    };
    match parsed.host {
        Host::Ipv4(address) => {
            out.peer_len = ip::write_peer(&address, parsed.port, &mut out.peer).unwrap_or(0);
        }
        Host::Ipv6(address) => {
            out.peer_len = ip::write_peer(&address, parsed.port, &mut out.peer).unwrap_or(0);
        }
        Host::Name(name) => {
            out.host_len = name.decoded_len().unwrap_or(usize::MAX);
            if out.host_len > host_len {
                return MCOAP_ERR_MEMORY;
            }
            // SAFETY: not null, and the caller vouches for the length.
            let room = unsafe {
                host.write_bytes(0, out.host_len);
                core::slice::from_raw_parts_mut(host, out.host_len)
            };
            name.decode_into(room);
        }
    }
    // SAFETY: the caller vouches.
    unsafe { put(uri, out) };
    MCOAP_OK
}

/// Whether the text, not percent-encoded, can be a host: a name, or an address.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_host_check(text: *const u8, text_len: usize) -> bool {
    // SAFETY: the caller vouches.
    unsafe { slice(text, text_len) }.is_some_and(uri::is_host)
}
