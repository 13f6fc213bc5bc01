// SPDX-License-Identifier: MIT
//! One datagram in.

use super::draft::Refusal;
use super::{Ended, Endpoint};
use crate::exchange::incoming::{Acknowledgement, Request};
use crate::exchange::outgoing::{Failure, Kind, State};
use crate::handle::Handle;
use crate::message::deduplication::Answer;
use crate::message::peer::{PeerAddr, PeerId};
use crate::message::transmission::{Owner, State as TransmissionState};
use crate::time::Instant;
use crate::wire::code::Code;
use crate::wire::header::{HEADER_LEN, MessageId, MessageType};
use crate::wire::message::{MessageView, ParseError};
use crate::wire::option::OptionNumber;

/// What a datagram means to the application.
#[derive(Debug)]
pub enum Received<'d> {
    /// Nothing: handled, or ignored.
    Nothing,
    /// A request to be answered with `response_begin`, or released.
    Request {
        /// Names the request until it is answered.
        request: Handle,
        /// The number that the resource was added with.
        resource: u32,
        /// The request.
        message: MessageView<'d>,
    },
    /// The response to a request of ours; the exchange has ended.
    Response {
        /// The exchange; its handle is stale by now.
        exchange: Handle,
        /// The response.
        message: MessageView<'d>,
    },
    /// The answer to a ping; the exchange has ended.
    Pong {
        /// The exchange; its handle is stale by now.
        exchange: Handle,
        /// The RST.
        message: MessageView<'d>,
    },
    /// The peer rejected a request of ours.
    Reset(Ended),
}

/// Critical options that are understood in a request: RFC 7252 section 5.10. Those of a response are
/// all elective.
fn is_recognized_in_request(number: OptionNumber) -> bool {
    matches!(
        number,
        OptionNumber::IF_MATCH
            | OptionNumber::URI_HOST
            | OptionNumber::IF_NONE_MATCH
            | OptionNumber::URI_PORT
            | OptionNumber::URI_PATH
            | OptionNumber::URI_QUERY
            | OptionNumber::ACCEPT
            | OptionNumber::PROXY_URI
            | OptionNumber::PROXY_SCHEME
    )
}

impl Endpoint<'_> {
    fn count_malformed(&mut self) {
        self.message.counters.malformed = self.message.counters.malformed.wrapping_add(1);
    }

    /// Takes one datagram in. At most one thing comes of it for the application; whatever is to be
    /// sent waits for `poll_transmit`.
    ///
    /// A datagram that was cut off by a receive buffer must be given with more than `max_message`
    /// bytes, so that it is not mistaken for a whole one.
    pub fn handle_datagram<'d>(
        &mut self,
        peer: &PeerAddr,
        datagram: &'d [u8],
        now: Instant,
    ) -> Received<'d> {
        self.discard_draft();
        self.message.settle();
        self.message.expire(now);
        self.message.counters.received = self.message.counters.received.wrapping_add(1);
        if let Some(id) = self.message.peers.find(peer) {
            self.message.peers.heard(id);
        }
        let message = match MessageView::parse(datagram) {
            Ok(message) => message,
            Err(ParseError::Format { kind, id }) => {
                self.count_malformed();
                self.reject(peer, kind, id);
                return Received::Nothing;
            }
            Err(ParseError::TooShort | ParseError::Version) => {
                self.count_malformed();
                return Received::Nothing;
            }
        };
        if datagram.len() > self.message.parameters.max_message as usize {
            return self.refuse_oversize(peer, &message, now);
        }
        self.dispatch(peer, message, now)
    }

    fn dispatch<'d>(
        &mut self,
        peer: &PeerAddr,
        message: MessageView<'d>,
        now: Instant,
    ) -> Received<'d> {
        use MessageType::{Acknowledgement, Confirmable, NonConfirmable, Reset};
        let (kind, code) = (message.kind(), message.code());
        match kind {
            Acknowledgement if code.is_empty() => self.handle_empty_ack(peer, &message, now),
            Reset if code.is_empty() => return self.handle_reset(peer, message, now),
            Acknowledgement if code.is_response() => {
                return self.handle_piggybacked(peer, message, now);
            }
            Confirmable | NonConfirmable if code.is_request() => {
                return self.handle_request(peer, message, now);
            }
            Confirmable | NonConfirmable if code.is_response() => {
                return self.handle_separate(peer, message, now);
            }
            // RFC 7252 section 4.2 and 4.3: Empty CON (a ping), Empty NON, reserved classes, and ACK or RST
            // with a code that they cannot carry.
            _ => {
                if !(kind == Confirmable && code.is_empty()) {
                    self.message.count_dropped();
                }
                self.reject(peer, kind, message.id());
            }
        }
        Received::Nothing
    }

    /// RFC 7252 section 4.2: rejecting a CON is sending RST; section 4.3: rejecting anything else is
    /// ignoring it.
    fn reject(&mut self, peer: &PeerAddr, kind: MessageType, id: MessageId) {
        if kind != MessageType::Confirmable {
            return;
        }
        match self.intern(peer) {
            Some(peer) => self.message.send_empty(peer, MessageType::Reset, id),
            None => self.message.count_dropped(),
        }
    }

    fn refuse_oversize<'d>(
        &mut self,
        peer: &PeerAddr,
        message: &MessageView<'d>,
        now: Instant,
    ) -> Received<'d> {
        self.message.count_dropped();
        if !message.code().is_request() {
            self.reject(peer, message.kind(), message.id());
        } else if matches!(
            message.kind(),
            MessageType::Confirmable | MessageType::NonConfirmable
        ) {
            // RFC 7252 section 5.9.2.9: with what is left for the payload beside this request's options.
            let around = HEADER_LEN + message.token().len() + message.option_bytes().len() + 1;
            let around = u32::try_from(around).unwrap_or(u32::MAX);
            let refusal = Refusal {
                size1: Some(self.message.parameters.max_message.saturating_sub(around)),
                ..Refusal::with(Code::REQUEST_ENTITY_TOO_LARGE)
            };
            self.refuse(peer, message, refusal, now);
        }
        Received::Nothing
    }

    fn handle_empty_ack(&mut self, peer: &PeerAddr, message: &MessageView<'_>, now: Instant) {
        let id = message.id();
        let Some((peer, owner)) = self.find_sent(peer, id) else {
            return self.message.count_dropped();
        };
        let deadline = now.after(self.message.parameters.exchange_lifetime_ms());
        if let Owner::Exchange(handle) = owner
            && let Some(exchange) = self.exchanges.get_mut(handle)
        {
            // RFC 7252 section 4.3: a ping is answered with RST, an ACK says nothing.
            if exchange.kind == Kind::Ping {
                return self.message.count_dropped();
            }
            exchange.id = Some(id);
            exchange.state = State::Acknowledged { deadline };
        }
        self.message.end_sent(peer, id, now);
    }

    /// The confirmable message that an ACK with this id is about.
    fn find_sent(&self, peer: &PeerAddr, id: MessageId) -> Option<(PeerId, Owner)> {
        let peer = self.message.peers.find(peer)?;
        let transmission = self.message.sent(peer, id).filter(|t| t.confirmable)?;
        Some((peer, transmission.owner))
    }

    fn handle_reset<'d>(
        &mut self,
        peer: &PeerAddr,
        message: MessageView<'d>,
        now: Instant,
    ) -> Received<'d> {
        let found = self.message.peers.find(peer).and_then(|peer| {
            let owner = match self.message.sent(peer, message.id()) {
                Some(transmission) => transmission.owner,
                None => Owner::Exchange(self.exchanges.match_id(peer, message.id())?),
            };
            Some((peer, owner))
        });
        let Some((peer, owner)) = found else {
            self.message.count_dropped();
            return Received::Nothing;
        };
        self.message.end_sent(peer, message.id(), now);
        let Owner::Exchange(handle) = owner else {
            self.count_reset();
            return Received::Nothing;
        };
        let Some(mut exchange) = self.exchanges.remove(handle) else {
            return Received::Nothing;
        };
        if exchange.kind == Kind::Ping {
            return Received::Pong {
                exchange: handle,
                message,
            };
        }
        self.count_reset();
        exchange.id = Some(message.id());
        exchange.state = State::Failed(Failure::Reset);
        self.ended(handle, &exchange)
            .map_or(Received::Nothing, Received::Reset)
    }

    fn count_reset(&mut self) {
        self.message.counters.resets = self.message.counters.resets.wrapping_add(1);
    }

    /// A response in an ACK, RFC 7252 section 5.2.1.
    fn handle_piggybacked<'d>(
        &mut self,
        peer: &PeerAddr,
        message: MessageView<'d>,
        now: Instant,
    ) -> Received<'d> {
        // RFC 7252 section 5.3.2: message id, token and peer must match; section 5.4.1: a response with an
        // unrecognized critical option is rejected, which for an ACK is ignoring it.
        if let Some((peer, Owner::Exchange(handle))) = self.find_sent(peer, message.id())
            && let Some(exchange) = self.exchanges.get(handle)
            && exchange.kind == Kind::Confirmable
            && exchange.token == message.token()
            && message.unrecognized_critical(|_| false).is_none()
        {
            self.message.end_sent(peer, message.id(), now);
            self.exchanges.remove(handle);
            return Received::Response {
                exchange: handle,
                message,
            };
        }
        self.message.count_dropped();
        Received::Nothing
    }

    /// A response in a message of its own, RFC 7252 sections 5.2.2 and 5.2.3.
    fn handle_separate<'d>(
        &mut self,
        address: &PeerAddr,
        message: MessageView<'d>,
        now: Instant,
    ) -> Received<'d> {
        let peer = self.message.peers.find(address);
        if let Some(peer) = peer
            && self.repeat_answer(peer, &message, now)
        {
            return Received::Nothing;
        }
        let matched = peer.and_then(|peer| Some((peer, self.match_separate(peer, &message)?)));
        let Some((peer, handle)) = matched else {
            self.message.count_dropped();
            self.reject(address, message.kind(), message.id());
            return Received::Nothing;
        };
        // Without room in the table a repetition would be rejected instead of acknowledged: no harm is done.
        let parameters = &self.message.parameters;
        if message.kind() == MessageType::Confirmable {
            let lifetime = parameters.exchange_lifetime_ms();
            let answer = Answer::Empty(MessageType::Acknowledgement);
            self.message
                .remember(peer, message.id(), lifetime, answer, now);
            self.message
                .send_empty(peer, MessageType::Acknowledgement, message.id());
        } else {
            let lifetime = parameters.non_lifetime_ms();
            self.message
                .remember(peer, message.id(), lifetime, Answer::Silence, now);
        }
        // RFC 7252 section 5.2.2: the response also acknowledges the request, if its ACK was lost.
        self.message.end_owned(handle, now);
        self.exchanges.remove(handle);
        Received::Response {
            exchange: handle,
            message,
        }
    }

    fn match_separate(&self, peer: PeerId, message: &MessageView<'_>) -> Option<Handle> {
        let transmissions = &self.message.transmissions;
        let was_sent = |handle| {
            let index = transmissions.position_owned(handle);
            // What has not been sent cannot have been answered.
            index
                .and_then(|index| transmissions.get(index))
                .is_some_and(|t| t.state != TransmissionState::Waiting)
        };
        let handle = self
            .exchanges
            .match_token(peer, message.token(), was_sent)?;
        message
            .unrecognized_critical(|_| false)
            .is_none()
            .then_some(handle)
    }

    /// Answers a message that was received before. False: it is new.
    fn repeat_answer(&mut self, peer: PeerId, message: &MessageView<'_>, now: Instant) -> bool {
        let id = message.id();
        let Some(answer) = self.message.deduplication.find(peer, id, now) else {
            return false;
        };
        self.message.counters.duplicates = self.message.counters.duplicates.wrapping_add(1);
        // RFC 7252 section 4.3: a NON is never acknowledged, not even one that reuses the id of a CON.
        match answer {
            _ if message.kind() != MessageType::Confirmable => {}
            Answer::Message(message) => self.message.send_again(peer, message),
            Answer::Empty(kind) => self.message.send_empty(peer, kind, id),
            Answer::Pending | Answer::Silence => {}
        }
        true
    }

    fn handle_request<'d>(
        &mut self,
        address: &PeerAddr,
        message: MessageView<'d>,
        now: Instant,
    ) -> Received<'d> {
        if let Some(peer) = self.message.peers.find(address)
            && self.repeat_answer(peer, &message, now)
        {
            return Received::Nothing;
        }
        if let Some(number) = message.unrecognized_critical(is_recognized_in_request) {
            self.refuse_option(address, &message, number, now);
            return Received::Nothing;
        }
        let resource = match self.route(&message) {
            Ok(resource) => resource,
            Err(code) => {
                self.refuse(address, &message, Refusal::with(code), now);
                return Received::Nothing;
            }
        };
        match self.accept(address, &message, now) {
            Some(request) => Received::Request {
                request,
                resource,
                message,
            },
            None => {
                self.message.count_dropped();
                if message.kind() == MessageType::Confirmable {
                    self.refuse_overload(address, &message, now);
                }
                Received::Nothing
            }
        }
    }

    /// Refused is refused: a repetition gets the same answer, even if there is room by then.
    fn refuse_overload(&mut self, address: &PeerAddr, message: &MessageView<'_>, now: Instant) {
        if let Some(peer) = self.intern(address) {
            let lifetime = self.message.parameters.exchange_lifetime_ms();
            self.message
                .remember(peer, message.id(), lifetime, Answer::Silence, now);
        }
        let refusal = Refusal::with(Code::SERVICE_UNAVAILABLE);
        self.refuse(address, message, refusal, now);
    }

    /// The resource that takes the request, or the code that refuses it.
    fn route(&self, message: &MessageView<'_>) -> Result<u32, Code> {
        // RFC 7252 section 5.10.2: no forward proxy here.
        if message.first(OptionNumber::PROXY_URI).is_some()
            || message.first(OptionNumber::PROXY_SCHEME).is_some()
        {
            return Err(Code::PROXYING_NOT_SUPPORTED);
        }
        let resource = self.resources.find(message.options());
        match resource {
            Some(resource) if resource.allows(message.code()) => Ok(resource.number),
            // RFC 7252 section 5.8: an unrecognized or unsupported method.
            Some(_) => Err(Code::METHOD_NOT_ALLOWED),
            None if message.code().0 > Code::IPATCH.0 => Err(Code::METHOD_NOT_ALLOWED),
            None => Err(Code::NOT_FOUND),
        }
    }

    /// Notes a request that goes to a handler. `None`: no room.
    fn accept(
        &mut self,
        address: &PeerAddr,
        message: &MessageView<'_>,
        now: Instant,
    ) -> Option<Handle> {
        let peer = self.intern(address)?;
        let parameters = &self.message.parameters;
        let (lifetime, acknowledgement) = if message.kind() == MessageType::Confirmable {
            // Half of ACK_TIMEOUT: in time for the peer not to retransmit, as far as the network allows.
            let deadline = now.after(parameters.ack_timeout_ms / 2);
            (
                parameters.exchange_lifetime_ms(),
                Acknowledgement::Owed { deadline },
            )
        } else {
            (parameters.non_lifetime_ms(), Acknowledgement::None)
        };
        let request = Request {
            peer,
            id: message.id(),
            token: message.token(),
            acknowledgement,
            released: false,
            expires: now.after(lifetime),
        };
        let handle = self.requests.insert(request).ok()?;
        if self
            .message
            .remember(peer, message.id(), lifetime, Answer::Pending, now)
        {
            return Some(handle);
        }
        self.requests.remove(handle);
        None
    }

    fn refuse(
        &mut self,
        address: &PeerAddr,
        message: &MessageView<'_>,
        refusal: Refusal<'_>,
        now: Instant,
    ) {
        match self.intern(address) {
            Some(peer) => {
                let request = (message.kind(), message.id(), message.token());
                self.answer_stateless(peer, request, refusal, now);
            }
            None => self.message.count_dropped(),
        }
    }

    /// RFC 7252 section 5.4.1: 4.02 with a diagnostic to a CON request; a NON is rejected.
    fn refuse_option(
        &mut self,
        address: &PeerAddr,
        message: &MessageView<'_>,
        number: OptionNumber,
        now: Instant,
    ) {
        if message.kind() != MessageType::Confirmable {
            self.message.count_dropped();
            return;
        }
        let mut text = *b"Option ?????";
        let mut rest = number.0;
        let mut digits = 0;
        for place in text.iter_mut().skip(7).rev() {
            *place = b'0' + (rest % 10) as u8;
            digits += usize::from(rest != 0);
            rest /= 10;
        }
        // The number without its leading zeros, behind "Option ".
        text.copy_within(12 - digits.clamp(1, 5).., 7);
        let diagnostic = text.get(..7 + digits.clamp(1, 5)).unwrap_or_default();
        let refusal = Refusal {
            diagnostic,
            ..Refusal::with(Code::BAD_OPTION)
        };
        self.refuse(address, message, refusal, now);
    }
}
