// SPDX-License-Identifier: MIT
//! Method and response codes, RFC 7252 sections 3 and 12.1.

/// Class (3 bits) and detail (5 bits), written `c.dd`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Code(pub u8);

impl Code {
    /// 0.00 Empty, RFC 7252 section 4.1.
    pub const EMPTY: Self = Self::new(0, 0);

    // RFC 7252 section 12.1.1.
    /// 0.01 GET.
    pub const GET: Self = Self::new(0, 1);
    /// 0.02 POST.
    pub const POST: Self = Self::new(0, 2);
    /// 0.03 PUT.
    pub const PUT: Self = Self::new(0, 3);
    /// 0.04 DELETE.
    pub const DELETE: Self = Self::new(0, 4);
    // RFC 8132 section 6.
    /// 0.05 FETCH.
    pub const FETCH: Self = Self::new(0, 5);
    /// 0.06 PATCH.
    pub const PATCH: Self = Self::new(0, 6);
    /// 0.07 iPATCH.
    pub const IPATCH: Self = Self::new(0, 7);

    // RFC 7252 section 12.1.2.
    /// 2.01 Created.
    pub const CREATED: Self = Self::new(2, 1);
    /// 2.02 Deleted.
    pub const DELETED: Self = Self::new(2, 2);
    /// 2.03 Valid.
    pub const VALID: Self = Self::new(2, 3);
    /// 2.04 Changed.
    pub const CHANGED: Self = Self::new(2, 4);
    /// 2.05 Content.
    pub const CONTENT: Self = Self::new(2, 5);
    /// 2.31 Continue, RFC 7959 section 2.9.1.
    pub const CONTINUE: Self = Self::new(2, 31);
    /// 4.00 Bad Request.
    pub const BAD_REQUEST: Self = Self::new(4, 0);
    /// 4.01 Unauthorized.
    pub const UNAUTHORIZED: Self = Self::new(4, 1);
    /// 4.02 Bad Option.
    pub const BAD_OPTION: Self = Self::new(4, 2);
    /// 4.03 Forbidden.
    pub const FORBIDDEN: Self = Self::new(4, 3);
    /// 4.04 Not Found.
    pub const NOT_FOUND: Self = Self::new(4, 4);
    /// 4.05 Method Not Allowed.
    pub const METHOD_NOT_ALLOWED: Self = Self::new(4, 5);
    /// 4.06 Not Acceptable.
    pub const NOT_ACCEPTABLE: Self = Self::new(4, 6);
    /// 4.08 Request Entity Incomplete, RFC 7959 section 2.9.2.
    pub const REQUEST_ENTITY_INCOMPLETE: Self = Self::new(4, 8);
    /// 4.09 Conflict, RFC 8132 section 6.
    pub const CONFLICT: Self = Self::new(4, 9);
    /// 4.12 Precondition Failed.
    pub const PRECONDITION_FAILED: Self = Self::new(4, 12);
    /// 4.13 Request Entity Too Large.
    pub const REQUEST_ENTITY_TOO_LARGE: Self = Self::new(4, 13);
    /// 4.15 Unsupported Content Format.
    pub const UNSUPPORTED_CONTENT_FORMAT: Self = Self::new(4, 15);
    /// 4.22 Unprocessable Entity, RFC 8132 section 6.
    pub const UNPROCESSABLE_ENTITY: Self = Self::new(4, 22);
    /// 4.29 Too Many Requests, RFC 8516 section 5.
    pub const TOO_MANY_REQUESTS: Self = Self::new(4, 29);
    /// 5.00 Internal Server Error.
    pub const INTERNAL_SERVER_ERROR: Self = Self::new(5, 0);
    /// 5.01 Not Implemented.
    pub const NOT_IMPLEMENTED: Self = Self::new(5, 1);
    /// 5.02 Bad Gateway.
    pub const BAD_GATEWAY: Self = Self::new(5, 2);
    /// 5.03 Service Unavailable.
    pub const SERVICE_UNAVAILABLE: Self = Self::new(5, 3);
    /// 5.04 Gateway Timeout.
    pub const GATEWAY_TIMEOUT: Self = Self::new(5, 4);
    /// 5.05 Proxying Not Supported.
    pub const PROXYING_NOT_SUPPORTED: Self = Self::new(5, 5);
    /// 5.08 Hop Limit Reached, RFC 8768 section 6.
    pub const HOP_LIMIT_REACHED: Self = Self::new(5, 8);

    /// The low three bits of `class` and the low five of `detail`.
    pub const fn new(class: u8, detail: u8) -> Self {
        Code(class << 5 | detail & 0x1F)
    }

    /// The digit before the dot, 0 to 7.
    pub const fn class(self) -> u8 {
        self.0 >> 5
    }

    /// The digits after the dot, 0 to 31.
    pub const fn detail(self) -> u8 {
        self.0 & 0x1F
    }

    /// 0.00, RFC 7252 section 4.1.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// 0.01 to 0.31, assigned or not.
    pub const fn is_request(self) -> bool {
        self.class() == 0 && !self.is_empty()
    }

    /// 2.00 to 5.31, assigned or not: RFC 7252 section 12.1.
    pub const fn is_response(self) -> bool {
        matches!(self.class(), 2..=5)
    }

    /// 1.00 to 1.31 and 6.00 to 7.31: RFC 7252 section 12.1.
    pub const fn is_reserved(self) -> bool {
        matches!(self.class(), 1 | 6 | 7)
    }

    /// A method without effects, RFC 7252 section 5.8 and RFC 8132.
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::GET | Self::FETCH)
    }

    /// Whether a payload of such a message means something, RFC 7252 sections 5.8 and 5.9.
    pub const fn has_payload(self) -> bool {
        !matches!(self, Self::EMPTY | Self::GET | Self::DELETE | Self::VALID)
    }

    /// 2.xx.
    pub const fn is_success(self) -> bool {
        self.class() == 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_exactly_one_of_four_kinds() {
        for byte in 0..=255 {
            let code = Code(byte);
            let kinds = [
                code.is_empty(),
                code.is_request(),
                code.is_response(),
                code.is_reserved(),
            ];
            assert_eq!(kinds.iter().filter(|&&kind| kind).count(), 1, "{byte:#04x}");
            assert_eq!(Code::new(code.class(), code.detail()), code);
        }
    }

    #[test]
    fn classes_are_those_of_section_12_1() {
        assert!(Code(0x00).is_empty());
        assert!(Code(0x01).is_request() && Code(0x1F).is_request());
        assert!(Code(0x20).is_reserved() && Code(0x3F).is_reserved());
        assert!(Code(0xC0).is_reserved() && Code(0xFF).is_reserved());
        assert!(Code(0x40).is_response() && Code(0x60).is_response() && Code(0xBF).is_response());
        assert!(Code(0x5F).is_success() && !Code(0x80).is_success() && !Code(0x01).is_success());
    }

    #[test]
    fn codes_have_the_registered_bytes() {
        for (code, byte) in [
            (Code::DELETE, 4),
            (Code::IPATCH, 7),
            (Code::CONTENT, 69),
            (Code::CONTINUE, 95),
            (Code::BAD_OPTION, 130),
            (Code::NOT_FOUND, 132),
            (Code::REQUEST_ENTITY_INCOMPLETE, 136),
            (Code::REQUEST_ENTITY_TOO_LARGE, 141),
            (Code::UNSUPPORTED_CONTENT_FORMAT, 143),
            (Code::UNPROCESSABLE_ENTITY, 150),
            (Code::TOO_MANY_REQUESTS, 157),
            (Code::PROXYING_NOT_SUPPORTED, 165),
            (Code::HOP_LIMIT_REACHED, 168),
        ] {
            assert_eq!(code.0, byte);
        }
    }
}
