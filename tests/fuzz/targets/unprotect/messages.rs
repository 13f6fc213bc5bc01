// SPDX-License-Identifier: MIT
//! Writing messages, and the plaintexts that they are inside: the code, then options and payload.

use microcoapy::wire::builder::MessageDraft;
use microcoapy::wire::code::Code;
use microcoapy::wire::header::{MessageId, MessageType, Token};
use microcoapy::wire::option::OptionNumber;
use microcoapy::wire::uint;

/// A message being written; what does not fit is left out.
pub struct Message {
    buffer: [u8; 640],
    draft: MessageDraft,
}

impl Message {
    pub fn new(token: &[u8]) -> Self {
        let mut buffer = [0; 640];
        let token = Token::new(token).unwrap();
        let draft = MessageDraft::begin(&mut buffer, &token).unwrap();
        Self { buffer, draft }
    }

    pub fn option(&mut self, number: OptionNumber, value: &[u8]) {
        let _ = self.draft.option(&mut self.buffer, number, value);
    }

    pub fn uint(&mut self, number: OptionNumber, value: u32) {
        self.option(number, uint::encode(value).as_slice());
    }

    pub fn payload(&mut self, payload: &[u8]) {
        let _ = self.draft.payload(&mut self.buffer, payload);
    }

    pub fn bytes(&mut self, kind: MessageType, code: Code, id: u16) -> Vec<u8> {
        let (buffer, id) = (&mut self.buffer, MessageId(id));
        let len = self.draft.finish(buffer, kind, Code::GET, id).unwrap();
        // Also one that a message with options cannot have.
        self.buffer[1] = code.0;
        self.buffer[..len].to_vec()
    }

    /// As a plaintext; it has no token.
    pub fn text(&mut self, code: Code) -> Vec<u8> {
        let bytes = self.bytes(MessageType::Confirmable, code, 0);
        [&[code.0], &bytes[4..]].concat()
    }
}

/// The message that a plaintext is.
pub fn whole(text: &[u8]) -> Vec<u8> {
    let (code, rest) = text.split_first().expect("a code");
    [&[0x40, *code, 0, 0], rest].concat()
}
