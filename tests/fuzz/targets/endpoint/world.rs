// SPDX-License-Identifier: MIT
//! The endpoint, its clock, and what must be true at any time.

use std::collections::{HashMap, HashSet};

use microcoapy::ffi::MCOAP_OK;
use microcoapy::ffi::draft::MCOAP_ENTROPY_LEN;
use microcoapy::ffi::endpoint::MCOAP_SEED_LEN;
use microcoapy::ffi::resource::*;
use microcoapy::wire::header::{MessageType, Token};
use microcoapy::wire::message::MessageView;
use microcoapy::wire::option::OptionNumber;
use microcoapy::{
    BODIES, DEDUPLICATION, EXCHANGES, OBSERVATIONS, OBSERVERS, Parameters, REQUESTS, TRANSFERS,
    TRANSMISSIONS,
};

use crate::datagrams::{Heard, Sent};
use crate::promises::Promises;
use common::engine::Engine;
use common::script::Script;

/// IPv4: family, address, port.
pub type Peer = [u8; 7];

/// More than the tables hold.
const PEERS: u8 = 12;
/// All CoAP Nodes, RFC 7252 section 12.8.
pub const GROUP: Peer = [4, 224, 0, 1, 187, 0x16, 0x33];

/// The resource that is there from the beginning, its flags from the script.
pub const A: u32 = 7;
/// Another, which can be observed.
pub const O: u32 = 8;

pub fn peer(number: u8) -> Peer {
    [4, 192, 0, 2, number % PEERS, 0x16, 0x33]
}

/// What an exchange waits for the program to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wants {
    Nothing,
    /// To ask for the next block.
    Continue,
    /// To give the next block.
    Upload,
}

/// A request that has not ended.
pub struct Exchange {
    pub to: Peer,
    /// The token that it was first sent with, once it was.
    pub token: Option<Token>,
    /// It was to register.
    pub observes: bool,
    pub wants: Wants,
    /// Bytes of the response that have come.
    pub received: u32,
}

pub struct World {
    pub engine: Engine,
    pub parameters: Parameters,
    seed: [u8; MCOAP_SEED_LEN],
    /// Of [`A`].
    flags: u32,
    /// Observations from before a restart, at most.
    restored: usize,
    /// The endpoint's clock, which wraps.
    pub now: u32,
    /// Milliseconds since the beginning.
    pub elapsed: u64,
    /// The program answers and goes on at once.
    pub is_eager: bool,
    pub exchanges: HashMap<u32, Exchange>,
    /// Observations that were cancelled, of which the peer may still be told.
    pub leaving: HashSet<u32>,
    /// Requests of peers that have not been answered.
    pub requests: Vec<u32>,
    /// Bodies that peers send, and how much of each has come.
    pub bodies: HashMap<u32, u32>,
    /// Bytes of the largest body that any resource has taken.
    pub largest_body: u32,
    /// Counts up with each change of a resource's state.
    pub version: u8,
    pub sent: Vec<Sent>,
    pub heard: Heard,
    pub promises: Promises,
    pub received: Vec<(Peer, Vec<u8>)>,
    /// Of the peers' messages.
    pub next_id: u16,
    /// Of their notifications.
    pub next_number: u32,
    entropy: u64,
}

/// An endpoint that serves [`A`] and [`O`].
fn begin(parameters: &Parameters, seed: [u8; MCOAP_SEED_LEN], flags: u32) -> Engine {
    let mut engine = Engine::new(parameters, seed, 96);
    for (path, number, flags) in [(b"a", A, flags), (b"o", O, MCOAP_RESOURCE_OBSERVABLE)] {
        engine.serve(path, number, flags);
    }
    let (size, most) = (engine.block_size(), parameters.max_message);
    assert!(size.is_power_of_two() && size <= most && size * 2 > most.min(1024));
    engine
}

impl World {
    pub fn new(script: &mut Script) -> Self {
        let (setup, more) = (script.byte(), script.byte());
        let choose = |bit: u8, no: u32, yes: u32| if more & bit == 0 { no } else { yes };
        let parameters = Parameters {
            nstart: u32::from(setup & 3) + 1,
            max_retransmit: u32::from(setup >> 2 & 3),
            max_message: if setup & 16 == 0 { 128 } else { 64 },
            message_store: if setup & 32 == 0 { 512 } else { 128 },
            probing_rate: if setup & 64 == 0 { 1 } else { 1_000_000 },
            max_body: choose(16, 2048, 48),
            amplification: choose(32, 0, 2),
            default_leisure_ms: choose(64, 5000, 0),
            ..Parameters::default()
        };
        let seed = [setup, more, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        let flags = u32::from(more & 15);
        let engine = begin(&parameters, seed, flags);
        World {
            engine,
            parameters,
            seed,
            flags,
            restored: 0,
            // Close to the wrap, when the script says so.
            now: u32::from(script.byte()).wrapping_neg().wrapping_mul(100),
            elapsed: 0,
            is_eager: setup & 128 != 0,
            exchanges: HashMap::new(),
            leaving: HashSet::new(),
            requests: vec![],
            bodies: HashMap::new(),
            largest_body: parameters.max_body,
            version: 0,
            sent: vec![],
            heard: Heard::default(),
            promises: Promises::default(),
            received: vec![],
            next_id: 0,
            next_number: 0,
            entropy: 0,
        }
    }

    pub fn step(&mut self, script: &mut Script) {
        match script.byte() % 16 {
            0 => self.hear_anything(script),
            1 => self.pass(
                [1, 100, 2500, 30_000, 250_000, 3_600_000, 86_400_000]
                    [usize::from(script.byte() % 7)],
            ),
            2 => self.hear_answer(script),
            3 => self.request(script),
            4 => self.pass_until_timeout(),
            5 => self.respond_to_one(script),
            6 => self.leave_request(script),
            7 => self.change_exchange(script),
            8 => self.hear_again(script),
            9 => self.start_anew(script),
            10 => self.change_resources(script),
            11 => self.hear_request(script),
            12 => self.cooperate(script),
            13 => self.hear_blocks(script),
            14 => self.go_on(script),
            _ => self.read(script),
        }
    }

    /// Unpredictable enough: never the same twice.
    pub fn entropy(&mut self) -> [u8; MCOAP_ENTROPY_LEN] {
        self.entropy += 1;
        self.entropy
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .to_le_bytes()
    }

    pub fn deliver(&mut self, from: Peer, datagram: Vec<u8>, multicast: bool) {
        self.heard.note(from, &datagram);
        let limit = self.parameters.amplification;
        self.promises.hear(from, &datagram, multicast, limit);
        let says_what_it_wants = MessageView::parse(&datagram)
            .is_ok_and(|message| message.uint(OptionNumber::NO_RESPONSE).is_some());
        let event = self
            .engine
            .handle_datagram(self.now, &from, &datagram, multicast);
        self.received.push((from, datagram));
        if let Some(event) = event {
            self.see_received(event, multicast || says_what_it_wants);
        }
        if multicast {
            self.check_silence(says_what_it_wants);
        }
    }

    /// RFC 7252 section 8: a request to a group is not acknowledged, not rejected, and not answered with an error,
    /// unless it says that errors are wanted, RFC 7967 section 2.1.
    fn check_silence(&mut self, may_be_error: bool) {
        let before = self.sent.len();
        self.drain();
        for (_, datagram) in &self.sent[before..] {
            let message = MessageView::parse(datagram).unwrap();
            let kinds = [MessageType::Confirmable, MessageType::NonConfirmable];
            assert!(kinds.contains(&message.kind()));
            let is_error = message.code().is_response() && !message.code().is_success();
            assert!(may_be_error || !is_error);
        }
    }

    pub fn pass(&mut self, milliseconds: u32) {
        self.now = self.now.wrapping_add(milliseconds);
        self.elapsed += u64::from(milliseconds);
        self.engine.handle_timeout(self.now);
    }

    fn pass_until_timeout(&mut self) {
        if let Some(milliseconds) = self.engine.poll_timeout(self.now) {
            self.pass(milliseconds);
        }
    }

    /// Ends everything, or restarts the device.
    fn start_anew(&mut self, script: &mut Script) {
        let how = script.byte();
        if how & 1 == 0 {
            self.engine.reset();
            self.restored = 0;
            self.check_nothing_is_in_use();
        } else {
            self.restart(script);
        }
        self.exchanges.clear();
        self.leaving.clear();
        self.requests.clear();
        self.bodies.clear();
        self.promises.forget(how & 1 == 0);
    }

    /// Another engine takes over what outlives a restart, with a clock that runs anew.
    fn restart(&mut self, script: &mut Script) {
        let state = self.engine.export();
        self.import_anything(&state, script);
        self.now = u32::from(script.byte()).wrapping_neg();
        self.engine = begin(&self.parameters, self.seed, self.flags);
        assert_eq!(self.engine.import(self.now, &state), MCOAP_OK);
        assert_eq!(self.engine.export(), state);
        self.restored = self.engine.stats().observations_in_use as usize;
    }

    /// A state that no engine has made: nothing comes of it that another engine would not say, too.
    fn import_anything(&self, state: &[u8], script: &mut Script) {
        let at = usize::from(script.byte()) % state.len();
        let change = script.byte();
        let content = if change == 0 {
            [&state[..at], script.bytes()].concat()
        } else {
            let mut state = state.to_vec();
            state[at] ^= change;
            state.truncate(state.len() - 4);
            state
        };
        let hash = common::reading::fingerprint(&content).to_be_bytes();
        let state = [&content[..], &hash].concat();
        let mut engine = begin(&self.parameters, self.seed, self.flags);
        if engine.import(self.now, &state) != MCOAP_OK {
            return;
        }
        engine.resource_notify(A);
        engine.resource_notify(O);
        while engine.poll_event(self.now).is_some() {}
        while let Some(datagram) = engine.poll_transmit() {
            assert!(MessageView::parse(&datagram.bytes).is_ok());
        }
        engine.export();
    }

    fn read(&self, script: &mut Script) {
        let room = usize::from(script.byte());
        let text = script.bytes();
        common::reading::options(text);
        common::reading::path(text);
        common::reading::conditions(text, room as u8 & 7);
        common::reading::uri(text, room);
        common::reading::uri(&[b"coap://", text].concat(), room);
        common::reading::links(text);
        common::reading::attributes_of(text);
    }

    /// Polls until there is nothing to poll.
    pub fn drain(&mut self) {
        for round in 0.. {
            self.take_events();
            self.take_datagrams();
            // Whatever is due is done by one call; otherwise the caller's loop never sleeps.
            if self.engine.poll_timeout(self.now) != Some(0) {
                break;
            }
            assert!(round < 64, "a timer that stays due");
            self.pass(0);
        }
        self.check_usage();
        self.promises.check_kept();
    }

    fn take_events(&mut self) {
        for round in 0.. {
            assert!(round < 1000, "events without end");
            let Some(event) = self.engine.poll_event(self.now) else {
                break;
            };
            self.see_polled(event);
        }
    }

    fn take_datagrams(&mut self) {
        for round in 0.. {
            assert!(round < 1000, "datagrams without end");
            let Some(datagram) = self.engine.poll_transmit() else {
                break;
            };
            self.see_datagram(datagram);
        }
    }

    fn check_usage(&self) {
        let stats = self.engine.stats();
        let at_most = |count: u32, most: usize| assert!(count as usize <= most);
        let (exchanges, ours) = (stats.exchanges_in_use as usize, self.exchanges.len());
        // The engine's own: cancellations that the peer is told of, and the fetching of notifications.
        let observing = self.exchanges.values().filter(|e| e.observes).count();
        assert!(exchanges >= ours);
        assert!(exchanges <= ours + self.leaving.len() + observing);
        at_most(stats.exchanges_in_use, EXCHANGES);
        at_most(
            stats.observations_in_use,
            OBSERVATIONS.min(observing + self.restored),
        );
        at_most(stats.transmissions_in_use, TRANSMISSIONS);
        at_most(stats.deduplication_in_use, DEDUPLICATION);
        at_most(stats.requests_in_use, REQUESTS);
        at_most(stats.bodies_in_use, BODIES + TRANSFERS);
        at_most(stats.observers_in_use, OBSERVERS);
        for exchange in self.exchanges.values() {
            assert!(self.engine.knows_peer(&exchange.to));
        }
        if self.engine.awaits_separate() {
            assert_ne!(exchanges, 0);
        }
        let is_busy = stats.exchanges_in_use + stats.transmissions_in_use > 0;
        assert_eq!(self.engine.is_busy(), is_busy);
    }

    fn check_nothing_is_in_use(&self) {
        assert_eq!(self.engine.in_use(), [0; 6]);
        assert_eq!(self.engine.stats().observations_in_use, 0);
        for number in 0..PEERS {
            assert!(!self.engine.knows_peer(&peer(number)));
        }
        assert!(!self.engine.awaits_separate());
    }

    /// With time, everything ends: but observations, and what waits for the program.
    pub fn wind_down(&mut self) {
        self.is_eager = false;
        let now = self.now;
        let ended = |exchange: &Exchange| exchange.observes || exchange.wants != Wants::Nothing;
        for (handle, exchange) in self.exchanges.extract_if(|_, exchange| ended(exchange)) {
            if exchange.observes {
                assert_eq!(self.engine.observation_cancel(now, handle), MCOAP_OK);
                self.leaving.insert(handle);
            } else {
                assert_eq!(self.engine.exchange_cancel(now, handle), MCOAP_OK);
            }
        }
        for request in self.requests.drain(..) {
            self.engine.incoming_release(request);
        }
        // Observers stay as long as their resource.
        self.engine.resource_clear();
        self.engine.resource_changed();
        for round in 0.. {
            assert!(round < 5000, "timers without end");
            self.drain();
            let Some(milliseconds) = self.engine.poll_timeout(self.now) else {
                break;
            };
            self.pass(milliseconds);
        }
        assert!(self.exchanges.is_empty(), "an exchange that never ends");
        if self.restored > 0 {
            // Observations that the program might still ask for.
            let stats = self.engine.stats();
            assert!(stats.observations_in_use as usize <= self.restored);
            self.engine.reset();
            assert_eq!(stats.observers_in_use + stats.bodies_in_use, 0);
        }
        self.check_nothing_is_in_use();
    }
}
