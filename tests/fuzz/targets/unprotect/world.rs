// SPDX-License-Identifier: MIT
//! The device, its clock, and the script.

use std::collections::{BTreeMap, HashMap, HashSet};

use microcoapy::Parameters;
use microcoapy::ffi::draft::MCOAP_ENTROPY_LEN;
use microcoapy::ffi::endpoint::MCOAP_SEED_LEN;
use microcoapy::ffi::resource::*;
use microcoapy::wire::message::MessageView;
use microcoapy::wire::option::OptionNumber;

use crate::contexts::Context;
use crate::keys::KEYS;
use crate::program::{Asking, Exchange, Request};
use crate::received::Made;
use crate::sent::{Arrival, Sealing, Sent};
use common::engine::Engine;
use common::script::Script;

/// IPv4: family, address, port.
pub type Peer = [u8; 7];
/// A peer and its token.
pub type Key = (Peer, Vec<u8>);

/// Resources: for the first context, for any, for everybody.
pub const P: u32 = 1;
pub const Q: u32 = 2;
pub const O: u32 = 3;

/// Milliseconds.
const PAUSES: [u32; 7] = [1, 100, 2500, 16_000, 61_000, 250_000, 3_600_000];

pub fn peer(number: u8) -> Peer {
    [4, 192, 0, 2, number % 3, 0x16, 0x33]
}

pub struct World {
    pub engine: Engine,
    pub contexts: [Context; 2],
    pub parameters: Parameters,
    /// Of the resources.
    flags: u32,
    /// Counts its restarts.
    life: u8,
    pub now: u32,
    /// The program answers and goes on at once.
    pub is_eager: bool,
    /// The program's requests that have not ended.
    pub exchanges: BTreeMap<u32, Exchange>,
    /// The same, also those that have, by the tokens that they were sent with.
    pub asking: HashMap<Vec<u8>, Asking>,
    /// Requests of peers that have not been answered.
    pub requests: Vec<Request>,
    /// What peers have sealed, by context and ciphertext.
    pub made: HashMap<(usize, Vec<u8>), Made>,
    /// Requests that the program has seen, by context and Partial IV.
    pub delivered: HashSet<(usize, u64)>,
    /// The same by context and who has sent it: code and options.
    pub seen: HashSet<(usize, Key, u8, Vec<u8>)>,
    /// Sealed requests that have come, by who has sent them: context and Partial IV.
    pub sealed: HashMap<Key, Vec<(usize, u64)>>,
    /// Who has sent requests that were not sealed.
    pub plain: HashSet<Key>,
    /// What the endpoint is taking in.
    pub arrival: Option<Arrival>,
    pub received: Vec<(Peer, Vec<u8>)>,
    pub sent: Vec<Sent>,
    /// Ciphertexts of the device's, by context and nonce.
    pub sealings: Sealing,
    /// The Echo value that a peer was given last.
    pub echo: HashMap<Peer, Vec<u8>>,
    /// Of the peers' messages.
    pub next_id: u16,
    serial: u32,
}

/// Whether a datagram is a response of class 2 that is not protected: no protected exchange ends by it.
fn is_plain_success(datagram: &[u8]) -> bool {
    MessageView::parse(datagram).is_ok_and(|message| {
        message.code().is_success() && message.first(OptionNumber::OSCORE).is_none()
    })
}

impl World {
    pub fn new(script: &mut Script) -> Self {
        let (setup, more) = (script.byte(), script.byte());
        let parameters = Parameters {
            nstart: u32::from(setup & 3) + 1,
            max_message: if setup & 8 == 0 { 512 } else { 128 },
            amplification: if setup & 32 == 0 { 0 } else { 2 },
            ..Parameters::default()
        };
        let second = if setup & 16 == 0 { 1 } else { 2 };
        let mut world = Self {
            engine: Engine::new(&parameters, [0; MCOAP_SEED_LEN], 96),
            contexts: [
                Context::new(&KEYS[0], more),
                Context::new(&KEYS[second], more >> 2),
            ],
            parameters,
            flags: u32::from(more >> 4 & 7),
            life: 0,
            // Close to the wrap, when the script says so.
            now: (u32::from(setup >> 6 & 1) * 50_000).wrapping_neg(),
            is_eager: setup & 4 != 0,
            exchanges: BTreeMap::new(),
            asking: HashMap::new(),
            requests: vec![],
            made: HashMap::new(),
            delivered: HashSet::new(),
            seen: HashSet::new(),
            sealed: HashMap::new(),
            plain: HashSet::new(),
            arrival: None,
            received: vec![],
            sent: vec![],
            sealings: Sealing::default(),
            echo: HashMap::new(),
            next_id: 0,
            serial: 0,
        };
        world.restart();
        world
    }

    /// The device begins anew, with what was stored.
    pub fn restart(&mut self) {
        self.life = self.life.wrapping_add(1);
        self.engine = Engine::new(&self.parameters, [self.life; MCOAP_SEED_LEN], 128);
        for context in &mut self.contexts {
            context.begin(&mut self.engine);
        }
        self.add_resources();
        self.exchanges.clear();
        self.asking.clear();
        self.requests.clear();
    }

    /// Anew, whenever a number may name another context.
    pub fn add_resources(&mut self) {
        self.engine.resource_clear();
        let for_first = match self.contexts[0].number {
            0 => MCOAP_CONTEXTS_PROTECTED,
            number => MCOAP_CONTEXTS_PROTECTED | 1 << (number - 1),
        };
        for (path, number, contexts, flags) in [
            (b"p", P, for_first, MCOAP_RESOURCE_OBSERVABLE),
            (b"q", Q, MCOAP_CONTEXTS_ALL, self.flags),
            (b"o", O, 0, MCOAP_RESOURCE_OBSERVABLE),
        ] {
            let resource = mcoap_resource {
                number,
                methods: 0xFE,
                flags,
                max_body: 0,
                interval_ms: 0,
                contexts,
                understood: [0; MCOAP_UNDERSTOOD],
            };
            assert_eq!(self.engine.resource_add(path, &resource), 0);
        }
    }

    pub fn step(&mut self, script: &mut Script) {
        match script.byte() % 16 {
            0 => self.hear_anything(script),
            1 => self.hear_odd(script),
            2 | 3 => self.hear_request(script),
            4 | 5 => self.hear_response(script),
            6 => self.hear_again(script),
            7 => self.hear_plainly(script),
            8 | 9 => self.request(script),
            10 => self.answer(script),
            11 => self.engine.resource_notify(u32::from(script.byte() % 4)),
            12 => self.pass(script),
            13 => self.reserve(script),
            14 => self.change_context(script),
            _ => self.change_exchange(script),
        }
    }

    /// Unpredictable enough: the first bytes, which become a token, are never the same twice.
    pub fn entropy(&mut self) -> [u8; MCOAP_ENTROPY_LEN] {
        self.serial += 1;
        let token = self.serial.wrapping_mul(0x9E37_79B1).to_le_bytes();
        core::array::from_fn(|at| token[at % 4])
    }

    pub fn deliver(&mut self, from: Peer, datagram: Vec<u8>, multicast: bool, is_new: bool) {
        self.note_arrival(from, &datagram, multicast, is_new);
        let before = is_plain_success(&datagram).then(|| self.protected_exchanges());
        let engine = &mut self.engine;
        let event = engine.handle_datagram(self.now, &from, &datagram, multicast);
        if let Some(event) = event {
            self.see_received(&event, &datagram, multicast);
        }
        self.received.push((from, datagram));
        self.drain();
        self.arrival = None;
        assert!(before.is_none_or(|before| before == self.protected_exchanges()));
    }

    fn protected_exchanges(&self) -> Vec<u32> {
        let protected = self.exchanges.iter().filter(|(_, e)| e.context.is_some());
        protected.map(|(&handle, _)| handle).collect()
    }

    fn pass(&mut self, script: &mut Script) {
        let timeout = self.engine.poll_timeout(self.now);
        let pause = match script.byte() % 14 {
            which @ 0..7 => PAUSES[usize::from(which)],
            _ => timeout.unwrap_or(0),
        };
        self.pass_by(pause);
    }

    fn pass_by(&mut self, milliseconds: u32) {
        self.now = self.now.wrapping_add(milliseconds);
        self.engine.handle_timeout(self.now);
    }

    /// Polls until there is nothing to poll.
    pub fn drain(&mut self) {
        for round in 0.. {
            assert!(round < 64, "a timer that stays due");
            while let Some(event) = self.engine.poll_event(self.now) {
                self.see_polled(&event);
            }
            self.transmit();
            if self.engine.poll_timeout(self.now) != Some(0) {
                break;
            }
            self.pass_by(0);
        }
        for context in &self.contexts {
            context.check();
        }
    }

    /// Sends what is to be sent; gives how many responses that were.
    pub fn transmit(&mut self) -> usize {
        let mut responses = 0;
        while let Some(datagram) = self.engine.poll_transmit() {
            responses += usize::from(self.see_datagram(datagram));
        }
        responses
    }

    /// What waits is sent.
    pub fn wind_down(&mut self) {
        for _ in 0..12 {
            let Some(milliseconds) = self.engine.poll_timeout(self.now) else {
                break;
            };
            self.pass_by(milliseconds);
            self.drain();
        }
    }
}
