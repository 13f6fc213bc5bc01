// SPDX-License-Identifier: MIT
//! Tables and the message store under load.
#![cfg(all(feature = "observe", feature = "block", feature = "discovery"))]

use super::observing::*;
use super::*;
use crate::config::{BODIES, DEDUPLICATION, OBSERVERS, TRANSMISSIONS};
use MessageType::{Confirmable, NonConfirmable};

#[test]
fn refused_blocks_of_non_confirmable_requests_do_not_fill_the_deduplication() {
    let mut bench = Bench::server();
    for id in 0..DEDUPLICATION as u16 + 1 {
        let datagram = Message::new(NonConfirmable, Code::PUT, id)
            .option(OptionNumber::URI_PATH, b"r")
            .block(BLOCK1, 1, true, 0)
            .payload(&[0; 16])
            .bytes();
        assert_eq!(bench.receive(&datagram), None);
        bench.sent();
    }
    let honest = bench.receive_from(2, &Message::request(Code::GET, "r", 1).bytes());
    assert!(matches!(honest, Some(Event::Request { .. })), "{honest:?}");
}

#[test]
fn links_are_whole_when_room_was_made_for_them() {
    let mut bench = Bench::server_with(Parameters {
        max_message: 256,
        message_store: 256,
        ..Default::default()
    });
    for n in 0..15u8 {
        bench.serve(&[b'p', b'a', b't', b'h', b'0' + n], 20, 0);
    }
    let request = bench.request(&Message::request(Code::GET, "r", 1).bytes());
    bench.respond(request, &[0xAA; 200]).unwrap();
    bench.sent();
    let ask = Message::new(Confirmable, Code::GET, 2)
        .token(b"tokenabc")
        .option(OptionNumber::URI_PATH, b".well-known")
        .option(OptionNumber::URI_PATH, b"core")
        .bytes();
    assert_eq!(bench.receive(&ask), None);
    let answer = bench.sent_one();
    assert_eq!(view(&answer).token().as_slice(), b"tokenabc");
    assert_eq!(view(&answer).content_format(), Some(40));
}

#[test]
fn a_peer_cannot_keep_a_request_to_a_group_alive() {
    let mut bench = Bench::new();
    let group = PeerAddr::new(&[4, 224, 0, 1, 187, 0x16, 0x33]).unwrap();
    bench
        .endpoint
        .exchange_begin(NonConfirmable, Code::GET, Token::new(b"tok"), [9; 8])
        .unwrap();
    bench.endpoint.exchange_send(&group, bench.now).unwrap();
    bench.sent();
    for id in 0..20 {
        let answer = Message::new(NonConfirmable, Code::CONTENT, id)
            .token(b"tok")
            .bytes();
        bench.receive(&answer);
        bench.advance(100_000);
        if bench.endpoint.poll_event(bench.now).is_some() {
            return;
        }
    }
    panic!("still alive after 2000 s");
}

#[test]
fn group_requests_do_not_fill_the_transmissions() {
    let mut bench = Bench::server();
    for n in 0..2 * TRANSMISSIONS as u32 {
        let datagram = Message::new(NonConfirmable, Code::GET, 1)
            .option(OptionNumber::URI_PATH, b"r")
            .bytes();
        let from = peer(1000 + n);
        if let Some(Received {
            event: Event::Request { request, .. },
            ..
        }) = bench
            .endpoint
            .handle_multicast(&from, &mut datagram.to_vec(), bench.now)
        {
            let _ = bench.respond(request, b"x");
            bench.endpoint.incoming_drop(request);
        }
    }
    assert!(bench.get(Confirmable, b"t").is_ok());
}

#[test]
fn a_body_that_a_handler_refuses_is_over() {
    let mut bench = Bench::server();
    let block = |id, num| {
        Message::request(Code::PUT, "r", id)
            .block(BLOCK1, num, true, 0)
            .payload(&[0; 16])
            .bytes()
    };
    let Some(Event::Upload { request, .. }) = bench.receive(&block(1, 0)) else {
        panic!()
    };
    bench
        .endpoint
        .response_begin(request, true, Code::FORBIDDEN)
        .unwrap();
    bench.endpoint.response_send(bench.now).unwrap();
    bench.sent();
    assert_eq!(bench.endpoint.usage().bodies, 0);
    assert_eq!(bench.receive(&block(2, 1)), None);
    assert_eq!(
        view(&bench.sent_one()).code(),
        Code::REQUEST_ENTITY_INCOMPLETE
    );
}

#[test]
fn one_peer_does_not_take_all_bodies() {
    let mut bench = Bench::server();
    let first = |id: u16| {
        Message::request(Code::PUT, "r", id)
            .block(BLOCK1, 0, true, 0)
            .payload(&[0; 16])
    };
    for n in 0..BODIES as u8 {
        let event = bench.receive_from(
            66,
            &first(u16::from(n))
                .option(OptionNumber::REQUEST_TAG, &[n])
                .bytes(),
        );
        if let Some(Event::Upload { request, .. }) = event {
            bench.endpoint.incoming_continue(request, bench.now);
        }
        bench.sent();
    }
    let honest = bench.receive(&first(1).bytes());
    assert!(
        BODIES == 1 || matches!(honest, Some(Event::Upload { .. })),
        "{honest:?}"
    );
}

#[test]
fn peers_that_are_in_use_do_not_keep_an_honest_one_out() {
    let mut bench = server();
    let mut from = 1000;
    let mut next = || {
        from += 1;
        from
    };
    for _ in 0..OBSERVERS {
        let event = bench.receive_from(next(), &registration("o", 1, b"t").bytes());
        let Some(Event::Request { request, .. }) = event else {
            panic!()
        };
        bench.respond(request, b"0").unwrap();
    }
    for _ in 0..BODIES {
        let block = Message::request(Code::PUT, "r", 1)
            .block(BLOCK1, 0, true, 0)
            .payload(&[0; 16]);
        let Some(Event::Upload { request, .. }) = bench.receive_from(next(), &block.bytes()) else {
            panic!()
        };
        bench.endpoint.incoming_continue(request, bench.now);
    }
    for _ in 0..TRANSMISSIONS {
        let datagram = Message::new(NonConfirmable, Code::GET, 1)
            .option(OptionNumber::URI_PATH, b"r")
            .bytes();
        if let Some(Received {
            event: Event::Request { request, .. },
            ..
        }) = bench
            .endpoint
            .handle_multicast(&peer(next()), &mut datagram.to_vec(), bench.now)
        {
            let _ = bench.respond(request, b"x");
        }
        bench.sent();
    }
    bench.sent();
    bench.receive(&Message::request(Code::GET, "nowhere", 1).bytes());
    assert_eq!(bench.sent().len(), 1, "an answer");
}

#[test]
fn an_end_that_waits_to_be_reported_stays_one() {
    let mut bench = Bench::new();
    let endpoint = &mut bench.endpoint;
    endpoint
        .exchange_begin(NonConfirmable, Code::PUT, None, [9; 8])
        .unwrap();
    endpoint
        .draft_add(Part::Option(OptionNumber::NO_RESPONSE, &[26]))
        .unwrap();
    endpoint.exchange_send(&bench.peer, bench.now).unwrap();
    bench.sent_one();
    assert!(bench.endpoint.has_ended());
    bench.advance(10_000);
    assert!(bench.endpoint.has_ended());
}

#[test]
fn a_block_that_could_not_be_answered_may_come_once_more() {
    let mut bench = Bench::server();
    let block = |num: u16| {
        let message = Message::request(Code::PUT, "r", num).block(BLOCK1, u32::from(num), true, 0);
        message.payload(&[0; 16]).bytes()
    };
    let Some(Event::Upload { request, .. }) = bench.receive(&block(0)) else {
        panic!()
    };
    bench.endpoint.incoming_continue(request, bench.now);
    bench.sent();
    let Some(Event::Upload { request, .. }) = bench.receive(&block(1)) else {
        panic!()
    };
    // No slot of the store is free.
    let mut taken = Vec::new();
    while let Some(message) = bench.endpoint.message.store_mut().add(b"full") {
        taken.push(message);
    }
    let endpoint = &mut bench.endpoint;
    taken.extend(endpoint.message.keep(&mut endpoint.upper, b"full"));
    bench.endpoint.incoming_continue(request, bench.now);
    assert!(bench.sent().is_empty());
    for message in taken {
        bench.endpoint.message.free(message);
    }
    assert_eq!(bench.receive(&block(1)), None, "the peer repeats it");
    assert_eq!(view(&bench.sent_one()).code(), Code::CONTINUE);
}

#[test]
fn a_filter_for_a_long_target_is_exact() {
    let mut bench = Bench::with(large_messages());
    assert!(bench.endpoint.resources().move_to(vec![0; 1024].leak()));
    let path = [b'a'; 200];
    bench.serve(&path, 9, 0);
    let mut href = b"href=/".to_vec();
    href.extend_from_slice(&[b'a'; 127]);
    let ask = Message::new(Confirmable, Code::GET, 1)
        .option(OptionNumber::URI_PATH, b".well-known")
        .option(OptionNumber::URI_PATH, b"core")
        .option(OptionNumber::URI_QUERY, &href)
        .bytes();
    bench.receive(&ask);
    assert_eq!(view(&bench.sent_one()).payload(), b"", "another target");
    let mut href = b"href=/".to_vec();
    href.extend_from_slice(&path);
    let ask = Message::new(Confirmable, Code::GET, 2)
        .option(OptionNumber::URI_PATH, b".well-known")
        .option(OptionNumber::URI_PATH, b"core")
        .option(OptionNumber::URI_QUERY, &href)
        .bytes();
    bench.receive(&ask);
    assert!(!view(&bench.sent_one()).payload().is_empty(), "the target");
}
