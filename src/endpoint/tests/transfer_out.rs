// SPDX-License-Identifier: MIT
//! As a client, RFC 7959: bodies that we send (Block1) and fetch (Block2).
#![cfg(feature = "block")]

use super::*;
use crate::config::TRANSFERS;
use MessageType::{Acknowledgement, Confirmable, NonConfirmable};

const BLOCK1: OptionNumber = OptionNumber::BLOCK1;
const BLOCK2: OptionNumber = OptionNumber::BLOCK2;
const ENTROPY: Entropy = [7; 8];

fn begin(bench: &mut Bench, kind: MessageType, code: Code) {
    bench
        .endpoint
        .exchange_begin(kind, code, None, ENTROPY)
        .unwrap();
    bench.endpoint.draft_add(Part::Path(b"r?q=1")).unwrap();
}

fn send(bench: &mut Bench) -> Result<Sent, RequestError> {
    bench.endpoint.exchange_send(&bench.peer, bench.now)
}

/// Begins a GET and gives its exchange and datagram.
fn get(bench: &mut Bench) -> (Handle, Vec<u8>) {
    begin(bench, Confirmable, Code::GET);
    let sent = send(bench).unwrap();
    (sent.exchange, bench.sent_one())
}

fn go_on(bench: &mut Bench, exchange: Handle) -> Vec<u8> {
    bench
        .endpoint
        .exchange_continue(exchange, ENTROPY, bench.now)
        .unwrap();
    bench.sent_one()
}

/// The response to `to` with a block of 16 bytes.
fn part(to: &[u8], num: u32, more: bool, payload: &[u8]) -> Message {
    Message::answer(to, Code::CONTENT)
        .block(BLOCK2, num, more, 0)
        .payload(payload)
}

#[test]
fn a_long_response_is_fetched_block_by_block() {
    let mut bench = Bench::new();
    let (exchange, mut request) = get(&mut bench);
    for num in 0..3 {
        let event = bench.receive(&part(&request, num, true, &[num as u8; 16]).bytes());
        assert_eq!(event, Some(Event::Block(exchange)));
        assert_eq!(bench.piece.offset, num * 16);
        assert!(bench.sent().is_empty(), "the application has the ball");
        assert!(bench.is_idle());
        let next = go_on(&mut bench, exchange);
        assert_eq!(block_of(&next, BLOCK2), Some((num + 1, false, 0)));
        let (old, new) = (view(&request), view(&next));
        assert_ne!(old.id(), new.id());
        assert_eq!(new.first(OptionNumber::URI_PATH), Some(&b"r"[..]));
        assert_eq!(new.first(OptionNumber::URI_QUERY), Some(&b"q=1"[..]));
        request = next;
    }
    let event = bench.receive(&part(&request, 3, false, b"end").bytes());
    assert_eq!(event, Some(Event::Response(exchange)));
    assert_eq!(bench.piece.offset, 48);
    assert_eq!(bench.endpoint.usage(), Usage::default());
}

#[test]
fn a_lost_request_for_a_block_is_repeated() {
    let mut bench = Bench::new();
    let (exchange, request) = get(&mut bench);
    bench.receive(&part(&request, 0, true, &[0; 16]).bytes());
    let next = go_on(&mut bench, exchange);
    bench.advance_to_timeout();
    assert_eq!(bench.sent_one(), next);
    for _ in 0..4 {
        bench.advance_to_timeout();
        bench.sent();
    }
    let ended = bench.endpoint.poll_event(bench.now).unwrap();
    assert_eq!(
        (ended.exchange, ended.failure),
        (exchange, Failure::Timeout)
    );
    assert_eq!(bench.endpoint.usage(), Usage::default());
}

#[test]
fn blocks_come_in_separate_responses_too() {
    for kind in [Confirmable, NonConfirmable] {
        let mut bench = Bench::new();
        begin(&mut bench, kind, Code::GET);
        let exchange = send(&mut bench).unwrap().exchange;
        let mut request = bench.sent_one();
        for num in 0..2 {
            if kind == Confirmable {
                bench.receive(&empty(Acknowledgement, view(&request).id().0));
            }
            let token = view(&request).token().as_slice().to_vec();
            let response = Message::new(kind, Code::CONTENT, 100 + num)
                .token(&token)
                .block(BLOCK2, u32::from(num), num == 0, 0)
                .payload(&[0; 16])
                .bytes();
            let event = bench.receive(&response);
            if kind == Confirmable {
                assert_eq!(bench.sent_one(), empty(Acknowledgement, 100 + num));
            }
            assert_eq!(bench.receive(&response), None, "a duplicate");
            bench.sent();
            if num == 0 {
                assert_eq!(event, Some(Event::Block(exchange)));
                request = go_on(&mut bench, exchange);
                assert_eq!(view(&request).kind(), kind);
            } else {
                assert_eq!(event, Some(Event::Response(exchange)));
            }
        }
    }
}

#[test]
fn a_response_in_one_block_is_whole() {
    let mut bench = Bench::new();
    let (exchange, request) = get(&mut bench);
    let event = bench.receive(&part(&request, 0, false, b"all").bytes());
    assert_eq!(event, Some(Event::Response(exchange)));
    assert_eq!(bench.piece.offset, 0);
}

#[test]
fn blocks_that_do_not_fit_together_end_the_exchange() {
    type Change = fn(&[u8]) -> Message;
    let wrong: [Change; 6] = [
        |to| part(to, 2, true, &[0; 16]),
        |to| part(to, 0, true, &[0; 16]),
        |to| part(to, 1, true, &[0; 15]),
        |to| part(to, 1, false, &[0; 17]),
        |to| Message::answer(to, Code::CONTENT).option(BLOCK2, &[0x1F]),
        |to| Message::answer(to, Code::CONTENT).payload(b"no block"),
    ];
    for change in wrong {
        let mut bench = Bench::new();
        let (exchange, request) = get(&mut bench);
        bench.receive(&part(&request, 0, true, &[0; 16]).bytes());
        let next = go_on(&mut bench, exchange);
        assert_eq!(bench.receive(&change(&next).bytes()), None);
        let ended = bench.endpoint.poll_event(bench.now).unwrap();
        assert_eq!((ended.exchange, ended.failure), (exchange, Failure::Blocks));
        assert_eq!(bench.endpoint.usage(), Usage::default());
    }
    let mut bench = Bench::new();
    let (_, request) = get(&mut bench);
    assert_eq!(
        bench.receive(&part(&request, 1, true, &[0; 16]).bytes()),
        None
    );
    let ended = bench.endpoint.poll_event(bench.now).unwrap();
    assert_eq!(ended.failure, Failure::Blocks, "not the first block");
}

#[test]
fn an_error_in_between_is_the_response() {
    let mut bench = Bench::new();
    let (exchange, request) = get(&mut bench);
    bench.receive(&part(&request, 0, true, &[0; 16]).bytes());
    let next = go_on(&mut bench, exchange);
    let gone = Message::answer(&next, Code::NOT_FOUND)
        .payload(b"gone")
        .bytes();
    assert_eq!(bench.receive(&gone), Some(Event::Response(exchange)));
    assert_eq!(bench.piece.offset, 0);
}

#[test]
fn a_representation_that_changes_is_fetched_anew_but_not_for_ever() {
    let mut bench = Bench::new();
    let (exchange, mut request) = get(&mut bench);
    let tagged =
        |to: &[u8], num, tag: u8| part(to, num, true, &[0; 16]).option(OptionNumber::ETAG, &[tag]);
    for tag in 0..4 {
        let event = bench.receive(&tagged(&request, 0, tag).bytes());
        assert_eq!(event, Some(Event::Block(exchange)));
        assert_eq!(bench.piece.offset, 0);
        let next = go_on(&mut bench, exchange);
        let event = bench.receive(&tagged(&next, 1, tag + 100).bytes());
        if tag == 3 {
            assert_eq!(event, None);
            break;
        }
        assert_eq!(event, Some(Event::Restart(exchange)));
        request = go_on(&mut bench, exchange);
        assert_eq!(block_of(&request, BLOCK2), Some((0, false, 0)));
    }
    let ended = bench.endpoint.poll_event(bench.now).unwrap();
    assert_eq!(ended.failure, Failure::Changed);
}

#[test]
fn a_download_is_resumed_if_the_etag_is_the_same() {
    for (tag, changed) in [(&b"tag"[..], false), (b"new", true)] {
        let mut bench = Bench::new();
        begin(&mut bench, Confirmable, Code::GET);
        bench.endpoint.draft_want(4096, b"tag", 0).unwrap();
        let exchange = send(&mut bench).unwrap().exchange;
        let request = bench.sent_one();
        assert_eq!(block_of(&request, BLOCK2), Some((4, false, 6)));
        let response = Message::answer(&request, Code::CONTENT)
            .option(OptionNumber::ETAG, tag)
            .block(BLOCK2, 256, true, 0)
            .payload(&[0; 16])
            .bytes();
        let event = bench.receive(&response);
        if changed {
            assert_eq!(event, None);
            let ended = bench.endpoint.poll_event(bench.now).unwrap();
            assert_eq!(ended.failure, Failure::Changed);
            continue;
        }
        assert_eq!(event, Some(Event::Block(exchange)));
        assert_eq!(bench.piece.offset, 4096);
        let transfers = &mut bench.endpoint.upper.transfers;
        assert_eq!(transfers.received(exchange), 4112);
        assert_eq!(transfers.of(exchange).unwrap().etag(), ETag::new(tag));
        let next = go_on(&mut bench, exchange);
        assert_eq!(block_of(&next, BLOCK2), Some((257, false, 0)));
    }
}

#[test]
fn a_resumption_starts_at_a_block() {
    let mut bench = Bench::new();
    for (offset, block) in [
        (48, Some((3, false, 0))),
        (96, Some((3, false, 1))),
        (17, None),
        (0x4000_0000, None),
    ] {
        begin(&mut bench, Confirmable, Code::GET);
        let wanted = bench.endpoint.draft_want(offset, b"t", 0);
        assert_eq!(wanted.is_ok(), block.is_some(), "{offset}");
        if block.is_some() {
            let sent = send(&mut bench).unwrap();
            assert_eq!(block_of(&bench.sent_one(), BLOCK2), block);
            bench.endpoint.exchange_cancel(sent.exchange, bench.now);
        }
    }
}

#[test]
fn the_size_of_blocks_is_asked_for_from_the_start() {
    let mut bench = Bench::new();
    begin(&mut bench, Confirmable, Code::GET);
    bench.endpoint.draft_want(0, b"", 100).unwrap();
    let exchange = send(&mut bench).unwrap().exchange;
    let request = bench.sent_one();
    assert_eq!(block_of(&request, BLOCK2), Some((0, false, 2)));
    // The server may choose an even smaller one.
    let event = bench.receive(&part(&request, 0, true, &[0; 16]).bytes());
    assert_eq!(event, Some(Event::Block(exchange)));
    assert_eq!(
        block_of(&go_on(&mut bench, exchange), BLOCK2),
        Some((1, false, 0))
    );
}

// ---- Block1 ----

/// Begins a PUT of a body of `total` bytes in blocks of `size`; gives the exchange and the first datagram.
fn put(bench: &mut Bench, total: usize, size: u32) -> (Handle, Vec<u8>) {
    begin(bench, Confirmable, Code::PUT);
    let known = Some(total as u32);
    let (offset, len) = bench.endpoint.draft_body(known, size).unwrap();
    assert_eq!((offset, len), (0, size));
    let len = (len as usize).min(total);
    bench
        .endpoint
        .draft_block(&vec![0; len], len < total)
        .unwrap();
    let sent = send(bench).unwrap();
    (sent.exchange, bench.sent_one())
}

/// Sends the next part; gives its datagram.
fn upload(bench: &mut Bench, exchange: Handle, total: usize) -> Vec<u8> {
    let (offset, len) = bench.endpoint.exchange_wanted(exchange).unwrap();
    let rest = total - offset as usize;
    let len = rest.min(len as usize);
    bench
        .endpoint
        .exchange_upload(exchange, &vec![1; len], len < rest, bench.now)
        .unwrap();
    bench.sent_one()
}

#[test]
fn a_long_request_goes_block_by_block() {
    let mut bench = Bench::new();
    let (exchange, mut request) = put(&mut bench, 70, 32);
    assert_eq!(view(&request).uint(OptionNumber::SIZE1), Some(70));
    for (num, len) in [(0, 32), (1, 32), (2, 6)] {
        let more = num < 2;
        assert_eq!(block_of(&request, BLOCK1), Some((num, more, 1)));
        assert_eq!(view(&request).payload().len(), len);
        assert_eq!(
            view(&request).first(OptionNumber::URI_PATH),
            Some(&b"r"[..])
        );
        let code = if more { Code::CONTINUE } else { Code::CHANGED };
        let answer = Message::answer(&request, code).block(BLOCK1, num, more, 1);
        let event = bench.receive(&answer.bytes());
        if more {
            assert_eq!(event, Some(Event::Wanted(exchange)));
            assert_eq!(bench.piece.offset, num * 32 + 32);
            request = upload(&mut bench, exchange, 70);
            assert_eq!(view(&request).uint(OptionNumber::SIZE1), None);
        } else {
            assert_eq!(event, Some(Event::Response(exchange)));
        }
    }
    assert_eq!(bench.endpoint.usage(), Usage::default());
}

#[test]
fn a_body_that_fits_needs_no_block() {
    let mut bench = Bench::new();
    let (_, request) = put(&mut bench, 32, 32);
    assert_eq!(block_of(&request, BLOCK1), None);
    assert_eq!(view(&request).uint(OptionNumber::SIZE1), None);
}

#[test]
fn the_server_asks_for_smaller_blocks() {
    let mut bench = Bench::new();
    let (exchange, request) = put(&mut bench, 100, 64);
    let answer = Message::answer(&request, Code::CONTINUE).block(BLOCK1, 0, true, 0);
    assert_eq!(
        bench.receive(&answer.bytes()),
        Some(Event::Wanted(exchange))
    );
    let next = upload(&mut bench, exchange, 100);
    assert_eq!(block_of(&next, BLOCK1), Some((4, true, 0)));
    assert_eq!(view(&next).payload().len(), 16);
}

#[test]
fn a_server_that_cannot_take_the_first_block_gets_smaller_ones() {
    // Also when the request was not meant to go in blocks.
    for total in [64, 40] {
        let mut bench = Bench::new();
        let (exchange, request) = put(&mut bench, total, 32);
        let answer = Message::answer(&request, Code::REQUEST_ENTITY_TOO_LARGE);
        let answer = answer.block(BLOCK1, 0, true, 0).bytes();
        assert_eq!(bench.receive(&answer), Some(Event::Wanted(exchange)));
        let mut request = upload(&mut bench, exchange, total);
        assert_eq!(block_of(&request, BLOCK1), Some((0, true, 0)));
        assert_eq!(view(&request).payload().len(), 16);
        // But not once it has taken some.
        let answer = Message::answer(&request, Code::CONTINUE).block(BLOCK1, 0, true, 0);
        assert_eq!(
            bench.receive(&answer.bytes()),
            Some(Event::Wanted(exchange))
        );
        request = upload(&mut bench, exchange, total);
        let answer = Message::answer(&request, Code::REQUEST_ENTITY_TOO_LARGE);
        let event = bench.receive(&answer.block(BLOCK1, 1, true, 0).bytes());
        assert_eq!(event, Some(Event::Response(exchange)));
    }
}

#[test]
fn a_server_may_refuse_in_between() {
    let mut bench = Bench::new();
    let (exchange, request) = put(&mut bench, 70, 32);
    let answer = Message::answer(&request, Code::FORBIDDEN).block(BLOCK1, 0, false, 1);
    assert_eq!(
        bench.receive(&answer.bytes()),
        Some(Event::Response(exchange))
    );
    assert_eq!(bench.endpoint.usage(), Usage::default());
}

#[test]
fn continue_is_never_the_outcome_of_an_upload() {
    type Change = fn(Message) -> Message;
    let wrong: [(usize, Change); 3] = [
        (70, |answer| answer),
        (70, |answer| answer.block(BLOCK1, 7, true, 1)),
        (40, |answer| answer.block(BLOCK1, 1, true, 1)),
    ];
    for (total, change) in wrong {
        let mut bench = Bench::new();
        let (exchange, mut request) = put(&mut bench, total, 32);
        if total == 40 {
            let answer = Message::answer(&request, Code::CONTINUE).block(BLOCK1, 0, true, 1);
            bench.receive(&answer.bytes());
            request = upload(&mut bench, exchange, total);
        }
        let answer = change(Message::answer(&request, Code::CONTINUE)).bytes();
        assert_eq!(bench.receive(&answer), None);
        let ended = bench.endpoint.poll_event(bench.now).unwrap();
        assert_eq!((ended.exchange, ended.failure), (exchange, Failure::Blocks));
        assert_eq!(bench.endpoint.usage(), Usage::default());
    }
}

#[test]
fn parts_of_the_wrong_length_are_not_sent() {
    let mut bench = Bench::new();
    let (exchange, request) = put(&mut bench, 70, 32);
    let stale = Err(RequestError::Stale);
    let endpoint = &mut bench.endpoint;
    assert_eq!(
        endpoint.exchange_upload(exchange, &[0; 32], true, bench.now),
        stale
    );
    let answer = Message::answer(&request, Code::CONTINUE).block(BLOCK1, 0, true, 1);
    bench.receive(&answer.bytes());
    for (len, more) in [(31, true), (33, false), (0, true)] {
        let sent = bench
            .endpoint
            .exchange_upload(exchange, &vec![0; len], more, bench.now);
        assert_eq!(sent, stale, "{len} {more}");
    }
    upload(&mut bench, exchange, 70);
}

#[test]
fn the_response_to_an_upload_may_be_long() {
    let mut bench = Bench::new();
    let (exchange, request) = put(&mut bench, 40, 32);
    let answer = Message::answer(&request, Code::CONTINUE).block(BLOCK1, 0, true, 1);
    bench.receive(&answer.bytes());
    let last = upload(&mut bench, exchange, 40);
    let answer = part(&last, 0, true, &[0; 16]).block(BLOCK1, 1, false, 1);
    assert_eq!(bench.receive(&answer.bytes()), Some(Event::Block(exchange)));
    let next = go_on(&mut bench, exchange);
    assert_eq!(view(&next).code(), Code::PUT);
    assert_eq!(block_of(&next, BLOCK1), None, "RFC 7959 section 3.3");
    assert_eq!(block_of(&next, BLOCK2), Some((1, false, 0)));
    assert!(view(&next).payload().is_empty());
    let answer = part(&next, 1, false, b"x").bytes();
    assert_eq!(bench.receive(&answer), Some(Event::Response(exchange)));
    assert_eq!(bench.piece.offset, 16);
}

#[test]
fn a_full_table_of_transfers_refuses() {
    let mut bench = Bench::with(Parameters {
        nstart: 255,
        ..large_messages()
    });
    let mut sent = Vec::new();
    for n in 0..TRANSFERS as u32 {
        bench.peer = peer(n);
        sent.push(put(&mut bench, 40, 32).0);
    }
    bench.peer = peer(100);
    begin(&mut bench, Confirmable, Code::PUT);
    bench.endpoint.draft_body(None, 16).unwrap();
    bench.endpoint.draft_block(&[0; 16], true).unwrap();
    assert_eq!(send(&mut bench), Err(RequestError::NoSlot));
    let usage = bench.endpoint.usage();
    assert_eq!((usage.bodies, usage.exchanges), (TRANSFERS, TRANSFERS));
    for exchange in sent {
        assert!(bench.endpoint.exchange_cancel(exchange, bench.now));
    }
    assert_eq!(bench.endpoint.usage(), Usage::default());
    put(&mut bench, 40, 32);
}

#[test]
fn bodies_sent_at_the_same_time_have_tags() {
    let mut bench = Bench::with(Parameters {
        nstart: 4,
        ..large_messages()
    });
    let mut put = |entropy: u8, code: Code| {
        let endpoint = &mut bench.endpoint;
        endpoint
            .exchange_begin(Confirmable, code, None, [entropy; 8])
            .unwrap();
        endpoint.draft_add(Part::Path(b"r")).unwrap();
        endpoint.draft_body(None, 16).unwrap();
        endpoint.draft_block(&[0; 16], code == Code::PUT).unwrap();
        let exchange = send(&mut bench).unwrap().exchange;
        (exchange, bench.sent_one())
    };
    let tag = |datagram: &[u8]| {
        let tag = view(datagram).first(OptionNumber::REQUEST_TAG);
        tag.map(<[u8]>::to_vec)
    };
    let (_, first) = put(1, Code::PUT);
    assert_eq!(tag(&first), None);
    let (fetch, alone) = put(2, Code::FETCH);
    assert_eq!(tag(&alone), Some(vec![2; 4]));
    if TRANSFERS > 1 {
        let (second, begun) = put(3, Code::PUT);
        assert_eq!(tag(&begun), Some(vec![3; 4]));
        let wanted = Message::answer(&begun, Code::CONTINUE)
            .block(BLOCK1, 0, true, 0)
            .bytes();
        assert_eq!(bench.receive(&wanted), Some(Event::Wanted(second)));
        bench
            .endpoint
            .exchange_upload(second, b"end", false, bench.now)
            .unwrap();
        assert_eq!(tag(&bench.sent_one()), Some(vec![3; 4]), "in each block");
    }
    bench.endpoint.exchange_cancel(fetch, bench.now);
}
