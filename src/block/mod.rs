// SPDX-License-Identifier: MIT
//! Block-wise transfer, RFC 7959: what is remembered between two blocks, as a client ([`transfer`]) and
//! as a server ([`body`]). The blocks themselves stay with the application.

pub mod body;
pub mod transfer;

use crate::config::BLOCK;
use crate::wire::option::OptionNumber;

/// The critical options that this layer deals with, in requests and responses.
#[must_use]
pub fn understands(number: OptionNumber) -> bool {
    BLOCK && matches!(number, OptionNumber::BLOCK1 | OptionNumber::BLOCK2)
}
