// SPDX-License-Identifier: MIT
//! As a client, RFC 7641 section 3.3.1: what happens while an observation registers again or fetches the rest of a
//! notification.
#![cfg(all(feature = "observe", feature = "block", feature = "discovery"))]

use super::observing::*;
use super::*;
use crate::config::TRANSFERS;
use crate::message::transmission::{Backoff, Handover};
use MessageType::{Acknowledgement, Confirmable, NonConfirmable, Reset};

/// An observation that registers again while the fetch of the rest of a notification fails.
fn registering_while_a_fetch_fails(bench: &mut Bench) -> Handle {
    let (exchange, request) = observing(bench, 60);
    // A notification of several blocks; the program takes its time.
    let long = notification(Confirmable, &request, 50, 11)
        .uint(OptionNumber::MAX_AGE, 0)
        .block(BLOCK2, 0, true, 0)
        .payload(&[0; 16])
        .bytes();
    assert_eq!(bench.receive(&long), Some(Event::Block(exchange)));
    bench.sent();
    // Max-Age is over: it registers again.
    bench.advance_to_timeout();
    assert_eq!(number(&bench.sent_one()), Some(0));
    // The program asks for the rest, which the server rejects.
    bench
        .endpoint
        .exchange_continue(exchange, [8; 8], bench.now)
        .unwrap();
    let fetch = bench.sent_one();
    assert_eq!(bench.receive(&empty(Reset, view(&fetch).id().0)), None);
    exchange
}

#[test]
fn an_exchange_has_one_transmission() {
    let mut bench = Bench::with(Parameters {
        nstart: 4,
        ..large_messages()
    });
    registering_while_a_fetch_fails(&mut bench);
    for _ in 0..4 {
        bench.advance(5000);
        bench.sent();
        assert!(bench.endpoint.usage().transmissions <= 1);
    }
}

#[test]
fn nothing_is_sent_from_a_place_that_was_freed() {
    let mut bench = Bench::server_with(Parameters {
        nstart: 4,
        ..large_messages()
    });
    let exchange = registering_while_a_fetch_fails(&mut bench);
    for _ in 0..4 {
        bench.advance(5000);
        bench.sent();
    }
    assert!(bench.endpoint.exchange_cancel(exchange, bench.now));
    // Something for somebody else takes the place.
    let event = bench.receive_from(2, &Message::request(Code::GET, "r", 1).bytes());
    let Some(Event::Request { request, .. }) = event else {
        panic!()
    };
    bench.respond(request, b"secret").unwrap();
    bench.sent();
    let first = bench.peer;
    for _ in 0..30 {
        bench.advance(5000);
        while let Some(datagram) = bench.endpoint.poll_transmit() {
            assert_ne!(*datagram.peer, first, "{:?}", datagram.bytes);
        }
    }
}

#[test]
fn an_older_notification_does_not_end_the_registering() {
    let mut bench = Bench::new();
    let (_, request) = observing(&mut bench, 0);
    bench.advance_to_timeout();
    let again = bench.sent_one();
    assert_eq!(number(&again), Some(0));
    let old = notification(NonConfirmable, &request, 1, 9).bytes();
    assert_eq!(bench.receive(&old), None);
    assert!(!bench.is_idle(), "nobody would ever register again");
    let mut later = Vec::new();
    for _ in 0..3 {
        bench.advance_to_timeout();
        later.extend(bench.sent());
    }
    assert_eq!(number(&later[0]), Some(0));
}

#[test]
fn an_observation_keeps_its_request() {
    let mut bench = Bench::with(Parameters {
        max_message: 64,
        message_store: 64,
        ..Default::default()
    });
    let (exchange, request) = observe(&mut bench, NonConfirmable);
    bench.advance_to_timeout();
    // Something long needs room.
    let endpoint = &mut bench.endpoint;
    endpoint
        .exchange_begin(NonConfirmable, Code::PUT, None, [9; 8])
        .unwrap();
    let _ = endpoint.draft_add(Part::Payload(&[0; 54]));
    endpoint.discard_draft();
    let non = notification(NonConfirmable, &request, 1, 5)
        .uint(OptionNumber::MAX_AGE, 0)
        .bytes();
    assert_eq!(bench.receive(&non), Some(Event::Notification(exchange)));
    // Then it must register again, or end.
    for _ in 0..4 {
        bench.advance_to_timeout();
        if bench.endpoint.poll_event(bench.now).is_some() || !bench.sent().is_empty() {
            return;
        }
    }
    panic!("neither registers nor ends");
}

#[test]
fn a_registration_that_is_renewed_may_be_challenged_again() {
    let mut bench = Bench::new();
    let (exchange, mut request) = observe(&mut bench, Confirmable);
    for n in 0..3 {
        let challenge = Message::answer(&request, Code::UNAUTHORIZED)
            .option(OptionNumber::ECHO, &[n])
            .bytes();
        assert_eq!(bench.receive(&challenge), None, "{n}");
        let again = bench.sent_one();
        assert_eq!(view(&again).first(OptionNumber::ECHO), Some(&[n][..]));
        let answer = Message::answer(&again, Code::CONTENT)
            .uint(OBSERVE_OPTION, u32::from(n))
            .uint(OptionNumber::MAX_AGE, 0)
            .bytes();
        assert_eq!(bench.receive(&answer), Some(Event::Notification(exchange)));
        bench.advance_to_timeout();
        request = bench.sent_one();
    }
}

#[test]
fn the_last_response_counts_even_if_the_rest_of_a_notification_is_missing() {
    let mut bench = Bench::new();
    let (exchange, request) = observing(&mut bench, 60);
    let long = notification(Confirmable, &request, 50, 11)
        .block(BLOCK2, 0, true, 0)
        .payload(&[0; 16])
        .bytes();
    assert_eq!(bench.receive(&long), Some(Event::Block(exchange)));
    let last = Message::new(Confirmable, Code::CONTENT, 51)
        .token(view(&request).token().as_slice())
        .payload(b"x")
        .bytes();
    assert_eq!(bench.receive(&last), Some(Event::Response(exchange)));
    assert_eq!(bench.endpoint.usage().bodies, 0);
}

#[test]
fn without_room_for_the_blocks_of_a_notification_it_registers_again_soon() {
    let mut bench = Bench::with(Parameters {
        nstart: 255,
        ..large_messages()
    });
    let (_, request) = observing(&mut bench, 60);
    for n in 0..TRANSFERS as u32 {
        let endpoint = &mut bench.endpoint;
        endpoint
            .exchange_begin(Confirmable, Code::PUT, None, [9; 8])
            .unwrap();
        endpoint.draft_body(Some(40), 16).unwrap();
        endpoint.draft_block(&[0; 16], true).unwrap();
        endpoint.exchange_send(&peer(50 + n), bench.now).unwrap();
    }
    bench.sent();
    let long = notification(Confirmable, &request, 50, 11)
        .uint(OptionNumber::MAX_AGE, 100_000)
        .block(BLOCK2, 0, true, 0)
        .payload(&[0; 16])
        .bytes();
    assert_eq!(bench.receive(&long), None);
    bench.sent();
    let mut registered = false;
    for _ in 0..200 {
        bench.advance(1000);
        registered |= bench.sent().iter().any(|d| number(d) == Some(0));
        while bench.endpoint.poll_event(bench.now).is_some() {}
    }
    assert!(registered);
}

#[test]
fn a_fetch_is_finished_before_it_registers_again() {
    let mut bench = Bench::new();
    let (exchange, request) = observing(&mut bench, 60);
    let long = |id, number| {
        notification(Confirmable, &request, id, number)
            .uint(OptionNumber::MAX_AGE, 1)
            .block(BLOCK2, 0, true, 0)
            .payload(&[0; 16])
            .bytes()
    };
    assert_eq!(bench.receive(&long(50, 11)), Some(Event::Block(exchange)));
    bench.sent();
    // Ten blocks, three seconds each.
    for num in 1..10u32 {
        bench
            .endpoint
            .exchange_continue(exchange, [8; 8], bench.now)
            .unwrap();
        let fetch = bench.sent_one();
        bench.receive(&empty(Acknowledgement, view(&fetch).id().0));
        for _ in 0..3 {
            bench.advance(1000);
            for datagram in bench.sent() {
                assert_ne!(number(&datagram), Some(0), "at block {num}");
            }
        }
        let block = Message::new(NonConfirmable, Code::CONTENT, 100 + num as u16)
            .token(view(&fetch).token().as_slice())
            .block(BLOCK2, num, true, 0)
            .payload(&[0; 16])
            .bytes();
        assert_eq!(bench.receive(&block), Some(Event::Block(exchange)));
    }
}

#[test]
fn the_message_that_the_next_one_is_made_from_is_not_spared() {
    let mut bench = Bench::with(Parameters {
        message_store: 8192,
        ..large_messages()
    });
    bench.get(NonConfirmable, b"tok").unwrap();
    let request = bench.sent_one();
    bench.advance_to_timeout();
    // All slots of the store are taken.
    while bench.endpoint.message.store_mut().add(b"full").is_some() {}
    let challenge = Message::new(NonConfirmable, Code::UNAUTHORIZED, 5)
        .token(view(&request).token().as_slice())
        .option(OptionNumber::ECHO, b"value")
        .bytes();
    bench.receive(&challenge);
    for datagram in bench.sent() {
        assert!(!datagram.is_empty(), "a freed message");
    }
}

#[test]
fn an_observation_that_is_registered_does_not_give_way() {
    use crate::config::EXCHANGES;
    let mut bench = Bench::with(Parameters {
        nstart: 255,
        ..large_messages()
    });
    let (exchange, request) = observe(&mut bench, NonConfirmable);
    let non = notification(NonConfirmable, &request, 1, 5)
        .uint(OptionNumber::MAX_AGE, 0)
        .bytes();
    assert_eq!(bench.receive(&non), Some(Event::Notification(exchange)));
    bench.advance_to_timeout();
    assert_eq!(number(&bench.sent_one()), Some(0), "registers again");
    bench.advance(4000);
    for n in 0..EXCHANGES as u8 {
        let _ = bench.get(Confirmable, &[n]);
        bench.sent();
    }
    assert_eq!(bench.endpoint.poll_event(bench.now), None);
    assert_eq!(bench.endpoint.usage().observations, 1);
}

#[test]
fn a_fetch_that_cannot_be_sent_leaves_nothing() {
    let mut bench = Bench::with(Parameters {
        nstart: 255,
        ..large_messages()
    });
    let (exchange, request) = observing(&mut bench, 60);
    let long = notification(Confirmable, &request, 50, 11)
        .uint(OptionNumber::MAX_AGE, 100_000)
        .block(BLOCK2, 0, true, 0)
        .payload(&[0; 16])
        .bytes();
    assert_eq!(bench.receive(&long), Some(Event::Block(exchange)));
    bench.sent();
    // All transmissions are taken for a while.
    let layer = &mut bench.endpoint.message;
    while !layer.is_full() {
        let message = layer.store_mut().add(&[0x40, 1, 0, 0]).unwrap();
        let handover = Handover {
            peer: layer.find_peer(&bench.peer).unwrap(),
            message,
            confirmable: true,
            kept: false,
            held: false,
            owner: None,
            backoff: Backoff::default(),
        };
        layer.transmit(handover, bench.now).unwrap();
    }
    let sent = bench
        .endpoint
        .exchange_continue(exchange, [8; 8], bench.now);
    assert_eq!(sent, Err(RequestError::NoSlot));
    assert_eq!(bench.endpoint.usage().bodies, 0);
    let peer = bench.endpoint.message.find_peer(&bench.peer).unwrap();
    for _ in 0..crate::config::TRANSMISSIONS {
        bench
            .endpoint
            .message
            .end_unowned(peer, |_| true, bench.now);
    }
    bench.sent();
    bench.advance(15_000);
    assert_eq!(
        number(&bench.sent_one()),
        Some(0),
        "the state is asked for anew"
    );
}

#[test]
fn a_reset_of_a_message_that_was_answered_long_ago_is_ignored() {
    let mut bench = Bench::new();
    let (_, request) = observing(&mut bench, 60);
    assert_eq!(bench.receive(&empty(Reset, view(&request).id().0)), None);
    assert_eq!(bench.endpoint.poll_event(bench.now), None);
    assert_eq!(bench.endpoint.usage().observations, 1);
}
