// SPDX-License-Identifier: MIT
//! Notifications, RFC 7641 section 4: the handler of an observed resource is asked for its state as if the
//! observer had sent its request again, and the answer goes out as a notification.

use super::Endpoint;
use super::respond::ReplyTo;
use super::upper::Upper;
use crate::block::body::request_key;
use crate::config::OBSERVE;
use crate::exchange::incoming::{Acknowledgement, Blocks, IncomingRequest, MaybeBlock, Observing};
use crate::handle::{Handle, OfPeer};
use crate::message::deduplication::ReceivedId;
use crate::message::peer::{PeerAddr, PeerId};
use crate::message::transmission::{Backoff, Owner};
use crate::message::{MessageLayer, token_of};
use crate::observe::observer::Observer;
use crate::oscore::Protected;
use crate::oscore::contexts::ContextId;
use crate::resource::{NON_CONFIRMABLE, Resource};
use crate::time::Instant;
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
    /// What has protected it.
    pub security: Option<ContextId>,
}

impl Endpoint<'_> {
    /// Says that the state of a resource has changed: its observers are to be told. `number`: that it alone was
    /// added with.
    pub fn notify(&mut self, number: u32) {
        let Some(resource) = self.resources.numbered(number) else {
            return;
        };
        notify_where(&mut self.message, &mut self.upper, |options| {
            resource.is_named_by(options)
        });
    }

    /// Says that resources were added or are gone: observers of those that are gone are to be told.
    pub fn resources_changed(&mut self) {
        let resources = &self.resources;
        notify_where(&mut self.message, &mut self.upper, |options| {
            resources.find(options).is_none()
        });
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
            peer: self.message.address(observer.peer())?,
            message: MessageView::parse(self.message.bytes(observer.request())).ok()?,
            security: observer.protected().get().context,
        })
    }

    fn prepare_notification(&mut self, now: Instant) -> Option<(Handle, Observer, Resource)> {
        while !self.upper.incoming.is_full()
            && let Some(handle) = self.upper.observers.take_due(now)
        {
            let observer = *self.upper.observers.get(handle)?;
            let message = MessageView::parse(self.message.bytes(observer.request())).ok()?;
            let pending = pending_request(&observer, &message, now);
            let Some(resource) = self.resources.find(message.options()) else {
                self.notification_final(handle, &pending, Code::NOT_FOUND, now);
                continue;
            };
            if let Err(code) = resource.admits(observer.protected()) {
                // It was registered before the resource was protected, or is from a state that was saved before.
                self.notification_final(handle, &pending, code, now);
                continue;
            }
            let observers = &mut self.upper.observers;
            observers.change(handle, |o| o.prepare(resource.interval_ms, now))?;
            let pending = pending.with_observing(Observing {
                observer: Some(handle),
                may_be_non: resource.has(NON_CONFIRMABLE),
                ..Observing::default()
            });
            let request = self.upper.incoming.insert(pending)?;
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
        let observing = request.observing();
        observing.observer.is_some()
            || observing.registers
                && observing.kept.is_some()
                && (self.upper.observers.has_room(request.peer())
                    || self
                        .observer_find(request.peer(), request.token(), request.protected())
                        .is_some())
    }

    /// RFC 7641 section 4.1: an observer is known by its address and token; RFC 8613 section 4.1.3.5: what is not protected
    /// so has nothing to do with it.
    pub(super) fn observer_find(
        &self,
        peer: PeerId,
        token: &Token,
        protected: Protected,
    ) -> Option<Handle> {
        let context = protected.get().context;
        self.upper.observers.find(|observer| {
            observer.peer() == peer
                && observer.protected().get().context == context
                && token_of(self.message.bytes(observer.request())) == token.as_slice()
        })
    }

    /// Adds the sender of a request to the observers, or renews its entry. False: no room.
    pub(super) fn observer_begin(
        &mut self,
        request: &IncomingRequest,
        content_format: Option<Option<u16>>,
        now: Instant,
    ) -> bool {
        let Some(kept) = request.observing().kept else {
            return false;
        };
        let (peer, token, protected) = (request.peer(), request.token(), request.protected());
        if let Some(old) = self.observer_find(peer, token, protected) {
            self.observer_end(old);
            self.message.end_owned(Owner::observer(old), now);
        }
        let observer = Observer::new(request.peer(), kept, content_format, now);
        let observer = observer
            .owed(request.observing().changed)
            .protected_by(protected);
        self.upper.observers.insert(observer).is_some()
    }

    /// Takes an observer off the list.
    pub(super) fn observer_end(&mut self, handle: Handle) {
        if let Some(observer) = self.upper.observers.get(handle) {
            let request = observer.request();
            self.upper.observers.remove(handle);
            self.message.free(request);
        }
    }

    /// Sends what a handler has said as a notification.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn notification_send(
        &mut self,
        request: &IncomingRequest,
        code: Code,
        now: Instant,
    ) -> Option<()> {
        let observing = request.observing();
        let handle = observing.observer?;
        // RFC 7641 section 4.2: one Content-Format for all; after any other response no more notifications.
        let format = format_of(self.message.drafted_options());
        let has_content = code.is_success() && code != Code::VALID;
        let admits = |observer: &mut Observer| (!has_content || observer.admits(format), *observer);
        let Some((admitted, observer)) = self.upper.observers.change(handle, admits) else {
            return Some(()); // it has deregistered in the meantime
        };
        if !admitted {
            self.notification_final(handle, request, Code::NOT_ACCEPTABLE, now);
            return Some(());
        }
        let to = ReplyTo::of(request);
        let is_success = code.is_success();
        let code = self.cover_response(&to, code)?;
        let backoff = observer.backoff();
        let (peer, message) = (request.peer(), &mut self.message);
        if !is_success {
            let upper = &mut self.upper;
            message.send_con(upper, peer, code, None, Backoff::default(), now)?;
            self.observer_end(handle);
            return Some(());
        }
        // RFC 7641 section 4.5.2: what takes the place of a confirmable notification is confirmable.
        let supersedes = backoff != Backoff::default();
        if observing.may_be_non && !supersedes && !observer.must_confirm(now) {
            let id = message.send_non(&mut self.upper, peer, code, now)?;
            let observers = &mut self.upper.observers;
            observers.change(handle, |o| o.sent_non(id, now))?;
            return Some(());
        }
        let owner = Owner::observer(handle);
        let id = message.send_con(&mut self.upper, peer, code, Some(owner), backoff, now)?;
        let observers = &mut self.upper.observers;
        if observers.change(handle, |o| o.sent_con(id, now))? {
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
        let is_begun = self.message.begin(&mut self.upper, request.token());
        if is_begun && let Some(code) = self.cover_response(&ReplyTo::of(request), code) {
            let (message, upper) = (&mut self.message, &mut self.upper);
            let _: Option<Option<MessageId>> =
                message.send_con(upper, request.peer(), code, None, Backoff::default(), now);
        }
        self.observer_end(handle);
    }

    /// Asks for a notification that came to nothing once more, later.
    pub(super) fn notification_again(&mut self, handle: Handle, now: Instant) {
        self.upper.observers.change(handle, |o| o.retry(now));
    }

    /// The handler has not said anything.
    pub(super) fn notification_given_up(&mut self, handle: Handle) {
        self.upper.observers.change(handle, |o| o.give_up());
    }

    /// The observer has acknowledged a notification.
    pub(super) fn notification_acknowledged(&mut self, handle: Handle) {
        self.upper.observers.change(handle, |o| o.acknowledged());
    }

    /// A notification has come to the end of a timeout.
    pub(super) fn notification_expired(&mut self, handle: Handle, superseded: Option<Backoff>) {
        match superseded {
            Some(backoff) => {
                self.upper
                    .observers
                    .change(handle, |o| o.superseded(backoff));
            }
            // RFC 7641 section 4.5: a client that does not acknowledge is not interested any more.
            None => self.observer_end(handle),
        }
    }
}

/// Marks the observers whose request names a resource that fits.
fn notify_where(
    message: &mut MessageLayer<'_>,
    upper: &mut Upper,
    fits: impl Fn(Options<'_>) -> bool,
) {
    let names = |bytes: &[u8]| MessageView::parse(bytes).is_ok_and(|m| fits(m.options()));
    for (handle, observer) in upper.observers.iter_mut() {
        if names(message.bytes(observer.request())) && observer.change() {
            message.supersede(Owner::observer(handle));
        }
    }
    // What the handler of a registration says may be older.
    for (_, request) in upper.incoming.iter_mut() {
        let kept = request.observing().kept;
        if kept.is_some_and(|kept| names(message.bytes(kept))) {
            request.state_changed();
        }
    }
}

/// The request that a notification answers.
fn pending_request(
    observer: &Observer,
    message: &MessageView<'_>,
    now: Instant,
) -> IncomingRequest {
    let block2 = message.first(OptionNumber::BLOCK2).and_then(Block::decode);
    let blocks = Blocks {
        // RFC 7959 section 3.4: in blocks of the size that the observer has asked for.
        block2: MaybeBlock::new(block2.filter(|block| block.num == 0)),
        key: request_key(message),
        ..Blocks::default()
    };
    let (id, peer) = (ReceivedId::of(message), observer.peer());
    let expires = now.after(crate::time::LONGEST / 2);
    IncomingRequest::new(message, id, peer, Acknowledgement::Notification, expires)
        .with_blocks(blocks)
        .protected_by(observer.protected())
}

/// The Content-Format among a message's options.
pub(super) fn format_of(mut options: Options<'_>) -> Option<u16> {
    let option = options.find(|o| o.number == OptionNumber::CONTENT_FORMAT)?;
    uint::decode(option.value).and_then(|format| u16::try_from(format).ok())
}
