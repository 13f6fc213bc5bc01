// SPDX-License-Identifier: MIT
//! What peers say: to what the endpoint has sent, and by themselves.

use microcoapy::wire::block::Block;
use microcoapy::wire::builder::MessageDraft;
use microcoapy::wire::code::Code;
use microcoapy::wire::header::{MessageId, MessageType, Token, encode_empty};
use microcoapy::wire::message::MessageView;
use microcoapy::wire::option::OptionNumber;
use microcoapy::wire::uint;

use crate::datagrams::Sent;
use crate::world::{GROUP, Peer, World, peer};
use common::script::Script;

/// Codes of answers.
const CODES: [Code; 12] = [
    Code::CONTENT,
    Code::CONTINUE,
    Code::CHANGED,
    Code::REQUEST_ENTITY_TOO_LARGE,
    Code::UNAUTHORIZED,
    Code::REQUEST_ENTITY_INCOMPLETE,
    Code::VALID,
    Code::NOT_FOUND,
    Code::CREATED,
    Code::SERVICE_UNAVAILABLE,
    Code::TOO_MANY_REQUESTS,
    Code(0x5F),
];

/// Flags of a message: what it has.
const BLOCK1: u8 = 1;
const BLOCK2: u8 = 2;
const OBSERVE: u8 = 4;
const ETAG: u8 = 8;
const ECHO: u8 = 16;
const SIZE: u8 = 32;
/// Max-Age of an answer, Accept of a request.
const AGE: u8 = 64;
const ODD_OPTION: u8 = 128;

/// Values of Max-Age, seconds.
const AGES: [u32; 4] = [0, 1, 60, u32::MAX];
/// Values of Size1 and Size2, bytes.
const TOTALS: [u32; 4] = [0, 40, 2000, u32::MAX];

/// A message being written; what does not fit is left out.
struct Message {
    buffer: [u8; 256],
    draft: MessageDraft,
}

impl Message {
    fn new(token: &Token) -> Self {
        let mut buffer = [0; 256];
        let draft = MessageDraft::begin(&mut buffer, token).unwrap();
        Self { buffer, draft }
    }

    fn option(&mut self, number: OptionNumber, value: &[u8]) {
        let _ = self.draft.option(&mut self.buffer, number, value);
    }

    fn uint(&mut self, number: OptionNumber, value: u32) {
        let _ = self
            .draft
            .option(&mut self.buffer, number, uint::encode(value).as_slice());
    }

    fn payload(&mut self, len: usize) {
        let _ = self
            .draft
            .payload(&mut self.buffer, &[b'b'; 256][..len.min(256)]);
    }

    fn bytes(&mut self, kind: MessageType, code: Code, id: MessageId) -> Vec<u8> {
        let len = self.draft.finish(&mut self.buffer, kind, code, id);
        self.buffer[..len.unwrap()].to_vec()
    }
}

fn block_of(message: &MessageView, number: OptionNumber) -> Option<Block> {
    message.first(number).and_then(Block::decode)
}

/// A byte says which block follows `offset`; the reserved size is among them. Gives its value, and the bytes
/// that it ought to have.
fn block_by(how: u8, offset: u32) -> (u32, usize) {
    let szx = u32::from(how & 7);
    let more = how & 8 != 0;
    let num = (offset >> (szx + 4)) + [0, 1, 2, 0xF_FFF0][usize::from(how >> 4 & 3)];
    let size = if more { 16 << szx } else { 5 };
    // A byte too few, or too many.
    let wrong = usize::from(how & 0x40 != 0);
    let len = if how & 0x80 == 0 {
        size + wrong
    } else {
        size - wrong
    };
    ((num & 0xF_FFFF) << 4 | u32::from(more) << 3 | szx, len)
}

impl World {
    fn fresh_id(&mut self) -> MessageId {
        self.next_id = self.next_id.wrapping_add(1);
        MessageId(self.next_id)
    }

    /// Any bytes.
    pub fn hear_anything(&mut self, script: &mut Script) {
        let from = script.byte();
        let datagram = script.bytes().to_vec();
        self.deliver(peer(from), datagram, from & 0x80 != 0);
    }

    /// A datagram again, sometimes from another peer, sometimes with a byte changed.
    pub fn hear_again(&mut self, script: &mut Script) {
        let Some((from, mut datagram)) = script.pick(&self.received) else {
            return;
        };
        let how = script.byte();
        if how & 1 != 0 && !datagram.is_empty() {
            let at = usize::from(script.byte()) % datagram.len();
            datagram[at] ^= how;
        }
        let from = if how & 2 != 0 { peer(how) } else { from };
        self.deliver(from, datagram, how & 4 != 0);
    }

    /// An ACK, a RST or a response to something the endpoint has sent; sometimes from a stranger.
    pub fn hear_answer(&mut self, script: &mut Script) {
        let Some((to, datagram)) = script.pick(&self.sent) else {
            return;
        };
        let message = MessageView::parse(&datagram).unwrap();
        let how = script.byte();
        let from = if how & 0x40 != 0 || to == GROUP {
            peer(how)
        } else {
            to
        };
        let token = if how & 0x80 != 0 {
            Token::new(b"guess").unwrap()
        } else {
            *message.token()
        };
        let (kind, id) = match how & 7 {
            kind @ (0 | 1) => {
                let kind = [MessageType::Acknowledgement, MessageType::Reset][usize::from(kind)];
                let empty = encode_empty(kind, message.id()).to_vec();
                return self.deliver(from, empty, false);
            }
            2 | 3 => (MessageType::Acknowledgement, message.id()),
            4 | 5 => (MessageType::Confirmable, self.fresh_id()),
            _ => (MessageType::NonConfirmable, self.fresh_id()),
        };
        let code = CODES[usize::from(script.byte()) % CODES.len()];
        let mut answer = Message::new(&token);
        self.fill_answer(&mut answer, &message, script);
        self.deliver(from, answer.bytes(kind, code, id), how & 32 != 0);
    }

    fn fill_answer(&mut self, answer: &mut Message, request: &MessageView, script: &mut Script) {
        let has = script.byte();
        let mut len = 8;
        if has & BLOCK1 != 0 {
            let sent = block_of(request, OptionNumber::BLOCK1).map_or(0, Block::offset);
            answer.uint(OptionNumber::BLOCK1, block_by(script.byte(), sent).0);
        }
        if has & BLOCK2 != 0 {
            let asked = block_of(request, OptionNumber::BLOCK2).map_or(0, Block::offset);
            let (block, ought) = block_by(script.byte(), asked);
            answer.uint(OptionNumber::BLOCK2, block);
            len = ought;
        }
        if has & OBSERVE != 0 {
            let back = u32::from(script.byte());
            self.next_number += 1;
            answer.uint(
                OptionNumber::OBSERVE,
                self.next_number.wrapping_sub(back) & 0xFF_FFFF,
            );
        }
        if has & ETAG != 0 {
            answer.option(OptionNumber::ETAG, &[script.byte() & 3]);
        }
        if has & ECHO != 0 {
            answer.option(
                OptionNumber::ECHO,
                &[7; 40][..usize::from(script.byte() % 41)],
            );
        }
        if has & SIZE != 0 {
            answer.uint(OptionNumber::SIZE2, TOTALS[usize::from(script.byte() & 3)]);
        }
        if has & AGE != 0 {
            answer.uint(OptionNumber::MAX_AGE, AGES[usize::from(script.byte() & 3)]);
        }
        if has & ODD_OPTION != 0 {
            let number = OptionNumber(u16::from(script.byte()));
            answer.option(number, script.bytes());
        }
        answer.payload(len);
    }

    /// A well-formed request for a resource that may exist.
    pub fn hear_request(&mut self, script: &mut Script) {
        let from = peer(script.byte());
        let (how, has) = (script.byte(), script.byte());
        let kind = MessageType::from_bits(how & 1);
        let id = if how & 2 == 0 {
            self.fresh_id()
        } else {
            MessageId(script.byte().into())
        };
        let mut request = Message::new(&Token::new(&[how & 4]).unwrap());
        let path: &[&[u8]] = [
            &[b"a" as &[u8]][..],
            &[b"o"],
            &[b".well-known", b"core"],
            &[b"9"],
        ][usize::from(how >> 3 & 3)];
        for segment in path {
            request.option(OptionNumber::URI_PATH, segment);
        }
        self.fill_request(&mut request, from, has, script);
        let multicast = has & OBSERVE == 0 && kind == MessageType::NonConfirmable && how & 4 != 0;
        let code = Code::new(0, 1 + (how >> 5));
        self.deliver(from, request.bytes(kind, code, id), multicast);
    }

    fn fill_request(&mut self, request: &mut Message, from: Peer, has: u8, script: &mut Script) {
        let mut len = 0;
        if has & BLOCK1 != 0 {
            // As if all before it had been of this size.
            let offset = u32::from(script.byte()) * 16;
            let (block, ought) = block_by(script.byte(), offset);
            request.uint(OptionNumber::BLOCK1, block);
            len = ought;
        }
        if has & BLOCK2 != 0 {
            let offset = u32::from(script.byte()) * 16;
            request.uint(OptionNumber::BLOCK2, block_by(script.byte() & !8, offset).0);
        }
        if has & OBSERVE != 0 {
            request.uint(OptionNumber::OBSERVE, u32::from(script.byte() & 3));
        }
        if has & ETAG != 0 {
            request.option(OptionNumber::ETAG, &[self.version, 1]);
            request.option(OptionNumber::REQUEST_TAG, &[script.byte() & 1]);
        }
        if has & ECHO != 0
            && let Some(echo) = self.heard.echo.get(&from)
        {
            request.option(OptionNumber::ECHO, echo);
        }
        if has & SIZE != 0 {
            request.uint(OptionNumber::SIZE1, TOTALS[usize::from(script.byte() & 3)]);
            request.uint(OptionNumber::SIZE2, 0);
        }
        if has & AGE != 0 {
            request.uint(OptionNumber::ACCEPT, u32::from(script.byte()));
            request.uint(OptionNumber::NO_RESPONSE, u32::from(script.byte() & 31));
        }
        if has & ODD_OPTION != 0 {
            let number = OptionNumber(u16::from(script.byte()));
            request.option(number, script.bytes());
        }
        request.payload(len);
    }

    /// A peer answers the last request as it wants to be answered, and then the next one.
    pub fn cooperate(&mut self, script: &mut Script) {
        let (rounds, how) = (script.byte() & 31, script.byte());
        for _ in 0..rounds {
            let Some(sent) = self.sent.last().cloned() else {
                break;
            };
            let before = self.sent.len();
            self.answer_well(&sent, how);
            self.drain();
            if self.sent.len() == before {
                break;
            }
        }
    }

    fn answer_well(&mut self, (to, datagram): &Sent, how: u8) {
        let message = MessageView::parse(datagram).unwrap();
        let from = if *to == GROUP { peer(how) } else { *to };
        let is_confirmable = message.kind() == MessageType::Confirmable;
        if !message.code().is_request() {
            if is_confirmable {
                let kind = match message.code().is_empty() {
                    true => MessageType::Reset,
                    false => MessageType::Acknowledgement,
                };
                self.deliver(from, encode_empty(kind, message.id()).to_vec(), false);
            }
            return;
        }
        let mut answer = Message::new(message.token());
        let (kind, id) = if is_confirmable && how & 1 == 0 {
            (MessageType::Acknowledgement, message.id())
        } else {
            (MessageType::from_bits(how >> 1 & 1), self.fresh_id())
        };
        let code = self.fill_well(&mut answer, &message, how);
        self.deliver(from, answer.bytes(kind, code, id), false);
    }

    /// 64 bytes of response, and numbers for who observes.
    fn fill_well(&mut self, answer: &mut Message, request: &MessageView, how: u8) -> Code {
        let block1 = block_of(request, OptionNumber::BLOCK1);
        if let Some(block) = block1 {
            answer.uint(OptionNumber::BLOCK1, block.encode());
        }
        if block1.is_some_and(|block| block.more) {
            return Code::CONTINUE;
        }
        if request.uint(OptionNumber::OBSERVE) == Some(0) {
            self.next_number += 1;
            answer.uint(OptionNumber::OBSERVE, self.next_number);
        }
        answer.option(OptionNumber::ETAG, &[how >> 2 & 3]);
        let offset = block_of(request, OptionNumber::BLOCK2).map_or(0, Block::offset);
        let more = offset < 48;
        let block = Block::at(offset, more, 0).unwrap();
        answer.uint(OptionNumber::BLOCK2, block.encode());
        answer.payload(16);
        Code::CONTENT
    }

    /// A peer sends a body, or fetches one, block by block.
    pub fn hear_blocks(&mut self, script: &mut Script) {
        let from = peer(script.byte());
        let (how, count) = (script.byte(), u32::from(script.byte() & 31));
        let fetches = how & 1 != 0;
        let kind = MessageType::from_bits(how >> 1 & 1);
        let szx = how >> 2 & 1;
        for num in 0..count {
            let more = num + 1 < count;
            let block = Block {
                num,
                more: more && !fetches,
                szx,
            }
            .encode();
            let id = self.fresh_id();
            let mut request = Message::new(&Token::new(&[how & 4]).unwrap());
            request.option(
                OptionNumber::URI_PATH,
                if how & 8 == 0 { b"a" } else { b"o" },
            );
            if let Some(echo) = self.heard.echo.get(&from) {
                request.option(OptionNumber::ECHO, echo);
            }
            let code = if fetches {
                request.uint(OptionNumber::BLOCK2, block);
                Code::GET
            } else {
                request.uint(OptionNumber::BLOCK1, block);
                request.payload(if more { 16 << szx } else { 7 });
                Code::PUT
            };
            self.deliver(from, request.bytes(kind, code, id), false);
            self.drain();
        }
    }
}
