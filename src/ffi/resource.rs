// SPDX-License-Identifier: MIT
//! The paths that are served.

use crate::resource::{FRESH, HIDDEN, NON_CONFIRMABLE, OBSERVABLE, Resource};
use crate::wire::option::Understood;

use super::{
    MCOAP_ERR_ARGUMENT, MCOAP_ERR_MEMORY, MCOAP_OK, mcoap_endpoint, mcoap_result, result, slice,
};

/// Moves the table of paths into another block of memory, which must stay valid until it is replaced.
/// `MCOAP_ERR_MEMORY`: the table does not fit, and stays where it is.
///
/// # Safety
/// `memory` is valid for `memory_len` bytes and used for nothing else; `endpoint` was made by
/// `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_resource_memory(
    endpoint: *mut mcoap_endpoint,
    memory: *mut u8,
    memory_len: usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let Some(this) = (unsafe { endpoint.as_mut() }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    if memory.is_null() {
        return MCOAP_ERR_ARGUMENT;
    }
    // SAFETY: not null, and the caller vouches for the rest; zeroed before a reference is made.
    let memory = unsafe {
        memory.write_bytes(0, memory_len);
        core::slice::from_raw_parts_mut(memory, memory_len)
    };
    if this.endpoint.resources().move_to(memory) {
        MCOAP_OK
    } else {
        MCOAP_ERR_MEMORY
    }
}

/// Peers may observe the resource, RFC 7641.
pub const MCOAP_RESOURCE_OBSERVABLE: u32 = 1;
/// Its notifications are non-confirmable, as far as RFC 7641 section 4.5 allows.
pub const MCOAP_RESOURCE_NON: u32 = 2;
/// Requests must carry a fresh Echo value, RFC 9175.
pub const MCOAP_RESOURCE_FRESH: u32 = 4;
/// `/.well-known/core` does not name it.
pub const MCOAP_RESOURCE_HIDDEN: u32 = 8;

const _: () = assert!(
    MCOAP_RESOURCE_OBSERVABLE == OBSERVABLE as u32
        && MCOAP_RESOURCE_NON == NON_CONFIRMABLE as u32
        && MCOAP_RESOURCE_FRESH == FRESH as u32
        && MCOAP_RESOURCE_HIDDEN == HIDDEN as u32
);

/// Requests must be protected.
pub const MCOAP_CONTEXTS_PROTECTED: u32 = 0x8000_0000;
/// Requests must be protected, by any context.
pub const MCOAP_CONTEXTS_ALL: u32 = u32::MAX;

/// What is said about a path.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct mcoap_resource {
    /// Comes back in events.
    pub number: u32,
    /// Bit n allows method code 0.n, 1 to 7.
    pub methods: u32,
    /// `MCOAP_RESOURCE_*`.
    pub flags: u32,
    /// Bytes of the largest body that is put together from blocks; 0: the endpoint's limit.
    pub max_body: u32,
    /// Between two notifications to an observer, milliseconds.
    pub interval_ms: u32,
    /// Which security contexts may protect requests: 0: none need to; else `MCOAP_CONTEXTS_PROTECTED` and, for the
    /// context with number n, bit n - 1.
    pub contexts: u32,
    /// Numbers of critical options that the handler deals with itself; 0 for none.
    pub understood: [u16; MCOAP_UNDERSTOOD],
}

/// Critical options that the handler of a resource may understand.
pub const MCOAP_UNDERSTOOD: usize = 4;

const _: () = assert!(MCOAP_UNDERSTOOD == crate::config::UNDERSTOOD_IN_REQUESTS);

/// Adds a path such as "a/b", with or without a leading slash, percent-decoded, in place of the same path if that is
/// there already. `MCOAP_ERR_MEMORY`: give a larger block with `mcoap_resource_memory`.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_resource_add(
    endpoint: *mut mcoap_endpoint,
    path: *const u8,
    path_len: usize,
    resource: *const mcoap_resource,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (endpoint.as_mut(), slice(path, path_len), resource.as_ref()) };
    let (Some(this), Some(path), Some(resource)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    let (Ok(methods), Ok(flags)) = (u8::try_from(resource.methods), u8::try_from(resource.flags))
    else {
        return MCOAP_ERR_ARGUMENT;
    };
    let resource = Resource {
        number: resource.number,
        methods,
        flags,
        max_body: resource.max_body,
        interval_ms: resource.interval_ms,
        understood: Understood::new(resource.understood),
        contexts: resource.contexts,
    };
    result(this.endpoint.resources().add(path, &resource))
}

/// Adds an attribute, such as "rt", to the link of the path that was added last. `value` `NULL`: without a value;
/// `quoted`: as a quoted string. `MCOAP_ERR_MEMORY`: give a larger block; `MCOAP_ERR_ARGUMENT`: not a name.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_resource_attribute(
    endpoint: *mut mcoap_endpoint,
    name: *const u8,
    name_len: usize,
    value: *const u8,
    value_len: usize,
    quoted: bool,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe {
        (
            endpoint.as_mut(),
            slice(name, name_len),
            slice(value, value_len),
        )
    };
    let (Some(this), Some(name), Some(bytes)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    let value = (!value.is_null()).then_some((bytes, quoted));
    result(this.endpoint.resources().add_attribute(name, value))
}

/// Says that the state of a resource has changed: its observers are told.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_resource_notify(endpoint: *mut mcoap_endpoint, resource: u32) {
    // SAFETY: the caller vouches.
    if let Some(this) = unsafe { endpoint.as_mut() } {
        this.endpoint.notify(resource);
    }
}

/// Says that paths were added or forgotten: observers of those that are gone are told.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_resource_changed(endpoint: *mut mcoap_endpoint) {
    // SAFETY: the caller vouches.
    if let Some(this) = unsafe { endpoint.as_mut() } {
        this.endpoint.resources_changed();
    }
}

/// Forgets all paths.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_resource_clear(endpoint: *mut mcoap_endpoint) {
    // SAFETY: the caller vouches.
    if let Some(this) = unsafe { endpoint.as_mut() } {
        this.endpoint.resources().clear();
    }
}
