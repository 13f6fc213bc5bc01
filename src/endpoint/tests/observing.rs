// SPDX-License-Identifier: MIT
//! What tests of observers and observations share.
#![cfg(all(feature = "observe", feature = "block", feature = "discovery"))]

use super::*;
use crate::echo::EchoKey;
use crate::resource::{NON_CONFIRMABLE, OBSERVABLE};
use MessageType::{Acknowledgement, Confirmable};

pub(super) const OBSERVE_OPTION: OptionNumber = OptionNumber::OBSERVE;
pub(super) const BLOCK1: OptionNumber = OptionNumber::BLOCK1;
pub(super) const BLOCK2: OptionNumber = OptionNumber::BLOCK2;
pub(super) const O: u32 = 7;
pub(super) const N: u32 = 8;

pub(super) fn server_with(parameters: Parameters) -> Bench {
    let mut bench = Bench::server_with(parameters);
    bench
        .endpoint
        .set_key(EchoKey::new([1, 2, 3, 4, 5, 6, 7, 8]));
    bench.serve(b"o", O, OBSERVABLE);
    bench.serve(b"n", N, OBSERVABLE | NON_CONFIRMABLE);
    bench
}

pub(super) fn server() -> Bench {
    server_with(Parameters {
        nstart: 4,
        ..large_messages()
    })
}

pub(super) fn registration(path: &str, id: u16, token: &[u8]) -> Message {
    Message::request(Code::GET, path, id)
        .token(token)
        .option(OBSERVE_OPTION, b"")
}

pub(super) fn number(datagram: &[u8]) -> Option<u32> {
    view(datagram).uint(OBSERVE_OPTION)
}

pub(super) fn register(bench: &mut Bench, path: &str, id: u16, token: &[u8]) -> Vec<u8> {
    let request = bench.request(&registration(path, id, token).bytes());
    bench.respond(request, b"0").unwrap();
    bench.sent_one()
}

pub(super) fn answer_notifications(bench: &mut Bench, payload: &[u8]) -> Vec<Vec<u8>> {
    while let Some(notification) = bench.endpoint.poll_notification(bench.now) {
        let request = notification.request;
        bench.respond(request, payload).unwrap();
    }
    bench.sent()
}

pub(super) fn notify(bench: &mut Bench, resource: u32, payload: &[u8]) -> Vec<Vec<u8>> {
    bench.endpoint.notify(resource);
    answer_notifications(bench, payload)
}

pub(super) fn acknowledge(bench: &mut Bench, datagram: &[u8]) {
    let ack = empty(Acknowledgement, view(datagram).id().0);
    assert_eq!(bench.receive(&ack), None);
}

pub(super) fn observe(bench: &mut Bench, kind: MessageType) -> (Handle, Vec<u8>) {
    let endpoint = &mut bench.endpoint;
    endpoint
        .exchange_begin(kind, Code::GET, None, [7; 8])
        .unwrap();
    endpoint.draft_add(Part::Path(b"r")).unwrap();
    endpoint
        .draft_add(Part::Option(OBSERVE_OPTION, b""))
        .unwrap();
    let exchange = endpoint
        .exchange_send(&bench.peer, bench.now)
        .unwrap()
        .exchange;
    (exchange, bench.sent_one())
}

/// Observes, with the registration confirmed by number 10.
pub(super) fn observing(bench: &mut Bench, max_age: u32) -> (Handle, Vec<u8>) {
    let (exchange, request) = observe(bench, Confirmable);
    let answer = Message::answer(&request, Code::CONTENT)
        .uint(OBSERVE_OPTION, 10)
        .uint(OptionNumber::MAX_AGE, max_age)
        .bytes();
    assert_eq!(bench.receive(&answer), Some(Event::Notification(exchange)));
    (exchange, request)
}

pub(super) fn notification(kind: MessageType, to: &[u8], id: u16, number: u32) -> Message {
    Message::new(kind, Code::CONTENT, id)
        .token(view(to).token().as_slice())
        .uint(OBSERVE_OPTION, number)
}
