// SPDX-License-Identifier: MIT
//! What gives way, what is cancelled, and what finds no place: which events a client's program has of it.
#![cfg(all(feature = "block", feature = "observe", feature = "discovery"))]

use super::*;
use crate::config::{EXCHANGES, TRANSMISSIONS};
use MessageType::{Confirmable, NonConfirmable};

const OBSERVE_OPTION: OptionNumber = OptionNumber::OBSERVE;
const BLOCK2: OptionNumber = OptionNumber::BLOCK2;

fn observe(bench: &mut Bench, kind: MessageType, entropy: u8) -> (Handle, Vec<u8>) {
    let endpoint = &mut bench.endpoint;
    endpoint
        .exchange_begin(kind, Code::GET, None, [entropy; 8])
        .unwrap();
    endpoint.draft_add(Part::Path(b"r")).unwrap();
    endpoint
        .draft_add(Part::Option(OBSERVE_OPTION, b""))
        .unwrap();
    let sent = endpoint.exchange_send(&bench.peer, bench.now).unwrap();
    (sent.exchange, bench.sent_one())
}

fn notification(to: &[u8], id: u16, number: u32) -> Message {
    Message::new(NonConfirmable, Code::CONTENT, id)
        .token(view(to).token().as_slice())
        .uint(OBSERVE_OPTION, number)
}

/// Fills the table of exchanges with NON requests to the same peer.
fn crowd(bench: &mut Bench) {
    for n in 0..2 * EXCHANGES as u8 {
        bench
            .endpoint
            .exchange_begin(NonConfirmable, Code::GET, None, [100 + n; 8])
            .unwrap();
        let _ = bench.endpoint.exchange_send(&bench.peer, bench.now);
        bench.sent();
    }
}

fn non_bench() -> Bench {
    Bench::with(Parameters {
        nstart: 255,
        probing_rate: 1_000_000,
        ..large_messages()
    })
}

#[test]
fn fetching_a_notification_gives_way_without_an_event_of_its_own() {
    let mut bench = non_bench();
    let (exchange, request) = observe(&mut bench, NonConfirmable, 1);
    let first = notification(&request, 1, 1)
        .block(BLOCK2, 0, true, 0)
        .payload(&[0; 16]);
    assert_eq!(bench.receive(&first.bytes()), Some(Event::Block(exchange)));
    bench
        .endpoint
        .exchange_continue(exchange, [2; 8], bench.now)
        .unwrap();
    bench.sent_one();
    bench.advance(3000);
    crowd(&mut bench);
    while let Some(ended) = bench.endpoint.poll_event(bench.now) {
        assert_ne!(ended.exchange, exchange);
        assert!(
            ended.exchange.to_u32() > exchange.to_u32() + 1,
            "the fetching"
        );
    }
}

#[test]
fn a_cancelled_observation_ends_without_an_event_also_when_it_gives_way() {
    let mut bench = non_bench();
    let (exchange, request) = observe(&mut bench, NonConfirmable, 1);
    bench.receive(&notification(&request, 1, 1).bytes());
    assert!(bench.endpoint.observation_cancel(exchange, bench.now));
    bench.sent_one();
    bench.advance(3000);
    crowd(&mut bench);
    while let Some(ended) = bench.endpoint.poll_event(bench.now) {
        assert_ne!(ended.exchange, exchange);
    }
}

#[test]
fn a_cancelled_observation_is_stale() {
    let mut bench = Bench::new();
    let (exchange, request) = observe(&mut bench, Confirmable, 1);
    let answer = Message::answer(&request, Code::CONTENT).uint(OBSERVE_OPTION, 10);
    bench.receive(&answer.bytes());
    assert!(bench.endpoint.observation_cancel(exchange, bench.now));
    let cancel = bench.sent_one();
    assert!(
        !bench.endpoint.observation_cancel(exchange, bench.now),
        "again"
    );
    assert!(!bench.endpoint.exchange_cancel(exchange, bench.now));
    assert!(!bench.endpoint.exchange_limit(exchange, bench.now));
    bench.advance_to_timeout();
    assert_eq!(bench.sent_one(), cancel, "still reliably");
}

#[test]
fn without_a_place_the_next_block_may_be_asked_for_later() {
    let mut bench = Bench::server_with(Parameters {
        nstart: 255,
        ..large_messages()
    });
    let exchange = bench.get(Confirmable, b"x").unwrap().exchange;
    let request = bench.sent_one();
    let first = Message::answer(&request, Code::CONTENT)
        .block(BLOCK2, 0, true, 0)
        .payload(&[0; 16]);
    assert_eq!(bench.receive(&first.bytes()), Some(Event::Block(exchange)));
    // Separate responses, and requests.
    for n in 0..TRANSMISSIONS as u32 / 2 {
        let get = Message::request(Code::GET, "r", 1).bytes();
        let Some(Event::Request { request, .. }) = bench.receive_from(100 + n, &get) else {
            panic!("no request");
        };
        bench.endpoint.incoming_release(request);
        bench.respond(request, b"").unwrap();
        bench.sent();
    }
    let mut last = None;
    while bench.endpoint.usage().transmissions < TRANSMISSIONS {
        bench.peer = peer(200 + bench.endpoint.usage().transmissions as u32);
        last = Some(bench.get(Confirmable, b"y").unwrap().exchange);
        bench.sent();
    }
    let go_on = |bench: &mut Bench| {
        bench
            .endpoint
            .exchange_continue(exchange, [3; 8], bench.now)
    };
    assert_eq!(go_on(&mut bench), Err(RequestError::NoSlot));
    assert!(bench.endpoint.exchange_cancel(last.unwrap(), bench.now));
    assert_eq!(go_on(&mut bench), Ok(()));
}

#[test]
fn a_restored_observation_is_claimed_only_by_a_request_that_is_sent() {
    let mut bench = Bench::new();
    let (_, request) = observe(&mut bench, Confirmable, 1);
    let mut state = vec![0; bench.endpoint.export(&mut [])];
    bench.endpoint.export(&mut state);
    let mut bench = Bench::new();
    bench.endpoint.import(&state, bench.now).unwrap();
    // No place for another exchange with this peer.
    let mut others = Vec::new();
    while let Ok(sent) = bench.get(Confirmable, &[others.len() as u8]) {
        others.push(sent.exchange);
    }
    let again = |bench: &mut Bench| {
        let endpoint = &mut bench.endpoint;
        endpoint
            .exchange_begin(Confirmable, Code::GET, None, [9; 8])
            .unwrap();
        endpoint.draft_add(Part::Path(b"r")).unwrap();
        endpoint
            .draft_add(Part::Option(OBSERVE_OPTION, b""))
            .unwrap();
        endpoint.exchange_send(&bench.peer, bench.now)
    };
    assert_eq!(again(&mut bench), Err(RequestError::NoSlot));
    for exchange in others {
        bench.endpoint.exchange_cancel(exchange, bench.now);
    }
    bench.sent();
    again(&mut bench).unwrap();
    assert_eq!(view(&bench.sent_one()).token(), view(&request).token());
}
