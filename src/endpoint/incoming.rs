// SPDX-License-Identifier: MIT
//! Requests of peers: RFC 7252 sections 4.5, 5.4 and 5.8, RFC 7959 as a server, registration of observers.

use super::Endpoint;
use super::receive::{Event, Piece};
use super::respond::Refusal;
use super::upper::unrecognized_critical;
use crate::block::body::{Body, Direction, Whose, request_key};
use crate::config::{ATTRIBUTES, BLOCK, DISCOVERY, OBSERVE, OBSERVERS};
use crate::exchange::incoming::{Acknowledgement, Blocks, IncomingRequest, MaybeBlock, Observing};
use crate::handle::Handle;
use crate::message::deduplication::Answer;
use crate::message::peer::PeerAddr;
use crate::message::receive::{Incoming, Role};
use crate::message::token_of;
use crate::message::transmission::Owner;
use crate::resource::{FRESH, OBSERVABLE, Resource};
use crate::wire::block::{self, Block};
use crate::wire::code::Code;
use crate::wire::header::{HEADER_LEN, MessageType};
use crate::wire::message::MessageView;
use crate::wire::observe;
use crate::wire::option::{OptionNumber, Understood, is_among};
use crate::wire::problem;

/// How long an Echo value is fresh, milliseconds: RFC 9175 section 2.3 wants at least a round trip.
const ECHO_LIFETIME_MS: u32 = 60_000;

/// The Block option, if there is one. `Err`: RFC 7959 section 2.2, the reserved size is a bad request.
fn block_option(message: &MessageView<'_>, number: OptionNumber) -> Result<Option<Block>, Code> {
    match message.first(number) {
        Some(value) if BLOCK => Block::decode(value).map(Some).ok_or(Code::BAD_REQUEST),
        _ => Ok(None),
    }
}

/// Who answers a request.
enum Route {
    Resource(Resource),
    /// `/.well-known/core`
    Links,
}

impl Endpoint<'_> {
    pub(super) fn handle_request(
        &mut self,
        incoming: &Incoming<'_>,
        piece: &mut Piece,
    ) -> Option<Event> {
        match self.take_request(incoming, piece) {
            Ok(event) => event,
            Err(refusal) => {
                self.refuse(incoming, &refusal);
                None
            }
        }
    }

    // Never inlined: what it keeps on the stack is no part of sending a refusal, nor of handling a response.
    #[cfg_attr(target_os = "none", inline(never))]
    fn take_request(
        &mut self,
        incoming: &Incoming<'_>,
        piece: &mut Piece,
    ) -> Result<Option<Event>, Refusal> {
        let message = &incoming.message;
        let resource = self.resources.find(message.options());
        let understood = resource.map_or(Understood::default(), |resource| resource.understood);
        if let Some(number) = unrecognized_critical(message, understood.numbers()) {
            // RFC 7252 section 5.4.1: 4.02 with a diagnostic to a CON request; a NON is rejected.
            if message.kind() != MessageType::Confirmable {
                self.message.reject(incoming);
                return Ok(None);
            }
            return Err(Refusal {
                option: Some(number),
                details: ATTRIBUTES && message.accept() == Some(problem::FORMAT),
                ..Refusal::with(Code::BAD_OPTION)
            });
        }
        self.verify(incoming);
        // A handler that understands an option about blocks sees to them itself.
        let block = |number| match BLOCK && is_among(number, understood.numbers()) {
            true => Ok(None),
            false => block_option(message, number),
        };
        let (block1, block2) = (block(OptionNumber::BLOCK1)?, block(OptionNumber::BLOCK2)?);
        if let Some(resource) = resource {
            resource.admits(incoming.protected)?;
        }
        match self.route(message, resource)? {
            Route::Resource(resource) => self.serve(incoming, &resource, block1, block2, piece),
            Route::Links => self.serve_links(incoming, block2).map(|()| None),
        }
    }

    /// Who takes the request, or the code that refuses it.
    fn route(&self, message: &MessageView<'_>, resource: Option<Resource>) -> Result<Route, Code> {
        // RFC 7252 section 5.10.2: no forward proxy here.
        if message.first(OptionNumber::PROXY_URI).is_some()
            || message.first(OptionNumber::PROXY_SCHEME).is_some()
        {
            return Err(Code::PROXYING_NOT_SUPPORTED);
        }
        // RFC 8768 section 3: also by who forwards nothing.
        if let Some(hops) = message.first(OptionNumber::HOP_LIMIT)
            && !matches!(hops, [1..=255])
        {
            return Err(Code::BAD_REQUEST);
        }
        match resource {
            Some(resource) if resource.allows(message.code()) => Ok(Route::Resource(resource)),
            // RFC 7252 section 5.8: an unrecognized or unsupported method.
            Some(_) => Err(Code::METHOD_NOT_ALLOWED),
            None if DISCOVERY && self.asks_for_links(message) => {
                if message.code() == Code::GET {
                    Ok(Route::Links)
                } else {
                    Err(Code::METHOD_NOT_ALLOWED)
                }
            }
            None if message.code().0 > Code::IPATCH.0 => Err(Code::METHOD_NOT_ALLOWED),
            None => Err(Code::NOT_FOUND),
        }
    }

    /// RFC 9175 section 2.3: a peer that gives back a fresh Echo value is where it says.
    fn verify(&mut self, incoming: &Incoming<'_>) {
        if let Some(echo) = incoming.message.first_valid(OptionNumber::ECHO)
            && self.is_fresh(incoming, echo)
        {
            self.message.set_verified(incoming.peer);
        }
    }

    pub(super) fn is_fresh(&self, incoming: &Incoming<'_>, echo: &[u8]) -> bool {
        let address = self.message.address(incoming.peer);
        let fresh = |address: &PeerAddr| {
            let (address, now) = (address.as_slice(), incoming.now);
            self.echo.check(echo, now, address, ECHO_LIFETIME_MS)
        };
        BLOCK && address.is_some_and(fresh)
    }

    fn serve(
        &mut self,
        incoming: &Incoming<'_>,
        resource: &Resource,
        block1: Option<Block>,
        block2: Option<Block>,
        piece: &mut Piece,
    ) -> Result<Option<Event>, Refusal> {
        let message = &incoming.message;
        if ATTRIBUTES
            && let Some(accept) = message.accept()
            && !self.resources.gives_format(message.options(), accept)
        {
            return Err(Refusal::with(Code::NOT_ACCEPTABLE));
        }
        if BLOCK && self.must_show_address(incoming, resource) {
            if !resource.has(FRESH) {
                // Without Echo it would be carried out if it came again, after the request with Echo.
                self.message.remember(incoming, Answer::Silence);
            }
            return Err(self.challenge_of(incoming.peer, incoming.now));
        }
        let Some(request) = self.accept(incoming, resource, block1, block2) else {
            self.message.count_dropped();
            // Refused is refused: a repetition gets the same answer, even if there is room by then.
            self.message.remember(incoming, Answer::Silence);
            return Err(Refusal::with(Code::SERVICE_UNAVAILABLE));
        };
        let taken = self.take_part(request, incoming, resource, piece);
        if taken.is_err() {
            // Not to be handled any more: otherwise the entry could not give way.
            self.message
                .set_answer(incoming.peer, incoming.id, Answer::Silence);
            self.incoming_end(request);
        }
        taken.map(Some)
    }

    /// Whether the request is answered 4.01 with an Echo value before a handler sees it.
    fn must_show_address(&self, incoming: &Incoming<'_>, resource: &Resource) -> bool {
        let message = &incoming.message;
        if resource.has(FRESH) {
            let echo = message.first_valid(OptionNumber::ECHO);
            return !echo.is_some_and(|echo| self.is_fresh(incoming, echo));
        }
        // RFC 9175 section 2.4: what has effects must not be done and then be challenged, as it would be
        // done again.
        self.message.parameters().amplification != 0
            && !incoming.multicast
            && !message.code().is_safe()
            && !self.message.is_verified(incoming.peer)
    }

    /// What part of a body the request holds or asks for.
    fn take_part(
        &mut self,
        request: Handle,
        incoming: &Incoming<'_>,
        resource: &Resource,
        piece: &mut Piece,
    ) -> Result<Event, Refusal> {
        let whole = Event::Request {
            request,
            resource: resource.number,
        };
        let Some(pending) = self.upper.incoming.get(request).filter(|_| BLOCK) else {
            return Ok(whole);
        };
        let (whose, blocks) = (pending.whose(), pending.blocks());
        if let Some(block) = blocks.block1.get() {
            return self.take_block1(request, whose, block, incoming, resource, piece);
        }
        let Some(block) = blocks.block2.get().filter(|block| block.num != 0) else {
            return Ok(whole);
        };
        piece.offset = block.offset();
        piece.body = self.upper.bodies.of(whose, Direction::Out);
        if piece.body.is_none() && !incoming.message.code().is_safe() {
            // RFC 7959 section 2.9.2: it would have to be carried out again.
            return Err(Refusal::with(Code::REQUEST_ENTITY_INCOMPLETE));
        }
        Ok(Event::Download {
            request,
            resource: resource.number,
        })
    }

    /// A block of a request's body, RFC 7959 sections 2.3 and 2.5.
    fn take_block1(
        &mut self,
        request: Handle,
        whose: Whose,
        block: Block,
        incoming: &Incoming<'_>,
        resource: &Resource,
        piece: &mut Piece,
    ) -> Result<Event, Refusal> {
        let payload_len = incoming.message.payload().len() as u32;
        let offset = block.offset();
        let end = offset.saturating_add(payload_len);
        let known = self.upper.bodies.of(whose, Direction::In);
        if block.num != 0 {
            let body = known.and_then(|known| self.upper.bodies.get(known));
            let received = body.map(Body::offset);
            if received == Some(end) && block.more && payload_len == block.size() {
                // The last block once more: its answer was lost.
                return Err(Refusal {
                    block1: Some(block),
                    ..Refusal::with(Code::CONTINUE)
                });
            }
            // RFC 7959 section 2.9.2: the blocks before this one are not here.
            if received != Some(offset) {
                return Err(Refusal::with(Code::REQUEST_ENTITY_INCOMPLETE));
            }
        }
        let fits = if block.more {
            payload_len == block.size()
        } else {
            payload_len <= block.size()
        };
        if !fits {
            self.forget_body(known);
            return Err(Refusal::with(Code::BAD_REQUEST));
        }
        let limit = match resource.max_body {
            0 => self.message.parameters().max_body,
            max_body => max_body,
        };
        let announced = incoming.message.uint(OptionNumber::SIZE1).unwrap_or(0);
        if end.max(announced) > limit {
            self.forget_body(known);
            // RFC 7959 section 2.9.3
            return Err(Refusal {
                size1: Some(limit),
                ..Refusal::with(Code::REQUEST_ENTITY_TOO_LARGE)
            });
        }
        piece.offset = offset;
        let number = resource.number;
        if !block.more {
            if block.num != 0 {
                piece.body = known;
            }
            self.forget_body(known);
            return Ok(Event::Request {
                request,
                resource: number,
            });
        }
        let lifetime = self.message.parameters().exchange_lifetime_ms();
        let body = Body::new(whose, Direction::In, end, incoming.now.after(lifetime));
        piece.body = self.upper.bodies.note(body);
        if piece.body.is_none() {
            return Err(Refusal::with(Code::SERVICE_UNAVAILABLE));
        }
        Ok(Event::Upload {
            request,
            resource: number,
        })
    }

    fn forget_body(&mut self, body: Option<Handle>) {
        if let Some(body) = body {
            self.upper.bodies.remove(body);
        }
    }

    /// Notes a request that goes to a handler. `None`: no room.
    #[cfg_attr(target_os = "none", inline(never))]
    fn accept(
        &mut self,
        incoming: &Incoming<'_>,
        resource: &Resource,
        block1: Option<Block>,
        block2: Option<Block>,
    ) -> Option<Handle> {
        let (message, peer, now) = (&incoming.message, incoming.peer, incoming.now);
        // RFC 7252 section 5.3.1: a peer that uses the token of an earlier request again does not wait for its separate
        // response any more.
        let token = message.token().as_slice();
        self.message
            .end_unowned(peer, |bytes| token_of(bytes) == token, now);
        let parameters = &self.message.parameters();
        let acknowledgement = if message.kind() == MessageType::Confirmable {
            // Half of ACK_TIMEOUT: in time for the peer not to retransmit, as far as the network allows.
            let deadline = now.after(parameters.ack_timeout_ms / 2);
            Acknowledgement::Owed { deadline }
        } else {
            Acknowledgement::None
        };
        if self.upper.incoming.is_full() {
            let old = self.upper.incoming.first_spare()?;
            let observer = self.upper.incoming.get(old)?.observing().observer;
            self.incoming_end(old);
            if let Some(observer) = observer {
                self.notification_again(observer, now);
            }
        }
        // A block is no request to be asked again.
        let whole = block1.is_none_or(|block| block.num == 0 && !block.more);
        let (registers, kept) = match whole {
            true => self.registration(incoming, resource),
            false => (false, None),
        };
        let blocks = Blocks {
            block1: MaybeBlock::new(block1),
            block2: MaybeBlock::new(block2),
            key: if BLOCK { request_key(message) } else { 0 },
            len: incoming.datagram.len() as u16,
            wants_size: message.first(OptionNumber::SIZE2).is_some(),
        };
        let observing = Observing {
            registers,
            kept,
            ..Observing::default()
        };
        let expires = now.after(self.message.lifetime_ms(message.kind()));
        let request = IncomingRequest::new(message, incoming.id, peer, acknowledgement, expires)
            .wanting(message, incoming.multicast)
            .with_blocks(blocks)
            .with_observing(observing)
            .protected_by(incoming.protected);
        let handle = self.upper.incoming.insert(request)?;
        if self.message.remember(incoming, Answer::Pending) {
            return Some(handle);
        }
        self.incoming_end(handle);
        None
    }

    /// Whether the request registers an observer, and then its message, kept for the notifications. Takes one
    /// that deregisters off the list.
    fn registration(
        &mut self,
        incoming: &Incoming<'_>,
        resource: &Resource,
    ) -> (bool, Option<crate::message::store::StoredMessage>) {
        let message = &incoming.message;
        let value = message.uint(OptionNumber::OBSERVE);
        if !OBSERVE || incoming.multicast || !message.code().is_safe() || value.is_none() {
            return (false, None);
        }
        if value == Some(observe::DEREGISTER)
            && let Some(observer) =
                self.observer_find(incoming.peer, message.token(), incoming.protected)
        {
            // RFC 7641 section 3.6
            self.observer_end(observer);
            self.message
                .end_owned(Owner::observer(observer), incoming.now);
        }
        if value != Some(observe::REGISTER) || !resource.has(OBSERVABLE) {
            return (false, None);
        }
        // The payload of a FETCH is part of what is asked for.
        let without_payload = HEADER_LEN + message.token().len() + message.option_bytes().len();
        let end = if message.code() == Code::FETCH {
            incoming.datagram.len()
        } else {
            without_payload
        };
        // Observers stay: the longest message fits beside them all.
        let parameters = &self.message.parameters();
        let room = parameters
            .message_store
            .saturating_sub(parameters.max_message) as usize;
        if room.checked_div(OBSERVERS).is_none_or(|most| end > most) {
            return (false, None);
        }
        let bytes = incoming.datagram.get(..end).unwrap_or_default();
        (true, self.message.keep(&mut self.upper, bytes))
    }

    pub(super) fn refuse_oversize(&mut self, incoming: &Incoming<'_>) {
        let message = &incoming.message;
        if incoming.role != Role::Request {
            self.message.reject(incoming);
        } else {
            self.message.count_dropped();
            // RFC 7252 section 5.9.2.9: with what is left for the payload beside this request's options.
            let around = HEADER_LEN + message.token().len() + message.option_bytes().len() + 1;
            let around = u32::try_from(around).unwrap_or(u32::MAX);
            let room = self.message.parameters().max_message.saturating_sub(around);
            // RFC 7959 section 2.9.3: in blocks of this size it may come.
            let hint = block::szx_within(room).filter(|_| BLOCK);
            let sent = block_option(message, OptionNumber::BLOCK1).ok().flatten();
            let refusal = Refusal {
                size1: Some(match hint {
                    Some(_) => self.message.parameters().max_body,
                    None => room,
                }),
                block1: hint.map(|szx| Block {
                    num: 0,
                    more: sent.is_none_or(|block| block.more),
                    szx,
                }),
                ..Refusal::with(Code::REQUEST_ENTITY_TOO_LARGE)
            };
            self.refuse(incoming, &refusal);
        }
    }
}
