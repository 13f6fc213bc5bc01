// SPDX-License-Identifier: MIT
//! Responses to our requests: RFC 7252 section 5.3, RFC 7959 as a client, RFC 7641 section 3.

use super::Endpoint;
use super::client::Remake;
use super::receive::{Event, Piece};
use super::upper::unrecognized_critical;
use crate::block::transfer::{ETag, Progress};
use crate::config::{BLOCK, KEEP_REQUESTS, OBSERVE};
use crate::exchange::outgoing::{Exchange, Failure, Kind};
use crate::handle::Handle;
use crate::message::peer::PeerId;
use crate::message::receive::{Incoming, Role};
use crate::message::transmission::Owner;
use crate::time::{Instant, LONGEST};
use crate::wire::block::Block;
use crate::wire::code::Code;
use crate::wire::header::{MessageType, Token};
use crate::wire::message::MessageView;
use crate::wire::option::OptionNumber;

/// RFC 7252 section 5.10.5: the default of Max-Age, seconds.
const MAX_AGE_DEFAULT: u32 = 60;

/// Whether nothing of the response must be understood that is not.
fn is_understood(exchange: &Exchange, message: &MessageView<'_>) -> bool {
    unrecognized_critical(message, exchange.understood()).is_none()
}

impl Endpoint<'_> {
    /// An ACK of an exchange's message.
    pub(super) fn exchange_acknowledged(
        &mut self,
        handle: Handle,
        incoming: &Incoming<'_>,
        piece: &mut Piece,
    ) -> Option<Event> {
        let (code, now) = (incoming.message.code(), incoming.now);
        let exchange = self.upper.exchanges.get_mut(handle)?;
        if exchange.kind() == Kind::Ping {
            // RFC 7252 section 4.3 has an RST here, but an ACK comes from a peer that lives, too.
            self.exchange_end(handle, now);
            return Some(Event::Pong(handle));
        }
        if code.is_response() {
            return self.handle_piggybacked(handle, incoming, piece);
        }
        let is_awaited = exchange.kind() == Kind::Confirmable && exchange.is_sending();
        if !code.is_empty() || !is_awaited {
            self.message.reject(incoming);
            return None;
        }
        let deadline = now.after(self.message.parameters().exchange_lifetime_ms());
        exchange.acknowledged(incoming.id.id, deadline);
        self.message.accept(incoming);
        None
    }

    /// A response in an ACK, RFC 7252 section 5.2.1; also of a server that answers a non-confirmable request so, or
    /// that has sent an Empty ACK before.
    fn handle_piggybacked(
        &mut self,
        handle: Handle,
        incoming: &Incoming<'_>,
        piece: &mut Piece,
    ) -> Option<Event> {
        let message = &incoming.message;
        // RFC 7252 section 5.3.2: message id, token and peer must match; section 5.4.1: a response with an
        // unrecognized critical option is rejected, which for an ACK is ignoring it.
        let exchange = self.upper.exchanges.get(handle)?;
        if exchange.token() != *message.token() || !is_understood(exchange, message) {
            self.message.reject(incoming);
            return None;
        }
        if !self.admits_plain(handle, incoming) {
            self.message.count_dropped();
            return None;
        }
        if let Some(observation) = self.upper.observations.of_mut(handle) {
            observation.registered_anew();
        }
        self.message.accept(incoming);
        self.conclude(handle, incoming, piece)
    }

    /// A response in a message of its own, RFC 7252 sections 5.2.2 and 5.2.3.
    pub(super) fn handle_separate(
        &mut self,
        incoming: &Incoming<'_>,
        piece: &mut Piece,
    ) -> Option<Event> {
        let (message, now) = (&incoming.message, incoming.now);
        let Some(handle) = self.match_separate(incoming.peer, message) else {
            // RFC 7641 section 3.6: a notification that nobody asked for is rejected, also if it is NON.
            if message.kind() == MessageType::NonConfirmable
                && OBSERVE
                && message.first(OptionNumber::OBSERVE).is_some()
            {
                self.message.send_reset(incoming);
            }
            self.message.reject(incoming);
            return None;
        };
        if !self.admits_plain(handle, incoming) {
            self.message.count_dropped();
            return None;
        }
        self.message.accept(incoming);
        // RFC 7252 section 5.2.2: the response also acknowledges the request, if its ACK was lost.
        self.message.end_owned(Owner::exchange(handle), now);
        self.conclude(handle, incoming, piece)
    }

    /// The exchange that a response says it answers.
    pub(super) fn exchange_answered(&self, incoming: &Incoming<'_>) -> Option<Handle> {
        let token = incoming.message.token();
        let Role::Acknowledgement(owner) = incoming.role else {
            return self.match_token(incoming.peer, token);
        };
        let handle = owner.and_then(Owner::as_exchange)?;
        let exchange = self.upper.exchanges.get(handle)?;
        (exchange.token() == *token).then_some(handle)
    }

    fn match_separate(&self, peer: PeerId, message: &MessageView<'_>) -> Option<Handle> {
        let handle = self.match_token(peer, message.token())?;
        is_understood(self.upper.exchanges.get(handle)?, message).then_some(handle)
    }

    fn match_token(&self, peer: PeerId, token: &Token) -> Option<Handle> {
        let was_sent = |handle| {
            // What has not been sent cannot have been answered; a notification answers what was sent before.
            self.upper.observations.is_registered(handle)
                || self.message.was_sent(Owner::exchange(handle)) == Some(true)
        };
        self.upper.exchanges.match_token(peer, token, was_sent)
    }

    /// What the response to an exchange's request means. It has been acknowledged.
    fn conclude(
        &mut self,
        handle: Handle,
        incoming: &Incoming<'_>,
        piece: &mut Piece,
    ) -> Option<Event> {
        let (message, now) = (&incoming.message, incoming.now);
        let is_unverified = self.is_unverified(handle, incoming);
        let exchange = self.upper.exchanges.get_mut(handle)?;
        if exchange.is_forgotten() {
            self.exchange_end(handle, now);
            return None;
        }
        let root = exchange.root();
        if exchange.kind() == Kind::Multicast {
            // Others may answer, too. The rest of a response is for the application to ask for.
            // No answer prolongs the wait.
            if exchange.is_sending() {
                exchange.sent(now.after(self.message.parameters().non_lifetime_ms()));
            }
            return Some(Event::Notification(handle));
        }
        if !KEEP_REQUESTS {
            self.exchange_end(handle, now);
            return Some(Event::Response(handle));
        }
        // What anyone can have sent must not have the request protected anew, and run again.
        if !is_unverified && self.answer_challenge(handle, message, now) {
            return None;
        }
        if BLOCK
            && !is_unverified
            && let Some(event) = self.continue_upload(handle, message, piece)
        {
            return Some(event);
        }
        // RFC 7959 section 2.9.1: 2.31 is not the outcome, unless the application sees to the blocks itself.
        if message.code() == Code::CONTINUE
            && let Some(transfer) = self.upper.transfers.of(handle)
            && transfer.is_upload()
        {
            self.exchange_fail(handle, Failure::Blocks, now);
            return None;
        }
        if let Some(root) = root {
            return self.conclude_fetch(handle, root, message, piece, now);
        }
        if OBSERVE && self.upper.observations.of(handle).is_some() {
            if message.code().is_success()
                && let Some(number) = message.uint(OptionNumber::OBSERVE)
            {
                return self.take_notification(handle, number, message, piece, now);
            }
            // RFC 7641 section 3.1: the server does not observe the resource for us, or not any more.
            if self.upper.observations.is_registered(handle) {
                // What came of a notification is no part of this response.
                self.upper.transfers.end(handle);
            }
            self.upper.observations.end(handle);
            self.fetch_end(handle, now);
        }
        match self.take_block(handle, message, piece) {
            Err(failure) => {
                self.exchange_fail(handle, failure, now);
                None
            }
            Ok(Progress::Whole | Progress::Last) => {
                self.exchange_end(handle, now);
                Some(Event::Response(handle))
            }
            Ok(Progress::More) => self.pause(handle, Event::Block(handle)),
            Ok(Progress::Restart) => self.pause(handle, Event::Restart(handle)),
        }
    }

    /// A response to the exchange that fetches the rest of a notification, RFC 7959 section 2.6.
    fn conclude_fetch(
        &mut self,
        handle: Handle,
        root: Handle,
        message: &MessageView<'_>,
        piece: &mut Piece,
        now: Instant,
    ) -> Option<Event> {
        match self.take_block(root, message, piece) {
            Ok(Progress::More) => self.pause(handle, Event::Block(root)),
            Ok(Progress::Restart) => self.pause(handle, Event::Restart(root)),
            Ok(Progress::Last) => {
                self.fetch_end(root, now);
                Some(Event::Notification(root))
            }
            Ok(Progress::Whole) => {
                self.exchange_fail(handle, Failure::Blocks, now);
                None
            }
            Err(failure) => {
                self.exchange_fail(handle, failure, now);
                None
            }
        }
    }

    /// Leaves the next message to the application.
    fn pause(&mut self, handle: Handle, event: Event) -> Option<Event> {
        self.upper.exchanges.get_mut(handle)?.pause();
        Some(event)
    }

    /// A response with an Observe option, RFC 7641 section 3.
    fn take_notification(
        &mut self,
        handle: Handle,
        number: u32,
        message: &MessageView<'_>,
        piece: &mut Piece,
        now: Instant,
    ) -> Option<Event> {
        if !self.upper.observations.of_mut(handle)?.accept(number, now) {
            self.message.count_dropped();
            if !self.upper.exchanges.get(handle)?.is_observing() {
                // It has ended the transmission of the registration, but is no answer to it.
                self.register_soon(handle, now);
            }
            return None;
        }
        // RFC 7641 section 3.3.1: fresh for Max-Age; registered again 5 to 15 seconds later.
        let max_age = message.uint(OptionNumber::MAX_AGE);
        let fresh_ms = max_age.unwrap_or(MAX_AGE_DEFAULT).saturating_mul(1000);
        self.observe_until(handle, fresh_ms.min(LONGEST / 2), now);
        // RFC 7959 section 3.4: what is left of an older state is not fetched any more.
        self.fetch_end(handle, now);
        self.upper.transfers.end(handle);
        match self.take_block(handle, message, piece) {
            Ok(Progress::Whole) => Some(Event::Notification(handle)),
            Ok(Progress::More) => Some(Event::Block(handle)),
            _ => {
                // The state cannot be had from this one: it is asked for anew.
                self.upper.transfers.end(handle);
                self.register_soon(handle, now);
                self.message.count_dropped();
                None
            }
        }
    }

    /// Waits for notifications, and registers again some time after `fresh_ms`.
    pub(super) fn observe_until(&mut self, handle: Handle, fresh_ms: u32, now: Instant) {
        // RFC 7641 section 3.3.1: a random delay of 5 to 15 seconds.
        let delay = 5000 + self.message.random_up_to(10_000);
        if let Some(exchange) = self.upper.exchanges.get_mut(handle) {
            exchange.observe(now.after(fresh_ms.saturating_add(delay)));
        }
    }

    /// The peer takes our body block by block, RFC 7959 section 2.5: the event if it wants more of it.
    fn continue_upload(
        &mut self,
        handle: Handle,
        message: &MessageView<'_>,
        piece: &mut Piece,
    ) -> Option<Event> {
        let block = message.first(OptionNumber::BLOCK1).and_then(Block::decode);
        let (block, transfers) = (block?, &mut self.upper.transfers);
        let exchange = self.upper.exchanges.get(handle)?;
        if exchange.leaves(OptionNumber::BLOCK1) {
            return None;
        }
        piece.offset = if message.code() == Code::REQUEST_ENTITY_TOO_LARGE {
            exchange.is_divisible().then_some(())?;
            transfers.upload_smaller(handle, block)?
        } else {
            message.code().is_success().then_some(())?;
            transfers.of(handle)?.uploaded(block)?
        };
        self.pause(handle, Event::Wanted(handle))
    }

    /// What the Block2 option of a response means to the body that comes with the exchange `root`, RFC 7959
    /// section 2.4.
    fn take_block(
        &mut self,
        root: Handle,
        message: &MessageView<'_>,
        piece: &mut Piece,
    ) -> Result<Progress, Failure> {
        let first = message.first(OptionNumber::BLOCK2);
        if !BLOCK || !message.code().is_success() {
            return Ok(Progress::Whole);
        }
        let exchange = self.upper.exchanges.get(root);
        if exchange.is_some_and(|exchange| exchange.leaves(OptionNumber::BLOCK2)) {
            return Ok(Progress::Whole);
        }
        let received = self.upper.transfers.received(root);
        let block = match first.map(Block::decode) {
            None if received == 0 => return Ok(Progress::Whole),
            None | Some(None) => return Err(Failure::Blocks),
            Some(Some(block)) => block,
        };
        let len = message.payload().len() as u32;
        if block.offset() != received
            || block.more && len != block.size()
            || !block.more && len > block.size()
        {
            return Err(Failure::Blocks);
        }
        if block.num == 0 && !block.more {
            return Ok(Progress::Whole);
        }
        let request = exchange.and_then(Exchange::request);
        let request = request.and_then(|r| MessageView::parse(self.message.bytes(r)).ok());
        // What has effects, or a payload, cannot be begun anew with what is left of it.
        let may_restart = request.is_some_and(|request| request.code() == Code::GET);
        let etag = ETag::new(message.first(OptionNumber::ETAG).unwrap_or_default());
        let transfer = self.upper.transfers.get_or_add(root);
        let progress = transfer
            .ok_or(Failure::NoRoom)?
            .take(block, len, etag, may_restart)
            .ok_or(Failure::Changed)?;
        if !matches!(progress, Progress::Restart) {
            piece.offset = received;
        }
        Ok(progress)
    }

    /// RFC 9175 section 2.3: repeats a request with the Echo value that the server asks for. False: it does
    /// not ask, or not for the first time.
    fn answer_challenge(
        &mut self,
        handle: Handle,
        message: &MessageView<'_>,
        now: Instant,
    ) -> bool {
        let Some(echo) = message.first_valid(OptionNumber::ECHO) else {
            return false;
        };
        if message.code() != Code::UNAUTHORIZED {
            return false;
        }
        let Some(exchange) = self.upper.exchanges.get_mut(handle) else {
            return false;
        };
        if !exchange.set_echoed() {
            return false;
        }
        let remake = Remake {
            echo: Some(echo),
            ..Remake::again(exchange.token())
        };
        self.send_next(handle, &remake, now).is_ok()
    }
}
