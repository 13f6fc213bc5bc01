// SPDX-License-Identifier: MIT
//! The program as a client: what it asks, and what it may be told of that.

use common::engine::Event;
use common::script::Script;
use microcoapy::Instant;
use microcoapy::ffi::draft::*;
use microcoapy::ffi::event::*;
use microcoapy::ffi::{MCOAP_ERR_NO_SLOT, MCOAP_ERR_STALE, MCOAP_ERR_TOO_LARGE, MCOAP_OK};
use microcoapy::wire::code::Code;
use microcoapy::wire::header::MessageType;
use microcoapy::wire::message::MessageView;
use microcoapy::wire::observe::is_newer;
use microcoapy::wire::option::OptionNumber;

use crate::ask::{Ask, Stamp};
use crate::host::PATH;
use crate::world::{Client, World, address};

/// RFC 7641 section 3.4: after so many milliseconds any notification is newer.
const NEWER_AFTER_MS: u64 = 128_000;

/// Bits of a request: what it has.
const NON: u8 = 1;
const OBSERVE: u8 = 2;
const SMALL_BLOCKS: u8 = 4;
const PING: u8 = 8;
/// Two bits say the method.
const METHODS: [Code; 4] = [Code::GET, Code::PUT, Code::POST, Code::FETCH];

/// A request that has not ended.
pub struct Exchange {
    pub ask: Ask,
    pub observes: bool,
    /// The last answer that began was a notification: the peer has registered it.
    is_registered: bool,
    is_ping: bool,
    /// Those of its messages.
    tokens: Vec<Vec<u8>>,
    /// What has come of the answer's body.
    received: Vec<u8>,
    /// RFC 7641 section 3.4: the number of the last notification, and when it came.
    last: Option<(u32, Instant)>,
    /// The last state that came whole, and when.
    pub seen: Option<(Stamp, u64)>,
}

impl World {
    pub fn request(&mut self, script: &mut Script) {
        let (host, has) = (self.some_host(script), script.byte());
        let how = script.byte();
        let (len, upload) = (script.byte(), script.byte());
        self.ask(host, has, how, len, upload);
    }

    /// Sends a request. `None`: there is no room.
    pub fn ask(&mut self, host: usize, has: u8, how: u8, len: u8, upload: u8) -> Option<u32> {
        let (entropy, small) = (self.entropy(), has & SMALL_BLOCKS != 0);
        let ask = Ask::new(self.serial, how, len, upload);
        let method = METHODS[usize::from(has >> 4 & 3)];
        let is_ping = has & PING != 0;
        let observes = has & OBSERVE != 0 && !is_ping && method.is_safe();
        let engine = &mut self.hosts[host].engine;
        if is_ping {
            engine.exchange_begin(0, 0, None, entropy);
        } else {
            let begun = engine.exchange_begin(has & NON, method.0, None, entropy);
            if begun == MCOAP_ERR_TOO_LARGE {
                return None; // the message store is full
            }
            assert_eq!(begun, MCOAP_OK);
            self.write(host, &ask, method, observes, small)?;
        }
        let sent = self.hosts[host]
            .engine
            .exchange_send(self.now(), &address(1 - host));
        let (handle, _) = sent.ok()?;
        let exchange = Exchange {
            ask,
            observes,
            is_registered: false,
            is_ping,
            tokens: vec![entropy[..4].to_vec()],
            received: vec![],
            last: None,
            seen: None,
        };
        let before = self.hosts[host].exchanges.insert(handle, exchange);
        assert!(before.is_none(), "a handle is given out twice");
        self.drain(host);
        Some(handle)
    }

    /// Adds what the request consists of. `None`: no room.
    fn write(
        &mut self,
        host: usize,
        ask: &Ask,
        method: Code,
        observes: bool,
        small: bool,
    ) -> Option<()> {
        let engine = &mut self.hosts[host].engine;
        let done = |result: i32| (result == MCOAP_OK).then_some(());
        done(engine.draft_add(MCOAP_PART_PATH, PATH))?;
        done(engine.draft_add(OptionNumber::URI_QUERY.0.into(), &ask.encode()))?;
        if observes {
            done(engine.draft_uint(OptionNumber::OBSERVE.0.into(), 0))?;
        }
        if small {
            done(engine.draft_want(0, b"", 16))?;
        }
        if method != Code::GET {
            let body = ask.upload();
            let size = if small { 16 } else { 0 };
            let (_, len) = engine.draft_body(body.len() as u32, size).ok()?;
            let end = body.len().min(len as usize);
            done(engine.draft_block(&body[..end], end < body.len()))?;
        }
        Some(())
    }

    /// Gives an exchange up, or limits it.
    pub fn give_up(&mut self, script: &mut Script) {
        let (host, how) = (self.some_host(script), script.byte());
        let handles: Vec<u32> = self.hosts[host].exchanges.keys().copied().collect();
        let Some(handle) = script.pick(&handles) else {
            return;
        };
        let now = self.now();
        let Client { engine, exchanges } = self.client(host);
        let result = match how & 3 {
            0 => engine.exchange_limit(now, handle, 100 << (how >> 2 & 15)),
            1 => engine.exchange_cancel(now, handle),
            _ => engine.observation_cancel(now, handle),
        };
        assert_eq!(result, MCOAP_OK);
        if how & 3 != 0 {
            exchanges.remove(&handle);
        }
        self.drain(host);
    }

    /// The exchange goes on.
    pub fn see_progress(&mut self, host: usize, event: &Event) {
        let exchange = self.hosts[host].exchanges.get_mut(&event.handle);
        let exchange = exchange.expect("an exchange that is alive");
        if exchange.observes {
            if event.offset == 0 {
                let message = MessageView::parse(&self.arrived).unwrap();
                exchange.is_registered = message.first(OptionNumber::OBSERVE).is_some();
            }
            self.check_order(host, event);
        }
        match event.kind {
            MCOAP_EVENT_WANTED => self.upload(host, event.handle),
            MCOAP_EVENT_BLOCK => {
                self.take(host, event);
                self.go_on(host, event.handle);
            }
            MCOAP_EVENT_RESTART => {
                let exchange = self.hosts[host].exchanges.get_mut(&event.handle);
                exchange.unwrap().received.clear();
                self.go_on(host, event.handle);
            }
            MCOAP_EVENT_NOTIFICATION => {
                self.take(host, event);
                self.check_state(host, event);
            }
            other => panic!("event {other} is unknown"),
        }
    }

    fn upload(&mut self, host: usize, handle: u32) {
        let now = self.now();
        let Client { engine, exchanges } = self.client(host);
        let body = exchanges[&handle].ask.upload();
        let (start, len) = engine.exchange_wanted(handle).unwrap();
        let rest = &body[start as usize..];
        let part = &rest[..rest.len().min(len as usize)];
        let result = engine.exchange_upload(now, handle, part, part.len() < rest.len());
        self.see_result(host, handle, result);
    }

    fn go_on(&mut self, host: usize, handle: u32) {
        let (now, entropy) = (self.now(), self.entropy());
        let Client { engine, exchanges } = self.client(host);
        let exchange = exchanges.get_mut(&handle).unwrap();
        // The rest of a notification is fetched with it.
        exchange.tokens.push(entropy[..4].to_vec());
        let result = engine.exchange_continue(now, handle, entropy);
        self.see_result(host, handle, result);
    }

    fn see_result(&mut self, host: usize, handle: u32, result: i32) {
        let now = self.now();
        let Client { engine, exchanges } = self.client(host);
        match result {
            MCOAP_OK => {}
            // It registers again, by itself.
            MCOAP_ERR_NO_SLOT if exchanges[&handle].is_registered => {}
            MCOAP_ERR_NO_SLOT => {
                engine.exchange_cancel(now, handle);
                exchanges.remove(&handle);
            }
            other => panic!("{other} to what the exchange has asked for"),
        }
    }

    /// A part of the answer's body.
    fn take(&mut self, host: usize, event: &Event) {
        let exchange = self.hosts[host].exchanges.get_mut(&event.handle);
        let exchange = exchange.expect("an exchange that is alive");
        // A notification begins anew, and an error is no part of what came before it.
        if event.offset == 0 && (exchange.observes || !Code(event.code).is_success()) {
            exchange.received.clear();
        }
        assert_eq!(exchange.received.len(), event.offset as usize, "a gap");
        exchange.received.extend(&event.payload);
    }

    pub fn is_touched(&self, exchange: &Exchange) -> bool {
        let mut tokens = exchange.tokens.iter();
        tokens.any(|token| self.network.has_touched(token))
    }

    /// What may answer a registration, after which the order begins anew: also when the engine has no room for its body,
    /// and says nothing of it.
    pub fn hear_registered(&mut self, host: usize) {
        if let Ok(message) = MessageView::parse(&self.arrived)
            && message.kind() == MessageType::Acknowledgement
        {
            let token = message.token().as_slice();
            for exchange in self.hosts[host].exchanges.values_mut() {
                if exchange.tokens.iter().any(|own| own == token) {
                    exchange.last = None;
                }
            }
        }
    }

    /// RFC 7641 section 3.4: each notification is newer than the one before it.
    fn check_order(&mut self, host: usize, event: &Event) {
        let message = MessageView::parse(&self.arrived).unwrap();
        let Some(number) = message.uint(OptionNumber::OBSERVE) else {
            return;
        };
        let now = Instant(self.now());
        let exchange = &self.hosts[host].exchanges[&event.handle];
        let is_touched = self.is_touched(exchange);
        let last = exchange.last;
        let newer = last.is_none_or(|(last, then)| is_newer(last, then, number, now));
        assert!(newer || is_touched, "{number} after {last:?}");
        let exchange = self.hosts[host].exchanges.get_mut(&event.handle);
        exchange.unwrap().last = Some((number, now));
    }

    /// The answer is whole: it is to this request, of one state, and that one is not older than the last.
    fn check_state(&mut self, host: usize, event: &Event) {
        let exchange = &self.hosts[host].exchanges[&event.handle];
        let (is_touched, elapsed) = (self.is_touched(exchange), self.elapsed);
        let is_success = Code(event.code).is_success();
        let exchange = self.hosts[host].exchanges.get_mut(&event.handle).unwrap();
        let body = core::mem::take(&mut exchange.received);
        if is_touched || !is_success {
            return;
        }
        let stamp = exchange.ask.check(&body);
        let (life, version) = stamp.unwrap_or_else(|| panic!("not its answer: {body:02x?}"));
        if let Some(((before, older), then)) = exchange.seen.replace(((life, version), elapsed)) {
            let is_ordered = life == before && elapsed - then <= NEWER_AFTER_MS;
            assert!(!is_ordered || version >= older, "{version} after {older}");
        }
    }

    /// Each exchange ends exactly once.
    pub fn see_end(&mut self, host: usize, event: &Event) {
        if event.kind == MCOAP_EVENT_RESPONSE {
            self.take(host, event);
            self.check_state(host, event);
            self.note_success(event);
        }
        let Client { engine, exchanges } = self.client(host);
        let ended = exchanges.remove(&event.handle);
        let ended = ended.expect("an exchange that is alive");
        assert!(ended.is_ping || event.kind != MCOAP_EVENT_PONG);
        let cancelled = engine.exchange_cancel(0, event.handle);
        assert_eq!(cancelled, MCOAP_ERR_STALE);
    }
}
