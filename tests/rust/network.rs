// SPDX-License-Identifier: MIT
//! Two endpoints on a simulated network: seeded, with loss, duplication, reordering and latency, and
//! an invented clock that crosses its wrap.

use microcoapy::config::Parameters;
use microcoapy::endpoint::{Endpoint, Received};
use microcoapy::exchange::outgoing::Failure;
use microcoapy::handle::Handle;
use microcoapy::message::peer::PeerAddr;
use microcoapy::time::Instant;
use microcoapy::wire::code::Code;
use microcoapy::wire::header::MessageType;
use std::collections::{BTreeMap, HashMap};

/// xorshift64*, so that a failing seed fails again everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % bound
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

struct Conditions {
    loss_percent: u64,
    duplication_percent: u64,
    latency_ms: std::ops::Range<u64>,
}

/// How many of the requests a handler answers after its return, in percent.
const SEPARATE_PERCENT: u64 = 30;

struct Host {
    endpoint: Endpoint<'static>,
    /// How often the handler ran, by the request's payload.
    handled: HashMap<u32, u32>,
    /// Requests to be answered later: when, which, with what.
    owed: Vec<(u64, Handle, u32)>,
    /// Our exchanges that have not ended, with their payload.
    waiting: HashMap<Handle, u32>,
    /// How each ended, by payload.
    ended: HashMap<u32, Vec<Result<u32, Failure>>>,
}

struct Network {
    hosts: [Host; 2],
    random: Random,
    conditions: Conditions,
    /// Milliseconds since the start.
    time: u64,
    /// By arrival time and a serial number: to whom, what.
    flying: BTreeMap<(u64, u64), (usize, Vec<u8>)>,
    serial: u64,
}

const START: u32 = u32::MAX - 100_000;

fn address(host: usize) -> PeerAddr {
    PeerAddr::new(&[4, 192, 0, 2, host as u8, 0x16, 0x33]).unwrap()
}

impl Network {
    fn new(seed: u64, parameters: Parameters, conditions: Conditions) -> Self {
        let host = |n: u8| {
            let store = vec![0; parameters.message_store as usize].leak();
            let mut endpoint = Endpoint::new(parameters, [n, seed as u8, 3, 4, 5, 6, 7, 8], store);
            assert!(endpoint.resources().move_to(vec![0; 64].leak()));
            endpoint.resources().add(b"r", 0xFE, 1).unwrap();
            Host {
                endpoint,
                handled: HashMap::new(),
                owed: Vec::new(),
                waiting: HashMap::new(),
                ended: HashMap::new(),
            }
        };
        Self {
            hosts: [host(1), host(2)],
            random: Random(seed.wrapping_mul(2) + 1),
            conditions,
            time: 0,
            flying: BTreeMap::new(),
            serial: 0,
        }
    }

    fn now(&self) -> Instant {
        Instant(START.wrapping_add(self.time as u32))
    }

    /// Sends a request with `number` as its payload. False: no free slot.
    fn request(&mut self, from: usize, kind: MessageType, number: u32) -> bool {
        let now = self.now();
        let mut entropy = [0; 8];
        entropy.fill_with(|| self.random.below(256) as u8);
        let host = &mut self.hosts[from];
        host.endpoint
            .request_begin(kind, Code::POST, None, entropy)
            .unwrap();
        host.endpoint.draft_uri_path(b"r").unwrap();
        host.endpoint.draft_payload(&number.to_be_bytes()).unwrap();
        let Ok(sent) = host.endpoint.request_send(&address(1 - from), now) else {
            return false;
        };
        assert_eq!(host.waiting.insert(sent.exchange, number), None);
        self.flush(from);
        true
    }

    /// Puts what a host has to send on the wire, and notes what has ended.
    fn flush(&mut self, from: usize) {
        while let Some(ended) = self.hosts[from].endpoint.poll_event() {
            self.hosts[from].end(ended.exchange, Err(ended.failure));
        }
        while let Some(datagram) = self.hosts[from].endpoint.poll_transmit() {
            assert_eq!(datagram.peer, address(1 - from));
            let bytes = datagram.bytes.to_vec();
            let copies = 1 + u64::from(self.random.percent(self.conditions.duplication_percent));
            for _ in 0..copies {
                if self.random.percent(self.conditions.loss_percent) {
                    continue;
                }
                let range = &self.conditions.latency_ms;
                let latency = range.start + self.random.below(range.end - range.start);
                self.serial += 1;
                self.flying.insert(
                    (self.time + latency, self.serial),
                    (1 - from, bytes.clone()),
                );
            }
        }
    }

    fn deliver(&mut self, to: usize, datagram: &[u8]) {
        let now = self.now();
        let host = &mut self.hosts[to];
        match host
            .endpoint
            .handle_datagram(&address(1 - to), datagram, now)
        {
            Received::Request {
                request, message, ..
            } => {
                let number = u32::from_be_bytes(message.payload().try_into().unwrap());
                *host.handled.entry(number).or_default() += 1;
                if self.random.percent(SEPARATE_PERCENT) {
                    let due = self.time + self.random.below(5000);
                    host.owed.push((due, request, number));
                } else {
                    host.answer(request, number, now);
                }
                host.endpoint.request_release(request);
            }
            Received::Response { exchange, message } => {
                assert_eq!(message.code(), Code::CONTENT);
                host.end(
                    exchange,
                    Ok(u32::from_be_bytes(message.payload().try_into().unwrap())),
                );
            }
            Received::Reset(ended) => host.end(ended.exchange, Err(ended.failure)),
            Received::Pong { .. } => panic!("nobody pinged"),
            Received::Nothing => {}
        }
        self.flush(to);
    }

    /// Goes to the next thing that happens. False: nothing ever will.
    fn step(&mut self) -> bool {
        let now = self.now();
        let timers = self.hosts.iter().flat_map(|host| {
            let timer = host
                .endpoint
                .poll_timeout(now)
                .map(|ms| self.time + u64::from(ms));
            timer.into_iter().chain(host.owed.iter().map(|owed| owed.0))
        });
        let arrival = self.flying.keys().next().map(|key| key.0);
        let Some(next) = timers.chain(arrival).min() else {
            return false;
        };
        self.time = self.time.max(next);
        while let Some(entry) = self
            .flying
            .first_entry()
            .filter(|entry| entry.key().0 <= self.time)
        {
            let (to, datagram) = entry.remove();
            self.deliver(to, &datagram);
        }
        let now = self.now();
        for index in 0..2 {
            self.hosts[index].answer_owed(self.time, now);
            self.hosts[index].endpoint.handle_timeout(now);
            self.flush(index);
        }
        true
    }

    fn run_until(&mut self, mut done: impl FnMut(&Self) -> bool) {
        while !done(self) {
            assert!(self.step(), "nothing left to happen");
        }
    }
}

impl Host {
    fn answer(&mut self, request: Handle, number: u32, now: Instant) {
        self.endpoint
            .response_begin(request, true, Code::CONTENT)
            .unwrap();
        self.endpoint.draft_payload(&number.to_be_bytes()).unwrap();
        self.endpoint.response_send(now).unwrap();
    }

    fn answer_owed(&mut self, time: u64, now: Instant) {
        let (due, later) = self
            .owed
            .drain(..)
            .partition::<Vec<_>, _>(|owed| owed.0 <= time);
        self.owed = later;
        for (_, request, number) in due {
            self.answer(request, number, now);
        }
    }

    fn end(&mut self, exchange: Handle, outcome: Result<u32, Failure>) {
        let number = self.waiting.remove(&exchange).expect("ends once");
        self.ended.entry(number).or_default().push(outcome);
    }
}

fn lossy() -> Conditions {
    Conditions {
        loss_percent: 30,
        duplication_percent: 20,
        latency_ms: 5..400,
    }
}

/// Runs `count` requests from each host to the other, one at a time from each, and checks them all.
fn exchange_all(
    seed: u64,
    count: u32,
    kind: MessageType,
    parameters: Parameters,
    conditions: Conditions,
) -> [u32; 2] {
    let mut network = Network::new(seed, parameters, conditions);
    let mut next = [0; 2];
    loop {
        for (from, next) in next.iter_mut().enumerate() {
            if *next < count && network.hosts[from].waiting.is_empty() {
                assert!(network.request(from, kind, *next));
                *next += 1;
            }
        }
        let idle = network
            .hosts
            .iter()
            .all(|host| host.waiting.is_empty() && host.owed.is_empty());
        if next == [count; 2] && idle {
            break;
        }
        assert!(network.step());
    }
    // Whatever is still in the air changes nothing.
    while network.step() {}
    let mut answered = [0; 2];
    for (from, answered) in answered.iter_mut().enumerate() {
        let (client, server) = (&network.hosts[from], &network.hosts[1 - from]);
        assert_eq!(client.ended.len(), count as usize);
        for (number, outcomes) in &client.ended {
            assert_eq!(
                outcomes.len(),
                1,
                "seed {seed}, request {number} ended as {outcomes:?}"
            );
            let handled = server.handled.get(number).copied().unwrap_or(0);
            match outcomes[0] {
                Ok(response) => {
                    assert_eq!(response, *number, "seed {seed}");
                    assert_eq!(handled, 1, "seed {seed}, request {number}");
                    *answered += 1;
                }
                Err(Failure::Timeout) => assert!(handled <= 1, "seed {seed}, request {number}"),
                Err(Failure::Reset) => panic!("seed {seed}, request {number} was reset"),
            }
        }
        let usage = client.endpoint.usage();
        assert_eq!(
            (usage.exchanges, usage.transmissions, usage.requests),
            (0, 0, 0),
            "seed {seed}"
        );
    }
    answered
}

#[test]
fn ten_thousand_confirmable_exchanges_on_a_bad_network_are_handled_exactly_once() {
    let answered = exchange_all(
        1,
        5000,
        MessageType::Confirmable,
        Parameters::default(),
        lossy(),
    );
    // A request is given up when 5 transmissions in a row are lost, there or back.
    assert!(answered.iter().all(|&n| n > 4000), "{answered:?}");
}

#[test]
fn without_loss_every_request_is_answered() {
    for seed in 0..20 {
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
    let answered = exchange_all(2, 1000, MessageType::NonConfirmable, parameters, lossy());
    assert!(
        answered.iter().all(|&n| n > 400),
        "about 0.7 squared of 1000: {answered:?}"
    );
}

#[test]
fn many_requests_at_once_are_served_in_turn() {
    for seed in 0..10 {
        let mut network = Network::new(seed, Parameters::default(), lossy());
        let accepted = (0..200)
            .filter(|&number| network.request(0, MessageType::Confirmable, number))
            .count();
        // One slot is left for other peers.
        assert_eq!(accepted, microcoapy::config::EXCHANGES - 1);
        network.run_until(|network| network.hosts[0].waiting.is_empty());
        for (number, handled) in &network.hosts[1].handled {
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
    let mut network = Network::new(3, Parameters::default(), dead);
    for number in 0..5 {
        assert!(network.request(0, MessageType::Confirmable, number));
    }
    network.run_until(|network| network.hosts[0].waiting.is_empty());
    assert_eq!(network.hosts[0].ended.len(), 5);
    // One after the other (NSTART is 1), each 62 to 93 s: MAX_TRANSMIT_WAIT.
    assert!(
        (310_000..=465_000).contains(&network.time),
        "{}",
        network.time
    );
}
