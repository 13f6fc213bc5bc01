// SPDX-License-Identifier: MIT
//! Peers that answer in ways that RFC 7252 does not describe, or not in this place, but that are clear.

use super::*;
use MessageType::{Acknowledgement, Confirmable, NonConfirmable, Reset};

fn ping(bench: &mut Bench) -> Sent {
    bench
        .endpoint
        .exchange_begin(Confirmable, Code::EMPTY, None, [0; 8])
        .unwrap();
    let sent = bench
        .endpoint
        .exchange_send(&bench.peer, bench.now)
        .unwrap();
    bench.sent_one();
    sent
}

/// An ACK without a token.
fn bare_ack(code: Code, id: u16) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    vec![0x60, code.0, high, low]
}

#[test]
fn any_ack_or_rst_with_its_message_id_answers_a_ping() {
    let mut bench = Bench::new();
    for code in [
        Code::EMPTY,
        Code::NOT_FOUND,
        Code::METHOD_NOT_ALLOWED,
        Code::GET,
    ] {
        let sent = ping(&mut bench);
        let other = bare_ack(code, sent.id.0 ^ 1);
        assert_eq!(bench.receive(&other), None);
        let answer = bare_ack(code, sent.id.0);
        assert_eq!(bench.receive(&answer), Some(Event::Pong(sent.exchange)));
        assert!(bench.is_idle(), "{code:?}");
    }
    let sent = ping(&mut bench);
    let answer = empty(Reset, sent.id.0);
    assert_eq!(bench.receive(&answer), Some(Event::Pong(sent.exchange)));
}

#[test]
fn a_ping_that_was_answered_oddly_holds_nothing_back() {
    let mut bench = Bench::new();
    let sent = ping(&mut bench);
    bench.get(Confirmable, b"t").unwrap();
    assert!(bench.sent().is_empty());
    bench.receive(&bare_ack(Code::METHOD_NOT_ALLOWED, sent.id.0));
    assert_eq!(view(&bench.sent_one()).code(), Code::GET);
}

#[test]
fn any_ack_acknowledges_a_separate_response() {
    for code in [Code::EMPTY, Code::CONTENT, Code::NOT_FOUND, Code::GET] {
        let mut bench = Bench::server();
        let request = bench.request(&message(Confirmable, Code::GET, 1, PATH_R));
        bench.endpoint.incoming_release(request);
        bench.sent_one();
        bench.respond(request, b"x").unwrap();
        let response = bench.sent_one();
        assert_eq!(view(&response).kind(), Confirmable);
        bench.receive(&bare_ack(code, view(&response).id().0));
        assert_eq!(bench.endpoint.usage().transmissions, 0, "{code:?}");
    }
}

#[test]
fn a_non_confirmable_request_may_be_answered_in_an_ack() {
    let mut bench = Bench::new();
    for wait in [0, 10_000] {
        let sent = bench.get(NonConfirmable, b"t").unwrap();
        let request = bench.sent_one();
        bench.advance(wait);
        let answer = Message::answer(&request, Code::CONTENT).token(b"u").bytes();
        assert_eq!(bench.receive(&answer), None, "another token");
        let answer = Message::answer(&request, Code::CONTENT).bytes();
        assert_eq!(bench.receive_from(2, &answer), None, "another peer");
        let response = Some(Event::Response(sent.exchange));
        assert_eq!(bench.receive(&answer), response);
        assert_eq!(bench.receive(&answer), None, "once");
    }
    // An Empty ACK says nothing.
    bench.get(NonConfirmable, b"t").unwrap();
    let request = bench.sent_one();
    let ack = empty(Acknowledgement, view(&request).id().0);
    assert_eq!(bench.receive(&ack), None);
    assert_eq!(bench.endpoint.usage().exchanges, 1);
}

#[test]
fn a_response_in_a_second_ack_counts() {
    let mut bench = Bench::new();
    let sent = bench.get(Confirmable, b"t").unwrap();
    let request = bench.sent_one();
    bench.receive(&empty(Acknowledgement, view(&request).id().0));
    let answer = Message::answer(&request, Code::CONTENT).bytes();
    let response = Some(Event::Response(sent.exchange));
    assert_eq!(bench.receive(&answer), response);
}

#[test]
fn a_response_of_class_3_is_one() {
    let mut bench = Bench::new();
    for kind in [Confirmable, NonConfirmable, Acknowledgement] {
        let sent = bench.get(Confirmable, b"t").unwrap();
        let request = bench.sent_one();
        let id = match kind {
            Acknowledgement => view(&request).id().0,
            _ => kind as u16,
        };
        let answer = message(kind, Code::new(3, 1), id, &[]);
        let response = Some(Event::Response(sent.exchange));
        assert_eq!(bench.receive(&answer), response, "{kind:?}");
        bench.sent();
    }
}

#[test]
fn a_client_that_has_started_anew_is_not_taken_for_its_old_self() {
    let mut bench = Bench::server();
    let get = |token: &[u8], path: &str| {
        let request = Message::request(Code::GET, path, 7).token(token);
        request.bytes()
    };
    let first = bench.request(&get(b"old", "r"));
    bench.respond(first, b"of r").unwrap();
    let old = bench.sent_one();
    let second = bench.request(&get(b"new", "g"));
    bench.respond(second, b"of g").unwrap();
    let new = bench.sent_one();
    assert_eq!(view(&new).token().as_slice(), b"new");
    assert_eq!(view(&new).payload(), b"of g");
    // Repetitions of both are known.
    assert_eq!(bench.receive(&get(b"old", "r")), None);
    assert_eq!(bench.sent_one(), old);
    assert_eq!(bench.receive(&get(b"new", "g")), None);
    assert_eq!(bench.sent_one(), new);
    // Nor is another method the same message.
    let put = Message::request(Code::PUT, "r", 7).token(b"old").bytes();
    bench.request(&put);
}

#[test]
fn of_two_requests_with_one_message_id_the_latest_is_answered() {
    let mut bench = Bench::server();
    let get = |token: &[u8]| Message::request(Code::GET, "r", 7).token(token).bytes();
    bench.request(&get(b"old"));
    let new = bench.request(&get(b"new"));
    let found = bench
        .endpoint
        .incoming_find(&bench.peer, Some(MessageId(7)), None);
    assert_eq!(found, Some(new));
}

#[test]
fn a_single_empty_segment_is_the_root() {
    let mut bench = Bench::server();
    let root = [0x41, 0x01, 0x00, 0x32, 0x62, 0xB0];
    match bench.receive(&root) {
        Some(Event::Request { resource, .. }) => assert_eq!(resource, 3),
        other => panic!("{other:?}"),
    }
}
