// SPDX-License-Identifier: MIT
//! Any bytes as the text of an address.

use microcoapy::wire::ip;

pub fn read(data: &[u8]) {
    let text = core::str::from_utf8(data).ok();
    let mut out = [0; ip::TEXT_MAX];
    let four = ip::parse_ipv4(data);
    assert_eq!(
        four,
        text.and_then(|text| Some(text.parse::<core::net::Ipv4Addr>().ok()?.octets()))
    );
    let six = ip::parse_ipv6(data);
    assert_eq!(
        six,
        text.and_then(|text| Some(text.parse::<core::net::Ipv6Addr>().ok()?.octets()))
    );
    let mut peer = [0; 24];
    let peer_len = ip::peer_from_text(data, 5683, &mut peer);
    if let Some(len) = peer_len {
        let (text_len, port) = ip::peer_to_text(&peer[..len], &mut out).unwrap();
        assert_eq!(port, 5683);
        let address: core::net::IpAddr = match (four, six) {
            (Some(four), _) => four.into(),
            (None, _) => <[u8; 16]>::try_from(&peer[1..17]).unwrap().into(),
        };
        assert_eq!(out[..text_len], *address.to_string().as_bytes());
    }
    assert!(peer_len.is_some() || four.is_none() && six.is_none());
    // Anything at all may come as a peer.
    ip::peer_to_text(data, &mut out);
}
