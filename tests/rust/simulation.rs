// SPDX-License-Identifier: MIT
//! Two hosts on a simulated network: seeded, with loss, duplication, reordering and latency, and an
//! invented clock that crosses its wrap.

use microcoapy::Failure;
use microcoapy::Handle;
use microcoapy::Instant;
use microcoapy::Parameters;
use microcoapy::PeerAddr;
use microcoapy::Resource;
use microcoapy::{Endpoint, Entropy, Received};
use std::collections::BTreeMap;
use std::ops::Range;

/// Milliseconds from the start to the wrap of the clock.
const BEFORE_WRAP_MS: u32 = 20_000;

/// Milliseconds after which everything must be over: 100 days.
const FOR_EVER_MS: u64 = 100 * 24 * 60 * 60 * 1000;

/// Bytes of an endpoint's table of resources.
const RESOURCES_LEN: usize = 64;

/// xorshift64*, so that a failing seed fails again everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2) + 1)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % bound
    }

    pub fn within(&mut self, range: &Range<u64>) -> u64 {
        range.start + self.below(range.end - range.start)
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub fn entropy(&mut self) -> Entropy {
        let mut entropy = Entropy::default();
        entropy.fill_with(|| self.below(256) as u8);
        entropy
    }
}

/// What the network does to a datagram.
pub struct Conditions {
    pub loss_percent: u64,
    pub duplication_percent: u64,
    pub latency_ms: Range<u64>,
}

/// 30 % loss, with duplication and reordering.
pub fn lossy() -> Conditions {
    Conditions {
        loss_percent: 30,
        duplication_percent: 20,
        latency_ms: 5..400,
    }
}

/// What a program acts with.
pub struct Context<'a> {
    pub endpoint: &'a mut Endpoint<'static>,
    pub random: &'a mut Random,
    pub now: Instant,
    /// Milliseconds since the start.
    pub time: u64,
    /// The other host.
    pub peer: PeerAddr,
}

/// What runs on a host.
pub trait Program {
    /// Something came with a datagram.
    fn receive(&mut self, context: &mut Context<'_>, received: &Received<'_>);

    /// An exchange has ended without a response.
    fn fail(&mut self, context: &mut Context<'_>, exchange: Handle, failure: Failure);

    /// An observer is to be told.
    fn notify(&mut self, _context: &mut Context<'_>, request: Handle) {
        panic!("nobody observes, but {request:?} is to be answered");
    }

    /// When it wants to act by itself, milliseconds since the start.
    fn wakes_at(&self) -> Option<u64> {
        None
    }

    /// Acts by itself.
    fn wake(&mut self, _context: &mut Context<'_>) {}
}

pub struct Host<P> {
    pub endpoint: Endpoint<'static>,
    pub program: P,
}

pub struct Network<P> {
    pub hosts: [Host<P>; 2],
    /// Milliseconds since the start.
    pub time: u64,
    random: Random,
    conditions: Conditions,
    /// By arrival time and a serial number: to whom, what.
    flying: BTreeMap<(u64, u64), (usize, Vec<u8>)>,
    serial: u64,
}

pub fn address(host: usize) -> PeerAddr {
    PeerAddr::new(&[4, 192, 0, 2, host as u8, 0x16, 0x33]).unwrap()
}

/// An endpoint that serves `/r` as resource 1, with all methods.
pub fn endpoint(seed: u32, parameters: Parameters, flags: u8) -> Endpoint<'static> {
    assert_eq!(parameters.out_of_range(), None);
    let store = vec![0; parameters.message_store as usize].leak();
    let mut endpoint = Endpoint::new(parameters, seed, store);
    let memory = vec![0; RESOURCES_LEN].leak();
    assert!(endpoint.resources().move_to(memory));
    let resource = Resource {
        number: 1,
        methods: 0xFE,
        flags,
        ..Default::default()
    };
    endpoint.resources().add(b"r", &resource).unwrap();
    endpoint
}

impl<P: Program> Network<P> {
    /// Two hosts that serve `/r` with these flags.
    pub fn new(
        seed: u64,
        parameters: Parameters,
        conditions: Conditions,
        flags: u8,
        programs: [P; 2],
    ) -> Self {
        let mut random = Random::new(seed);
        let hosts = programs.map(|program| {
            let seed = random.below(1 << 32) as u32;
            Host {
                endpoint: endpoint(seed, parameters, flags),
                program,
            }
        });
        Self {
            hosts,
            time: 0,
            random,
            conditions,
            flying: BTreeMap::new(),
            serial: 0,
        }
    }

    /// Lets a host's program do something, and sends what comes of it.
    pub fn act<T>(&mut self, host: usize, act: impl FnOnce(&mut P, &mut Context<'_>) -> T) -> T {
        let done = self.act_quietly(host, act);
        self.flush(host);
        done
    }

    fn act_quietly<T>(
        &mut self,
        host: usize,
        act: impl FnOnce(&mut P, &mut Context<'_>) -> T,
    ) -> T {
        let now = self.now();
        let Host { endpoint, program } = &mut self.hosts[host];
        let mut context = Context {
            endpoint,
            random: &mut self.random,
            now,
            time: self.time,
            peer: address(1 - host),
        };
        act(program, &mut context)
    }

    fn now(&self) -> Instant {
        Instant((self.time as u32).wrapping_sub(BEFORE_WRAP_MS))
    }

    /// Polls everything that a host has to give.
    fn flush(&mut self, from: usize) {
        let now = self.now();
        loop {
            if let Some(ended) = self.hosts[from].endpoint.poll_event(now) {
                let (exchange, failure) = (ended.exchange, ended.failure);
                self.act_quietly(from, |program, context| {
                    program.fail(context, exchange, failure);
                });
            } else if let Some(notification) = self.hosts[from].endpoint.poll_notification(now) {
                let request = notification.request;
                self.act_quietly(from, |program, context| program.notify(context, request));
            } else if let Some(datagram) = self.hosts[from].endpoint.poll_transmit() {
                assert_eq!(*datagram.peer, address(1 - from));
                let bytes = datagram.bytes.to_vec();
                self.send(1 - from, &bytes);
            } else {
                break;
            }
        }
    }

    /// Puts a datagram on the wire.
    fn send(&mut self, to: usize, datagram: &[u8]) {
        let conditions = &self.conditions;
        let copies = 1 + u64::from(self.random.percent(conditions.duplication_percent));
        for _ in 0..copies {
            if self.random.percent(conditions.loss_percent) {
                continue;
            }
            let arrival = self.time + self.random.within(&conditions.latency_ms);
            self.serial += 1;
            self.flying
                .insert((arrival, self.serial), (to, datagram.to_vec()));
        }
    }

    fn deliver(&mut self, to: usize, datagram: &[u8]) {
        let now = self.now();
        let from = address(1 - to);
        let endpoint = &mut self.hosts[to].endpoint;
        let mut datagram = datagram.to_vec();
        let received = endpoint.handle_datagram(&from, &mut datagram, now);
        if let Some(received) = received {
            self.act_quietly(to, |program, context| program.receive(context, &received));
        }
        self.flush(to);
    }

    /// Goes to the next thing that happens. False: nothing ever will.
    pub fn step(&mut self) -> bool {
        let now = self.now();
        let timers = self.hosts.iter().flat_map(|host| {
            let timer = host.endpoint.poll_timeout(now);
            let timer = timer.map(|milliseconds| self.time + u64::from(milliseconds));
            timer.into_iter().chain(host.program.wakes_at())
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
        for host in 0..2 {
            if self.hosts[host]
                .program
                .wakes_at()
                .is_some_and(|at| at <= self.time)
            {
                self.act(host, |program, context| program.wake(context));
            }
            self.hosts[host].endpoint.handle_timeout(self.now());
            self.flush(host);
        }
        true
    }

    /// Goes on until nothing will happen any more.
    pub fn run_out(&mut self) {
        while self.step() {
            assert!(self.time < FOR_EVER_MS, "something never ends");
        }
    }

    pub fn run_until(&mut self, mut done: impl FnMut(&Self) -> bool) {
        while !done(self) {
            assert!(self.step(), "nothing left to happen");
        }
    }
}
