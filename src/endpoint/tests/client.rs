// SPDX-License-Identifier: MIT
//! As a client: RFC 7252 sections 4.2, 4.7, 5.2 and 5.3.

use super::*;
use MessageType::{Acknowledgement, Confirmable, NonConfirmable, Reset};

fn response(received: Option<Event>) -> Option<Handle> {
    match received {
        Some(Event::Response(exchange)) => Some(exchange),
        _ => None,
    }
}

#[test]
fn a_confirmable_request_is_retransmitted_unchanged_with_doubled_timeouts_and_then_given_up() {
    for _ in 0..20 {
        let mut bench = Bench::new();
        let sent = bench.get(Confirmable, b"t").unwrap();
        let first = bench.sent_one();
        assert_eq!(first.len(), sent.len);
        assert_eq!(view(&first).id(), sent.id);
        let initial = bench.advance_to_timeout().unwrap();
        assert!((2000..=3000).contains(&initial), "{initial}");
        for doubling in 1..=4 {
            assert_eq!(bench.sent_one(), first);
            assert_eq!(bench.endpoint.poll_event(bench.now), None);
            assert_eq!(bench.advance_to_timeout(), Some(initial << doubling));
        }
        assert!(bench.sent().is_empty(), "MAX_RETRANSMIT is 4");
        let ended = bench.endpoint.poll_event(bench.now).unwrap();
        assert_eq!(
            (ended.exchange, ended.failure, ended.peer),
            (sent.exchange, Failure::Timeout, &bench.peer)
        );
        assert_eq!(bench.endpoint.poll_event(bench.now), None, "ends once");
        assert!(bench.is_idle());
        assert_eq!(bench.endpoint.usage(), Usage::default());
        assert_eq!(bench.endpoint.counters().timeouts, 1);
        assert_eq!(bench.endpoint.counters().retransmitted, 4);
    }
}

#[test]
fn initial_timeouts_are_spread_over_the_random_factor() {
    let parameters = Parameters {
        nstart: 255,
        ..Default::default()
    };
    let mut bench = Bench::with(parameters);
    let mut timeouts = Vec::new();
    for _ in 0..200 {
        let sent = bench.get(Confirmable, b"t").unwrap();
        timeouts.push(
            bench
                .endpoint
                .message
                .next_timeout(bench.now)
                .unwrap()
                .remaining(bench.now),
        );
        bench.sent();
        assert!(bench.endpoint.exchange_cancel(sent.exchange, bench.now));
    }
    assert!(timeouts.iter().all(|t| (2000..=3000).contains(t)));
    assert!(timeouts.iter().any(|t| *t < 2200) && timeouts.iter().any(|t| *t > 2800));
}

#[test]
fn a_long_pause_causes_one_retransmission_not_a_burst() {
    let mut bench = Bench::new();
    bench.get(Confirmable, b"t").unwrap();
    bench.sent_one();
    bench.advance(3_600_000);
    bench.sent_one();
    assert!(bench.endpoint.poll_timeout(bench.now).unwrap() >= 4000);
}

#[test]
fn a_piggybacked_response_ends_the_exchange_once() {
    let mut bench = Bench::new();
    let sent = bench.get(Confirmable, b"t").unwrap();
    bench.sent_one();
    let mut answer = message(Acknowledgement, Code::CONTENT, sent.id.0, &[0xFF, b'2']);
    let peer = bench.peer;
    let received = bench
        .endpoint
        .handle_datagram(&peer, &mut answer, bench.now)
        .unwrap();
    assert_eq!(
        (received.event, received.message.payload()),
        (Event::Response(sent.exchange), &b"2"[..])
    );
    assert!(
        bench.receive(&answer).is_none(),
        "a duplicate ACK is ignored"
    );
    assert!(bench.sent().is_empty());
    assert_eq!(bench.endpoint.usage(), Usage::default());
    assert!(bench.is_idle());
}

#[test]
fn responses_that_do_not_match_are_not_delivered() {
    let mut bench = Bench::new();
    let id = bench.get(Confirmable, b"t").unwrap().id.0;
    bench.sent_one();
    let right = message(Acknowledgement, Code::CONTENT, id, &[]);
    let wrong_id = message(Acknowledgement, Code::CONTENT, id ^ 1, &[]);
    let mut wrong_token = right.clone();
    wrong_token[4] = b'u';
    for _ in 0..2 {
        assert!(bench.receive(&wrong_id).is_none());
        assert!(bench.receive(&wrong_token).is_none());
        assert!(bench.receive_from(2, &right).is_none(), "another peer");
    }
    assert_eq!(bench.endpoint.counters().dropped, 6);
    assert!(bench.sent().is_empty(), "an ACK is never answered");
    bench.advance_to_timeout().unwrap();
    bench.sent_one();
    assert!(
        response(bench.receive(&right)).is_some(),
        "the true response still counts"
    );
}

#[test]
fn a_separate_response_is_acknowledged_with_four_bytes_and_delivered_once() {
    let mut bench = Bench::new();
    let id = bench.get(Confirmable, b"t").unwrap().id.0;
    bench.sent_one();
    assert!(bench.receive(&empty(Acknowledgement, id)).is_none());
    assert!(bench.endpoint.awaits_separate());
    let answer = message(Confirmable, Code::CONTENT, 777, &[0xFF, b'2']);
    assert!(response(bench.receive(&answer)).is_some());
    assert_eq!(bench.sent_one(), empty(Acknowledgement, 777));
    assert!(!bench.endpoint.awaits_separate());
    for _ in 0..3 {
        assert!(bench.receive(&answer).is_none());
        assert_eq!(bench.sent_one(), empty(Acknowledgement, 777));
    }
    assert_eq!(bench.endpoint.counters().duplicates, 3);
}

#[test]
fn a_separate_response_counts_also_when_the_ack_was_lost() {
    let mut bench = Bench::new();
    bench.get(Confirmable, b"t").unwrap();
    bench.sent_one();
    assert!(response(bench.receive(&message(NonConfirmable, Code::CONTENT, 777, &[]))).is_some());
    assert!(bench.sent().is_empty());
    assert!(bench.is_idle(), "retransmission has stopped");
}

#[test]
fn an_acknowledged_request_without_a_response_times_out() {
    let mut bench = Bench::new();
    let sent = bench.get(Confirmable, b"t").unwrap();
    bench.sent_one();
    bench.receive(&empty(Acknowledgement, sent.id.0));
    assert_eq!(bench.advance_to_timeout(), Some(247_000));
    assert_eq!(
        bench.endpoint.poll_event(bench.now).map(|e| e.failure),
        Some(Failure::Timeout)
    );
}

#[test]
fn unmatched_responses_get_rst_to_con_and_silence_to_non() {
    let mut bench = Bench::new();
    bench.receive(&message(Confirmable, Code::CONTENT, 5, &[]));
    assert_eq!(bench.sent_one(), empty(Reset, 5));
    bench.receive(&message(NonConfirmable, Code::CONTENT, 6, &[]));
    assert!(bench.sent().is_empty());
    assert_eq!(bench.endpoint.counters().dropped, 2);
}

#[test]
fn a_response_with_an_unknown_critical_option_is_rejected() {
    let mut bench = Bench::new();
    let id = bench.get(Confirmable, b"t").unwrap().id.0;
    bench.sent_one();
    // Option 9 (critical), empty.
    bench.receive(&message(Acknowledgement, Code::CONTENT, id, &[0x90]));
    assert!(bench.sent().is_empty());
    bench.receive(&message(Confirmable, Code::CONTENT, 70, &[0x90]));
    assert_eq!(bench.sent_one(), empty(Reset, 70));
    // Option 10 (elective) is ignored.
    assert!(
        response(bench.receive(&message(Acknowledgement, Code::CONTENT, id, &[0xA0]))).is_some()
    );
}

#[test]
fn rst_ends_a_request_and_answers_a_ping() {
    let mut bench = Bench::new();
    let sent = bench.get(Confirmable, b"t").unwrap();
    bench.sent_one();
    assert_eq!(bench.receive(&empty(Reset, sent.id.0)), None);
    let ended = bench.endpoint.poll_event(bench.now).unwrap();
    assert_eq!(
        (ended.exchange, ended.failure),
        (sent.exchange, Failure::Reset)
    );

    bench
        .endpoint
        .exchange_begin(Confirmable, Code::EMPTY, None, [0; 8])
        .unwrap();
    assert_eq!(
        bench.endpoint.draft_add(Part::Payload(b"x")),
        Err(DraftError::Kind)
    );
    let ping = bench
        .endpoint
        .exchange_send(&bench.peer, bench.now)
        .unwrap();
    assert_eq!(bench.sent_one(), empty(Confirmable, ping.id.0));
    let pong = empty(Reset, ping.id.0);
    assert_eq!(bench.receive(&pong), Some(Event::Pong(ping.exchange)));
    assert_eq!(bench.endpoint.usage(), Usage::default());
}

#[test]
fn tokens_are_four_bytes_of_entropy_unless_chosen() {
    let mut bench = Bench::new();
    let mut begin = |token: Option<&[u8]>, entropy| {
        let token = token.map(|token| Token::new(token).unwrap());
        bench
            .endpoint
            .exchange_begin(NonConfirmable, Code::GET, token, entropy)
            .unwrap();
        bench
            .endpoint
            .exchange_send(&bench.peer, bench.now)
            .unwrap();
        *view(&bench.sent_one()).token()
    };
    assert_eq!(
        begin(None, [1, 2, 3, 4, 5, 6, 7, 8]).as_slice(),
        [1, 2, 3, 4]
    );
    bench.advance(3000);
    let mut begin = |token: Option<&[u8]>| {
        let token = token.map(|token| Token::new(token).unwrap());
        bench
            .endpoint
            .exchange_begin(NonConfirmable, Code::GET, token, [0; 8])
            .unwrap();
        bench
            .endpoint
            .exchange_send(&bench.peer, bench.now)
            .unwrap();
        let sent = *view(&bench.sent_one()).token();
        bench.advance(3000);
        sent
    };
    assert_eq!(begin(Some(b"")).as_slice(), b"");
    assert_eq!(begin(Some(b"12345678")).as_slice(), b"12345678");
}

#[test]
fn a_non_confirmable_request_is_sent_once_and_its_response_may_be_late() {
    let mut bench = Bench::new();
    let sent = bench.get(NonConfirmable, b"t").unwrap();
    bench.sent_one();
    bench.advance(3000);
    assert!(bench.sent().is_empty());
    assert_eq!(bench.endpoint.poll_event(bench.now), None);
    let answer = message(NonConfirmable, Code::CONTENT, 5, &[]);
    assert_eq!(response(bench.receive(&answer)), Some(sent.exchange));

    bench.get(NonConfirmable, b"t").unwrap();
    bench.sent_one();
    bench.advance(0);
    assert_eq!(bench.advance_to_timeout(), Some(145_000));
    assert_eq!(
        bench.endpoint.poll_event(bench.now).map(|e| e.failure),
        Some(Failure::Timeout)
    );
}

#[test]
fn rst_ends_a_non_confirmable_request_also_late() {
    let mut bench = Bench::new();
    let sent = bench.get(NonConfirmable, b"t").unwrap();
    bench.sent_one();
    bench.advance(3000);
    let reset = empty(Reset, sent.id.0);
    assert_eq!(bench.receive(&reset), None);
    let ended = bench.endpoint.poll_event(bench.now).unwrap();
    assert_eq!(
        (ended.exchange, ended.failure),
        (sent.exchange, Failure::Reset)
    );
}

#[test]
fn what_is_too_large_is_refused_and_not_truncated() {
    let mut bench = Bench::new();
    let max_message = bench.endpoint.parameters().max_message as usize;
    // Header, token and payload marker
    let room = max_message - 4 - 4 - 1;
    bench
        .endpoint
        .exchange_begin(Confirmable, Code::PUT, None, [1; 8])
        .unwrap();
    assert_eq!(
        bench.endpoint.draft_add(Part::Payload(&vec![0; room + 1])),
        Err(DraftError::TooLarge)
    );
    assert_eq!(
        bench.endpoint.draft_add(Part::Payload(b"")),
        Err(DraftError::NoDraft)
    );
    bench
        .endpoint
        .exchange_begin(Confirmable, Code::PUT, None, [1; 8])
        .unwrap();
    bench
        .endpoint
        .draft_add(Part::Payload(&vec![0; room]))
        .unwrap();
    let sent = bench
        .endpoint
        .exchange_send(&bench.peer, bench.now)
        .unwrap();
    assert_eq!(sent.len, max_message);
    assert_eq!(bench.sent_one().len(), max_message);
}

#[test]
fn bad_parts_are_refused_and_leave_the_draft_as_it_was() {
    let mut bench = Bench::new();
    assert_eq!(
        bench.endpoint.draft_add(Part::Payload(b"x")),
        Err(DraftError::NoDraft)
    );
    assert_eq!(
        bench
            .endpoint
            .exchange_begin(Acknowledgement, Code::GET, None, [0; 8]),
        Err(DraftError::Kind)
    );
    assert_eq!(
        bench
            .endpoint
            .exchange_begin(Confirmable, Code::CONTENT, None, [0; 8]),
        Err(DraftError::Kind)
    );
    bench
        .endpoint
        .exchange_begin(Confirmable, Code::GET, None, [0; 8])
        .unwrap();
    assert!(matches!(
        bench.endpoint.draft_add(Part::Path(b"%zz")),
        Err(DraftError::Uri(_))
    ));
    assert_eq!(
        bench
            .endpoint
            .draft_add(Part::Option(OptionNumber(4), b"123456789")),
        Err(DraftError::Option),
        "ETag of 9 bytes"
    );
    assert_eq!(
        bench.endpoint.draft_add(content_format(65_536)),
        Err(DraftError::Option)
    );
    bench
        .endpoint
        .draft_add(Part::Host(b"192.168.1.2"))
        .unwrap();
    assert_eq!(
        bench
            .endpoint
            .exchange_send(&bench.peer, bench.now)
            .unwrap()
            .len,
        8
    );
    assert_eq!(
        bench.endpoint.exchange_send(&bench.peer, bench.now),
        Err(RequestError::NoDraft)
    );
}

#[test]
fn a_host_that_is_an_address_becomes_no_option() {
    let mut bench = Bench::new();
    let mut options = |host: &[u8]| {
        bench
            .endpoint
            .exchange_begin(NonConfirmable, Code::GET, Token::new(b"t"), [0; 8])
            .unwrap();
        bench.endpoint.draft_add(Part::Host(host)).unwrap();
        let sent = bench
            .endpoint
            .exchange_send(&bench.peer, bench.now)
            .unwrap();
        let datagram = bench.sent_one();
        assert!(bench.endpoint.exchange_cancel(sent.exchange, bench.now));
        view(&datagram).options().count()
    };
    for address in ["192.0.2.1", "::1", "[::1]", "2001:db8::1", "[2001:db8::1]"] {
        assert_eq!(options(address.as_bytes()), 0, "{address}");
    }
    assert_eq!(options(b"192.0.2"), 1);
    // A build without IPv6 takes all with a colon for addresses: no host name has one.
    for other in ["fe80::1%eth0", "[::1", "h:1"] {
        let count = usize::from(cfg!(feature = "ipv6"));
        assert_eq!(options(other.as_bytes()), count, "{other}");
    }
}

#[test]
fn a_host_name_and_a_url_become_options() {
    let mut bench = Bench::new();
    bench
        .endpoint
        .exchange_begin(Confirmable, Code::GET, Token::new(b"t"), [0; 8])
        .unwrap();
    bench.endpoint.draft_add(content_format(0)).unwrap();
    bench
        .endpoint
        .draft_add(Part::Path(b"/a/b%20c?x=1&y=%26"))
        .unwrap();
    bench
        .endpoint
        .draft_add(Part::Host(b"example.org"))
        .unwrap();
    bench.endpoint.draft_add(Part::Query(b"z=3")).unwrap();
    bench
        .endpoint
        .exchange_send(&bench.peer, bench.now)
        .unwrap();
    let datagram = bench.sent_one();
    let options: Vec<_> = view(&datagram)
        .options()
        .map(|o| (o.number.0, o.value.to_vec()))
        .collect();
    let expected: [(u16, &[u8]); 7] = [
        (3, b"example.org"),
        (11, b"a"),
        (11, b"b c"),
        (12, b""),
        (15, b"x=1"),
        (15, b"y=&"),
        (15, b"z=3"),
    ];
    assert_eq!(
        options,
        expected.map(|(number, value)| (number, value.to_vec()))
    );
}

#[test]
fn reset_ends_everything_without_events() {
    let mut bench = Bench::new();
    bench.get(Confirmable, b"t").unwrap();
    bench.get(Confirmable, b"u").unwrap();
    bench.endpoint.reset();
    assert!(bench.sent().is_empty());
    assert_eq!(bench.endpoint.usage(), Usage::default());
    assert_eq!(bench.endpoint.poll_event(bench.now), None);
    assert!(!bench.endpoint.knows_peer(&bench.peer));
    let id = bench.get(Confirmable, b"t").unwrap().id;
    assert_eq!(view(&bench.sent_one()).id(), id);
}

#[test]
fn of_requests_with_equal_tokens_one_that_was_sent_is_meant() {
    let mut bench = Bench::new();
    let first = bench.get(NonConfirmable, b"").unwrap();
    let second = bench.get(NonConfirmable, b"").unwrap();
    bench.sent();
    let answer = |id| [0x50, Code::CONTENT.0, 0, id];
    assert_eq!(response(bench.receive(&answer(1))).unwrap(), first.exchange);
    bench.sent_one();
    // It takes the slot of the first and waits for the second.
    bench.get(NonConfirmable, b"").unwrap();
    assert!(bench.sent().is_empty());
    assert_eq!(
        response(bench.receive(&answer(2))).unwrap(),
        second.exchange
    );
}

#[test]
fn a_duplicate_of_a_non_response_answers_no_other_request() {
    let mut bench = Bench::new();
    bench.get(NonConfirmable, b"t").unwrap();
    bench.sent();
    let answer = message(NonConfirmable, Code::CONTENT, 77, &[]);
    assert!(response(bench.receive(&answer)).is_some());
    bench.get(NonConfirmable, b"t").unwrap();
    bench.sent();
    assert!(bench.receive(&answer).is_none());
    assert_eq!(bench.endpoint.counters().duplicates, 1);
}

#[test]
fn what_rfc_7252_forbids_is_not_written() {
    let mut bench = Bench::new();
    bench
        .endpoint
        .exchange_begin(Confirmable, Code::PUT, Token::new(b"t"), [1; 8])
        .unwrap();
    bench.endpoint.draft_add(content_format(0)).unwrap();
    bench
        .endpoint
        .draft_add(Part::Option(OptionNumber(5), &[]))
        .unwrap();
    bench
        .endpoint
        .draft_add(Part::Host(b"Example.ORG"))
        .unwrap();
    // Section 5.4.5: options that occur at most once.
    assert_eq!(
        bench
            .endpoint
            .draft_add(Part::Option(OptionNumber(12), &[50])),
        Err(DraftError::Option)
    );
    assert_eq!(
        bench.endpoint.draft_add(content_format(50)),
        Err(DraftError::Option)
    );
    assert_eq!(
        bench.endpoint.draft_add(Part::Option(OptionNumber(5), &[])),
        Err(DraftError::Option)
    );
    assert_eq!(
        bench.endpoint.draft_add(Part::Host(b"b")),
        Err(DraftError::Option)
    );
    // Sections 5.10.1 and 5.10.7: dot segments.
    assert_eq!(
        bench
            .endpoint
            .draft_add(Part::Option(OptionNumber(11), b"..")),
        Err(DraftError::Option)
    );
    assert_eq!(
        bench
            .endpoint
            .draft_add(Part::Option(OptionNumber(8), b".")),
        Err(DraftError::Option)
    );
    // Nothing of a bad URL stays.
    assert!(bench.endpoint.draft_add(Part::Path(b"a?%zz")).is_err());
    bench
        .endpoint
        .exchange_send(&bench.peer, bench.now)
        .unwrap();
    let datagram = bench.sent_one();
    let options: Vec<_> = view(&datagram)
        .options()
        .map(|o| (o.number.0, o.value))
        .collect();
    // Section 6.4 step 5: the host is in lowercase.
    assert_eq!(options, [(3, &b"example.org"[..]), (5, b""), (12, b"")]);
}
