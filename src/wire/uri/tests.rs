// SPDX-License-Identifier: MIT
use proptest::prelude::*;

use super::super::header::Token;
use super::super::ip::is_literal;
use super::super::option::OptionView;
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
    assert_eq!(name.encoded(), b"Ex%41MPLE");
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

fn compose(host: Host, port: u16, items: &[(OptionNumber, &[u8])]) -> Result<String, UriError> {
    let mut buffer = [0; 500];
    let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
    for (number, value) in items {
        draft.option(&mut buffer, *number, value).unwrap();
    }
    let mut out = [0; 500];
    let len = compose_uri(false, host, port, draft.options(&buffer), &mut out)?;
    Ok(String::from_utf8(out[..len].to_vec()).unwrap())
}

const HOST_4: Host = Host::Ipv4([192, 0, 2, 1]);
const HOST_6: Host = Host::Ipv6([0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1]);

#[test]
fn appendix_b_examples_1_to_4() {
    use OptionNumber as N;
    assert_eq!(
        compose(HOST_6, 5683, &[]).unwrap(),
        "coap://[2001:db8::2:1]/"
    );
    let host = (N::URI_HOST, &b"example.net"[..]);
    assert_eq!(
        compose(HOST_6, 5683, &[host]).unwrap(),
        "coap://example.net/"
    );
    let items = [host, (N::URI_PATH, b".well-known"), (N::URI_PATH, b"core")];
    assert_eq!(
        compose(HOST_6, 5683, &items).unwrap(),
        "coap://example.net/.well-known/core"
    );
    let path = "\u{3053}\u{3093}\u{306b}\u{3061}\u{306f}";
    let items = [
        (N::URI_HOST, &b"xn--18j4d.example"[..]),
        (N::URI_PATH, path.as_bytes()),
    ];
    let expected = "coap://xn--18j4d.example/%E3%81%93%E3%82%93%E3%81%AB%E3%81%A1%E3%81%AF";
    assert_eq!(compose(HOST_6, 5683, &items).unwrap(), expected);
}

#[test]
fn appendix_b_example_5() {
    use OptionNumber as N;
    let items: [(N, &[u8]); 6] = [
        (N::URI_PATH, b""),
        (N::URI_PATH, b"/"),
        (N::URI_PATH, b""),
        (N::URI_PATH, b""),
        (N::URI_QUERY, b"//"),
        (N::URI_QUERY, b"?&"),
    ];
    // The example encodes the slashes of the query, which step 8 of section 6.5 leaves as they are;
    // both mean the same.
    let composed = compose(Host::Ipv4([198, 51, 100, 1]), 61616, &items).unwrap();
    assert_eq!(composed, "coap://198.51.100.1:61616//%2F//?//&?%26");
    for text in [
        composed.as_str(),
        "coap://198.51.100.1:61616//%2F//?%2F%2F&?%26",
    ] {
        let uri = uri(text).unwrap();
        assert_eq!((uri.host, uri.port), (Host::Ipv4([198, 51, 100, 1]), 61616));
        let bytes = options_of(uri.path, uri.query);
        let found: Vec<_> = Options::new(&bytes)
            .map(|OptionView { number, value }| (number, value))
            .collect();
        assert_eq!(found, items);
    }
}

#[test]
fn composing_host_and_port() {
    use OptionNumber as N;
    let ip = HOST_4;
    assert_eq!(compose(ip, 5684, &[]).unwrap(), "coap://192.0.2.1:5684/");
    assert_eq!(
        compose(ip, 5683, &[(N::URI_PORT, &[0x1E, 0x61])]).unwrap(),
        "coap://192.0.2.1:7777/"
    );
    assert_eq!(
        compose(ip, 7777, &[(N::URI_PORT, &[0x16, 0x33])]).unwrap(),
        "coap://192.0.2.1/"
    );
    assert_eq!(
        compose(ip, 5683, &[(N::URI_PORT, &[1, 0, 0])]),
        Err(UriError::Port)
    );
    // Written as it is only when it is known to be an address.
    let bracketed = if cfg!(feature = "ipv6") {
        Ok("coap://[::1]:1/".to_string())
    } else {
        Err(UriError::Host)
    };
    assert_eq!(compose(ip, 1, &[(N::URI_HOST, b"[::1]")]), bracketed);
    assert_eq!(
        compose(ip, 1, &[(N::URI_HOST, "\u{e4}".as_bytes())]).unwrap(),
        "coap://%C3%A4:1/"
    );
    for bad in [
        &b""[..],
        b"a/b",
        b"a@b",
        b"a:1",
        b"a b",
        b"::1",
        b"[x]",
        b"[x:]",
        b"[::1]/?",
        b"[ /?#:\r\n",
        b"a%41",
        b"\0",
    ] {
        assert_eq!(
            compose(ip, 1, &[(N::URI_HOST, bad)]),
            Err(UriError::Host),
            "{bad:?}"
        );
    }
    let Host::Name(name) = uri("coap://Some.Host").unwrap().host else {
        panic!()
    };
    assert_eq!(
        compose(Host::Name(name), 5683, &[]).unwrap(),
        "coap://Some.Host/"
    );
    let mut out = [0; 64];
    let len = compose_uri(true, ip, 5684, Options::new(&[]), &mut out).unwrap();
    assert_eq!(&out[..len], b"coaps://192.0.2.1/");
}

#[test]
fn composing_encodes_what_section_6_5_says() {
    let all: Vec<u8> = (0..=255).collect();
    let pchar = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@";
    for (number, plain) in [
        (OptionNumber::URI_PATH, pchar.to_vec()),
        (
            OptionNumber::URI_QUERY,
            [
                &pchar
                    .iter()
                    .copied()
                    .filter(|&b| b != b'&')
                    .collect::<Vec<_>>()[..],
                b"/?",
            ]
            .concat(),
        ),
    ] {
        for &byte in &all {
            let composed = compose(HOST_6, 5683, &[(number, &[byte])]).unwrap();
            let last = composed
                .trim_start_matches("coap://[2001:db8::2:1]/")
                .strip_prefix('?');
            let last = if number == OptionNumber::URI_QUERY {
                last.unwrap()
            } else {
                &composed[23..]
            };
            let expected = if plain.contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            };
            assert_eq!(last, expected);
        }
    }
}

#[test]
fn composing_needs_room() {
    let options = options_of(b"/a b", Some(b"c"));
    let full = b"/a%20b?c";
    for size in 0..20 {
        let mut out = vec![0xEE; size];
        let result = compose_path_query(Options::new(&options), &mut out);
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
    assert!(!draft.has_options_or_payload());
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
    assert!(!draft.has_options_or_payload());
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

/// One of each kind of address that can be read.
const HOSTS: &[Host] = if cfg!(feature = "ipv6") {
    &[HOST_4, HOST_6]
} else {
    &[HOST_4]
};

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
        port: u16,
    ) {
        // A single empty Uri-Path composes to "/", as no Uri-Path does; dots must not be sent (section 5.10.1).
        prop_assume!(path != [vec![]] && !path.iter().any(|value| value == b"." || value == b".."));
        prop_assume!(port != 0);
        let mut items: Vec<(OptionNumber, &[u8])> = vec![];
        items.extend(path.iter().map(|value| (OptionNumber::URI_PATH, &value[..])));
        items.extend(query.iter().map(|value| (OptionNumber::URI_QUERY, &value[..])));
        for host in HOSTS {
            let composed = compose(*host, port, &items).unwrap();
            let uri = uri(&composed).unwrap();
            prop_assert_eq!((uri.host, uri.port), (*host, port));
            let bytes = options_of(uri.path, uri.query);
            let found: Vec<_> = Options::new(&bytes).map(|OptionView { number, value }| (number, value)).collect();
            prop_assert_eq!(found, items.clone());
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut buffer = [0; 60];
        let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
        let _ = add_path_query(&mut draft, &mut buffer, &text);
        let _ = add_query(&mut draft, &mut buffer, &text);
        let _ = Uri::parse(&text);
        let _ = Uri::parse(&[b"coap://", &text[..]].concat());
        let _ = compose_path_query(Options::new(&text), &mut buffer);
        let _ = compose_uri(true, HOST_6, 1, Options::new(&text), &mut buffer);
        is_literal(&text);
    }
}
