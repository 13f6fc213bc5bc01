// SPDX-License-Identifier: MIT
//! The device's security contexts: numbers that are reserved, restarts, ends.

use std::collections::HashMap;

use common::engine::Engine;
use common::script::Script;
use common::security::Security;

use crate::keys::{Keys, LAST};
use crate::world::World;

/// What may have been stored in the beginning.
const FIRST: [u64; 4] = [0, 0, 8, LAST - 3];

pub struct Context {
    pub keys: &'static Keys,
    /// `None`: it is gone.
    security: Option<Security>,
    /// What names it to the endpoint; 0: nothing.
    pub number: u8,
    /// What outlives a power cut.
    stored: u64,
    /// Numbers from here on must not be used.
    pub reserved: u64,
    /// Numbers left when it was closed.
    closed_with: Option<u32>,
    /// Counts how often it was made.
    life: u32,
    /// The largest Partial IV of a peer's request.
    highest: Option<u64>,
    /// The Partial IVs of peers' requests, and when in its lives each was used first.
    used: HashMap<u64, u32>,
}

impl Context {
    pub fn new(keys: &'static Keys, script: u8) -> Self {
        Self {
            keys,
            security: None,
            number: 0,
            stored: FIRST[usize::from(script & 3)],
            reserved: 0,
            closed_with: None,
            life: 0,
            highest: None,
            used: HashMap::new(),
        }
    }

    /// Makes it anew, from what was stored.
    pub fn begin(&mut self, engine: &mut Engine) {
        self.life += 1;
        (self.number, self.closed_with, self.reserved) = (0, None, self.stored);
        self.security = Security::new(&self.keys.source, self.stored);
        assert_eq!(self.security.is_some(), self.stored <= LAST);
        if let Some(security) = &self.security {
            self.number = engine.context_add(security).unwrap();
            assert_eq!(engine.context_add(security), Ok(self.number));
        }
    }

    pub fn is_closed(&self) -> bool {
        self.closed_with.is_some()
    }

    /// Whether it protects what the device says.
    pub fn protects(&self) -> bool {
        self.number != 0 && !self.is_closed()
    }

    /// Whether it takes requests of peers in.
    pub fn verifies(&self) -> bool {
        self.protects() && self.reserved != 0
    }

    pub fn left(&self) -> u32 {
        self.security.as_ref().map_or(0, Security::left)
    }

    /// Whether a Partial IV is larger than those that peers have used.
    pub fn is_highest(&self, piv: u64) -> bool {
        self.highest.is_none_or(|highest| piv > highest)
    }

    /// The Partial IV of a peer's next request. What has seen a restart goes on with new numbers: with an old one, the
    /// peer itself would have a nonce of the device's used again.
    pub fn take_piv(&mut self, how: u8) -> Option<u64> {
        let next = self.highest.map_or(0, |highest| highest + 1);
        let by = u64::from(how >> 2);
        let piv = match how & 3 {
            0 => next,
            1 => next.saturating_sub(by),
            2 => next + by,
            _ => next + (1 << (by % 40)),
        };
        let life = *self.used.get(&piv).unwrap_or(&self.life);
        let piv = if life == self.life { piv } else { next };
        if piv > LAST {
            return None;
        }
        self.used.insert(piv, self.life);
        Some(piv)
    }

    pub fn note_piv(&mut self, piv: u64) {
        self.highest = self.highest.max(Some(piv));
    }

    fn reserve(&mut self, count: u8, how: u8) {
        let Some(security) = &self.security else {
            return;
        };
        let Some(end) = security.reservable(count.into()) else {
            return assert!(count == 0 || self.reserved > LAST || self.is_closed());
        };
        assert!(end > self.reserved && end <= self.reserved + u64::from(count));
        // The power may go in between.
        if how & 1 == 0 {
            self.stored = end;
            if how & 2 == 0 {
                security.reserve(end);
                self.reserved = end;
            }
        }
    }

    /// What is closed gives out no more numbers; its keys are wiped, so nothing that opens was sealed later.
    pub fn check(&self) {
        if let Some(left) = self.closed_with {
            assert_eq!(self.left(), left);
        }
    }
}

impl World {
    pub fn reserve(&mut self, script: &mut Script) {
        let (which, count, how) = (script.byte(), script.byte(), script.byte());
        self.contexts[usize::from(which & 1)].reserve(count, how);
    }

    pub fn change_context(&mut self, script: &mut Script) {
        let how = script.byte();
        let which = usize::from(how & 1);
        let context = &mut self.contexts[which];
        match how >> 1 & 3 {
            0 => {
                if let Some(security) = &context.security {
                    security.close();
                    context.closed_with = context.closed_with.or(Some(security.left()));
                }
            }
            1 => {
                self.remove_context(which);
                self.add_resources();
            }
            2 => {
                self.remove_context(which);
                self.contexts[which].begin(&mut self.engine);
                self.add_resources();
            }
            _ => self.restart(),
        }
    }

    /// What it has protected ends.
    fn remove_context(&mut self, which: usize) {
        let context = &mut self.contexts[which];
        if context.number == 0 {
            return;
        }
        self.engine.context_remove(self.now, context.number);
        (context.number, context.security, context.closed_with) = (0, None, None);
        self.drain();
        let is_of = |context: Option<usize>| context == Some(which);
        assert!(!self.exchanges.values().any(|e| is_of(e.context)));
        for request in self.requests.extract_if(.., |r| is_of(r.context)) {
            let begun = self.engine.response_begin(request.handle, 0, 69);
            assert_eq!(begun, microcoapy::ffi::MCOAP_ERR_STALE);
        }
    }
}
