// SPDX-License-Identifier: MIT
//! `/.well-known/core`, RFC 6690: the engine answers it from the table of resources.

use super::Endpoint;
use super::receive::Incoming;
use super::respond::Refusal;
use crate::config::BLOCK;
use crate::message::peer::PeerId;
use crate::wire::block::{self, Block};
use crate::wire::builder::{BuildError, MessageDraft};
use crate::wire::code::Code;
use crate::wire::message::MessageView;
use crate::wire::option::OptionNumber;

/// RFC 6690 section 7.3: application/link-format.
const LINK_FORMAT: u32 = 40;

/// RFC 6690 section 4
const PATH: [&[u8]; 2] = [b".well-known", b"core"];

/// Bytes of ETag, Content-Format, Block2 and Size2 with the payload marker, at most.
const OVERHEAD: usize = 5 + 2 + 6 + 6 + 1;

impl Endpoint<'_> {
    pub(super) fn asks_for_links(&self, message: &MessageView<'_>) -> bool {
        let path = message
            .options()
            .filter(|option| option.number == OptionNumber::URI_PATH);
        path.map(|option| option.value).eq(PATH)
    }

    /// Answers a request for the links. Nothing is kept: each block is written anew.
    pub(super) fn serve_links(&mut self, incoming: &Incoming<'_, '_>, asked: Option<Block>) {
        let message = incoming.message;
        let accept = message.uint(OptionNumber::ACCEPT);
        if accept.is_some_and(|accept| accept != LINK_FORMAT) {
            return self.refuse(incoming, &Refusal::with(Code::NOT_ACCEPTABLE));
        }
        let sent = self
            .intern(incoming.address)
            .and_then(|peer| self.write_links(peer, incoming, asked));
        match sent {
            Some(Ok(())) => {}
            Some(Err(refusal)) => self.refuse(incoming, &refusal),
            None => self.message.count_dropped(),
        }
    }

    /// `None`: no room. `Err`: how to refuse.
    fn write_links(
        &mut self,
        peer: PeerId,
        incoming: &Incoming<'_, '_>,
        asked: Option<Block>,
    ) -> Option<Result<(), Refusal<'static>>> {
        let query = incoming.message.options();
        let total = self.resources.write_links(query, 0, &mut []);
        // RFC 7252 section 8.2: nothing useful, no answer.
        if incoming.multicast && total == 0 {
            return Some(Ok(()));
        }
        let mut message = self.begin_message(incoming.message.token())?;
        let limit = self.message.parameters.max_message as usize;
        let room = limit.checked_sub(message.len() + OVERHEAD)?;
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
            self.with_room(message.len(), |store| {
                message.option(store, OptionNumber::ETAG, &tag)
            })?;
        }
        let mut uints = [
            (OptionNumber::CONTENT_FORMAT, Some(LINK_FORMAT)),
            (OptionNumber::BLOCK2, block.map(Block::encode)),
            (OptionNumber::SIZE2, wants_size.then_some(total as u32)),
        ];
        for (number, value) in &mut uints {
            if let Some(value) = *value {
                self.with_room(message.len(), |store| {
                    message.uint_option(store, *number, value)
                })?;
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
            self.write_window(&mut message, incoming, offset, rest.min(size))?;
        }
        if self.is_too_much(peer, incoming.datagram.len(), message.len()) {
            return Some(Err(self.challenge_of(peer, incoming.now)));
        }
        self.answer_at_once(peer, incoming, &message, code, incoming.now)
            .map(Ok)
    }

    /// Adds a part of the links as the payload.
    fn write_window(
        &mut self,
        message: &mut MessageDraft,
        incoming: &Incoming<'_, '_>,
        offset: usize,
        len: usize,
    ) -> Option<()> {
        self.with_room(message.len(), |store| {
            message.payload_slot(store, len).map(|_| ())
        })?;
        let out = message
            .payload_slot(self.message.store.draft(usize::MAX), len)
            .ok()?;
        let query = incoming.message.options();
        self.resources.write_links(query, offset, out);
        Some(())
    }

    /// Repeats the writing of a part, behind `len` bytes of the message, with more room, as long as there is
    /// any. `None`: it does not fit.
    fn with_room(
        &mut self,
        len: usize,
        mut write: impl FnMut(&mut [u8]) -> Result<(), BuildError>,
    ) -> Option<()> {
        self.message.store.keep_draft(len);
        while write(self.message.store.draft(usize::MAX)).is_err() {
            if !self.make_room() {
                return None;
            }
        }
        Some(())
    }
}
