// SPDX-License-Identifier: MIT
//! Every deadline with the wrap of the clock before, at and behind it: what happens, and when, is the same wherever the
//! clock wraps.
#![cfg(all(feature = "observe", feature = "block", feature = "discovery"))]

use super::observing::*;
use super::*;
use MessageType::{Acknowledgement, Confirmable, NonConfirmable};

/// A scenario ends at the latest after so many deadlines, or milliseconds: the clock wraps once in it.
const STEPS: usize = 40;
const LONGEST_MS: u32 = 4 * 24 * 60 * 60 * 1000;

/// What has happened at a deadline.
#[derive(PartialEq, Debug)]
struct Step {
    /// Milliseconds since the start.
    elapsed: u32,
    sent: Vec<Vec<u8>>,
    ended: Vec<Failure>,
    usage: Usage,
}

/// What is there to be told now.
fn step(bench: &mut Bench, elapsed: u32) -> Step {
    let sent = answer_notifications(bench, b"state");
    let next = || {
        bench
            .endpoint
            .poll_event(bench.now)
            .map(|ended| ended.failure)
    };
    let ended = core::iter::from_fn(next).collect();
    Step {
        elapsed,
        sent,
        ended,
        usage: bench.endpoint.usage(),
    }
}

/// All that comes of what `begin` has begun at `start`.
fn trace(begin: fn(&mut Bench), start: Instant) -> Vec<Step> {
    let mut bench = server_with(large_messages());
    bench.now = start;
    begin(&mut bench);
    let mut elapsed = bench.now.since(start);
    let mut steps = vec![step(&mut bench, elapsed)];
    while steps.len() < STEPS && elapsed < LONGEST_MS {
        let Some(wait) = bench.endpoint.poll_timeout(bench.now) else {
            break;
        };
        if wait > 1 {
            // One millisecond before, nothing is due.
            bench.advance(wait - 1);
            let early = step(&mut bench, elapsed);
            assert!(early.sent.is_empty() && early.ended.is_empty(), "{early:?}");
            bench.advance(1);
        } else {
            bench.advance(wait);
        }
        elapsed += wait;
        steps.push(step(&mut bench, elapsed));
    }
    steps
}

/// The clock wraps around each of the scenario's deadlines. One of them is so many milliseconds after the start.
fn check(name: &str, expected: core::ops::RangeInclusive<u32>, begin: fn(&mut Bench)) {
    let without = trace(begin, Instant(0));
    assert!(
        without.iter().any(|step| expected.contains(&step.elapsed)),
        "{name}: {without:?}"
    );
    for deadline in without.iter().map(|step| step.elapsed) {
        for before in [
            deadline / 2,
            deadline.saturating_sub(1),
            deadline,
            deadline + 1,
        ] {
            let with = trace(begin, Instant(0u32.wrapping_sub(before)));
            assert!(
                with == without,
                "{name}: {before} ms before the wrap: {with:?}, not {without:?}"
            );
        }
    }
}

fn request(bench: &mut Bench, kind: MessageType) -> Handle {
    bench.request(&message(kind, Code::GET, 1, PATH_R))
}

fn block(bench: &mut Bench, num: u32) {
    let datagram = Message::request(Code::PUT, "r", num as u16)
        .block(BLOCK1, num, true, 0)
        .payload(&[0; 16])
        .bytes();
    let Some(Event::Upload { request, .. }) = bench.receive(&datagram) else {
        panic!("no block");
    };
    assert!(bench.endpoint.incoming_continue(request, bench.now));
}

#[test]
fn of_requests() {
    check("ACK_TIMEOUT, MAX_TRANSMIT_WAIT", 62_000..=93_000, |bench| {
        bench.get(Confirmable, b"1").unwrap();
    });
    check("NSTART", 120_000..=186_000, |bench| {
        for token in 0..3 {
            bench.get(Confirmable, &[token]).unwrap();
        }
    });
    check(
        "a separate response that does not come",
        247_000..=247_000,
        |bench| {
            let sent = bench.get(Confirmable, b"1").unwrap();
            bench.sent();
            bench.receive(&empty(Acknowledgement, sent.id.0));
        },
    );
    check("NON_LIFETIME of a request", 145_000..=145_000, |bench| {
        bench.get(NonConfirmable, b"1").unwrap();
    });
    check("a token that is in use", 3_000..=3_000, |bench| {
        bench.get(NonConfirmable, b"t").unwrap();
        bench.sent();
        bench.advance(0);
        bench.get(NonConfirmable, b"t").unwrap();
    });
    check("the program's own limit", 5_000..=5_000, |bench| {
        let sent = bench.get(NonConfirmable, b"1").unwrap();
        bench
            .endpoint
            .exchange_limit(sent.exchange, bench.now.after(5_000));
    });
    check("PROBING_RATE", 3_000..=400_000, |bench| {
        // More than the allowance of a peer that says nothing.
        for token in 0..70 {
            // Or there is no room for more that wait.
            bench.get(NonConfirmable, &[token]).ok();
            bench.sent();
            while bench.endpoint.poll_event(bench.now).is_some() {}
            bench.advance(1_000);
        }
    });
}

#[test]
fn of_answers() {
    check("the Empty ACK of a slow handler", 1_000..=1_000, |bench| {
        request(bench, Confirmable);
    });
    check(
        "a request that is never answered",
        247_000..=247_000,
        |bench| {
            let request = request(bench, Confirmable);
            bench.endpoint.incoming_release(request);
        },
    );
    check(
        "a separate response that nobody acknowledges",
        62_000..=93_000,
        |bench| {
            let request = request(bench, Confirmable);
            bench.endpoint.incoming_release(request);
            bench.respond(request, b"late").unwrap();
        },
    );
    check("DEFAULT_LEISURE", 1..=5_000, |bench| {
        let peer = bench.peer;
        let mut ask = message(NonConfirmable, Code::GET, 1, PATH_R);
        let received = bench.endpoint.handle_multicast(&peer, &mut ask, bench.now);
        let Some(Event::Request { request, .. }) = received.map(|received| received.event) else {
            panic!("no request");
        };
        bench.respond(request, b"here").unwrap();
    });
}

#[test]
fn of_bodies() {
    check(
        "an upload that does not go on",
        247_000..=247_000,
        |bench| {
            block(bench, 0);
        },
    );
    check(
        "the second block of an upload",
        347_000..=347_000,
        |bench| {
            block(bench, 0);
            bench.sent();
            bench.advance(100_000);
            block(bench, 1);
        },
    );
    check(
        "a download that does not go on",
        247_000..=247_000,
        |bench| {
            let request = request(bench, Confirmable);
            let endpoint = &mut bench.endpoint;
            endpoint
                .response_begin(request, true, Code::CONTENT)
                .unwrap();
            let (_, len) = endpoint.draft_body(Some(5_000), 0).unwrap();
            endpoint.draft_block(&vec![0; len as usize], true).unwrap();
            endpoint.response_send(bench.now).unwrap();
        },
    );
}

#[test]
fn of_observers() {
    check(
        "the next registration, after Max-Age",
        60_000..=90_000,
        |bench| {
            observing(bench, 60);
        },
    );
    check(
        "a notification that nobody acknowledges",
        62_000..=93_000,
        |bench| {
            register(bench, "o", 1, b"t");
            notify(bench, O, b"1");
        },
    );
    check(
        "notifications three seconds apart",
        3_000..=3_000,
        |bench| {
            register(bench, "n", 1, b"t");
            assert_eq!(notify(bench, N, b"1").len(), 1);
            assert!(notify(bench, N, b"2").is_empty());
        },
    );
    check("a resource's own interval", 10_000..=10_000, |bench| {
        let resource = Resource {
            number: 9,
            methods: 0xFE,
            flags: crate::resource::OBSERVABLE | crate::resource::NON_CONFIRMABLE,
            interval_ms: 10_000,
            ..Default::default()
        };
        bench.endpoint.resources().add(b"i", &resource).unwrap();
        register(bench, "i", 1, b"t");
        assert_eq!(notify(bench, 9, b"1").len(), 1);
        assert!(notify(bench, 9, b"2").is_empty());
    });
    check(
        "a sign of life once a day",
        23 * 3_600_000..=24 * 3_600_000,
        |bench| {
            register(bench, "n", 1, b"t");
        },
    );
}

#[test]
fn of_duplicates() {
    for (kind, lifetime) in [(Confirmable, 247_000), (NonConfirmable, 145_000)] {
        for before in [0, 1, 1000, lifetime - 1, lifetime, lifetime + 1] {
            let mut bench = server();
            bench.now = Instant(0u32.wrapping_sub(before));
            let first = request(&mut bench, kind);
            bench.respond(first, b"x").unwrap();
            bench.sent();
            bench.advance(lifetime - 1);
            let again = message(kind, Code::GET, 1, PATH_R);
            assert_eq!(bench.receive(&again), None, "{before} ms before the wrap");
            assert_eq!(bench.sent().len(), usize::from(kind == Confirmable));
            bench.advance(1);
            request(&mut bench, kind);
        }
    }
}

#[test]
fn of_message_ids_and_echo() {
    const LIFETIME: u32 = 247_000;
    for before in [0, 1, 1000, LIFETIME - 1, LIFETIME, LIFETIME + 1] {
        let start = Instant(0u32.wrapping_sub(before));
        let mut ids = crate::message::message_id::MessageIds::default();
        for _ in 0..=u16::MAX {
            ids.allocate(start, LIFETIME).unwrap();
        }
        // A message id that was used.
        let (early, due) = (start.after(LIFETIME - 1), start.after(LIFETIME));
        assert_eq!(ids.allocate(early, LIFETIME), None, "{before}");
        assert!(ids.allocate(due, LIFETIME).is_some(), "{before}");
        // An Echo value.
        let key = crate::echo::EchoKey::new([1, 2, 3, 4, 5, 6, 7, 8]);
        let value = key.issue(start, b"peer");
        assert!(key.check(&value, early, b"peer", LIFETIME), "{before}");
        assert!(!key.check(&value, due, b"peer", LIFETIME), "{before}");
    }
}
