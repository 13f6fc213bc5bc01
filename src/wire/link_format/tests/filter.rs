// SPDX-License-Identifier: MIT
//! RFC 6690 section 4.1.

use super::*;

/// Whether a link with these attributes passes.
fn passes(encoded: &str, filter: &str) -> bool {
    matches(b"/sensors/temp", encoded.as_bytes(), filter.as_bytes())
}

/// The targets that pass, in the document of section 5.
fn filtered(filter: &str) -> Vec<String> {
    Links::resume(SENSORS.as_bytes(), 0)
        .filter(|link| matches(link.target, link.attributes, filter.as_bytes()))
        .map(|link| text(link.target))
        .collect()
}

#[test]
fn filters_of_section_4_1() {
    // The examples there: foo=bar, foo=bar*, foo=*, href=/foo, href=/foo*.
    assert!(passes(";foo=bar", "foo=bar"));
    assert!(passes(";foo=\"bar\"", "foo=bar"));
    assert!(!passes(";foo=barley", "foo=bar"));
    assert!(!passes(";foo=ba", "foo=bar"));
    assert!(passes(";foo=barley", "foo=bar*"));
    assert!(passes(";foo=bar", "foo=bar*"));
    assert!(!passes(";foo=ba", "foo=bar*"));
    assert!(passes(";foo=\"\"", "foo=*"));
    assert!(passes(";foo=x", "foo=*"));
    assert!(passes(";foo", "foo=*"));
    assert!(!passes(";bar=foo", "foo=*"));
    assert!(!passes("", "foo=*"));
    assert!(passes("", "href=/sensors/temp"));
    assert!(!passes("", "href=/sensors"));
    assert!(passes("", "href=/sens*"));
    assert!(passes("", "href=*"));
    assert!(!passes("", "href=/other*"));
}

#[test]
fn filters_on_the_example_of_section_5() {
    assert_eq!(filtered("rt=light-lux"), ["/sensors/light"]);
    assert_eq!(filtered("if=sensor"), ["/sensors/temp", "/sensors/light"]);
    assert_eq!(filtered("rt=*"), ["/sensors/temp", "/sensors/light"]);
    assert_eq!(
        filtered("href=/sensors*"),
        ["/sensors", "/sensors/temp", "/sensors/light"]
    );
    assert_eq!(filtered("href=/sensors"), ["/sensors"]);
    assert_eq!(filtered("href=/t*"), ["/t"]);
    assert_eq!(filtered("rel=alternate"), ["/t"]);
    assert_eq!(
        filtered("anchor=/sensors/temp"),
        ["http://www.example.com/sensors/t123", "/t"]
    );
    assert_eq!(filtered("title=Sensor Index"), ["/sensors"]);
    assert_eq!(filtered("").len(), 5);
    assert!(filtered("rt=temperature").is_empty());
    assert!(filtered("obs").is_empty());
}

#[test]
fn the_target_is_compared_as_written() {
    assert!(matches(b"/a%20b", b"", b"href=/a%20b"));
    assert!(!matches(b"/a%20b", b"", b"href=/a b"));
    assert!(matches(b"/a b", b"", b"href=/a*"));
    assert!(!matches(b"/a b", b"", b"href=b"), "no list");
    assert!(!matches(b"/a", b";href=\"/b\"", b"href=/b"), "no attribute");
    assert!(matches(b"/a\\b", b"", b"href=/a\\b"));
    assert!(matches(b"", b"", b"href="));
    assert!(!matches(b"/", b"", b"href="));
}

#[test]
fn any_item_of_a_list_may_match() {
    for name in ["rt", "if", "rel", "rev", "ct"] {
        let encoded = format!(";{name}=\"one two  three\"");
        for (pattern, expected) in [
            ("one", true),
            ("two", true),
            ("three", true),
            ("tw", false),
            ("twos", false),
            ("ne", false),
            ("tw*", true),
            ("two*", true),
            ("thr*", true),
            ("wo*", false),
            ("twos*", false),
            ("*", true),
            ("", false),
            ("one two  three", true),
            ("one two", false),
            ("two  three", false),
            ("one two*", true),
            ("two  *", false),
            (" ", false),
        ] {
            let filter = format!("{name}={pattern}");
            assert_eq!(passes(&encoded, &filter), expected, "{filter}");
        }
    }
}

#[test]
fn items_may_repeat_their_beginning() {
    assert!(passes(";rt=\"aab ab\"", "rt=ab"));
    assert!(passes(";rt=\"a ab\"", "rt=ab"));
    assert!(passes(";rt=\"abc ab\"", "rt=ab"));
    assert!(passes(";rt=\" ab \"", "rt=ab"));
    assert!(!passes(";rt=\"a b\"", "rt=ab"));
}

#[test]
fn other_values_are_no_lists() {
    for name in ["title", "foo", "r", "rtt", "f", "i", "sz"] {
        let encoded = format!(";{name}=\"one two\"");
        assert!(passes(&encoded, &format!("{name}=one two")));
        assert!(passes(&encoded, &format!("{name}=one t*")));
        assert!(!passes(&encoded, &format!("{name}=one")));
        assert!(!passes(&encoded, &format!("{name}=two")));
    }
}

#[test]
fn a_filter_without_a_value_asks_for_the_attribute() {
    assert!(passes(";obs", "obs"));
    assert!(passes(";rt=x;obs", "obs"));
    assert!(passes(";rt=x", "rt"));
    assert!(passes(";rt=\"\"", "rt"));
    assert!(!passes(";rt=\"obs\"", "obs"));
    assert!(passes("", "href"));
    assert!(!passes("", "obs"));
}

#[test]
fn an_attribute_without_a_value_has_an_empty_one() {
    assert!(passes(";obs", "obs="));
    assert!(passes(";rt", "rt="));
    assert!(passes(";rt=\"\"", "rt="));
    assert!(!passes(";obs", "obs=1"));
    assert!(!passes(";rt=x", "rt="));
}

#[test]
fn an_empty_filter_takes_every_link_and_an_empty_name_none() {
    assert!(passes("", ""));
    assert!(passes(";rt=x", ""));
    for filter in ["=", "=x", "=*", "==", "*", "rt*"] {
        assert!(!passes(";rt=x;x", filter), "{filter}");
    }
    assert!(passes(";rt*=x", "rt*"));
    assert!(!passes(";a=b", "rt if"), "names are no list");
}

#[test]
fn quotes_around_a_filters_value_are_taken_off() {
    assert!(passes(";if=\"sensor\"", "if=\"sensor\""));
    assert!(passes(";if=\"sensor\"", "if=\"sens*\""));
    assert!(passes(";if=\"a sensor\"", "if=\"sensor\""));
    assert!(passes(";if=x", "if=\"*\""));
    assert!(passes(";if=\"\"", "if=\"\""));
    assert!(passes("", "href=\"/sensors/temp\""));
    assert!(!passes(";if=\"sensor\"", "if=\"sensor"));
    assert!(!passes(";if=\"sensor\"", "if=\""));
    assert!(passes(";a=\"\\\"\"", "a=\""));
}

#[test]
fn values_are_compared_unquoted() {
    assert!(passes(";a=\"b\\\"c\\\\d\"", "a=b\"c\\d"));
    assert!(passes(";a=\"\\b\"", "a=b"));
    assert!(passes(";a=\"b=*\"", "a=b=**"));
    assert!(passes(";a=\"b*c\"", "a=b*c"));
    assert!(!passes(";a=\"b*\"", "a=c"));
    assert!(passes(";rt=\"\\o\\ne t\\wo\"", "rt=two"));
}

#[test]
fn names_and_values_are_compared_bytewise() {
    assert!(!passes(";rt=X", "rt=x"));
    assert!(!passes(";rt=x", "RT=x"));
    assert!(passes(";RT=x", "RT=x"));
}

#[test]
fn the_first_rel_counts_and_any_other_attribute() {
    // RFC 8288 section 3.3.
    assert!(passes(";rel=a;rel=b", "rel=a"));
    assert!(!passes(";rel=a;rel=b", "rel=b"));
    // RFC 8288 section 3.4.1: hreflang may be repeated.
    assert!(passes(";hreflang=de;hreflang=en", "hreflang=en"));
    assert!(passes(";rt=a;x;rt=b", "rt=b"));
}

#[test]
fn filters_of_etsi_td_coap_link() {
    let document = b"</link1>;rt=\"Type1 Type2\";if=\"If1\",</link2>;rt=\"Type2\";if=\"If2\",\
        </link3>;if=\"foo\",</link4>;rt=\"Type1\";sz=\"1024\"";
    for (filter, expected) in [
        ("rt=Type1", "14"),
        ("rt=*", "124"),
        ("rt=Type2", "12"),
        ("if=If*", "12"),
        ("sz=*", "4"),
        ("href=/link1", "1"),
        ("href=/link*", "1234"),
    ] {
        let found: String = Links::resume(document, 0)
            .filter(|link| matches(link.target, link.attributes, filter.as_bytes()))
            .map(|link| text(link.target).replace("/link", ""))
            .collect();
        assert_eq!(found, expected, "{filter}");
    }
}

/// A filter that is a pattern for one attribute, in other words than `matches`.
fn reference_pattern(value: &[u8], pattern: &[u8], is_list: bool) -> bool {
    let fits = |value: &[u8]| match pattern.strip_suffix(b"*") {
        Some(prefix) => value.starts_with(prefix),
        None => value == pattern,
    };
    let mut items = value.split(|&byte| byte == b' ');
    fits(value) || is_list && items.any(|item| !item.is_empty() && fits(item))
}

proptest! {
    #![proptest_config(crate::wire::seeded())]
    #[test]
    fn nothing_to_filter_panics(
        target in link_like_bytes(),
        encoded in link_like_bytes(),
        filter in link_like_bytes(),
    ) {
        let _ = matches(&target, &encoded, &filter);
        prop_assert!(Attributes::new(&encoded).count() <= encoded.len());
    }

    #[test]
    fn filters_agree_with_the_reference(
        value in "[ab \"\\\\]{0,8}",
        pattern in "[ab ]{0,3}\\*?",
        is_list: bool,
        quoted: bool,
    ) {
        let name = if is_list { "rt" } else { "foo" };
        let mut out = [0; 64];
        let len = write_attribute(name.as_bytes(), Some((value.as_bytes(), false)), &mut out);
        let filter = match quoted {
            true => format!("{name}=\"{pattern}\""),
            false => format!("{name}={pattern}"),
        };
        prop_assert_eq!(
            matches(b"/a", &out[..len.unwrap()], filter.as_bytes()),
            reference_pattern(value.as_bytes(), pattern.as_bytes(), is_list)
        );
    }
}
