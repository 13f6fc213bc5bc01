// SPDX-License-Identifier: MIT
//! What the targets have in common.
//!
//! | module | what |
//! |---|---|
//! | [`script`] | the fuzzer's input |
//! | [`engine`] | the ABI behind slices |
//! | [`security`] | security contexts behind slices |
//! | [`reading`] | functions without an endpoint |

pub mod engine;
pub mod reading;
pub mod script;
pub mod security;
