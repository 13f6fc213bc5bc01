// SPDX-License-Identifier: MIT
//! Multicast, RFC 7252 section 8.

use super::*;
use crate::wire::ip;
use MessageType::{Confirmable, NonConfirmable};

fn to_group(bench: &mut Bench, datagram: &[u8]) -> Option<Event> {
    let peer = bench.peer;
    let mut datagram = datagram.to_vec();
    let received = bench
        .endpoint
        .handle_multicast(&peer, &mut datagram, bench.now);
    received.map(|received| received.event)
}

fn non(code: Code, path: &str, id: u16) -> Message {
    Message::new(NonConfirmable, code, id).option(OptionNumber::URI_PATH, path.as_bytes())
}

#[test]
fn a_response_to_a_group_request_waits_for_its_leisure() {
    let mut delays = Vec::new();
    let mut bench = Bench::server();
    for id in 0..30 {
        let event = to_group(&mut bench, &non(Code::GET, "r", id).bytes());
        let Some(Event::Request { request, .. }) = event else {
            panic!("{event:?}");
        };
        bench.respond(request, b"here").unwrap();
        assert!(bench.sent().is_empty());
        delays.push(bench.advance_to_timeout().unwrap());
        let answer = bench.sent_one();
        assert_eq!(
            (view(&answer).kind(), view(&answer).payload()),
            (NonConfirmable, &b"here"[..])
        );
        assert_eq!(bench.endpoint.usage().transmissions, 0);
    }
    assert!(delays.iter().all(|&delay| delay <= 5000), "{delays:?}");
    assert!(delays.iter().any(|&delay| delay > 2500), "{delays:?}");
    assert!(delays.iter().any(|&delay| delay < 2500), "{delays:?}");
}

#[test]
fn errors_are_not_sent_to_a_group_request() {
    let mut bench = Bench::server();
    let silent = |bench: &mut Bench, datagram: &[u8]| {
        assert_eq!(to_group(bench, datagram), None, "{datagram:?}");
        for _ in 0..3 {
            bench.advance(5000);
        }
        assert!(bench.sent().is_empty(), "{datagram:?}");
    };
    silent(&mut bench, &non(Code::GET, "nowhere", 1).bytes());
    silent(&mut bench, &non(Code::PUT, "g", 2).bytes());
    silent(
        &mut bench,
        &non(Code::GET, "r", 3)
            .option(OptionNumber(65001), b"")
            .bytes(),
    );
    // RFC 7252 section 8.1: not confirmable, and neither responses nor Empty messages.
    silent(&mut bench, &Message::request(Code::GET, "r", 4).bytes());
    silent(&mut bench, &empty(Confirmable, 5));
    silent(
        &mut bench,
        &Message::new(Confirmable, Code::CONTENT, 6).bytes(),
    );
    silent(&mut bench, &[0x4F, 1, 2, 3]);
    let event = to_group(&mut bench, &non(Code::GET, "r", 7).bytes());
    let Some(Event::Request { request, .. }) = event else {
        panic!("{event:?}");
    };
    bench
        .endpoint
        .response_begin(request, true, Code::NOT_FOUND)
        .unwrap();
    bench.endpoint.response_send(bench.now).unwrap();
    bench.advance(5000);
    assert!(bench.sent().is_empty());
    assert_eq!(bench.endpoint.usage().requests, 0);
}

#[cfg(feature = "discovery")]
#[test]
fn links_go_to_a_group_request_if_there_are_any() {
    let mut bench = Bench::server();
    for (id, query, answers) in [(1, "href=/r", 1), (2, "rt=nothing", 0)] {
        let ask = non(Code::GET, ".well-known", id)
            .option(OptionNumber::URI_PATH, b"core")
            .option(OptionNumber::URI_QUERY, query.as_bytes())
            .bytes();
        assert_eq!(to_group(&mut bench, &ask), None);
        assert!(bench.sent().is_empty());
        bench.advance(5000);
        let sent = bench.sent();
        assert_eq!(sent.len(), answers);
        assert!(sent.iter().all(|answer| view(answer).payload() == b"</r>"));
    }
}

/// All CoAP Nodes, RFC 7252 section 12.8.
fn all_nodes() -> PeerAddr {
    PeerAddr::new(&[4, 224, 0, 1, 187, 0x16, 0x33]).unwrap()
}

fn ask_group(bench: &mut Bench, kind: MessageType) -> Result<Sent, RequestError> {
    bench
        .endpoint
        .exchange_begin(kind, Code::GET, Token::new(b"tok"), [9; 8])
        .unwrap();
    bench.endpoint.draft_add(Part::Path(b"r")).unwrap();
    bench.endpoint.exchange_send(&all_nodes(), bench.now)
}

#[test]
fn any_number_of_peers_may_answer_until_the_time_is_up() {
    let mut bench = Bench::new();
    let exchange = ask_group(&mut bench, NonConfirmable).unwrap().exchange;
    assert!(
        bench
            .endpoint
            .exchange_limit(exchange, bench.now.after(6000))
    );
    assert_eq!(bench.sent().len(), 1);
    let answer = |id| {
        Message::new(NonConfirmable, Code::CONTENT, id)
            .token(b"tok")
            .bytes()
    };
    for peer in 1..=3 {
        let event = bench.receive_from(peer, &answer(7));
        assert_eq!(event, Some(Event::Notification(exchange)), "{peer}");
        assert_eq!(bench.receive_from(peer, &answer(7)), None, "a duplicate");
    }
    let stranger = Message::new(NonConfirmable, Code::CONTENT, 8)
        .token(b"other")
        .bytes();
    assert_eq!(bench.receive_from(4, &stranger), None);
    bench.advance(5999);
    assert_eq!(bench.endpoint.poll_event(bench.now), None);
    bench.advance(1);
    let ended = bench.endpoint.poll_event(bench.now).unwrap();
    assert_eq!((ended.exchange, ended.failure), (exchange, Failure::Silent));
    assert_eq!(bench.receive_from(5, &answer(9)), None, "too late");
    assert_eq!(bench.endpoint.usage().exchanges, 0);
}

#[test]
fn confirmable_requests_do_not_go_to_a_group() {
    let mut bench = Bench::new();
    assert_eq!(ask_group(&mut bench, Confirmable), Err(RequestError::Group));
    assert_eq!(bench.endpoint.usage(), Usage::default());
}

#[test]
fn groups_are_known_by_their_addresses() {
    for (text, group) in [
        (&b"224.0.1.187"[..], true),
        (b"239.255.255.255", true),
        (b"223.255.255.255", false),
        (b"240.0.0.1", false),
        (b"127.0.0.1", false),
        (b"ff02::fd", true),
        (b"fe80::1", false),
    ] {
        let mut peer = [0; 19];
        if let Some(len) = ip::peer_from_text(text, 5683, &mut peer) {
            assert_eq!(ip::is_multicast(&peer[..len]), group, "{text:?}");
        }
    }
    assert!(!ip::is_multicast(&[]));
    assert!(!ip::is_multicast(&[0, 0xFF, 0xE0]));
}

#[test]
fn no_response_is_sent_that_is_not_wanted() {
    // RFC 7967 section 2.1: 2, 8 and 16 for the classes 2, 4 and 5.
    for (value, code, wanted) in [
        (2, Code::CONTENT, false),
        (2, Code::NOT_FOUND, true),
        (8, Code::NOT_FOUND, false),
        (8, Code::CONTENT, true),
        (16, Code::INTERNAL_SERVER_ERROR, false),
        (16, Code::CONTENT, true),
        (26, Code::CONTENT, false),
        (0, Code::CONTENT, true),
    ] {
        for kind in [Confirmable, NonConfirmable] {
            let mut bench = Bench::server();
            let datagram = Message::new(kind, Code::GET, 7)
                .option(OptionNumber::URI_PATH, b"r")
                .uint(OptionNumber::NO_RESPONSE, value)
                .bytes();
            let request = bench.request(&datagram);
            bench.endpoint.response_begin(request, true, code).unwrap();
            bench.endpoint.response_send(bench.now).unwrap();
            let sent = bench.sent();
            let expected = match (wanted, kind) {
                (true, _) => view(&sent[0]).code() == code,
                (false, Confirmable) => sent == [empty(MessageType::Acknowledgement, 7)],
                (false, _) => sent.is_empty(),
            };
            assert!(expected, "{value} {code:?} {sent:?}");
            assert_eq!(bench.endpoint.usage().requests, 0);
            assert_eq!(bench.receive(&datagram), None, "a repetition");
            assert_eq!(bench.sent().len(), usize::from(kind == Confirmable));
        }
    }
}

#[test]
fn a_request_that_wants_no_response_is_over_at_once() {
    for (value, at_once) in [(26, true), (2, false)] {
        for kind in [Confirmable, NonConfirmable] {
            let mut bench = Bench::new();
            let endpoint = &mut bench.endpoint;
            endpoint
                .exchange_begin(kind, Code::POST, None, [9; 8])
                .unwrap();
            let option = Part::Option(OptionNumber::NO_RESPONSE, &[value]);
            endpoint.draft_add(option).unwrap();
            let exchange = endpoint
                .exchange_send(&bench.peer, bench.now)
                .unwrap()
                .exchange;
            let request = bench.sent_one();
            if kind == Confirmable {
                bench.receive(&empty(MessageType::Acknowledgement, view(&request).id().0));
            }
            let mut ended = bench
                .endpoint
                .poll_event(bench.now)
                .map(|ended| ended.failure);
            assert_eq!(ended.is_some(), at_once, "{value} {kind:?}");
            if !at_once {
                // It may still fail, so the response is waited for; silence is no failure.
                bench
                    .endpoint
                    .exchange_limit(exchange, bench.now.after(9000));
                bench.advance(9000);
                ended = bench
                    .endpoint
                    .poll_event(bench.now)
                    .map(|ended| ended.failure);
            }
            assert_eq!(ended, Some(Failure::Silent));
            bench.advance(10_000);
            assert_eq!(bench.endpoint.usage(), Usage::default());
        }
    }
}
