// SPDX-License-Identifier: MIT
//! The request/response layer, RFC 7252 section 5: which response belongs to which request, as a
//! client ([`outgoing`]) and as a server ([`incoming`]).

pub mod incoming;
pub mod outgoing;

use crate::wire::option::OptionNumber;

/// The critical options that this layer deals with, or that handlers find in what they are given, RFC 7252 section 5.10;
/// of a response, none is critical. The conditions, If-Match and If-None-Match, are for who knows the state.
#[must_use]
pub fn understands(number: OptionNumber, is_request: bool) -> bool {
    is_request
        && matches!(
            number,
            OptionNumber::URI_HOST
                | OptionNumber::URI_PORT
                | OptionNumber::URI_PATH
                | OptionNumber::URI_QUERY
                | OptionNumber::ACCEPT
                | OptionNumber::PROXY_URI
                | OptionNumber::PROXY_SCHEME
        )
}
