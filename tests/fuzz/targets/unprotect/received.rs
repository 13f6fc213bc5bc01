// SPDX-License-Identifier: MIT
//! What events must be like: as protected is told what a peer has sealed, that very plaintext, and of requests each
//! once.

use common::engine::Event;
use microcoapy::ffi::event::*;
use microcoapy::wire::code::Code;
use microcoapy::wire::message::MessageView;
use microcoapy::wire::option::OptionNumber;

use crate::messages;
use crate::program::Request;
use crate::sent::Arrival;
use crate::world::{O, P, Peer, World};

/// What a sealed message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A request with this Partial IV.
    Request(u64),
    /// A response to the device's request with this one.
    Response(u64),
}

/// What a peer has sealed.
pub struct Made {
    pub text: Vec<u8>,
    pub role: Role,
}

impl World {
    /// A datagram that the endpoint is about to receive. `is_new`: it must be able to verify it.
    pub fn note_arrival(&mut self, from: Peer, datagram: &[u8], multicast: bool, is_new: bool) {
        let Ok(message) = MessageView::parse(datagram) else {
            return;
        };
        if !message.code().is_request() {
            return;
        }
        let key = (from, message.token().as_slice().to_vec());
        if message.first(OptionNumber::OSCORE).is_none() {
            self.plain.insert(key);
            return;
        }
        for which in 0..2 {
            let made = self.made.get(&(which, message.payload().to_vec()));
            if let Some(Role::Request(piv)) = made.map(|made| made.role) {
                let sealed = self.sealed.entry(key.clone()).or_default();
                sealed.push((which, piv));
            }
        }
        let must_verify = is_new && !multicast;
        self.arrival = Some(Arrival { key, must_verify });
    }

    /// What names a context to the endpoint.
    fn context(&self, number: u8) -> usize {
        let mut contexts = self.contexts.iter();
        let which = contexts.position(|context| context.number == number);
        which.expect("a context that it knows")
    }

    /// What came with a datagram.
    pub fn see_received(&mut self, event: &Event, datagram: &[u8], multicast: bool) {
        let message = MessageView::parse(datagram).unwrap();
        let context = (event.security != 0).then(|| self.context(event.security));
        let role = context.map(|which| {
            assert!(!multicast && self.contexts[which].verifies());
            let made = self.made.get(&(which, message.payload().to_vec()));
            let made = made.expect("what a peer has sealed");
            check_text(event, &made.text);
            made.role
        });
        match event.kind {
            MCOAP_EVENT_REQUEST | MCOAP_EVENT_UPLOAD | MCOAP_EVENT_DOWNLOAD => {
                self.see_request(event, &message, context, role);
            }
            MCOAP_EVENT_PONG => panic!("nobody has pinged"),
            _ => self.see_response(event, context, role),
        }
    }

    fn see_request(
        &mut self,
        event: &Event,
        message: &MessageView,
        context: Option<usize>,
        role: Option<Role>,
    ) {
        let key = (
            Peer::try_from(&event.peer[..]).unwrap(),
            event.token.clone(),
        );
        match (context, role) {
            (Some(which), Some(Role::Request(piv))) => {
                assert!(event.resource != P || which == 0, "not for this context");
                assert!(self.delivered.insert((which, piv)), "delivered twice");
                let seen = (which, key, event.code, event.options.clone());
                self.seen.insert(seen);
                let arrival = self.arrival.as_mut().expect("a request");
                arrival.must_verify = true;
            }
            (None, None) => {
                assert_eq!(event.resource, O, "not protected");
                assert!(message.first(OptionNumber::OSCORE).is_none());
            }
            other => panic!("a request: {other:?}"),
        }
        self.take(event, context);
    }

    fn take(&mut self, event: &Event, context: Option<usize>) {
        let request = Request::new(event, context);
        self.requests.push(request);
        if self.is_eager {
            self.answer_eagerly(request);
        }
    }

    fn see_response(&mut self, event: &Event, context: Option<usize>, role: Option<Role>) {
        let exchange = self.exchanges.get_mut(&event.handle).expect("it is alive");
        let asking = &self.asking[&event.token];
        assert_eq!(
            (asking.exchange, asking.context, &asking.to[..]),
            (event.handle, exchange.context, &event.peer[..])
        );
        if context.is_some() || exchange.context.is_none() {
            assert_eq!(context, exchange.context);
            assert_eq!(
                role,
                asking.piv.filter(|_| context.is_some()).map(Role::Response)
            );
        } else {
            assert!(
                !Code(event.code).is_success(),
                "a success without protection"
            );
        }
        match event.kind {
            MCOAP_EVENT_RESPONSE => {
                self.exchanges.remove(&event.handle);
            }
            MCOAP_EVENT_BLOCK | MCOAP_EVENT_RESTART => {
                exchange.goes_on = true;
                if self.is_eager {
                    self.go_on(event.handle);
                }
            }
            kind => assert!(kind == MCOAP_EVENT_NOTIFICATION && exchange.observes),
        }
    }

    /// What came by itself.
    pub fn see_polled(&mut self, event: &Event) {
        if event.kind != MCOAP_EVENT_REQUEST {
            let exchange = self.exchanges.remove(&event.handle);
            assert!(exchange.is_some(), "an exchange that is alive");
            return;
        }
        // A notification is asked for, as the observer has.
        let context = (event.security != 0).then(|| self.context(event.security));
        if let Some(which) = context {
            let key = (
                Peer::try_from(&event.peer[..]).unwrap(),
                event.token.clone(),
            );
            let seen = (which, key, event.code, event.options.clone());
            assert!(self.seen.contains(&seen));
        } else {
            assert_eq!(event.resource, O, "not protected");
        }
        self.take(event, context);
    }
}

/// The event says what was sealed, and nothing else.
fn check_text(event: &Event, text: &[u8]) {
    let bytes = messages::whole(text);
    let message = MessageView::parse(&bytes).expect("a well-formed plaintext");
    let message = message.without_undefined_payload();
    assert_eq!(event.code, message.code().0);
    assert_eq!(event.options, message.option_bytes());
    assert_eq!(event.payload, message.payload());
}
