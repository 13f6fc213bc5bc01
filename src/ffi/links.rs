// SPDX-License-Identifier: MIT
//! Reading documents in CoRE Link Format, RFC 6690.

use super::{
    MCOAP_ERR_ARGUMENT, MCOAP_ERR_URI, MCOAP_NOTHING, MCOAP_OK, mcoap_result, put, slice, slice_mut,
};
use crate::wire::link_format::{Attributes, Links, Value, matches};

/// A link, or an attribute of one; inside the document.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct mcoap_link {
    /// The target, or the name of the attribute.
    pub name: *const u8,
    /// The encoded attributes, or the value of the attribute; `NULL`: it has none.
    pub value: *const u8,
    /// Bytes of the name.
    pub name_len: usize,
    /// Bytes of the value.
    pub value_len: usize,
    /// The value was quoted: `mcoap_link_value` takes the backslashes out.
    pub quoted: bool,
}

/// The next link of a document. `cursor` starts at 0. `MCOAP_NOTHING`: that was the last one. `MCOAP_ERR_URI`: what
/// follows is malformed.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_link_next(
    document: *const u8,
    document_len: usize,
    cursor: *mut usize,
    link: *mut mcoap_link,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (slice(document, document_len), cursor.as_mut()) };
    let (Some(text), Some(cursor)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    let mut links = Links::resume(text, *cursor);
    let Some(found) = links.next() else {
        return if links.is_malformed() {
            MCOAP_ERR_URI
        } else {
            MCOAP_NOTHING
        };
    };
    *cursor = links.position();
    let out = mcoap_link {
        name: found.target.as_ptr(),
        value: found.attributes.as_ptr(),
        name_len: found.target.len(),
        value_len: found.attributes.len(),
        quoted: false,
    };
    // SAFETY: the caller vouches.
    unsafe { put(link, out) };
    MCOAP_OK
}

/// Whether a link passes a filter, the value of a Uri-Query option: RFC 6690 section 4.1.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_link_matches(
    link: *const mcoap_link,
    filter: *const u8,
    filter_len: usize,
) -> bool {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (link.as_ref(), slice(filter, filter_len)) };
    let (Some(link), Some(filter)) = inputs else {
        return false;
    };
    // SAFETY: the caller vouches.
    let parts = unsafe {
        (
            slice(link.name, link.name_len),
            slice(link.value, link.value_len),
        )
    };
    let (Some(target), Some(attributes)) = parts else {
        return false;
    };
    matches(target, attributes, filter)
}

/// The next attribute of a link. `cursor` starts at 0. `MCOAP_NOTHING`: that was the last one.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_link_attribute(
    attributes: *const u8,
    attributes_len: usize,
    cursor: *mut usize,
    attribute: *mut mcoap_link,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (slice(attributes, attributes_len), cursor.as_mut()) };
    let (Some(text), Some(cursor)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    let mut walk = Attributes::resume(text, *cursor);
    let Some(found) = walk.next() else {
        return MCOAP_NOTHING;
    };
    *cursor = walk.position();
    let out = mcoap_link {
        name: found.name.as_ptr(),
        value: found.value.map_or(core::ptr::null(), |v| v.raw.as_ptr()),
        name_len: found.name.len(),
        value_len: found.value.map_or(0, |v| v.raw.len()),
        quoted: found.value.is_some_and(|v| v.quoted),
    };
    // SAFETY: the caller vouches.
    unsafe { put(attribute, out) };
    MCOAP_OK
}

/// Writes the value of a quoted attribute without its backslashes to `out`, which must hold as many bytes; gives how
/// many it has.
///
/// # Safety
/// Pointers are valid for their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_link_value(
    value: *const u8,
    value_len: usize,
    out: *mut u8,
) -> usize {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (slice(value, value_len), slice_mut(out, value_len)) };
    let (Some(raw), Some(out)) = inputs else {
        return 0;
    };
    Value { raw, quoted: true }.copy_into(out)
}
