// SPDX-License-Identifier: MIT
//! Security contexts, RFC 8613: made in memory that the caller owns, then made known to endpoints. Only in builds with
//! OSCORE.

use super::{
    MCOAP_ERR_ARGUMENT, MCOAP_ERR_MEMORY, MCOAP_ERR_NO_SLOT, MCOAP_OK, mcoap_endpoint,
    mcoap_result, put, result, slice, with,
};
use crate::oscore::context::{SecurityContext, Source};
use crate::oscore::contexts::ContextId;
use crate::time::Instant;

/// A security context, in memory that the caller owns.
#[allow(non_camel_case_types)]
pub struct mcoap_security {
    context: SecurityContext,
}

/// What a security context is derived from, RFC 8613 section 3.2.
#[repr(C)]
#[allow(non_camel_case_types)]
pub struct mcoap_security_source {
    /// Master Secret.
    pub secret: *const u8,
    /// Master Salt.
    pub salt: *const u8,
    /// Sender ID.
    pub sender_id: *const u8,
    /// Recipient ID.
    pub recipient_id: *const u8,
    /// ID Context, or `NULL`.
    pub id_context: *const u8,
    /// Bytes of the Master Secret.
    pub secret_len: usize,
    /// Bytes of the Master Salt.
    pub salt_len: usize,
    /// Bytes of the Sender ID, at most 7.
    pub sender_id_len: usize,
    /// Bytes of the Recipient ID, at most 7.
    pub recipient_id_len: usize,
    /// Bytes of the ID Context, at most 16.
    pub id_context_len: usize,
    /// The number that was stored last, RFC 8613 appendix B.1.1; 0: none, the context is new.
    pub first: u64,
}

/// Bytes of memory that a security context takes.
#[unsafe(no_mangle)]
pub extern "C" fn mcoap_security_size() -> usize {
    size_of::<mcoap_security>()
}

/// Makes a security context in `memory`, which must be aligned to 8 bytes and must stay where it is. It may use no
/// sequence number before `mcoap_security_reserve`. `MCOAP_ERR_ARGUMENT` also when an ID is too long or both are the same.
///
/// # Safety
/// Pointers are valid for their lengths; `memory` is used for nothing else while an endpoint knows the context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_security_init(
    memory: *mut u8,
    memory_len: usize,
    source: *const mcoap_security_source,
    security: *mut *mut mcoap_security,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let Some(given) = (unsafe { source.as_ref() }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    let place = memory.cast::<mcoap_security>();
    if memory.is_null() || !place.is_aligned() || security.is_null() {
        return MCOAP_ERR_ARGUMENT;
    }
    if memory_len < size_of::<mcoap_security>() {
        return MCOAP_ERR_MEMORY;
    }
    // SAFETY: the caller vouches.
    let parts = unsafe {
        (
            slice(given.secret, given.secret_len),
            slice(given.salt, given.salt_len),
            slice(given.sender_id, given.sender_id_len),
            slice(given.recipient_id, given.recipient_id_len),
            slice(given.id_context, given.id_context_len),
        )
    };
    let (Some(secret), Some(salt), Some(sender_id), Some(recipient_id), Some(id_context)) = parts
    else {
        return MCOAP_ERR_ARGUMENT;
    };
    let source = Source {
        secret,
        salt,
        sender_id,
        recipient_id,
        id_context: (!given.id_context.is_null()).then_some(id_context),
        first: given.first,
    };
    let Some(context) = SecurityContext::new(&source) else {
        return MCOAP_ERR_ARGUMENT;
    };
    // SAFETY: as above.
    unsafe {
        place.write(mcoap_security { context });
        security.write(place);
    }
    MCOAP_OK
}

/// How many sequence numbers may be used before more are reserved, at most 2^32 - 1.
///
/// # Safety
/// `security` was made by `mcoap_security_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_security_left(security: *const mcoap_security) -> u32 {
    // SAFETY: the caller vouches.
    let left = unsafe { security.as_ref() }.map_or(0, |security| security.context.left());
    u32::try_from(left).unwrap_or(u32::MAX)
}

/// The number that is to be stored, where it outlives a power cut, before `count` more sequence numbers are reserved.
/// `MCOAP_ERR_NO_SLOT`: there are no more.
///
/// # Safety
/// `security` was made by `mcoap_security_init`, or is null; `number` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_security_reservable(
    security: *const mcoap_security,
    count: u32,
    number: *mut u64,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let Some(security) = (unsafe { security.as_ref() }) else {
        return MCOAP_ERR_ARGUMENT;
    };
    let Some(end) = security.context.reservable(u64::from(count)) else {
        return MCOAP_ERR_NO_SLOT;
    };
    // SAFETY: the caller vouches.
    unsafe { put(number, end) };
    MCOAP_OK
}

/// Says that the number is stored that `mcoap_security_reservable` gave: sequence numbers below it may be used.
///
/// # Safety
/// `security` was made by `mcoap_security_init`, or is null; `number` is readable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_security_reserve(
    security: *const mcoap_security,
    number: *const u64,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (security.as_ref(), number.as_ref()) };
    let (Some(security), Some(&number)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    security.context.reserve(number);
    MCOAP_OK
}

/// Wipes the keys. Nothing is protected by the context any more.
///
/// # Safety
/// `security` was made by `mcoap_security_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_security_close(security: *const mcoap_security) {
    // SAFETY: the caller vouches.
    if let Some(security) = unsafe { security.as_ref() } {
        security.context.close();
    }
}

/// Makes a security context known to an endpoint; gives the number that names it there, from 1 on. What is known already
/// has its number. `MCOAP_ERR_NO_SLOT`: no room.
///
/// # Safety
/// `security` was made by `mcoap_security_init` and stays until it is removed, or as long as the endpoint is used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_security_add(
    endpoint: *mut mcoap_endpoint,
    security: *const mcoap_security,
    number: *mut u8,
) -> mcoap_result {
    // SAFETY: the caller vouches; the context stays, and is changed through cells only.
    let inputs: (_, Option<&'static mcoap_security>) =
        unsafe { (endpoint.as_mut(), security.as_ref()) };
    let (Some(this), Some(security)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    match this.endpoint.context_add(&security.context) {
        Some(id) => {
            // SAFETY: the caller vouches.
            unsafe { put(number, id.number()) };
            MCOAP_OK
        }
        None => MCOAP_ERR_NO_SLOT,
    }
}

/// Forgets a security context. What it protects ends, exchanges with `MCOAP_EVENT_TIMEOUT`. Its number may come to name
/// another context: a resource that admits it is to be added anew before the next datagram is handled.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_security_remove(
    endpoint: *mut mcoap_endpoint,
    now: u32,
    number: u8,
) {
    // SAFETY: the caller vouches.
    if let (Some(this), Some(id)) = (unsafe { endpoint.as_mut() }, ContextId::from_number(number)) {
        this.endpoint.context_remove(id, Instant(now));
    }
}

/// Says which security context is to protect the request that is being written. `MCOAP_ERR_STALE`: it is closed.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_draft_protect(
    endpoint: *mut mcoap_endpoint,
    number: u8,
) -> mcoap_result {
    let protect = |endpoint: &mut crate::endpoint::Endpoint<'static>| {
        let id = ContextId::from_number(number);
        id.map_or(MCOAP_ERR_ARGUMENT, |id| result(endpoint.draft_protect(id)))
    };
    // SAFETY: the caller vouches.
    unsafe { with(endpoint, protect) }
}
