// SPDX-License-Identifier: MIT
//! What sent datagrams must be like: protected where they are to be, and no nonce twice.

use std::collections::HashMap;

use common::engine::Datagram;
use microcoapy::wire::code::Code;
use microcoapy::wire::message::MessageView;
use microcoapy::wire::option::OptionNumber;

use crate::keys::{Binding, End, Nonce, Value};
use crate::messages;
use crate::world::{Key, Peer, World};

/// A request with the OSCORE option that the endpoint is taking in.
pub struct Arrival {
    pub key: Key,
    /// Its answer must be protected.
    pub must_verify: bool,
}

/// Ciphertexts by context and nonce.
pub type Sealing = HashMap<(usize, Nonce), Vec<u8>>;

/// A datagram of the device's.
#[derive(Clone)]
pub struct Sent {
    pub to: Peer,
    pub bytes: Vec<u8>,
    /// Of a protected request: the context and the Partial IV.
    pub sealed: Option<(usize, u64)>,
}

impl Sent {
    pub fn token(&self) -> Vec<u8> {
        let message = MessageView::parse(&self.bytes).unwrap();
        message.token().as_slice().to_vec()
    }

    pub fn id(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }
}

/// What may stand outside, beside the OSCORE option.
fn check_outside(message: &MessageView, allowed: &[OptionNumber]) {
    for option in message.options() {
        let is_oscore = option.number == OptionNumber::OSCORE;
        assert!(is_oscore || allowed.contains(&option.number));
    }
    let observes = message.first(OptionNumber::OBSERVE).is_some();
    let codes = match message.code().is_request() {
        true => [Code::POST, Code::FETCH],
        false => [Code::CHANGED, Code::CONTENT],
    };
    assert_eq!(message.code(), codes[usize::from(observes)]);
}

impl World {
    /// Whether it is a response.
    pub fn see_datagram(&mut self, datagram: Datagram) -> bool {
        let to = Peer::try_from(&datagram.to[..]).unwrap();
        let message = MessageView::parse(&datagram.bytes).expect("a well-formed message");
        assert!(datagram.bytes.len() <= self.parameters.max_message as usize);
        let mut sealed = None;
        let is_response = message.code().is_response();
        if message.code().is_request() {
            sealed = self.check_request(to, &message);
        } else if is_response {
            self.check_response(to, &message);
        }
        let bytes = datagram.bytes;
        self.sent.push(Sent { to, bytes, sealed });
        is_response
    }

    /// The context and the Partial IV, if it is to be protected.
    fn check_request(&mut self, to: Peer, message: &MessageView) -> Option<(usize, u64)> {
        let asking = self.asking.get_mut(message.token().as_slice());
        let asking = asking.expect("what the program has asked");
        assert_eq!(asking.to, to);
        let value = message.first(OptionNumber::OSCORE);
        let Some(which) = asking.context else {
            assert_eq!((value, message.code()), (None, asking.code));
            return None;
        };
        let value = Value::decode(value.expect("a protected request"));
        check_outside(
            message,
            &[
                OptionNumber::URI_HOST,
                OptionNumber::OBSERVE,
                OptionNumber::URI_PORT,
                OptionNumber::HOP_LIMIT,
                OptionNumber::PROXY_SCHEME,
            ],
        );
        let piv = value.number().expect("a Partial IV");
        let source = &self.contexts[which].keys.source;
        assert_eq!(value.kid.as_deref(), Some(source.sender_id));
        assert_eq!(value.kid_context.as_deref(), source.id_context);
        asking.piv = Some(piv);
        let code = asking.code;
        let binding = Binding {
            by: End::Device,
            request: (End::Device, piv),
            own: Some(piv),
        };
        let text = self.open(which, &binding, message.payload());
        self.check_inside(&text.expect("by this context"), |inside| {
            assert_eq!(inside.code(), code);
            assert_eq!(inside.first(OptionNumber::URI_PATH), Some(&b"x"[..]));
        });
        Some((which, piv))
    }

    /// A response is protected as the request was.
    fn check_response(&mut self, to: Peer, message: &MessageView) {
        let key = (to, message.token().as_slice().to_vec());
        let Some(value) = message.first(OptionNumber::OSCORE) else {
            let arrival = self.arrival.as_ref().filter(|arrival| arrival.key == key);
            // To what cannot be verified, an error, and at once.
            let is_refusal =
                arrival.is_some_and(|arrival| !arrival.must_verify && !message.code().is_success());
            assert!(is_refusal || self.plain.contains(&key), "not protected");
            return self.note_echo(to, message);
        };
        let value = Value::decode(value);
        assert!(value.kid.is_none() && value.kid_context.is_none());
        check_outside(message, &[OptionNumber::OBSERVE]);
        let requests = self.sealed.get(&key).expect("a sealed request").clone();
        let text = requests.into_iter().rev().find_map(|(which, piv)| {
            let binding = Binding {
                by: End::Device,
                request: (End::Peer, piv),
                own: value.number(),
            };
            self.open(which, &binding, message.payload())
        });
        let bytes = messages::whole(&text.expect("it answers one of them"));
        let inside = MessageView::parse(&bytes).expect("a well-formed plaintext");
        assert!(inside.code().is_response());
        self.note_echo(to, &inside);
    }

    fn check_inside(&self, text: &[u8], check: impl Fn(&MessageView)) {
        let bytes = messages::whole(text);
        let inside = MessageView::parse(&bytes).expect("a well-formed plaintext");
        assert!(inside.first(OptionNumber::OSCORE).is_none());
        assert!(inside.first(OptionNumber::URI_HOST).is_none());
        check(&inside);
    }

    /// The plaintext, if the device has sealed it so. Its number was reserved, and its nonce is not another's.
    fn open(&mut self, which: usize, binding: &Binding, sealed: &[u8]) -> Option<Vec<u8>> {
        let context = &self.contexts[which];
        let text = context.keys.open(binding, sealed)?;
        if let Some(own) = binding.own {
            assert!(own < context.reserved, "not reserved");
        }
        let key = (which, context.keys.nonce(binding));
        let known = self.sealings.entry(key).or_insert_with(|| sealed.to_vec());
        assert_eq!(known, sealed, "a nonce is used twice");
        Some(text)
    }

    fn note_echo(&mut self, to: Peer, message: &MessageView) {
        if let Some(echo) = message.first(OptionNumber::ECHO) {
            self.echo.insert(to, echo.to_vec());
        }
    }
}
