// SPDX-License-Identifier: MIT
//! What an endpoint passes to a program, and what it refuses because nobody would enforce it: RFC 7252 sections 5.4.1,
//! 5.5 and 5.10.

use super::*;
use crate::config::{UNDERSTOOD_IN_REQUESTS, UNDERSTOOD_IN_RESPONSES};
use crate::wire::option::Understood;
use MessageType::{Confirmable, NonConfirmable};

fn understands(bench: &mut Bench, numbers: [u16; UNDERSTOOD_IN_REQUESTS]) {
    let resource = Resource {
        number: 7,
        methods: 0xFE,
        understood: Understood::new(numbers),
        ..Default::default()
    };
    bench.endpoint.resources().add(b"u", &resource).unwrap();
}

fn put(path: &str, id: u16, option: u16, value: &[u8]) -> Vec<u8> {
    Message::request(Code::PUT, path, id)
        .option(OptionNumber(option), value)
        .bytes()
}

#[test]
fn conditions_are_refused_unless_the_handler_deals_with_them() {
    let mut bench = Bench::server();
    understands(&mut bench, [1, 5, 0, 0]);
    for (id, option, value) in [(1, 1, &b"v1"[..]), (2, 5, b""), (3, 1, b"")] {
        assert_eq!(bench.receive(&put("r", id, option, value)), None);
        let refusal = bench.sent_one();
        assert_eq!(view(&refusal).code(), Code::BAD_OPTION);
        bench.request(&put("u", 100 + id, option, value));
        bench.endpoint.reset();
    }
    // What is understood has to be well-formed all the same.
    let long = put("u", 200, 1, b"nine byte");
    assert_eq!(bench.receive(&long), None);
    assert_eq!(view(&bench.sent_one()).code(), Code::BAD_OPTION);
}

#[test]
fn a_handler_may_understand_options_of_its_own() {
    let mut bench = Bench::server();
    understands(&mut bench, [0xFDE9, 0, 0, 0]);
    bench.request(&put("u", 1, 0xFDE9, b"x"));
    assert_eq!(bench.receive(&put("u", 2, 0xFDEB, b"x")), None);
    assert_eq!(view(&bench.sent_one()).code(), Code::BAD_OPTION);
    assert_eq!(bench.receive(&put("r", 3, 0xFDE9, b"x")), None);
    assert_eq!(view(&bench.sent_one()).code(), Code::BAD_OPTION);
}

#[test]
fn a_client_may_understand_options_of_a_response() {
    for understood in [true, false] {
        let mut bench = Bench::new();
        bench
            .endpoint
            .exchange_begin(Confirmable, Code::GET, Token::new(b"t"), [9; 8])
            .unwrap();
        if understood {
            for number in [0xFDE9, 0xFDEB] {
                let added = bench.endpoint.draft_understand(OptionNumber(number));
                assert_eq!(added, Ok(()));
            }
        }
        let exchange = bench
            .endpoint
            .exchange_send(&bench.peer, bench.now)
            .unwrap()
            .exchange;
        let request = bench.sent_one();
        let answer = Message::answer(&request, Code::CONTENT).option(OptionNumber(0xFDE9), b"x");
        let expected = understood.then_some(Event::Response(exchange));
        assert_eq!(bench.receive(&answer.bytes()), expected);
    }
}

#[test]
fn a_client_understands_so_many_and_no_more() {
    let mut bench = Bench::new();
    bench
        .endpoint
        .exchange_begin(Confirmable, Code::GET, None, [9; 8])
        .unwrap();
    let results: Vec<_> = (0..=UNDERSTOOD_IN_RESPONSES as u16)
        .map(|n| {
            bench
                .endpoint
                .draft_understand(OptionNumber(0xFDE9 + 2 * n))
        })
        .collect();
    let (last, others) = results.split_last().unwrap();
    assert!(others.iter().all(Result::is_ok));
    assert_eq!(*last, Err(DraftError::Option));
}

#[test]
fn another_format_than_is_accepted_is_4_06() {
    let mut bench = Bench::server();
    for (id, accept, code) in [
        (1, Some(50), Code::NOT_ACCEPTABLE),
        (2, Some(0), Code::CONTENT),
        (3, None, Code::CONTENT),
    ] {
        let mut get = Message::request(Code::GET, "r", id);
        if let Some(accept) = accept {
            get = get.uint(OptionNumber::ACCEPT, accept);
        }
        let request = bench.request(&get.bytes());
        let endpoint = &mut bench.endpoint;
        endpoint
            .response_begin(request, true, Code::CONTENT)
            .unwrap();
        endpoint.draft_add(content_format(0)).unwrap();
        endpoint.draft_add(Part::Payload(b"text")).unwrap();
        endpoint.response_send(bench.now).unwrap();
        let answer = bench.sent_one();
        assert_eq!(view(&answer).code(), code);
        let payload: &[u8] = if code == Code::CONTENT { b"text" } else { b"" };
        assert_eq!(view(&answer).payload(), payload);
        assert_eq!(bench.endpoint.usage().requests, 0);
    }
}

#[test]
fn a_payload_that_is_not_defined_is_ignored_and_not_sent() {
    let mut bench = Bench::server();
    for (id, code, payload) in [
        (1, Code::GET, &b""[..]),
        (2, Code::DELETE, b""),
        (3, Code::PUT, b"data"),
        (4, Code::FETCH, b"data"),
    ] {
        let mut request = Message::request(code, "r", id).payload(b"data").bytes();
        let received = bench
            .endpoint
            .handle_datagram(&bench.peer, &mut request, bench.now);
        assert_eq!(received.unwrap().message.payload(), payload, "{code:?}");
        bench.endpoint.reset();
    }
    for (kind, code) in [(Confirmable, Code::GET), (NonConfirmable, Code::DELETE)] {
        let endpoint = &mut bench.endpoint;
        endpoint.exchange_begin(kind, code, None, [9; 8]).unwrap();
        let added = endpoint.draft_add(Part::Payload(b"data"));
        assert_eq!(added, Err(DraftError::Payload));
        assert_eq!(endpoint.draft_add(Part::Payload(b"")), Ok(()));
    }
    let request = bench.request(&message(Confirmable, Code::GET, 9, PATH_R));
    let endpoint = &mut bench.endpoint;
    endpoint.response_begin(request, true, Code::VALID).unwrap();
    let added = endpoint.draft_add(Part::Payload(b"data"));
    assert_eq!(added, Err(DraftError::Payload), "RFC 7252 section 5.9.1.3");
}

#[test]
fn a_hop_limit_must_be_one_to_255() {
    let cases: [(&[u8], Option<Code>); 6] = [
        (&[1], None),
        (&[255], None),
        (&[0], Some(Code::BAD_REQUEST)),
        (&[], Some(Code::BAD_REQUEST)),
        (&[1, 0], Some(Code::BAD_REQUEST)),
        (&[0, 0, 0, 0, 1], Some(Code::BAD_REQUEST)),
    ];
    for (value, refusal) in cases {
        let mut bench = Bench::server();
        understands(&mut bench, [0; 4]);
        let event = bench.receive(&put("u", 1, OptionNumber::HOP_LIMIT.0, value));
        assert_eq!(event.is_none(), refusal.is_some(), "{value:?}");
        if let Some(code) = refusal {
            assert_eq!(view(&bench.sent_one()).code(), code, "{value:?}");
        }
    }
}
