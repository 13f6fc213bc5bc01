// SPDX-License-Identifier: MIT
use proptest::prelude::*;

use super::super::header::HEADER_LEN;
use super::super::header::Token;
use super::super::ip::is_literal;
use super::*;

fn decoded(segment: Segment) -> Result<Vec<u8>, UriError> {
    let mut out = vec![0xEE; segment.decoded_len()?];
    segment.decode_into(&mut out);
    Ok(out)
}

fn strings(segments: impl Iterator<Item = Segment<'static>>) -> Vec<String> {
    segments
        .map(|segment| String::from_utf8(decoded(segment).unwrap()).unwrap())
        .collect()
}

fn path(text: &'static str) -> Vec<String> {
    strings(path_segments(text.as_bytes()))
}

fn query(text: &'static str) -> Vec<String> {
    strings(query_items(text.as_bytes()))
}

fn uri(text: &str) -> Result<Uri<'_>, UriError> {
    Uri::parse(text.as_bytes())
}

/// The options `add_path` and `add_query` write for the rest of a URI.
fn options_of(path: &[u8], query: Option<&[u8]>) -> Vec<u8> {
    let mut buffer = vec![0; 2000];
    let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
    add_path_query(&mut draft, &mut buffer, path).unwrap();
    if let Some(query) = query {
        add_query(&mut draft, &mut buffer, query).unwrap();
    }
    buffer[4..draft.len()].to_vec()
}

#[test]
fn segments_of_section_6_4_step_8() {
    assert!(path("").is_empty());
    assert!(path("/").is_empty());
    assert_eq!(path("/a/b"), ["a", "b"]);
    assert_eq!(path("a/b"), ["a", "b"]);
    assert_eq!(path("a//b"), ["a", "", "b"]);
    assert_eq!(path("a/"), ["a", ""]);
    assert_eq!(path("//"), ["", ""]);
    assert_eq!(path("//a"), ["", "a"]);
    assert_eq!(path("/a%2Fb"), ["a/b"]);
    assert_eq!(path("/%2525"), ["%25"]);
    assert_eq!(path("/%e3%81%93+ "), ["\u{3053}+ "]);
}

#[test]
fn dot_segments_are_resolved() {
    // RFC 3986 section 5.2.4 and its examples; section 5.4.
    assert_eq!(path("/a/b/c/./../../g"), ["a", "g"]);
    assert_eq!(path("mid/content=5/../6"), ["mid", "6"]);
    assert_eq!(path("/b/c/."), ["b", "c", ""]);
    assert_eq!(path("/b/c/./"), ["b", "c", ""]);
    assert_eq!(path("/b/c/.."), ["b", ""]);
    assert_eq!(path("/b/c/../"), ["b", ""]);
    assert_eq!(path("/b/c/../../../../g"), ["g"]);
    assert_eq!(path("/./g"), ["g"]);
    assert_eq!(path("/../g"), ["g"]);
    assert_eq!(path("/g."), ["g."]);
    assert_eq!(path("/..g/.../.g"), ["..g", "...", ".g"]);
    assert_eq!(path("/a//.."), ["a", ""]);
    assert_eq!(path("/a//../b"), ["a", "b"]);
    assert!(path("/.").is_empty());
    assert!(path("/..").is_empty());
    assert!(path("/a/..").is_empty());
    assert!(path("/a/../").is_empty());
    assert!(path("a/b/../..").is_empty());
}

#[test]
fn an_encoded_dot_segment_never_becomes_an_option() {
    // RFC 7252 section 5.10.1; RFC 3986 section 6.2.2.2: %2E is the same as a dot.
    assert_eq!(path("/a/%2e%2E/b"), ["b"]);
    assert_eq!(path("/a/%2e/b"), ["a", "b"]);
    assert_eq!(path("/a/.%2e/b"), ["b"]);
    assert_eq!(path("/%252e%252e"), ["%2e%2e"]);
}

#[test]
fn arguments_of_section_6_4_step_9() {
    assert_eq!(query("a=1&b=2"), ["a=1", "b=2"]);
    assert_eq!(query("a%26b&c"), ["a&b", "c"]);
    assert_eq!(query(""), [""]);
    assert_eq!(query("&"), ["", ""]);
    assert_eq!(query("a&&b&"), ["a", "", "b", ""]);
    // Slashes, question marks and dots mean nothing here.
    assert_eq!(query("../?x"), ["../?x"]);
    assert_eq!(query("a&..&.&b"), ["a", "..", ".", "b"]);
}

#[test]
fn split_at_the_first_question_mark() {
    assert_eq!(split_path_query(b"a/b"), (&b"a/b"[..], None));
    assert_eq!(split_path_query(b"a?b?c"), (&b"a"[..], Some(&b"b?c"[..])));
    assert_eq!(split_path_query(b"a?"), (&b"a"[..], Some(&b""[..])));
    assert_eq!(split_path_query(b""), (&b""[..], None));
}

#[test]
fn percent_encoding_errors() {
    for bad in ["%", "a%", "%4", "%g0", "%0g", "%%41", "%-1", "% 1"] {
        let segment = Segment::new(bad.as_bytes());
        assert_eq!(
            segment.decoded_len(),
            Err(UriError::PercentEncoding),
            "{bad}"
        );
        // Writing it anyway stops at the error.
        segment.decode_into(&mut [0; 8]);
    }
}

#[test]
fn segments_hold_255_bytes() {
    let text = "%41".repeat(255);
    assert_eq!(Segment::new(text.as_bytes()).decoded_len(), Ok(255));
    let text = "%41".repeat(256);
    assert_eq!(
        Segment::new(text.as_bytes()).decoded_len(),
        Err(UriError::SegmentTooLong)
    );
}

#[test]
fn decoding_writes_no_more_than_there_is_room() {
    let mut out = [0; 2];
    Segment::new(b"%41bc").decode_into(&mut out);
    assert_eq!(&out, b"Ab");
}

#[test]
fn equivalent_uris_of_section_6_3() {
    for text in [
        "coap://example.com:5683/~sensors/temp.xml",
        "coap://EXAMPLE.com/%7Esensors/temp.xml",
        "coap://EXAMPLE.com:/%7esensors/temp.xml",
    ] {
        let uri = uri(text).unwrap();
        let Host::Name(name) = uri.host else { panic!() };
        assert_eq!(decoded(name).unwrap(), b"example.com");
        assert_eq!((uri.port, uri.secure, uri.query), (5683, false, None));
        assert_eq!(
            options_of(uri.path, None),
            options_of(b"/~sensors/temp.xml", None)
        );
    }
}

#[cfg(feature = "ipv6")]
#[test]
fn uri_parts_with_an_ipv6_address() {
    let parsed = uri("COAPS://[2001:db8::2:1]:7000/a/b?c=d&e").unwrap();
    assert_eq!(parsed.host, HOST_6);
    assert_eq!((parsed.secure, parsed.port), (true, 7000));
    assert_eq!(
        (parsed.path, parsed.query),
        (&b"/a/b"[..], Some(&b"c=d&e"[..]))
    );
    assert_eq!(uri("coap://[::1]").unwrap().port, 5683);
    assert_eq!(uri("coap://[::1]:/").unwrap().port, 5683);
    assert_eq!(uri("coap://[::1]:x/"), Err(UriError::Port));
}

#[cfg(not(feature = "ipv6"))]
#[test]
fn an_ipv6_address_is_no_host_to_a_build_without_it() {
    for text in [
        "COAPS://[2001:db8::2:1]:7000/a/b?c=d&e",
        "coap://[::1]",
        "coap://[::1]:/",
        "coap://[::1]:x/",
    ] {
        assert_eq!(uri(text), Err(UriError::Host), "{text}");
    }
}

#[test]
fn uri_parts() {
    let parsed = uri("COAPS://192.0.2.1:7000/a/b?c=d&e").unwrap();
    assert_eq!(parsed.host, HOST_4);
    assert_eq!((parsed.secure, parsed.port), (true, 7000));
    assert_eq!(
        (parsed.path, parsed.query),
        (&b"/a/b"[..], Some(&b"c=d&e"[..]))
    );

    let parsed = uri("coaps://192.0.2.7").unwrap();
    assert_eq!(
        (parsed.host, parsed.port),
        (Host::Ipv4([192, 0, 2, 7]), 5684)
    );
    assert_eq!((parsed.path, parsed.query), (&b""[..], None));

    let parsed = uri("coap://h?a/b:c@d").unwrap();
    assert_eq!(
        (parsed.path, parsed.query),
        (&b""[..], Some(&b"a/b:c@d"[..]))
    );
    assert_eq!(uri("coap://192.0.2.1").unwrap().port, 5683);
    assert_eq!(uri("coap://192.0.2.1:/").unwrap().port, 5683);
    assert_eq!(uri("coap://h:65535").unwrap().port, 65535);
    assert_eq!(uri("coap://h:0005683/").unwrap().port, 5683);
    // Not four octets, so a name.
    assert!(matches!(uri("coap://1.2.3").unwrap().host, Host::Name(_)));
}

#[test]
fn host_is_lowered_before_it_is_decoded() {
    // Section 6.4 step 5, in this order: the encoded letter keeps its case.
    let Host::Name(name) = uri("coap://Ex%41MPLE/").unwrap().host else {
        panic!()
    };
    assert_eq!(decoded(name).unwrap(), b"exAmple");
}

#[test]
fn uri_errors() {
    for (text, error) in [
        ("", UriError::Scheme),
        ("coap", UriError::Scheme),
        ("coap:h/p", UriError::Scheme),
        ("coap:/h/p", UriError::Scheme),
        ("//h/p", UriError::Scheme),
        ("/p", UriError::Scheme),
        ("http://h/p", UriError::Scheme),
        ("coapss://h", UriError::Scheme),
        ("coap+tcp://h", UriError::Scheme),
        ("coap://h/p#f", UriError::Fragment),
        ("coap://h/p?q#", UriError::Fragment),
        ("coap://", UriError::Host),
        ("coap:///p", UriError::Host),
        ("coap://:5683/p", UriError::Host),
        ("coap://user@h/p", UriError::Host),
        ("coap://user:pw@h/p", UriError::Port),
        ("coap://[::1", UriError::Host),
        ("coap://[::1]x/", UriError::Host),
        ("coap://[]/", UriError::Host),
        ("coap://[1.2.3.4]/", UriError::Host),
        ("coap://[fe80::1%25eth0]/", UriError::Host),
        ("coap://::1/", UriError::Host),
        ("coap://a b/", UriError::Host),
        ("coap://\u{e4}/", UriError::Host),
        ("coap://h%/", UriError::PercentEncoding),
        ("coap://h%4/", UriError::PercentEncoding),
        ("coap://h:0/", UriError::Port),
        ("coap://h:65536/", UriError::Port),
        ("coap://h:99999999999/", UriError::Port),
        ("coap://h:-1/", UriError::Port),
        ("coap://h:1x/", UriError::Port),
        ("coap://h:1:2/", UriError::Port),
        ("coap://192.0.2.1:x/", UriError::Port),
    ] {
        assert_eq!(uri(text), Err(error), "{text}");
    }
    let long = format!("coap://{}/", "a".repeat(256));
    assert_eq!(uri(&long), Err(UriError::SegmentTooLong));
}

#[test]
fn ip_literals_need_no_uri_host() {
    for literal in ["192.0.2.1", "::1", "[::1]", "2001:db8::1", "[2001:db8::1]"] {
        assert!(is_literal(literal.as_bytes()), "{literal}");
    }
    for name in [
        "",
        "example.com",
        "192.0.2",
        "192.0.2.1.",
        "[192.0.2.1]",
        "[]",
        "1",
    ] {
        assert!(!is_literal(name.as_bytes()), "{name}");
    }
    // A build without IPv6 cannot tell them from addresses.
    for malformed in ["[::1", "::1]", "[[::1]]", "a:b", ":"] {
        let taken = !cfg!(feature = "ipv6");
        assert_eq!(is_literal(malformed.as_bytes()), taken, "{malformed}");
    }
}

const HOST_4: Host = Host::Ipv4([192, 0, 2, 1]);
#[cfg(feature = "ipv6")]
const HOST_6: Host = Host::Ipv6([0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1]);

/// The path and query that options for a location compose to, RFC 7252 section 6.5 steps 6 to 8.
fn compose(path: &[&[u8]], query: &[&[u8]]) -> String {
    let mut buffer = [0; 500];
    let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
    for value in path {
        draft
            .option(&mut buffer, OptionNumber::LOCATION_PATH, value)
            .unwrap();
    }
    for value in query {
        draft
            .option(&mut buffer, OptionNumber::LOCATION_QUERY, value)
            .unwrap();
    }
    let mut out = [0; 500];
    let len = compose_location(draft.options(&buffer), &mut out).unwrap();
    String::from_utf8(out[..len].to_vec()).unwrap()
}

#[test]
fn appendix_b_example_5() {
    let path: [&[u8]; 4] = [b"", b"/", b"", b""];
    let query: [&[u8]; 2] = [b"//", b"?&"];
    // The example encodes the slashes of the query, which step 8 of section 6.5 leaves as they are;
    // both mean the same.
    let composed = compose(&path, &query);
    assert_eq!(composed, "//%2F//?//&?%26");
    for text in [composed.as_str(), "//%2F//?%2F%2F&?%26"] {
        let text = format!("coap://198.51.100.1:61616{text}");
        let uri = uri(&text).unwrap();
        assert_eq!((uri.host, uri.port), (Host::Ipv4([198, 51, 100, 1]), 61616));
        let bytes = options_of(uri.path, uri.query);
        let (found_path, found_query): (Vec<_>, Vec<_>) =
            Options::new(&bytes).partition(|option| option.number == OptionNumber::URI_PATH);
        assert!(found_path.iter().map(|o| o.value).eq(path));
        assert!(found_query.iter().map(|o| o.value).eq(query));
    }
}

#[test]
fn composing_encodes_what_section_6_5_says() {
    let all: Vec<u8> = (0..=255).collect();
    let pchar = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@";
    let of_query: Vec<u8> = pchar.iter().copied().filter(|&b| b != b'&').collect();
    for byte in all {
        let path = compose(&[&[byte]], &[]);
        let query = compose(&[], &[&[byte]]);
        let expected = |plain: &[u8]| {
            if plain.contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        };
        assert_eq!(path, format!("/{}", expected(pchar)));
        let plain = [&of_query[..], b"/?"].concat();
        assert_eq!(query, format!("/?{}", expected(&plain)));
    }
}

#[test]
fn composing_needs_room() {
    let options = options_of(b"/a b", None);
    let full = b"/a%20b";
    for size in 0..20 {
        let mut out = vec![0xEE; size];
        let result = compose_path(Options::new(&options), &mut out);
        if size < full.len() {
            assert_eq!(result, Err(UriError::NoSpace));
        } else {
            assert_eq!(result, Ok(full.len()));
            assert_eq!(&out[..full.len()], full);
            assert!(out[full.len()..].iter().all(|&byte| byte == 0xEE));
        }
    }
}

#[test]
fn a_path_is_added_whole_or_not_at_all() {
    added_whole_or_not_at_all(b"/some/path/with/a/few/segments/%20");
}

#[test]
fn a_path_with_a_query_is_added_whole_or_not_at_all() {
    added_whole_or_not_at_all(b"/some/path?a=1&b&c=%20");
    added_whole_or_not_at_all(b"?a=1&b");
    let mut buffer = [0; 100];
    let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
    assert_eq!(
        add_path_query(&mut draft, &mut buffer, b"/a?b&%4"),
        Err(UriError::PercentEncoding)
    );
    assert!(draft.len() == HEADER_LEN);
}

fn added_whole_or_not_at_all(text: &[u8]) {
    let full = 4 + 2 + options_of(text, None).len();
    for size in 7..60 {
        let mut buffer = vec![0xA5; size];
        let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
        draft.option(&mut buffer, OptionNumber::SIZE1, &[]).unwrap();
        let before = buffer.clone();
        let result = add_path_query(&mut draft, &mut buffer, text);
        if size < full {
            assert_eq!(result, Err(UriError::NoSpace));
            assert_eq!((buffer, draft.len()), (before, 6));
        } else {
            assert_eq!(result, Ok(()));
            assert_eq!(draft.len(), full);
            assert_eq!(
                draft.options(&buffer).last().unwrap().number,
                OptionNumber::SIZE1
            );
        }
    }
    // An error in a late segment leaves nothing behind either.
    let mut buffer = [0; 100];
    let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
    assert_eq!(
        add_path_query(&mut draft, &mut buffer, b"/a/b/%"),
        Err(UriError::PercentEncoding)
    );
    assert_eq!(
        add_query(&mut draft, &mut buffer, b"a&%4"),
        Err(UriError::PercentEncoding)
    );
    assert!(draft.len() == HEADER_LEN);
}

/// RFC 3986 section 5.2.4 on a stack, then section 6.4 step 8 of RFC 7252.
fn reference_path(path: &str) -> Vec<String> {
    let mut stack = vec![];
    let parts: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    for (index, part) in parts.iter().enumerate() {
        match *part {
            "." => {}
            ".." => {
                stack.pop();
            }
            _ => stack.push(part.to_string()),
        }
        if index + 1 == parts.len() && matches!(*part, "." | "..") {
            stack.push(String::new());
        }
    }
    if stack == [""] { vec![] } else { stack }
}

proptest! {
    #![proptest_config(crate::wire::seeded())]
    #[test]
    fn paths_resolve_like_the_reference(parts in prop::collection::vec(prop::sample::select(vec!["a", "b", "", ".", "..", "...", "/"]), 0..12)) {
        let text = parts.join("/");
        let found: Vec<String> =
            path_segments(text.as_bytes()).map(|segment| String::from_utf8(decoded(segment).unwrap()).unwrap()).collect();
        prop_assert_eq!(found, reference_path(&text));
    }

    #[test]
    fn composing_and_parsing_are_inverse(
        path in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 0..6),
        query in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..12), 0..6),
    ) {
        // A single empty Uri-Path composes to "/", as no Uri-Path does; dots must not be sent (section 5.10.1).
        prop_assume!(path != [vec![]] && !path.iter().any(|value| value == b"." || value == b".."));
        let path: Vec<&[u8]> = path.iter().map(|value| &value[..]).collect();
        let query: Vec<&[u8]> = query.iter().map(|value| &value[..]).collect();
        let composed = compose(&path, &query);
        let mut buffer = [0; 500];
        let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
        add_location(&mut draft, &mut buffer, composed.as_bytes()).unwrap();
        let found: Vec<_> = draft.options(&buffer).map(|option| option.value).collect();
        prop_assert_eq!(found, [path, query].concat());
    }

    #[test]
    fn arbitrary_text_never_panics(text in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut buffer = [0; 60];
        let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
        let _ = add_path_query(&mut draft, &mut buffer, &text);
        let _ = add_query(&mut draft, &mut buffer, &text);
        let _ = Uri::parse(&text);
        let _ = Uri::parse(&[b"coap://", &text[..]].concat());
        let _ = compose_path(Options::new(&text), &mut buffer);
        let _ = compose_location(Options::new(&text), &mut buffer);
        is_literal(&text);
    }
}
