// SPDX-License-Identifier: MIT
//! Tokens that the program has chosen, RFC 7252 section 5.3.1: those in use towards a peer are unique.

use super::*;
use MessageType::{Acknowledgement, Confirmable, NonConfirmable};

/// Room for requests at the same time.
fn bench() -> Bench {
    Bench::with(Parameters {
        nstart: 255,
        ..Default::default()
    })
}

fn answer(bench: &mut Bench, request: &[u8]) -> Option<Event> {
    bench.receive(&Message::answer(request, Code::CONTENT).bytes())
}

#[test]
fn a_request_waits_until_its_token_is_free() {
    let mut bench = bench();
    let first = bench.get(Confirmable, b"t").unwrap().exchange;
    let second = bench.get(Confirmable, b"t").unwrap().exchange;
    let third = bench.get(NonConfirmable, b"t").unwrap().exchange;
    for exchange in [first, second] {
        let request = bench.sent_one();
        assert_eq!(
            answer(&mut bench, &request),
            Some(Event::Response(exchange))
        );
    }
    assert_eq!(view(&bench.sent_one()).kind(), NonConfirmable);
    let response = message(NonConfirmable, Code::CONTENT, 1, &[]);
    assert_eq!(bench.receive(&response), Some(Event::Response(third)));
}

#[test]
fn a_separate_response_keeps_the_token_until_it_has_come() {
    let mut bench = bench();
    let first = bench.get(Confirmable, b"t").unwrap();
    bench.get(Confirmable, b"t").unwrap();
    bench.sent_one();
    bench.receive(&empty(Acknowledgement, first.id.0));
    assert!(bench.sent().is_empty());
    let response = message(NonConfirmable, Code::CONTENT, 1, &[]);
    let expected = Some(Event::Response(first.exchange));
    assert_eq!(bench.receive(&response), expected);
    bench.sent_one();
}

#[test]
fn other_tokens_and_other_peers_do_not_wait() {
    let mut bench = bench();
    bench.get(Confirmable, b"t").unwrap();
    bench.get(Confirmable, b"t").unwrap();
    bench.get(Confirmable, b"u").unwrap();
    bench.peer = peer(2);
    bench.get(Confirmable, b"t").unwrap();
    assert_eq!(bench.sent().len(), 3);
}

#[test]
fn a_request_that_comes_to_nothing_frees_its_token() {
    let mut bench = bench();
    let first = bench.get(Confirmable, b"t").unwrap();
    bench.get(Confirmable, b"t").unwrap();
    bench.sent_one();
    assert!(bench.endpoint.exchange_cancel(first.exchange, bench.now));
    bench.sent_one();
    let third = bench.get(Confirmable, b"t").unwrap();
    while bench.endpoint.poll_event(bench.now).is_none() {
        bench.advance_to_timeout().unwrap();
        bench.sent();
    }
    assert_eq!(view(&bench.sent_one()).id(), third.id);
}

#[test]
fn an_unanswered_non_confirmable_request_gives_its_token_away() {
    for held_after in [0, 1000, 60_000] {
        let mut bench = bench();
        let first = bench.get(NonConfirmable, b"t").unwrap().exchange;
        bench.sent_one();
        bench.advance(0);
        bench.advance(held_after);
        bench.get(NonConfirmable, b"t").unwrap();
        assert!(bench.sent().is_empty());
        let rest = 3000u32.saturating_sub(held_after);
        if rest > 0 {
            bench.advance(rest - 1);
            assert_eq!(bench.endpoint.poll_event(bench.now), None);
            bench.advance(1);
        } else {
            bench.advance(0);
        }
        let ended = bench.endpoint.poll_event(bench.now).unwrap();
        assert_eq!((ended.exchange, ended.failure), (first, Failure::Timeout));
        bench.sent_one();
    }
}

#[cfg(feature = "observe")]
mod observations {
    use super::*;
    use crate::wire::observe::DEREGISTER;

    fn observe(bench: &mut Bench, value: u32) -> Result<Sent, RequestError> {
        let token = Token::new(b"t");
        let endpoint = &mut bench.endpoint;
        endpoint
            .exchange_begin(Confirmable, Code::GET, token, [1; 8])
            .unwrap();
        endpoint.draft_add(Part::Path(b"r")).unwrap();
        let value = uint::encode(value);
        let option = Part::Option(OptionNumber::OBSERVE, value.as_slice());
        endpoint.draft_add(option).unwrap();
        endpoint.exchange_send(&bench.peer, bench.now)
    }

    #[test]
    fn the_token_of_an_observation_is_for_its_cancellation() {
        let mut bench = bench();
        observe(&mut bench, 0).unwrap();
        let request = bench.sent_one();
        let accepted = Message::answer(&request, Code::CONTENT).uint(OptionNumber::OBSERVE, 1);
        bench.receive(&accepted.bytes()).unwrap();
        assert_eq!(bench.get(Confirmable, b"t"), Err(RequestError::Token));
        assert_eq!(bench.endpoint.usage().observations, 1);
        let cancelled = observe(&mut bench, DEREGISTER).unwrap().exchange;
        let request = bench.sent_one();
        assert_eq!(view(&request).uint(OptionNumber::OBSERVE), Some(1));
        assert_eq!(bench.endpoint.usage().observations, 0);
        let response = Some(Event::Response(cancelled));
        assert_eq!(answer(&mut bench, &request), response);
        assert!(bench.is_idle());
        assert_eq!(bench.endpoint.poll_event(bench.now), None);
    }
}
