// SPDX-License-Identifier: MIT
//! What peers say, with the keys and without.

use common::script::Script;
use microcoapy::wire::block::Block;
use microcoapy::wire::code::Code;
use microcoapy::wire::header::{MessageType, encode_empty};
use microcoapy::wire::message::MessageView;
use microcoapy::wire::option::OptionNumber;

use crate::keys::{Binding, End, Keys, Value, short};
use crate::messages::Message;
use crate::received::{Made, Role};
use crate::world::{Key, Peer, World, peer};

/// Codes of requests, and what is none.
const METHODS: [Code; 8] = [
    Code::GET,
    Code::GET,
    Code::FETCH,
    Code::POST,
    Code::PUT,
    Code::EMPTY,
    Code::CONTENT,
    Code(0x1F),
];
/// Codes of responses, and what is none.
const CODES: [Code; 8] = [
    Code::CONTENT,
    Code::CHANGED,
    Code::UNAUTHORIZED,
    Code::NOT_FOUND,
    Code::VALID,
    Code::CONTINUE,
    Code::REQUEST_ENTITY_TOO_LARGE,
    Code::GET,
];

/// Flags of a message: what it has.
const OBSERVE: u8 = 1;
const ECHO: u8 = 2;
const BLOCK1: u8 = 4;
const BLOCK2: u8 = 8;
const ODD_OPTION: u8 = 16;
const PAYLOAD: u8 = 32;
/// Any bytes.
const RAW: u8 = 128;

/// A byte says which block.
fn block_by(how: u8) -> u32 {
    let block = Block {
        num: u32::from(how >> 4),
        more: how & 8 != 0,
        szx: how & 1,
    };
    block.encode()
}

impl World {
    fn fresh_id(&mut self) -> u16 {
        self.next_id = self.next_id.wrapping_add(1);
        self.next_id
    }

    /// Any bytes.
    pub fn hear_anything(&mut self, script: &mut Script) {
        let from = script.byte();
        let datagram = script.bytes().to_vec();
        self.deliver(peer(from), datagram, from & 0x80 != 0, false);
    }

    /// Any bytes as the OSCORE option and the ciphertext, of a request or of a response to one of the device's.
    pub fn hear_odd(&mut self, script: &mut Script) {
        let (how, code) = (script.byte(), script.byte());
        let mut to = (peer(how), vec![how & 0x30], self.fresh_id());
        let codes = if how & 4 == 0 { METHODS } else { CODES };
        if how & 4 != 0
            && let Some(sent) = script.pick(&self.sent)
        {
            to = (sent.to, sent.token(), sent.id());
        }
        let (from, token, id) = to;
        let kind = MessageType::from_bits(how >> 6);
        let mut message = Message::new(&token);
        message.option(OptionNumber::OSCORE, script.bytes());
        message.payload(script.bytes());
        let code = codes[usize::from(code & 7)];
        self.deliver(from, message.bytes(kind, code, id), how & 8 != 0, false);
    }

    /// Options and payload as `has` says.
    fn fill(&self, message: &mut Message, from: Peer, has: u8, script: &mut Script) {
        if has & ECHO != 0 {
            let echo = self.echo.get(&from).map_or(&b"guess"[..], |echo| echo);
            message.option(OptionNumber::ECHO, echo);
        }
        if has & BLOCK1 != 0 {
            message.uint(OptionNumber::BLOCK1, block_by(script.byte()));
        }
        if has & BLOCK2 != 0 {
            message.uint(OptionNumber::BLOCK2, block_by(script.byte()));
        }
        if has & ODD_OPTION != 0 {
            let number = OptionNumber(u16::from(script.byte()) * 3);
            message.option(number, script.bytes());
        }
        if has & PAYLOAD != 0 {
            message.payload(&[b'b'; 64][..usize::from(script.byte() & 63)]);
        }
    }

    /// A sealed request.
    pub fn hear_request(&mut self, script: &mut Script) {
        let (from, how, has) = (peer(script.byte()), script.byte(), script.byte());
        let path = script.byte();
        let code = METHODS[usize::from(path >> 3 & 7)];
        let text = if has & RAW != 0 {
            script.bytes().to_vec()
        } else {
            let mut inside = Message::new(b"");
            match path & 7 {
                0 => {}
                1 => {
                    inside.option(OptionNumber::URI_PATH, b".well-known");
                    inside.option(OptionNumber::URI_PATH, b"core");
                }
                which => inside.option(
                    OptionNumber::URI_PATH,
                    [b"p", b"q", b"o"][usize::from(which % 3)],
                ),
            }
            if has & OBSERVE != 0 {
                inside.uint(OptionNumber::OBSERVE, u32::from(path >> 6 & 1));
            }
            self.fill(&mut inside, from, has, script);
            inside.text(code)
        };
        let which = usize::from(how & 1);
        let Some(piv) = self.contexts[which].take_piv(script.byte()) else {
            return;
        };
        self.say_request(from, which, piv, text, how, script);
    }

    fn say_request(
        &mut self,
        from: Peer,
        which: usize,
        piv: u64,
        text: Vec<u8>,
        how: u8,
        script: &mut Script,
    ) {
        let id = self.fresh_id();
        let token = match how & 4 {
            0 => vec![b'o', how & 8],
            _ => [&[b'n'][..], &id.to_be_bytes()].concat(),
        };
        let odd = if how & 0x80 == 0 { 0 } else { script.byte() };
        let context = &self.contexts[which];
        let keys = context.keys;
        let sealed = seal_request(keys, piv, &text);
        let says_context = keys.source.id_context.filter(|_| how & 16 == 0);
        let mut value = Value {
            piv: short(piv),
            kid_context: says_context.map(<[u8]>::to_vec),
            kid: Some(keys.id(End::Peer).to_vec()),
        };
        // A longer Partial IV than it need be.
        if odd & 1 != 0 && value.piv.len() < 5 {
            value.piv.insert(0, 0);
        }
        let mut message = Message::new(&token);
        message.option(OptionNumber::OSCORE, &value.encode());
        if how & 32 != 0 {
            message.uint(OptionNumber::OBSERVE, u32::from(how & 1));
        }
        // Not what the peer has said.
        if odd & 2 != 0 {
            message.option(OptionNumber::URI_PATH, b"o");
            message.option(OptionNumber(u16::from(odd)), b"odd");
        }
        message.payload(&sealed);
        let code = match odd & 12 {
            0 => Code::POST,
            4 => Code::FETCH,
            8 => Code::GET,
            _ => Code::DELETE,
        };
        let kind = MessageType::from_bits(how >> 1 & 1);
        let (multicast, key) = (odd & 16 != 0, (from, token));
        let datagram = message.bytes(kind, code, id);
        let is_new = context.verifies()
            && context.is_highest(piv)
            && odd == 0
            && !text.is_empty()
            && datagram.len() <= self.parameters.max_message as usize
            && self.is_unused(&key);
        self.contexts[which].note_piv(piv);
        let made = Made {
            text,
            role: Role::Request(piv),
        };
        self.made.insert((which, sealed), made);
        self.deliver(from, datagram, multicast, is_new);
    }

    fn is_unused(&self, key: &Key) -> bool {
        !self.sealed.contains_key(key) && !self.plain.contains(key)
    }

    /// A sealed response to a request of the device's.
    pub fn hear_response(&mut self, script: &mut Script) {
        let asked: Vec<_> = self.sent.iter().filter(|s| s.sealed.is_some()).collect();
        let Some(asked) = script.pick(&asked).cloned() else {
            return;
        };
        let Some((which, request)) = asked.sealed else {
            return;
        };
        let (how, has, what) = (script.byte(), script.byte(), script.byte());
        let text = if has & RAW != 0 {
            script.bytes().to_vec()
        } else {
            let mut inside = Message::new(b"");
            if has & OBSERVE != 0 {
                inside.option(OptionNumber::OBSERVE, b"");
                inside.uint(OptionNumber::MAX_AGE, u32::from(what >> 6) * 20);
            }
            inside.option(OptionNumber::ETAG, &[what >> 4]);
            self.fill(&mut inside, asked.to, has, script);
            inside.text(CODES[usize::from(what & 7)])
        };
        let own = (how & 4 != 0).then(|| script.byte().into());
        let binding = Binding {
            by: End::Peer,
            request: (End::Device, request),
            own,
        };
        // With the keys of the other context it is another message.
        let by = which ^ usize::from(how >> 3 & 1);
        let keys = self.contexts[by].keys;
        let sealed = keys.seal(&binding, &text);
        let value = Value {
            piv: own.map_or(vec![], short),
            kid_context: None,
            kid: (how & 16 != 0).then(|| b"any".to_vec()),
        };
        let mut message = Message::new(&asked.token());
        message.option(OptionNumber::OSCORE, &value.encode());
        if how & 32 != 0 {
            message.uint(OptionNumber::OBSERVE, u32::from(what));
        }
        message.payload(&sealed);
        let made = Made {
            text,
            role: Role::Response(request),
        };
        self.made.insert((by, sealed), made);
        let (kind, id) = match how & 3 {
            0 | 3 => (MessageType::Acknowledgement, asked.id()),
            kind => (MessageType::from_bits(kind - 1), self.fresh_id()),
        };
        let from = if how & 64 == 0 { asked.to } else { peer(what) };
        let code = [Code::CHANGED, Code::CONTENT][usize::from(how >> 5 & 1)];
        let multicast = how & 128 != 0;
        self.deliver(from, message.bytes(kind, code, id), multicast, false);
    }

    /// A datagram again, with another message id, or a bit changed, or from another peer.
    pub fn hear_again(&mut self, script: &mut Script) {
        let Some((from, mut datagram)) = script.pick(&self.received) else {
            return;
        };
        let how = script.byte();
        if how & 1 != 0 && datagram.len() >= 4 {
            let id = self.fresh_id();
            datagram[2..4].copy_from_slice(&id.to_be_bytes());
        }
        if how & 2 != 0 && !datagram.is_empty() {
            let at = usize::from(script.byte()) % datagram.len();
            datagram[at] ^= 1 << (how >> 5);
        }
        let from = if how & 4 != 0 { peer(how >> 5) } else { from };
        self.deliver(from, datagram, how & 8 != 0, false);
    }

    /// An Empty ACK, an RST or a response that is not protected, to something that the device has sent.
    pub fn hear_plainly(&mut self, script: &mut Script) {
        let Some(sent) = script.pick(&self.sent) else {
            return;
        };
        let how = script.byte();
        let (kind, id) = match how & 7 {
            kind @ (0 | 1) => {
                let kind = [MessageType::Acknowledgement, MessageType::Reset][usize::from(kind)];
                let message = MessageView::parse(&sent.bytes).unwrap();
                let empty = encode_empty(kind, message.id()).to_vec();
                return self.deliver(sent.to, empty, false, false);
            }
            2..=4 => (MessageType::Acknowledgement, sent.id()),
            5 | 6 => (MessageType::Confirmable, self.fresh_id()),
            _ => (MessageType::NonConfirmable, self.fresh_id()),
        };
        let has = script.byte();
        let mut message = Message::new(&sent.token());
        if has & OBSERVE != 0 {
            message.uint(OptionNumber::OBSERVE, script.byte().into());
        }
        self.fill(&mut message, sent.to, has, script);
        let code = CODES[usize::from(how >> 3 & 7)];
        self.deliver(sent.to, message.bytes(kind, code, id), false, false);
    }
}

fn seal_request(keys: &Keys, piv: u64, text: &[u8]) -> Vec<u8> {
    let binding = Binding {
        by: End::Peer,
        request: (End::Peer, piv),
        own: Some(piv),
    };
    keys.seal(&binding, text)
}
