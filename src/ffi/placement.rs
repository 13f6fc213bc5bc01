// SPDX-License-Identifier: MIT
//! Making an endpoint where it stays.
//!
//! Building it on the stack and moving it would need its size there, and would take along what the
//! stack held: unused places of a table keep those bytes, and a conservative garbage collector that
//! reads the caller's block would find old pointers among them.

use crate::block::body::Bodies;
use crate::block::transfer::Transfers;
use crate::config::Parameters;
use crate::endpoint::Endpoint;
use crate::exchange::incoming::Requests;
use crate::exchange::outgoing::Exchanges;
use crate::message::MessageLayer;
use crate::message::store::MessageStore;
use crate::observe::observation::Observations;
use crate::observe::observer::Observers;
use crate::resource::Resources;

/// Makes what [`Endpoint::new`] makes, at `memory`. Every byte of it is written.
///
/// # Safety
/// `memory` is aligned and writable for an endpoint.
pub(super) unsafe fn place(
    memory: *mut Endpoint<'static>,
    parameters: Parameters,
    seed: u32,
    store: &'static mut [u8],
) {
    // SAFETY: of all fields (`zero_is_valid` names them), zeros are an empty value, except for the three
    // that are written before there is a reference to the whole.
    let endpoint = unsafe {
        memory.write_bytes(0, 1);
        (&raw mut (*memory).message.store).write(MessageStore::new(store));
        (&raw mut (*memory).resources).write(Resources::default());
        (&raw mut (*memory).draft).write(None);
        &mut *memory
    };
    endpoint.message.set_up(parameters, seed);
}

/// Compiles as long as an endpoint has no other fields than those that [`place`] was written for. A new
/// one, or one in the types of those named here, must be valid when it is all zeros, or be written there.
///
/// Tables are a length and places that may hold anything; `Option`s of handles and stored messages are
/// those of non-zero numbers; the rest are numbers.
const _: fn(Endpoint<'_>) = zero_is_valid;
fn zero_is_valid(endpoint: Endpoint<'_>) {
    let Endpoint {
        message,
        exchanges: Exchanges { table: _ },
        requests: Requests { table: _ },
        resources: _,
        draft: _,
        transfers: Transfers { table: _ },
        observations: Observations { table: _ },
        bodies: Bodies { table: _ },
        observers: Observers {
            table: _,
            sequence: _,
        },
        echo: _,
    } = endpoint;
    let MessageLayer {
        parameters: _,
        peers: _,
        ids: _,
        transmissions: _,
        deduplication: _,
        store: _,
        counters: _,
        outbox: _,
        jitter: _,
        handed_out: _,
        empty: _,
    } = message;
}
