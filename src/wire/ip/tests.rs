// SPDX-License-Identifier: MIT
use core::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

/// The text of a peer with this address.
fn text(address: &[u8]) -> String {
    let family = if address.len() == 4 { 4 } else { 6 };
    let peer = [&[family], address, &[0x16, 0x33]].concat();
    let mut out = [0; TEXT_MAX];
    let (len, port) = peer_to_text(&peer, &mut out).unwrap();
    assert_eq!(port, 5683);
    let text = String::from_utf8(out[..len].to_vec()).unwrap();
    let mut back = [0; 24];
    let back_len = peer_from_text(text.as_bytes(), port, &mut back).unwrap();
    assert_eq!(back[..back_len], peer);
    text
}

#[cfg(feature = "ipv6")]
fn text6(address: &str) -> String {
    text(&address.parse::<Ipv6Addr>().unwrap().octets())
}

#[test]
fn peers_with_other_addresses_have_no_text() {
    let mut out = [0; TEXT_MAX];
    for peer in [
        &b""[..],
        &[4],
        &[4, 1, 2, 3, 22, 51],
        &[6; 8],
        &[0; 7],
        &[5; 19],
    ] {
        assert_eq!(peer_to_text(peer, &mut out), None);
    }
    for text in ["[192.0.2.1]", "[::1", "a", ""] {
        assert_eq!(peer_from_text(text.as_bytes(), 1, &mut [0; 24]), None);
    }
}

#[cfg(feature = "ipv6")]
#[test]
fn an_ipv6_address_may_stand_in_brackets() {
    let mut peer = [0; 24];
    assert_eq!(peer_from_text(b"[::1]", 1, &mut peer), Some(19));
}

#[cfg(not(feature = "ipv6"))]
#[test]
fn ipv6_is_no_address_to_a_build_without_it() {
    for text in [
        "::",
        "::1",
        "2001:db8::1",
        "1:2:3:4:5:6:7:8",
        "::ffff:192.0.2.1",
    ] {
        assert!(text.parse::<Ipv6Addr>().is_ok(), "{text}");
        assert_eq!(parse_ipv6(text.as_bytes()), None, "{text}");
        for text in [text, &format!("[{text}]")] {
            let mut peer = [0xEE; 24];
            assert_eq!(peer_from_text(text.as_bytes(), 1, &mut peer), None);
            assert_eq!(peer, [0xEE; 24], "{text}");
        }
    }
    let peer = [&[FAMILY_IPV6][..], &[1; 16], &[22, 51]].concat();
    assert_eq!(peer_to_text(&peer, &mut [0; TEXT_MAX]), None);
}

#[test]
fn ipv4_is_strict() {
    assert_eq!(parse_ipv4(b"192.0.2.1"), Some([192, 0, 2, 1]));
    assert_eq!(parse_ipv4(b"0.0.0.0"), Some([0; 4]));
    assert_eq!(parse_ipv4(b"255.255.255.255"), Some([255; 4]));
    for bad in [
        "",
        ".",
        "1",
        "1.2.3",
        "1.2.3.4.",
        ".1.2.3.4",
        "1.2.3.4.5",
        "1..3.4",
        "256.1.1.1",
        "1.1.1.1000",
        "01.2.3.4",
        "1.2.3.00",
        "1.2.3.+4",
        "1.2.3.-4",
        " 1.2.3.4",
        "1.2.3.4 ",
        "0x1.2.3.4",
        "1.2.3.4a",
        "1,2,3,4",
        "1.2.3.:",
        "999999999999.1.1.1",
    ] {
        assert_eq!(parse_ipv4(bad.as_bytes()), None, "{bad}");
    }
}

#[cfg(feature = "ipv6")]
#[test]
fn ipv6_forms_of_rfc_4291_section_2_2() {
    for good in [
        "::",
        "::1",
        "1::",
        "2001:db8::1",
        "1:2:3:4:5:6:7:8",
        "ABCD:EF01:2345:6789:ABCD:EF01:2345:6789",
        "ff02::fd",
        "::13.1.68.3",
        "::FFFF:129.144.52.38",
        "1:2:3:4:5:6:192.0.2.33",
        "1:2:3:4:5::192.0.2.33",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1::3:4:5:6:7:8",
        "0:0:0:0:0:0:0:0",
        "0001::00a0",
    ] {
        let expected = good.parse::<Ipv6Addr>().unwrap().octets();
        assert_eq!(parse_ipv6(good.as_bytes()), Some(expected), "{good}");
    }
}

#[test]
fn ipv6_malformed() {
    for bad in [
        "",
        ":",
        ":::",
        "1",
        "1:",
        ":1",
        "1:2",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:",
        "1:2:3:4:5:6:7:8:",
        "1::2::3",
        "::1::",
        "::1:",
        "1:::2",
        "12345::",
        "g::",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "::1.2.3",
        "1.2.3.4",
        "1.2.3.4::",
        "::1.2.3.4:1",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:1.2.3.4",
        "fe80::1%eth0",
        "[::1]",
        "::1 ",
        " ::1",
        "1:2:3:4::5:6:7:8",
        "::256.1.1.1",
    ] {
        assert_eq!(parse_ipv6(bad.as_bytes()), None, "{bad}");
        assert!(bad.parse::<Ipv6Addr>().is_err(), "{bad}");
    }
}

#[cfg(feature = "ipv6")]
#[test]
fn ipv6_text_is_rfc_5952() {
    for (address, text) in [
        ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
        // Section 4.2.2: a single group of zeros stays.
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        // Section 4.2.3: the longest run, the first of equals.
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        // Sections 4.1 and 4.3.
        ("2001:0DB8::00AB", "2001:db8::ab"),
        ("::", "::"),
        ("::1", "::1"),
        ("1::", "1::"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:0:0:4:5:6:7:0", "1::4:5:6:7:0"),
        // Section 5.
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        (
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ),
    ] {
        assert_eq!(text6(address), text);
    }
}

/// What core reads in an IPv6 address; nothing in a build without them.
fn ipv6_of_core(text: &str) -> Option<[u8; 16]> {
    let address = text.parse::<Ipv6Addr>().ok()?;
    cfg!(feature = "ipv6").then_some(address.octets())
}

proptest! {
    #![proptest_config(crate::wire::seeded())]
    #[test]
    fn ipv4_round_trip(address: [u8; 4]) {
        prop_assert_eq!(text(&address), Ipv4Addr::from(address).to_string());
    }

    #[cfg(feature = "ipv6")]
    #[test]
    fn ipv6_round_trip(groups in prop::array::uniform8(prop_oneof![Just(0u16), Just(0u16), any::<u16>()])) {
        let address = Ipv6Addr::from(groups);
        prop_assert_eq!(text(&address.octets()), address.to_string());
    }

    #[test]
    fn parsing_agrees_with_core(text in "[0-9a-f:.]{0,24}") {
        prop_assert_eq!(parse_ipv4(text.as_bytes()), text.parse::<Ipv4Addr>().ok().map(|a| a.octets()));
        prop_assert_eq!(parse_ipv6(text.as_bytes()), ipv6_of_core(&text));
    }

    #[test]
    fn parsing_agrees_with_core_near_addresses(parts in prop::collection::vec("[0-9a-f]{1,4}|:|::|(1\\.2\\.3\\.4)", 0..18)) {
        let text = parts.concat();
        prop_assert_eq!(parse_ipv6(text.as_bytes()), ipv6_of_core(&text));
    }
}
