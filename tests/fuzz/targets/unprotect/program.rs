// SPDX-License-Identifier: MIT
//! The device's program: its requests, and what it answers.

use common::engine::Event;
use common::script::Script;
use microcoapy::ffi::draft::*;
use microcoapy::ffi::event::MCOAP_EVENT_UPLOAD;
use microcoapy::ffi::{MCOAP_ERR_STALE, MCOAP_OK};
use microcoapy::wire::code::Code;
use microcoapy::wire::option::OptionNumber;

use crate::world::{Peer, World, peer};

/// Methods of requests.
const METHODS: [Code; 4] = [Code::GET, Code::FETCH, Code::PUT, Code::POST];

/// A request that has not ended.
pub struct Exchange {
    pub context: Option<usize>,
    pub observes: bool,
    /// A block has come that others follow.
    pub goes_on: bool,
}

/// What a token stands for.
#[derive(Clone)]
pub struct Asking {
    pub exchange: u32,
    pub context: Option<usize>,
    pub to: Peer,
    pub code: Code,
    /// The Partial IV of the last request that was sent.
    pub piv: Option<u64>,
}

/// A request of a peer.
#[derive(Clone, Copy)]
pub struct Request {
    pub handle: u32,
    pub context: Option<usize>,
    is_part: bool,
}

impl Request {
    pub fn new(event: &Event, context: Option<usize>) -> Self {
        Self {
            handle: event.handle,
            context,
            is_part: event.kind == MCOAP_EVENT_UPLOAD,
        }
    }
}

impl World {
    pub fn request(&mut self, script: &mut Script) {
        let (to, how, has) = (peer(script.byte()), script.byte(), script.byte());
        // Most of them by the first context, some by none.
        let context = [Some(0), Some(0), Some(1), None][usize::from(how & 3)];
        let code = METHODS[usize::from(how >> 3 & 3)];
        let entropy = self.entropy();
        let begun = self
            .engine
            .exchange_begin(how >> 2 & 1, code.0, None, entropy);
        if begun != MCOAP_OK {
            return;
        }
        if let Some(which) = context {
            let protected = self.engine.draft_protect(self.contexts[which].number);
            assert_eq!(protected == MCOAP_OK, self.contexts[which].protects());
            if protected != MCOAP_OK {
                return;
            }
        }
        let mut observes = false;
        self.engine.draft_add(MCOAP_PART_PATH, b"x/y?z");
        if has & 1 != 0 {
            let number = OptionNumber::OBSERVE.0.into();
            observes = self.engine.draft_add(number, b"") == MCOAP_OK;
        }
        if has & 2 != 0 {
            self.engine.draft_add(MCOAP_PART_HOST, b"device");
        }
        if has & 4 != 0 {
            let (number, value) = (u32::from(script.byte()), script.bytes());
            // Those two have a meaning here.
            let is_special =
                [OptionNumber::OBSERVE.0, OptionNumber::OSCORE.0].contains(&(number as u16));
            if !is_special {
                self.engine.draft_add(number, value);
            }
        }
        if has & 8 != 0 {
            let number = OptionNumber::NO_RESPONSE.0.into();
            self.engine.draft_uint(number, u32::from(how >> 5) * 4);
        }
        if has & 16 != 0 {
            self.engine.draft_want(0, b"", 16);
        }
        let payload = [b'u'; 256];
        let payload = &payload[..usize::from(has >> 5) * 36];
        self.engine.draft_add(MCOAP_PART_PAYLOAD, payload);
        let left = context.map(|which| self.contexts[which].left());
        let Ok((exchange, _)) = self.engine.exchange_send(self.now, &to) else {
            return;
        };
        assert_ne!(left, Some(0), "no number was left");
        let asking = Asking {
            exchange,
            context,
            to,
            code,
            piv: None,
        };
        self.asking.insert(entropy[..4].to_vec(), asking);
        let exchange_before = self.exchanges.insert(
            exchange,
            Exchange {
                context,
                observes,
                goes_on: false,
            },
        );
        assert!(exchange_before.is_none());
    }

    /// Cancels, or asks for the next block.
    pub fn change_exchange(&mut self, script: &mut Script) {
        let handles: Vec<u32> = self.exchanges.keys().copied().collect();
        let Some(handle) = script.pick(&handles) else {
            return;
        };
        match script.byte() % 4 {
            0 => assert_eq!(self.engine.exchange_cancel(self.now, handle), MCOAP_OK),
            1 => assert_eq!(self.engine.observation_cancel(self.now, handle), MCOAP_OK),
            _ => return self.go_on(handle),
        }
        self.exchanges.remove(&handle);
    }

    pub fn go_on(&mut self, handle: u32) {
        let exchange = self.exchanges.get_mut(&handle).unwrap();
        if !core::mem::take(&mut exchange.goes_on) {
            return;
        }
        let entropy = self.entropy();
        // The rest of a notification comes with a token of its own.
        let is_of = |asking: &&Asking| asking.exchange == handle;
        let asking = self.asking.values().find(is_of).cloned().unwrap();
        let asking = Asking {
            piv: None,
            ..asking
        };
        self.asking.insert(entropy[..4].to_vec(), asking);
        self.engine.exchange_continue(self.now, handle, entropy);
    }

    pub fn answer(&mut self, script: &mut Script) {
        let Some(request) = script.pick(&self.requests) else {
            return;
        };
        let how = script.byte();
        match how & 7 {
            0 => return self.engine.incoming_release(request.handle),
            1 => return self.welcome_next(request),
            _ => {}
        }
        let code = if how & 8 == 0 {
            Code::CONTENT
        } else {
            Code(64 + how % 104)
        };
        self.respond(request, how & 1, code, u32::from(script.byte()));
    }

    /// The same as any program would.
    pub fn answer_eagerly(&mut self, request: Request) {
        if request.is_part {
            self.welcome_next(request);
        } else {
            self.respond(request, 0, Code::CONTENT, 40);
        }
    }

    fn welcome_next(&mut self, request: Request) {
        let engine = &mut self.engine;
        if engine.incoming_continue(self.now, request.handle) == MCOAP_OK {
            self.forget(request);
        }
    }

    fn respond(&mut self, request: Request, kind: u8, code: Code, total: u32) {
        self.transmit();
        let engine = &mut self.engine;
        match engine.response_begin(request.handle, kind, code.0) {
            MCOAP_OK => {}
            MCOAP_ERR_STALE => return self.forget(request),
            _ => return,
        }
        engine.draft_add(OptionNumber::ETAG.0.into(), &[total as u8]);
        if let Ok((offset, size)) = engine.draft_body(total, 32) {
            let rest = total.saturating_sub(offset);
            let part = vec![b'r'; rest.min(size) as usize];
            engine.draft_block(&part, rest > size);
        }
        let sent = engine.response_send(self.now);
        let closed = request
            .context
            .is_some_and(|c| !self.contexts[c].protects());
        if sent.is_ok() {
            // To a request that wants no response there is none.
            let protected = closed && self.transmit() > 0;
            assert!(!protected, "by what is closed");
            self.forget(request);
        }
    }

    fn forget(&mut self, request: Request) {
        self.requests.retain(|other| other.handle != request.handle);
    }
}
