// SPDX-License-Identifier: MIT
//! Writing and sending: one message at a time is begun, filled in any order, and sent.
//!
//! The draft lives at the open end of the message store. When the store runs out of room, answers
//! kept for repeated requests give way, oldest first.

use super::Endpoint;
use crate::config::EXCHANGES;
use crate::exchange::incoming::{Acknowledgement, Request};
use crate::exchange::outgoing::{Exchange, Failure, Kind, State};
use crate::handle::Handle;
use crate::message::deduplication::Answer;
use crate::message::peer::{PeerAddr, PeerId};
use crate::message::store::StoredMessage;
use crate::message::transmission::Owner;
use crate::time::Instant;
use crate::wire::builder::{BuildError, MessageDraft};
use crate::wire::code::Code;
use crate::wire::header::{MessageId, MessageType, Token};
use crate::wire::option::{Definition, OptionNumber};
use crate::wire::uri::{self, UriError};

/// Unpredictable bytes that a request's token is drawn from.
pub type Entropy = [u8; 8];

/// Bytes of a token that the caller did not choose: RFC 7252 section 5.3.1 wants at least 32 bits
/// of randomness against spoofed responses.
const TOKEN_LEN: usize = 4;

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
    /// The handle names no request that is still to be answered.
    Stale,
    /// The message would be larger than `max_message`, or than the store can hold.
    TooLarge,
    /// A bad option number or length.
    Option,
    /// A malformed path, query or host.
    Uri(UriError),
}

/// Why a request was not sent. The draft is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestError {
    /// No request was begun, or another call has ended it.
    NoDraft,
    /// As many requests are waiting for responses, or for their turn, as the profile allows.
    NoSlot,
}

/// Why a response was not sent. The draft is gone; the request can still be answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RespondError {
    /// No response was begun, or another call has ended it.
    NoDraft,
    /// The request has been answered, or nobody waits for it any more.
    Stale,
    /// No room for another separate response.
    NoSlot,
}

/// A request that was accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// Names the exchange in events.
    pub exchange: Handle,
    /// Its message id; 0 while all ids may still be known to a peer.
    pub id: MessageId,
    /// Bytes of the message.
    pub len: usize,
}

/// What a request is refused with.
pub(super) struct Refusal<'a> {
    pub code: Code,
    /// RFC 7252 section 5.5.2: text for people; may be empty.
    pub diagnostic: &'a [u8],
    /// RFC 7252 section 5.10.9: bytes of the largest payload that would be taken.
    pub size1: Option<u32>,
}

impl Refusal<'_> {
    pub fn with(code: Code) -> Self {
        Self {
            code,
            diagnostic: &[],
            size1: None,
        }
    }
}

#[derive(Clone, Copy)]
enum Target {
    Request {
        kind: Kind,
        code: Code,
        token: Token,
    },
    Response {
        request: Handle,
        confirmable: bool,
        code: Code,
    },
}

pub(super) struct Draft {
    message: MessageDraft,
    target: Target,
}

/// RFC 7252 section 5.4.3, and sections 5.10.1 and 5.10.7: no "." or ".." as a path segment.
fn is_allowed(number: OptionNumber, value: &[u8]) -> bool {
    let is_segment = matches!(number, OptionNumber::URI_PATH | OptionNumber::LOCATION_PATH);
    number
        .definition()
        .is_none_or(|definition| definition.accepts(value.len()))
        && !(is_segment && (value == b"." || value == b".."))
}

impl Endpoint<'_> {
    pub(super) fn discard_draft(&mut self) {
        self.draft = None;
        self.message.store.keep_draft(0);
    }

    /// Begins a request, or with code 0.00 and CON a ping, to which nothing can be added.
    ///
    /// `token`: `None` draws 4 bytes from `entropy`.
    pub fn request_begin(
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
        let drawn = || Token::new(entropy.get(..TOKEN_LEN)?);
        let token = match kind {
            Kind::Ping => Token::EMPTY,
            _ => token.or_else(drawn).unwrap_or(Token::EMPTY),
        };
        self.begin(Target::Request { kind, code, token }, token)
    }

    /// Begins the response to a request. `confirmable`: whether a separate response to a confirmable
    /// request is confirmable too; RFC 7252 section 5.2.2 allows both.
    pub fn response_begin(
        &mut self,
        request: Handle,
        confirmable: bool,
        code: Code,
    ) -> Result<(), DraftError> {
        let token = self.requests.get(request).ok_or(DraftError::Stale)?.token;
        if !code.is_response() {
            return Err(DraftError::Code);
        }
        self.begin(
            Target::Response {
                request,
                confirmable,
                code,
            },
            token,
        )
    }

    fn begin(&mut self, target: Target, token: Token) -> Result<(), DraftError> {
        self.discard_draft();
        self.message.settle();
        let message = self.begin_message(token).ok_or(DraftError::TooLarge)?;
        self.message.store.keep_draft(message.len());
        self.draft = Some(Draft { message, target });
        Ok(())
    }

    fn begin_message(&mut self, token: Token) -> Option<MessageDraft> {
        loop {
            let limit = self.message.parameters.max_message as usize;
            if let Ok(message) = MessageDraft::begin(self.message.store.draft(limit), token) {
                return Some(message);
            }
            if !self.message.evict_stored() {
                return None;
            }
        }
    }

    /// Extends the draft; makes room in the store as long as it can when there is none.
    fn write(
        &mut self,
        mut part: impl FnMut(&mut MessageDraft, &mut [u8]) -> Result<(), UriError>,
    ) -> Result<(), DraftError> {
        let limit = self.message.parameters.max_message as usize;
        let draft = self.draft.as_mut().ok_or(DraftError::NoDraft)?;
        if matches!(
            draft.target,
            Target::Request {
                kind: Kind::Ping,
                ..
            }
        ) {
            return Err(DraftError::Kind);
        }
        loop {
            let buffer = self.message.store.draft(limit);
            let room = buffer.len();
            match part(&mut draft.message, buffer) {
                Ok(()) => {
                    self.message.store.keep_draft(draft.message.len());
                    return Ok(());
                }
                Err(UriError::NoSpace) if room < limit && self.message.evict_stored() => {}
                Err(UriError::NoSpace) => {
                    self.discard_draft();
                    return Err(DraftError::TooLarge);
                }
                Err(error) => return Err(DraftError::Uri(error)),
            }
        }
    }

    /// Adds an option after those with the same or a lower number. Its length, its number of occurrences
    /// and its value must be what RFC 7252 allows; unknown options may have any.
    pub fn draft_option(&mut self, number: u32, value: &[u8]) -> Result<(), DraftError> {
        let number = OptionNumber(u16::try_from(number).map_err(|_| DraftError::Option)?);
        if !is_allowed(number, value) {
            return Err(DraftError::Option);
        }
        self.check_repeatable(number)?;
        self.write(|draft, buffer| Ok(draft.option(buffer, number, value)?))
    }

    /// RFC 7252 section 5.4.5: a non-repeatable option is not included more than once.
    fn check_repeatable(&mut self, number: OptionNumber) -> Result<(), DraftError> {
        let repeatable = |definition: Definition| definition.repeatable;
        let draft = self.draft.as_ref().ok_or(DraftError::NoDraft)?;
        let mut options = draft.message.options(self.message.store.draft(usize::MAX));
        if number.definition().is_none_or(repeatable) || options.all(|o| o.number != number) {
            Ok(())
        } else {
            Err(DraftError::Option)
        }
    }

    /// Adds Content-Format, 0 to 65535.
    pub fn draft_content_format(&mut self, content_format: u32) -> Result<(), DraftError> {
        let format = u16::try_from(content_format).map_err(|_| DraftError::Option)?;
        self.check_repeatable(OptionNumber::CONTENT_FORMAT)?;
        self.write(|draft, buffer| {
            Ok(draft.uint_option(buffer, OptionNumber::CONTENT_FORMAT, format.into())?)
        })
    }

    /// Adds Uri-Host, unless `host` is an IP literal.
    pub fn draft_uri_host(&mut self, host: &[u8]) -> Result<(), DraftError> {
        // RFC 7252 section 6.4 step 5: not when the destination is the literal.
        if uri::is_ip_literal(host) {
            return Ok(());
        }
        let number = OptionNumber::URI_HOST;
        if !is_allowed(number, host) {
            return Err(DraftError::Option);
        }
        self.check_repeatable(number)?;
        self.write(|draft, buffer| {
            let value = draft.option_slot(buffer, number, host.len())?;
            // RFC 7252 section 6.4 step 5: in lowercase.
            for (to, from) in value.iter_mut().zip(host) {
                *to = from.to_ascii_lowercase();
            }
            Ok(())
        })
    }

    /// Adds Uri-Path and Uri-Query options for `b"a/b?x=1"`, percent-decoded.
    pub fn draft_uri_path(&mut self, path: &[u8]) -> Result<(), DraftError> {
        let (path, query) = uri::split_path_query(path);
        // Checked before the path is added, so that an error leaves nothing behind.
        for item in query.into_iter().flat_map(uri::query_items) {
            item.decoded_len().map_err(DraftError::Uri)?;
        }
        self.write(|draft, buffer| uri::add_path(draft, buffer, path))?;
        query.map_or(Ok(()), |query| self.draft_uri_query(query))
    }

    /// Adds Uri-Query options for `b"x=1&y=2"`, percent-decoded.
    pub fn draft_uri_query(&mut self, query: &[u8]) -> Result<(), DraftError> {
        self.write(|draft, buffer| uri::add_query(draft, buffer, query))
    }

    /// Sets the payload.
    pub fn draft_payload(&mut self, payload: &[u8]) -> Result<(), DraftError> {
        self.write(|draft, buffer| Ok(draft.payload(buffer, payload)?))
    }

    /// Hands the request over: it goes out at once, or when its turn comes (RFC 7252 section 4.7).
    pub fn request_send(&mut self, peer: &PeerAddr, now: Instant) -> Result<Sent, RequestError> {
        let Some(Draft {
            message,
            target: Target::Request { kind, code, token },
        }) = self.draft.take()
        else {
            return Err(RequestError::NoDraft);
        };
        let len = message.len();
        let kind_on_wire = match kind {
            Kind::NonConfirmable => MessageType::NonConfirmable,
            Kind::Confirmable | Kind::Ping => MessageType::Confirmable,
        };
        let stored = self
            .commit(&message, kind_on_wire, code, MessageId(0))
            .ok_or(RequestError::NoSlot)?;
        self.exchange_start(stored, kind, token, peer, now)
            .map(|(exchange, id)| Sent {
                exchange,
                id: id.unwrap_or(MessageId(0)),
                len,
            })
            .ok_or(RequestError::NoSlot)
    }

    fn exchange_start(
        &mut self,
        message: StoredMessage,
        kind: Kind,
        token: Token,
        peer: &PeerAddr,
        now: Instant,
    ) -> Option<(Handle, Option<MessageId>)> {
        let inserted = self.intern(peer).and_then(|peer| {
            let exchange = Exchange {
                peer,
                token,
                id: None,
                kind,
                state: State::Sending,
            };
            Some((peer, self.exchange_insert(exchange)?))
        });
        let Some((peer, handle)) = inserted else {
            self.message.free(message);
            return None;
        };
        let confirmable = kind != Kind::NonConfirmable;
        let Ok(id) =
            self.message
                .transmit(peer, message, confirmable, Owner::Exchange(handle), now)
        else {
            self.exchanges.remove(handle);
            return None;
        };
        if let Some(exchange) = self.exchanges.get_mut(handle) {
            exchange.id = id;
        }
        Some((handle, id))
    }

    /// When there is no room, a non-confirmable request that got no answer so far gives way; its end is
    /// reported as a timeout.
    fn exchange_insert(&mut self, exchange: Exchange) -> Option<Handle> {
        // One slot is left to others, whom a peer that answers nothing must not keep out.
        let crowded = self.exchanges.with_peer(exchange.peer) >= EXCHANGES - 1;
        if crowded || self.exchanges.len() == EXCHANGES {
            let of = crowded.then_some(exchange.peer);
            let handle = self.exchanges.first_unanswered(of)?;
            if self.displaced.is_some() {
                return None;
            }
            let mut old = self.exchanges.remove(handle)?;
            old.state = State::Failed(Failure::Timeout);
            self.displaced = self.ended(handle, &old);
            self.count_timeouts(|_| 1);
        }
        self.exchanges.insert(exchange).ok()
    }

    /// Sends the response: in the ACK while that is owed, else as a message of its own, which is NON to
    /// a NON request. Gives the bytes of the message.
    pub fn response_send(&mut self, now: Instant) -> Result<usize, RespondError> {
        let Some(Draft {
            message,
            target:
                Target::Response {
                    request,
                    confirmable,
                    code,
                },
        }) = self.draft.take()
        else {
            return Err(RespondError::NoDraft);
        };
        let pending = *self.requests.get(request).ok_or(RespondError::Stale)?;
        self.respond(&pending, &message, confirmable, code, now)
            .ok_or(RespondError::NoSlot)?;
        self.requests.remove(request);
        Ok(message.len())
    }

    fn respond(
        &mut self,
        request: &Request,
        message: &MessageDraft,
        confirmable: bool,
        code: Code,
        now: Instant,
    ) -> Option<()> {
        let Request { peer, id, .. } = *request;
        match request.acknowledgement {
            // RFC 7252 section 5.2.1
            Acknowledgement::Owed { .. } => {
                let stored = self.commit(message, MessageType::Acknowledgement, code, id)?;
                self.message.send_answer(peer, id, stored);
            }
            // RFC 7252 section 5.2.2: repetitions of the request still get the Empty ACK.
            Acknowledgement::Sent if confirmable && self.message.may_confirm_response(peer) => {
                let stored = self.commit(message, MessageType::Confirmable, code, MessageId(0))?;
                self.message
                    .transmit(peer, stored, true, Owner::Response, now)
                    .ok()?;
            }
            Acknowledgement::Sent => self.send_non(peer, message, code, now)?,
            // RFC 7252 section 5.2.3
            Acknowledgement::None => {
                self.send_non(peer, message, code, now)?;
                self.message
                    .deduplication
                    .set_answer(peer, id, Answer::Silence);
            }
        }
        Some(())
    }

    fn send_non(
        &mut self,
        peer: PeerId,
        message: &MessageDraft,
        code: Code,
        now: Instant,
    ) -> Option<()> {
        let id = self
            .message
            .ids
            .allocate(now, self.message.parameters.exchange_lifetime_ms())?;
        let stored = self.commit(message, MessageType::NonConfirmable, code, id)?;
        self.message.send_once(peer, stored);
        Some(())
    }

    /// Makes the draft a stored message.
    fn commit(
        &mut self,
        message: &MessageDraft,
        kind: MessageType,
        code: Code,
        id: MessageId,
    ) -> Option<StoredMessage> {
        self.message.store.keep_draft(message.len());
        loop {
            let len = message
                .finish(self.message.store.draft(usize::MAX), kind, code, id)
                .ok()?;
            if let Some(stored) = self.message.store.commit(len) {
                return Some(stored);
            }
            self.message.store.keep_draft(len);
            if !self.message.evict_stored() {
                self.message.store.keep_draft(0);
                return None;
            }
        }
    }

    /// Answers a request without a handler. Unless the request was noted, nothing is kept: repetitions
    /// are answered anew, with the same bytes but for the message id of a NON.
    pub(super) fn answer_stateless(
        &mut self,
        peer: PeerId,
        request: (MessageType, MessageId, Token),
        refusal: Refusal<'_>,
        now: Instant,
    ) {
        let (kind, id, token) = request;
        let sent = self.write_stateless(token, &refusal).and_then(|message| {
            if kind == MessageType::Confirmable {
                let kind = MessageType::Acknowledgement;
                let stored = self.commit(&message, kind, refusal.code, id)?;
                self.message.send_answer(peer, id, stored);
                Some(())
            } else {
                self.send_non(peer, &message, refusal.code, now)
            }
        });
        if sent.is_none() {
            self.message.count_dropped();
        }
    }

    fn write_stateless(&mut self, token: Token, refusal: &Refusal<'_>) -> Option<MessageDraft> {
        let mut message = self.begin_message(token)?;
        let buffer = self.message.store.draft(usize::MAX);
        // Without room these hints are left out.
        let _: Result<(), BuildError> = message.payload(buffer, refusal.diagnostic);
        if let Some(size) = refusal.size1 {
            let _: Result<(), BuildError> = message.uint_option(buffer, OptionNumber::SIZE1, size);
        }
        Some(message)
    }
}
