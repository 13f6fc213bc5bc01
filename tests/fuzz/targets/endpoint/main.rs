// SPDX-License-Identifier: MIT
//! One endpoint behind its C ABI, with an invented clock and invented peers. The input is a script:
//! datagrams, time, requests, responses and other calls in any order.
//!
//! | module | what |
//! |---|---|
//! | [`world`] | the endpoint, its clock, and what must be true at any time |
//! | [`events`] | what events must be like |
//! | [`datagrams`] | what sent datagrams must be like |
//! | [`promises`] | what peers are promised: answers, and no amplification |
//! | [`client`] | the program as a client: requests, exchanges |
//! | [`server`] | the program as a server: answers, resources |
//! | [`peers`] | what peers say: to what the endpoint has sent, and by themselves |
#![no_main]

mod client;
mod datagrams;
mod events;
mod peers;
mod promises;
mod server;
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
