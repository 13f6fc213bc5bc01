// SPDX-License-Identifier: MIT
//! What events must be like.

use microcoapy::ffi::event::*;
use microcoapy::ffi::{MCOAP_ERR_STALE, MCOAP_OK};

use crate::world::{GROUP, Wants, World};
use common::engine::Event;

impl World {
    /// What came with a datagram; `wants_less`: not every response to it is to be sent.
    pub fn see_received(&mut self, event: Event, wants_less: bool) {
        match event.kind {
            MCOAP_EVENT_REQUEST | MCOAP_EVENT_UPLOAD | MCOAP_EVENT_DOWNLOAD => {
                let elapsed = self.elapsed;
                self.promises.hand_over(&event, elapsed, true, wants_less);
                self.see_request(&event);
            }
            MCOAP_EVENT_RESPONSE | MCOAP_EVENT_PONG => self.see_end(&event),
            _ => self.see_progress(&event),
        }
    }

    /// What came by itself.
    pub fn see_polled(&mut self, event: Event) {
        match event.kind {
            // A notification is asked for.
            MCOAP_EVENT_REQUEST => {
                assert_eq!((event.body, event.offset), (0, 0));
                let elapsed = self.elapsed;
                self.promises.hand_over(&event, elapsed, false, false);
                self.see_request(&event);
            }
            MCOAP_EVENT_RESET
            | MCOAP_EVENT_TIMEOUT
            | MCOAP_EVENT_BAD_BLOCKS
            | MCOAP_EVENT_CHANGED
            | MCOAP_EVENT_NO_ROOM
            | MCOAP_EVENT_SILENT => self.see_end(&event),
            other => panic!("event {other} did not come with a datagram"),
        }
    }

    fn see_request(&mut self, event: &Event) {
        assert!(event.handle != 0 && !self.requests.contains(&event.handle));
        assert!((1..32).contains(&event.code));
        let found = self
            .engine
            .incoming_find(&event.peer, event.id, &event.token);
        assert!(found.is_ok());
        self.requests.push(event.handle);
        let end = event.offset + event.payload.len() as u32;
        match event.kind {
            MCOAP_EVENT_UPLOAD => {
                assert!(self.engine.body_alive(event.body));
                assert!(!event.payload.is_empty() && event.payload.len().is_multiple_of(16));
                let before = self.bodies.insert(event.body, end);
                assert!(event.offset == 0 || before == Some(event.offset), "a gap");
                assert!(end <= self.largest_body);
            }
            MCOAP_EVENT_REQUEST if event.body != 0 => {
                assert!(!self.engine.body_alive(event.body));
                assert_eq!(self.bodies.remove(&event.body), Some(event.offset), "a gap");
            }
            MCOAP_EVENT_REQUEST => assert_eq!(event.offset, 0),
            _ => {
                assert!(event.offset != 0 && event.offset.is_multiple_of(16));
                assert!(event.body == 0 || self.engine.body_alive(event.body));
            }
        }
        if self.is_eager {
            self.respond_eagerly(event);
        }
    }

    /// The exchange goes on.
    fn see_progress(&mut self, event: &Event) {
        let alive = self.exchanges.get_mut(&event.handle);
        let exchange = alive.expect("an exchange that is alive");
        let token = exchange.token.expect("a request that was sent");
        let is_group = exchange.to == GROUP;
        assert!(is_group || event.peer == exchange.to);
        assert!(exchange.observes || event.token == token.as_slice());
        let end = event.offset + event.payload.len() as u32;
        match event.kind {
            MCOAP_EVENT_WANTED => {
                exchange.wants = Wants::Upload;
                let (offset, size) = self.engine.exchange_wanted(event.handle).unwrap();
                assert_eq!(offset, event.offset);
                assert!(size.is_power_of_two() && (16..=1024).contains(&size));
            }
            MCOAP_EVENT_BLOCK => {
                assert!(!event.payload.is_empty() && event.payload.len().is_multiple_of(16));
                let begins = exchange.observes && event.offset == 0;
                assert!(begins || event.offset == exchange.received, "a gap");
                exchange.received = end;
                exchange.wants = Wants::Continue;
            }
            MCOAP_EVENT_RESTART => {
                exchange.received = 0;
                exchange.wants = Wants::Continue;
            }
            MCOAP_EVENT_NOTIFICATION => {
                assert!(exchange.observes || is_group);
                assert!(
                    event.offset == 0 || event.offset == exchange.received,
                    "a gap"
                );
                exchange.received = 0;
                exchange.wants = Wants::Nothing;
            }
            other => panic!("event {other} is unknown"),
        }
        if self.is_eager {
            self.go_on_with(event.handle);
        }
    }

    /// Each exchange ends exactly once.
    fn see_end(&mut self, event: &Event) {
        let exchange = self.exchanges.remove(&event.handle);
        let exchange = exchange.expect("an exchange that is alive");
        if event.kind == MCOAP_EVENT_RESPONSE {
            // Nobody can answer what was not sent; peer and token are those of the request.
            let token = exchange.token.expect("a request that was sent");
            assert_eq!(
                (&event.peer[..], &event.token[..]),
                (&exchange.to[..], token.as_slice())
            );
            assert!(
                event.offset == 0 || event.offset == exchange.received,
                "a gap"
            );
        }
        self.check_stale(event.handle);
    }

    pub fn check_stale(&mut self, exchange: u32) {
        let now = self.now;
        let entropy = self.entropy();
        let engine = &mut self.engine;
        let results = [
            engine.exchange_cancel(now, exchange),
            engine.observation_cancel(now, exchange),
            engine.exchange_limit(now, exchange, 0),
            engine.exchange_continue(now, exchange, entropy),
            engine.exchange_upload(now, exchange, b"", false),
            engine.exchange_wanted(exchange).err().unwrap_or(MCOAP_OK),
        ];
        assert_eq!(results, [MCOAP_ERR_STALE; 6]);
    }
}
