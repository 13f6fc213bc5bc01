// SPDX-License-Identifier: MIT
//! CoAP for MicroPython: the protocol engine.
//!
//! Sans-I/O: the engine has no socket, no clock and no source of randomness. `now`, received
//! datagrams and entropy come in as arguments; datagrams to send and events to report are polled
//! out. It never calls out, never allocates, and panics nowhere that a release build can reach.
//!
//! | module | what | RFC 7252 |
//! |---|---|---|
//! | [`wire`] | bytes of a message, URIs | sections 3, 5.10, 6 |
//! | [`message`] | message ids, retransmission, deduplication, congestion control | section 4 |
//! | [`exchange`] | requests and responses, as a client and as a server | sections 5.2, 5.3 |
//! | [`block`] | block-wise transfer: what is remembered between blocks | RFC 7959 |
//! | [`observe`] | observers and observations | RFC 7641 |
//! | [`oscore`] | protected messages, security contexts | RFC 8613 |
//! | [`resource`] | which paths exist, and with which methods and links | section 5.8, RFC 6690 |
//! | [`echo`] | freshness of requests, amplification | RFC 9175 section 2 |
//! | [`endpoint`] | one bound socket's protocol state: owns the layers above | |
//! | [`ffi`] | the C ABI; the only `unsafe` | |
//!
//! Dependencies point one way: `ffi -> endpoint -> {exchange, block, observe, oscore, resource} -> message -> wire`.
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]
// What tests look at: which tests there are depends on the features.
#![cfg_attr(test, allow(dead_code))]

mod block;
mod config;
mod echo;
mod endpoint;
mod exchange;
#[allow(unsafe_code)]
pub mod ffi;
mod handle;
mod hash;
mod index;
mod list;
mod mac;
mod message;
mod observe;
mod oscore;
mod resource;
mod rng;
#[cfg(test)]
#[path = "../tests/rust/seed.rs"]
mod seed;
mod time;
mod when;
pub mod wire;

// What tests and fuzz targets use beside the C ABI. The other modules are private, so that the compiler sees what
// nobody uses.
pub use config::{
    BODIES, DEDUPLICATION, EXCHANGES, OBSERVATIONS, OBSERVERS, Parameters, REQUESTS, TRANSFERS,
    TRANSMISSIONS,
};
pub use endpoint::{
    DraftError, Ended, Endpoint, Entropy, Event, ImportError, Notification, Part, Piece, Received,
    RequestError, RespondError, Responded, Sent, Usage,
};
pub use exchange::outgoing::Failure;
pub use handle::Handle;
pub use message::{Counters, Datagram, peer::PeerAddr};
pub use resource::{NON_CONFIRMABLE, OBSERVABLE, Resource};
pub use time::{Instant, LONGEST};
