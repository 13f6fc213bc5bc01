// SPDX-License-Identifier: MIT
//! An endpoint and its program.

use std::collections::{BTreeMap, HashMap, HashSet};

use common::engine::Engine;
use microcoapy::ffi::endpoint::MCOAP_SEED_LEN;
use microcoapy::wire::header::MessageType;
use microcoapy::wire::message::MessageView;
use microcoapy::{DEDUPLICATION, Parameters, REQUESTS};

use crate::ask::Ask;
use crate::client::Exchange;

/// The resource that each host serves: its path and its number.
pub const PATH: &[u8] = b"r";
pub const RESOURCE: u32 = 5;

/// What the program is still to say to a request.
#[derive(Clone, Copy)]
pub enum Owed {
    /// That the next block may come.
    Continue,
    Answer(Ask),
}

/// A body that comes block by block.
#[derive(Default)]
pub struct Upload {
    pub data: Vec<u8>,
    /// The network has changed a part of it.
    pub is_void: bool,
}

/// Messages that have come, to tell whether the endpoint must know one again.
#[derive(Default)]
pub struct Arrivals {
    all: Vec<(u64, Vec<u8>)>,
    /// When a handler saw what has this name: the position of the message among all.
    handled: HashMap<Vec<u8>, usize>,
    /// How many had come when the endpoint forgot them.
    forgotten: usize,
}

pub struct Host {
    pub engine: Engine,
    /// As a client, by handle.
    pub exchanges: BTreeMap<u32, Exchange>,
    /// As a server.
    pub uploads: HashMap<u32, Upload>,
    /// When, to which request, what.
    pub owed: Vec<(u64, u32, Owed)>,
    pub arrivals: Arrivals,
    /// Counts its starts.
    pub life: u8,
    /// Counts the changes of its resource.
    pub version: u16,
}

/// An endpoint that serves [`PATH`].
pub fn begin(parameters: &Parameters, number: u8, life: u8, flags: u32) -> Engine {
    let mut seed = [7; MCOAP_SEED_LEN];
    seed[..2].copy_from_slice(&[number, life]);
    let mut engine = Engine::new(parameters, seed, 64);
    engine.serve(PATH, RESOURCE, flags);
    engine
}

impl Host {
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            exchanges: BTreeMap::new(),
            uploads: HashMap::new(),
            owed: vec![],
            arrivals: Arrivals::default(),
            life: 0,
            version: 0,
        }
    }

    /// The program knows nothing any more, and the endpoint no messages.
    pub fn forget(&mut self) {
        self.exchanges.clear();
        self.uploads.clear();
        self.owed.clear();
        self.arrivals.handled.clear();
        self.arrivals.forgotten = self.arrivals.all.len();
    }
}

impl Arrivals {
    pub fn note(&mut self, datagram: &[u8], now: u64) {
        let kind = datagram.first().map(|first| first >> 4 & 3);
        // An ACK or RST takes no room among the messages that are known again.
        if kind.is_some_and(|kind| kind < 2) {
            self.all.push((now, datagram.to_vec()));
        }
    }

    /// A handler sees the message that came last: RFC 7252 section 4.5, only once.
    pub fn handle(&mut self, name: &[u8], parameters: &Parameters, now: u64) {
        let last = self.all.len() - 1;
        let Some(before) = self.handled.insert(name.to_vec(), last) else {
            return;
        };
        let message = &self.all[last].1;
        let first = self.all.iter().position(|(_, other)| other == message);
        let start = first.unwrap_or(last).min(before);
        if start < self.forgotten {
            return;
        }
        let lifetime = match MessageView::parse(message).unwrap().kind() {
            MessageType::Confirmable => parameters.exchange_lifetime_ms(),
            _ => parameters.non_lifetime_ms(),
        };
        let others: HashSet<_> = self.all[start..].iter().map(|(_, other)| other).collect();
        // More than the table holds push one another out, but not those that are being handled.
        let is_pushed_out = others.len() > DEDUPLICATION - REQUESTS;
        let is_forgotten = now - self.all[start].0 >= lifetime.into();
        assert!(
            is_pushed_out || is_forgotten,
            "handled twice: {message:02x?}"
        );
    }
}
