// SPDX-License-Identifier: MIT
//! Reading the options of a received message.

use super::{MCOAP_ERR_ARGUMENT, MCOAP_NOTHING, MCOAP_OK, mcoap_result, put, slice};
use crate::wire::option::{OptionNumber, Options};

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
