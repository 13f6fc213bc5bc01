// SPDX-License-Identifier: MIT
//! Cargo wants a crate where it fetches one.
