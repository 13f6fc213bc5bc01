// SPDX-License-Identifier: MIT
//! Two endpoints on a simulated network, one with a thousand peers, and one against ten thousand.

mod exchanges;
#[cfg(any(feature = "block", feature = "observe"))]
mod floods;
#[cfg(feature = "observe")]
mod observations;
mod peers;
mod seed;
mod simulation;
#[cfg(feature = "block")]
mod transfers;
