// SPDX-License-Identifier: MIT
//! As a server, RFC 7641 section 4: changes at awkward moments, observers that are silent, clocks that wrap.
#![cfg(all(feature = "observe", feature = "block", feature = "discovery"))]

use super::observing::*;
use super::*;
use crate::config::{OBSERVERS, REQUESTS};
use MessageType::Confirmable;

#[test]
fn a_silent_observer_leaves_even_if_every_confirmable_notification_is_superseded() {
    let mut bench = server();
    register(&mut bench, "n", 1, b"t");
    for n in 0..400u32 {
        bench.advance(1000);
        notify(&mut bench, N, &n.to_be_bytes());
        if bench.endpoint.usage().observers == 0 {
            return;
        }
    }
    panic!("400 s of notifications that nobody acknowledges");
}

#[test]
fn observers_with_long_requests_do_not_take_the_store() {
    let mut bench = server();
    for n in 0..OBSERVERS as u32 {
        let mut long = registration("o", 1, b"t");
        for _ in 0..4 {
            long = long.option(OptionNumber::URI_QUERY, &[b'x'; 255]);
        }
        let event = bench.receive_from(100 + n, &long.bytes());
        if let Some(Event::Request { request, .. }) = event {
            let _ = bench.endpoint.response_begin(request, true, Code::CONTENT);
            let _ = bench.endpoint.response_send(bench.now);
        }
        bench.sent();
    }
    // Much later, an honest peer:
    bench.advance(300_000);
    let request = bench.request(&Message::request(Code::GET, "r", 1).bytes());
    bench.respond(request, &[0; 1024]).unwrap();
    assert_eq!(view(&bench.sent_one()).code(), Code::CONTENT);
}

#[test]
fn an_observer_is_told_after_a_month_without_changes() {
    for path in ["o", "n"] {
        let mut bench = server();
        register(&mut bench, path, 1, b"t");
        for _ in 0..30 {
            // As a program that heeds poll_timeout may.
            bench.advance(24 * 60 * 60 * 1000);
        }
        let sent = notify(&mut bench, if path == "o" { O } else { N }, b"1");
        assert_eq!(sent.len(), 1, "{path}");
        assert_eq!(view(&sent[0]).kind(), Confirmable, "24 hours are over");
    }
}

#[test]
fn an_endpoint_with_observers_is_called_before_the_clock_has_wrapped() {
    let mut bench = server();
    register(&mut bench, "o", 1, b"t");
    for _ in 0..100 {
        match bench.endpoint.poll_timeout(bench.now) {
            None => panic!("sleeps for ever"),
            Some(FORGET_WITHIN_MS) => {}
            Some(_) => {}
        }
        bench.advance_to_timeout();
    }
}

#[test]
fn a_change_while_the_handler_of_a_registration_works_is_told() {
    let mut bench = server();
    for id in 1..=2 {
        // The second time it is a registration that is renewed.
        let request = bench.request(&registration("o", id, b"t").bytes());
        bench.endpoint.notify(O);
        while let Some(n) = bench.endpoint.poll_notification(bench.now) {
            let request = n.request;
            bench.endpoint.incoming_drop(request);
        }
        bench.respond(request, b"what was before").unwrap();
        bench.sent();
        let sent = answer_notifications(&mut bench, b"new");
        assert_eq!(sent.len(), 1, "eventually consistent");
        acknowledge(&mut bench, &sent[0]);
    }
}

#[test]
fn a_notification_that_gives_way_to_requests_is_prepared_again() {
    let mut bench = server();
    register(&mut bench, "o", 1, b"t");
    bench.endpoint.notify(O);
    let request = bench.endpoint.poll_notification(bench.now).unwrap().request;
    bench.endpoint.incoming_release(request); // it will answer later
    for id in 0..REQUESTS as u16 {
        let event = bench.receive_from(2, &Message::request(Code::GET, "r", 100 + id).bytes());
        let Some(Event::Request { request, .. }) = event else {
            panic!()
        };
        bench.endpoint.incoming_release(request);
    }
    bench.sent();
    // It comes too late.
    assert!(
        bench
            .endpoint
            .response_begin(request, true, Code::CONTENT)
            .is_err()
    );
    bench.advance(300_000);
    bench.sent();
    assert_eq!(answer_notifications(&mut bench, b"1").len(), 1);
}

/// Takes all transmissions; gives the exchanges.
fn fill_transmissions(bench: &mut Bench) -> Vec<Handle> {
    let honest = bench.peer;
    let mut taken = Vec::new();
    for n in 0.. {
        bench.peer = peer(50 + n / 3);
        if bench.endpoint.message.is_full() {
            break;
        }
        taken.push(bench.get(Confirmable, &n.to_be_bytes()).unwrap().exchange);
    }
    bench.peer = honest;
    bench.sent();
    taken
}

#[test]
fn notifications_that_found_no_room_do_not_fill_the_requests() {
    let mut bench = server_with(Parameters {
        nstart: 255,
        ..large_messages()
    });
    register(&mut bench, "o", 1, b"t");
    let taken = fill_transmissions(&mut bench);
    bench.endpoint.notify(O);
    for _ in 0..REQUESTS {
        if let Some(request) = bench
            .endpoint
            .poll_notification(bench.now)
            .map(|n| n.request)
        {
            assert_eq!(bench.respond(request, b"1"), Err(RespondError::NoSlot));
            bench.endpoint.incoming_release(request);
        }
        bench.now = bench.now.after(1000);
    }
    for exchange in taken {
        bench.endpoint.exchange_cancel(exchange, bench.now);
    }
    bench.advance(1000);
    assert_eq!(answer_notifications(&mut bench, b"1").len(), 1);
    assert_eq!(bench.endpoint.usage().requests, 0);
}

#[test]
fn one_notification_at_a_time_also_after_one_found_no_room() {
    let mut bench = server_with(Parameters {
        nstart: 255,
        ..large_messages()
    });
    register(&mut bench, "o", 1, b"t");
    let taken = fill_transmissions(&mut bench);
    bench.endpoint.notify(O);
    let first = bench.endpoint.poll_notification(bench.now).unwrap().request;
    assert_eq!(bench.respond(first, b"1"), Err(RespondError::NoSlot));
    for exchange in taken {
        bench.endpoint.exchange_cancel(exchange, bench.now);
    }
    bench.now = bench.now.after(1000);
    let second = bench
        .endpoint
        .poll_notification(bench.now)
        .map(|n| n.request);
    // The program tries the first one again, too.
    for request in [Some(first), second].into_iter().flatten() {
        if bench
            .endpoint
            .response_begin(request, true, Code::CONTENT)
            .is_ok()
        {
            bench.endpoint.response_send(bench.now).unwrap();
        }
    }
    assert_eq!(bench.sent().len(), 1, "RFC 7641 section 4.5.1");
    assert_eq!(bench.endpoint.usage().transmissions, 1);
}

#[test]
fn a_notification_may_be_2_03() {
    let mut bench = server();
    let say = |bench: &mut Bench, request, code| {
        bench.endpoint.response_begin(request, true, code).unwrap();
        bench
            .endpoint
            .draft_add(Part::Option(OptionNumber::ETAG, b"tag"))
            .unwrap();
        if code == Code::CONTENT {
            bench.endpoint.draft_add(content_format(50)).unwrap();
            bench.endpoint.draft_add(Part::Payload(b"{}")).unwrap();
        }
        bench.endpoint.response_send(bench.now).unwrap();
        bench.sent_one()
    };
    let datagram = registration("o", 1, b"t")
        .option(OptionNumber::ETAG, b"tag")
        .bytes();
    let request = bench.request(&datagram);
    let answer = say(&mut bench, request, Code::VALID);
    assert!(number(&answer).is_some());
    for code in [Code::CONTENT, Code::VALID, Code::CONTENT] {
        bench.endpoint.notify(O);
        let request = bench.endpoint.poll_notification(bench.now).unwrap().request;
        let told = say(&mut bench, request, code);
        assert_eq!(view(&told).code(), code);
        acknowledge(&mut bench, &told);
    }
    assert_eq!(bench.endpoint.usage().observers, 1);
}

#[test]
fn the_last_block_of_a_request_is_not_kept_as_the_request() {
    let mut bench = server();
    let fetch = |id, num, more| {
        Message::request(Code::FETCH, "o", id)
            .option(OBSERVE_OPTION, b"")
            .block(BLOCK1, num, more, 0)
            .payload(&[num as u8; 16])
            .bytes()
    };
    let Some(Event::Upload { request, .. }) = bench.receive(&fetch(1, 0, true)) else {
        panic!()
    };
    bench.endpoint.incoming_continue(request, bench.now);
    bench.sent();
    let request = bench.request(&fetch(2, 1, false));
    bench.respond(request, b"0").unwrap();
    let answer = bench.sent_one();
    if number(&answer).is_some() {
        bench.endpoint.notify(O);
        let n = bench.endpoint.poll_notification(bench.now).unwrap();
        assert_eq!(n.message.payload().len(), 32, "half a query");
    }
}

#[test]
fn an_observer_is_asked_for_a_sign_of_life_once_a_day() {
    let mut bench = server();
    register(&mut bench, "n", 1, b"t");
    for day in 0..3 {
        let wait = bench.endpoint.poll_timeout(bench.now).unwrap();
        assert!(wait > 23 * 3_600_000 && wait <= 24 * 3_600_000, "{wait}");
        bench.advance(wait);
        let sent = answer_notifications(&mut bench, b"unchanged");
        assert_eq!(sent.len(), 1, "day {day}");
        assert_eq!(view(&sent[0]).kind(), Confirmable);
        acknowledge(&mut bench, &sent[0]);
    }
    // A handler that says nothing is not asked again at once.
    let wait = bench.endpoint.poll_timeout(bench.now).unwrap();
    bench.advance(wait);
    let request = bench.endpoint.poll_notification(bench.now).unwrap().request;
    bench.endpoint.incoming_drop(request);
    assert!(bench.endpoint.poll_notification(bench.now).is_none());
    assert!(bench.is_idle());
    // Who is gone is forgotten.
    let wait = bench.endpoint.poll_timeout(bench.now).unwrap();
    bench.advance(wait);
    assert_eq!(answer_notifications(&mut bench, b"unchanged").len(), 1);
    while bench.endpoint.usage().observers != 0 {
        let wait = bench.endpoint.poll_timeout(bench.now).unwrap();
        assert!(wait < 60_000);
        bench.advance(wait);
        bench.sent();
    }
}
