// SPDX-License-Identifier: MIT
//! Bytes only: the message format of RFC 7252 section 3, its options (5.10) and its URIs (6).
//!
//! Nothing here knows about peers, time or state, and nothing imports the rest of the crate. A
//! received datagram is read through [`message::MessageView`], which checks it once; a message to
//! send is written with [`builder::MessageDraft`] into the caller's buffer.

pub mod block;
pub mod builder;
pub mod code;
pub mod condition;
pub mod header;
pub mod ip;
pub mod link_format;
pub mod message;
pub mod observe;
pub mod option;
pub mod problem;
pub mod uint;
pub mod uri;

pub(crate) mod writer;

/// Property tests draw by the test's seed.
#[cfg(test)]
fn seeded() -> proptest::test_runner::Config {
    use proptest::test_runner::{Config, RngSeed};
    Config {
        rng_seed: RngSeed::Fixed(crate::seed::of_test()),
        ..Config::default()
    }
}
