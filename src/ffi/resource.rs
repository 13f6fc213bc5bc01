// SPDX-License-Identifier: MIT
//! The paths that are served.

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

/// Adds a path such as "a/b", with or without a leading slash, percent-decoded; `methods`: bit n allows
/// method code 0.n, 1 to 7. A path that is there already gets the new values.
/// `MCOAP_ERR_MEMORY`: give a larger block with `mcoap_resource_memory`.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_resource_add(
    endpoint: *mut mcoap_endpoint,
    path: *const u8,
    path_len: usize,
    methods: u32,
    resource: u32,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (endpoint.as_mut(), slice(path, path_len)) };
    let (Some(this), Some(path)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    let Ok(methods) = u8::try_from(methods) else {
        return MCOAP_ERR_ARGUMENT;
    };
    result(this.endpoint.resources().add(path, methods, resource))
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
