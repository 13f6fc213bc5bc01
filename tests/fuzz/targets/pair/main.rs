// SPDX-License-Identifier: MIT
//! Two endpoints, each a client and a server, on a network that loses, duplicates, reorders, delays, corrupts and
//! replays what they send. The input says what the programs do, and what becomes of each datagram.
//!
//! | module | what |
//! |---|---|
//! | [`ask`] | what a request asks for, and what the answer must be like |
//! | [`network`] | what becomes of datagrams |
//! | [`host`] | an endpoint and its program |
//! | [`client`] | the program as a client |
//! | [`server`] | the program as a server |
//! | [`world`] | both hosts, the clock, and the script |
//! | [`healing`] | what must be true once the network is a good one |
#![no_main]

mod ask;
mod client;
mod healing;
mod host;
mod network;
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
    while !script.is_over() && world.network.is_bad() {
        world.step(&mut script);
    }
    world.heal();
}
