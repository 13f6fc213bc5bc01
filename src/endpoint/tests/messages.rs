// SPDX-License-Identifier: MIT
//! What is not a message, or not one for us: RFC 7252 sections 3, 4.1 to 4.3.

use super::*;
use MessageType::{Acknowledgement, Confirmable, NonConfirmable, Reset};

/// Hands in a bad datagram, then sees a good request served; gives what the bad one was answered with.
fn answer_to(datagram: &[u8]) -> Vec<Vec<u8>> {
    let mut bench = Bench::server();
    assert!(bench.receive(datagram).is_none(), "{datagram:?}");
    let answer = bench.sent();
    let request = bench.request(&message(Confirmable, Code::GET, 0x4242, PATH_R));
    bench.respond(request, b"222").unwrap();
    assert_eq!(
        bench.sent_one(),
        message(Acknowledgement, Code::CONTENT, 0x4242, b"\xFF222")
    );
    answer
}

#[test]
fn a_ping_gets_rst() {
    let mut bench = Bench::new();
    bench.receive(&empty(Confirmable, 0x1234));
    assert_eq!(bench.sent_one(), [0x70, 0, 0x12, 0x34]);
    assert_eq!(
        bench.endpoint.counters().dropped + bench.endpoint.counters().malformed,
        0
    );
}

#[test]
fn format_errors_get_rst_to_con_and_silence_otherwise() {
    let tails: [&[u8]; 8] = [
        &[0xF0],                   // option delta 15
        &[0x0F],                   // option length 15
        &[0xD0],                   // truncated delta extension
        &[0xE0, 0],                // truncated delta extension
        &[0x0E, 0],                // truncated length extension
        &[0x05, 1, 2],             // value past the end
        &[0xFF],                   // payload marker without payload
        &[0xE0, 0xFE, 0xF2, 0xC0], // option number 65535 + 12
    ];
    for tail in tails {
        let con = message(Confirmable, Code::GET, 0x0102, tail);
        assert_eq!(answer_to(&con), [empty(Reset, 0x0102)], "{tail:x?}");
        for kind in [NonConfirmable, Acknowledgement, Reset] {
            assert!(
                answer_to(&message(kind, Code::GET, 0x0102, tail)).is_empty(),
                "{tail:x?}"
            );
        }
    }
    for token_len in 9..=15 {
        let datagram = [&[0x40 | token_len, 1, 1, 2][..], &[0; 15]].concat();
        assert_eq!(answer_to(&datagram), [empty(Reset, 0x0102)]);
    }
    assert_eq!(
        answer_to(&[0x48, 1, 1, 2, 0]),
        [empty(Reset, 0x0102)],
        "token past the end"
    );
    assert_eq!(
        answer_to(&[0x40, 0, 1, 2, 0]),
        [empty(Reset, 0x0102)],
        "Empty with a byte too many"
    );
    assert_eq!(
        answer_to(&[0x41, 0, 1, 2, 0]),
        [empty(Reset, 0x0102)],
        "Empty with a token"
    );
}

#[test]
fn short_datagrams_and_unknown_versions_are_ignored() {
    for len in 0..4 {
        for first in 0..=255 {
            assert!(answer_to(&vec![first; len]).is_empty());
        }
    }
    for version in [0x00, 0x80, 0xC0] {
        let mut datagram = message(Confirmable, Code::GET, 1, PATH_R);
        datagram[0] = datagram[0] & 0x3F | version;
        assert!(answer_to(&datagram).is_empty());
    }
}

#[test]
fn every_header_of_4_or_5_bytes_is_survived() {
    let mut bench = Bench::server();
    for first in 0..=255u8 {
        for code in 0..=255u8 {
            for tail in [&[][..], &[0xFF], &[0x00]] {
                let datagram = [&[first, code, 9, 9][..], tail].concat();
                bench.receive(&datagram);
                let sent = bench.sent();
                assert!(sent.len() <= 1);
                if first >> 6 != 1 || first >> 4 & 3 >= 2 {
                    assert!(
                        sent.is_empty(),
                        "ACK, RST and other versions are never answered: {datagram:x?}"
                    );
                }
            }
        }
    }
}

#[test]
fn reserved_codes_are_rejected() {
    for class in [1, 6, 7] {
        let code = Code::new(class, 5);
        assert_eq!(
            answer_to(&message(Confirmable, code, 3, &[])),
            [empty(Reset, 3)]
        );
        for kind in [NonConfirmable, Acknowledgement, Reset] {
            assert!(answer_to(&message(kind, code, 3, &[])).is_empty());
        }
    }
    assert_eq!(
        answer_to(&message(Confirmable, Code::new(3, 0), 3, &[])),
        [empty(Reset, 3)]
    );
}

#[test]
fn what_nobody_asked_for_is_ignored() {
    assert!(answer_to(&empty(Acknowledgement, 1)).is_empty());
    assert!(answer_to(&empty(Reset, 1)).is_empty());
    assert!(answer_to(&empty(NonConfirmable, 1)).is_empty());
    assert!(
        answer_to(&message(Acknowledgement, Code::GET, 1, PATH_R)).is_empty(),
        "a request in an ACK"
    );
    assert!(answer_to(&message(Reset, Code::GET, 1, PATH_R)).is_empty());
    assert!(answer_to(&message(Reset, Code::CONTENT, 1, &[])).is_empty());
}

#[test]
fn bad_input_is_counted() {
    let mut bench = Bench::server();
    bench.receive(&[0x40]);
    bench.receive(&message(Confirmable, Code::GET, 1, &[0xFF]));
    assert_eq!(bench.endpoint.counters().malformed, 2);
    bench.receive(&empty(Acknowledgement, 1));
    bench.receive(&message(NonConfirmable, Code::new(7, 1), 1, &[]));
    assert_eq!(bench.endpoint.counters().dropped, 2);
    assert_eq!(bench.endpoint.counters().received, 4);
}

#[test]
fn many_options_are_read() {
    let mut bench = Bench::server();
    // 500 zero-length elective options, all of number 2, then Uri-Path "r".
    let mut rest = vec![0x20];
    rest.resize(500, 0x00);
    rest.extend_from_slice(&[0x91, b'r']);
    bench.request(&message(Confirmable, Code::GET, 1, &rest));
}

#[test]
fn odd_path_segments_are_opaque() {
    let mut bench = Bench::server();
    bench.serve(b"a/%2E%2E/b", 9, 0);
    for segment in [&b".."[..], b"%2F", b"\xFF\xFE", b"R", b"r/"] {
        let mut rest = vec![0xB0 | segment.len() as u8];
        rest.extend_from_slice(segment);
        let datagram = message(Confirmable, Code::GET, 1, &rest);
        assert!(bench.receive(&datagram).is_none(), "{segment:?}");
        assert_eq!(view(&bench.sent_one()).code(), Code::NOT_FOUND);
    }
}

#[test]
fn two_servers_pointed_at_each_other_fall_silent() {
    let mut servers = [Bench::server(), Bench::server()];
    // What each would get from a forged request to the other, and everything it might answer.
    for first in [
        message(Confirmable, Code::GET, 1, PATH_R),
        message(NonConfirmable, Code::GET, 1, PATH_R),
        message(Confirmable, Code::GET, 1, &[0xB1, b'x']),
        message(NonConfirmable, Code::GET, 1, &[0xB1, b'x']),
        message(Confirmable, Code::GET, 1, &[0xFF]),
        message(Confirmable, Code::CONTENT, 1, &[]),
        message(Confirmable, Code::new(7, 1), 1, &[]),
        empty(Confirmable, 1),
    ] {
        let mut flying = vec![(0, first.clone())];
        let mut datagrams = 0;
        while let Some((to, datagram)) = flying.pop() {
            datagrams += 1;
            assert!(datagrams < 8, "{first:x?}");
            let server = &mut servers[to];
            if let Some(Event::Request { request, .. }) = server.receive(&datagram) {
                server.respond(request, b"x").unwrap();
            }
            flying.extend(server.sent().into_iter().map(|datagram| (1 - to, datagram)));
        }
        servers = [Bench::server(), Bench::server()];
    }
}
