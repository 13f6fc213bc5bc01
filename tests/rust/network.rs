// SPDX-License-Identifier: MIT
//! Two endpoints on a simulated network, and one endpoint against ten thousand peers.

mod exchanges;
#[cfg(any(feature = "block", feature = "observe"))]
mod floods;
#[cfg(feature = "observe")]
mod observations;
mod seed;
mod simulation;
#[cfg(feature = "block")]
mod transfers;
