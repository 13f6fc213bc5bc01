// SPDX-License-Identifier: MIT
//! What holds requests back, and what happens when there is no room: RFC 7252 sections 4.4 and 4.7.

use super::*;
use crate::config::EXCHANGES;
use MessageType::{Acknowledgement, Confirmable, NonConfirmable, Reset};

#[test]
fn a_second_request_to_a_peer_waits_for_its_turn() {
    let mut bench = Bench::new();
    let first = bench.get(Confirmable, b"1").unwrap();
    let second = bench.get(Confirmable, b"2").unwrap();
    bench.sent_one();
    let early = message(NonConfirmable, Code::CONTENT, 9, &[]);
    let mut early_two = early.clone();
    early_two[4] = b'2';
    assert!(
        bench.receive(&early_two).is_none(),
        "answered before it was sent"
    );
    bench.receive(&empty(Acknowledgement, first.id.0));
    let datagram = bench.sent_one();
    assert_eq!(view(&datagram).id(), second.id);
    // NSTART is per peer.
    bench.peer = peer(2);
    bench.get(Confirmable, b"3").unwrap();
    bench.sent_one();
}

#[test]
fn a_request_that_was_not_sent_cannot_be_reset() {
    let mut bench = Bench::new();
    bench.get(Confirmable, b"1").unwrap();
    let waiting = bench.get(Confirmable, b"2").unwrap();
    bench.sent_one();
    let reset = empty(Reset, waiting.id.0);
    assert!(bench.receive(&reset).is_none());
    assert_eq!(bench.endpoint.usage().exchanges, 2);
}

#[test]
fn nstart_lets_more_requests_out() {
    let mut bench = Bench::with(Parameters {
        nstart: 2,
        ..Default::default()
    });
    for token in [b"1", b"2", b"3"] {
        bench.get(Confirmable, token).unwrap();
    }
    assert_eq!(bench.sent().len(), 2);
}

#[test]
fn a_cancelled_request_is_silent_and_makes_room() {
    let mut bench = Bench::new();
    let first = bench.get(Confirmable, b"1").unwrap();
    let second = bench.get(Confirmable, b"2").unwrap();
    bench.sent_one();
    assert!(bench.endpoint.exchange_cancel(first.exchange, bench.now));
    assert!(!bench.endpoint.exchange_cancel(first.exchange, bench.now));
    let datagram = bench.sent_one();
    assert_eq!(view(&datagram).id(), second.id);
    assert_eq!(bench.endpoint.poll_event(bench.now), None);
}

#[test]
fn a_silent_peer_gets_non_confirmable_requests_at_the_probing_rate() {
    let mut bench = Bench::new();
    let (mut bytes, start) = (0, bench.now);
    // 7 bytes each 3 s are 4 more than may go: the 247 of the allowance are gone after 62 rounds, and of
    // the rounds after that no more are held than the table takes.
    for token in 0..62 + 38.min(EXCHANGES as u8 - 1) {
        bench.get(NonConfirmable, &[token]).unwrap();
        let sent = bench.sent();
        bytes += sent.iter().map(Vec::len).sum::<usize>();
        while bench.endpoint.poll_event(bench.now).is_some() {}
        bench.advance(3_000);
    }
    let seconds = bench.now.since(start) / 1000;
    let allowance = 247 + 7;
    assert!(
        bytes <= seconds as usize + allowance,
        "{bytes} bytes in {seconds} s"
    );
    assert!(bytes > 200, "but they do go out: {bytes}");
    bench.receive(&message(NonConfirmable, Code::CONTENT, 5, &[]));
    bench.advance(0);
    assert!(
        !bench.sent().is_empty(),
        "a peer that is heard of is not silent"
    );
}

#[test]
fn when_the_table_is_full_unanswered_non_requests_give_way_with_an_event() {
    let mut bench = Bench::with(Parameters {
        nstart: 255,
        probing_rate: 1_000_000,
        ..Default::default()
    });
    let first = bench.get(NonConfirmable, b"t").unwrap();
    bench.sent_one();
    bench.advance(0);
    for token in 2..EXCHANGES as u8 {
        bench.get(Confirmable, &[token]).unwrap();
        bench.sent();
    }
    bench.now = bench.now.after(2999);
    assert_eq!(
        bench.get(Confirmable, b"l"),
        Err(RequestError::NoSlot),
        "the response may be on its way"
    );
    bench.now = bench.now.after(1);
    assert!(bench.get(Confirmable, b"l").is_ok());
    assert_eq!(bench.endpoint.poll_timeout(bench.now), Some(0));
    let ended = bench.endpoint.poll_event(bench.now).unwrap();
    assert_eq!(
        (ended.exchange, ended.failure),
        (first.exchange, Failure::Timeout)
    );
    assert_eq!(
        bench.get(Confirmable, b"m"),
        Err(RequestError::NoSlot),
        "confirmable ones do not"
    );
    assert_eq!(bench.endpoint.usage().exchanges, EXCHANGES - 1);
    bench.peer = peer(2);
    assert!(
        bench.get(Confirmable, b"t").is_ok(),
        "one slot is left to others"
    );
    assert_eq!(bench.get(Confirmable, b"t"), Err(RequestError::NoSlot));
}

#[test]
fn a_request_held_by_the_probing_rate_does_not_hold_back_a_confirmable_one() {
    let mut bench = Bench::with(large_messages());
    for entropy in [1, 2] {
        bench
            .endpoint
            .exchange_begin(NonConfirmable, Code::PUT, None, [entropy; 8])
            .unwrap();
        bench.endpoint.draft_add(Part::Payload(&[0; 1000])).unwrap();
        bench
            .endpoint
            .exchange_send(&bench.peer, bench.now)
            .unwrap();
    }
    assert_eq!(view(&bench.sent_one()).kind(), NonConfirmable);
    bench.get(Confirmable, b"c").unwrap();
    assert_eq!(view(&bench.sent_one()).kind(), Confirmable);
}

#[test]
fn a_cancelled_non_confirmable_request_is_not_sent() {
    let mut bench = Bench::new();
    let sent = bench.get(NonConfirmable, b"t").unwrap();
    assert!(bench.endpoint.exchange_cancel(sent.exchange, bench.now));
    assert!(bench.sent().is_empty());
}

#[test]
fn a_message_id_given_late_is_the_exchange_s_too() {
    let mut bench = Bench::new();
    *bench.endpoint.message.ids_mut() = crate::message::message_id::MessageIds::default();
    let lifetime = bench.endpoint.parameters().exchange_lifetime_ms();
    for _ in 0..=u16::MAX {
        bench
            .endpoint
            .message
            .ids_mut()
            .allocate(bench.now, lifetime)
            .unwrap();
    }
    assert_eq!(bench.get(NonConfirmable, b"t").unwrap().id, MessageId(0));
    assert!(bench.sent().is_empty(), "all ids may be known");
    assert_eq!(bench.advance_to_timeout(), Some(lifetime));
    let datagram = bench.sent_one();
    bench.advance(3000);
    let reset = empty(Reset, view(&datagram).id().0);
    assert_eq!(bench.receive(&reset), None);
    let ended = bench.endpoint.poll_event(bench.now).unwrap();
    assert_eq!(ended.failure, Failure::Reset);
}
