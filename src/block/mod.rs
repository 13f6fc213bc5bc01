// SPDX-License-Identifier: MIT
//! Block-wise transfer, RFC 7959: what is remembered between two blocks, as a client ([`transfer`]) and
//! as a server ([`body`]). The blocks themselves stay with the application.

pub mod body;
pub mod transfer;
