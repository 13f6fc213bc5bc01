// SPDX-License-Identifier: MIT
//! Writing what the application sends: one message at a time is begun, filled in any order, and sent.

use super::Endpoint;
use super::security::cover_len;
use crate::block::transfer::ETag;
use crate::config::{BLOCK, OBSERVE, OSCORE, UNDERSTOOD_IN_RESPONSES};
use crate::exchange::outgoing::Kind;
use crate::handle::Handle;
use crate::message::draft::UriPart;
use crate::oscore::contexts::ContextId;
use crate::wire::block::{self, Block};
use crate::wire::code::Code;
use crate::wire::header::{MessageType, Token};
use crate::wire::ip;
use crate::wire::observe;
use crate::wire::option::{OptionNumber, Options, Understood};
use crate::wire::uint;
use crate::wire::uri::{self, UriError};

/// Unpredictable bytes that a request's token is drawn from.
pub type Entropy = [u8; 8];

/// Bytes of a token that the caller did not choose: RFC 7252 section 5.3.1 wants at least 32 bits
/// of randomness against spoofed responses.
pub(super) const TOKEN_LEN: usize = 4;

/// Why a draft was not begun or not extended. The draft is as it was before, except after `TooLarge`:
/// then it is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DraftError {
    /// No draft was begun, or another call has ended it.
    NoDraft,
    /// Only requests and pings are begun so, as CON or NON.
    Kind,
    /// Not a response code.
    Code,
    /// A message with this code has no payload.
    Payload,
    /// The handle names no request that is still to be answered.
    Stale,
    /// The message would be larger than `max_message`, or than the store can hold.
    TooLarge,
    /// A bad option number or length.
    Option,
    /// A malformed path, query or host.
    Uri(UriError),
    /// The part of the body that is asked for lies behind its end.
    Range,
}

#[derive(Clone, Copy)]
pub(super) enum Target {
    Request {
        kind: Kind,
        code: Code,
        token: Token,
        /// The token was drawn, not chosen by the caller.
        drawn: bool,
    },
    Response {
        request: Handle,
        confirmable: bool,
        code: Code,
    },
}

/// Which part of a body a message holds.
#[derive(Clone, Copy, Default)]
pub(super) struct Body {
    /// Where in the body it starts, bytes.
    pub offset: u32,
    /// The block's size.
    pub szx: u8,
    /// Bytes of the part.
    pub len: u16,
    /// Whether the body goes on.
    pub more: bool,
    /// Bytes of the whole body, if that is known.
    pub total: Option<u32>,
    /// Bytes of the response that the program has already.
    pub resume_at: u32,
    /// Their ETag.
    pub etag: ETag,
    /// The program can give the body part by part.
    pub divisible: bool,
}

/// What is being written, for whom; the message itself is with the message layer.
pub(crate) struct Draft {
    pub(super) target: Target,
    pub(super) body: Body,
    /// A request that registers, or a response that says so.
    pub(super) observes: bool,
    /// A request that ends an observation, RFC 7641 section 3.6.
    pub(super) deregisters: bool,
    /// Of a request, RFC 7967.
    pub(super) no_response: u8,
    /// Of a request: what the program deals with itself in the response.
    pub(super) understood: Understood<UNDERSTOOD_IN_RESPONSES>,
    /// Of a request: what is to protect it.
    pub(super) security: Option<ContextId>,
}

/// What can be added to a draft.
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

/// Bytes that the options about a body and the payload marker take at most: Block1 or Block2 (a byte, two of
/// an extended number, three of value), Size1 or Size2 (a byte, one of an extended number, four of value).
const BODY_OVERHEAD: usize = 6 + 6 + 1;

impl Draft {
    fn code(&self) -> Code {
        match self.target {
            Target::Request { code, .. } | Target::Response { code, .. } => code,
        }
    }

    fn note(&mut self, number: OptionNumber, value: &[u8]) {
        let is_request = matches!(self.target, Target::Request { .. });
        match number {
            OptionNumber::OBSERVE => {
                let value = uint::decode(value);
                self.observes = OBSERVE && (!is_request || value == Some(observe::REGISTER));
                self.deregisters = is_request && value == Some(observe::DEREGISTER);
            }
            OptionNumber::NO_RESPONSE if is_request => {
                self.no_response = uint::decode(value).unwrap_or(0) as u8;
            }
            _ => {}
        }
    }
}

/// RFC 7252 section 5.4.3; section 5.4.5: what is not repeatable is not included more than once;
/// sections 5.10.1 and 5.10.7: no "." or ".." as a path segment.
fn is_allowed(number: OptionNumber, value: &[u8], mut present: Options<'_>) -> bool {
    let is_segment = matches!(number, OptionNumber::URI_PATH | OptionNumber::LOCATION_PATH);
    if is_segment && (value == b"." || value == b"..") {
        return false;
    }
    if number == OptionNumber::URI_HOST && !uri::is_host(value) {
        return false;
    }
    number.definition().is_none_or(|definition| {
        definition.accepts(value.len())
            && (definition.repeatable || present.all(|o| o.number != number))
    })
}

impl Endpoint<'_> {
    pub(super) fn discard_draft(&mut self) {
        self.draft = None;
        self.message.discard();
    }

    /// Begins a request, or with code 0.00 and CON a ping, to which nothing can be added.
    ///
    /// `token`: `None` draws 4 bytes from `entropy`.
    pub fn exchange_begin(
        &mut self,
        kind: MessageType,
        code: Code,
        token: Option<Token>,
        entropy: Entropy,
    ) -> Result<(), DraftError> {
        let kind = match kind {
            MessageType::Confirmable if code.is_empty() => Kind::Ping,
            MessageType::Confirmable if code.is_request() => Kind::Confirmable,
            MessageType::NonConfirmable if code.is_request() => Kind::NonConfirmable,
            _ => return Err(DraftError::Kind),
        };
        let draw = || Token::new(entropy.get(..TOKEN_LEN)?);
        let drawn = token.is_none();
        let token = match kind {
            Kind::Ping => Token::EMPTY,
            _ => token.or_else(draw).unwrap_or(Token::EMPTY),
        };
        let target = Target::Request {
            kind,
            code,
            token,
            drawn,
        };
        self.begin(target, &token)
    }

    pub(super) fn begin(&mut self, target: Target, token: &Token) -> Result<(), DraftError> {
        self.settle();
        if !self.message.begin(&mut self.upper, token) {
            return Err(DraftError::TooLarge);
        }
        self.draft = Some(Draft {
            target,
            body: Body::default(),
            observes: false,
            deregisters: false,
            no_response: 0,
            understood: Understood::default(),
            security: None,
        });
        Ok(())
    }

    /// Adds to the draft; makes room in the store as long as it can when there is none.
    ///
    /// Options go after those with the same or a lower number. The length of an option, its number of
    /// occurrences and its value must be what RFC 7252 allows; unknown options may have any.
    pub fn draft_add(&mut self, part: Part<'_>) -> Result<(), DraftError> {
        let part = match part {
            Part::Option(number, value) => {
                // Who gives an option about blocks in a request sees to the blocks of that exchange.
                let is_block = matches!(number, OptionNumber::BLOCK1 | OptionNumber::BLOCK2);
                if BLOCK && is_block && self.writable()?.code().is_request() {
                    self.draft_understand(number)?;
                }
                return self.draft_option(number, value);
            }
            // RFC 7252 section 6.4 step 5: no Uri-Host when the destination is the literal.
            Part::Host(host) if ip::is_literal(host) => return self.writable().map(|_| ()),
            Part::Host(host) => return self.draft_option(OptionNumber::URI_HOST, host),
            Part::Payload(payload) => return self.draft_payload(payload),
            Part::Path(path) => UriPart::Path(path),
            Part::Query(query) => UriPart::Query(query),
            Part::Location(text) => UriPart::Location(text),
        };
        self.writable()?;
        let written = self.message.write_uri_part(&mut self.upper, part);
        self.written(written)
    }

    fn draft_payload(&mut self, payload: &[u8]) -> Result<(), DraftError> {
        // RFC 7252 section 5.5: none is sent where none is defined.
        let code = self.writable()?.code();
        if !payload.is_empty() && !code.has_payload() {
            return Err(DraftError::Payload);
        }
        let written = self.message.write_payload(&mut self.upper, payload);
        self.written(written)
    }

    pub(super) fn draft_option(
        &mut self,
        number: OptionNumber,
        value: &[u8],
    ) -> Result<(), DraftError> {
        self.writable()?;
        if !is_allowed(number, value, self.message.drafted_options()) {
            return Err(DraftError::Option);
        }
        let written = self.message.write_option(&mut self.upper, number, value);
        self.written(written)?;
        self.writable()?.note(number, value);
        Ok(())
    }

    /// The draft, unless it is a ping, to which nothing can be added.
    fn writable(&mut self) -> Result<&mut Draft, DraftError> {
        match self.draft.as_mut().ok_or(DraftError::NoDraft)? {
            Draft {
                target: Target::Request {
                    kind: Kind::Ping, ..
                },
                ..
            } => Err(DraftError::Kind),
            draft => Ok(draft),
        }
    }

    fn written(&mut self, written: Result<(), UriError>) -> Result<(), DraftError> {
        written.map_err(|error| match error {
            UriError::NoSpace => self.too_large(),
            error => DraftError::Uri(error),
        })
    }

    /// Says of a request that the program deals with a critical option of the response itself. At most
    /// [`UNDERSTOOD_IN_RESPONSES`] of them.
    pub fn draft_understand(&mut self, number: OptionNumber) -> Result<(), DraftError> {
        let draft = self.draft.as_mut().ok_or(DraftError::NoDraft)?;
        let added = draft.understood.add(number);
        added.then_some(()).ok_or(DraftError::Option)
    }

    /// Says what is to protect a request, RFC 8613.
    pub fn draft_protect(&mut self, context: ContextId) -> Result<(), DraftError> {
        self.contexts.get(context).ok_or(DraftError::Stale)?;
        let draft = self.writable()?;
        if !draft.code().is_request() {
            return Err(DraftError::Kind);
        }
        draft.security = Some(context);
        Ok(())
    }

    /// Ends a draft that cannot be sent.
    fn too_large(&mut self) -> DraftError {
        if let Some(Draft {
            target: Target::Response { request, .. },
            ..
        }) = self.draft
        {
            self.response_failed(request);
        }
        self.discard_draft();
        DraftError::TooLarge
    }

    /// Adds an option of format `uint`, RFC 7252 section 3.2.
    pub(super) fn draft_uint(
        &mut self,
        number: OptionNumber,
        value: u32,
    ) -> Result<(), DraftError> {
        self.draft_option(number, uint::encode(value).as_slice())
    }

    /// Bytes of the largest block that a message can hold, 16 to 1024; 0 without block-wise transfer.
    #[must_use]
    pub fn block_size(&self) -> u32 {
        let szx = block::szx_within(self.message.parameters().max_message);
        szx.filter(|_| BLOCK).map_or(0, block::size)
    }

    /// Which part of a body goes into the draft, when everything else is in it: where the part starts, and
    /// at most how many bytes. `total`: bytes of the body, if that is known; `size`: bytes of a block at
    /// most, 0 for as many as fit.
    pub fn draft_body(&mut self, total: Option<u32>, size: u32) -> Result<(u32, u32), DraftError> {
        let mut limit = self.message.parameters().max_message as usize;
        self.draft_tag()?;
        let draft = self.draft.as_ref().ok_or(DraftError::NoDraft)?;
        let (asked, cover) = match draft.target {
            Target::Request { .. } => {
                if OSCORE && draft.security.is_some() {
                    // The request is kept beside what protects it.
                    limit = limit.min(self.message.parameters().message_store as usize / 2);
                }
                (None, cover_len(draft.security))
            }
            Target::Response { request, .. } => {
                let request = self.upper.incoming.get(request).ok_or(DraftError::Stale)?;
                let cover = cover_len(request.protected().get().context);
                (request.blocks().block2.get(), cover)
            }
        };
        let around = self.message.drafted_len() + BODY_OVERHEAD + cover;
        let room = limit.saturating_sub(around) as u32;
        let Some(mut szx) = block::szx_within(room) else {
            return Err(self.too_large());
        };
        if size != 0 {
            szx = szx.min(block::szx_within(size).unwrap_or(0));
        }
        let asked_szx = asked.map_or(block::SZX_MAX, |block| block.szx);
        let body = Body {
            offset: asked.map_or(0, Block::offset),
            szx: szx.min(asked_szx),
            total,
            divisible: true,
            ..draft.body
        };
        if let Some(draft) = self.draft.as_mut() {
            draft.body = body;
        }
        // Without block-wise transfer: all or nothing.
        let len = if BLOCK { block::size(body.szx) } else { room };
        Ok((body.offset, len))
    }

    /// RFC 9175 section 3.3: bodies to one resource at the same time are told apart by their Request-Tag; of
    /// those of FETCH, the responses are.
    fn draft_tag(&mut self) -> Result<(), DraftError> {
        let Some(Draft {
            target: Target::Request { code, token, .. },
            ..
        }) = self.draft
        else {
            return Ok(());
        };
        let others = if code == Code::FETCH {
            !self.upper.exchanges.is_empty()
        } else {
            BLOCK && !self.upper.transfers.is_empty()
        };
        if !BLOCK || !others {
            return Ok(());
        }
        self.draft_option(OptionNumber::REQUEST_TAG, token.as_slice())
    }

    /// Adds the part of the body that [`Endpoint::draft_body`] says; `more`: it is not the last, and then it
    /// must have that length.
    pub fn draft_block(&mut self, data: &[u8], more: bool) -> Result<(), DraftError> {
        let draft = self.draft.as_mut().ok_or(DraftError::NoDraft)?;
        if !BLOCK {
            return if more {
                Err(self.too_large())
            } else {
                self.draft_payload(data)
            };
        }
        let size = block::size(draft.body.szx) as usize;
        if data.len() > size || more && data.len() != size {
            return Err(DraftError::Option);
        }
        (draft.body.len, draft.body.more) = (data.len() as u16, more);
        let (body, target) = (draft.body, draft.target);
        if data.is_empty() && body.offset != 0 {
            return Err(DraftError::Range);
        }
        let block = Block::at(body.offset, more, body.szx).ok_or(DraftError::TooLarge)?;
        let (number, asked, size_number, says_size) = match target {
            Target::Request { .. } => (OptionNumber::BLOCK1, false, OptionNumber::SIZE1, more),
            Target::Response { request, .. } => {
                let request = self.upper.incoming.get(request).ok_or(DraftError::Stale)?;
                let blocks = request.blocks();
                let asked = blocks.block2.get().is_some();
                (
                    OptionNumber::BLOCK2,
                    asked,
                    OptionNumber::SIZE2,
                    blocks.wants_size,
                )
            }
        };
        // RFC 7959 section 2.2: a body that fits needs no option.
        if more || body.offset != 0 || asked {
            self.draft_uint(number, block.encode())?;
        }
        if let Some(total) = body.total
            && says_size
        {
            self.draft_uint(size_number, total)?;
        }
        self.draft_payload(data)
    }

    /// Asks, in a request, for the response from byte `offset` on, which must have this ETag unless the
    /// offset is 0, in blocks of at most `size` bytes; 0: of any size.
    pub fn draft_want(&mut self, offset: u32, etag: &[u8], size: u32) -> Result<(), DraftError> {
        let szx = block::szx_within(if size == 0 { u32::MAX } else { size });
        let mut szx = szx.ok_or(DraftError::Range)?;
        while szx > 0 && Block::at(offset, false, szx).is_none() {
            szx -= 1;
        }
        let block = Block::at(offset, false, szx).ok_or(DraftError::Range)?;
        self.draft_uint(OptionNumber::BLOCK2, block.encode())?;
        if let Some(draft) = self.draft.as_mut() {
            draft.body.resume_at = offset;
            draft.body.etag = ETag::new(etag);
            draft.body.szx = szx;
        }
        Ok(())
    }
}
