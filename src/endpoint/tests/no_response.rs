// SPDX-License-Identifier: MIT
//! RFC 7967.
#![cfg(all(feature = "observe", feature = "block", feature = "discovery"))]

use super::*;
use MessageType::{Acknowledgement, Confirmable, NonConfirmable};

#[test]
fn no_response_overrides_the_silence_of_a_group() {
    // RFC 7967 section 2.1
    for (value, code, wanted) in [
        (0, Code::NOT_FOUND, true),
        (2, Code::NOT_FOUND, true),
        (8, Code::NOT_FOUND, false),
        (8, Code::INTERNAL_SERVER_ERROR, true),
        (26, Code::INTERNAL_SERVER_ERROR, false),
    ] {
        let mut bench = Bench::server();
        let datagram = Message::new(NonConfirmable, Code::GET, 1)
            .option(OptionNumber::URI_PATH, b"r")
            .uint(OptionNumber::NO_RESPONSE, value)
            .bytes();
        let peer = bench.peer;
        let Some(Received {
            event: Event::Request { request, .. },
            ..
        }) = bench
            .endpoint
            .handle_multicast(&peer, &mut datagram.to_vec(), bench.now)
        else {
            panic!()
        };
        bench.endpoint.response_begin(request, true, code).unwrap();
        bench.endpoint.response_send(bench.now).unwrap();
        bench.advance(5000);
        assert_eq!(bench.sent().len(), usize::from(wanted), "{value} {code:?}");
    }
}

#[test]
fn refusals_heed_no_response_too() {
    for kind in [Confirmable, NonConfirmable] {
        let mut bench = Bench::server();
        let datagram = Message::new(kind, Code::PUT, 7)
            .option(OptionNumber::URI_PATH, b"nowhere")
            .uint(OptionNumber::NO_RESPONSE, 26)
            .bytes();
        assert_eq!(bench.receive(&datagram), None);
        let sent = bench.sent();
        if kind == Confirmable {
            assert_eq!(sent, [empty(Acknowledgement, 7)]);
        } else {
            assert!(sent.is_empty(), "{sent:?}");
        }
    }
}

#[test]
fn a_confirmable_request_that_is_not_acknowledged_has_failed_whatever_response_it_wants() {
    let mut bench = Bench::new();
    let endpoint = &mut bench.endpoint;
    endpoint
        .exchange_begin(Confirmable, Code::PUT, None, [9; 8])
        .unwrap();
    endpoint
        .draft_add(Part::Option(OptionNumber::NO_RESPONSE, &[2]))
        .unwrap();
    endpoint.exchange_send(&bench.peer, bench.now).unwrap();
    for _ in 0..5 {
        bench.sent();
        bench.advance_to_timeout();
    }
    let ended = bench.endpoint.poll_event(bench.now).unwrap();
    assert_eq!(ended.failure, Failure::Timeout, "the peer is dead");
}
