// SPDX-License-Identifier: MIT
//! The request/response layer, RFC 7252 section 5: which response belongs to which request, as a
//! client ([`outgoing`]) and as a server ([`incoming`]).

pub mod incoming;
pub mod outgoing;
