// SPDX-License-Identifier: MIT
//! `mcoap_parameters`.

use crate::config::Parameters;

/// The defaults: RFC 7252 section 4.8, and the sizes of this build's profile. `message_store` is 0, which
/// `mcoap_parameters_check` replaces.
///
/// # Safety
/// `parameters` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_parameters_default(parameters: *mut Parameters) {
    // SAFETY: the caller vouches.
    unsafe {
        super::put(
            parameters,
            Parameters {
                message_store: 0,
                ..Parameters::default()
            },
        )
    };
}

/// The index, in field order, of the first parameter that is out of range; -1 if there is none. A
/// `message_store` of 0 becomes as large as the profile has it, in proportion to `max_message`.
///
/// # Safety
/// `parameters` is readable and writable, or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcoap_parameters_check(parameters: *mut Parameters) -> i32 {
    // SAFETY: the caller vouches.
    let Some(parameters) = (unsafe { parameters.as_mut() }) else {
        return 0;
    };
    parameters.complete();
    parameters.out_of_range().map_or(-1, |index| index as i32)
}
