// SPDX-License-Identifier: MIT
//! As a server, RFC 7641 section 4.
#![cfg(feature = "observe")]

use super::*;
use crate::config::OBSERVERS;
use crate::resource::{NON_CONFIRMABLE, OBSERVABLE};
use MessageType::{Acknowledgement, Confirmable, NonConfirmable, Reset};

const OBSERVE_OPTION: OptionNumber = OptionNumber::OBSERVE;
const O: u32 = 7;

fn server() -> Bench {
    let mut bench = Bench::server_with(Parameters {
        nstart: 4,
        ..large_messages()
    });
    bench.serve(b"o", O, OBSERVABLE);
    bench.serve(b"n", 8, OBSERVABLE | NON_CONFIRMABLE);
    bench
}

fn registration(path: &str, id: u16, token: &[u8]) -> Vec<u8> {
    Message::request(Code::GET, path, id)
        .token(token)
        .option(OBSERVE_OPTION, b"")
        .bytes()
}

/// The number of a notification.
fn number(datagram: &[u8]) -> Option<u32> {
    view(datagram).uint(OBSERVE_OPTION)
}

/// Registers and answers; gives the response.
fn register(bench: &mut Bench, path: &str, id: u16, token: &[u8]) -> Vec<u8> {
    let request = bench.request(&registration(path, id, token));
    bench.respond(request, b"0").unwrap();
    bench.sent_one()
}

/// What observers are told when the handler says so.
fn notify(bench: &mut Bench, resource: u32, payload: &[u8]) -> Vec<Vec<u8>> {
    bench.endpoint.notify(resource);
    answer_notifications(bench, payload)
}

fn answer_notifications(bench: &mut Bench, payload: &[u8]) -> Vec<Vec<u8>> {
    while let Some(notification) = bench.endpoint.poll_notification(bench.now) {
        let request = notification.request;
        assert_eq!(notification.message.code(), Code::GET);
        bench.respond(request, payload).unwrap();
    }
    bench.sent()
}

fn acknowledge(bench: &mut Bench, datagram: &[u8]) {
    let ack = empty(Acknowledgement, view(datagram).id().0);
    assert_eq!(bench.receive(&ack), None);
}

#[test]
fn an_observer_is_told_of_each_change_with_rising_numbers() {
    let mut bench = server();
    let answer = register(&mut bench, "o", 1, b"tok");
    let mut last = number(&answer).unwrap();
    for n in 0..4u8 {
        let sent = notify(&mut bench, O, &[n]);
        assert_eq!(sent.len(), 1);
        let told = view(&sent[0]);
        assert_eq!((told.kind(), told.code()), (Confirmable, Code::CONTENT));
        assert_eq!(told.token().as_slice(), b"tok");
        assert_eq!(told.payload(), [n]);
        assert!(number(&sent[0]).unwrap() > last);
        last = number(&sent[0]).unwrap();
        acknowledge(&mut bench, &sent[0]);
    }
    assert!(notify(&mut bench, 1, b"x").is_empty(), "another resource");
    assert_eq!(bench.endpoint.usage().observers, 1);
    assert_eq!(bench.endpoint.usage().transmissions, 0);
}

#[test]
fn the_handler_is_asked_with_the_observers_own_request() {
    let mut bench = server();
    let datagram = Message::request(Code::GET, "o", 1)
        .option(OBSERVE_OPTION, b"")
        .option(OptionNumber::URI_QUERY, b"unit=C")
        .bytes();
    let request = bench.request(&datagram);
    bench.respond(request, b"0").unwrap();
    bench.sent();
    bench.endpoint.notify(O);
    let peer = bench.peer;
    let notification = bench.endpoint.poll_notification(bench.now).unwrap();
    assert_eq!((notification.resource, notification.peer), (O, &peer));
    let query = notification.message.first(OptionNumber::URI_QUERY);
    assert_eq!(query, Some(&b"unit=C"[..]));
    assert_eq!(
        bench
            .endpoint
            .poll_notification(bench.now)
            .map(|n| n.resource),
        None
    );
}

#[test]
fn a_resource_that_is_not_observable_answers_once() {
    let mut bench = server();
    let answer = register(&mut bench, "r", 1, b"t");
    assert_eq!(number(&answer), None);
    assert_eq!(bench.endpoint.usage().observers, 0);
    // Nor does an error register, or any other value than 0.
    let request = bench.request(&registration("o", 2, b"t"));
    bench
        .endpoint
        .response_begin(request, true, Code::NOT_FOUND)
        .unwrap();
    bench.endpoint.response_send(bench.now).unwrap();
    assert_eq!(number(&bench.sent_one()), None);
    let odd = Message::request(Code::GET, "o", 3)
        .uint(OBSERVE_OPTION, 2)
        .bytes();
    let request = bench.request(&odd);
    bench.respond(request, b"").unwrap();
    assert_eq!(number(&bench.sent_one()), None);
    let put = Message::request(Code::PUT, "o", 4)
        .option(OBSERVE_OPTION, b"")
        .bytes();
    let request = bench.request(&put);
    bench.respond(request, b"").unwrap();
    assert_eq!(number(&bench.sent_one()), None);
    assert_eq!(bench.endpoint.usage().observers, 0);
    assert!(bench.is_idle());
}

#[test]
fn observers_leave_by_deregistering_rejecting_or_silence() {
    let deregister = |bench: &mut Bench, _: &[u8]| {
        let datagram = Message::request(Code::GET, "o", 9).uint(OBSERVE_OPTION, 1);
        let request = bench.request(&datagram.bytes());
        bench.respond(request, b"bye").unwrap();
        assert_eq!(number(&bench.sent_one()), None);
    };
    let reject = |bench: &mut Bench, told: &[u8]| {
        bench.receive(&empty(Reset, view(told).id().0));
    };
    let silence = |bench: &mut Bench, told: &[u8]| {
        for _ in 0..4 {
            bench.advance_to_timeout();
            assert_eq!(bench.sent(), [told]);
        }
        bench.advance_to_timeout();
        assert!(bench.sent().is_empty());
    };
    type Way<'a> = &'a dyn Fn(&mut Bench, &[u8]);
    let ways: [Way; 3] = [&deregister, &reject, &silence];
    for leave in ways {
        let mut bench = server();
        register(&mut bench, "o", 1, b"t");
        let sent = notify(&mut bench, O, b"1");
        leave(&mut bench, &sent[0]);
        assert_eq!(bench.endpoint.usage().observers, 0);
        assert_eq!(bench.endpoint.usage().transmissions, 0);
        assert!(notify(&mut bench, O, b"2").is_empty());
    }
}

#[test]
fn a_get_without_observe_leaves_the_observation() {
    let mut bench = server();
    register(&mut bench, "o", 1, b"t");
    let request = bench.request(&Message::request(Code::GET, "o", 2).token(b"u").bytes());
    bench.respond(request, b"").unwrap();
    assert_eq!(number(&bench.sent_one()), None);
    assert_eq!(notify(&mut bench, O, b"1").len(), 1);
}

#[test]
fn the_same_peer_and_token_are_one_observer() {
    let mut bench = server();
    register(&mut bench, "o", 1, b"t");
    register(&mut bench, "o", 2, b"t");
    assert_eq!(bench.endpoint.usage().observers, 1);
    assert_eq!(notify(&mut bench, O, b"1").len(), 1);
}

#[test]
fn only_one_notification_is_on_its_way_and_the_latest_state_follows() {
    let mut bench = server();
    register(&mut bench, "o", 1, b"t");
    let first = notify(&mut bench, O, b"1").remove(0);
    assert!(notify(&mut bench, O, b"2").is_empty());
    assert!(notify(&mut bench, O, b"3").is_empty());
    acknowledge(&mut bench, &first);
    let sent = answer_notifications(&mut bench, b"3");
    assert_eq!(sent.len(), 1);
    assert_eq!(view(&sent[0]).payload(), b"3");
    acknowledge(&mut bench, &sent[0]);
    assert!(answer_notifications(&mut bench, b"?").is_empty());
    assert!(bench.is_idle());
}

#[test]
fn what_is_sent_again_is_the_newest_state_with_the_old_backoff() {
    let mut bench = server();
    register(&mut bench, "o", 1, b"t");
    let first = notify(&mut bench, O, b"1").remove(0);
    let initial = bench.endpoint.poll_timeout(bench.now).unwrap();
    bench.endpoint.notify(O);
    bench.advance(initial);
    assert!(bench.sent().is_empty());
    let second = answer_notifications(&mut bench, b"2").remove(0);
    assert_eq!(view(&second).payload(), b"2");
    assert_ne!(view(&second).id(), view(&first).id());
    assert!(number(&second) > number(&first));
    // RFC 7641 section 4.5.2: counter and timeout go on.
    for doubling in 1..=3 {
        assert_eq!(bench.advance_to_timeout(), Some(initial << doubling));
        assert_eq!(bench.sent_one(), second);
    }
    assert_eq!(bench.advance_to_timeout(), Some(initial << 4));
    assert!(bench.sent().is_empty());
    assert_eq!(bench.endpoint.usage().observers, 0, "MAX_RETRANSMIT in all");
}

#[test]
fn a_change_while_the_handler_works_is_told_too() {
    let mut bench = server();
    register(&mut bench, "o", 1, b"t");
    bench.endpoint.notify(O);
    let request = bench.endpoint.poll_notification(bench.now).unwrap().request;
    bench.endpoint.notify(O);
    bench.respond(request, b"1").unwrap();
    let first = bench.sent_one();
    acknowledge(&mut bench, &first);
    assert_eq!(answer_notifications(&mut bench, b"2").len(), 1);
}

#[test]
fn other_responses_are_the_last_notification() {
    let mut bench = server();
    register(&mut bench, "o", 1, b"t");
    bench.endpoint.notify(O);
    let request = bench.endpoint.poll_notification(bench.now).unwrap().request;
    bench
        .endpoint
        .response_begin(request, true, Code::INTERNAL_SERVER_ERROR)
        .unwrap();
    bench.endpoint.response_send(bench.now).unwrap();
    let last = bench.sent_one();
    let told = view(&last);
    assert_eq!(
        (told.kind(), told.code()),
        (Confirmable, Code::INTERNAL_SERVER_ERROR)
    );
    assert_eq!(number(&last), None);
    assert_eq!(bench.endpoint.usage().observers, 0);
}

#[test]
fn another_content_format_is_4_06() {
    let mut bench = server();
    register(&mut bench, "o", 1, b"t");
    bench.endpoint.notify(O);
    let request = bench.endpoint.poll_notification(bench.now).unwrap().request;
    let endpoint = &mut bench.endpoint;
    endpoint
        .response_begin(request, true, Code::CONTENT)
        .unwrap();
    endpoint.draft_add(content_format(50)).unwrap();
    endpoint.draft_add(Part::Payload(b"{}")).unwrap();
    endpoint.response_send(bench.now).unwrap();
    let last = bench.sent_one();
    assert_eq!(view(&last).code(), Code::NOT_ACCEPTABLE);
    assert_eq!((number(&last), view(&last).payload()), (None, &b""[..]));
    assert_eq!(bench.endpoint.usage().observers, 0);
}

#[test]
fn the_same_content_format_goes_on() {
    let mut bench = server();
    let text = |bench: &mut Bench, request, payload| {
        let endpoint = &mut bench.endpoint;
        endpoint
            .response_begin(request, true, Code::CONTENT)
            .unwrap();
        endpoint.draft_add(content_format(0)).unwrap();
        endpoint.draft_add(Part::Payload(payload)).unwrap();
        endpoint.response_send(bench.now).unwrap();
        bench.sent_one()
    };
    let request = bench.request(&registration("o", 1, b"t"));
    text(&mut bench, request, b"0");
    for payload in [b"1", b"2"] {
        bench.endpoint.notify(O);
        let request = bench.endpoint.poll_notification(bench.now).unwrap().request;
        let told = text(&mut bench, request, payload);
        assert_eq!(view(&told).payload(), payload);
        acknowledge(&mut bench, &told);
    }
}

#[test]
fn observers_of_a_resource_that_is_gone_get_4_04() {
    let mut bench = server();
    register(&mut bench, "o", 1, b"t");
    bench.endpoint.resources().clear();
    bench.endpoint.resources_changed();
    assert!(bench.endpoint.poll_notification(bench.now).is_none());
    let last = bench.sent_one();
    assert_eq!(view(&last).code(), Code::NOT_FOUND);
    assert_eq!((view(&last).kind(), number(&last)), (Confirmable, None));
    assert_eq!(bench.endpoint.usage().observers, 0);
}

#[test]
fn non_confirmable_notifications_are_confirmable_now_and_then() {
    let mut bench = server();
    register(&mut bench, "n", 1, b"t");
    let mut kinds = Vec::new();
    for _ in 0..16 {
        bench.now = bench.now.after(3000);
        let sent = notify(&mut bench, 8, b"x");
        let kind = view(&sent[0]).kind();
        if kind == Confirmable {
            acknowledge(&mut bench, &sent[0]);
        }
        kinds.push(kind);
    }
    let mut expected = vec![NonConfirmable; 16];
    (expected[7], expected[15]) = (Confirmable, Confirmable);
    assert_eq!(kinds, expected);
    bench.now = bench.now.after(24 * 60 * 60 * 1000);
    let sent = notify(&mut bench, 8, b"x");
    assert_eq!(view(&sent[0]).kind(), Confirmable, "RFC 7641 section 4.5");
}

#[test]
fn non_confirmable_notifications_are_three_seconds_apart() {
    let mut bench = server();
    register(&mut bench, "n", 1, b"t");
    assert_eq!(notify(&mut bench, 8, b"1").len(), 1);
    assert!(notify(&mut bench, 8, b"2").is_empty());
    assert_eq!(bench.endpoint.poll_timeout(bench.now), Some(3000));
    bench.advance(2999);
    assert!(answer_notifications(&mut bench, b"2").is_empty());
    bench.advance(1);
    assert_eq!(answer_notifications(&mut bench, b"2").len(), 1);
}

#[test]
fn an_observer_may_reject_a_non_confirmable_notification() {
    let mut bench = server();
    register(&mut bench, "n", 1, b"t");
    let sent = notify(&mut bench, 8, b"1");
    bench.receive_from(2, &empty(Reset, view(&sent[0]).id().0));
    assert_eq!(bench.endpoint.usage().observers, 1, "a stranger");
    bench.receive(&empty(Reset, view(&sent[0]).id().0));
    assert_eq!(bench.endpoint.usage().observers, 0);
}

#[test]
fn a_resource_may_have_an_interval() {
    let mut bench = server();
    let resource = Resource {
        number: 9,
        methods: 0xFE,
        flags: OBSERVABLE,
        interval_ms: 10_000,
        ..Default::default()
    };
    bench.endpoint.resources().add(b"slow", &resource).unwrap();
    register(&mut bench, "slow", 1, b"t");
    let first = notify(&mut bench, 9, b"1").remove(0);
    acknowledge(&mut bench, &first);
    assert!(notify(&mut bench, 9, b"2").is_empty());
    assert_eq!(bench.endpoint.poll_timeout(bench.now), Some(10_000));
    bench.advance(10_000);
    assert_eq!(answer_notifications(&mut bench, b"3").len(), 1);
}

#[test]
fn one_peer_does_not_take_all_places() {
    let mut bench = server();
    let mut accepted = 0;
    for n in 0..=OBSERVERS as u16 {
        let answer = register(&mut bench, "o", n, &n.to_be_bytes());
        accepted += usize::from(number(&answer).is_some());
    }
    assert_eq!(accepted, if OBSERVERS == 1 { 1 } else { OBSERVERS - 1 });
    let event = bench.receive_from(2, &registration("o", 1, b"t"));
    let Some(Event::Request { request, .. }) = event else {
        panic!("{event:?}");
    };
    bench.respond(request, b"0").unwrap();
    assert_eq!(number(&bench.sent_one()).is_some(), OBSERVERS > 1);
}

#[test]
fn a_handler_that_never_answers_does_not_block_the_observer_for_ever() {
    let mut bench = server();
    register(&mut bench, "o", 1, b"t");
    bench.endpoint.notify(O);
    let request = bench.endpoint.poll_notification(bench.now).unwrap().request;
    bench.endpoint.incoming_drop(request);
    assert_eq!(notify(&mut bench, O, b"1").len(), 1);
}

#[test]
fn without_room_for_requests_notifications_wait() {
    let mut bench = server();
    register(&mut bench, "o", 1, b"t");
    let mut requests = Vec::new();
    for id in 0..crate::config::REQUESTS as u16 {
        requests.push(bench.request(&Message::request(Code::GET, "r", 100 + id).bytes()));
    }
    bench.endpoint.notify(O);
    assert!(bench.endpoint.poll_notification(bench.now).is_none());
    assert_ne!(
        bench.endpoint.poll_timeout(bench.now),
        Some(0),
        "no busy loop"
    );
    bench.respond(requests[0], b"").unwrap();
    assert_eq!(answer_notifications(&mut bench, b"1").len(), 2);
}

#[cfg(feature = "block")]
#[test]
fn a_long_notification_begins_with_its_first_block() {
    let mut bench = server();
    let datagram = Message::request(Code::GET, "o", 1)
        .option(OBSERVE_OPTION, b"")
        .block(OptionNumber::BLOCK2, 0, false, 0)
        .bytes();
    let request = bench.request(&datagram);
    let long = |bench: &mut Bench, request| {
        let endpoint = &mut bench.endpoint;
        endpoint
            .response_begin(request, true, Code::CONTENT)
            .unwrap();
        let (offset, len) = endpoint.draft_body(Some(40), 0).unwrap();
        assert_eq!((offset, len), (0, 16));
        endpoint.draft_block(&[1; 16], true).unwrap();
        endpoint.response_send(bench.now).unwrap()
    };
    assert!(long(&mut bench, request).body.is_some());
    let answer = bench.sent_one();
    assert_eq!(block_of(&answer, OptionNumber::BLOCK2), Some((0, true, 0)));
    bench.endpoint.notify(O);
    let request = bench.endpoint.poll_notification(bench.now).unwrap().request;
    let body = long(&mut bench, request).body;
    let told = bench.sent_one();
    assert_eq!(block_of(&told, OptionNumber::BLOCK2), Some((0, true, 0)));
    assert!(number(&told).is_some());
    let rest = Message::request(Code::GET, "o", 2)
        .token(b"other")
        .block(OptionNumber::BLOCK2, 1, false, 0)
        .bytes();
    let event = bench.receive(&rest);
    assert!(matches!(event, Some(Event::Download { .. })), "{event:?}");
    assert_eq!(bench.piece.body, body);
}
