// SPDX-License-Identifier: MIT
//! How many errors a peer gets within a second.
#![cfg(feature = "block")]

use super::*;
use MessageType::{Confirmable, NonConfirmable, Reset};

const RATE: u32 = 3;

fn limited() -> Bench {
    let mut bench = Bench::server_with(Parameters {
        error_rate: RATE,
        ..Default::default()
    });
    bench.advance(5000);
    bench
}

fn get(id: u16) -> Vec<u8> {
    message(Confirmable, Code::GET, id, PATH_R)
}

/// For a path that there is not.
fn lost(kind: MessageType, id: u16) -> Vec<u8> {
    let path = [0xB1, b'?'];
    message(kind, Code::GET, id, &path)
}

/// Messages sent for datagrams from a peer.
fn answers(bench: &mut Bench, from: u32, datagrams: impl IntoIterator<Item = Vec<u8>>) -> usize {
    let sent = datagrams.into_iter().map(|datagram| {
        bench.receive_from(from, &datagram);
        bench.sent().len()
    });
    sent.sum()
}

#[test]
fn a_peer_gets_so_many_errors_and_after_a_second_more() {
    let mut bench = limited();
    for round in 0..3 {
        let from = round * 100;
        let lost = (from..from + 9).map(|id| lost(Confirmable, id));
        assert_eq!(answers(&mut bench, 1, lost), RATE as usize, "{round}");
        bench.advance(999);
        assert_eq!(
            answers(&mut bench, 1, [self::lost(NonConfirmable, from + 50)]),
            0
        );
        bench.advance(1);
    }
}

#[test]
fn who_asks_again_gets_the_error_later() {
    let mut bench = limited();
    answers(
        &mut bench,
        1,
        (0..RATE as u16).map(|id| lost(Confirmable, id)),
    );
    let again = lost(Confirmable, 99);
    assert_eq!(answers(&mut bench, 1, [again.clone()]), 0);
    bench.advance(2000);
    assert_eq!(answers(&mut bench, 1, [again]), 1);
}

#[test]
fn each_peer_is_counted_for_itself() {
    let mut bench = limited();
    for from in 1..4 {
        let sent = answers(&mut bench, from, (0..9).map(|id| lost(Confirmable, id)));
        assert_eq!(sent, RATE as usize);
    }
}

#[test]
fn resets_count_and_what_is_no_error_does_not() {
    let mut bench = limited();
    for id in 0..9 {
        bench.receive(&empty(Confirmable, id));
    }
    let sent = bench.sent();
    assert_eq!(sent.len(), RATE as usize);
    assert!(sent.iter().all(|datagram| view(datagram).kind() == Reset));
    for id in 100..110 {
        let request = bench.request(&get(id));
        bench.respond(request, b"x").unwrap();
        assert_eq!(view(&bench.sent_one()).code(), Code::CONTENT);
    }
}

#[test]
fn without_a_limit_all_are_sent() {
    let mut bench = Bench::server();
    let sent = answers(&mut bench, 1, (0..300).map(|id| lost(Confirmable, id)));
    assert_eq!(sent, 300);
}
