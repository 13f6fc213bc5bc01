// SPDX-License-Identifier: MIT
//! Block-wise requests with effects: nothing is sent in place of a body, and no block is lost.
#![cfg(all(feature = "observe", feature = "block", feature = "discovery"))]

use super::observing::*;
use super::*;
use MessageType::Confirmable;

/// Sends the first block of a PUT whose body goes on, to this path: the exchange and the message.
fn put_first_block(
    bench: &mut Bench,
    path: &[u8],
    len: Option<u32>,
    block: &[u8],
) -> (Handle, Vec<u8>) {
    let endpoint = &mut bench.endpoint;
    endpoint
        .exchange_begin(Confirmable, Code::PUT, None, [9; 8])
        .unwrap();
    endpoint.draft_add(Part::Path(path)).unwrap();
    endpoint.draft_body(len, block.len() as u32).unwrap();
    endpoint.draft_block(block, true).unwrap();
    let sent = endpoint.exchange_send(&bench.peer, bench.now).unwrap();
    (sent.exchange, bench.sent_one())
}

#[test]
fn a_request_with_both_blocks_has_one_transfer() {
    let mut bench = Bench::with(large_messages());
    let endpoint = &mut bench.endpoint;
    endpoint
        .exchange_begin(Confirmable, Code::POST, None, [9; 8])
        .unwrap();
    endpoint.draft_want(48, b"tag", 0).unwrap();
    endpoint.draft_body(Some(40), 16).unwrap();
    endpoint.draft_block(&[0; 16], true).unwrap();
    let exchange = endpoint
        .exchange_send(&bench.peer, bench.now)
        .map(|sent| sent.exchange);
    if let Ok(exchange) = exchange {
        assert!(bench.endpoint.exchange_cancel(exchange, bench.now));
    }
    assert_eq!(bench.endpoint.usage().bodies, 0);
}

#[test]
fn each_block_of_a_body_may_be_challenged() {
    let mut bench = Bench::with(large_messages());
    let (exchange, mut request) = put_first_block(&mut bench, b"door", Some(40), &[0; 16]);
    for num in 0..2 {
        let challenge = Message::answer(&request, Code::UNAUTHORIZED)
            .option(OptionNumber::ECHO, b"value")
            .bytes();
        assert_eq!(bench.receive(&challenge), None, "block {num}");
        request = bench.sent_one();
        assert_eq!(
            view(&request).first(OptionNumber::ECHO),
            Some(&b"value"[..])
        );
        assert_eq!(block_of(&request, BLOCK1), Some((num, true, 0)));
        let go_on = Message::answer(&request, Code::CONTINUE)
            .block(BLOCK1, num, true, 0)
            .bytes();
        assert_eq!(bench.receive(&go_on), Some(Event::Wanted(exchange)));
        if num == 0 {
            bench
                .endpoint
                .exchange_upload(exchange, &[1; 16], true, bench.now)
                .unwrap();
            request = bench.sent_one();
        }
    }
}

/// A store for less than two blocks, as boards have.
#[test]
fn a_body_goes_up_block_by_block_with_room_for_one() {
    const SIZE: usize = 1024;
    let parameters = Parameters {
        max_message: 1152,
        message_store: 1152 + 400,
        ..Parameters::default()
    };
    let mut bench = Bench::with(parameters);
    let (exchange, mut request) = put_first_block(&mut bench, b"firmware", None, &[0; SIZE]);
    for num in 0..8 {
        let challenge = Message::answer(&request, Code::UNAUTHORIZED)
            .option(OptionNumber::ECHO, b"value")
            .bytes();
        assert_eq!(bench.receive(&challenge), None, "block {num}");
        request = bench.sent_one();
        let message = view(&request);
        assert_eq!(message.first(OptionNumber::ECHO), Some(&b"value"[..]));
        assert_eq!(message.payload(), [num as u8; SIZE]);
        let go_on = Message::answer(&request, Code::CONTINUE)
            .block(BLOCK1, num, true, 6)
            .bytes();
        assert_eq!(bench.receive(&go_on), Some(Event::Wanted(exchange)));
        let block = [num as u8 + 1; SIZE];
        let endpoint = &mut bench.endpoint;
        endpoint
            .exchange_upload(exchange, &block, true, bench.now)
            .unwrap();
        request = bench.sent_one();
        let message = view(&request);
        assert_eq!(
            message.first(OptionNumber::URI_PATH),
            Some(&b"firmware"[..])
        );
        assert_eq!(block_of(&request, BLOCK1), Some((num + 1, true, 6)));
        assert_eq!(message.payload(), block);
    }
}

#[test]
fn a_block_past_the_last_number_is_not_sent_as_a_whole_body() {
    let mut bench = Bench::with(large_messages());
    let (exchange, request) = put_first_block(&mut bench, b"", None, &[0; 16]);
    // After 16 MiB - 16 in blocks of 16:
    bench
        .endpoint
        .upper
        .transfers
        .of(exchange)
        .unwrap()
        .set_uploaded(((1 << 20) - 1) << 4);
    let go_on = Message::answer(&request, Code::CONTINUE)
        .block(BLOCK1, (1 << 20) - 1, true, 0)
        .bytes();
    assert_eq!(bench.receive(&go_on), Some(Event::Wanted(exchange)));
    let sent = bench
        .endpoint
        .exchange_upload(exchange, &[1; 16], true, bench.now);
    for datagram in bench.sent() {
        assert!(block_of(&datagram, BLOCK1).is_some(), "a PUT of 16 bytes");
    }
    assert!(sent.is_err());
}

#[test]
fn what_has_effects_is_not_sent_again_without_its_body() {
    let mut bench = Bench::with(large_messages());
    let endpoint = &mut bench.endpoint;
    endpoint
        .exchange_begin(Confirmable, Code::PUT, None, [9; 8])
        .unwrap();
    endpoint.draft_add(Part::Path(b"r")).unwrap();
    endpoint.draft_add(Part::Payload(b"precious")).unwrap();
    let exchange = endpoint
        .exchange_send(&bench.peer, bench.now)
        .unwrap()
        .exchange;
    let request = bench.sent_one();
    let part = |to: &[u8], num, tag: u8| {
        Message::answer(to, Code::CHANGED)
            .option(OptionNumber::ETAG, &[tag])
            .block(BLOCK2, num, true, 0)
            .payload(&[0; 16])
            .bytes()
    };
    assert_eq!(
        bench.receive(&part(&request, 0, 1)),
        Some(Event::Block(exchange))
    );
    bench
        .endpoint
        .exchange_continue(exchange, [8; 8], bench.now)
        .unwrap();
    let next = bench.sent_one();
    if bench.receive(&part(&next, 1, 2)) == Some(Event::Restart(exchange)) {
        bench
            .endpoint
            .exchange_continue(exchange, [8; 8], bench.now)
            .unwrap();
        let again = bench.sent_one();
        panic!("PUT with {:?}", view(&again).payload());
    }
    let ended = bench.endpoint.poll_event(bench.now).unwrap();
    assert_eq!(ended.failure, Failure::Changed);
}

#[test]
fn an_upload_is_not_continued_as_a_download() {
    let mut bench = Bench::with(large_messages());
    let (exchange, request) = put_first_block(&mut bench, b"", Some(40), &[0; 16]);
    let go_on = Message::answer(&request, Code::CONTINUE)
        .block(BLOCK1, 0, true, 0)
        .bytes();
    assert_eq!(bench.receive(&go_on), Some(Event::Wanted(exchange)));
    let wrong = bench
        .endpoint
        .exchange_continue(exchange, [8; 8], bench.now);
    assert_eq!(wrong, Err(RequestError::Stale));
    assert!(bench.sent().is_empty(), "a PUT of nothing");
}
