// SPDX-License-Identifier: MIT
//! The one message that is being written: begun, filled in any order, finished. Requests, responses, refusals and
//! notifications are all written here.
//!
//! It lives at the open end of the message store. When the store runs out of room, answers kept for repeated requests
//! give way, oldest first, and then what the layers above can spare.

use super::store::StoredMessage;
use super::{Above, MessageLayer, options_of};
use crate::config::DISCOVERY;
use crate::wire::builder::{BuildError, MessageDraft};
use crate::wire::code::Code;
use crate::wire::header::{MessageId, MessageType, Token};
use crate::wire::message::MessageView;
use crate::wire::option::{OptionNumber, Options};
use crate::wire::uint;
use crate::wire::uri::{self, UriError};

/// Options for a part of a URI, percent-decoded.
#[derive(Clone, Copy, Debug)]
pub enum UriPart<'a> {
    /// Uri-Path and Uri-Query options for `b"a/b?x=1"`.
    Path(&'a [u8]),
    /// Uri-Query options for `b"x=1&y=2"`.
    Query(&'a [u8]),
    /// Location-Path and Location-Query options for `b"a/b?x=1"`.
    Location(&'a [u8]),
}

/// What is written in one go: all of it, or none and an error.
enum Step<'a> {
    Begin(&'a Token),
    Option(OptionNumber, &'a [u8]),
    Payload(&'a [u8]),
    PayloadLen(usize),
}

impl Step<'_> {
    #[cfg_attr(target_os = "none", inline(never))]
    fn write(&self, draft: &mut MessageDraft, buffer: &mut [u8]) -> Result<(), UriError> {
        match *self {
            Self::Begin(token) => *draft = MessageDraft::begin(buffer, token)?,
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
            }
            Self::Payload(payload) => draft.payload(buffer, payload)?,
            Self::PayloadLen(len) if DISCOVERY => draft.payload_slot(buffer, len).map(|_| ())?,
            // Nobody asks for what a build does not need.
            Self::PayloadLen(_) => {}
        }
        Ok(())
    }
}

/// Adds the options of another message, but these: all of them, or none and an error.
#[cfg_attr(target_os = "none", inline(never))]
#[expect(
    clippy::manual_contains,
    reason = "contains() is made for long slices, and large"
)]
fn copy_options(
    other: &[u8],
    omitted: &[OptionNumber],
    draft: &mut MessageDraft,
    buffer: &mut [u8],
) -> Result<(), BuildError> {
    let before = *draft;
    for option in options_of(other) {
        if !omitted.iter().any(|&number| number == option.number)
            && let Err(error) = draft.option(buffer, option.number, option.value)
        {
            *draft = before;
            return Err(error);
        }
    }
    Ok(())
}

impl MessageLayer<'_> {
    /// Begins a message, in place of one that was being written. False: no room.
    pub fn begin(&mut self, above: &mut impl Above, token: &Token) -> bool {
        self.discard();
        self.step(above, &Step::Begin(token)).is_ok()
    }

    /// Gives up the message that is being written.
    pub fn discard(&mut self) {
        self.store.discard_draft();
    }

    /// Adds an option, its value of Uri-Host in lower case, behind those with the same or a lower number. `NoSpace`: the message would be larger than
    /// `max_message`, or than the store can hold; so say all of these.
    pub fn write_option(
        &mut self,
        above: &mut impl Above,
        number: OptionNumber,
        value: &[u8],
    ) -> Result<(), UriError> {
        self.step(above, &Step::Option(number, value))
    }

    /// Adds an option of format `uint`, RFC 7252 section 3.2.
    pub fn write_uint(
        &mut self,
        above: &mut impl Above,
        number: OptionNumber,
        value: u32,
    ) -> Result<(), UriError> {
        self.write_option(above, number, uint::encode(value).as_slice())
    }

    /// Adds an option that only helps: nothing gives way for it.
    pub fn write_hint(&mut self, number: OptionNumber, value: u32) {
        self.write_if_room(&Step::Option(number, uint::encode(value).as_slice()));
    }

    /// Sets a payload that only helps.
    pub fn write_diagnostic(&mut self, text: &[u8]) {
        self.write_if_room(&Step::Payload(text));
    }

    fn write_if_room(&mut self, step: &Step<'_>) {
        let (draft, buffer) = self.store.draft(self.parameters.max_message as usize);
        let _: Result<(), UriError> = step.write(draft, buffer);
    }

    /// Adds the options of a part of a URI.
    pub fn write_uri_part(
        &mut self,
        above: &mut impl Above,
        part: UriPart<'_>,
    ) -> Result<(), UriError> {
        self.rewrite(above, None, |_, draft, buffer| match part {
            UriPart::Path(path) => uri::add_path_query(draft, buffer, path),
            UriPart::Query(query) => uri::add_query(draft, buffer, query),
            UriPart::Location(text) => uri::add_location(draft, buffer, text),
        })
    }

    /// Sets the payload, instead of an earlier one.
    pub fn write_payload(
        &mut self,
        above: &mut impl Above,
        payload: &[u8],
    ) -> Result<(), UriError> {
        self.step(above, &Step::Payload(payload))
    }

    /// Sets the payload's length; what it is, the caller writes into the returned bytes. `None`: no room.
    pub fn write_payload_slot(&mut self, above: &mut impl Above, len: usize) -> Option<&mut [u8]> {
        self.step(above, &Step::PayloadLen(len)).ok()?;
        let (draft, buffer) = self.store.draft(self.parameters.max_message as usize);
        draft.payload_slot(buffer, len).ok()
    }

    /// Adds the options of another message, but those with these numbers.
    pub fn write_options_of(
        &mut self,
        above: &mut impl Above,
        other: StoredMessage,
        omitted: &[OptionNumber],
    ) -> Result<(), UriError> {
        self.rewrite(above, Some(other), |other, draft, buffer| {
            Ok(copy_options(other, omitted, draft, buffer)?)
        })
    }

    /// Sets the payload of another message.
    pub fn write_payload_of(
        &mut self,
        above: &mut impl Above,
        other: StoredMessage,
    ) -> Result<(), UriError> {
        self.rewrite(above, Some(other), |other, draft, buffer| {
            let payload = MessageView::parse(other).map_or(&[][..], |message| message.payload());
            Ok(draft.payload(buffer, payload)?)
        })
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

    #[cfg_attr(target_os = "none", inline(never))]
    fn step(&mut self, above: &mut impl Above, step: &Step<'_>) -> Result<(), UriError> {
        self.rewrite(above, None, |_, draft, buffer| step.write(draft, buffer))
    }

    /// Repeats the writing of a part, from another message, as long as more room helps and there is some to be had.
    pub fn rewrite(
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
