// SPDX-License-Identifier: MIT
//! As a server, RFC 7959: bodies that peers send (Block1) and fetch (Block2).
#![cfg(feature = "block")]

use super::*;
use crate::config::BODIES;
use MessageType::{Acknowledgement, Confirmable, NonConfirmable};

const BLOCK1: OptionNumber = OptionNumber::BLOCK1;
const BLOCK2: OptionNumber = OptionNumber::BLOCK2;

/// Block `num` of 16 bytes.
fn block1(id: u16, num: u32, more: bool, payload: &[u8]) -> Message {
    Message::request(Code::PUT, "r", id)
        .block(BLOCK1, num, more, 0)
        .payload(payload)
}

fn upload(bench: &mut Bench, datagram: &[u8]) -> Handle {
    match bench.receive(datagram) {
        Some(Event::Upload { request, .. }) => request,
        other => panic!("{other:?}"),
    }
}

/// The code of the one datagram there is to send.
fn refused(bench: &mut Bench, datagram: &[u8]) -> Code {
    let event = bench.receive(datagram);
    assert!(event.is_none(), "{event:?}");
    view(&bench.sent_one()).code()
}

#[test]
fn what_the_next_block_is_asked_for_with_always_has_room() {
    for free in 0..40 {
        let mut bench = Bench::server_with(small_store());
        fill_store(&mut bench, free);
        for num in 0..3 {
            let request = upload(&mut bench, &block1(num as u16, num, true, &[0; 16]).bytes());
            assert!(bench.endpoint.incoming_continue(request, bench.now));
            let answer = bench.sent_one();
            assert_eq!(view(&answer).code(), Code::CONTINUE);
            assert_eq!(
                block_of(&answer, BLOCK1),
                Some((num, true, 0)),
                "{free} bytes free"
            );
        }
    }
}

#[test]
fn a_body_comes_block_by_block_and_only_the_last_one_is_a_request() {
    let mut bench = Bench::server();
    let mut body = None;
    for num in 0..3 {
        let datagram = block1(num as u16, num, true, &[num as u8; 16]).bytes();
        let request = upload(&mut bench, &datagram);
        assert_eq!(bench.piece.offset, num * 16);
        assert!(bench.piece.body.is_some());
        assert_eq!(*body.get_or_insert(bench.piece.body), bench.piece.body);
        assert!(bench.endpoint.incoming_continue(request, bench.now));
        let answer = bench.sent_one();
        assert_eq!(view(&answer).code(), Code::CONTINUE);
        assert_eq!(view(&answer).kind(), Acknowledgement);
        assert_eq!(block_of(&answer, BLOCK1), Some((num, true, 0)));
        assert!(bench.receive(&datagram).is_none(), "a repetition");
        assert_eq!(bench.sent_one(), answer);
    }
    let request = bench.request(&block1(9, 3, false, b"end").bytes());
    assert_eq!((bench.piece.offset, bench.piece.body), (48, body.unwrap()));
    bench.respond(request, b"done").unwrap();
    let answer = bench.sent_one();
    assert_eq!(view(&answer).code(), Code::CONTENT);
    assert_eq!(block_of(&answer, BLOCK1), Some((3, false, 0)));
    assert_eq!(bench.endpoint.usage().bodies, 0);
    assert_eq!(bench.endpoint.usage().requests, 0);
}

#[test]
fn one_block_is_a_whole_body() {
    let mut bench = Bench::server();
    let request = bench.request(&block1(1, 0, false, b"all").bytes());
    assert_eq!(bench.piece, Piece::default());
    bench.respond(request, b"").unwrap();
    assert_eq!(block_of(&bench.sent_one(), BLOCK1), Some((0, false, 0)));
}

#[test]
fn blocks_that_do_not_follow_are_4_08() {
    let mut bench = Bench::server();
    let incomplete = Code::REQUEST_ENTITY_INCOMPLETE;
    let at = |id, num, more| block1(id, num, more, &[0; 16]).bytes();
    assert_eq!(refused(&mut bench, &at(1, 1, true)), incomplete, "no first");
    let request = upload(&mut bench, &at(2, 0, true));
    bench.endpoint.incoming_continue(request, bench.now);
    bench.sent();
    assert_eq!(refused(&mut bench, &at(3, 2, true)), incomplete, "a gap");
    assert_eq!(refused(&mut bench, &at(4, 0x1000, false)), incomplete);
}

#[test]
fn the_block_that_came_last_is_taken_once_more() {
    let mut bench = Bench::server();
    for (id, num) in [(1, 0), (2, 1)] {
        let request = upload(&mut bench, &block1(id, num, true, &[0; 16]).bytes());
        bench.endpoint.incoming_continue(request, bench.now);
        bench.sent();
    }
    let again = block1(3, 1, true, &[0; 16]).bytes();
    assert_eq!(refused(&mut bench, &again), Code::CONTINUE);
    let request = upload(&mut bench, &block1(4, 2, true, &[0; 16]).bytes());
    assert_eq!(bench.piece.offset, 32);
    bench.endpoint.incoming_continue(request, bench.now);
}

#[test]
fn a_block_of_the_wrong_size_ends_the_body() {
    let mut bench = Bench::server();
    let bad = Code::BAD_REQUEST;
    for len in [0, 15, 17] {
        let datagram = block1(len as u16, 0, true, &vec![0; len]).bytes();
        assert_eq!(refused(&mut bench, &datagram), bad, "{len} bytes");
    }
    let datagram = block1(20, 0, false, &[0; 17]).bytes();
    assert_eq!(refused(&mut bench, &datagram), bad, "a long last block");
    let reserved = Message::request(Code::PUT, "r", 21).option(BLOCK1, &[0x0F]);
    assert_eq!(
        refused(&mut bench, &reserved.payload(&[0; 16]).bytes()),
        bad
    );
    let reserved = Message::request(Code::GET, "r", 22).option(BLOCK2, &[0x07]);
    assert_eq!(refused(&mut bench, &reserved.bytes()), bad);
    let request = upload(&mut bench, &block1(23, 0, true, &[0; 16]).bytes());
    bench.endpoint.incoming_continue(request, bench.now);
    bench.sent();
    assert_eq!(
        refused(&mut bench, &block1(24, 1, true, &[0; 9]).bytes()),
        bad
    );
    assert_eq!(bench.endpoint.usage().bodies, 0);
}

#[test]
fn a_body_that_is_too_large_is_4_13_with_the_size_that_would_do() {
    let mut bench = Bench::server_with(Parameters {
        max_body: 40,
        ..Default::default()
    });
    let too_large = |bench: &mut Bench, datagram: Vec<u8>| {
        assert!(bench.receive(&datagram).is_none());
        let answer = bench.sent_one();
        assert_eq!(view(&answer).code(), Code::REQUEST_ENTITY_TOO_LARGE);
        assert_eq!(view(&answer).uint(OptionNumber::SIZE1), Some(40));
    };
    let announced = block1(1, 0, true, &[0; 16]).uint(OptionNumber::SIZE1, 41);
    too_large(&mut bench, announced.bytes());
    for (id, num) in [(2, 0), (3, 1)] {
        let request = upload(&mut bench, &block1(id, num, true, &[0; 16]).bytes());
        bench.endpoint.incoming_continue(request, bench.now);
        bench.sent();
    }
    too_large(&mut bench, block1(4, 2, false, &[0; 9]).bytes());
    assert_eq!(bench.endpoint.usage().bodies, 0);
    // A resource may have its own limit.
    let resource = Resource {
        number: 9,
        methods: 0xFE,
        max_body: 41,
        ..Default::default()
    };
    bench.endpoint.resources().add(b"r", &resource).unwrap();
    let announced = block1(5, 0, true, &[0; 16]).uint(OptionNumber::SIZE1, 41);
    upload(&mut bench, &announced.bytes());
}

#[test]
fn a_block_larger_than_a_message_is_answered_with_the_size_that_would_do() {
    let mut bench = Bench::server_with(Parameters {
        max_message: 100,
        message_store: 400,
        ..Default::default()
    });
    let datagram = Message::request(Code::PUT, "r", 1)
        .block(BLOCK1, 0, true, 3)
        .payload(&[0; 128])
        .bytes();
    assert!(bench.receive(&datagram[..101]).is_none());
    let answer = bench.sent_one();
    assert_eq!(view(&answer).code(), Code::REQUEST_ENTITY_TOO_LARGE);
    assert_eq!(block_of(&answer, BLOCK1), Some((0, true, 2)));
}

#[test]
fn bodies_of_different_peers_tags_and_queries_do_not_mix() {
    let mut bench = Bench::server();
    let first = block1(1, 0, true, &[1; 16]);
    upload(&mut bench, &first.bytes());
    let body = bench.piece.body;
    let other = bench.receive_from(2, &block1(1, 0, true, &[2; 16]).bytes());
    if BODIES > 1 {
        assert!(matches!(other, Some(Event::Upload { .. })), "{other:?}");
        assert_ne!(bench.piece.body, body);
    } else {
        assert_eq!(other, None, "one at a time");
    }
    bench.sent();
    for message in [
        block1(2, 1, true, &[1; 16]).option(OptionNumber::REQUEST_TAG, b"x"),
        block1(3, 1, true, &[1; 16]).option(OptionNumber::URI_QUERY, b"x"),
        Message::request(Code::POST, "r", 4)
            .block(BLOCK1, 1, true, 0)
            .payload(&[1; 16]),
    ] {
        let code = refused(&mut bench, &message.bytes());
        assert_eq!(code, Code::REQUEST_ENTITY_INCOMPLETE);
    }
    // Size1 is no part of what it is known by.
    let next = block1(5, 1, true, &[1; 16]).uint(OptionNumber::SIZE1, 99);
    upload(&mut bench, &next.bytes());
    assert_eq!(bench.piece.body, body);
}

#[test]
fn abandoned_bodies_are_forgotten_and_do_not_keep_others_out_for_ever() {
    let mut bench = Bench::server();
    for n in 0..BODIES as u32 {
        let event = bench.receive_from(10 + n, &block1(1, 0, true, &[0; 16]).bytes());
        assert!(matches!(event, Some(Event::Upload { .. })));
        bench.endpoint.incoming_continue(
            match event {
                Some(Event::Upload { request, .. }) => request,
                _ => unreachable!(),
            },
            bench.now,
        );
    }
    bench.sent();
    let body = bench.piece.body.unwrap();
    assert!(bench.endpoint.body_is_alive(body));
    assert!(
        bench
            .receive(&block1(1, 0, true, &[0; 16]).bytes())
            .is_none()
    );
    let datagram = bench.sent_one();
    assert_eq!(view(&datagram).code(), Code::SERVICE_UNAVAILABLE);
    bench.advance(247_000);
    assert!(!bench.endpoint.body_is_alive(body));
    assert_eq!(bench.endpoint.usage().bodies, 0);
    upload(&mut bench, &block1(2, 0, true, &[0; 16]).bytes());
}

#[test]
fn a_first_block_begins_anew() {
    let mut bench = Bench::server();
    for id in [1, 2] {
        let request = upload(&mut bench, &block1(id, 0, true, &[0; 16]).bytes());
        assert_eq!(bench.piece.offset, 0);
        bench.endpoint.incoming_continue(request, bench.now);
    }
    assert_eq!(bench.endpoint.usage().bodies, 1);
}

#[test]
fn blocks_may_become_smaller_on_the_way() {
    let mut bench = Bench::server();
    let datagram = Message::request(Code::PUT, "r", 1)
        .block(BLOCK1, 0, true, 1)
        .payload(&[0; 32])
        .bytes();
    let request = upload(&mut bench, &datagram);
    bench.endpoint.incoming_continue(request, bench.now);
    upload(&mut bench, &block1(2, 2, true, &[0; 16]).bytes());
    assert_eq!(bench.piece.offset, 32);
}

#[test]
fn a_block_of_a_non_confirmable_request_is_taken_with_a_non() {
    let mut bench = Bench::server();
    let datagram = Message::new(NonConfirmable, Code::PUT, 1)
        .option(OptionNumber::URI_PATH, b"r")
        .block(BLOCK1, 0, true, 0)
        .payload(&[0; 16])
        .bytes();
    let request = upload(&mut bench, &datagram);
    bench.endpoint.incoming_continue(request, bench.now);
    let answer = bench.sent_one();
    assert_eq!(
        (view(&answer).kind(), view(&answer).code()),
        (NonConfirmable, Code::CONTINUE)
    );
}

#[test]
fn a_handler_may_refuse_a_block() {
    let mut bench = Bench::server();
    let request = upload(&mut bench, &block1(1, 0, true, &[0; 16]).bytes());
    bench
        .endpoint
        .response_begin(request, true, Code::FORBIDDEN)
        .unwrap();
    bench.endpoint.response_send(bench.now).unwrap();
    assert_eq!(view(&bench.sent_one()).code(), Code::FORBIDDEN);
    assert_eq!(bench.endpoint.usage().requests, 0);
}

// ---- Block2 ----

/// Answers with the part of `body` that is asked for.
fn serve(bench: &mut Bench, request: Handle, body: &[u8]) -> Responded {
    let endpoint = &mut bench.endpoint;
    endpoint
        .response_begin(request, true, Code::CONTENT)
        .unwrap();
    let total = body.len() as u32;
    let (offset, len) = endpoint.draft_body(Some(total), 0).unwrap();
    let end = (offset + len).min(total);
    let part = body.get(offset as usize..end as usize).unwrap_or_default();
    endpoint.draft_block(part, end < total).unwrap();
    endpoint.response_send(bench.now).unwrap()
}

#[test]
fn a_long_response_goes_block_by_block() {
    let mut bench = Bench::server_with(large_messages());
    let body: Vec<u8> = (0..2500u32).map(|n| n as u8).collect();
    let request = bench.request(&Message::request(Code::GET, "r", 1).bytes());
    let first = serve(&mut bench, request, &body);
    let answer = bench.sent_one();
    assert_eq!(block_of(&answer, BLOCK2), Some((0, true, 6)));
    assert_eq!(view(&answer).payload(), &body[..1024]);
    assert_eq!(view(&answer).uint(OptionNumber::SIZE2), None);
    let mut received = view(&answer).payload().to_vec();
    for num in 1..3 {
        let ask = Message::request(Code::GET, "r", 1 + num as u16)
            .block(BLOCK2, num, false, 6)
            .uint(OptionNumber::SIZE2, 0);
        let event = bench.receive(&ask.bytes());
        let Some(Event::Download { request, .. }) = event else {
            panic!("{event:?}");
        };
        assert_eq!(
            (bench.piece.offset, bench.piece.body),
            (num * 1024, first.body)
        );
        let responded = serve(&mut bench, request, &body);
        assert_eq!(responded.body.is_some(), num < 2);
        let answer = bench.sent_one();
        assert_eq!(block_of(&answer, BLOCK2), Some((num, num < 2, 6)));
        assert_eq!(view(&answer).uint(OptionNumber::SIZE2), Some(2500));
        received.extend_from_slice(view(&answer).payload());
    }
    assert_eq!(received, body);
    assert_eq!(bench.endpoint.usage().bodies, 0);
}

#[test]
fn a_response_that_fits_has_no_block_option_unless_asked() {
    let mut bench = Bench::server();
    let request = bench.request(&Message::request(Code::GET, "r", 1).bytes());
    serve(&mut bench, request, b"short");
    assert_eq!(block_of(&bench.sent_one(), BLOCK2), None);
    let asked = Message::request(Code::GET, "r", 2).block(BLOCK2, 0, false, 2);
    let request = bench.request(&asked.bytes());
    serve(&mut bench, request, b"short");
    assert_eq!(block_of(&bench.sent_one(), BLOCK2), Some((0, false, 2)));
}

#[test]
fn the_client_chooses_a_smaller_block_and_any_number() {
    let mut bench = Bench::server();
    let body: Vec<u8> = (0..200).collect();
    for (id, num, szx, more) in [(1, 0, 0, true), (2, 5, 1, true), (3, 12, 0, false)] {
        let asked = Message::request(Code::GET, "r", id).block(BLOCK2, num, false, szx);
        let request = match bench.receive(&asked.bytes()) {
            Some(Event::Request { request, .. } | Event::Download { request, .. }) => request,
            other => panic!("{other:?}"),
        };
        serve(&mut bench, request, &body);
        let answer = bench.sent_one();
        assert_eq!(block_of(&answer, BLOCK2), Some((num, more, szx)));
        let start = (num as usize) * (16 << szx);
        let end = (start + (16 << szx)).min(200);
        assert_eq!(view(&answer).payload(), &body[start..end]);
    }
}

#[test]
fn a_block_behind_the_end_is_out_of_range() {
    let mut bench = Bench::server();
    let asked = Message::request(Code::GET, "r", 1).block(BLOCK2, 2, false, 0);
    let Some(Event::Download { request, .. }) = bench.receive(&asked.bytes()) else {
        panic!("no download");
    };
    let endpoint = &mut bench.endpoint;
    endpoint
        .response_begin(request, true, Code::CONTENT)
        .unwrap();
    assert_eq!(endpoint.draft_body(Some(32), 0), Ok((32, 16)));
    assert_eq!(endpoint.draft_block(&[], false), Err(DraftError::Range));
}

#[test]
fn what_is_not_safe_is_not_done_again_for_a_later_block() {
    let mut bench = Bench::server();
    for (id, code) in [(1, Code::POST), (2, Code::PUT), (3, Code::PATCH)] {
        let asked = Message::request(code, "r", id).block(BLOCK2, 1, false, 0);
        let code = refused(&mut bench, &asked.bytes());
        assert_eq!(code, Code::REQUEST_ENTITY_INCOMPLETE);
    }
    // After a POST that was answered with a first block.
    let request = bench.request(&Message::request(Code::POST, "r", 4).payload(b"x").bytes());
    bench
        .endpoint
        .response_begin(request, true, Code::CHANGED)
        .unwrap();
    bench.endpoint.draft_body(Some(32), 16).unwrap();
    bench.endpoint.draft_block(&[0; 16], true).unwrap();
    let body = bench.endpoint.response_send(bench.now).unwrap().body;
    bench.sent();
    let asked = Message::request(Code::POST, "r", 5).block(BLOCK2, 1, false, 0);
    let event = bench.receive(&asked.bytes());
    assert!(matches!(event, Some(Event::Download { .. })), "{event:?}");
    assert_eq!(bench.piece.body, body);
}

#[test]
fn a_body_that_is_fetched_gives_way_to_others() {
    let mut bench = Bench::server();
    for n in 0..BODIES as u32 + 3 {
        let asked = Message::request(Code::GET, "r", 1).bytes();
        let event = bench.receive_from(10 + n, &asked);
        let Some(Event::Request { request, .. }) = event else {
            panic!("{event:?}");
        };
        bench
            .endpoint
            .response_begin(request, true, Code::CONTENT)
            .unwrap();
        bench.endpoint.draft_body(None, 16).unwrap();
        bench.endpoint.draft_block(&[0; 16], true).unwrap();
        assert!(
            bench
                .endpoint
                .response_send(bench.now)
                .unwrap()
                .body
                .is_some()
        );
        bench.sent();
    }
    assert_eq!(bench.endpoint.usage().bodies, BODIES);
}

#[test]
fn an_uploaded_body_may_be_answered_with_a_long_one() {
    let mut bench = Bench::server();
    let request = upload(&mut bench, &block1(1, 0, true, &[0; 16]).bytes());
    bench.endpoint.incoming_continue(request, bench.now);
    bench.sent();
    let last = block1(2, 1, false, b"x").block(BLOCK2, 0, false, 0);
    let request = bench.request(&last.bytes());
    serve(&mut bench, request, &[7; 20]);
    let answer = bench.sent_one();
    assert_eq!(block_of(&answer, BLOCK1), Some((1, false, 0)));
    assert_eq!(block_of(&answer, BLOCK2), Some((0, true, 0)));
    // The same options but for Block1, RFC 7959 section 3.3.
    let next = Message::request(Code::PUT, "r", 3).block(BLOCK2, 1, false, 0);
    let event = bench.receive(&next.bytes());
    let Some(Event::Download { request, .. }) = event else {
        panic!("{event:?}");
    };
    assert!(bench.piece.body.is_some());
    serve(&mut bench, request, &[7; 20]);
    assert_eq!(view(&bench.sent_one()).payload(), [7; 4]);
}

#[test]
fn requests_for_blocks_are_answered_from_the_store_when_repeated() {
    let mut bench = Bench::server();
    let datagram = message(Confirmable, Code::GET, 7, PATH_R);
    let request = bench.request(&datagram);
    serve(&mut bench, request, &[1; 100]);
    let answer = bench.sent_one();
    assert!(bench.receive(&datagram).is_none());
    assert_eq!(bench.sent_one(), answer);
}
