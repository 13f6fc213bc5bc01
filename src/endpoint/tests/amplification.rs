// SPDX-License-Identifier: MIT
//! RFC 9175 section 2.4: what peers get that have not shown that they are where they say.
#![cfg(all(feature = "observe", feature = "block", feature = "discovery"))]

use super::observing::*;
use super::*;
use MessageType::{Confirmable, NonConfirmable};

/// A server whose responses are at most three times as long as requests.
fn limited() -> Bench {
    server_with(Parameters {
        amplification: 3,
        ..large_messages()
    })
}

fn limited_with_many_links() -> Bench {
    let mut bench = limited();
    assert!(bench.endpoint.resources().move_to(vec![0; 1024].leak()));
    for n in 0..20u8 {
        bench.serve(&[b'p', b'a', b't', b'h', b'a' + n], 20, 0);
    }
    bench
}

#[test]
fn links_count_for_amplification() {
    let mut bench = limited_with_many_links();
    let ask = |id| {
        Message::new(Confirmable, Code::GET, id)
            .option(OptionNumber::URI_PATH, b".well-known")
            .option(OptionNumber::URI_PATH, b"core")
    };
    let datagram = ask(2).bytes();
    assert_eq!(bench.receive(&datagram), None);
    let answer = bench.sent_one();
    assert!(
        answer.len() <= 3 * datagram.len(),
        "{} for {}",
        answer.len(),
        datagram.len()
    );
    assert_eq!(view(&answer).code(), Code::UNAUTHORIZED);
    let echo = view(&answer).first(OptionNumber::ECHO).unwrap().to_vec();
    bench.receive(&ask(3).option(OptionNumber::ECHO, &echo).bytes());
    assert_eq!(view(&bench.sent_one()).code(), Code::CONTENT);
}

#[test]
fn links_count_for_amplification_by_multicast() {
    let mut bench = limited_with_many_links();
    let datagram = Message::new(NonConfirmable, Code::GET, 2)
        .option(OptionNumber::URI_PATH, b".well-known")
        .option(OptionNumber::URI_PATH, b"core")
        .bytes();
    let peer = bench.peer;
    assert!(
        bench
            .endpoint
            .handle_multicast(&peer, &mut datagram.to_vec(), bench.now)
            .is_none()
    );
    bench.advance(5000);
    assert!(bench.sent().is_empty(), "nothing to multicast");
}

#[test]
fn observers_are_verified_before_they_are_told_much() {
    let mut bench = limited();
    let datagram = registration("n", 1, b"t").bytes();
    let request = bench.request(&datagram);
    bench.respond(request, b"0").unwrap();
    let mut bytes: usize = bench.sent().iter().map(Vec::len).sum();
    bench.endpoint.notify(N);
    while let Some(n) = bench.endpoint.poll_notification(bench.now) {
        let request = n.request;
        bench.respond(request, &[0; 500]).unwrap();
    }
    bytes += bench.sent().iter().map(Vec::len).sum::<usize>();
    assert!(
        bytes <= 3 * datagram.len(),
        "{bytes} for {}",
        datagram.len()
    );
}

#[test]
fn a_long_response_to_a_group_request_is_not_a_challenge() {
    let mut bench = limited();
    let datagram = Message::new(NonConfirmable, Code::GET, 1)
        .option(OptionNumber::URI_PATH, b"r")
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
    bench.respond(request, &[0; 200]).unwrap();
    bench.advance(5000);
    assert!(bench.sent().is_empty(), "RFC 7252 section 8.2: no error");
    assert_eq!(bench.endpoint.usage().requests, 0);
}

#[test]
fn a_repetition_shorter_than_its_request_gets_no_long_answer() {
    let mut bench = limited();
    let get = || Message::request(Code::GET, "r", 1);
    let long = get().option(OptionNumber(0xFFFE), &[0; 60]).bytes();
    let request = bench.request(&long);
    bench.respond(request, &[0; 100]).unwrap();
    let answer = bench.sent_one();
    bench.receive(&long);
    assert_eq!(bench.sent(), [answer]);
    bench.receive(&get().bytes());
    assert!(bench.sent().is_empty());
}

#[test]
fn what_was_challenged_is_not_done_when_it_comes_again() {
    for kind in [Confirmable, NonConfirmable] {
        let mut bench = limited();
        let post = |id| Message::new(kind, Code::POST, id).option(OptionNumber::URI_PATH, b"r");
        assert_eq!(bench.receive(&post(1).bytes()), None);
        let challenge = bench.sent_one();
        let echo = view(&challenge).first(OptionNumber::ECHO).unwrap();
        let request = bench.request(&post(2).option(OptionNumber::ECHO, echo).bytes());
        bench.respond(request, b"").unwrap();
        bench.sent();
        assert_eq!(bench.receive(&post(1).bytes()), None, "done twice");
        let again = bench.sent();
        match kind {
            Confirmable => assert_eq!(again, [challenge]),
            _ => assert!(again.is_empty()),
        }
    }
}

#[test]
fn what_has_effects_is_done_once_even_if_its_response_is_long() {
    let mut bench = limited();
    let mut done = 0;
    let mut echo: Option<Vec<u8>> = None;
    for id in 1..4u16 {
        let mut post = Message::request(Code::POST, "r", id);
        if let Some(echo) = &echo {
            post = post.option(OptionNumber::ECHO, echo);
        }
        if let Some(Event::Request { request, .. }) = bench.receive(&post.bytes()) {
            done += 1;
            bench.respond(request, &[0; 200]).unwrap();
        }
        let answer = bench.sent_one();
        if view(&answer).code() != Code::UNAUTHORIZED {
            break;
        }
        echo = view(&answer).first(OptionNumber::ECHO).map(<[u8]>::to_vec);
    }
    assert_eq!(done, 1);
}

#[test]
fn separate_responses_to_unverified_peers_are_not_repeated() {
    let mut bench = limited();
    let datagram = Message::request(Code::GET, "r", 1).bytes();
    let request = bench.request(&datagram);
    bench.endpoint.incoming_release(request);
    let mut bytes: usize = bench.sent().iter().map(Vec::len).sum();
    bench.respond(request, b"0123456789").unwrap();
    for _ in 0..6 {
        bytes += bench.sent().iter().map(Vec::len).sum::<usize>();
        bench.advance(50_000);
    }
    assert!(
        bytes <= 3 * datagram.len() + 4,
        "{bytes} for {}",
        datagram.len()
    );
}
