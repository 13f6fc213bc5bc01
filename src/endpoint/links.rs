// SPDX-License-Identifier: MIT
//! `/.well-known/core`, RFC 6690: the engine answers it from the table of resources.

use super::Endpoint;
use super::respond::{Refusal, ReplyTo};
use crate::config::BLOCK;
use crate::message::receive::Incoming;
use crate::wire::block::{self, Block};
use crate::wire::code::Code;
use crate::wire::message::MessageView;
use crate::wire::option::OptionNumber;

/// RFC 6690 section 7.3: application/link-format.
const LINK_FORMAT: u32 = 40;

/// Bytes of ETag, Content-Format, Block2 and Size2 with the payload marker, at most.
const OVERHEAD: usize = 5 + 2 + 6 + 6 + 1;

impl Endpoint<'_> {
    pub(super) fn asks_for_links(&self, message: &MessageView<'_>) -> bool {
        let mut path = message
            .options()
            .filter(|option| option.number == OptionNumber::URI_PATH)
            .map(|option| option.value);
        // RFC 6690 section 4. Not an array: that would be a table of pointers, see docs/native-module.md.
        path.next() == Some(b".well-known") && path.next() == Some(b"core") && path.next().is_none()
    }

    /// Answers a request for the links. Nothing is kept: each block is written anew.
    pub(super) fn serve_links(
        &mut self,
        incoming: &Incoming<'_>,
        asked: Option<Block>,
    ) -> Result<(), Refusal> {
        let accept = incoming.message.uint(OptionNumber::ACCEPT);
        if accept.is_some_and(|accept| accept != LINK_FORMAT) {
            return Err(Refusal::with(Code::NOT_ACCEPTABLE));
        }
        self.write_links(incoming, asked).unwrap_or_else(|| {
            self.message.count_dropped();
            Ok(())
        })
    }

    /// `None`: no room. `Err`: how to refuse.
    fn write_links(
        &mut self,
        incoming: &Incoming<'_>,
        asked: Option<Block>,
    ) -> Option<Result<(), Refusal>> {
        let query = incoming.message.options();
        let total = self.resources.write_links(query, 0, &mut []);
        // RFC 7252 section 8.2: nothing useful, no answer.
        if incoming.multicast && total == 0 {
            return Some(Ok(()));
        }
        if !self
            .message
            .begin(&mut self.upper, incoming.message.token())
        {
            return None;
        }
        let limit = self.message.parameters().max_message as usize;
        let room = limit.checked_sub(self.message.drafted_len() + OVERHEAD)?;
        let szx = block::szx_within(room as u32)?;
        let szx = asked.map_or(szx, |block| block.szx.min(szx));
        let offset = asked.map_or(0, Block::offset) as usize;
        let size = if BLOCK {
            block::size(szx) as usize
        } else {
            room
        };
        let rest = total.saturating_sub(offset);
        if offset != 0 && rest == 0 {
            return Some(Err(Refusal::with(Code::BAD_REQUEST)));
        }
        let more = rest > size;
        if more && !BLOCK {
            return Some(Err(Refusal::with(Code::INTERNAL_SERVER_ERROR)));
        }
        let block = Block::at(offset as u32, more, szx).filter(|_| more || asked.is_some());
        let wants_size = incoming.message.first(OptionNumber::SIZE2).is_some();
        let tag = self.resources.fingerprint().to_be_bytes();
        if more || offset != 0 || incoming.message.first(OptionNumber::ETAG).is_some() {
            self.message
                .write_option(&mut self.upper, OptionNumber::ETAG, &tag)
                .ok()?;
        }
        let uints = [
            (OptionNumber::CONTENT_FORMAT, Some(LINK_FORMAT)),
            (OptionNumber::BLOCK2, block.map(Block::encode)),
            (OptionNumber::SIZE2, wants_size.then_some(total as u32)),
        ];
        for (number, value) in uints {
            if let Some(value) = value {
                self.message
                    .write_uint(&mut self.upper, number, value)
                    .ok()?;
            }
        }
        let mut code = Code::CONTENT;
        if incoming
            .message
            .options()
            .any(|o| o.number == OptionNumber::ETAG && o.value == tag)
        {
            // RFC 7252 section 5.9.1.3
            code = Code::VALID;
        } else {
            let len = rest.min(size);
            let out = self.message.write_payload_slot(&mut self.upper, len)?;
            self.resources.write_links(query, offset, out);
        }
        let len = self.message.drafted_len();
        if self
            .message
            .is_too_much(incoming.peer, incoming.datagram.len(), len)
        {
            return Some(Err(self.challenge_of(incoming.peer, incoming.now)));
        }
        let to = ReplyTo::to(incoming);
        self.respond(&to, false, code, incoming.now).map(Ok)
    }
}
