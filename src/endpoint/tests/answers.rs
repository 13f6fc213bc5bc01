// SPDX-License-Identifier: MIT
//! Every request that was acknowledged is answered: with what the handler says, with an error if that cannot be sent, and
//! in time.

use super::*;
use crate::config::{DEDUPLICATION, REQUESTS, TRANSMISSIONS};
use MessageType::{Acknowledgement, Confirmable, NonConfirmable};

fn get(kind: MessageType, id: u16, token: &[u8]) -> Vec<u8> {
    Message::new(kind, Code::GET, id)
        .token(token)
        .option(OptionNumber::URI_PATH, b"r")
        .bytes()
}

/// A response that is longer than a message may be.
fn say_too_much(bench: &mut Bench, request: Handle) {
    let long = vec![0; bench.endpoint.parameters().max_message as usize];
    let endpoint = &mut bench.endpoint;
    endpoint
        .response_begin(request, true, Code::CONTENT)
        .unwrap();
    let added = endpoint.draft_add(Part::Payload(&long));
    assert_eq!(added, Err(DraftError::TooLarge));
}

#[test]
fn what_cannot_be_sent_is_5_00_when_the_handler_has_returned() {
    for kind in [Confirmable, NonConfirmable] {
        let mut bench = Bench::server();
        let request = bench.request(&get(kind, 1, b"t"));
        say_too_much(&mut bench, request);
        assert!(bench.sent().is_empty(), "it may say something else");
        bench.endpoint.incoming_release(request);
        assert_eq!(bench.endpoint.poll_timeout(bench.now), Some(0));
        bench.advance(0);
        let answer = bench.sent_one();
        assert_eq!(view(&answer).code(), Code::INTERNAL_SERVER_ERROR);
        let piggybacked = view(&answer).kind() == Acknowledgement;
        assert_eq!(piggybacked, kind == Confirmable);
        assert_eq!(bench.endpoint.usage().requests, 0);
        assert_ne!(bench.endpoint.poll_timeout(bench.now), Some(0));
    }
}

#[test]
fn a_shorter_answer_after_one_that_is_too_long_is_sent() {
    let mut bench = Bench::server();
    let request = bench.request(&get(Confirmable, 1, b"t"));
    say_too_much(&mut bench, request);
    bench.respond(request, b"short").unwrap();
    bench.endpoint.incoming_release(request);
    bench.advance(0);
    assert_eq!(view(&bench.sent_one()).payload(), b"short");
}

#[test]
fn a_late_answer_that_cannot_be_sent_is_5_00_too() {
    let mut bench = Bench::server();
    let request = bench.request(&get(Confirmable, 1, b"t"));
    bench.endpoint.incoming_release(request);
    assert_eq!(bench.sent_one(), empty(Acknowledgement, 1));
    say_too_much(&mut bench, request);
    bench.advance(0);
    let answer = bench.sent_one();
    assert_eq!(view(&answer).code(), Code::INTERNAL_SERVER_ERROR);
    assert_eq!(view(&answer).kind(), Confirmable);
}

#[test]
fn answers_do_not_wait_for_a_peer_that_acknowledges_nothing() {
    let mut bench = Bench::server();
    for id in 1..=3 {
        let request = bench.request(&get(Confirmable, id, &[id as u8]));
        bench.endpoint.incoming_release(request);
        bench.sent_one();
        bench.respond(request, b"x").unwrap();
        let answer = bench.sent_one();
        let kind = if id == 1 { Confirmable } else { NonConfirmable };
        assert_eq!(view(&answer).kind(), kind);
        assert_eq!(view(&answer).token().as_slice(), [id as u8]);
    }
}

#[test]
fn answers_do_not_wait_for_requests_of_our_own() {
    let mut bench = Bench::server();
    bench.get(Confirmable, b"own").unwrap();
    bench.sent_one();
    let request = bench.request(&get(Confirmable, 1, b"t"));
    bench.endpoint.incoming_release(request);
    bench.sent_one();
    bench.respond(request, b"x").unwrap();
    let answer = bench.sent_one();
    assert_eq!(view(&answer).kind(), NonConfirmable);
}

#[test]
fn answers_do_not_wait_for_room_among_requests_of_our_own() {
    let mut bench = Bench::server_with(Parameters {
        message_store: 65_535,
        ..Default::default()
    });
    let asker = bench.peer;
    let request = bench.request(&get(Confirmable, 1, b"t"));
    bench.endpoint.incoming_release(request);
    for n in 0..TRANSMISSIONS as u32 {
        bench.peer = peer(2 + n % 4);
        bench.get(Confirmable, &[n as u8]).unwrap();
    }
    bench.sent();
    assert_eq!(bench.endpoint.usage().transmissions, TRANSMISSIONS);
    bench.peer = asker;
    bench.respond(request, b"x").unwrap();
    assert_eq!(view(&bench.sent_one()).kind(), NonConfirmable);
}

#[test]
fn a_token_used_again_ends_the_response_that_had_it() {
    let mut bench = Bench::server();
    for id in 1..=3 {
        let request = bench.request(&get(Confirmable, id, b"t"));
        bench.endpoint.incoming_release(request);
        bench.sent_one();
        bench.respond(request, b"x").unwrap();
        let answer = bench.sent_one();
        assert_eq!(view(&answer).kind(), Confirmable, "nothing is outstanding");
        assert_eq!(bench.endpoint.usage().transmissions, 1);
    }
}

#[test]
fn a_flood_makes_no_pending_request_run_twice() {
    let mut bench = Bench::server();
    let request = get(Confirmable, 1, b"t");
    let pending = bench.request(&request);
    bench.endpoint.incoming_release(pending);
    bench.sent_one();
    for id in 0..2 * DEDUPLICATION as u16 {
        let other = bench.receive_from(2, &get(Confirmable, id, b"f"));
        let Some(Event::Request { request, .. }) = other else {
            panic!("{other:?}");
        };
        bench.respond(request, b"y").unwrap();
        bench.sent();
    }
    assert_eq!(bench.receive(&request), None, "its handler has it");
    assert_eq!(bench.sent_one(), empty(Acknowledgement, 1));
    bench.respond(pending, b"x").unwrap();
    assert_eq!(view(&bench.sent_one()).payload(), b"x");
    const { assert!(REQUESTS < DEDUPLICATION) };
}
