// SPDX-License-Identifier: MIT
//! `mcoap_parameters`.

use crate::config::Parameters;

/// The defaults: RFC 7252 section 4.8, and the sizes of this build's profile.
///
/// # Safety
/// `parameters` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_parameters_default(parameters: *mut Parameters) {
    // SAFETY: the caller vouches.
    unsafe { super::put(parameters, Parameters::default()) };
}

/// The index, in field order, of the first parameter that is out of range; -1 if there is none.
///
/// # Safety
/// `parameters` is readable or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_parameters_check(parameters: *const Parameters) -> i32 {
    // SAFETY: the caller vouches.
    let Some(parameters) = (unsafe { parameters.as_ref() }) else {
        return 0;
    };
    parameters.out_of_range().map_or(-1, |index| index as i32)
}
