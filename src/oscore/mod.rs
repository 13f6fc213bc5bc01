// SPDX-License-Identifier: MIT
//! OSCORE, RFC 8613: security contexts, and what a message looks like when it is protected.

mod algorithm;
mod bounded;
pub mod context;
pub mod contexts;
mod cose;
#[cfg(feature = "oscore")]
mod crypto;
#[cfg(not(feature = "oscore"))]
#[path = "no_crypto.rs"]
mod crypto;
pub mod option;
pub mod piv;
pub mod protect;
#[cfg(all(test, feature = "oscore"))]
mod tests;
mod window;

use crate::config::OSCORE;
use crate::when::When;
use contexts::ContextId;
use piv::PartialIv;

/// What a protected request is bound to, and with it all its responses.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Binding {
    /// `None`: it is not protected.
    pub context: Option<ContextId>,
    /// The request's Partial IV.
    pub request: PartialIv,
}

/// The same, in builds that have it.
pub type Protected = When<{ OSCORE as usize }, Binding>;
