// SPDX-License-Identifier: MIT
//! A received message, checked once and read without copying (RFC 7252 section 3).

use super::code::Code;
use super::header::{HEADER_LEN, MessageId, MessageType, Token, VERSION};
use super::option::{self, Definition, OptionNumber, OptionView, Options, Present};
use super::uint;

/// Why a datagram is not a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParseError {
    /// Fewer than four bytes: nothing to answer to.
    TooShort,
    /// RFC 7252 section 3: messages with unknown version numbers are silently ignored.
    Version,
    /// A message format error, to be rejected as RFC 7252 sections 4.2 and 4.3 say.
    Format {
        /// The type of the message that cannot be processed.
        kind: MessageType,
        /// Its Message ID, which a RST repeats.
        id: MessageId,
    },
}

/// A well-formed message; no accessor fails.
#[derive(Clone, Copy, Debug)]
pub struct MessageView<'a> {
    kind: MessageType,
    code: Code,
    id: MessageId,
    token: Token,
    options: &'a [u8],
    present: Present,
    payload: &'a [u8],
}

impl<'a> MessageView<'a> {
    /// Checks a received datagram.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, ParseError> {
        let Some((&[first, code, high, low], rest)) = datagram.split_first_chunk::<HEADER_LEN>()
        else {
            return Err(ParseError::TooShort);
        };
        if first >> 6 != VERSION {
            return Err(ParseError::Version);
        }
        let mut message = MessageView {
            kind: MessageType::from_bits(first >> 4),
            code: Code(code),
            id: MessageId(u16::from_be_bytes([high, low])),
            token: Token::EMPTY,
            options: &[],
            present: Present::default(),
            payload: &[],
        };
        match message.read_rest(usize::from(first & 0x0F), rest) {
            Some(()) => Ok(message),
            None => Err(ParseError::Format {
                kind: message.kind,
                id: message.id,
            }),
        }
    }

    /// Everything after the Message ID; `None` is a message format error.
    fn read_rest(&mut self, token_len: usize, rest: &'a [u8]) -> Option<()> {
        // RFC 7252 section 4.1: an Empty message has no token and no bytes after the Message ID.
        if self.code.is_empty() {
            return (token_len == 0 && rest.is_empty()).then_some(());
        }
        let (token, rest) = rest.split_at_checked(token_len)?;
        // RFC 7252 section 3: token lengths 9-15 must be processed as a message format error.
        self.token = Token::new(token)?;
        let (len, present) = option::check(rest).ok()?;
        let (options, rest) = rest.split_at_checked(len)?;
        (self.options, self.present) = (options, present);
        // The first byte, if there is one, is the payload marker.
        self.payload = rest.get(1..).unwrap_or_default();
        Some(())
    }

    /// The type.
    pub fn kind(&self) -> MessageType {
        self.kind
    }

    /// The method, response code or 0.00.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The Message ID.
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// The token.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The options in the order of their numbers.
    pub fn options(&self) -> Options<'a> {
        Options::new(self.options)
    }

    /// The encoded options, without the payload marker.
    pub fn option_bytes(&self) -> &'a [u8] {
        self.options
    }

    /// The message without a payload that is not defined for its code: RFC 7252 section 5.5 has it ignored.
    #[must_use]
    pub fn without_undefined_payload(self) -> Self {
        let payload = if self.code.has_payload() {
            self.payload
        } else {
            &[]
        };
        Self { payload, ..self }
    }

    /// Empty when the message has no payload.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The value of the first option with this number, whatever its length.
    pub fn first(&self, number: OptionNumber) -> Option<&'a [u8]> {
        if !self.present.may_hold(number) {
            return None;
        }
        let found = self.options().find(|option| option.number >= number)?;
        (found.number == number).then_some(found.value)
    }

    /// The value of the first option with this number, if its length is one the option may have.
    pub fn first_valid(&self, number: OptionNumber) -> Option<&'a [u8]> {
        // RFC 7252 section 5.4.3: an option with a length outside its range is treated like an
        // unrecognized one.
        let fits = |value: &&[u8]| {
            let definition = number.definition();
            definition.is_none_or(|definition| definition.accepts(value.len()))
        };
        self.first(number).filter(fits)
    }

    /// The value of an option of format `uint`, RFC 7252 section 3.2.
    pub fn uint(&self, number: OptionNumber) -> Option<u32> {
        uint::decode(self.first_valid(number)?)
    }

    /// RFC 7252 section 5.10.3.
    pub fn content_format(&self) -> Option<u16> {
        u16::try_from(self.uint(OptionNumber::CONTENT_FORMAT)?).ok()
    }

    /// RFC 7252 section 5.10.4.
    pub fn accept(&self) -> Option<u16> {
        u16::try_from(self.uint(OptionNumber::ACCEPT)?).ok()
    }

    /// The first critical option the message must be refused for, RFC 7252 section 5.4.1: one that nobody
    /// understands, or that has not the form of what is understood.
    pub fn unrecognized_critical(
        &self,
        understands: impl Fn(OptionNumber) -> bool,
    ) -> Option<OptionNumber> {
        let mut previous = None;
        for OptionView { number, value } in self.options() {
            let repeated = previous.replace(number) == Some(number);
            // RFC 7252 section 5.4.5: supernumerary occurrences are treated like unrecognized options.
            let fits = |definition: Definition| {
                definition.accepts(value.len()) && (definition.repeatable || !repeated)
            };
            if number.is_critical()
                && !(understands(number) && number.definition().is_none_or(fits))
            {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
