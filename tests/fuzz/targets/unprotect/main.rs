// SPDX-License-Identifier: MIT
//! One endpoint with two security contexts, client and server at once, behind its C ABI, among peers that have the
//! keys, and seal their messages with another implementation of RFC 8613. The input is a script: datagrams sealed,
//! changed, repeated or made up, requests, answers, and what becomes of the contexts.
//!
//! | module | what |
//! |---|---|
//! | [`keys`] | RFC 8613 by other crates |
//! | [`messages`] | writing what peers say |
//! | [`contexts`] | the device's contexts: numbers, restarts, ends |
//! | [`world`] | the device, its clock and the script |
//! | [`peers`] | what peers say |
//! | [`program`] | the device's program: requests, answers |
//! | [`received`] | what events must be like |
//! | [`sent`] | what sent datagrams must be like |
#![no_main]

mod contexts;
mod keys;
mod messages;
mod peers;
mod program;
mod received;
mod sent;
mod world;

use common::engine;
use common::script::Script;
use world::World;

/// libFuzzer calls this with one script after the other.
///
/// # Safety
/// `(data, len)` is readable.
#[unsafe(no_mangle)]
unsafe extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, len: usize) -> i32 {
    // SAFETY: libFuzzer's promise.
    run(Script::new(unsafe { engine::slice(data, len) }));
    0
}

fn run(mut script: Script) {
    let mut world = World::new(&mut script);
    while !script.is_over() {
        world.step(&mut script);
        world.drain();
    }
    world.wind_down();
}
