// SPDX-License-Identifier: MIT
//! Both hosts, the clock, and the script.

use std::collections::BTreeMap;

use common::engine::{Engine, Event};
use common::script::Script;
use microcoapy::Parameters;
use microcoapy::ffi::MCOAP_OK;
use microcoapy::ffi::draft::MCOAP_ENTROPY_LEN;
use microcoapy::ffi::event::*;
use microcoapy::ffi::resource::{MCOAP_RESOURCE_NON, MCOAP_RESOURCE_OBSERVABLE};

use crate::client::Exchange;
use crate::host::{self, Host, RESOURCE};
use crate::network::Network;

/// Milliseconds.
const PAUSES: [u64; 8] = [0, 10, 300, 2500, 20_000, 130_000, 300_000, 3_600_000];

pub struct World {
    pub hosts: [Host; 2],
    pub network: Network,
    pub parameters: Parameters,
    /// Of the hosts' resources.
    flags: u32,
    /// Whether the message store holds whatever is to be known again.
    pub may_compare: bool,
    /// Milliseconds since the beginning.
    pub elapsed: u64,
    /// What the endpoints' clock was then; it wraps.
    start: u32,
    /// The datagram that an endpoint has just got.
    pub arrived: Vec<u8>,
    /// Counts what must not be the same twice.
    pub serial: u32,
    /// Exchanges that have ended with a response of class 2.
    pub successes: u32,
}

pub fn address(host: usize) -> [u8; 7] {
    [4, 192, 0, 2, host as u8, 0x16, 0x33]
}

/// The parts of a host that the program as a client has to do with.
pub struct Client<'a> {
    pub engine: &'a mut Engine,
    pub exchanges: &'a mut BTreeMap<u32, Exchange>,
}

impl World {
    pub fn new(script: &mut Script) -> Self {
        let (setup, start) = (script.byte(), script.byte());
        let may_compare = setup & 16 == 0;
        let parameters = Parameters {
            nstart: u32::from(setup & 3) + 1,
            max_retransmit: u32::from(setup >> 2 & 1) * 2 + 1,
            max_message: if setup & 8 == 0 { 128 } else { 72 },
            message_store: if may_compare { 8192 } else { 256 },
            amplification: if setup & 32 == 0 { 0 } else { 2 },
            max_body: if start & 1 == 0 { 2048 } else { 48 },
            ..Parameters::default()
        };
        let flags = match setup & 64 {
            0 => MCOAP_RESOURCE_OBSERVABLE,
            _ => MCOAP_RESOURCE_OBSERVABLE | MCOAP_RESOURCE_NON,
        };
        let network = Network::new(script.bytes());
        World {
            hosts: [0, 1].map(|number| Host::new(host::begin(&parameters, number, 0, flags))),
            network,
            parameters,
            flags,
            may_compare,
            elapsed: 0,
            // Close to the wrap, when the script says so.
            start: u32::from(start).wrapping_neg().wrapping_mul(1000),
            arrived: vec![],
            serial: 0,
            successes: 0,
        }
    }

    pub fn step(&mut self, script: &mut Script) {
        let what = script.byte();
        match what & 7 {
            0 | 1 => self.go(usize::from(what >> 3) + 1),
            2 | 3 => self.request(script),
            4 => self.pass(PAUSES[usize::from(what >> 3 & 7)]),
            5 => self.change(script),
            6 => self.give_up(script),
            _ => self.start_anew(script),
        }
    }

    pub fn now(&self) -> u32 {
        self.start.wrapping_add(self.elapsed as u32)
    }

    pub fn some_host(&self, script: &mut Script) -> usize {
        usize::from(script.byte() & 1)
    }

    pub fn client(&mut self, host: usize) -> Client<'_> {
        let host = &mut self.hosts[host];
        Client {
            engine: &mut host.engine,
            exchanges: &mut host.exchanges,
        }
    }

    /// Unpredictable enough: never the same twice, not even a part of it that is a token.
    pub fn entropy(&mut self) -> [u8; MCOAP_ENTROPY_LEN] {
        self.serial += 1;
        let token = self.serial.wrapping_mul(0x9E37_79B1).to_le_bytes();
        core::array::from_fn(|at| token[at % 4])
    }

    /// The state of a resource changes.
    fn change(&mut self, script: &mut Script) {
        let host = self.some_host(script);
        self.hosts[host].version += 1;
        self.hosts[host].engine.resource_notify(RESOURCE);
        self.drain(host);
    }

    /// One of the devices restarts, with what it has exported or without, or only its endpoint.
    fn start_anew(&mut self, script: &mut Script) {
        let (number, how) = (self.some_host(script), script.byte());
        let (now, parameters) = (self.now(), self.parameters);
        let host = &mut self.hosts[number];
        host.forget();
        host.life = host.life.wrapping_add(1);
        if how & 1 == 0 {
            host.engine.reset();
            return;
        }
        let state = host.engine.export();
        host.engine = host::begin(&parameters, number as u8, host.life, self.flags);
        if how & 2 == 0 {
            host.version = 0;
        } else {
            assert_eq!(host.engine.import(now, &state), MCOAP_OK);
        }
        self.drain(number);
    }

    /// Goes to the next events.
    fn go(&mut self, count: usize) {
        for _ in 0..count {
            let Some(next) = self.next() else { break };
            self.go_to(next);
        }
    }

    fn pass(&mut self, milliseconds: u64) {
        self.run_until(self.elapsed + milliseconds, |_| false);
    }

    /// Lets things happen until they are `done`, or it is that late. False: it is.
    pub fn run_until(&mut self, limit: u64, done: impl Fn(&Self) -> bool) -> bool {
        let (mut rounds, mut then) = (0, self.elapsed);
        while !done(self) {
            rounds = if self.elapsed == then { rounds + 1 } else { 0 };
            then = self.elapsed;
            assert!(rounds < 100, "time stands still");
            match self.next() {
                Some(next) if next <= limit => self.go_to(next),
                _ => {
                    self.go_to(limit);
                    return done(self);
                }
            }
        }
        true
    }

    /// When something happens next.
    pub fn next(&self) -> Option<u64> {
        let timers = self.hosts.iter().flat_map(|host| {
            let timer = host.engine.poll_timeout(self.now());
            let timer = timer.map(|milliseconds| self.elapsed + u64::from(milliseconds));
            timer.into_iter().chain(host.owed.iter().map(|owed| owed.0))
        });
        timers.chain(self.network.next_arrival()).min()
    }

    pub fn go_to(&mut self, time: u64) {
        self.elapsed = self.elapsed.max(time);
        while let Some((to, datagram)) = self.network.take_arrived(self.elapsed) {
            self.deliver(to, datagram);
        }
        for host in 0..2 {
            self.say_due(host);
            let now = self.now();
            self.hosts[host].engine.handle_timeout(now);
            self.drain(host);
        }
    }

    fn deliver(&mut self, host: usize, datagram: Vec<u8>) {
        let (now, from) = (self.now(), address(1 - host));
        self.hosts[host].arrivals.note(&datagram, self.elapsed);
        self.arrived = datagram;
        self.hear_registered(host);
        let engine = &mut self.hosts[host].engine;
        if let Some(event) = engine.handle_datagram(now, &from, &self.arrived, false) {
            self.see(host, &event, true);
        }
        self.drain(host);
    }

    fn see(&mut self, host: usize, event: &Event, has_come: bool) {
        assert_eq!(event.peer, address(1 - host));
        match event.kind {
            MCOAP_EVENT_REQUEST | MCOAP_EVENT_UPLOAD | MCOAP_EVENT_DOWNLOAD => {
                self.serve(host, event, has_come);
            }
            MCOAP_EVENT_RESPONSE
            | MCOAP_EVENT_PONG
            | MCOAP_EVENT_RESET
            | MCOAP_EVENT_TIMEOUT
            | MCOAP_EVENT_BAD_BLOCKS
            | MCOAP_EVENT_CHANGED
            | MCOAP_EVENT_NO_ROOM
            | MCOAP_EVENT_SILENT => self.see_end(host, event),
            _ => self.see_progress(host, event),
        }
    }

    /// Polls until there is nothing to poll.
    pub fn drain(&mut self, host: usize) {
        for round in 0.. {
            assert!(round < 64, "a timer that stays due");
            let now = self.now();
            while let Some(event) = self.hosts[host].engine.poll_event(now) {
                self.see(host, &event, false);
            }
            while let Some(datagram) = self.hosts[host].engine.poll_transmit() {
                assert_eq!(datagram.to, address(1 - host));
                self.network.send(1 - host, &datagram.bytes, self.elapsed);
            }
            let engine = &mut self.hosts[host].engine;
            if engine.poll_timeout(now) != Some(0) {
                break;
            }
            engine.handle_timeout(now);
        }
    }
}
