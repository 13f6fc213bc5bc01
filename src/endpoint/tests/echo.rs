// SPDX-License-Identifier: MIT
//! Echo, RFC 9175 section 2.
#![cfg(feature = "block")]

use super::*;
use crate::echo::EchoKey;
use crate::resource::FRESH;
use MessageType::{Acknowledgement, Confirmable};

const ECHO: OptionNumber = OptionNumber::ECHO;

fn server(parameters: Parameters) -> Bench {
    let mut bench = Bench::server_with(parameters);
    bench
        .endpoint
        .set_key(EchoKey::new([1, 2, 3, 4, 5, 6, 7, 8]));
    bench.serve(b"door", 7, FRESH);
    bench
}

/// The Echo value of the 4.01 that is there to be sent.
fn challenge(bench: &mut Bench) -> Vec<u8> {
    let answer = bench.sent_one();
    assert_eq!(view(&answer).code(), Code::UNAUTHORIZED);
    assert_eq!(view(&answer).kind(), Acknowledgement);
    view(&answer).first(ECHO).unwrap().to_vec()
}

#[test]
fn a_resource_may_want_fresh_requests() {
    let mut bench = server(Parameters::default());
    let open = |id: u16| Message::request(Code::PUT, "door", id);
    assert_eq!(bench.receive(&open(1).bytes()), None);
    let echo = challenge(&mut bench);
    bench.request(&open(2).option(ECHO, &echo).bytes());
    // Forged, from somebody else, or too old.
    let mut forged = echo.clone();
    forged[0] ^= 1;
    assert_eq!(bench.receive(&open(3).option(ECHO, &forged).bytes()), None);
    challenge(&mut bench);
    let moved = open(4).option(ECHO, &echo).bytes();
    assert_eq!(bench.receive_from(2, &moved), None);
    challenge(&mut bench);
    bench.now = bench.now.after(60_000);
    assert_eq!(bench.receive(&open(5).option(ECHO, &echo).bytes()), None);
    challenge(&mut bench);
}

#[test]
fn the_echo_value_always_has_room() {
    for free in 0..40 {
        let mut bench = server(small_store());
        fill_store(&mut bench, free);
        let open = Message::request(Code::PUT, "door", 1);
        assert_eq!(bench.receive(&open.bytes()), None);
        challenge(&mut bench);
    }
}

#[test]
fn a_client_answers_the_challenge_once() {
    let mut bench = Bench::new();
    let endpoint = &mut bench.endpoint;
    endpoint
        .exchange_begin(Confirmable, Code::PUT, None, [9; 8])
        .unwrap();
    endpoint.draft_add(Part::Path(b"door")).unwrap();
    endpoint.draft_add(Part::Payload(b"open")).unwrap();
    let exchange = endpoint
        .exchange_send(&bench.peer, bench.now)
        .unwrap()
        .exchange;
    let first = bench.sent_one();
    let asked = |to: &[u8]| {
        Message::answer(to, Code::UNAUTHORIZED)
            .option(ECHO, b"value")
            .bytes()
    };
    assert_eq!(bench.receive(&asked(&first)), None);
    let second = bench.sent_one();
    assert_ne!(view(&first).id(), view(&second).id());
    assert_eq!(view(&second).first(ECHO), Some(&b"value"[..]));
    assert_eq!(view(&second).payload(), b"open");
    assert_eq!(
        view(&second).first(OptionNumber::URI_PATH),
        Some(&b"door"[..])
    );
    let event = bench.receive(&asked(&second));
    assert_eq!(event, Some(Event::Response(exchange)), "once is enough");
    assert_eq!(bench.endpoint.usage(), Usage::default());
}

#[test]
fn long_responses_go_to_peers_that_are_where_they_say() {
    let mut bench = server(Parameters {
        amplification: 3,
        ..large_messages()
    });
    let get = |id: u16| Message::request(Code::GET, "r", id);
    let request = bench.request(&get(1).bytes());
    bench.respond(request, &[0; 8]).unwrap();
    assert_eq!(
        view(&bench.sent_one()).code(),
        Code::CONTENT,
        "short enough"
    );
    let datagram = get(2).bytes();
    let request = bench.request(&datagram);
    bench.respond(request, &[0; 200]).unwrap();
    let echo = challenge(&mut bench);
    assert_eq!(bench.receive(&datagram), None, "a repetition");
    challenge(&mut bench);
    let request = bench.request(&get(3).option(ECHO, &echo).bytes());
    bench.respond(request, &[0; 200]).unwrap();
    assert_eq!(view(&bench.sent_one()).payload().len(), 200);
    // From now on it is known.
    let request = bench.request(&get(4).bytes());
    bench.respond(request, &[0; 200]).unwrap();
    assert_eq!(view(&bench.sent_one()).payload().len(), 200);
    assert_eq!(bench.endpoint.usage().requests, 0);
}
