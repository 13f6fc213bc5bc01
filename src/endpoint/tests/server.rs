// SPDX-License-Identifier: MIT
//! As a server: RFC 7252 sections 4.5, 5.2 and 5.8.

use super::*;
use crate::config::{DEDUPLICATION, REQUESTS, TRANSMISSIONS};
use crate::wire::option::OptionNumber;
use MessageType::{Acknowledgement, Confirmable, NonConfirmable, Reset};

fn get(kind: MessageType, id: u16) -> Vec<u8> {
    message(kind, Code::GET, id, PATH_R)
}

fn find(bench: &Bench, id: Option<MessageId>, token: &[u8]) -> Option<Handle> {
    let token = Token::new(token);
    bench.endpoint.incoming_find(&bench.peer, id, token)
}

#[test]
fn an_answer_in_time_is_piggybacked_and_repeated_to_duplicates() {
    let mut bench = Bench::server();
    let request = bench.request(&get(Confirmable, 7));
    bench.respond(request, b"222").unwrap();
    bench.endpoint.incoming_release(request);
    let answer = bench.sent_one();
    assert_eq!(
        answer,
        message(Acknowledgement, Code::CONTENT, 7, b"\xFF222")
    );
    for _ in 0..3 {
        assert!(bench.receive(&get(Confirmable, 7)).is_none());
        assert_eq!(bench.sent_one(), answer);
    }
    assert_eq!(bench.endpoint.counters().duplicates, 3);
    assert_eq!(bench.endpoint.usage().requests, 0);
}

#[test]
fn message_ids_count_per_peer() {
    let mut bench = Bench::server();
    bench.request(&get(Confirmable, 7));
    assert!(matches!(
        bench.receive_from(2, &get(Confirmable, 7)),
        Some(Event::Request { .. })
    ));
}

#[test]
fn after_exchange_lifetime_a_message_id_is_new() {
    for (kind, lifetime) in [(Confirmable, 247_000), (NonConfirmable, 145_000)] {
        let mut bench = Bench::server();
        let request = bench.request(&get(kind, 7));
        bench.respond(request, b"").unwrap();
        bench.sent();
        bench.now = bench.now.after(lifetime - 1);
        assert!(bench.receive(&get(kind, 7)).is_none());
        bench.now = bench.now.after(1);
        assert!(matches!(
            bench.receive(&get(kind, 7)),
            Some(Event::Request { .. })
        ));
    }
}

#[test]
fn a_non_confirmable_request_gets_a_non_confirmable_response_once() {
    let mut bench = Bench::server();
    let request = bench.request(&get(NonConfirmable, 7));
    bench.respond(request, b"2").unwrap();
    bench.endpoint.incoming_release(request);
    let datagram = bench.sent_one();
    let answer = view(&datagram);
    assert_eq!(
        (answer.kind(), answer.code(), answer.payload()),
        (NonConfirmable, Code::CONTENT, &b"2"[..])
    );
    assert_eq!(answer.token().as_slice(), b"t");
    assert!(bench.receive(&get(NonConfirmable, 7)).is_none());
    assert!(
        bench.sent().is_empty(),
        "RFC 7252 section 4.5: a duplicate NON is ignored"
    );
}

#[test]
fn a_handler_that_does_not_answer_is_acknowledged_and_may_answer_later() {
    let mut bench = Bench::server();
    let request = bench.request(&get(Confirmable, 7));
    assert!(bench.sent().is_empty());
    bench.endpoint.incoming_release(request);
    assert_eq!(bench.sent_one(), empty(Acknowledgement, 7));
    bench.receive(&get(Confirmable, 7));
    assert_eq!(
        bench.sent_one(),
        empty(Acknowledgement, 7),
        "a duplicate gets the same ACK"
    );

    assert_eq!(find(&bench, Some(MessageId(7)), b"other"), Some(request));
    assert_eq!(find(&bench, Some(MessageId(8)), b"t"), Some(request));
    assert_eq!(find(&bench, None, b"t"), Some(request));
    assert_eq!(
        bench
            .endpoint
            .incoming_find(&bench.peer, Some(MessageId(8)), None),
        None
    );
    assert_eq!(find(&bench, Some(MessageId(8)), b"other"), None);
    bench.respond(request, b"late").unwrap();
    let first = bench.sent_one();
    let separate = view(&first);
    assert_eq!(
        (separate.kind(), separate.code()),
        (Confirmable, Code::CONTENT)
    );
    assert_eq!(
        (separate.token().as_slice(), separate.payload()),
        (&b"t"[..], &b"late"[..])
    );
    bench.advance_to_timeout();
    assert_eq!(bench.sent_one(), first, "retransmitted until acknowledged");
    bench.receive(&empty(Acknowledgement, separate.id().0));
    assert!(bench.is_idle());
    assert_eq!(bench.endpoint.usage().transmissions, 0);
}

#[test]
fn a_separate_response_may_be_non_confirmable() {
    let mut bench = Bench::server();
    let request = bench.request(&get(Confirmable, 7));
    bench.endpoint.incoming_release(request);
    bench.sent();
    bench
        .endpoint
        .response_begin(request, false, Code::CONTENT)
        .unwrap();
    bench.endpoint.response_send(bench.now).unwrap();
    assert_eq!(view(&bench.sent_one()).kind(), NonConfirmable);
    assert!(bench.is_idle());
    bench.receive(&get(Confirmable, 7));
    assert_eq!(bench.sent_one(), empty(Acknowledgement, 7));
}

#[test]
fn a_slow_handler_is_acknowledged_by_the_clock() {
    let mut bench = Bench::server();
    let request = bench.request(&get(Confirmable, 7));
    assert_eq!(bench.advance_to_timeout(), Some(1000));
    assert_eq!(bench.sent_one(), empty(Acknowledgement, 7));
    bench.respond(request, b"").unwrap();
    bench.endpoint.incoming_release(request);
    assert_eq!(view(&bench.sent_one()).kind(), Confirmable);
}

#[test]
fn a_separate_response_that_is_rejected_or_ignored_is_given_up() {
    for rejected in [true, false] {
        let mut bench = Bench::server();
        let request = bench.request(&get(Confirmable, 7));
        bench.endpoint.incoming_release(request);
        bench.sent();
        bench.respond(request, b"").unwrap();
        let id = view(&bench.sent_one()).id().0;
        if rejected {
            bench.receive(&empty(Reset, id));
            assert_eq!(bench.endpoint.counters().resets, 1);
        } else {
            while bench.advance_to_timeout().is_some() {
                bench.sent();
            }
            assert_eq!(bench.endpoint.counters().timeouts, 1);
        }
        assert_eq!(bench.endpoint.usage().transmissions, 0);
        assert_eq!(bench.endpoint.poll_event(bench.now), None);
    }
}

#[test]
fn a_request_is_answered_once() {
    let mut bench = Bench::server();
    let request = bench.request(&get(Confirmable, 7));
    bench.respond(request, b"").unwrap();
    assert_eq!(
        bench.endpoint.response_begin(request, true, Code::CONTENT),
        Err(DraftError::Stale)
    );
    assert_eq!(find(&bench, Some(MessageId(7)), b"t"), None);
    assert_eq!(bench.sent().len(), 1);
    let request = bench.request(&get(Confirmable, 8));
    assert_eq!(
        bench.endpoint.response_begin(request, true, Code::GET),
        Err(DraftError::Code)
    );
}

#[test]
fn unknown_paths_and_methods_are_refused_statelessly() {
    let mut bench = Bench::server();
    let mut answer = |code: Code, rest: &[u8]| {
        let datagram = message(Confirmable, code, 7, rest);
        assert!(bench.receive(&datagram).is_none());
        let first = bench.sent_one();
        bench.receive(&datagram);
        assert_eq!(bench.sent_one(), first);
        assert_eq!(view(&first).kind(), Acknowledgement);
        assert_eq!(view(&first).token().as_slice(), b"t");
        view(&first).code()
    };
    assert_eq!(answer(Code::GET, &[0xB1, b'x']), Code::NOT_FOUND);
    assert_eq!(answer(Code::PUT, &[0xB1, b'g']), Code::METHOD_NOT_ALLOWED);
    assert_eq!(answer(Code(8), PATH_R), Code::METHOD_NOT_ALLOWED);
    assert_eq!(answer(Code(31), &[0xB1, b'x']), Code::METHOD_NOT_ALLOWED);
    // Proxy-Uri is option 35, Proxy-Scheme 39.
    assert_eq!(
        answer(Code::GET, &[0xD1, 22, b'x']),
        Code::PROXYING_NOT_SUPPORTED
    );
    assert_eq!(
        answer(Code::GET, &[0xD1, 26, b'x']),
        Code::PROXYING_NOT_SUPPORTED
    );
    assert_eq!(bench.endpoint.usage(), Usage::default());

    bench.receive(&message(NonConfirmable, Code::GET, 9, &[0xB1, b'x']));
    let datagram = bench.sent_one();
    assert_eq!(
        (view(&datagram).kind(), view(&datagram).code()),
        (NonConfirmable, Code::NOT_FOUND)
    );
}

#[test]
fn requests_reach_their_resource() {
    let mut bench = Bench::server();
    let mut resource = |id: u16, code: Code, rest: &[u8]| match bench.receive(&message(
        Confirmable,
        code,
        id,
        rest,
    )) {
        Some(Event::Request {
            resource, request, ..
        }) => {
            bench.endpoint.incoming_drop(request);
            resource
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(resource(1, Code::IPATCH, PATH_R), 1);
    assert_eq!(resource(2, Code::GET, &[0xB1, b'g']), 2);
    assert_eq!(resource(3, Code::POST, &[]), 3);
    // Uri-Host "h", Uri-Port 5683, Uri-Path "g": they do not change the path.
    assert_eq!(
        resource(4, Code::GET, &[0x31, b'h', 0x42, 0x16, 0x33, 0x41, b'g']),
        2
    );
}

#[test]
fn unknown_critical_options_are_4_02_to_con_and_silence_to_non() {
    // Uri-Path "r", then option 65001 = 11 + 269 + 64721, empty.
    let rest = [PATH_R, &[0xE0, 0xFC, 0xD1]].concat();
    let mut bench = Bench::server();
    assert!(
        bench
            .receive(&message(Confirmable, Code::GET, 7, &rest))
            .is_none()
    );
    let datagram = bench.sent_one();
    assert_eq!(view(&datagram).code(), Code::BAD_OPTION);
    assert_eq!(view(&datagram).payload(), b"Option 65001");
    bench.receive(&message(NonConfirmable, Code::GET, 8, &rest));
    assert!(bench.sent().is_empty());
    let mut id = 100;
    for (bad, diagnostic) in [
        (&[0x90][..], &b"Option 9"[..]), // unknown to a server without OSCORE
        (&[0x50, 0x00], b"Option 5"),    // If-None-Match twice
        (&[0x71, b'x', 0x12, b'a', b'b'], b""), // Uri-Port 1 byte is fine, option 8 is elective
        (&[0x73, 1, 2, 3], b"Option 7"), // Uri-Port of 3 bytes
        (&[0x30], b"Option 3"),          // Uri-Host of 0 bytes
        (&[0xD3, 4, 1, 2, 3], b"Option 17"), // Accept of 3 bytes
        (&[0xD4, 10, 1, 2, 3, 4], b"Option 23"), // Block2 of 4 bytes
    ] {
        id += 1;
        let datagram = message(Confirmable, Code::GET, id, bad);
        match bench.receive(&datagram) {
            None => {
                assert_eq!(view(&bench.sent_one()).payload(), diagnostic, "{bad:?}")
            }
            Some(Event::Request { .. }) => assert_eq!(diagnostic, b"", "{bad:?}"),
            other => panic!("{other:?}"),
        }
    }
    // Elective ones are ignored: Max-Age of 5 bytes, option 2048.
    let rest = [PATH_R, &[0x35, 1, 2, 3, 4, 5, 0xE0, 0x06, 0xE5]].concat();
    bench.request(&message(Confirmable, Code::GET, 10, &rest));
}

#[test]
#[cfg(feature = "attributes")]
fn who_accepts_problem_details_gets_the_number_of_an_unknown_option() {
    let mut bench = Bench::server();
    let options = [0x90, 0x82, 1, 1]; // Accept 257
    bench.receive(&message(Confirmable, Code::GET, 7, &options));
    let datagram = bench.sent_one();
    let refusal = view(&datagram);
    assert_eq!(refusal.code(), Code::BAD_OPTION);
    assert_eq!(refusal.uint(OptionNumber::CONTENT_FORMAT), Some(257));
    assert_eq!(refusal.payload(), [0xA1, 0x27, 9]);
}

#[test]
fn when_all_handlers_are_busy_the_peer_is_told_so() {
    let mut bench = Bench::server();
    let held: Vec<_> = (0..REQUESTS as u16)
        .map(|id| bench.request(&get(Confirmable, id)))
        .collect();
    assert!(bench.receive(&get(Confirmable, 1000)).is_none());
    assert_eq!(view(&bench.sent_one()).code(), Code::SERVICE_UNAVAILABLE);
    bench.receive(&get(NonConfirmable, 1001));
    assert_eq!(view(&bench.sent_one()).code(), Code::SERVICE_UNAVAILABLE);
    // Who was told to wait for the answer does.
    for &request in &held {
        bench.endpoint.incoming_release(request);
    }
    assert_eq!(bench.sent().len(), REQUESTS, "Empty ACKs");
    assert!(bench.receive(&get(Confirmable, 1002)).is_none());
    assert_eq!(view(&bench.sent_one()).code(), Code::SERVICE_UNAVAILABLE);
    for request in held {
        assert!(bench.respond(request, b"late").is_ok());
        assert_eq!(view(&bench.sent_one()).payload(), b"late");
    }
    bench.request(&get(Confirmable, 1003));
}

#[test]
fn handlers_that_never_answer_do_not_stop_the_server() {
    let mut bench = Bench::server();
    for id in 0..1000 {
        let request = bench.request(&get(NonConfirmable, id));
        bench.endpoint.incoming_release(request);
        assert!(bench.sent().is_empty());
    }
    for id in 1000..1000 + REQUESTS as u16 {
        let request = bench.request(&get(Confirmable, id));
        bench.endpoint.incoming_release(request);
        assert_eq!(bench.sent_one(), empty(Acknowledgement, id));
    }
    // Nobody waits for longer than EXCHANGE_LIFETIME.
    assert!(bench.receive(&get(Confirmable, 2000)).is_none());
    assert_eq!(view(&bench.sent_one()).code(), Code::SERVICE_UNAVAILABLE);
    bench.advance(bench.endpoint.parameters().exchange_lifetime_ms());
    let request = bench.request(&get(Confirmable, 2001));
    bench.endpoint.incoming_drop(request);
    assert_eq!(bench.sent_one(), empty(Acknowledgement, 2001));
    assert_eq!(
        bench.endpoint.response_begin(request, true, Code::CONTENT),
        Err(DraftError::Stale)
    );
}

#[test]
fn ten_thousand_spoofed_peers_leave_an_honest_one_served() {
    let mut bench = Bench::server();
    let max_message = bench.endpoint.parameters().max_message as usize;
    let long = vec![b'x'; max_message * 3 / 4];
    for from in 2..10_002 {
        let request = match bench.receive_from(from, &get(Confirmable, from as u16)) {
            Some(Event::Request { request, .. }) => request,
            other => panic!("{other:?}"),
        };
        bench.respond(request, &long).unwrap();
        assert_eq!(bench.sent().len(), 1);
        bench.receive_from(from, &empty(Confirmable, 1));
        bench.receive_from(from, &message(Confirmable, Code::GET, 2, &[0xB1, b'x']));
        bench.receive_from(from, b"\x7F");
        bench.sent();
        bench.now = bench.now.after(1);
    }
    assert!(bench.endpoint.usage().deduplication <= DEDUPLICATION);
    let request = bench.request(&get(Confirmable, 7));
    bench.respond(request, b"222").unwrap();
    let answer = bench.sent_one();
    bench.receive(&get(Confirmable, 7));
    assert_eq!(bench.sent_one(), answer);
}

#[test]
fn large_answers_push_out_older_ones_never_live_messages() {
    let mut bench = Bench::server_with(Parameters {
        message_store: 2048,
        ..large_messages()
    });
    bench.get(Confirmable, b"live").unwrap();
    let live = bench.sent_one();
    for id in 0..20 {
        let request = bench.request(&get(Confirmable, id));
        bench.respond(request, &[id as u8; 900]).unwrap();
        let answer = bench.sent_one();
        bench.receive(&get(Confirmable, id));
        assert_eq!(bench.sent_one(), answer);
    }
    bench.advance(3000);
    assert_eq!(bench.sent_one(), live);
}

#[test]
fn a_cut_off_request_is_too_large() {
    let mut bench = Bench::server();
    let max_message = bench.endpoint.parameters().max_message;
    let mut datagram = get(Confirmable, 7);
    datagram.push(0xFF);
    datagram.resize(max_message as usize + 1, 0);
    assert!(bench.receive(&datagram).is_none());
    let answer = bench.sent_one();
    assert_eq!(view(&answer).code(), Code::REQUEST_ENTITY_TOO_LARGE);
    let room = max_message - 4 - 1 - 2 - 1; // less header, token, Uri-Path and payload marker
    let most = if crate::config::BLOCK {
        bench.endpoint.parameters().max_body
    } else {
        room
    };
    assert_eq!(view(&answer).uint(OptionNumber::SIZE1), Some(most));
    datagram.truncate(max_message as usize);
    bench.request(&datagram);
}

#[test]
fn a_draft_is_ended_by_a_datagram() {
    let mut bench = Bench::server();
    let request = bench.request(&get(Confirmable, 7));
    bench
        .endpoint
        .response_begin(request, true, Code::CONTENT)
        .unwrap();
    bench.receive(&message(Confirmable, Code::GET, 8, &[0xB1, b'x']));
    assert_eq!(
        bench.endpoint.draft_add(Part::Payload(b"x")),
        Err(DraftError::NoDraft)
    );
    assert_eq!(
        bench.endpoint.response_send(bench.now),
        Err(RespondError::NoDraft)
    );
    bench.respond(request, b"x").unwrap();
    assert_eq!(bench.sent().len(), 2);
}

#[test]
fn a_late_answer_to_a_non_leaves_another_message_with_its_id_alone() {
    let parameters = Parameters {
        message_store: 2048,
        ..large_messages()
    };
    let mut bench = Bench::server_with(parameters);
    for _ in 0..3 {
        let deferred = bench.request(&get(NonConfirmable, 7));
        bench.endpoint.incoming_release(deferred);
        // Others push it out of the table, and the peer uses its id again.
        for id in 0..DEDUPLICATION as u16 {
            let request = bench.request(&get(NonConfirmable, 1000 + id));
            bench.respond(request, b"").unwrap();
            bench.sent();
        }
        let again = bench.request(&get(Confirmable, 7));
        bench.respond(again, &[1; 900]).unwrap();
        let answer = bench.sent_one();
        bench.respond(deferred, b"late").unwrap();
        bench.sent();
        bench.receive(&get(Confirmable, 7));
        assert_eq!(bench.sent_one(), answer);
        bench.advance(300_000);
    }
    assert_eq!(bench.endpoint.usage(), Usage::default());
    let request = bench.request(&get(Confirmable, 9));
    assert!(
        bench.respond(request, &[0; 1100]).is_ok(),
        "the store is empty"
    );
}

#[test]
fn a_peer_that_acknowledges_nothing_does_not_fill_the_table() {
    let mut bench = Bench::server();
    for id in 0..2 * TRANSMISSIONS as u16 {
        let request = bench.request(&get(Confirmable, id));
        bench.endpoint.incoming_release(request);
        bench.sent();
        bench.respond(request, b"x").unwrap();
        bench.sent();
    }
    assert_eq!(
        bench.endpoint.usage().transmissions,
        1,
        "the others are non-confirmable"
    );
    for from in 10..10 + 2 * TRANSMISSIONS as u32 {
        bench.peer = peer(from);
        let request = bench.request(&get(Confirmable, 1));
        bench.endpoint.incoming_release(request);
        bench.sent();
        bench.respond(request, b"x").unwrap();
        assert_eq!(
            bench.sent().len(),
            1,
            "confirmable or not, everybody is answered"
        );
    }
    assert_eq!(bench.endpoint.usage().transmissions, TRANSMISSIONS / 2);
    bench.peer = peer(2);
    assert!(bench.get(Confirmable, b"own").is_ok());
}

#[test]
fn a_request_refused_for_overload_stays_refused() {
    let mut bench = Bench::server();
    let held: Vec<_> = (0..REQUESTS as u16)
        .map(|id| bench.request(&get(Confirmable, id)))
        .collect();
    bench.receive(&get(Confirmable, 1000));
    let refusal = bench.sent_one();
    assert_eq!(view(&refusal).code(), Code::SERVICE_UNAVAILABLE);
    bench.respond(held[0], b"").unwrap();
    bench.sent();
    assert!(bench.receive(&get(Confirmable, 1000)).is_none());
    assert_eq!(bench.sent_one(), refusal);
}

#[test]
fn every_ack_that_falls_due_is_sent() {
    let parameters = Parameters {
        nstart: 255,
        ..Default::default()
    };
    let mut bench = Bench::server_with(parameters);
    for n in 0..TRANSMISSIONS as u32 {
        bench.peer = peer(100 + n);
        bench.get(Confirmable, b"t").unwrap();
        bench.sent();
    }
    for id in 0..REQUESTS as u16 {
        bench.request(&get(Confirmable, id));
    }
    bench.advance(3000);
    let sent = bench.sent();
    assert_eq!(sent.len(), TRANSMISSIONS + REQUESTS);
    let acks = sent.iter().filter(|d| view(d).kind() == Acknowledgement);
    assert_eq!(acks.count(), REQUESTS);
}

#[test]
fn a_non_is_never_acknowledged() {
    let mut bench = Bench::server();
    let request = bench.request(&get(Confirmable, 7));
    bench.respond(request, b"").unwrap();
    bench.sent();
    bench.receive(&get(NonConfirmable, 7));
    assert!(bench.sent().is_empty());
}

#[test]
fn after_weeks_of_idleness_everything_is_forgotten() {
    let mut bench = Bench::server();
    let request = bench.request(&get(Confirmable, 7));
    bench.respond(request, b"old").unwrap();
    bench.sent();
    let mut days = 0;
    while days < 25 {
        let milliseconds = bench.advance_to_timeout().unwrap_or(86_400_000);
        days += milliseconds / 86_400_000;
    }
    assert_eq!(bench.endpoint.poll_timeout(bench.now), None);
    assert!(matches!(
        bench.receive(&get(Confirmable, 7)),
        Some(Event::Request { .. })
    ));
}
