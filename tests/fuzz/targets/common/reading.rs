// SPDX-License-Identifier: MIT
//! The functions of the ABI that only read: options, URIs, link documents.

use core::mem::zeroed;
use core::ptr::null;

use microcoapy::ffi::event::{MCOAP_CONTENT_FORMAT_NONE, MCOAP_UNKNOWN};
use microcoapy::ffi::links::*;
use microcoapy::ffi::options::*;
use microcoapy::ffi::peer::{MCOAP_PEER_MAX, mcoap_peer_is_multicast};
use microcoapy::ffi::uri::*;
use microcoapy::ffi::{MCOAP_ERR_MEMORY, MCOAP_ERR_URI, MCOAP_NOTHING, MCOAP_OK};
use microcoapy::wire::code::Code;
use microcoapy::wire::option::{OptionNumber, Options};
use microcoapy::wire::uint;

use crate::engine::slice;

/// Encoded options, or any other bytes.
pub fn options(bytes: &[u8]) {
    let mut query: Vec<&[u8]> = vec![];
    let mut cursor = mcoap_option_cursor {
        offset: 0,
        number: 0,
    };
    for option in Options::new(bytes) {
        let (mut number, mut value, mut len) = (0, null(), 0);
        // SAFETY: the bytes and the outputs are alive.
        unsafe {
            let next = mcoap_options_next(
                bytes.as_ptr(),
                bytes.len(),
                &mut cursor,
                &mut number,
                &mut value,
                &mut len,
            );
            assert_eq!(next, MCOAP_OK);
            assert_eq!(
                (number, slice(value, len)),
                (option.number.0.into(), option.value)
            );
        }
        if option.number == OptionNumber::URI_QUERY {
            query.push(option.value);
        }
        find(bytes, number);
    }
    find(bytes, bytes.len() as u32);
    let joined = query.join(&b'&');
    let mut out = vec![0xA5; joined.len() / 2].into_boxed_slice();
    let mut written = 0;
    // SAFETY: the bytes and the outputs are alive.
    unsafe {
        let result = mcoap_options_query(
            bytes.as_ptr(),
            bytes.len(),
            out.as_mut_ptr(),
            out.len(),
            &mut written,
        );
        assert_eq!(result, MCOAP_OK);
    }
    assert_eq!((written, &*out), (joined.len(), &joined[..out.len()]));
}

pub fn fingerprint(bytes: &[u8]) -> u32 {
    // SAFETY: the bytes are alive.
    unsafe { mcoap_fingerprint(bytes.as_ptr(), bytes.len()) }
}

fn find(bytes: &[u8], number: u32) {
    let expected = Options::new(bytes)
        .find(|option| u32::from(option.number.0) == number)
        .map(|option| option.value);
    let (mut value, mut len) = (null(), 0);
    // SAFETY: the bytes and the outputs are alive.
    let (found, as_uint) = unsafe {
        let result = mcoap_options_find(bytes.as_ptr(), bytes.len(), number, &mut value, &mut len);
        assert!(result == MCOAP_OK || result == MCOAP_NOTHING);
        (
            (result == MCOAP_OK).then(|| slice(value, len)),
            mcoap_options_uint(bytes.as_ptr(), bytes.len(), number),
        )
    };
    assert_eq!(found, expected);
    assert_eq!(
        as_uint,
        expected.and_then(uint::decode).unwrap_or(MCOAP_UNKNOWN)
    );
}

/// The path that options name, into too little room and into enough.
pub fn path(bytes: &[u8]) {
    for location in [false, true] {
        let compose = |out: &mut [u8]| {
            let mut written = 0;
            // SAFETY: the bytes and the outputs are alive.
            let result = unsafe {
                mcoap_options_path(
                    bytes.as_ptr(),
                    bytes.len(),
                    location,
                    out.as_mut_ptr(),
                    out.len(),
                    &mut written,
                )
            };
            (result, written)
        };
        // Each byte may be percent-encoded.
        let mut enough = vec![0xA5; 3 * bytes.len() + 2].into_boxed_slice();
        let (result, len) = compose(&mut enough);
        if result == MCOAP_NOTHING {
            assert!(location);
            continue;
        }
        assert_eq!(result, MCOAP_OK);
        assert_eq!(enough[0], b'/');
        let mut little = vec![0xA5; len - 1].into_boxed_slice();
        assert_eq!(compose(&mut little).0, MCOAP_ERR_MEMORY);
        let mut exact = vec![0xA5; len].into_boxed_slice();
        assert_eq!(compose(&mut exact), (MCOAP_OK, len));
        assert_eq!(*exact, enough[..len]);
    }
}

/// Any options as the conditions of a request, and as those of the answer with an error.
pub fn conditions(bytes: &[u8], method: u8) {
    let etag = bytes.get(1..3).unwrap_or_default();
    let (start, len) = (bytes.as_ptr(), bytes.len());
    let is_safe = [Code::GET, Code::FETCH].contains(&Code(method));
    for (exists, tag) in [(false, null()), (true, null()), (true, etag.as_ptr())] {
        let tag_len = if tag.is_null() { 0 } else { etag.len() };
        // SAFETY: the bytes are alive.
        let (before, after) = unsafe {
            (
                mcoap_incoming_condition(method, start, len, exists, tag, tag_len),
                mcoap_response_condition(method, start, len, Code::CONTENT.0, tag, tag_len),
            )
        };
        let valid = Code::VALID.0;
        assert!([0, valid, Code::PRECONDITION_FAILED.0].contains(&before));
        assert!([Code::CONTENT.0, valid, Code::NOT_ACCEPTABLE.0].contains(&after));
        assert!(is_safe && !tag.is_null() || ![before, after].contains(&valid));
    }
    assert!(Code(mcoap_default_code(method)).is_success());
    let mut out = vec![0xA5; len + MCOAP_DIAGNOSTIC_OVERHEAD].into_boxed_slice();
    let (room, mut format) = (out.len(), 0);
    // SAFETY: the bytes and the outputs are alive.
    let written = unsafe {
        mcoap_options_more(start, len);
        mcoap_peer_is_multicast(start, len);
        mcoap_diagnostic(start, len, start, len, out.as_mut_ptr(), room, &mut format)
    };
    assert!(out[..written].ends_with(bytes));
    assert!(written == len || format != MCOAP_CONTENT_FORMAT_NONE);
}

/// Any text as a URI, with room for its host or too little.
pub fn uri(text: &[u8], room: usize) {
    let text: Box<[u8]> = text.into();
    let mut host = vec![0xA5; room.min(text.len())].into_boxed_slice();
    // SAFETY: the text and the outputs are alive; a `mcoap_uri` is valid as zeros.
    unsafe {
        let mut uri: mcoap_uri = zeroed();
        let (start, len) = (text.as_ptr(), text.len());
        if mcoap_uri_parse(start, len, host.as_mut_ptr(), host.len(), &mut uri) != MCOAP_OK {
            return;
        }
        assert!((uri.host_len == 0) != (uri.peer_len == 0));
        assert!(uri.host_len <= host.len() && uri.peer_len <= MCOAP_PEER_MAX && uri.port != 0);
        // The path reaches to the end of the text.
        let path = slice(uri.path, uri.path_len);
        assert!(path.is_empty() || text.ends_with(path));
        assert!(matches!(path, [] | [b'/' | b'?', ..]));
    }
}

/// Any bytes as a document of links.
pub fn links(document: &[u8]) {
    let document: Box<[u8]> = document.into();
    let mut cursor = 0;
    loop {
        let before = cursor;
        // SAFETY: the document and the outputs are alive; a `mcoap_link` is valid as zeros.
        let attributes = unsafe {
            let mut link: mcoap_link = zeroed();
            let (start, len) = (document.as_ptr(), document.len());
            match mcoap_link_next(start, len, &mut cursor, &mut link) {
                MCOAP_OK => {}
                end => {
                    assert!(end == MCOAP_NOTHING || end == MCOAP_ERR_URI);
                    return assert_eq!(cursor, before);
                }
            }
            assert!(
                slice(link.name, link.name_len)
                    .iter()
                    .all(|byte| *byte != b'>')
            );
            slice(link.value, link.value_len)
        };
        assert!(cursor > before && cursor <= document.len());
        attributes_of(attributes);
    }
}

/// Encoded attributes, or any other bytes.
pub fn attributes_of(attributes: &[u8]) {
    let attributes: Box<[u8]> = attributes.into();
    let mut cursor = 0;
    loop {
        let before = cursor;
        // SAFETY: the attributes and the outputs are alive; a `mcoap_link` is valid as zeros.
        unsafe {
            let mut link: mcoap_link = zeroed();
            let (start, len) = (attributes.as_ptr(), attributes.len());
            if mcoap_link_attribute(start, len, &mut cursor, &mut link) == MCOAP_NOTHING {
                return assert_eq!(cursor, before);
            }
            assert!(cursor > before && cursor <= len && link.name_len > 0);
            let mut out = vec![0xA5; link.value_len].into_boxed_slice();
            let written = mcoap_link_value(link.value, link.value_len, out.as_mut_ptr());
            assert!(written <= out.len());
            if !slice(link.value, link.value_len).contains(&b'\\') {
                assert_eq!(out[..written], *slice(link.value, link.value_len));
            }
        }
    }
}
