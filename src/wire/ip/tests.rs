// SPDX-License-Identifier: MIT
use core::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn text6(address: &str) -> String {
    let mut out = [0; TEXT_MAX];
    let len = format_ipv6(&address.parse::<Ipv6Addr>().unwrap().octets(), &mut out);
    String::from_utf8(out[..len].to_vec()).unwrap()
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

proptest! {
    #[test]
    fn ipv4_round_trip(address: [u8; 4]) {
        let mut out = [0; TEXT_MAX];
        let len = format_ipv4(&address, &mut out);
        prop_assert_eq!(core::str::from_utf8(&out[..len]).unwrap(), Ipv4Addr::from(address).to_string());
        prop_assert_eq!(parse_ipv4(&out[..len]), Some(address));
    }

    #[test]
    fn ipv6_round_trip(groups in prop::array::uniform8(prop_oneof![Just(0u16), Just(0u16), any::<u16>()])) {
        let address = Ipv6Addr::from(groups).octets();
        let mut out = [0; TEXT_MAX];
        let len = format_ipv6(&address, &mut out);
        prop_assert_eq!(core::str::from_utf8(&out[..len]).unwrap(), Ipv6Addr::from(groups).to_string());
        prop_assert_eq!(parse_ipv6(&out[..len]), Some(address));
    }

    #[test]
    fn parsing_agrees_with_core(text in "[0-9a-f:.]{0,24}") {
        prop_assert_eq!(parse_ipv4(text.as_bytes()), text.parse::<Ipv4Addr>().ok().map(|a| a.octets()));
        prop_assert_eq!(parse_ipv6(text.as_bytes()), text.parse::<Ipv6Addr>().ok().map(|a| a.octets()));
    }

    #[test]
    fn parsing_agrees_with_core_near_addresses(parts in prop::collection::vec("[0-9a-f]{1,4}|:|::|(1\\.2\\.3\\.4)", 0..18)) {
        let text = parts.concat();
        prop_assert_eq!(parse_ipv6(text.as_bytes()), text.parse::<Ipv6Addr>().ok().map(|a| a.octets()));
    }
}
