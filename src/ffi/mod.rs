// SPDX-License-Identifier: MIT
//! The C ABI; `include/microcoapy.h` is generated from it.
//!
//! Context first, inputs, outputs last. Every fallible function returns an [`mcoap_result`]; outputs
//! are written only with [`MCOAP_OK`] and must not be `NULL`. `(NULL, 0)` is an empty slice. Integers and pointers only: no struct is passed by value, as compilers for Xtensa
//! disagree about those. An endpoint must be used by one thread at a time.

pub mod draft;
pub mod endpoint;
pub mod event;
pub mod exchange;
pub mod incoming;
#[cfg(feature = "staticlib")]
mod link;
pub mod links;
pub mod options;
pub mod parameters;
pub mod peer;
mod placement;
pub mod resource;
#[cfg(feature = "oscore")]
pub mod security;
pub mod state;
pub mod uri;

use crate::endpoint::{DraftError, Endpoint, RequestError, RespondError};
use crate::handle::Handle;
use crate::message::peer::PeerAddr;
use crate::resource::AddError;
use crate::wire::header::Token;

/// Result of a fallible function: `MCOAP_OK`, `MCOAP_NOTHING`, or one of the negative `MCOAP_ERR_*`.
#[allow(non_camel_case_types)]
pub type mcoap_result = i32;
/// Names an exchange or a request of one endpoint; 0 names nothing.
#[allow(non_camel_case_types)]
pub type mcoap_handle = u32;

/// Success.
pub const MCOAP_OK: mcoap_result = 0;
/// A poll function has nothing (more) to give. Not an error.
pub const MCOAP_NOTHING: mcoap_result = 1;
/// A null pointer, a bad length, or a parameter out of range.
pub const MCOAP_ERR_ARGUMENT: mcoap_result = -1;
/// A table is full.
pub const MCOAP_ERR_NO_SLOT: mcoap_result = -2;
/// The message would be larger than `max_message`.
pub const MCOAP_ERR_TOO_LARGE: mcoap_result = -3;
/// A malformed path, query or host.
pub const MCOAP_ERR_URI: mcoap_result = -4;
/// A bad option number, or a length that the option cannot have.
pub const MCOAP_ERR_OPTION: mcoap_result = -5;
/// A token of more than 8 bytes, or one that an observation of the same peer has.
pub const MCOAP_ERR_TOKEN: mcoap_result = -6;
/// The handle names nothing that is alive.
pub const MCOAP_ERR_STALE: mcoap_result = -7;
/// A message type or code that cannot be used here.
pub const MCOAP_ERR_TYPE: mcoap_result = -8;
/// The block of memory is too small: give a larger one.
pub const MCOAP_ERR_MEMORY: mcoap_result = -9;
/// No draft was begun, or another call has ended it.
pub const MCOAP_ERR_STATE: mcoap_result = -10;

/// The part of a body that is asked for lies behind its end.
pub const MCOAP_ERR_RANGE: mcoap_result = -11;
/// A message with this code has no payload, RFC 7252 section 5.5.
pub const MCOAP_ERR_PAYLOAD: mcoap_result = -12;

/// A security context cannot protect the message: it is closed, no sequence number is reserved, or there is a Proxy-Uri.
pub const MCOAP_ERR_SECURITY: mcoap_result = -13;

/// 5.00, for a handler that failed.
pub const MCOAP_CODE_INTERNAL_SERVER_ERROR: u8 = 0xA0;
/// 4.04, for a path whose handler is gone.
pub const MCOAP_CODE_NOT_FOUND: u8 = 0x84;

/// 2.05, what a GET is answered with.
pub const MCOAP_CODE_CONTENT: u8 = 0x45;
/// 4.00, for a part of a body that is not there.
pub const MCOAP_CODE_BAD_REQUEST: u8 = 0x80;
/// 4.08, for a body whose beginning is lost.
pub const MCOAP_CODE_INCOMPLETE: u8 = 0x88;

const _: () = assert!(
    MCOAP_CODE_CONTENT == crate::wire::code::Code::CONTENT.0
        && MCOAP_CODE_BAD_REQUEST == crate::wire::code::Code::BAD_REQUEST.0
        && MCOAP_CODE_INCOMPLETE == crate::wire::code::Code::REQUEST_ENTITY_INCOMPLETE.0
);
const _: () =
    assert!(MCOAP_CODE_INTERNAL_SERVER_ERROR == crate::wire::code::Code::INTERNAL_SERVER_ERROR.0);
const _: () = assert!(MCOAP_CODE_NOT_FOUND == crate::wire::code::Code::NOT_FOUND.0);

/// An endpoint, in memory that the caller owns.
#[allow(non_camel_case_types)]
pub struct mcoap_endpoint {
    endpoint: Endpoint<'static>,
}

/// The crate's version, NUL-terminated.
#[unsafe(no_mangle)]
pub extern "C" fn mcoap_version() -> *const cty::c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// # Safety
/// `(pointer, len)` is readable for `'a`, or the pointer is null.
unsafe fn slice<'a>(pointer: *const u8, len: usize) -> Option<&'a [u8]> {
    match (pointer.is_null(), len) {
        (_, 0) => Some(&[]),
        (true, _) => None,
        // SAFETY: not null, and the caller vouches for the rest.
        (false, _) => Some(unsafe { core::slice::from_raw_parts(pointer, len) }),
    }
}

/// # Safety
/// `(pointer, len)` is initialized and writable for `'a`, or the pointer is null; nothing else refers to it.
unsafe fn buffer<'a>(pointer: *mut u8, len: usize) -> Option<&'a mut [u8]> {
    match (pointer.is_null(), len) {
        (_, 0) => Some(&mut []),
        (true, _) => None,
        // SAFETY: not null, and the caller vouches for the rest.
        (false, _) => Some(unsafe { core::slice::from_raw_parts_mut(pointer, len) }),
    }
}

/// # Safety
/// `(pointer, len)` is readable and writable for `'a`, or the pointer is null; nothing else refers to it.
unsafe fn slice_mut<'a>(pointer: *mut u8, len: usize) -> Option<&'a mut [u8]> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: not null, and the caller vouches for the rest; zeroed before a reference is made.
    Some(unsafe {
        pointer.write_bytes(0, len);
        core::slice::from_raw_parts_mut(pointer, len)
    })
}

/// # Safety
/// As [`slice`].
unsafe fn peer_addr(pointer: *const u8, len: usize) -> Option<PeerAddr> {
    // SAFETY: the caller vouches.
    PeerAddr::new(unsafe { slice(pointer, len) }?)
}

/// # Safety
/// As [`slice`].
unsafe fn token(pointer: *const u8, len: usize) -> Option<Token> {
    // SAFETY: the caller vouches.
    Token::new(unsafe { slice(pointer, len) }?)
}

/// Writes an output.
///
/// # Safety
/// `output` is writable.
unsafe fn put<T>(output: *mut T, value: T) {
    // SAFETY: the caller vouches.
    unsafe { output.write(value) };
}

/// # Safety
/// As [`slice`]; `None` for fewer bytes than `N`.
unsafe fn entropy<'a, const N: usize>(pointer: *const u8, len: usize) -> Option<&'a [u8; N]> {
    // SAFETY: the caller vouches.
    unsafe { slice(pointer, len) }?.first_chunk::<N>()
}

/// What `f` makes of the endpoint; `MCOAP_ERR_ARGUMENT`: there is none.
///
/// # Safety
/// `endpoint` was made by `mcoap_endpoint_init`, or is null.
unsafe fn with(
    endpoint: *mut mcoap_endpoint,
    f: impl FnOnce(&mut Endpoint<'static>) -> mcoap_result,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    unsafe { endpoint.as_mut() }.map_or(MCOAP_ERR_ARGUMENT, |this| f(&mut this.endpoint))
}

/// What `f` makes of the endpoint and a handle; `MCOAP_ERR_STALE`: the handle names nothing.
///
/// # Safety
/// As [`with`].
unsafe fn with_handle(
    endpoint: *mut mcoap_endpoint,
    handle: mcoap_handle,
    f: impl FnOnce(&mut Endpoint<'static>, Handle) -> mcoap_result,
) -> mcoap_result {
    let f = |endpoint: &mut Endpoint<'static>| {
        Handle::from_u32(handle).map_or(MCOAP_ERR_STALE, |handle| f(endpoint, handle))
    };
    // SAFETY: the caller vouches.
    unsafe { with(endpoint, f) }
}

/// For what says whether the handle was alive.
fn alive(was_alive: bool) -> mcoap_result {
    if was_alive { MCOAP_OK } else { MCOAP_ERR_STALE }
}

fn result<E: Into<Failure>>(outcome: Result<(), E>) -> mcoap_result {
    match outcome {
        Ok(()) => MCOAP_OK,
        Err(error) => error.into().0,
    }
}

/// A negative [`mcoap_result`].
struct Failure(mcoap_result);

impl From<DraftError> for Failure {
    fn from(error: DraftError) -> Self {
        Self(match error {
            DraftError::NoDraft => MCOAP_ERR_STATE,
            DraftError::Kind | DraftError::Code => MCOAP_ERR_TYPE,
            DraftError::Payload => MCOAP_ERR_PAYLOAD,
            DraftError::Stale => MCOAP_ERR_STALE,
            DraftError::TooLarge => MCOAP_ERR_TOO_LARGE,
            DraftError::Option => MCOAP_ERR_OPTION,
            DraftError::Range => MCOAP_ERR_RANGE,
            DraftError::Uri(_) => MCOAP_ERR_URI,
        })
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self(match error {
            RequestError::NoDraft => MCOAP_ERR_STATE,
            RequestError::NoSlot => MCOAP_ERR_NO_SLOT,
            RequestError::Group => MCOAP_ERR_TYPE,
            RequestError::Stale => MCOAP_ERR_STALE,
            RequestError::Token => MCOAP_ERR_TOKEN,
            RequestError::Security => MCOAP_ERR_SECURITY,
        })
    }
}

impl From<RespondError> for Failure {
    fn from(error: RespondError) -> Self {
        Self(match error {
            RespondError::NoDraft => MCOAP_ERR_STATE,
            RespondError::Stale => MCOAP_ERR_STALE,
            RespondError::NoSlot => MCOAP_ERR_NO_SLOT,
        })
    }
}

impl From<AddError> for Failure {
    fn from(error: AddError) -> Self {
        Self(match error {
            AddError::Path(_) => MCOAP_ERR_URI,
            AddError::Name => MCOAP_ERR_ARGUMENT,
            AddError::Memory => MCOAP_ERR_MEMORY,
        })
    }
}
