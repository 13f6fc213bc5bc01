// SPDX-License-Identifier: MIT
//! Sending requests: the first message of an exchange, the next ones of a block-wise transfer, and
//! registering again as an observer.

use super::Endpoint;
use super::draft::{Body, Draft, Target};
use super::upper::Upper;
use crate::config::{BLOCK, EXCHANGES, OBSERVE, OSCORE};
use crate::exchange::outgoing::{Exchange, Failure, Kind, TokenUse};
use crate::handle::{Handle, OfPeer};
use crate::message::MessageLayer;
use crate::message::peer::PeerAddr;
use crate::message::store::StoredMessage;
use crate::message::transmission::{Backoff, Handover, Owner};
use crate::time::Instant;
use crate::wire::block::Block;
use crate::wire::header::{MessageId, MessageType, Token};
use crate::wire::ip;
use crate::wire::message::MessageView;
use crate::wire::observe;
use crate::wire::option::OptionNumber;
use crate::wire::uri::UriError;

/// Why a request was not sent. The draft is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestError {
    /// No request was begun, or another call has ended it.
    NoDraft,
    /// RFC 7252 section 8.1: only non-confirmable requests are sent to a group.
    Group,
    /// As many requests are waiting for responses, or for their turn, as the profile allows; or as many
    /// observations or block-wise transfers are under way.
    NoSlot,
    /// The handle names no exchange that waits for this.
    Stale,
    /// An observation of the same peer has this token.
    Token,
    /// The security context cannot protect it: it is closed, has no number left that may be used, or the request has a
    /// Proxy-Uri.
    Security,
}

/// A request that was accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// Names the exchange in events.
    pub exchange: Handle,
    /// The message id; 0 as long as no id is free for it.
    pub id: MessageId,
    /// Bytes of the message.
    pub len: usize,
}

/// What is different in the next message of an exchange.
#[derive(Clone, Copy)]
pub(super) struct Remake<'a> {
    pub token: Token,
    /// The message is another part of the same body: the options that say which part, and those that only
    /// the first message needs, are left out.
    pub is_next: bool,
    pub block1: Option<Block>,
    pub block2: Option<Block>,
    /// `None`: as it was.
    pub observe: Option<u32>,
    pub echo: Option<&'a [u8]>,
    /// `None`: as it was.
    pub payload: Option<&'a [u8]>,
}

impl Remake<'_> {
    /// The same message.
    pub fn again(token: Token) -> Self {
        Self {
            token,
            is_next: false,
            block1: None,
            block2: None,
            observe: None,
            echo: None,
            payload: None,
        }
    }

    /// All but the payload, if that is to be as it was.
    fn write(
        &self,
        message: &mut MessageLayer<'_>,
        upper: &mut Upper,
        old: StoredMessage,
    ) -> Result<(), UriError> {
        let omit = |number, is_omitted| match is_omitted {
            true => number,
            false => OptionNumber(0), // no option
        };
        let omitted = [
            omit(OptionNumber::ECHO, self.echo.is_some() || self.is_next),
            omit(
                OptionNumber::OBSERVE,
                self.observe.is_some() || self.is_next,
            ),
            omit(OptionNumber::BLOCK1, self.is_next),
            omit(OptionNumber::BLOCK2, self.is_next),
            omit(OptionNumber::SIZE1, self.is_next),
            omit(OptionNumber::SIZE2, self.is_next),
            // Later blocks are not validated, RFC 7959 section 2.4.
            omit(OptionNumber::ETAG, self.block2.is_some()),
        ];
        message.write_options_of(upper, old, &omitted)?;
        let uints = [
            (OptionNumber::OBSERVE, self.observe),
            (OptionNumber::BLOCK2, self.block2.map(Block::encode)),
            (OptionNumber::BLOCK1, self.block1.map(Block::encode)),
        ];
        for (number, value) in uints {
            if let Some(value) = value {
                message.write_uint(upper, number, value)?;
            }
        }
        if let Some(echo) = self.echo {
            message.write_option(upper, OptionNumber::ECHO, echo)?;
        }
        message.write_payload(upper, self.payload.unwrap_or_default())
    }
}

impl Endpoint<'_> {
    /// Hands the request over: it goes out at once, or when its turn comes (RFC 7252 section 4.7).
    pub fn exchange_send(&mut self, peer: &PeerAddr, now: Instant) -> Result<Sent, RequestError> {
        let Some(Draft {
            target:
                Target::Request {
                    kind,
                    code,
                    token,
                    drawn,
                },
            body,
            observes,
            deregisters,
            no_response,
            understood,
            security,
        }) = self.draft.take()
        else {
            return Err(RequestError::NoDraft);
        };
        let mut kind = kind;
        if ip::is_multicast(peer.as_slice()) {
            if kind != Kind::NonConfirmable || security.is_some() {
                return Err(RequestError::Group);
            }
            kind = Kind::Multicast;
        }
        let mut len = self.message.drafted_len();
        let stored = self
            .message
            .finish(&mut self.upper, kind.message_type(), code, MessageId(0))
            .ok_or(RequestError::NoSlot)?;
        let Some(peer) = self.message.intern(&self.upper, peer) else {
            self.message.free(stored);
            return Err(RequestError::NoSlot);
        };
        let exchange = Exchange::new(kind, peer, token, now)
            .wanting(no_response, understood)
            .made_from(stored, body.divisible)
            .protected_by(security);
        if OBSERVE && !self.observation_yields(exchange.token_use(), deregisters, now) {
            self.message.free(stored);
            return Err(RequestError::Token);
        }
        let Some(handle) = self.exchange_insert(exchange, now) else {
            self.message.free(stored);
            return Err(RequestError::NoSlot);
        };
        if observes
            && drawn
            && let Some(token) = self.claim_restored(peer, stored)
            && let Some(exchange) = self.upper.exchanges.get_mut(handle)
        {
            exchange.set_token(token);
        }
        let prepared =
            (!observes || self.upper.observations.begin(handle)) && self.track(handle, &body);
        if !prepared {
            if exchange.request().is_none() {
                self.message.free(stored);
            }
            self.exchange_end(handle, now);
            return Err(RequestError::NoSlot);
        }
        let id = self.exchange_transmit(handle, stored, now);
        if id.is_err() {
            self.exchange_end(handle, now);
        }
        let id = id?;
        if OSCORE && security.is_some() {
            len = self
                .message
                .len_owned(Owner::exchange(handle))
                .unwrap_or(len);
        }
        Ok(Sent {
            exchange: handle,
            id: id.unwrap_or(MessageId(0)),
            len,
        })
    }

    /// Notes which part of its body a request holds, or which part of the response it asks for. False: no
    /// room.
    fn track(&mut self, handle: Handle, body: &Body) -> bool {
        if !BLOCK {
            return true;
        }
        if body.more {
            let Some(transfer) = self.upper.transfers.get_or_add(handle) else {
                return false;
            };
            transfer.begin_upload(body.len, body.szx);
        }
        if body.resume_at != 0 {
            let Some(transfer) = self.upper.transfers.get_or_add(handle) else {
                return false;
            };
            transfer.resume(body.resume_at, body.szx, body.etag);
        }
        true
    }

    /// Sends the message of an exchange. When there is no room for that, the message is freed, and the exchange is to
    /// end.
    fn exchange_transmit(
        &mut self,
        handle: Handle,
        message: StoredMessage,
        now: Instant,
    ) -> Result<Option<MessageId>, RequestError> {
        // One message of an exchange at a time: they share the place in the store.
        self.message.end_owned(Owner::exchange(handle), now);
        let held = self.token_is_taken(handle, now);
        let is_covered = OSCORE && self.is_protected(handle);
        let message = match is_covered {
            true => self.cover_request(handle, message)?,
            false => message,
        };
        let exchange = self
            .upper
            .exchanges
            .get_mut(handle)
            .ok_or(RequestError::Stale)?;
        exchange.send();
        let handover = Handover {
            peer: exchange.peer(),
            message,
            confirmable: exchange.kind().message_type() == MessageType::Confirmable,
            kept: exchange.request().is_some() && !is_covered,
            held,
            owner: Some(Owner::exchange(handle)),
            backoff: Backoff::default(),
        };
        let Ok(id) = self.message.transmit(handover, now) else {
            // The message has been freed.
            if !is_covered {
                exchange.set_request(None);
            }
            return Err(RequestError::NoSlot);
        };
        exchange.set_id(id);
        Ok(id)
    }

    /// RFC 7252 section 5.3.1: whether the request waits because an older one to the peer has its token.
    fn token_is_taken(&mut self, handle: Handle, now: Instant) -> bool {
        let Some(exchange) = self.upper.exchanges.get(handle) else {
            return false;
        };
        let oldest = self.upper.exchanges.using(exchange.token_use()).next();
        let Some((holder, held_by)) = oldest.filter(|(holder, _)| *holder != handle) else {
            return false;
        };
        let ends = held_by.yields_token_at(self.message.parameters(), now);
        if let Some(ends) = ends
            && let Some(holder) = self.upper.exchanges.get_mut(holder)
        {
            holder.end_by(ends);
        }
        true
    }

    /// Sends what has waited for the token of an exchange that has ended.
    pub(super) fn token_is_free(&mut self, token: TokenUse, now: Instant) {
        for place in 0.. {
            let waiting = self.upper.exchanges.using(token).nth(place);
            let Some(handle) = waiting.map(|(handle, _)| handle) else {
                return;
            };
            if !self.token_is_taken(handle, now) {
                self.message.release(Owner::exchange(handle), now);
            }
        }
    }

    /// What is to become of an observation whose token a new request to the peer has: RFC 7641 section 3.6, it is
    /// cancelled with its own token. False: it goes on, and needs the token.
    fn observation_yields(&mut self, token: TokenUse, deregisters: bool, now: Instant) -> bool {
        let observations = &self.upper.observations;
        let is_observation = |(handle, _): &(Handle, &Exchange)| observations.of(*handle).is_some();
        let same = self.upper.exchanges.using(token).find(is_observation);
        let observation = same.map(|(handle, _)| handle);
        observation.is_none_or(|handle| deregisters && self.exchange_end(handle, now))
    }

    /// When there is no room, a non-confirmable request that got no answer so far gives way; its end is
    /// reported as a timeout.
    fn exchange_insert(&mut self, exchange: Exchange, now: Instant) -> Option<Handle> {
        // One slot is left to others, whom a peer that answers nothing must not keep out.
        let crowded = self.upper.exchanges.live(Some(exchange.peer())) >= EXCHANGES - 1;
        if crowded || self.upper.exchanges.live(None) >= EXCHANGES {
            let of = crowded.then_some(exchange.peer());
            // An observation that only registers again is no such request.
            let observations = &self.upper.observations;
            let may_go = |handle| !observations.is_registered(handle);
            let parameters = self.message.parameters();
            let exchanges = &self.upper.exchanges;
            let handle = exchanges.first_unanswered(of, parameters, now, may_go)?;
            if self.upper.exchanges.is_full() {
                return None;
            }
            self.message.count_timeout();
            self.exchange_fail(handle, Failure::Timeout, now);
        }
        self.upper.exchanges.insert(exchange)
    }

    /// Sends the next message of an exchange, made from its last one, whose place it takes.
    pub(super) fn send_next(
        &mut self,
        handle: Handle,
        remake: &Remake<'_>,
        now: Instant,
    ) -> Result<(), RequestError> {
        let exchange = self.upper.exchanges.get_mut(handle);
        let exchange = exchange.ok_or(RequestError::Stale)?;
        let old = exchange.request().ok_or(RequestError::NoSlot)?;
        if self.message.is_full_for(Owner::exchange(handle)) {
            // The exchange waits on, and may try again.
            return Err(RequestError::NoSlot);
        }
        // Not one whose message can be spared while the next one is made from it.
        let (kind, state) = (exchange.kind().message_type(), exchange.pause());
        let is_rewritten = self.rewrite(handle, old, remake, kind, now).is_some();
        let exchange = self.upper.exchanges.get_mut(handle);
        let exchange = exchange.ok_or(RequestError::Stale)?;
        if !is_rewritten {
            exchange.unpause(state);
            return Err(RequestError::NoSlot);
        }
        if remake.is_next {
            exchange.clear_echoed();
        }
        self.exchange_transmit(handle, old, now).map(|_| ())
    }

    /// Writes the next message of an exchange in place of its last one: for one block, which may be as long as
    /// a message, the store needs room once. `None`: no room; a payload that was to be replaced is gone.
    fn rewrite(
        &mut self,
        handle: Handle,
        old: StoredMessage,
        remake: &Remake<'_>,
        kind: MessageType,
        now: Instant,
    ) -> Option<()> {
        self.discard_draft();
        if remake.payload.is_some() {
            self.message.end_owned(Owner::exchange(handle), now);
            let bytes = self.message.bytes(old);
            let payload = payload_len(&MessageView::parse(bytes).ok()?);
            let kept = bytes.len().saturating_sub(payload);
            self.message.truncate(old, kept);
        }
        let message = MessageView::parse(self.message.bytes(old)).ok()?;
        let (tail, code) = (payload_len(&message), message.code());
        let (message, upper) = (&mut self.message, &mut self.upper);
        message.begin(upper, &remake.token).then_some(())?;
        remake.write(message, upper, old).ok()?;
        message.replace(old, tail, kind, code).then_some(())
    }

    /// A copy of `old` without its payload, but for what is to be different; `None`: no room.
    fn remake(
        &mut self,
        old: StoredMessage,
        remake: &Remake<'_>,
        kind: MessageType,
    ) -> Option<StoredMessage> {
        self.discard_draft();
        let code = MessageView::parse(self.message.bytes(old)).ok()?.code();
        let (message, upper) = (&mut self.message, &mut self.upper);
        message.begin(upper, &remake.token).then_some(())?;
        remake.write(message, upper, old).ok()?;
        message.finish(upper, kind, code, MessageId(0))
    }

    /// Asks for the next block of the response, after [`Event::Block`](super::Event::Block) or
    /// [`Event::Restart`](super::Event::Restart).
    ///
    /// For the rest of a notification, `entropy` gives a token of its own (RFC 7959 section 3.4).
    pub fn exchange_continue(
        &mut self,
        exchange: Handle,
        entropy: super::Entropy,
        now: Instant,
    ) -> Result<(), RequestError> {
        self.settle();
        // While the request's body is sent, the next message is for exchange_upload.
        let transfer = self.upper.transfers.of(exchange);
        let block = transfer.and_then(|transfer| transfer.next_block());
        let block = block.ok_or(RequestError::Stale)?;
        let mut sender = exchange;
        if OBSERVE && self.upper.observations.of(exchange).is_some() {
            sender = match self.upper.exchanges.child(exchange) {
                Some(child) => child,
                None => self.fetch_begin(exchange, entropy, now)?,
            };
        }
        let paused = self.upper.exchanges.get(sender).filter(|e| e.is_paused());
        let token = paused.ok_or(RequestError::Stale)?.token();
        let remake = Remake {
            is_next: true,
            block2: Some(block),
            payload: Some(&[]),
            ..Remake::again(token)
        };
        let sent = self.send_next(sender, &remake, now);
        if sent.is_err() && sender != exchange {
            self.fetch_end(exchange, now);
            self.upper.transfers.end(exchange);
            self.register_soon(exchange, now);
        }
        sent
    }

    /// The exchange that fetches the rest of a notification.
    // Never inlined: what it keeps on the stack is no part of sending the next message.
    #[cfg_attr(target_os = "none", inline(never))]
    fn fetch_begin(
        &mut self,
        root: Handle,
        entropy: super::Entropy,
        now: Instant,
    ) -> Result<Handle, RequestError> {
        let observation = *self.upper.exchanges.get(root).ok_or(RequestError::Stale)?;
        let token = Token::new(entropy.get(..super::draft::TOKEN_LEN).unwrap_or_default());
        let token = token.unwrap_or(Token::EMPTY);
        let old = observation.request().ok_or(RequestError::NoSlot)?;
        let kind = observation.kind().message_type();
        let copy = self.remake(old, &Remake::again(token), kind);
        let copy = copy.ok_or(RequestError::NoSlot)?;
        let fetch = observation.fetch(root, token, copy);
        let child = self.exchange_insert(fetch, now);
        if child.is_none() {
            self.message.free(copy);
            self.upper.transfers.end(root);
            self.register_soon(root, now);
        }
        child.ok_or(RequestError::NoSlot)
    }

    /// Which part of its body an exchange is to send next, after [`Event::Wanted`](super::Event::Wanted):
    /// where it starts, and at most how many bytes. `None`: it is not to send any.
    pub fn exchange_wanted(&mut self, exchange: Handle) -> Option<(u32, u32)> {
        let wanted = self.upper.transfers.of(exchange)?.wanted()?;
        let paused = self.upper.exchanges.get(exchange)?.is_paused();
        paused.then_some(wanted)
    }

    /// Sends the part of the request's body that [`Endpoint::exchange_wanted`] says; `more`: it is not the
    /// last, and then it must have that length.
    pub fn exchange_upload(
        &mut self,
        exchange: Handle,
        data: &[u8],
        more: bool,
        now: Instant,
    ) -> Result<(), RequestError> {
        self.message.settle();
        let paused = self.upper.exchanges.get(exchange).filter(|e| e.is_paused());
        let token = paused.ok_or(RequestError::Stale)?.token();
        let transfer = self.upper.transfers.of(exchange);
        let block1 = transfer.and_then(|transfer| transfer.upload(data.len(), more));
        let remake = Remake {
            is_next: true,
            block1: Some(block1.ok_or(RequestError::Stale)?),
            payload: Some(data),
            ..Remake::again(token)
        };
        self.send_next(exchange, &remake, now)
    }

    /// Ends the exchange as a timeout at that time, whatever happens. False: the handle is stale.
    pub fn exchange_limit(&mut self, exchange: Handle, at: Instant) -> bool {
        let Some(exchange) = self
            .upper
            .exchanges
            .get_mut(exchange)
            .filter(|e| !e.is_forgotten())
        else {
            return false;
        };
        exchange.end_at(at);
        true
    }

    /// Registers again after a while: the registration, or the rest of a notification, was lost.
    pub(super) fn register_soon(&mut self, handle: Handle, now: Instant) {
        self.observe_until(handle, 0, now);
    }

    /// RFC 7641 section 3.3.1: the same request with the same token.
    pub(super) fn register_again(&mut self, handle: Handle, now: Instant) {
        self.register_soon(handle, now);
        let child = self.upper.exchanges.child(handle);
        let fetch = child.and_then(|child| self.upper.exchanges.get(child));
        if fetch.is_some_and(|fetch| !fetch.is_paused()) {
            // The answer would begin the body anew: not while it is being fetched.
            return;
        }
        let exchange = self.upper.exchanges.get(handle);
        let request = exchange.and_then(Exchange::request);
        if let Some(request) = request
            && !self.message.is_full()
        {
            // There is room, so the observation does not end.
            let _: Result<_, RequestError> = self.exchange_transmit(handle, request, now);
        }
    }

    /// Ends an observation and tells the peer, RFC 7641 section 3.6. False: the handle is stale.
    pub fn observation_cancel(&mut self, exchange: Handle, now: Instant) -> bool {
        self.settle();
        if !self.upper.exchanges.is_known(exchange) {
            return false;
        }
        let registered = OBSERVE && self.upper.observations.is_registered(exchange);
        self.upper.observations.end(exchange);
        self.upper.transfers.end(exchange);
        self.fetch_end(exchange, now);
        let Some(entry) = self.upper.exchanges.get_mut(exchange) else {
            return false;
        };
        entry.forget();
        let remake = Remake {
            observe: Some(observe::DEREGISTER),
            ..Remake::again(entry.token())
        };
        // Without room for the message, the next notification is rejected.
        if !registered || self.send_next(exchange, &remake, now).is_err() {
            self.exchange_end(exchange, now);
        }
        true
    }
}

/// Bytes of the payload with its marker.
fn payload_len(message: &MessageView<'_>) -> usize {
    match message.payload().len() {
        0 => 0,
        len => len + 1,
    }
}
