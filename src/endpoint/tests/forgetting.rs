// SPDX-License-Identifier: MIT
//! What ends with a peer, RFC 7252 section 9.1.1.
#![cfg(all(feature = "observe", feature = "block", feature = "discovery"))]

use super::observing::*;
use super::*;
use crate::message::peer::SESSION_FAMILY;
use MessageType::{Confirmable, NonConfirmable};

#[test]
fn requests_to_a_peer_that_is_removed_end_as_if_reset_and_others_go_on() {
    let mut bench = Bench::with(Parameters {
        nstart: 4,
        ..large_messages()
    });
    let mine = bench.get(Confirmable, b"a").unwrap();
    let unanswered = bench.get(NonConfirmable, b"b").unwrap();
    let lost = bench.peer;
    bench.peer = peer(77);
    let other = bench.get(Confirmable, b"c").unwrap();
    let request = bench.sent().remove(2);
    bench.endpoint.peer_remove(&lost, bench.now);
    assert_eq!(bench.endpoint.poll_timeout(bench.now), Some(0));
    let mut ended = Vec::new();
    while let Some(end) = bench.endpoint.poll_event(bench.now) {
        assert_eq!(end.peer, &lost);
        ended.push((end.exchange, end.failure));
    }
    ended.sort_by_key(|(exchange, _)| *exchange == unanswered.exchange);
    assert_eq!(
        ended,
        [
            (mine.exchange, Failure::Reset),
            (unanswered.exchange, Failure::Reset)
        ]
    );
    let answer = Message::answer(&request, Code::CONTENT).bytes();
    assert!(
        matches!(bench.receive(&answer), Some(Event::Response(exchange)) if exchange == other.exchange)
    );
    assert!(bench.is_idle());
    bench.advance(100_000);
    assert!(bench.sent().is_empty());
    // Nor is anything left to remove.
    bench.endpoint.peer_remove(&lost, bench.now);
    bench.endpoint.peer_remove(&peer(78), bench.now);
    assert!(bench.endpoint.poll_event(bench.now).is_none());
}

#[test]
fn a_peer_that_is_removed_observes_no_more_and_is_owed_no_answer() {
    let mut bench = server();
    register(&mut bench, "o", 1, b"t");
    let handle = bench.request(&Message::request(Code::GET, "n", 2).bytes());
    let upload = Message::request(Code::PUT, "o", 3)
        .block(BLOCK1, 0, true, 2)
        .payload(&[0; 64]);
    bench.receive(&upload.bytes());
    let removed = bench.peer;
    let before = bench.endpoint.usage();
    bench.endpoint.peer_remove(&removed, bench.now);
    let after = bench.endpoint.usage();
    assert_eq!((before.observers, before.bodies), (1, 1));
    assert_eq!((after.observers, after.bodies), (0, 0));
    bench.sent();
    assert!(notify(&mut bench, O, b"1").is_empty());
    let late = bench.endpoint.response_begin(handle, true, Code::CONTENT);
    assert!(late.is_err());
}

#[test]
fn what_we_observe_at_a_peer_that_is_removed_has_ended() {
    let mut bench = Bench::new();
    let (exchange, _) = observing(&mut bench, 60);
    let removed = bench.peer;
    bench.endpoint.peer_remove(&removed, bench.now);
    let ended = bench.endpoint.poll_event(bench.now).unwrap();
    assert_eq!((ended.exchange, ended.failure), (exchange, Failure::Reset));
    bench.advance(100_000);
    assert!(bench.sent().is_empty());
}

#[test]
fn who_has_a_session_has_shown_its_address_until_it_moves() {
    for amplification in [0, 3] {
        who_has_a_session(amplification);
    }
}

fn who_has_a_session(amplification: u32) {
    let mut bench = server_with(Parameters {
        amplification,
        ..large_messages()
    });
    let refused = Code::UNAUTHORIZED;
    let steps = [
        (
            4,
            false,
            if amplification == 0 {
                Code::CONTENT
            } else {
                refused
            },
        ),
        (SESSION_FAMILY, false, Code::CONTENT),
        (SESSION_FAMILY, true, refused),
    ];
    for (id, (first, moves, code)) in (1..).zip(steps) {
        bench.peer = PeerAddr::new(&[first, 0, 1, 0]).unwrap();
        if moves {
            bench.endpoint.peer_moved(&bench.peer);
        }
        let request = Message::request(Code::GET, "o", id).bytes();
        if let Some(Event::Request { request, .. }) = bench.receive(&request) {
            bench.respond(request, &[0; 500]).unwrap();
        }
        assert_eq!(view(&bench.sent_one()).code(), code);
    }
}
