// SPDX-License-Identifier: MIT
//! Notifications, RFC 7641 section 4: the handler of an observed resource is asked for its state as if the
//! observer had sent its request again, and the answer goes out as a notification.

use super::Endpoint;
use crate::block::body::request_key;
use crate::config::OBSERVE;
use crate::exchange::incoming::{Acknowledgement, Blocks, IncomingRequest, MaybeBlock, Observing};
use crate::handle::Handle;
use crate::message::deduplication::ReceivedId;
use crate::message::peer::{PeerAddr, PeerId};
use crate::message::token_of;
use crate::message::transmission::{Backoff, Owner};
use crate::observe::observer::{NON_INTERVAL_MS, Observer, State};
use crate::resource::{NON_CONFIRMABLE, Resource};
use crate::time::Instant;
use crate::when::When;
use crate::wire::block::Block;
use crate::wire::code::Code;
use crate::wire::header::{MessageId, Token};
use crate::wire::message::MessageView;
use crate::wire::option::{OptionNumber, Options};
use crate::wire::uint;

/// An observer is to be told the state of a resource.
#[derive(Debug)]
pub struct Notification<'a> {
    /// To be answered as a request.
    pub request: Handle,
    /// The number that the resource was added with.
    pub resource: u32,
    /// Who observes.
    pub peer: &'a PeerAddr,
    /// The request to observe.
    pub message: MessageView<'a>,
}

impl Endpoint<'_> {
    /// Says that the state of a resource has changed: its observers are to be told. `number`: that it was
    /// added with.
    pub fn notify(&mut self, number: u32) {
        self.notify_where(|resource| resource.is_some_and(|r| r.number == number));
    }

    /// Says that resources were added or are gone: observers of those that are gone are to be told.
    pub fn resources_changed(&mut self) {
        self.notify_where(|resource| resource.is_none());
    }

    fn notify_where(&mut self, fits: impl Fn(Option<Resource>) -> bool) {
        for (handle, observer) in self.upper.observers.iter_mut() {
            let request = MessageView::parse(self.message.bytes(observer.request));
            let resource = request.ok().and_then(|r| self.resources.find(r.options()));
            if !fits(resource) {
                continue;
            }
            observer.pending = true;
            if observer.state == State::Unacknowledged {
                self.message.supersede(Owner::observer(handle));
            }
        }
        // What the handler of a registration says may be older.
        for (_, request) in self.upper.incoming.iter_mut() {
            let observing = request.observing.get();
            let kept = observing.kept.map(|kept| self.message.bytes(kept));
            let kept = kept.and_then(|kept| MessageView::parse(kept).ok());
            if kept.is_some_and(|kept| fits(self.resources.find(kept.options()))) {
                request.observing.set(Observing {
                    changed: true,
                    ..observing
                });
            }
        }
    }

    /// The next observer to be told. Call until `None`.
    pub fn poll_notification(&mut self, now: Instant) -> Option<Notification<'_>> {
        if !OBSERVE {
            return None;
        }
        self.settle();
        let (request, observer, resource) = self.prepare_notification(now)?;
        Some(Notification {
            request,
            resource: resource.number,
            peer: self.message.address(observer.peer)?,
            message: MessageView::parse(self.message.bytes(observer.request)).ok()?,
        })
    }

    fn prepare_notification(&mut self, now: Instant) -> Option<(Handle, Observer, Resource)> {
        while !self.upper.incoming.is_full()
            && let Some(handle) = self.upper.observers.first_due(now)
        {
            let observer = self.upper.observers.get_mut(handle)?;
            let backoff = match observer.state {
                State::Superseding(backoff) => backoff,
                _ => Backoff::default(),
            };
            observer.prepare(now);
            let observer = *observer;
            let message = MessageView::parse(self.message.bytes(observer.request)).ok()?;
            let pending = pending_request(&observer, &message, now);
            let Some(resource) = self.resources.find(message.options()) else {
                self.notification_final(handle, &pending, Code::NOT_FOUND, now);
                continue;
            };
            let entry = self.upper.observers.get_mut(handle)?;
            entry.quiet_until = now.after(resource.interval_ms);
            entry.backoff = backoff;
            let request = self.upper.incoming.insert(IncomingRequest {
                observing: When::new(Observing {
                    observer: Some(handle),
                    may_be_non: resource.has(NON_CONFIRMABLE),
                    ..Observing::default()
                }),
                ..pending
            })?;
            return Some((request, observer, resource));
        }
        None
    }

    /// When `poll_notification` has one to give.
    pub(super) fn next_notification(&self) -> Option<Instant> {
        if !OBSERVE || self.upper.incoming.is_full() {
            return None;
        }
        self.upper.observers.next_timeout()
    }

    /// RFC 7641 section 4.1: whether a response with Observe is to be sent: a notification, or the answer to
    /// a registration for which there is room.
    pub(super) fn may_say_observed(&self, request: &IncomingRequest) -> bool {
        let observing = request.observing.get();
        observing.observer.is_some()
            || observing.registers
                && observing.kept.is_some()
                && (self.upper.observers.has_room(request.peer)
                    || self.observer_find(request.peer, &request.token).is_some())
    }

    /// RFC 7641 section 4.1: an observer is known by its address and token.
    pub(super) fn observer_find(&self, peer: PeerId, token: &Token) -> Option<Handle> {
        self.upper.observers.find(|observer| {
            observer.peer == peer
                && token_of(self.message.bytes(observer.request)) == token.as_slice()
        })
    }

    /// Adds the sender of a request to the observers, or renews its entry. False: no room.
    pub(super) fn observer_begin(
        &mut self,
        request: &IncomingRequest,
        content_format: Option<Option<u16>>,
        now: Instant,
    ) -> bool {
        let Some(kept) = request.observing.get().kept else {
            return false;
        };
        if let Some(old) = self.observer_find(request.peer, &request.token) {
            self.observer_end(old);
            self.message.end_owned(Owner::observer(old), now);
        }
        let observer = Observer {
            pending: request.observing.get().changed,
            ..Observer::new(request.peer, kept, content_format, now)
        };
        self.upper.observers.insert(observer).is_some()
    }

    /// Takes an observer off the list.
    pub(super) fn observer_end(&mut self, handle: Handle) {
        if let Some(observer) = self.upper.observers.get(handle) {
            let request = observer.request;
            self.upper.observers.remove(handle);
            self.message.free(request);
        }
    }

    /// Sends what a handler has said as a notification.
    #[inline(never)]
    pub(super) fn notification_send(
        &mut self,
        request: &IncomingRequest,
        code: Code,
        now: Instant,
    ) -> Option<()> {
        let observing = request.observing.get();
        let handle = observing.observer?;
        let Some(observer) = self.upper.observers.get_mut(handle) else {
            return Some(()); // it has deregistered in the meantime
        };
        // RFC 7641 section 4.2: one Content-Format for all; after any other response no more notifications.
        let format = format_of(self.message.drafted_options());
        let has_content = code.is_success() && code != Code::VALID;
        if has_content && observer.content_format.is_some_and(|known| known != format) {
            self.notification_final(handle, request, Code::NOT_ACCEPTABLE, now);
            return Some(());
        }
        if has_content {
            observer.content_format = Some(format);
        }
        let backoff = observer.backoff;
        let (peer, message) = (request.peer, &mut self.message);
        if !code.is_success() {
            let upper = &mut self.upper;
            message.send_con(upper, peer, code, None, Backoff::default(), now)?;
            self.observer_end(handle);
            return Some(());
        }
        // RFC 7641 section 4.5.2: what takes the place of a confirmable notification is confirmable.
        let supersedes = backoff != Backoff::default();
        if observing.may_be_non && !supersedes && !observer.must_confirm(now) {
            let id = message.send_non(&mut self.upper, peer, code, now)?;
            let observer = self.upper.observers.get_mut(handle)?;
            let quiet = now.after(NON_INTERVAL_MS);
            if observer.quiet_until.is_before(quiet) {
                observer.quiet_until = quiet;
            }
            observer.unconfirmed += 1;
            observer.state = State::Idle;
            observer.last_id = Some(id);
            return Some(());
        }
        let owner = Owner::observer(handle);
        let id = message.send_con(&mut self.upper, peer, code, Some(owner), backoff, now)?;
        let observer = self.upper.observers.get_mut(handle)?;
        observer.state = State::Unacknowledged;
        observer.unconfirmed = 0;
        observer.confirmed = now;
        observer.last_id = id;
        let superseded = observer.pending;
        if superseded {
            self.message.supersede(owner);
        }
        Some(())
    }

    /// Sends a notification without Observe, the last one.
    fn notification_final(
        &mut self,
        handle: Handle,
        request: &IncomingRequest,
        code: Code,
        now: Instant,
    ) {
        let (message, upper) = (&mut self.message, &mut self.upper);
        if message.begin(upper, &request.token) {
            let _: Option<Option<MessageId>> =
                message.send_con(upper, request.peer, code, None, Backoff::default(), now);
        }
        self.observer_end(handle);
    }

    /// Asks for a notification that came to nothing once more, later.
    pub(super) fn notification_again(&mut self, handle: Handle, now: Instant) {
        if let Some(observer) = self.upper.observers.get_mut(handle) {
            observer.state = match observer.backoff {
                backoff if backoff == Backoff::default() => State::Idle,
                backoff => State::Superseding(backoff),
            };
            observer.pending = true;
            observer.quiet_until = now.after(RETRY_MS);
        }
    }

    /// The handler has not said anything.
    pub(super) fn notification_given_up(&mut self, handle: Handle) {
        if let Some(observer) = self.upper.observers.get_mut(handle)
            && observer.state == State::Preparing
        {
            observer.state = State::Idle;
        }
    }

    /// The observer has acknowledged a notification.
    pub(super) fn notification_acknowledged(&mut self, handle: Handle) {
        if let Some(observer) = self.upper.observers.get_mut(handle) {
            observer.state = State::Idle;
        }
    }

    /// A notification has come to the end of a timeout.
    pub(super) fn notification_expired(&mut self, handle: Handle, superseded: Option<Backoff>) {
        match (self.upper.observers.get_mut(handle), superseded) {
            // RFC 7641 section 4.5.2: the newer state takes the place of the older.
            (Some(observer), Some(backoff)) => observer.state = State::Superseding(backoff),
            // RFC 7641 section 4.5: a client that does not acknowledge is not interested any more.
            (Some(_), None) => self.observer_end(handle),
            (None, _) => {}
        }
    }
}

/// How long a notification waits for room, milliseconds.
const RETRY_MS: u32 = 1000;

/// The request that a notification answers.
fn pending_request(
    observer: &Observer,
    message: &MessageView<'_>,
    now: Instant,
) -> IncomingRequest {
    let block2 = message.first(OptionNumber::BLOCK2).and_then(Block::decode);
    IncomingRequest {
        peer: observer.peer,
        id: ReceivedId::of(message),
        token: *message.token(),
        acknowledgement: Acknowledgement::Notification,
        released: false,
        failed: false,
        expires: now.after(crate::time::LONGEST / 2),
        method: message.code(),
        accept: None, // the first response has met it, and the format stays
        blocks: When::new(Blocks {
            // RFC 7959 section 3.4: in blocks of the size that the observer has asked for.
            block2: MaybeBlock::new(block2.filter(|block| block.num == 0)),
            key: request_key(message),
            ..Blocks::default()
        }),
        observing: When::default(),
        multicast: false,
        no_response: 0,
    }
}

/// The Content-Format among a message's options.
pub(super) fn format_of(mut options: Options<'_>) -> Option<u16> {
    let option = options.find(|o| o.number == OptionNumber::CONTENT_FORMAT)?;
    uint::decode(option.value).and_then(|format| u16::try_from(format).ok())
}
