// SPDX-License-Identifier: MIT
//! Reading the options of a received message.

use super::event::MCOAP_CONTENT_FORMAT_NONE;
use super::{
    MCOAP_ERR_ARGUMENT, MCOAP_ERR_MEMORY, MCOAP_NOTHING, MCOAP_OK, mcoap_result, put, slice,
    slice_mut,
};
use crate::hash::Hash;
use crate::wire::block::Block;
use crate::wire::code::Code;
use crate::wire::condition::{self, State};
use crate::wire::option::{OptionNumber, Options};
use crate::wire::{problem, uint, uri};

/// Where a walk over options stands. Starts zeroed.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct mcoap_option_cursor {
    /// Bytes walked over.
    pub offset: usize,
    /// The number of the last option.
    pub number: u32,
}

/// The next option of the encoded options of an event. `MCOAP_NOTHING`: that was the last one.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_options_next(
    options: *const u8,
    options_len: usize,
    cursor: *mut mcoap_option_cursor,
    number: *mut u32,
    value: *mut *const u8,
    value_len: *mut usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (slice(options, options_len), cursor.as_mut()) };
    let (Some(bytes), Some(cursor)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    let mut options = Options::resume(bytes, cursor.offset, cursor.number);
    let Some(option) = options.next() else {
        return MCOAP_NOTHING;
    };
    (cursor.offset, cursor.number) = options.position();
    // SAFETY: the caller vouches.
    unsafe {
        put(number, option.number.0.into());
        put(value, option.value.as_ptr());
        put(value_len, option.value.len());
    }
    MCOAP_OK
}

/// The Uri-Query options joined with '&', as they are. Writes as much as fits into `out`; `written` is
/// the whole length.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_options_query(
    options: *const u8,
    options_len: usize,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let Some(bytes) = (unsafe { slice(options, options_len) }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    let mut len = 0;
    let mut push = |byte: u8| {
        if len < out_len && !out.is_null() {
            // SAFETY: inside of what the caller vouches for.
            unsafe { out.add(len).write(byte) };
        }
        len += 1;
    };
    let mut first = true;
    for item in Options::new(bytes).filter(|option| option.number == OptionNumber::URI_QUERY) {
        if !core::mem::take(&mut first) {
            push(b'&');
        }
        item.value.iter().for_each(|&byte| push(byte));
    }
    // SAFETY: the caller vouches.
    unsafe { put(written, len) };
    MCOAP_OK
}

/// The value of the first option with this number. `MCOAP_NOTHING`: there is none.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_options_find(
    options: *const u8,
    options_len: usize,
    number: u32,
    value: *mut *const u8,
    value_len: *mut usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let Some(bytes) = (unsafe { slice(options, options_len) }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    let Some(option) = Options::new(bytes).find(|o| u32::from(o.number.0) == number) else {
        return MCOAP_NOTHING;
    };
    // SAFETY: the caller vouches.
    unsafe {
        put(value, option.value.as_ptr());
        put(value_len, option.value.len());
    }
    MCOAP_OK
}

/// The first option with this number, of format `uint`; `MCOAP_UNKNOWN` if there is none, or none of at most four
/// bytes.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_options_uint(
    options: *const u8,
    options_len: usize,
    number: u32,
) -> u32 {
    // SAFETY: the caller vouches.
    let bytes = unsafe { slice(options, options_len) }.unwrap_or_default();
    let option = Options::new(bytes).find(|o| u32::from(o.number.0) == number);
    let value = option.and_then(|option| uint::decode(option.value));
    value.unwrap_or(super::event::MCOAP_UNKNOWN)
}

/// A number that is the same for the same bytes: FNV-1a, 32 bits. For ETags.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_fingerprint(data: *const u8, len: usize) -> u32 {
    // SAFETY: the caller vouches.
    let bytes = unsafe { slice(data, len) }.unwrap_or_default();
    let mut hash = Hash::new();
    bytes.iter().for_each(|&byte| hash.byte(byte));
    hash.finish()
}

/// The path of a request ("/a/b"), or with `location` path and query of a response's location ("/a/b?x=1"),
/// percent-encoded. `MCOAP_NOTHING`: there is no location. `MCOAP_ERR_MEMORY`: it does not fit into `out`.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_options_path(
    options: *const u8,
    options_len: usize,
    location: bool,
    out: *mut u8,
    out_len: usize,
    written: *mut usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (slice(options, options_len), slice_mut(out, out_len)) };
    let (Some(bytes), Some(out)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    let options = Options::new(bytes);
    let composed = if location {
        uri::compose_location(options, out)
    } else {
        uri::compose_path(options, out)
    };
    match composed {
        Ok(0) => MCOAP_NOTHING,
        Ok(len) => {
            // SAFETY: the caller vouches.
            unsafe { put(written, len) };
            MCOAP_OK
        }
        Err(_) => MCOAP_ERR_MEMORY,
    }
}

/// Whether a request may be carried out, by its conditions: 0 if so, else the code to answer with, 2.03 or 4.12.
/// `exists`: whether the resource does; `etag`: that of its state, or `NULL`.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_incoming_condition(
    method: u8,
    options: *const u8,
    options_len: usize,
    exists: bool,
    etag: *const u8,
    etag_len: usize,
) -> u8 {
    // SAFETY: the caller vouches.
    let (bytes, tag) = unsafe { (slice(options, options_len), slice(etag, etag_len)) };
    let state = State {
        exists,
        etag: tag.filter(|_| !etag.is_null()),
    };
    let code = condition::of_request(
        Code(method),
        Options::new(bytes.unwrap_or_default()),
        &state,
    );
    code.map_or(0, |code| code.0)
}

/// The code to answer with instead of `code`, after a handler has said what it gives: 2.03 for an ETag that the
/// client has; else `code`.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_response_condition(
    method: u8,
    options: *const u8,
    options_len: usize,
    code: u8,
    etag: *const u8,
    etag_len: usize,
) -> u8 {
    // SAFETY: the caller vouches.
    let (bytes, tag) = unsafe { (slice(options, options_len), slice(etag, etag_len)) };
    let options = Options::new(bytes.unwrap_or_default());
    let etag = tag.filter(|_| !etag.is_null());
    condition::of_response(Code(method), options, Code(code), etag).0
}

/// The code of a handler that says no other: 2.05 for GET and FETCH, 2.02 for DELETE, 2.04 for the rest.
#[unsafe(no_mangle)]
pub extern "C" fn mcoap_default_code(method: u8) -> u8 {
    condition::default_code(Code(method)).0
}

/// The payload of an error with that text: concise problem details (RFC 9290) if the request accepts them, else the
/// text itself. `out` must hold `MCOAP_DIAGNOSTIC_OVERHEAD` bytes more than the text; gives how many there are.
/// `content_format`: that of the payload, or `MCOAP_CONTENT_FORMAT_NONE`.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_diagnostic(
    options: *const u8,
    options_len: usize,
    text: *const u8,
    text_len: usize,
    out: *mut u8,
    out_len: usize,
    content_format: *mut i32,
) -> usize {
    // SAFETY: the caller vouches.
    let (bytes, text, out) = unsafe {
        (
            slice(options, options_len),
            slice(text, text_len),
            slice_mut(out, out_len),
        )
    };
    let (Some(bytes), Some(text), Some(out)) = (bytes, text, out) else {
        return 0;
    };
    let (len, format) = problem::write(Options::new(bytes), text, out);
    // SAFETY: the caller vouches.
    unsafe {
        put(
            content_format,
            format.map_or(MCOAP_CONTENT_FORMAT_NONE, i32::from),
        )
    };
    len
}

/// Bytes that `mcoap_diagnostic` adds to a text at most.
pub const MCOAP_DIAGNOSTIC_OVERHEAD: usize = 5;

const _: () = assert!(MCOAP_DIAGNOSTIC_OVERHEAD == problem::OVERHEAD);

/// Whether the Block2 option says that the body goes on.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_options_more(options: *const u8, options_len: usize) -> bool {
    // SAFETY: the caller vouches.
    let bytes = unsafe { slice(options, options_len) }.unwrap_or_default();
    let block2 = Options::new(bytes).find(|o| o.number == OptionNumber::BLOCK2);
    block2
        .and_then(|o| Block::decode(o.value))
        .is_some_and(|block| block.more)
}
