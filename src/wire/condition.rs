// SPDX-License-Identifier: MIT
//! Conditions of requests: If-Match, If-None-Match and ETag (RFC 7252 sections 5.10.6 and 5.10.8).

use super::code::Code;
use super::option::{OptionNumber, Options};

/// What is known of the state of a resource.
#[derive(Clone, Copy, Debug)]
pub struct State<'a> {
    /// Whether there is any.
    pub exists: bool,
    /// Its ETag, if it has one.
    pub etag: Option<&'a [u8]>,
}

fn has(mut options: Options<'_>, number: OptionNumber, value: Option<&[u8]>) -> bool {
    options.any(|option| option.number == number && value.is_none_or(|value| option.value == value))
}

/// Why a request is not to be carried out: 2.03, 4.12; `None`: it is.
#[must_use]
pub fn of_request(method: Code, options: Options<'_>, state: &State<'_>) -> Option<Code> {
    let tag = state.etag.filter(|_| state.exists);
    // RFC 7252 section 5.10.8.1: any of the ETags, or an empty value for any state there is.
    let matches = |value: &[u8]| state.exists && value.is_empty() || tag == Some(value);
    let mut if_match = options.filter(|option| option.number == OptionNumber::IF_MATCH);
    let asks = has(options, OptionNumber::IF_MATCH, None);
    if asks && !if_match.any(|option| matches(option.value)) {
        return Some(Code::PRECONDITION_FAILED);
    }
    // RFC 7252 section 5.10.8.2
    if state.exists && has(options, OptionNumber::IF_NONE_MATCH, None) {
        return Some(Code::PRECONDITION_FAILED);
    }
    is_valid(method, options, tag).then_some(Code::VALID)
}

/// RFC 7252 section 5.10.6.2: whether the client has this representation.
fn is_valid(method: Code, options: Options<'_>, etag: Option<&[u8]>) -> bool {
    method.is_safe() && etag.is_some() && has(options, OptionNumber::ETAG, etag)
}

/// The code to answer with instead of `code`: 2.03 if the client has the representation.
#[must_use]
pub fn of_response(method: Code, options: Options<'_>, code: Code, etag: Option<&[u8]>) -> Code {
    if code != Code::CONTENT || !method.is_safe() {
        return code;
    }
    if is_valid(method, options, etag) {
        Code::VALID
    } else {
        code
    }
}

/// The success code of a method, RFC 7252 section 5.8 and RFC 8132.
#[must_use]
pub fn default_code(method: Code) -> Code {
    match method {
        Code::GET | Code::FETCH => Code::CONTENT,
        Code::DELETE => Code::DELETED,
        _ => Code::CHANGED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encoded options with numbers below 13 and short values.
    fn encoded(options: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut last = 0;
        for &(number, value) in options {
            let delta = number - last;
            last = number;
            if delta < 13 {
                bytes.push(delta << 4 | value.len() as u8);
            } else {
                bytes.extend([0xD0 | value.len() as u8, delta - 13]);
            }
            bytes.extend_from_slice(value);
        }
        bytes
    }

    fn request(
        method: Code,
        options: &[(u8, &[u8])],
        exists: bool,
        etag: Option<&[u8]>,
    ) -> Option<Code> {
        let bytes = encoded(options);
        of_request(method, Options::new(&bytes), &State { exists, etag })
    }

    const FAILED: Option<Code> = Some(Code::PRECONDITION_FAILED);

    #[test]
    fn if_match_is_section_5_10_8_1() {
        let put = |options: &[(u8, &[u8])], exists, etag| request(Code::PUT, options, exists, etag);
        assert_eq!(put(&[(1, b"v1")], true, Some(b"v1")), None);
        assert_eq!(put(&[(1, b"v0"), (1, b"v1")], true, Some(b"v1")), None);
        assert_eq!(put(&[(1, b"v0")], true, Some(b"v1")), FAILED);
        assert_eq!(put(&[(1, b"v1")], true, None), FAILED);
        assert_eq!(put(&[(1, b"v1")], false, Some(b"v1")), FAILED);
        assert_eq!(put(&[(1, b"")], true, None), None, "any state");
        assert_eq!(put(&[(1, b"")], false, None), FAILED);
        assert_eq!(put(&[], false, None), None);
    }

    #[test]
    fn if_none_match_is_section_5_10_8_2() {
        let put = |exists| request(Code::PUT, &[(5, b"")], exists, Some(b"v1"));
        assert_eq!((put(true), put(false)), (FAILED, None));
    }

    #[test]
    fn a_known_etag_is_valid() {
        let tags: &[(u8, &[u8])] = &[(4, b"a"), (4, b"b")];
        assert_eq!(
            request(Code::GET, tags, true, Some(b"b")),
            Some(Code::VALID)
        );
        assert_eq!(request(Code::GET, tags, true, Some(b"c")), None);
        assert_eq!(request(Code::GET, tags, true, None), None);
        assert_eq!(request(Code::PUT, tags, true, Some(b"b")), None);
    }

    #[test]
    fn a_response_is_compared_with_what_the_client_has() {
        let bytes = encoded(&[(4, b"a")]);
        let response = |method, code, etag| of_response(method, Options::new(&bytes), code, etag);
        assert_eq!(response(Code::GET, Code::CONTENT, None), Code::CONTENT);
        assert_eq!(response(Code::GET, Code::CONTENT, Some(b"a")), Code::VALID);
        assert_eq!(
            response(Code::GET, Code::CONTENT, Some(b"b")),
            Code::CONTENT
        );
        let not_found = response(Code::GET, Code::NOT_FOUND, Some(b"a"));
        assert_eq!(not_found, Code::NOT_FOUND);
        assert_eq!(
            response(Code::PUT, Code::CONTENT, Some(b"a")),
            Code::CONTENT
        );
    }

    #[test]
    fn methods_have_a_success_code() {
        for (method, code) in [
            (Code::GET, Code::CONTENT),
            (Code::FETCH, Code::CONTENT),
            (Code::DELETE, Code::DELETED),
            (Code::POST, Code::CHANGED),
            (Code::IPATCH, Code::CHANGED),
        ] {
            assert_eq!(default_code(method), code);
        }
    }
}
