// SPDX-License-Identifier: MIT
//! What becomes of datagrams.

use std::collections::{BTreeMap, HashSet};

use microcoapy::wire::message::MessageView;

/// How long a datagram takes on a good network, milliseconds.
const LATENCY_MS: u64 = 50;

/// Datagrams after which the network is a good one. An observer of a long state would take seconds; and a RST that always
/// becomes a ping would be answered for ever.
const BAD_DATAGRAMS: u64 = 3000;

/// What the low bits of a fate are; the other bits say how long.
const LOST: u8 = 1;
const TWICE: u8 = 2;
const LATE: u8 = 3;
const CORRUPTED: u8 = 4;
const REPLAYED: u8 = 5;

pub struct Network {
    /// By arrival time and a serial number: to whom, what.
    flying: BTreeMap<(u64, u64), (usize, Vec<u8>)>,
    serial: u64,
    /// What becomes of one datagram after the other, again and again.
    fates: Vec<u8>,
    next_fate: usize,
    /// Tokens of the messages that were corrupted, and of what came of them.
    touched: HashSet<Vec<u8>>,
}

fn token_of(datagram: &[u8]) -> Option<Vec<u8>> {
    let message = MessageView::parse(datagram).ok()?;
    Some(message.token().as_slice().to_vec())
}

impl Network {
    pub fn new(fates: &[u8]) -> Self {
        Self {
            flying: BTreeMap::new(),
            serial: 0,
            fates: fates.to_vec(),
            next_fate: 0,
            touched: HashSet::new(),
        }
    }

    /// From now on nothing happens to datagrams. What is flying arrives.
    pub fn heal(&mut self) {
        self.fates.clear();
    }

    /// Whether a message with this token was corrupted, or became one with it.
    pub fn has_touched(&self, token: &[u8]) -> bool {
        self.touched.contains(token)
    }

    /// Whether anything may still happen to datagrams.
    pub fn is_bad(&self) -> bool {
        self.serial < BAD_DATAGRAMS
    }

    fn fate(&mut self) -> u8 {
        let fate = self.fates.get(self.next_fate).copied();
        let Some(fate) = fate.filter(|_| self.is_bad()) else {
            return 0;
        };
        self.next_fate = (self.next_fate + 1) % self.fates.len();
        fate
    }

    pub fn send(&mut self, to: usize, datagram: &[u8], now: u64) {
        let fate = self.fate();
        let long = u64::from(fate >> 3);
        let soon = now + LATENCY_MS;
        match fate & 7 {
            0 => self.fly(to, datagram, soon),
            LOST => {}
            TWICE => {
                self.fly(to, datagram, soon);
                self.fly(to, datagram, soon + long * 100);
            }
            // Up to more than EXCHANGE_LIFETIME.
            LATE => self.fly(to, datagram, soon + long * 10_000),
            CORRUPTED => {
                self.corrupt(to, datagram, soon);
                if long & 1 != 0 {
                    self.fly(to, datagram, soon + long * 50);
                }
            }
            REPLAYED => {
                self.fly(to, datagram, soon);
                self.fly(to, datagram, soon + long * 20_000);
            }
            // In another order.
            _ => self.fly(to, datagram, soon + long * 150),
        }
    }

    fn fly(&mut self, to: usize, datagram: &[u8], arrival: u64) {
        self.serial += 1;
        self.flying
            .insert((arrival, self.serial), (to, datagram.to_vec()));
    }

    fn corrupt(&mut self, to: usize, datagram: &[u8], arrival: u64) {
        let mut corrupted = datagram.to_vec();
        let at = usize::from(self.fate()) % corrupted.len();
        match self.fate() {
            0 => corrupted.truncate(at),
            change => corrupted[at] ^= change,
        }
        self.touched.extend(token_of(datagram));
        self.touched.extend(token_of(&corrupted));
        self.fly(to, &corrupted, arrival);
    }

    pub fn next_arrival(&self) -> Option<u64> {
        self.flying.keys().next().map(|key| key.0)
    }

    /// What has arrived, to whom.
    pub fn take_arrived(&mut self, now: u64) -> Option<(usize, Vec<u8>)> {
        let entry = self.flying.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}
