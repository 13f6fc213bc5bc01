// SPDX-License-Identifier: MIT
//! What outlives a restart of the device.

use super::{
    Failure, MCOAP_ERR_ARGUMENT, MCOAP_ERR_NO_SLOT, mcoap_endpoint, mcoap_result, result, slice,
    slice_mut,
};
use crate::endpoint::ImportError;
use crate::time::Instant;

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        Self(match error {
            ImportError::Malformed => MCOAP_ERR_ARGUMENT,
            ImportError::NoRoom => MCOAP_ERR_NO_SLOT,
        })
    }
}

/// Writes what outlives a restart into `out`: the sequence of message ids, what we observe, who observes us. Gives its
/// length in bytes, also if it does not fit; 0 for no endpoint.
///
/// # Safety
/// Pointers are valid for their lengths, or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_export(
    endpoint: *const mcoap_endpoint,
    out: *mut u8,
    out_len: usize,
) -> usize {
    // SAFETY: the caller vouches.
    let (this, out) = unsafe { (endpoint.as_ref(), slice_mut(out, out_len)) };
    this.map_or(0, |this| this.endpoint.export(out.unwrap_or_default()))
}

/// Takes over what `mcoap_endpoint_export` wrote, into an endpoint that nothing has been done with. On an error, do not
/// use the endpoint. `MCOAP_ERR_ARGUMENT`: the state is damaged or of another version; `MCOAP_ERR_NO_SLOT`: there is
/// more in it than this endpoint has room for.
///
/// # Safety
/// Pointers are valid for their lengths; `endpoint` was made by `mcoap_endpoint_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_endpoint_import(
    endpoint: *mut mcoap_endpoint,
    now: u32,
    state: *const u8,
    state_len: usize,
) -> mcoap_result {
    // SAFETY: the caller vouches.
    let inputs = unsafe { (endpoint.as_mut(), slice(state, state_len)) };
    let (Some(this), Some(state)) = inputs else {
        return MCOAP_ERR_ARGUMENT;
    };
    result(this.endpoint.import(state, Instant(now)))
}
