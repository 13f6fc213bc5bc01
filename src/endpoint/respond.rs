// SPDX-License-Identifier: MIT
//! Answering requests: with a handler's response, or without a handler.

use super::Endpoint;
use super::draft::{Body, Draft, DraftError, Target};
use super::notify::format_of;
use super::receive::Incoming;
use super::request::no_response_of;
use crate::block::body::{Body as BodyUnderWay, Direction};
use crate::config::{BLOCK, OBSERVE, TRANSMISSIONS};
use crate::echo::ECHO_LEN;
use crate::exchange::incoming::{Acknowledgement, Request, suppresses};
use crate::handle::Handle;
use crate::message::Handover;
use crate::message::deduplication::{Answer, ReceivedId};
use crate::message::peer::PeerId;
use crate::message::transmission::{Backoff, Owner};
use crate::time::Instant;
use crate::wire::block::Block;
use crate::wire::builder::{BuildError, MessageDraft};
use crate::wire::code::Code;
use crate::wire::header::{MessageId, MessageType, Token};
use crate::wire::option::OptionNumber;

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
pub(super) struct Refusal<'a> {
    pub code: Code,
    /// RFC 7252 section 5.5.2: text for people; may be empty.
    pub diagnostic: &'a [u8],
    /// RFC 7252 section 5.10.9: bytes of the largest payload that would be taken.
    pub size1: Option<u32>,
    /// RFC 7959: the block that is answered, or the size that would be taken.
    pub block1: Option<Block>,
    /// RFC 9175 section 2.4.
    pub echo: Option<[u8; ECHO_LEN]>,
}

impl Refusal<'_> {
    pub fn with(code: Code) -> Self {
        Self {
            code,
            diagnostic: &[],
            size1: None,
            block1: None,
            echo: None,
        }
    }

    /// Without what only helps: RFC 7959 section 2.9.1 needs the number of the block that has been taken, RFC 9175
    /// section 2.4 the Echo value.
    fn without_hints(&self) -> Self {
        Self {
            block1: self.block1.filter(|_| self.code == Code::CONTINUE),
            echo: self.echo,
            ..Self::with(self.code)
        }
    }

    fn write(&self, message: &mut MessageDraft, buffer: &mut [u8]) -> Result<(), BuildError> {
        if BLOCK && let Some(block) = self.block1 {
            message.uint_option(buffer, OptionNumber::BLOCK1, block.encode())?;
        }
        if let Some(size) = self.size1 {
            message.uint_option(buffer, OptionNumber::SIZE1, size)?;
        }
        if let Some(echo) = self.echo {
            message.option(buffer, OptionNumber::ECHO, &echo)?;
        }
        message.payload(buffer, self.diagnostic)
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
        let pending = *self.requests.get(request).ok_or(DraftError::Stale)?;
        if !code.is_response() {
            return Err(DraftError::Code);
        }
        let target = Target::Response {
            request,
            confirmable,
            code,
        };
        self.begin(target, &pending.token)?;
        if OBSERVE && code.is_success() && self.may_say_observed(&pending) {
            let sequence = self.observers.next_sequence();
            self.draft_uint(OptionNumber::OBSERVE, sequence)?;
        }
        // RFC 7959 section 2.3: which block the response answers; M is 0 as this is the final response.
        if BLOCK
            && code.is_success()
            && let Some(block) = pending.blocks.get().block1.get()
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
            message,
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
        let pending = *self.requests.get(request).ok_or(RespondError::Stale)?;
        let mut responded = Responded {
            len: message.len(),
            body: None,
        };
        // To a group: nothing that would be too long, and no challenge, which is an error.
        let unfit = pending.multicast
            && (self.is_crowded() || self.must_verify(&pending, message.len(), false));
        if unfit || pending.suppresses(code) {
            self.message.store.keep_draft(0);
            self.request_release(request);
            self.request_end(request);
            return Ok(responded);
        }
        // What the observer is promised, as long as the draft can be read.
        let format = format_of(message.options(self.message.store.drafted()));
        if !pending.accepts(code, format) {
            let refusal = Refusal::with(Code::NOT_ACCEPTABLE);
            let sent = self.respond_instead(request, &pending, &refusal, confirmable, now);
            return sent.map(|()| responded);
        }
        let sent = if pending.observing.get().observer.is_some() {
            self.notification_send(&pending, &message, code, now)
        } else if self.must_verify(&pending, message.len(), observes) {
            let refusal = self.challenge_of(pending.peer, now);
            // RFC 9175 section 2.4: in the ACK or non-confirmable.
            let sent = self.respond_instead(request, &pending, &refusal, false, now);
            return sent.map(|()| responded);
        } else {
            self.respond(&pending, &message, confirmable, code, now)
        };
        if let (None, Some(observer)) = (sent, pending.observing.get().observer) {
            self.notification_again(observer, now);
            self.request_end(request);
        }
        if sent.is_none() {
            self.response_failed(request);
            return Err(RespondError::NoSlot);
        }
        let mut observing = pending.observing.get();
        observing.observer = None;
        let format = (code != Code::VALID).then_some(format);
        if observes && observing.registers && self.observer_begin(&pending, format, now) {
            // The observer has it now; otherwise it goes with the request.
            observing.kept = None;
        }
        if let Some(pending) = self.requests.get_mut(request) {
            pending.observing.set(observing);
        }
        responded.body = self.body_begin(&pending, &body, now);
        self.request_end(request);
        Ok(responded)
    }

    /// Notes that a response cannot be sent: unless another one is given, the peer is told so.
    pub(super) fn response_failed(&mut self, request: Handle) {
        if let Some(pending) = self.requests.get_mut(request) {
            pending.failed = pending.acknowledgement != Acknowledgement::Notification;
        }
    }

    /// Answers 5.00, as the handler has said nothing that could be sent.
    pub(super) fn answer_failed(&mut self, request: Handle, now: Instant) {
        let Some(pending) = self.requests.get(request).copied() else {
            return;
        };
        self.discard_draft();
        let refusal = Refusal::with(Code::INTERNAL_SERVER_ERROR);
        if pending.suppresses(refusal.code) {
            return self.request_drop(request);
        }
        let answered = self
            .write_stateless(&pending.token, &refusal)
            .and_then(|message| self.respond(&pending, &message, true, refusal.code, now));
        if answered.is_some() {
            self.request_end(request);
        } else {
            // No room for that either. It is acknowledged, and the program may still answer it.
            self.message.count_dropped();
            self.request_release(request);
        }
    }

    /// Notes that a response's body goes on.
    fn body_begin(&mut self, pending: &Request, body: &Body, now: Instant) -> Option<Handle> {
        let blocks = pending.blocks.get();
        if BLOCK && blocks.block1.get().is_some_and(|block| block.more) {
            // The request's body ends here: the response is not request_continue.
            if let Some(ended) = self.bodies.find(pending.peer, Direction::In, blocks.key) {
                self.bodies.remove(ended);
            }
        }
        if !BLOCK || !body.more {
            let done = self.bodies.find(pending.peer, Direction::Out, blocks.key);
            if let Some(done) = done.filter(|_| body.offset != 0) {
                self.bodies.remove(done);
            }
            return None;
        }
        let lifetime = self.message.parameters.exchange_lifetime_ms();
        self.bodies.insert(BodyUnderWay {
            peer: pending.peer,
            direction: Direction::Out,
            key: blocks.key,
            offset: body.offset + u32::from(body.len),
            expires: now.after(lifetime),
        })
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
                let stored = self.commit(message, MessageType::Acknowledgement, code, id.id)?;
                self.message.send_answer(peer, id, stored);
            }
            // RFC 7252 section 5.2.2: repetitions of the request still get the Empty ACK.
            // Repeated they would be several times as long.
            Acknowledgement::Sent
                if confirmable
                    && !self.is_too_much(peer, 0, 1)
                    && self.message.may_confirm_response(peer) =>
            {
                self.send_con(
                    peer,
                    message,
                    code,
                    Owner::Response,
                    Backoff::default(),
                    now,
                )?;
            }
            Acknowledgement::Sent => {
                self.send_non(peer, message, code, now)?;
            }
            // RFC 7252 section 5.2.3
            Acknowledgement::None => {
                if request.multicast {
                    self.send_at_leisure(peer, message, code, now)?;
                } else {
                    self.send_non(peer, message, code, now)?;
                }
                self.message
                    .deduplication
                    .set_answer(peer, id, Answer::Silence);
            }
            Acknowledgement::Notification => {}
        }
        Some(())
    }

    /// Sends a message that is repeated until it is acknowledged; gives its id once it has one.
    pub(super) fn send_con(
        &mut self,
        peer: PeerId,
        message: &MessageDraft,
        code: Code,
        owner: Owner,
        backoff: Backoff,
        now: Instant,
    ) -> Option<Option<MessageId>> {
        let stored = self.commit(message, MessageType::Confirmable, code, MessageId(0))?;
        let handover = Handover {
            peer,
            message: stored,
            confirmable: true,
            kept: false,
            held: false,
            owner,
            backoff,
        };
        self.message.transmit(handover, now).ok()
    }

    /// Sends a message once.
    pub(super) fn send_non(
        &mut self,
        peer: PeerId,
        message: &MessageDraft,
        code: Code,
        now: Instant,
    ) -> Option<MessageId> {
        let lifetime = self.message.parameters.exchange_lifetime_ms();
        let id = self.message.ids.allocate(now, lifetime)?;
        let stored = self.commit(message, MessageType::NonConfirmable, code, id)?;
        self.message.send_once(peer, stored);
        Some(id)
    }

    /// Whether so many responses to multicast requests wait that others would keep other messages out.
    fn is_crowded(&self) -> bool {
        self.message.transmissions.delayed() >= TRANSMISSIONS / 2
    }

    /// RFC 7252 section 8.2: a response to a multicast request waits for a random part of DEFAULT_LEISURE.
    fn send_at_leisure(
        &mut self,
        peer: PeerId,
        message: &MessageDraft,
        code: Code,
        now: Instant,
    ) -> Option<()> {
        if self.is_crowded() {
            return None;
        }
        let parameters = &self.message.parameters;
        let (lifetime, leisure) = (
            parameters.exchange_lifetime_ms(),
            parameters.default_leisure_ms,
        );
        let id = self.message.ids.allocate(now, lifetime)?;
        let stored = self.commit(message, MessageType::NonConfirmable, code, id)?;
        let delay = self.message.jitter.up_to(leisure);
        self.message
            .send_later(peer, stored, delay, now)
            .then_some(())
    }

    /// Says that the peer's block has been taken and that the next one is welcome, RFC 7959 section 2.9.1.
    /// False: the handle is stale, or the request is no block that others follow.
    pub fn request_continue(&mut self, request: Handle, now: Instant) -> bool {
        self.discard_draft();
        self.message.settle();
        let Some(pending) = self.requests.get(request).copied() else {
            return false;
        };
        let Some(block) = pending.blocks.get().block1.get().filter(|block| block.more) else {
            return false;
        };
        let refusal = Refusal {
            block1: Some(block),
            ..Refusal::with(Code::CONTINUE)
        };
        let answered = self
            .write_stateless(&pending.token, &refusal)
            .and_then(|message| self.respond(&pending, &message, true, refusal.code, now));
        if answered.is_none() {
            self.message.count_dropped();
            // The block once more will be answered so.
            self.message.deduplication.forget(pending.peer, pending.id);
        }
        self.request_end(request);
        true
    }

    /// Answers a request without a handler.
    pub(super) fn refuse(&mut self, incoming: &Incoming<'_, '_>, refusal: &Refusal<'_>) {
        // RFC 7252 section 8.2: no errors in response to a multicast request; RFC 7967 section 2.1: nor what
        // is not wanted, but a challenge is what a client cannot do without.
        let no_response = no_response_of(incoming.message);
        let silent = suppresses(no_response, incoming.multicast, refusal.code);
        if silent && (incoming.multicast || refusal.echo.is_none()) {
            self.message.count_dropped();
            if incoming.message.kind() == MessageType::Confirmable
                && let Some(peer) = self.intern(incoming.address)
            {
                let answer = Answer::Empty(MessageType::Acknowledgement);
                self.acknowledge_empty(peer, ReceivedId::of(incoming.message), answer);
            }
            return;
        }
        match self.intern(incoming.address) {
            Some(peer) => self.answer_stateless(peer, incoming, refusal),
            None => self.message.count_dropped(),
        }
    }

    /// Unless the request was noted, nothing is kept: repetitions are answered anew, with the same bytes but
    /// for the message id of a NON.
    fn answer_stateless(
        &mut self,
        peer: PeerId,
        incoming: &Incoming<'_, '_>,
        refusal: &Refusal<'_>,
    ) {
        let (request, now) = (incoming.message, incoming.now);
        let sent = self
            .write_stateless(request.token(), refusal)
            .and_then(|message| self.answer_at_once(peer, incoming, &message, refusal.code, now));
        if sent.is_none() {
            self.message.count_dropped();
        }
    }

    /// Sends a response in the ACK, or as a NON to a NON.
    pub(super) fn answer_at_once(
        &mut self,
        peer: PeerId,
        incoming: &Incoming<'_, '_>,
        message: &MessageDraft,
        code: Code,
        now: Instant,
    ) -> Option<()> {
        let request = incoming.message;
        if request.kind() == MessageType::Confirmable {
            let (kind, id) = (MessageType::Acknowledgement, ReceivedId::of(request));
            let stored = self.commit(message, kind, code, id.id)?;
            self.message.send_answer(peer, id, stored);
        } else if incoming.multicast {
            self.send_at_leisure(peer, message, code, now)?;
        } else {
            self.send_non(peer, message, code, now)?;
        }
        Some(())
    }

    /// Writes the refusal; older answers make room for what it cannot do without, not for hints.
    fn write_stateless(&mut self, token: &Token, refusal: &Refusal<'_>) -> Option<MessageDraft> {
        let mut wanted = *refusal;
        let mut hints = true;
        loop {
            let mut message = self.begin_message(token)?;
            let buffer = self.message.store.drafted();
            if wanted.write(&mut message, buffer).is_ok() {
                return Some(message);
            }
            if hints {
                wanted = refusal.without_hints();
                hints = false;
            } else if !self.make_room() {
                return None;
            }
        }
    }

    /// RFC 9175 section 2.4: whether the response is so much longer than the request that the peer has to
    /// show first that it is where it says.
    fn must_verify(&self, request: &Request, len: usize, observes: bool) -> bool {
        // Notifications will follow, of any number and length.
        let len = if observes { usize::MAX } else { len };
        self.is_too_much(request.peer, usize::from(request.blocks.get().len), len)
    }

    /// The same of a request of `asked` bytes.
    pub(super) fn is_too_much(&self, peer: PeerId, asked: usize, len: usize) -> bool {
        let limit = self.message.parameters.amplification as usize;
        BLOCK
            && limit != 0
            && len > asked.saturating_mul(limit)
            && !self.message.peers.is_verified(peer)
    }

    /// Answers something else than the handler has said.
    fn respond_instead(
        &mut self,
        request: Handle,
        pending: &Request,
        refusal: &Refusal<'_>,
        confirmable: bool,
        now: Instant,
    ) -> Result<(), RespondError> {
        self.message.store.keep_draft(0);
        let message = self.write_stateless(&pending.token, refusal);
        let sent = message.and_then(|m| self.respond(pending, &m, confirmable, refusal.code, now));
        if sent.is_none() {
            self.response_failed(request);
            return Err(RespondError::NoSlot);
        }
        self.request_end(request);
        Ok(())
    }

    /// 4.01 with an Echo value for this peer.
    pub(super) fn challenge_of(&self, peer: PeerId, now: Instant) -> Refusal<'static> {
        let address = self.message.peers.address(peer);
        let echo = address.map(|address| self.echo.issue(now, address.as_slice()));
        Refusal {
            echo,
            ..Refusal::with(Code::UNAUTHORIZED)
        }
    }
}
