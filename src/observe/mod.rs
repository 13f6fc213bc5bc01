// SPDX-License-Identifier: MIT
//! Observe, RFC 7641: the peers that observe our resources ([`observer`]), and what we observe
//! ([`observation`]).

pub mod observation;
pub mod observer;
