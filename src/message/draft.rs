// SPDX-License-Identifier: MIT
//! The one message that is being written: begun, filled in any order, finished. Requests, responses, refusals and
//! notifications are all written here.
//!
//! It lives at the open end of the message store. When the store runs out of room, answers kept for repeated requests
//! give way, oldest first, and then what the layers above can spare.

use super::store::StoredMessage;
use super::{Above, MessageLayer};
use crate::wire::builder::MessageDraft;
use crate::wire::code::Code;
use crate::wire::header::{MessageId, MessageType, Token};
use crate::wire::message::MessageView;
use crate::wire::option::{OptionNumber, Options};
use crate::wire::uint;
use crate::wire::uri::{self, UriError};

/// What can be added to a message.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// An option; the value of Uri-Host becomes lower case.
    Option(OptionNumber, &'a [u8]),
    /// Uri-Host, unless it is an IP literal.
    Host(&'a [u8]),
    /// Uri-Path and Uri-Query options for `b"a/b?x=1"`, percent-decoded.
    Path(&'a [u8]),
    /// Uri-Query options for `b"x=1&y=2"`, percent-decoded.
    Query(&'a [u8]),
    /// Location-Path and Location-Query options for `b"a/b?x=1"`, percent-decoded.
    Location(&'a [u8]),
    /// The payload, instead of an earlier one.
    Payload(&'a [u8]),
}

impl Part<'_> {
    /// All of it, or none and an error.
    fn write(self, draft: &mut MessageDraft, buffer: &mut [u8]) -> Result<(), UriError> {
        match self {
            Self::Option(number, value) => {
                let slot = draft.option_slot(buffer, number, value.len())?;
                // RFC 7252 section 6.4 step 5: a host in lower case.
                let is_host = number == OptionNumber::URI_HOST;
                for (to, from) in slot.iter_mut().zip(value) {
                    *to = if is_host {
                        from.to_ascii_lowercase()
                    } else {
                        *from
                    };
                }
                Ok(())
            }
            Self::Host(_) => Ok(()),
            Self::Path(path) => uri::add_path_query(draft, buffer, path),
            Self::Query(query) => uri::add_query(draft, buffer, query),
            Self::Location(text) => uri::add_location(draft, buffer, text),
            Self::Payload(payload) => Ok(draft.payload(buffer, payload)?),
        }
    }
}

impl MessageLayer<'_> {
    /// Begins a message, in place of one that was being written. False: no room.
    pub fn begin(&mut self, above: &mut impl Above, token: &Token) -> bool {
        self.discard();
        let begun = self.with_room(above, None, |_, draft, buffer| {
            *draft = MessageDraft::begin(buffer, token)?;
            Ok(())
        });
        begun.is_ok()
    }

    /// Gives up the message that is being written.
    pub fn discard(&mut self) {
        self.store.discard_draft();
    }

    /// Adds to it: all of the part, or none and an error. `NoSpace`: the message would be larger than `max_message`, or
    /// than the store can hold.
    ///
    /// Options go after those with the same or a lower number.
    pub fn write(&mut self, above: &mut impl Above, part: Part<'_>) -> Result<(), UriError> {
        self.with_room(above, None, |_, draft, buffer| part.write(draft, buffer))
    }

    /// Adds an option of format `uint`, RFC 7252 section 3.2.
    pub fn write_uint(
        &mut self,
        above: &mut impl Above,
        number: OptionNumber,
        value: u32,
    ) -> Result<(), UriError> {
        let value = uint::encode(value);
        self.write(above, Part::Option(number, value.as_slice()))
    }

    /// Adds what only helps: nothing gives way for it.
    pub fn write_hint(&mut self, part: Part<'_>) {
        let (draft, buffer) = self.store.draft(self.parameters.max_message as usize);
        let _: Result<(), UriError> = part.write(draft, buffer);
    }

    /// Adds the options of another message, but those that are left out.
    pub fn write_options_of(
        &mut self,
        above: &mut impl Above,
        other: StoredMessage,
        leaves_out: impl Fn(OptionNumber) -> bool,
    ) -> Result<(), UriError> {
        self.with_room(above, Some(other), |other, draft, buffer| {
            let before = *draft;
            let options = MessageView::parse(other).map(|other| other.options());
            for option in options.into_iter().flatten() {
                if !leaves_out(option.number)
                    && let Err(error) = draft.option(buffer, option.number, option.value)
                {
                    *draft = before;
                    return Err(error.into());
                }
            }
            Ok(())
        })
    }

    /// Adds the payload of another message.
    pub fn write_payload_of(
        &mut self,
        above: &mut impl Above,
        other: StoredMessage,
    ) -> Result<(), UriError> {
        self.with_room(above, Some(other), |other, draft, buffer| {
            let payload = MessageView::parse(other).map(|other| other.payload());
            Ok(draft.payload(buffer, payload.unwrap_or_default())?)
        })
    }

    /// Sets the payload's length; what it is, the caller writes into the returned bytes. `None`: no room.
    pub fn write_payload_slot(&mut self, above: &mut impl Above, len: usize) -> Option<&mut [u8]> {
        let sized = self.with_room(above, None, |_, draft, buffer| {
            draft.payload_slot(buffer, len)?;
            Ok(())
        });
        sized.ok()?;
        let (draft, buffer) = self.store.draft(self.parameters.max_message as usize);
        draft.payload_slot(buffer, len).ok()
    }

    /// The options so far.
    #[must_use]
    pub fn drafted_options(&self) -> Options<'_> {
        self.store.drafted_options()
    }

    /// Bytes so far, header included.
    #[must_use]
    pub fn drafted_len(&self) -> usize {
        self.store.draft_len()
    }

    /// Ends the writing. `None`: no slot; the message is given up.
    pub fn finish(
        &mut self,
        above: &mut impl Above,
        kind: MessageType,
        code: Code,
        id: MessageId,
    ) -> Option<StoredMessage> {
        loop {
            if let Some(stored) = self.store.commit(kind, code, id) {
                return Some(stored);
            }
            if !self.make_room(above) {
                self.discard();
                return None;
            }
        }
    }

    /// Ends the writing: the message, followed by another one's last `tail` bytes, takes that one's place; for both the
    /// store needs room only once. False: too long; the other one is as it was.
    pub fn replace(
        &mut self,
        other: StoredMessage,
        tail: usize,
        kind: MessageType,
        code: Code,
    ) -> bool {
        self.store.draft_len() + tail <= self.parameters.max_message as usize
            && self.store.replace(other, tail, kind, code)
    }

    /// Keeps a copy of a message. `None`: no room.
    pub fn keep(&mut self, above: &mut impl Above, message: &[u8]) -> Option<StoredMessage> {
        loop {
            let kept = self.store.add(message);
            if kept.is_some() || !self.make_room(above) {
                return kept;
            }
        }
    }

    /// Repeats the writing of a part as long as more room helps and there is some to be had.
    fn with_room(
        &mut self,
        above: &mut impl Above,
        other: Option<StoredMessage>,
        mut write: impl FnMut(&[u8], &mut MessageDraft, &mut [u8]) -> Result<(), UriError>,
    ) -> Result<(), UriError> {
        let limit = self.parameters.max_message as usize;
        loop {
            let (other, draft, buffer) = self.store.draft_beside(other, limit);
            let written = write(other, draft, buffer);
            let helps = written == Err(UriError::NoSpace) && self.store.room(limit) < limit;
            if !helps || !self.make_room(above) {
                return written;
            }
        }
    }

    /// Makes room in the message store. False: nothing there can be spared.
    fn make_room(&mut self, above: &mut impl Above) -> bool {
        if self.evict_stored() {
            return true;
        }
        let spared = above.spare_message();
        spared.map(|message| self.free(message)).is_some()
    }
}
