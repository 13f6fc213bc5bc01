// SPDX-License-Identifier: MIT
//! As a client, RFC 7641 section 3.
#![cfg(feature = "observe")]

use super::*;
use crate::config::OBSERVATIONS;
use MessageType::{Acknowledgement, Confirmable, NonConfirmable, Reset};

const OBSERVE_OPTION: OptionNumber = OptionNumber::OBSERVE;
const ENTROPY: Entropy = [7; 8];

fn observe(bench: &mut Bench, kind: MessageType) -> Result<Sent, RequestError> {
    let endpoint = &mut bench.endpoint;
    endpoint
        .exchange_begin(kind, Code::GET, None, ENTROPY)
        .unwrap();
    endpoint.draft_add(Part::Path(b"r")).unwrap();
    endpoint
        .draft_add(Part::Option(OBSERVE_OPTION, b""))
        .unwrap();
    endpoint.exchange_send(&bench.peer, bench.now)
}

/// Observes, with the registration confirmed by number 10; gives the exchange and the request.
fn observing(bench: &mut Bench, max_age: u32) -> (Handle, Vec<u8>) {
    let exchange = observe(bench, Confirmable).unwrap().exchange;
    let request = bench.sent_one();
    let answer = Message::answer(&request, Code::CONTENT)
        .uint(OBSERVE_OPTION, 10)
        .uint(OptionNumber::MAX_AGE, max_age)
        .payload(b"first")
        .bytes();
    assert_eq!(bench.receive(&answer), Some(Event::Notification(exchange)));
    (exchange, request)
}

fn notification(kind: MessageType, to: &[u8], id: u16, number: u32) -> Message {
    Message::new(kind, Code::CONTENT, id)
        .token(view(to).token().as_slice())
        .uint(OBSERVE_OPTION, number)
}

#[test]
fn notifications_come_until_the_observation_is_cancelled() {
    let mut bench = Bench::new();
    let (exchange, request) = observing(&mut bench, 60);
    assert_eq!(view(&request).first(OBSERVE_OPTION), Some(&b""[..]));
    let con = notification(Confirmable, &request, 1, 11).bytes();
    assert_eq!(bench.receive(&con), Some(Event::Notification(exchange)));
    assert_eq!(bench.sent_one(), empty(Acknowledgement, 1));
    assert_eq!(bench.receive(&con), None, "a duplicate");
    assert_eq!(bench.sent_one(), empty(Acknowledgement, 1));
    let non = notification(NonConfirmable, &request, 2, 12).bytes();
    assert_eq!(bench.receive(&non), Some(Event::Notification(exchange)));
    assert!(bench.sent().is_empty());
    assert_eq!(bench.endpoint.usage().observations, 1);
    // RFC 7641 section 3.6: forgotten, so that the next one is rejected.
    assert!(bench.endpoint.exchange_cancel(exchange, bench.now));
    let con = notification(Confirmable, &request, 3, 13).bytes();
    assert_eq!(bench.receive(&con), None);
    assert_eq!(bench.sent_one(), empty(Reset, 3));
    let non = notification(NonConfirmable, &request, 4, 14).bytes();
    assert_eq!(bench.receive(&non), None);
    assert_eq!(bench.sent_one(), empty(Reset, 4));
    assert_eq!(bench.endpoint.usage().observations, 0);
}

#[test]
fn older_notifications_are_acknowledged_and_dropped() {
    let mut bench = Bench::new();
    let (exchange, request) = observing(&mut bench, 60);
    for (id, number, newer) in [
        (1, 20, true),
        (2, 15, false),
        (3, 20, false),
        (4, 20 + (1 << 23), false),
        (5, 21, true),
    ] {
        let event = bench.receive(&notification(Confirmable, &request, id, number).bytes());
        let expected = newer.then_some(Event::Notification(exchange));
        assert_eq!(event, expected, "{number}");
        assert_eq!(bench.sent_one(), empty(Acknowledgement, id));
    }
    bench.now = bench.now.after(128_001);
    let event = bench.receive(&notification(NonConfirmable, &request, 6, 3).bytes());
    assert_eq!(
        event,
        Some(Event::Notification(exchange)),
        "128 seconds later"
    );
}

#[test]
fn after_max_age_it_registers_again_with_the_same_token() {
    let mut bench = Bench::new();
    let (exchange, request) = observing(&mut bench, 30);
    let waited = bench.advance_to_timeout().unwrap();
    assert!((35_000..=45_000).contains(&waited), "{waited}");
    let again = bench.sent_one();
    assert_eq!(view(&again).token(), view(&request).token());
    assert_eq!(view(&again).first(OBSERVE_OPTION), Some(&b""[..]));
    assert_ne!(view(&again).id(), view(&request).id());
    assert_eq!(again[4..], request[4..]);
    // A server that was started anew counts anew.
    let answer = Message::answer(&again, Code::CONTENT)
        .uint(OBSERVE_OPTION, 1)
        .bytes();
    assert_eq!(bench.receive(&answer), Some(Event::Notification(exchange)));
    let con = notification(Confirmable, &request, 9, 2).bytes();
    assert_eq!(bench.receive(&con), Some(Event::Notification(exchange)));
}

#[test]
fn a_lost_registration_is_tried_again_for_ever() {
    let mut bench = Bench::new();
    let (exchange, _) = observing(&mut bench, 0);
    for _ in 0..3 {
        let waited = bench.advance_to_timeout().unwrap();
        assert!((5_000..=15_000).contains(&waited), "{waited}");
        assert_eq!(bench.sent().len(), 1);
        for _ in 0..4 {
            bench.advance_to_timeout();
            assert_eq!(bench.sent().len(), 1);
        }
        bench.advance_to_timeout();
        assert!(bench.sent().is_empty());
        assert_eq!(bench.endpoint.poll_event(bench.now), None);
    }
    assert!(bench.endpoint.exchange_cancel(exchange, bench.now));
    assert_eq!(bench.endpoint.usage(), Usage::default());
}

#[test]
fn a_notification_while_it_registers_again_counts() {
    let mut bench = Bench::new();
    let (exchange, request) = observing(&mut bench, 0);
    bench.advance_to_timeout();
    bench.sent_one();
    let con = notification(Confirmable, &request, 1, 11).bytes();
    assert_eq!(bench.receive(&con), Some(Event::Notification(exchange)));
    bench.sent_one();
    let waited = bench.advance_to_timeout().unwrap();
    assert!(
        waited >= 60_000,
        "registered, RFC 7641 section 3.3.1: {waited}"
    );
}

#[test]
fn the_first_registration_may_fail() {
    let mut bench = Bench::new();
    let exchange = observe(&mut bench, Confirmable).unwrap().exchange;
    for _ in 0..6 {
        bench.sent();
        bench.advance_to_timeout();
    }
    let ended = bench.endpoint.poll_event(bench.now).unwrap();
    assert_eq!(
        (ended.exchange, ended.failure),
        (exchange, Failure::Timeout)
    );
    let exchange = observe(&mut bench, Confirmable).unwrap().exchange;
    let request = bench.sent_one();
    bench.receive(&empty(Reset, view(&request).id().0));
    let ended = bench.endpoint.poll_event(bench.now).unwrap();
    assert_eq!((ended.exchange, ended.failure), (exchange, Failure::Reset));
    assert_eq!(bench.endpoint.usage(), Usage::default());
}

#[test]
fn a_response_without_observe_ends_it() {
    let mut bench = Bench::new();
    let exchange = observe(&mut bench, Confirmable).unwrap().exchange;
    let request = bench.sent_one();
    let answer = Message::answer(&request, Code::CONTENT)
        .payload(b"x")
        .bytes();
    assert_eq!(bench.receive(&answer), Some(Event::Response(exchange)));
    assert_eq!(bench.endpoint.usage(), Usage::default());
    // So does an error, RFC 7641 section 3.2.
    let (exchange, request) = observing(&mut bench, 60);
    let gone = Message::new(Confirmable, Code::NOT_FOUND, 77)
        .token(view(&request).token().as_slice())
        .bytes();
    assert_eq!(bench.receive(&gone), Some(Event::Response(exchange)));
    bench.sent_one();
    assert_eq!(bench.endpoint.usage().observations, 0);
}

#[test]
fn a_stranger_cannot_notify() {
    let mut bench = Bench::new();
    let (_, request) = observing(&mut bench, 60);
    let con = notification(Confirmable, &request, 1, 11).bytes();
    assert_eq!(bench.receive_from(2, &con), None);
    assert_eq!(bench.sent_one(), empty(Reset, 1));
}

#[test]
fn cancelling_tells_the_server() {
    let mut bench = Bench::new();
    let (exchange, request) = observing(&mut bench, 60);
    assert!(bench.endpoint.observation_cancel(exchange, bench.now));
    let cancel = bench.sent_one();
    assert_eq!(view(&cancel).token(), view(&request).token());
    assert_eq!(view(&cancel).uint(OBSERVE_OPTION), Some(1));
    assert_eq!(view(&cancel).first(OptionNumber::URI_PATH), Some(&b"r"[..]));
    bench.advance_to_timeout();
    assert_eq!(bench.sent_one(), cancel, "reliably");
    let answer = Message::answer(&cancel, Code::CONTENT)
        .payload(b"x")
        .bytes();
    assert_eq!(bench.receive(&answer), None);
    assert_eq!(bench.endpoint.poll_event(bench.now), None);
    assert_eq!(bench.endpoint.usage(), Usage::default());
    assert!(!bench.endpoint.observation_cancel(exchange, bench.now));
}

#[test]
fn cancelling_gives_up_silently() {
    let mut bench = Bench::new();
    let (exchange, _) = observing(&mut bench, 60);
    bench.endpoint.observation_cancel(exchange, bench.now);
    for _ in 0..6 {
        bench.sent();
        bench.advance_to_timeout();
    }
    assert_eq!(bench.endpoint.poll_event(bench.now), None);
    assert_eq!(bench.endpoint.usage(), Usage::default());
    // Before the server has answered there is nobody to tell.
    let exchange = observe(&mut bench, Confirmable).unwrap().exchange;
    bench.sent_one();
    assert!(bench.endpoint.observation_cancel(exchange, bench.now));
    assert!(bench.sent().is_empty());
    assert_eq!(bench.endpoint.usage(), Usage::default());
}

#[test]
fn a_non_confirmable_observation_registers_again_too() {
    let mut bench = Bench::new();
    let exchange = observe(&mut bench, NonConfirmable).unwrap().exchange;
    let request = bench.sent_one();
    let answer = notification(NonConfirmable, &request, 1, 5)
        .uint(OptionNumber::MAX_AGE, 0)
        .bytes();
    assert_eq!(bench.receive(&answer), Some(Event::Notification(exchange)));
    bench.advance_to_timeout();
    assert_eq!(view(&bench.sent_one()).kind(), NonConfirmable);
    for _ in 0..3 {
        bench.advance_to_timeout();
    }
    assert_eq!(bench.endpoint.poll_event(bench.now), None);
    assert_eq!(bench.sent().len(), 1, "again");
}

#[test]
fn a_full_table_refuses() {
    let mut bench = Bench::with(Parameters {
        nstart: 255,
        ..Default::default()
    });
    for n in 0..OBSERVATIONS as u32 {
        bench.peer = peer(n);
        observe(&mut bench, Confirmable).unwrap();
    }
    bench.peer = peer(100);
    assert_eq!(observe(&mut bench, Confirmable), Err(RequestError::NoSlot));
    assert_eq!(bench.endpoint.usage().observations, OBSERVATIONS);
    assert_eq!(bench.endpoint.usage().exchanges, OBSERVATIONS);
}

#[cfg(feature = "block")]
mod blocks {
    use super::*;

    const BLOCK2: OptionNumber = OptionNumber::BLOCK2;

    fn part(to: &[u8], num: u32, more: bool) -> Message {
        Message::answer(to, Code::CONTENT)
            .block(BLOCK2, num, more, 0)
            .payload(&[num as u8; 16])
    }

    fn go_on(bench: &mut Bench, exchange: Handle) -> Vec<u8> {
        bench
            .endpoint
            .exchange_continue(exchange, [8; 8], bench.now)
            .unwrap();
        bench.sent_one()
    }

    #[test]
    fn the_rest_of_a_notification_is_fetched_with_another_token() {
        let mut bench = Bench::new();
        let exchange = observe(&mut bench, Confirmable).unwrap().exchange;
        let request = bench.sent_one();
        let first = part(&request, 0, true).uint(OBSERVE_OPTION, 1).bytes();
        assert_eq!(bench.receive(&first), Some(Event::Block(exchange)));
        for round in 0..2 {
            let fetch = go_on(&mut bench, exchange);
            assert_ne!(view(&fetch).token(), view(&request).token());
            assert_eq!(view(&fetch).first(OBSERVE_OPTION), None);
            assert_eq!(block_of(&fetch, BLOCK2), Some((1, false, 0)));
            let event = bench.receive(&part(&fetch, 1, true).bytes());
            assert_eq!(event, Some(Event::Block(exchange)));
            assert_eq!(bench.piece.offset, 16);
            let fetch = go_on(&mut bench, exchange);
            let event = bench.receive(&part(&fetch, 2, false).bytes());
            assert_eq!(event, Some(Event::Notification(exchange)));
            assert_eq!(bench.piece.offset, 32);
            assert_eq!(bench.endpoint.usage().exchanges, 1, "the observation");
            let con = notification(Confirmable, &request, 50 + round, 2 + u32::from(round))
                .block(BLOCK2, 0, true, 0)
                .payload(&[0; 16])
                .bytes();
            assert_eq!(bench.receive(&con), Some(Event::Block(exchange)));
            assert_eq!(bench.piece.offset, 0);
            bench.sent();
        }
    }

    #[test]
    fn a_newer_notification_ends_the_fetching_of_an_older_one() {
        let mut bench = Bench::new();
        let exchange = observe(&mut bench, Confirmable).unwrap().exchange;
        let request = bench.sent_one();
        let first = part(&request, 0, true).uint(OBSERVE_OPTION, 1).bytes();
        bench.receive(&first);
        let fetch = go_on(&mut bench, exchange);
        let short = notification(NonConfirmable, &request, 60, 2)
            .payload(b"x")
            .bytes();
        assert_eq!(bench.receive(&short), Some(Event::Notification(exchange)));
        assert_eq!(bench.receive(&part(&fetch, 1, true).bytes()), None);
        assert_eq!(bench.endpoint.usage().exchanges, 1);
        assert_eq!(bench.endpoint.usage().bodies, 0);
    }

    #[test]
    fn when_the_rest_is_lost_it_registers_again_soon() {
        let mut bench = Bench::new();
        let exchange = observe(&mut bench, Confirmable).unwrap().exchange;
        let request = bench.sent_one();
        let first = part(&request, 0, true).uint(OBSERVE_OPTION, 1).bytes();
        bench.receive(&first);
        go_on(&mut bench, exchange);
        for _ in 0..5 {
            bench.advance_to_timeout();
            bench.sent();
        }
        assert_eq!(bench.endpoint.poll_event(bench.now), None);
        let waited = bench.advance_to_timeout().unwrap();
        assert!(waited <= 15_000, "{waited}");
        assert_eq!(view(&bench.sent_one()).uint(OBSERVE_OPTION), Some(0));
    }

    #[test]
    fn a_response_that_is_no_observation_may_be_long() {
        let mut bench = Bench::new();
        let exchange = observe(&mut bench, Confirmable).unwrap().exchange;
        let request = bench.sent_one();
        let event = bench.receive(&part(&request, 0, true).bytes());
        assert_eq!(event, Some(Event::Block(exchange)));
        let next = go_on(&mut bench, exchange);
        assert_eq!(view(&next).first(OBSERVE_OPTION), None);
        let event = bench.receive(&part(&next, 1, false).bytes());
        assert_eq!(event, Some(Event::Response(exchange)));
        assert_eq!(bench.endpoint.usage(), Usage::default());
    }
}
