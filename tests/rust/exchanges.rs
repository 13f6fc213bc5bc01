// SPDX-License-Identifier: MIT
//! Requests and responses, RFC 7252 sections 4 and 5: handled exactly once, ended exactly once.

use crate::seed;
use crate::simulation::{Conditions, Context, Network, Program, lossy};
use microcoapy::Failure;
use microcoapy::Handle;
use microcoapy::wire::code::Code;
use microcoapy::wire::header::MessageType;
use microcoapy::{EXCHANGES, Parameters};
use microcoapy::{Event, Part, Received};
use std::collections::HashMap;

/// How many of the requests a handler answers after its return, in percent.
const SEPARATE_PERCENT: u64 = 30;

/// Sends numbers, and answers each with itself.
#[derive(Default)]
struct Numbers {
    /// How often the handler ran, by the request's number.
    handled: HashMap<u32, u32>,
    /// Requests to be answered later: when, which, with what.
    owed: Vec<(u64, Handle, u32)>,
    /// Our exchanges that have not ended, with their number.
    waiting: HashMap<Handle, u32>,
    /// How each ended, by number.
    ended: HashMap<u32, Vec<Result<u32, Failure>>>,
}

/// The number that is a payload.
fn number(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload.try_into().unwrap())
}

impl Numbers {
    /// Sends a request. False: no free slot.
    fn request(&mut self, context: &mut Context<'_>, kind: MessageType, number: u32) -> bool {
        let entropy = context.random.entropy();
        let endpoint = &mut *context.endpoint;
        endpoint
            .exchange_begin(kind, Code::POST, None, entropy)
            .unwrap();
        endpoint.draft_add(Part::Path(b"r")).unwrap();
        endpoint
            .draft_add(Part::Payload(&number.to_be_bytes()))
            .unwrap();
        let Ok(sent) = endpoint.exchange_send(&context.peer, context.now) else {
            return false;
        };
        assert_eq!(self.waiting.insert(sent.exchange, number), None);
        true
    }

    fn end(&mut self, exchange: Handle, outcome: Result<u32, Failure>) {
        let number = self.waiting.remove(&exchange).expect("ends once");
        self.ended.entry(number).or_default().push(outcome);
    }
}

fn answer(context: &mut Context<'_>, request: Handle, number: u32) {
    let endpoint = &mut *context.endpoint;
    endpoint
        .response_begin(request, true, Code::CONTENT)
        .unwrap();
    endpoint
        .draft_add(Part::Payload(&number.to_be_bytes()))
        .unwrap();
    endpoint.response_send(context.now).unwrap();
}

impl Program for Numbers {
    fn receive(&mut self, context: &mut Context<'_>, received: &Received<'_>) {
        let payload = received.message.payload();
        match received.event {
            Event::Request { request, .. } => {
                let number = number(payload);
                *self.handled.entry(number).or_default() += 1;
                if context.random.percent(SEPARATE_PERCENT) {
                    let due = context.time + context.random.below(5000);
                    self.owed.push((due, request, number));
                } else {
                    answer(context, request, number);
                }
                context.endpoint.incoming_release(request);
            }
            Event::Response(exchange) => {
                assert_eq!(received.message.code(), Code::CONTENT);
                self.end(exchange, Ok(number(payload)));
            }
            other => panic!("nobody caused {other:?}"),
        }
    }

    fn fail(&mut self, _: &mut Context<'_>, exchange: Handle, failure: Failure) {
        self.end(exchange, Err(failure));
    }

    fn wakes_at(&self) -> Option<u64> {
        self.owed.iter().map(|owed| owed.0).min()
    }

    fn wake(&mut self, context: &mut Context<'_>) {
        let time = context.time;
        for (_, request, number) in self.owed.extract_if(.., |owed| owed.0 <= time) {
            answer(context, request, number);
        }
    }
}

fn network(seed: u64, parameters: Parameters, conditions: Conditions) -> Network<Numbers> {
    let programs = [Numbers::default(), Numbers::default()];
    Network::new(seed, parameters, conditions, 0, programs)
}

/// Runs `count` requests from each host to the other, one at a time from each, and checks them all.
fn exchange_all(
    seed: u64,
    count: u32,
    kind: MessageType,
    parameters: Parameters,
    conditions: Conditions,
) -> [u32; 2] {
    let mut network = network(seed, parameters, conditions);
    let mut next = [0; 2];
    loop {
        for (from, next) in next.iter_mut().enumerate() {
            if *next < count && network.hosts[from].program.waiting.is_empty() {
                let sent = |program: &mut Numbers, context: &mut Context<'_>| {
                    program.request(context, kind, *next)
                };
                assert!(network.act(from, sent));
                *next += 1;
            }
        }
        let idle = network
            .hosts
            .iter()
            .all(|host| host.program.waiting.is_empty() && host.program.owed.is_empty());
        if next == [count; 2] && idle {
            break;
        }
        assert!(network.step());
    }
    // Whatever is still in the air changes nothing.
    network.run_out();
    [0, 1].map(|from| check_all(seed, count, &network, from))
}

/// Checks the requests of one host; gives how many were answered.
fn check_all(seed: u64, count: u32, network: &Network<Numbers>, from: usize) -> u32 {
    let (client, server) = (&network.hosts[from], &network.hosts[1 - from]);
    let mut answered = 0;
    assert_eq!(client.program.ended.len(), count as usize);
    for (number, outcomes) in &client.program.ended {
        assert_eq!(
            outcomes.len(),
            1,
            "seed {seed}, request {number} ended as {outcomes:?}"
        );
        let handled = server.program.handled.get(number).copied().unwrap_or(0);
        match outcomes[0] {
            Ok(response) => {
                assert_eq!(response, *number, "seed {seed}");
                assert_eq!(handled, 1, "seed {seed}, request {number}");
                answered += 1;
            }
            Err(Failure::Timeout) => assert!(handled <= 1, "seed {seed}, request {number}"),
            Err(other) => panic!("seed {seed}, request {number}: {other:?}"),
        }
    }
    let usage = client.endpoint.usage();
    assert_eq!(
        (usage.exchanges, usage.transmissions, usage.requests),
        (0, 0, 0),
        "seed {seed}"
    );
    answered
}

/// Requests of each host: 100,000 exchanges in all with everything built in, a tenth of that in the other builds.
const COUNT: u32 = if cfg!(all(
    feature = "profile-unix",
    feature = "block",
    feature = "observe"
)) {
    50_000
} else {
    5_000
};

#[test]
fn confirmable_exchanges_on_a_bad_network_are_handled_exactly_once() {
    let answered = exchange_all(
        seed::of_test(),
        COUNT,
        MessageType::Confirmable,
        Parameters::default(),
        lossy(),
    );
    // A request is given up when 5 transmissions in a row are lost, there or back.
    assert!(answered.iter().all(|&n| n > COUNT / 5 * 4), "{answered:?}");
}

#[test]
fn without_loss_every_request_is_answered() {
    let first = seed::of_test();
    for seed in first..first + 20 {
        let calm = Conditions {
            loss_percent: 0,
            duplication_percent: 50,
            latency_ms: 1..1500,
        };
        assert_eq!(
            exchange_all(
                seed,
                50,
                MessageType::Confirmable,
                Parameters::default(),
                calm
            ),
            [50; 2]
        );
    }
}

#[test]
fn non_confirmable_requests_are_handled_at_most_once() {
    // PROBING_RATE is raised so that a run of losses does not stretch the test over simulated days.
    let parameters = Parameters {
        probing_rate: 1_000_000,
        ..Default::default()
    };
    let answered = exchange_all(
        seed::of_test(),
        1000,
        MessageType::NonConfirmable,
        parameters,
        lossy(),
    );
    assert!(
        answered.iter().all(|&n| n > 400),
        "about 0.7 squared of 1000: {answered:?}"
    );
}

/// Sends confirmable requests with these numbers from host 0; gives how many were accepted.
fn request_many(network: &mut Network<Numbers>, numbers: std::ops::Range<u32>) -> usize {
    let sent = |number: &u32| {
        network.act(0, |program, context| {
            program.request(context, MessageType::Confirmable, *number)
        })
    };
    numbers.filter(sent).count()
}

#[test]
fn many_requests_at_once_are_served_in_turn() {
    let first = seed::of_test();
    for seed in first..first + 10 {
        let mut network = network(seed, Parameters::default(), lossy());
        // One slot is left for other peers.
        assert_eq!(request_many(&mut network, 0..200), EXCHANGES - 1);
        network.run_until(|network| network.hosts[0].program.waiting.is_empty());
        for (number, handled) in &network.hosts[1].program.handled {
            assert_eq!(*handled, 1, "seed {seed}, request {number}");
        }
    }
}

#[test]
fn a_peer_that_is_gone_ends_every_request_with_a_timeout() {
    let dead = Conditions {
        loss_percent: 100,
        duplication_percent: 0,
        latency_ms: 1..2,
    };
    let mut network = network(seed::of_test(), Parameters::default(), dead);
    let count = 5.min(EXCHANGES - 1);
    assert_eq!(request_many(&mut network, 0..count as u32), count);
    network.run_until(|network| network.hosts[0].program.waiting.is_empty());
    assert_eq!(network.hosts[0].program.ended.len(), count);
    // One after the other (NSTART is 1), each 62 to 93 s: MAX_TRANSMIT_WAIT.
    let count = count as u64;
    assert!(
        (62_000 * count..=93_000 * count).contains(&network.time),
        "{}",
        network.time
    );
}
