// SPDX-License-Identifier: MIT
//! Answering requests: with a handler's response, or without a handler.

use super::Endpoint;
use super::draft::{Body, Draft, DraftError, Target};
use super::notify::format_of;
use super::security::cover_len;
use crate::block::body::{Body as BodyUnderWay, Direction};
use crate::config::{ATTRIBUTES, BLOCK, OBSERVE, OSCORE};
use crate::echo::ECHO_LEN;
use crate::exchange::incoming::{Acknowledgement, IncomingRequest, no_response_of, suppresses};
use crate::handle::{Handle, OfPeer};
use crate::message::deduplication::{Answer, ReceivedId};
use crate::message::peer::PeerId;
use crate::message::receive::Incoming;
use crate::message::transmission::Backoff;
use crate::oscore::Protected;
use crate::time::Instant;
use crate::when::When;
use crate::wire::block::Block;
use crate::wire::code::Code;
use crate::wire::header::{MessageType, Token};
use crate::wire::option::OptionNumber;
use crate::wire::problem;

/// Why a response was not sent. The draft is gone; the request can still be answered, unless it is for a
/// notification: that is asked for again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RespondError {
    /// No response was begun, or another call has ended it.
    NoDraft,
    /// The request has been answered, or nobody waits for it any more.
    Stale,
    /// No room for another separate response.
    NoSlot,
}

/// A response that was accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Responded {
    /// Bytes of the message.
    pub len: usize,
    /// The body goes on: later requests for it come with this name.
    pub body: Option<Handle>,
}

/// An answer that comes from the engine itself.
#[derive(Clone, Copy)]
pub(super) struct Refusal {
    pub code: Code,
    /// RFC 7252 section 5.4.1: the option that is not understood.
    pub option: Option<OptionNumber>,
    /// The client accepts concise problem details, RFC 9290.
    pub details: bool,
    /// RFC 7252 section 5.10.9: bytes of the largest payload that would be taken.
    pub size1: Option<u32>,
    /// RFC 7959: the block that is answered, or the size that would be taken.
    pub block1: Option<Block>,
    /// RFC 9175 section 2.4.
    pub echo: Option<[u8; ECHO_LEN]>,
    /// RFC 8613 section 8.2.
    pub unverified: When<{ OSCORE as usize }, Option<Unverified>>,
}

/// Why a protected request is not taken, RFC 8613 sections 7.4 and 8.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unverified {
    Malformed,
    NoContext,
    Replay,
    NotDecrypted,
}

impl Unverified {
    fn code(self) -> Code {
        match self {
            Self::Malformed => Code::BAD_OPTION,
            Self::NoContext | Self::Replay => Code::UNAUTHORIZED,
            Self::NotDecrypted => Code::BAD_REQUEST,
        }
    }

    fn text(self) -> &'static [u8] {
        match self {
            Self::Malformed => b"Failed to decode COSE",
            Self::NoContext => b"Security context not found",
            Self::Replay => b"Replay detected",
            Self::NotDecrypted => b"Decryption failed",
        }
    }
}

impl From<Unverified> for Refusal {
    fn from(unverified: Unverified) -> Self {
        Self {
            unverified: When::new(Some(unverified)),
            ..Self::with(unverified.code())
        }
    }
}

impl Refusal {
    pub fn with(code: Code) -> Self {
        Self {
            code,
            option: None,
            details: false,
            size1: None,
            block1: None,
            echo: None,
            unverified: When::default(),
        }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self::with(code)
    }
}

/// Bytes of the longest [`diagnostic`].
const DIAGNOSTIC_MAX: usize = 12;

/// RFC 7252 section 5.5.2: text for people, about an option that is not understood.
fn diagnostic(option: OptionNumber, text: &mut [u8; DIAGNOSTIC_MAX]) -> &[u8] {
    *text = *b"Option ?????";
    let mut rest = option.0;
    let mut digits = 0;
    for place in text.iter_mut().skip(7).rev() {
        *place = b'0' + (rest % 10) as u8;
        digits += usize::from(rest != 0);
        rest /= 10;
    }
    // The number without its leading zeros, behind "Option ".
    text.copy_within(DIAGNOSTIC_MAX - digits.clamp(1, 5).., 7);
    text.get(..7 + digits.clamp(1, 5)).unwrap_or_default()
}

/// Whom a response goes to, and how.
#[derive(Clone, Copy)]
pub(super) struct ReplyTo {
    peer: PeerId,
    id: ReceivedId,
    acknowledgement: Acknowledgement,
    multicast: bool,
    /// What protects it.
    pub protected: Protected,
    /// The request's nonce has been used, or may have been.
    pub needs_piv: bool,
}

impl ReplyTo {
    /// Who has sent this.
    pub fn to(incoming: &Incoming<'_>) -> Self {
        let acknowledgement = if incoming.message.kind() == MessageType::Confirmable {
            let deadline = incoming.now;
            Acknowledgement::Owed { deadline }
        } else {
            Acknowledgement::None
        };
        Self {
            peer: incoming.peer,
            id: incoming.id,
            acknowledgement,
            multicast: incoming.multicast,
            protected: incoming.protected,
            needs_piv: false,
        }
    }

    /// Who waits for an answer to this.
    pub fn of(request: &IncomingRequest) -> Self {
        Self {
            peer: request.peer(),
            id: request.id(),
            acknowledgement: request.acknowledgement(),
            multicast: request.is_multicast(),
            protected: request.protected(),
            needs_piv: request.has_failed()
                || request.acknowledgement() == Acknowledgement::Notification,
        }
    }
}

impl Endpoint<'_> {
    /// Begins the response to a request. `confirmable`: whether a separate response to a confirmable
    /// request is confirmable too; RFC 7252 section 5.2.2 allows both.
    pub fn response_begin(
        &mut self,
        request: Handle,
        confirmable: bool,
        code: Code,
    ) -> Result<(), DraftError> {
        let pending = *self.upper.incoming.get(request).ok_or(DraftError::Stale)?;
        if !code.is_response() {
            return Err(DraftError::Code);
        }
        let target = Target::Response {
            request,
            confirmable,
            code,
        };
        self.begin(target, pending.token())?;
        if OBSERVE && code.is_success() && self.may_say_observed(&pending) {
            if pending.protected().get().context.is_some() {
                // RFC 8613 section 4.1.3.5.2: empty inside.
                self.draft_option(OptionNumber::OBSERVE, &[])?;
            } else {
                let sequence = self.upper.next_sequence();
                self.draft_uint(OptionNumber::OBSERVE, sequence)?;
            }
        }
        // RFC 7959 section 2.3: which block the response answers; M is 0 as this is the final response.
        if BLOCK
            && code.is_success()
            && let Some(block) = pending.blocks().block1.get()
        {
            let block = Block {
                more: false,
                ..block
            };
            self.draft_uint(OptionNumber::BLOCK1, block.encode())?;
        }
        Ok(())
    }

    /// Sends the response: in the ACK while that is owed, else as a message of its own, which is NON to
    /// a NON request.
    pub fn response_send(&mut self, now: Instant) -> Result<Responded, RespondError> {
        let Some(Draft {
            target:
                Target::Response {
                    request,
                    confirmable,
                    code,
                },
            body,
            observes,
            ..
        }) = self.draft.take()
        else {
            return Err(RespondError::NoDraft);
        };
        let pending = *self
            .upper
            .incoming
            .get(request)
            .ok_or(RespondError::Stale)?;
        let mut responded = Responded {
            len: self.message.drafted_len(),
            body: None,
        };
        // To a group: nothing that would be too long, and no challenge, which is an error.
        let unfit = pending.is_multicast()
            && (self.message.is_crowded() || self.must_verify(&pending, responded.len, false));
        if unfit || pending.suppresses(code) {
            self.message.discard();
            self.incoming_release(request);
            self.incoming_end(request);
            return Ok(responded);
        }
        // What the observer is promised, as long as the draft can be read.
        let format = format_of(self.message.drafted_options());
        if !pending.accepts(code, format) {
            let refusal = Refusal::with(Code::NOT_ACCEPTABLE);
            let sent = self.respond_instead(request, &pending, &refusal, confirmable, now);
            return sent.map(|()| responded);
        }
        let sent = if pending.observing().observer.is_some() {
            self.notification_send(&pending, code, now)
        } else if self.must_verify(&pending, responded.len, observes) {
            let refusal = self.challenge_of(pending.peer(), now);
            // RFC 9175 section 2.4: in the ACK or non-confirmable.
            let sent = self.respond_instead(request, &pending, &refusal, false, now);
            return sent.map(|()| responded);
        } else {
            self.respond(&ReplyTo::of(&pending), confirmable, code, now)
        };
        if let (None, Some(observer)) = (sent, pending.observing().observer) {
            self.notification_again(observer, now);
            self.incoming_end(request);
        }
        if sent.is_none() {
            self.response_failed(request);
            return Err(RespondError::NoSlot);
        }
        let registers = pending.observing().registers;
        let format = (code != Code::VALID).then_some(format);
        let is_observer = observes && registers && self.observer_begin(&pending, format, now);
        if let Some(pending) = self.upper.incoming.get_mut(request) {
            pending.answered(!is_observer);
        }
        responded.body = self.body_begin(&pending, &body, now);
        self.incoming_end(request);
        Ok(responded)
    }

    /// Notes that a response cannot be sent: unless another one is given, the peer is told so.
    pub(super) fn response_failed(&mut self, request: Handle) {
        if let Some(pending) = self.upper.incoming.get_mut(request) {
            pending.fail();
        }
    }

    /// Answers 5.00, as the handler has said nothing that could be sent.
    pub(super) fn answer_failed(&mut self, request: Handle, now: Instant) {
        let Some(pending) = self.upper.incoming.get(request).copied() else {
            return;
        };
        self.discard_draft();
        let refusal = Refusal::with(Code::INTERNAL_SERVER_ERROR);
        if pending.suppresses(refusal.code) {
            return self.incoming_drop(request);
        }
        let to = ReplyTo::of(&pending);
        if self
            .respond_with(&to, pending.token(), &refusal, true, now)
            .is_some()
        {
            self.incoming_end(request);
        } else {
            // No room for that either. It is acknowledged, and the program may still answer it.
            self.message.count_dropped();
            self.incoming_release(request);
        }
    }

    /// Notes that a response's body goes on.
    fn body_begin(
        &mut self,
        pending: &IncomingRequest,
        body: &Body,
        now: Instant,
    ) -> Option<Handle> {
        let blocks = pending.blocks();
        if BLOCK && blocks.block1.get().is_some_and(|block| block.more) {
            // The request's body ends here: the response is not incoming_continue.
            if let Some(ended) = self.upper.bodies.of(pending.whose(), Direction::In) {
                self.upper.bodies.remove(ended);
            }
        }
        if !BLOCK || !body.more {
            let done = self.upper.bodies.of(pending.whose(), Direction::Out);
            if let Some(done) = done.filter(|_| body.offset != 0) {
                self.upper.bodies.remove(done);
            }
            return None;
        }
        let lifetime = self.message.parameters().exchange_lifetime_ms();
        let (gone, expires) = (body.offset + u32::from(body.len), now.after(lifetime));
        let body = BodyUnderWay::new(pending.whose(), Direction::Out, gone, expires);
        self.upper.bodies.note(body)
    }

    /// Sends the response that was written. `None`: no room.
    pub(super) fn respond(
        &mut self,
        to: &ReplyTo,
        confirmable: bool,
        code: Code,
        now: Instant,
    ) -> Option<()> {
        let ReplyTo { peer, id, .. } = *to;
        let code = self.cover_response(to, code)?;
        // RFC 7252 section 5.2.2: repetitions of the request still get the Empty ACK.
        // Repeated they would be several times as long.
        let is_con = confirmable
            && to.acknowledgement == Acknowledgement::Sent
            && !self.message.is_too_much(peer, 0, 1)
            && self.message.may_confirm_response(peer);
        let (message, upper) = (&mut self.message, &mut self.upper);
        match to.acknowledgement {
            // RFC 7252 section 5.2.1
            Acknowledgement::Owed { .. } => message.send_piggybacked(upper, peer, id, code),
            Acknowledgement::Sent if is_con => {
                let sent = message.send_con(upper, peer, code, None, Backoff::default(), now);
                sent.map(|_| ())
            }
            Acknowledgement::Sent => message.send_non(upper, peer, code, now).map(|_| ()),
            // RFC 7252 section 5.2.3
            Acknowledgement::None => {
                if to.multicast {
                    message.send_at_leisure(upper, peer, code, now)?;
                } else {
                    message.send_non(upper, peer, code, now)?;
                }
                self.message.set_answer(peer, id, Answer::Silence);
                Some(())
            }
            Acknowledgement::Notification => Some(()),
        }
    }

    /// Writes an answer that comes from the engine itself, and sends it. `None`: no room.
    fn respond_with(
        &mut self,
        to: &ReplyTo,
        token: &Token,
        refusal: &Refusal,
        confirmable: bool,
        now: Instant,
    ) -> Option<()> {
        let (message, upper) = (&mut self.message, &mut self.upper);
        if !message.begin(upper, token) {
            return None;
        }
        // RFC 9175 section 2.4
        if let Some(echo) = &refusal.echo {
            message.write_option(upper, OptionNumber::ECHO, echo).ok()?;
        }
        if let Some(block) = refusal.block1.filter(|_| BLOCK) {
            // RFC 7959 section 2.9.1 needs the number of the block that has been taken.
            if refusal.code == Code::CONTINUE {
                message
                    .write_uint(upper, OptionNumber::BLOCK1, block.encode())
                    .ok()?;
            } else {
                message.write_hint(OptionNumber::BLOCK1, block.encode());
            }
        }
        if let Some(size) = refusal.size1 {
            message.write_hint(OptionNumber::SIZE1, size);
        }
        if let Some(unverified) = refusal.unverified.get() {
            // RFC 8613 section 8.2: no proxy is to answer others so.
            message.write_hint(OptionNumber::MAX_AGE, 0);
            message.write_diagnostic(unverified.text());
        }
        if let Some(option) = refusal.option {
            if ATTRIBUTES && refusal.details {
                message.write_hint(OptionNumber::CONTENT_FORMAT, problem::FORMAT.into());
                message.write_diagnostic(problem::unprocessed(option, &mut [0; problem::OVERHEAD]));
            } else {
                message.write_diagnostic(diagnostic(option, &mut [0; DIAGNOSTIC_MAX]));
            }
        }
        self.respond(to, confirmable, refusal.code, now)
    }

    /// Says that the peer's block has been taken and that the next one is welcome, RFC 7959 section 2.9.1.
    /// False: the handle is stale, or the request is no block that others follow.
    pub fn incoming_continue(&mut self, request: Handle, now: Instant) -> bool {
        self.discard_draft();
        self.message.settle();
        let Some(pending) = self.upper.incoming.get(request).copied() else {
            return false;
        };
        let Some(block) = pending.blocks().block1.get().filter(|block| block.more) else {
            return false;
        };
        let refusal = Refusal {
            block1: Some(block),
            ..Refusal::with(Code::CONTINUE)
        };
        let to = ReplyTo::of(&pending);
        if self
            .respond_with(&to, pending.token(), &refusal, true, now)
            .is_none()
        {
            self.message.count_dropped();
            // The block once more will be answered so.
            self.message.forget(pending.peer(), pending.id());
        }
        self.incoming_end(request);
        true
    }

    /// Answers a request without a handler. Unless it was held, nothing is kept of it: repetitions are answered anew,
    /// with the same bytes but for the message id of a NON.
    pub(super) fn refuse(&mut self, incoming: &Incoming<'_>, refusal: &Refusal) {
        let message = &incoming.message;
        // RFC 7252 section 8.2: no errors in response to a multicast request; RFC 7967 section 2.1: nor what
        // is not wanted, but a challenge is what a client cannot do without.
        let no_response = no_response_of(message);
        let silent = suppresses(no_response, incoming.multicast, refusal.code);
        if silent && (incoming.multicast || refusal.echo.is_none()) {
            self.message.count_dropped();
            if message.kind() == MessageType::Confirmable {
                let answer = Answer::Empty(MessageType::Acknowledgement);
                self.message.acknowledge(incoming.peer, incoming.id, answer);
            }
            return;
        }
        // Who gets none asks again, if it matters, and more slowly; not who is verified: the same again is a replay.
        let verified = OSCORE && incoming.protected.get().context.is_some();
        if BLOCK
            && !verified
            && !refusal.code.is_success()
            && !self.message.admits_error(incoming.peer, incoming.now)
        {
            self.message.count_dropped();
            return;
        }
        let to = ReplyTo::to(incoming);
        if verified && !self.message.is_known(incoming) {
            // A repetition would be a replay.
            self.message.remember(incoming, Answer::Silence);
        }
        let sent = self.respond_with(&to, message.token(), refusal, false, incoming.now);
        if sent.is_none() {
            self.message.count_dropped();
        }
    }

    /// RFC 9175 section 2.4: whether the response is so much longer than the request that the peer has to
    /// show first that it is where it says.
    fn must_verify(&self, request: &IncomingRequest, len: usize, observes: bool) -> bool {
        // Notifications will follow, of any number and length.
        let len = if observes {
            usize::MAX
        } else {
            len + cover_len(request.protected().get().context)
        };
        let asked = usize::from(request.blocks().len);
        self.message.is_too_much(request.peer(), asked, len)
    }

    /// Answers something else than the handler has said.
    fn respond_instead(
        &mut self,
        request: Handle,
        pending: &IncomingRequest,
        refusal: &Refusal,
        confirmable: bool,
        now: Instant,
    ) -> Result<(), RespondError> {
        let to = ReplyTo::of(pending);
        let sent = self.respond_with(&to, pending.token(), refusal, confirmable, now);
        if sent.is_none() {
            self.response_failed(request);
            return Err(RespondError::NoSlot);
        }
        self.incoming_end(request);
        Ok(())
    }

    /// 4.01 with an Echo value for this peer.
    pub(super) fn challenge_of(&self, peer: PeerId, now: Instant) -> Refusal {
        let address = self.message.address(peer);
        let echo = address.map(|address| self.echo.issue(now, address.as_slice()));
        Refusal {
            echo,
            ..Refusal::with(Code::UNAUTHORIZED)
        }
    }
}
