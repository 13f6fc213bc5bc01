// SPDX-License-Identifier: MIT
//! Writes a message into the caller's buffer (RFC 7252 section 3), with options in any order of
//! numbers.

use super::code::Code;
use super::header::{HEADER_LEN, MessageId, MessageType, PAYLOAD_MARKER, Token, first_byte};
use super::option::{EXTENDED_ONE, EXTENDED_TWO, OptionNumber, Options, VALUE_MAX};
use crate::list;

/// Why something could not be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuildError {
    /// The message does not fit into the buffer, or an Empty message would not be empty.
    TooLong,
    /// The value is longer than the encoding can express ([`VALUE_MAX`]).
    OptionValue,
}

/// A message being written. The bytes are in a buffer that is passed to every call: always the same
/// one.
///
/// After an error the draft and the message in the buffer are as before the call. Bytes of the
/// buffer after [`len`](Self::len) are never touched by a call that fails. The default has no bytes:
/// nothing is being written.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessageDraft {
    token_len: u8,
    /// The highest option number so far, 0 without options.
    last_number: u16,
    /// Where the payload marker is or would be.
    options_end: usize,
    len: usize,
}

/// Where an option goes, and what its neighbours are.
struct Place {
    at: usize,
    previous: u16,
    next: Option<u16>,
}

impl MessageDraft {
    /// Leaves room for the header and writes the token.
    pub fn begin(buffer: &mut [u8], token: &Token) -> Result<Self, BuildError> {
        let len = HEADER_LEN + token.len();
        let room = buffer.get_mut(HEADER_LEN..len).ok_or(BuildError::TooLong)?;
        copy(room, token.as_slice());
        Ok(MessageDraft {
            token_len: token.len() as u8,
            last_number: 0,
            options_end: len,
            len,
        })
    }

    /// Adds an option after those with the same or a lower number.
    pub fn option(
        &mut self,
        buffer: &mut [u8],
        number: OptionNumber,
        value: &[u8],
    ) -> Result<(), BuildError> {
        copy(self.option_slot(buffer, number, value.len())?, value);
        Ok(())
    }

    /// Adds an option whose value, `len` bytes, the caller writes into the returned slice.
    pub fn option_slot<'b>(
        &mut self,
        buffer: &'b mut [u8],
        number: OptionNumber,
        len: usize,
    ) -> Result<&'b mut [u8], BuildError> {
        self.insert(buffer, number, len, 0)
    }

    /// As [`option_slot`](Self::option_slot); fails also when `spare` further bytes would not fit.
    pub(super) fn insert<'b>(
        &mut self,
        buffer: &'b mut [u8],
        number: OptionNumber,
        len: usize,
        spare: usize,
    ) -> Result<&'b mut [u8], BuildError> {
        if len > VALUE_MAX as usize {
            return Err(BuildError::OptionValue);
        }
        let place = self.place(buffer, number.0);
        let delta = Extended::new(u32::from(number.0.wrapping_sub(place.previous)));
        let length = Extended::new(len as u32);
        let value_at = place.at + 1 + delta.len() + length.len();
        let value_end = value_at + len;

        // The option that follows gets a smaller delta; only its first byte and its delta
        // extension change.
        let (mut tail_from, mut tail_to) = (place.at, value_end);
        let mut follower = None;
        if let Some(next) = place.next {
            let first = buffer.get(place.at).copied().unwrap_or_default();
            let delta = Extended::new(u32::from(next.wrapping_sub(number.0)));
            tail_from += 1 + extension_len(first >> 4);
            tail_to += 1 + delta.len();
            follower = Some((delta, first & 0x0F));
        }
        // Two deltas never take fewer extension bytes than their sum: the message does not shrink.
        let growth = tail_to.saturating_sub(tail_from);
        let new_len = self.len + growth;
        if new_len + spare > buffer.len() {
            return Err(BuildError::TooLong);
        }
        let moved = buffer.get_mut(tail_from..new_len).unwrap_or_default();
        list::move_up(moved, growth);
        let length_at = put_delta(buffer, place.at, &delta, length.nibble);
        put(buffer, length_at, length.as_slice());
        if let Some((delta, low_nibble)) = follower {
            put_delta(buffer, value_end, &delta, low_nibble);
        }
        self.options_end += growth;
        self.len = new_len;
        self.last_number = self.last_number.max(number.0);
        buffer
            .get_mut(value_at..value_end)
            .ok_or(BuildError::TooLong)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn place(&self, buffer: &[u8], number: u16) -> Place {
        let start = HEADER_LEN + usize::from(self.token_len);
        // RFC 7252 section 3.1: options appear in order of their numbers, so one beyond the last is
        // appended.
        if number < self.last_number {
            let mut options = self.options(buffer);
            let (mut offset, mut previous) = options.position();
            while let Some(option) = options.next() {
                if option.number.0 > number {
                    return Place {
                        at: start + offset,
                        previous: previous as u16,
                        next: Some(option.number.0),
                    };
                }
                (offset, previous) = options.position();
            }
        }
        Place {
            at: self.options_end,
            previous: self.last_number,
            next: None,
        }
    }

    /// Sets the payload, replacing an earlier one. Options can still be added afterwards; they move
    /// it.
    pub fn payload(&mut self, buffer: &mut [u8], payload: &[u8]) -> Result<(), BuildError> {
        copy(self.payload_slot(buffer, payload.len())?, payload);
        Ok(())
    }

    /// Sets the payload's length; the caller writes its bytes into the returned slice.
    pub fn payload_slot<'b>(
        &mut self,
        buffer: &'b mut [u8],
        len: usize,
    ) -> Result<&'b mut [u8], BuildError> {
        // RFC 7252 section 3: the absence of the marker denotes a zero-length payload.
        if len == 0 {
            self.len = self.options_end;
            return Ok(&mut []);
        }
        let start = self.options_end.saturating_add(1);
        let end = start.saturating_add(len);
        let (marker, room) = buffer
            .get_mut(self.options_end..end)
            .and_then(<[u8]>::split_first_mut)
            .ok_or(BuildError::TooLong)?;
        *marker = PAYLOAD_MARKER;
        self.len = end;
        Ok(room)
    }

    /// Makes of the options and the payload the payload of another message, with `before` bytes in front of them and
    /// `after` behind; `write` gives that message its options. Returns the payload: what the added bytes are, the caller
    /// writes.
    ///
    /// After an error the message is as it was, but the bytes behind it are not.
    pub fn enclose<'b>(
        &mut self,
        buffer: &'b mut [u8],
        before: usize,
        after: usize,
        write: impl FnOnce(&mut Self, &mut [u8]) -> Result<(), BuildError>,
    ) -> Result<&'b mut [u8], BuildError> {
        let start = HEADER_LEN + usize::from(self.token_len);
        let inner = self.len.saturating_sub(start);
        // At the end of the buffer they are out of the options' way.
        let room = buffer.len().saturating_sub(after);
        let top = room.checked_sub(inner).filter(|&top| top >= start);
        let top = top.ok_or(BuildError::TooLong)?;
        list::move_up(buffer.get_mut(start..room).unwrap_or_default(), top - start);
        let mut outer = Self {
            last_number: 0,
            options_end: start,
            len: start,
            ..*self
        };
        let written = write(&mut outer, buffer.get_mut(..top).unwrap_or_default());
        let at = outer.options_end + 1 + before;
        let fits = written.and(if at <= top {
            Ok(())
        } else {
            Err(BuildError::TooLong)
        });
        let at = if fits.is_ok() { at } else { start };
        list::move_down(buffer.get_mut(at..room).unwrap_or_default(), top - at);
        fits?;
        *self = outer;
        self.payload_slot(buffer, before + inner + after)
    }

    /// The options written so far.
    pub fn options<'b>(&self, buffer: &'b [u8]) -> Options<'b> {
        let start = HEADER_LEN + usize::from(self.token_len);
        Options::new(buffer.get(start..self.options_end).unwrap_or_default())
    }

    /// Bytes of the message so far, header included.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a message has a header, it is never empty"
    )]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Writes the header; returns the length of the message. The draft can be finished again with
    /// another header.
    pub fn finish(
        &self,
        buffer: &mut [u8],
        kind: MessageType,
        code: Code,
        id: MessageId,
    ) -> Result<usize, BuildError> {
        // RFC 7252 section 4.1: an Empty message ends with the Message ID.
        if buffer.len() < self.len || code.is_empty() && self.len > HEADER_LEN {
            return Err(BuildError::TooLong);
        }
        let [high, low] = id.0.to_be_bytes();
        copy(
            buffer,
            &[first_byte(kind, self.token_len), code.0, high, low],
        );
        Ok(self.len)
    }
}

/// Bytes that an option with this value length adds after another one with the same number.
pub(super) fn repeated_option_len(value_len: usize) -> usize {
    1 + Extended::new(value_len as u32).len() + value_len
}

/// A delta or length as RFC 7252 section 3.1 encodes it: a nibble and up to two bytes.
struct Extended {
    nibble: u8,
    bytes: [u8; 2],
}

impl Extended {
    /// `value` is at most [`VALUE_MAX`].
    #[cfg_attr(target_os = "none", inline(never))]
    fn new(value: u32) -> Self {
        let (nibble, value) = if value < EXTENDED_ONE {
            (value as u8, 0)
        } else if value < EXTENDED_TWO {
            // The single extension byte comes first in `bytes`.
            (13, (value - EXTENDED_ONE) << 8)
        } else {
            (14, value - EXTENDED_TWO)
        };
        Extended {
            nibble,
            bytes: (value as u16).to_be_bytes(),
        }
    }

    fn len(&self) -> usize {
        extension_len(self.nibble)
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }
}

/// How many bytes extend a nibble.
fn extension_len(nibble: u8) -> usize {
    usize::from(nibble.saturating_sub(12))
}

/// Writes an option's first byte and the extension of its delta; returns the offset after them.
#[cfg_attr(target_os = "none", inline(never))]
fn put_delta(buffer: &mut [u8], at: usize, delta: &Extended, low_nibble: u8) -> usize {
    put(buffer, at, &[delta.nibble << 4 | low_nibble]);
    put(buffer, at + 1, delta.as_slice());
    at + 1 + delta.len()
}

/// Copies `bytes` to offset `at`, as far as they fit.
#[cfg_attr(target_os = "none", inline(never))]
fn put(buffer: &mut [u8], at: usize, bytes: &[u8]) {
    copy(buffer.get_mut(at..).unwrap_or_default(), bytes);
}

/// Copies as much as both hold; unlike `copy_from_slice` it has no panicking path.
#[cfg_attr(target_os = "none", inline(never))]
fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests;
