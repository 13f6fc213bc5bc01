// SPDX-License-Identifier: MIT
use proptest::prelude::*;

use super::*;

mod filter;

/// RFC 6690 section 5.
const SENSORS: &str = "</sensors>;ct=40;title=\"Sensor Index\",\
    </sensors/temp>;rt=\"temperature-c\";if=\"sensor\",\
    </sensors/light>;rt=\"light-lux\";if=\"sensor\",\
    <http://www.example.com/sensors/t123>;anchor=\"/sensors/temp\";rel=\"describedby\",\
    </t>;anchor=\"/sensors/temp\";rel=\"alternate\"";

/// Separators in quoted strings, quoted bytes, no attributes, space.
const TRICKY: &str =
    "</a/b>;rt=\"x\";obs , </c>;title=\"a, b; \\\"c\\\" <d>,</e>;\\\\\",<>;a*=U'',\n</f>";

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Targets and encoded attributes, and whether the document is malformed after them.
fn links(document: &[u8]) -> (Vec<(String, String)>, bool) {
    let mut links = Links::resume(document, 0);
    let mut found = vec![];
    for link in links.by_ref() {
        found.push((text(link.target), text(link.attributes)));
    }
    (found, links.is_malformed())
}

/// The targets of a document that has to be well-formed.
fn targets(document: &str) -> Vec<String> {
    let (found, malformed) = links(document.as_bytes());
    assert!(!malformed, "{document}");
    found.into_iter().map(|(target, _)| target).collect()
}

/// Names and decoded values, `None` for an attribute without one.
fn attributes(encoded: &str) -> Vec<(String, Option<String>)> {
    Attributes::new(encoded.as_bytes())
        .map(|attribute| {
            let value = attribute.value.map(|value| text(&decoded(value)));
            (text(attribute.name), value)
        })
        .collect()
}

fn decoded(value: Value) -> Vec<u8> {
    let mut out = vec![0xEE; value.bytes().count()];
    assert_eq!(value.copy_into(&mut out), out.len());
    assert!(value.bytes().eq(out.iter().copied()));
    out
}

/// The only attribute's value.
fn value(encoded: &str) -> Value<'_> {
    let mut attributes = Attributes::new(encoded.as_bytes());
    let value = attributes.next().unwrap().value.unwrap();
    assert_eq!(attributes.position(), encoded.len());
    assert_eq!(attributes.next(), None);
    value
}

fn written(name: &str, value: Option<(&[u8], bool)>) -> String {
    let mut out = [0xEE; 64];
    let len = write_attribute(name.as_bytes(), value, &mut out).unwrap();
    assert!(out[len..].iter().all(|&byte| byte == 0xEE));
    text(&out[..len])
}

#[test]
fn examples_of_section_5() {
    let (found, malformed) = links(SENSORS.as_bytes());
    assert!(!malformed);
    let expected = [
        ("/sensors", ";ct=40;title=\"Sensor Index\""),
        ("/sensors/temp", ";rt=\"temperature-c\";if=\"sensor\""),
        ("/sensors/light", ";rt=\"light-lux\";if=\"sensor\""),
        (
            "http://www.example.com/sensors/t123",
            ";anchor=\"/sensors/temp\";rel=\"describedby\"",
        ),
        ("/t", ";anchor=\"/sensors/temp\";rel=\"alternate\""),
    ];
    assert_eq!(
        found,
        expected.map(|(target, encoded)| (target.into(), encoded.into()))
    );
    assert_eq!(
        attributes(expected[0].1),
        [
            ("ct".into(), Some("40".into())),
            ("title".into(), Some("Sensor Index".into()))
        ]
    );
    // The other documents there.
    assert_eq!(targets("</sensors>;ct=40"), ["/sensors"]);
    assert_eq!(
        targets("</sensors/temp>;if=\"sensor\",\r\n</sensors/light>;if=\"sensor\"\r\n"),
        ["/sensors/temp", "/sensors/light"]
    );
    assert_eq!(
        attributes(";rt=\"firmware\";sz=262144"),
        [
            ("rt".into(), Some("firmware".into())),
            ("sz".into(), Some("262144".into()))
        ]
    );
}

#[test]
fn separators_in_quoted_strings_do_not_separate() {
    let (found, malformed) = links(TRICKY.as_bytes());
    assert!(!malformed);
    let expected = [
        ("/a/b", ";rt=\"x\";obs"),
        ("/c", ";title=\"a, b; \\\"c\\\" <d>,</e>;\\\\\""),
        ("", ";a*=U''"),
        ("/f", ""),
    ];
    assert_eq!(
        found,
        expected.map(|(target, encoded)| (target.into(), encoded.into()))
    );
    assert_eq!(
        attributes(expected[0].1),
        [("rt".into(), Some("x".into())), ("obs".into(), None)]
    );
    assert_eq!(
        attributes(expected[1].1),
        [("title".into(), Some("a, b; \"c\" <d>,</e>;\\".into()))]
    );
}

#[test]
fn a_document_may_be_empty() {
    assert!(targets("").is_empty());
    assert!(targets(" \t\r\n").is_empty());
    assert_eq!(targets("<>"), [""]);
    assert_eq!(targets("</a,b;c>"), ["/a,b;c"]);
}

#[test]
fn space_is_allowed_around_separators() {
    let (found, malformed) = links(b" </a> ; rt = \"x\" ;\tobs\r\n;sz= 1 , </b> ;a , </c>\n");
    assert!(!malformed);
    assert_eq!(
        found,
        [
            ("/a", "; rt = \"x\" ;\tobs\r\n;sz= 1"),
            ("/b", ";a"),
            ("/c", "")
        ]
        .map(|(target, encoded)| (target.into(), encoded.into()))
    );
    assert_eq!(
        attributes(&found[0].1),
        [
            ("rt".into(), Some("x".into())),
            ("obs".into(), None),
            ("sz".into(), Some("1".into()))
        ]
    );
}

#[test]
fn a_walk_ends_at_the_first_malformed_link() {
    for (document, before) in [
        ("x", 0),
        (",</a>", 0),
        ("/a", 0),
        ("<", 0),
        ("</a", 0),
        ("</a,</b>", 0),
        ("</a>x,</b>", 0),
        ("</a></b>", 0),
        ("</a>;", 0),
        ("</a>;,</b>", 0),
        ("</a>;;b", 0),
        ("</a>;=b", 0),
        ("</a>;b=", 0),
        ("</a>;b=,</c>", 0),
        ("</a>;b= ;c", 0),
        ("</a>;b c", 0),
        ("</a>;b=c d", 0),
        ("</a>;b=c\"d\"", 0),
        ("</a>;b=\"c\"d", 0),
        ("</a>;b=\"c", 0),
        ("</a>;b=\"c\\\"", 0),
        ("</a>;b=\"c\\", 0),
        ("</a>;b=\\", 0),
        ("</a>;b=\u{e4}", 0),
        ("</a>;(=b", 0),
        ("</a>;*=b", 0),
        ("</a>;b**=c", 0),
        ("</a>\0", 0),
        ("</a>,", 1),
        ("</a>, ", 1),
        ("</a>,,</b>", 1),
        ("</a>,x", 1),
        ("</a>;b,</c>;d=\",</e>", 1),
        ("</a>,</b>,<c", 2),
    ] {
        let (found, malformed) = links(document.as_bytes());
        assert!(malformed, "{document}");
        assert_eq!(found.len(), before, "{document}");
        let mut links = Links::resume(document.as_bytes(), 0);
        assert_eq!(links.by_ref().count(), before);
        let position = links.position();
        assert_eq!(links.next(), None, "it stays there");
        assert!(links.is_malformed());
        assert_eq!(links.position(), position);
    }
}

#[test]
fn attributes_end_where_none_begins() {
    let names = |encoded| -> Vec<_> { attributes(encoded).into_iter().map(|a| a.0).collect() };
    assert!(names("").is_empty());
    assert!(names("a=b").is_empty());
    assert!(names(",;a").is_empty());
    assert_eq!(names(";a;b=c;;d"), ["a", "b"]);
    assert_eq!(names(";a=\"b\",</c>;d"), ["a"]);
    assert_eq!(names(";a;b=\"c"), ["a"]);
    assert_eq!(names(";a;a;A"), ["a", "a", "A"]);
}

#[test]
fn values_know_their_quotes() {
    assert_eq!(
        value(";a=b"),
        Value {
            raw: b"b",
            quoted: false
        }
    );
    assert_eq!(
        value(";a=\"b\\\"c\""),
        Value {
            raw: b"b\\\"c",
            quoted: true
        }
    );
    // RFC 6690 section 2: ptokenchar.
    let token = "!#$%&'()*+-./09:<=>?@AZ[]^_`az{|}~";
    assert_eq!(value(&format!(";a={token}")).raw, token.as_bytes());
    // RFC 6690 section 2: ext-value.
    assert_eq!(
        value(";title*=UTF-8'en'%e2%82%ac").raw,
        b"UTF-8'en'%e2%82%ac"
    );
    assert_eq!(decoded(value(";a=\"\"")), b"");
    assert_eq!(decoded(value(";a=\"\\b\\\\\\\"\"")), b"b\\\"");
    assert_eq!(decoded(value(";a=\"\u{20ac}\n\"")), "\u{20ac}\n".as_bytes());
}

#[test]
fn a_backslash_without_quotes_or_at_the_end_is_itself() {
    for (raw, quoted, expected) in [
        (&b"a\\b"[..], false, &b"a\\b"[..]),
        (b"a\\b", true, b"ab"),
        (b"a\\", true, b"a\\"),
        (b"\\\\", true, b"\\"),
        (b"\\", true, b"\\"),
    ] {
        assert_eq!(decoded(Value { raw, quoted }), expected);
    }
}

#[test]
fn a_copy_holds_what_fits() {
    let value = value(";a=\"b\\\"cd\"");
    assert_eq!(value.bytes().count(), 4);
    for room in 0..6 {
        let mut out = vec![0xEE; room];
        let len = value.copy_into(&mut out);
        assert_eq!(len, room.min(4));
        assert_eq!(out[..len], b"b\"cd"[..len]);
        assert!(out[len..].iter().all(|&byte| byte == 0xEE));
    }
}

#[test]
fn a_cursor_outside_the_text_finds_nothing() {
    for offset in [5, 6, usize::MAX] {
        let mut links = Links::resume(b"</ab>", offset);
        assert_eq!(links.next(), None);
        assert!(!links.is_malformed());
        assert_eq!(Attributes::resume(b";a;bc", offset).next(), None);
    }
}

#[test]
fn attribute_names_of_section_2() {
    for name in ["rt", "title*", "0", "obs", "A-b.C"] {
        assert!(is_attribute_name(name.as_bytes()), "{name}");
    }
    for name in ["", "*", "a**", "*a", "a*b"] {
        assert!(!is_attribute_name(name.as_bytes()), "{name}");
    }
    for byte in 0..=255u8 {
        // RFC 5987 section 3.2.1: attr-char.
        let expected = byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte);
        assert_eq!(is_attribute_name(&[byte]), expected, "{byte}");
    }
}

#[test]
fn attributes_are_written() {
    assert_eq!(written("obs", None), ";obs");
    assert_eq!(written("ct", Some((b"40", false))), ";ct=40");
    assert_eq!(written("rt", Some((b"x", true))), ";rt=\"x\"");
    assert_eq!(written("a", Some((b"v\"l\\e", true))), ";a=\"v\\\"l\\\\e\"");
}

#[test]
fn what_is_no_token_is_quoted_anyway() {
    for (value, expected) in [
        ("", ";a=\"\""),
        ("b c", ";a=\"b c\""),
        ("b,c", ";a=\"b,c\""),
        ("b;", ";a=\"b;\""),
        ("\"", ";a=\"\\\"\""),
        ("\\", ";a=\"\\\\\""),
        ("\u{e4}", ";a=\"\u{e4}\""),
        ("b\n", ";a=\"b\n\""),
    ] {
        assert_eq!(written("a", Some((value.as_bytes(), false))), expected);
    }
}

#[test]
fn an_attribute_that_does_not_fit_is_refused() {
    for (value, len) in [
        (None, 3),
        (Some((&b"cd"[..], false)), 6),
        (Some((b"c\"", true)), 9),
    ] {
        for room in 0..12 {
            let mut out = vec![0; room];
            let result = write_attribute(b"ab", value, &mut out);
            assert_eq!(result, (room >= len).then_some(len));
        }
    }
}

/// A description of `Links` in other words: the length of a link, or that it is malformed.
fn reference_link(text: &[u8]) -> Option<usize> {
    let space = |mut at: usize| {
        while matches!(text.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            at += 1;
        }
        at
    };
    let run = |mut at: usize, excluded: &[u8]| {
        while text
            .get(at)
            .is_some_and(|byte| byte.is_ascii_graphic() && !excluded.contains(byte))
        {
            at += 1;
        }
        at
    };
    if text.first() != Some(&b'<') {
        return None;
    }
    let mut at = 1 + text
        .iter()
        .skip(1)
        .position(|&byte| b"<>".contains(&byte))?;
    if text[at] != b'>' {
        return None;
    }
    at = space(at + 1);
    while text.get(at) == Some(&b';') {
        let name = space(at + 1);
        at = run(name, b"\"%'()*,/:;<=>?@[\\]{}");
        if at == name {
            return None;
        }
        at += usize::from(text.get(at) == Some(&b'*'));
        at = space(at);
        if text.get(at) == Some(&b'=') {
            let value = space(at + 1);
            at = run(value, b"\",;\\");
            if text.get(value) == Some(&b'"') {
                at = value + 1;
                while *text.get(at)? != b'"' {
                    at += if text[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            if at == value {
                return None;
            }
            at = space(at);
        }
    }
    matches!(text.get(at), None | Some(b',')).then_some(at)
}

fn reference(document: &[u8]) -> (usize, bool) {
    let trimmed = |text: &[u8]| {
        text.iter()
            .take_while(|byte| b" \t\r\n".contains(byte))
            .count()
    };
    let mut rest = &document[trimmed(document)..];
    let mut count = 0;
    while !rest.is_empty() {
        if count > 0 {
            rest = &rest[1..];
            rest = &rest[trimmed(rest)..];
        }
        let Some(len) = reference_link(rest) else {
            return (count, true);
        };
        count += 1;
        rest = &rest[len..];
    }
    (count, false)
}

/// Everything there is to do with a document, by a cursor that is made anew for each step.
fn walk_by_cursor(document: &[u8]) -> Vec<LinkView<'_>> {
    let mut found = vec![];
    let mut at = 0;
    loop {
        let mut links = Links::resume(document, at);
        let Some(link) = links.next() else {
            assert_eq!(links.position(), at);
            return found;
        };
        assert!(links.position() > at && links.position() <= document.len());
        at = links.position();
        let (mut within, mut names) = (0, vec![]);
        loop {
            let mut attributes = Attributes::resume(link.attributes, within);
            let Some(attribute) = attributes.next() else {
                break;
            };
            assert!(attributes.position() > within);
            within = attributes.position();
            assert!(is_attribute_name(attribute.name));
            if let Some(value) = attribute.value {
                decoded(value);
            }
            names.push(attribute);
        }
        assert_eq!(within, link.attributes.len(), "all of it is well-formed");
        assert!(Attributes::new(link.attributes).eq(names));
        found.push(link);
    }
}

#[test]
fn every_truncation_ends() {
    for document in [SENSORS, TRICKY, " </a> ; rt = \"x\\\\\" , <> ;a*=b; c\n"] {
        for end in 0..=document.len() {
            let document = &document.as_bytes()[..end];
            let found = walk_by_cursor(document);
            let (_, malformed) = links(document);
            assert_eq!((found.len(), malformed), reference(document));
        }
    }
}

/// Bytes that often make a link.
fn link_like_bytes() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&[u8]; 18] = [
        b"<",
        b">",
        b"</a>",
        b",",
        b";",
        b"=",
        b"\"",
        b"\\",
        b" ",
        b"rt",
        b"*",
        b";a=\"b c\"",
        b",</",
        b";obs",
        b"\n",
        b"%",
        b"\xC3\xA4",
        b"\0",
    ];
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..16)
            .prop_map(|pieces| pieces.concat()),
    ]
}

proptest! {
    #![proptest_config(crate::wire::seeded())]
    #[test]
    fn links_agree_with_the_reference(document in link_like_bytes()) {
        let mut links = Links::resume(&document, 0);
        let found: Vec<_> = links.by_ref().collect();
        prop_assert_eq!((found.len(), links.is_malformed()), reference(&document));
        prop_assert_eq!(found, walk_by_cursor(&document));
    }

    #[test]
    fn what_is_written_reads_back(
        items in prop::collection::vec(
            (
                "[a-z!.~]{1,5}\\*?",
                prop::option::of((prop::collection::vec(any::<u8>(), 0..12), any::<bool>())),
            ),
            0..5,
        ),
    ) {
        let mut document = b"</a>".to_vec();
        for (name, value) in &items {
            let mut out = [0; 64];
            let value = value.as_ref().map(|(value, quoted)| (&value[..], *quoted));
            let len = write_attribute(name.as_bytes(), value, &mut out).unwrap();
            document.extend_from_slice(&out[..len]);
        }
        document.extend_from_slice(b",</b>");
        let links: Vec<_> = Links::resume(&document, 0).collect();
        prop_assert_eq!(links.len(), 2);
        let read: Vec<_> = Attributes::new(links[0].attributes)
            .map(|attribute| (text(attribute.name), attribute.value.map(decoded)))
            .collect();
        let sent: Vec<_> = items
            .into_iter()
            .map(|(name, value)| (name, value.map(|(value, _)| value)))
            .collect();
        prop_assert_eq!(read, sent);
    }
}
