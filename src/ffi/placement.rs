// SPDX-License-Identifier: MIT
//! Making an endpoint where it stays.
//!
//! Building it on the stack and moving it would need its size there, and would take along what the
//! stack held: unused places of a table keep those bytes, and a conservative garbage collector that
//! reads the caller's block would find old pointers among them.

use crate::config::Parameters;
use crate::endpoint::Endpoint;

/// Makes what [`Endpoint::new`] makes, at `memory`. Every byte of it is written.
///
/// Of all fields, and the fields of those, zeros are an empty value: beside each structure stands a list of them that is
/// compiled only as long as it is complete. Tables are a length and places that may hold anything; `Option`s of handles,
/// stored messages and references are those of what is never zero; the rest are numbers. A new field must be so, or be
/// written here, as the draft is.
///
/// # Safety
/// `memory` is aligned and writable for an endpoint.
pub(super) unsafe fn place(
    memory: *mut Endpoint<'static>,
    parameters: Parameters,
    seed: u32,
    store: &'static mut [u8],
) {
    // SAFETY: as above; the draft is written before there is a reference to the whole.
    let endpoint = unsafe {
        memory.write_bytes(0, 1);
        (&raw mut (*memory).draft).write(None);
        &mut *memory
    };
    endpoint.set_up(parameters, seed, store);
}
