// SPDX-License-Identifier: MIT
//! OSCORE, RFC 8613 section 8: between the message layer and all that is behind it. What comes in protected is uncovered
//! where the datagram is, what goes out is covered when it is otherwise finished.

use super::Endpoint;
use super::client::RequestError;
use super::receive::Received;
use super::respond::{Refusal, ReplyTo, Unverified};
use crate::config::{CONTEXTS, OSCORE};
use crate::echo::{EchoKey, Purpose};
use crate::handle::Handle;
use crate::message::deduplication::ReceivedId;
use crate::message::options_of;
use crate::message::peer::{PeerAddr, PeerId};
use crate::message::receive::{Incoming, Role};
use crate::message::store::StoredMessage;
use crate::oscore::context::{Request, SecurityContext};
use crate::oscore::contexts::ContextId;
use crate::oscore::option::OscoreOption;
use crate::oscore::piv::PartialIv;
use crate::oscore::protect::{self, Cover, OUTER};
use crate::oscore::{Binding, Protected};
use crate::time::Instant;
use crate::wire::code::Code;
use crate::wire::header::MessageId;
use crate::wire::message::MessageView;
use crate::wire::option::{OptionNumber, Options};

/// Why a message is not uncovered.
enum Unfit {
    /// It is answered so, without protection.
    Refused(Unverified),
    /// It is for a proxy.
    Proxied,
    /// It is ignored.
    Dropped,
    /// It is to be handled as it is.
    Plain,
}

/// What uncovers a message.
struct Uncovering {
    binding: Binding,
    /// The message's own Partial IV.
    piv: Option<PartialIv>,
    /// The exchange that it answers.
    exchange: Option<Handle>,
}

/// Whether a message has the OSCORE option.
pub(super) fn is_protected(datagram: &[u8]) -> bool {
    let found = options_of(datagram).find(|option| option.number >= OptionNumber::OSCORE);
    found.is_some_and(|option| option.number == OptionNumber::OSCORE)
}

impl<'m> Endpoint<'m> {
    /// Makes a security context known. `None`: no room.
    pub fn context_add(&mut self, context: &'m SecurityContext) -> Option<ContextId> {
        let known = self.contexts.name_of(context);
        if known.is_some() {
            return known;
        }
        if self.echo.is_set() {
            // RFC 8613 appendix B.1.2: an Echo value shows that a request came after the context was made, not before.
            self.echo = EchoKey::new(self.echo.derive(Purpose::Renewal));
        }
        self.contexts.add(context)
    }

    fn context_of(&self, binding: Binding) -> Option<&'m SecurityContext> {
        self.contexts.get(binding.context?)
    }

    /// Takes in a datagram with the OSCORE option.
    // Never inlined: what it keeps on the stack is no part of handling other messages.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn take_in_protected<'d>(
        &mut self,
        peer: &PeerAddr,
        datagram: &'d mut [u8],
        multicast: bool,
        now: Instant,
    ) -> Option<Received<'d>> {
        let (arrived, uncovering) = self.arrive(peer, datagram, multicast, now)?;
        let Some(uncovering) = uncovering else {
            let incoming = arrived.incoming(datagram, Protected::default())?;
            return self.dispatch(&incoming);
        };
        let (len, uncovering) = self.uncover(&arrived, uncovering, datagram)?;
        let datagram = datagram.get(..len).unwrap_or_default();
        let protected = Protected::new(uncovering.binding);
        let Some(incoming) = arrived.incoming(datagram, protected) else {
            self.message.count_dropped();
            return None;
        };
        if !self.admits(&incoming, &uncovering) {
            return None;
        }
        self.dispatch(&incoming)
    }

    /// What the message layer makes of a datagram, and how it is uncovered: not at all, if its option means nothing here.
    // Never inlined, as the next one: what it keeps on the stack is no part of what comes after it.
    #[cfg_attr(target_os = "none", inline(never))]
    fn arrive(
        &mut self,
        peer: &PeerAddr,
        datagram: &[u8],
        multicast: bool,
        now: Instant,
    ) -> Option<(Arrived, Option<Uncovering>)> {
        let received = self.receive(peer, datagram, multicast, now);
        let incoming = received.as_ref()?;
        let arrived = Arrived::of(incoming);
        match self.uncovering(incoming) {
            Ok(uncovering) => Some((arrived, Some(uncovering))),
            Err(Unfit::Plain) => Some((arrived, None)),
            Err(Unfit::Dropped) => {
                self.message.count_dropped();
                None
            }
            Err(Unfit::Refused(unverified)) => {
                self.refuse(incoming, &unverified.into());
                None
            }
            Err(Unfit::Proxied) => {
                self.refuse(incoming, &Refusal::with(Code::PROXYING_NOT_SUPPORTED));
                None
            }
        }
    }

    /// Uncovers a datagram, by one context or the next; gives its length then, and by which.
    #[cfg_attr(target_os = "none", inline(never))]
    fn uncover(
        &mut self,
        arrived: &Arrived,
        first: Uncovering,
        datagram: &mut [u8],
    ) -> Option<(usize, Uncovering)> {
        let mut next = Some(first);
        while let Some(uncovering) = next {
            if let Some(len) = self.uncovered(&uncovering, datagram) {
                return Some((len, uncovering));
            }
            next = self.next_uncovering(&uncovering, datagram);
        }
        let incoming = arrived.incoming(datagram, Protected::default())?;
        if incoming.role == Role::Request {
            self.refuse(&incoming, &Unverified::NotDecrypted.into());
        } else {
            // RFC 8613 section 8.4 step 8: as if it had not come. The true one may follow.
            self.message.count_dropped();
        }
        None
    }

    /// How a message is uncovered.
    fn uncovering(&self, incoming: &Incoming<'_>) -> Result<Uncovering, Unfit> {
        let is_request = incoming.role == Role::Request;
        let exchange = if is_request {
            None
        } else {
            self.exchange_answered(incoming)
        };
        let expected = exchange.and_then(|handle| self.upper.exchanges.get(handle));
        let expected = expected.map(|exchange| exchange.security().binding);
        let expected = expected.filter(|binding| binding.context.is_some());
        if !is_request && expected.is_none() {
            return Err(Unfit::Plain);
        }
        // RFC 8613 section 8.2 step 2: fails to decode.
        let malformed = || match is_request {
            true => Unfit::Refused(Unverified::Malformed),
            false => Unfit::Dropped,
        };
        let value = incoming.message.first_valid(OptionNumber::OSCORE);
        let option = value.and_then(OscoreOption::decode).ok_or_else(malformed)?;
        if let Some(binding) = expected {
            return Ok(Uncovering {
                binding,
                piv: option.piv,
                exchange,
            });
        }
        if incoming.multicast {
            return Err(Unfit::Dropped);
        }
        // RFC 8613 section 4.1.3.2: for a proxy, which this is not.
        for number in [OptionNumber::PROXY_URI, OptionNumber::PROXY_SCHEME] {
            if incoming.message.first(number).is_some() {
                return Err(Unfit::Proxied);
            }
        }
        let request = option.piv.filter(|_| option.kid.is_some());
        let request = request.ok_or_else(malformed)?;
        let next = self.contexts.named_by(&option, None);
        let unverified = next.map_or(Unverified::NoContext, |_| Unverified::Replay);
        let uncovering = self.uncovering_behind(&option, request, None);
        uncovering.ok_or(Unfit::Refused(unverified))
    }

    /// By the next context that a request may be for and is new to.
    fn uncovering_behind(
        &self,
        option: &OscoreOption<'_>,
        request: PartialIv,
        mut after: Option<ContextId>,
    ) -> Option<Uncovering> {
        loop {
            let (context, security) = self.contexts.named_by(option, after)?;
            after = Some(context);
            if security.is_new(request) {
                return Some(Uncovering {
                    binding: Binding {
                        context: after,
                        request,
                    },
                    piv: Some(request),
                    exchange: None,
                });
            }
        }
    }

    /// How else a message may be uncovered.
    fn next_uncovering(&self, tried: &Uncovering, datagram: &[u8]) -> Option<Uncovering> {
        let mut options = options_of(datagram).filter(|_| tried.exchange.is_none());
        let option = options.find(|option| option.number == OptionNumber::OSCORE)?;
        let option = OscoreOption::decode(option.value)?;
        self.uncovering_behind(&option, tried.binding.request, tried.binding.context)
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn uncovered(&self, uncovering: &Uncovering, datagram: &mut [u8]) -> Option<usize> {
        let context = self.context_of(uncovering.binding)?;
        let request = match uncovering.exchange {
            Some(_) => Request::Ours(uncovering.binding.request),
            None => Request::Theirs(uncovering.binding.request),
        };
        protect::uncover(
            datagram,
            &context.protection(false, request, uncovering.piv),
        )
    }

    /// Whether a message that was uncovered is to be handled: a request is fresh, a notification newer than those
    /// before it.
    #[cfg_attr(target_os = "none", inline(never))]
    fn admits(&mut self, incoming: &Incoming<'_>, uncovering: &Uncovering) -> bool {
        let code = incoming.message.code();
        let Some(context) = self.context_of(uncovering.binding) else {
            return false;
        };
        let Some(handle) = uncovering.exchange else {
            let request = uncovering.binding.request;
            context.received(request);
            if !code.is_request() {
                self.message.reject(incoming);
                return false;
            }
            return self.is_synchronized(context, incoming, request);
        };
        let observes = self.upper.observations.of(handle).is_some();
        let exchange = self.upper.exchanges.get_mut(handle);
        let accepted = code.is_response()
            && exchange.is_some_and(|exchange| {
                if incoming.message.first(OptionNumber::OBSERVE).is_none() {
                    return true;
                }
                // RFC 8613 section 8.4.2
                let mut security = exchange.security();
                let accepted = observes && security.accept(uncovering.piv);
                exchange.set_security(security);
                accepted
            });
        if !accepted {
            self.message.count_dropped();
        } else if let Some(observation) = self.upper.observations.of_mut(handle) {
            // Ordered by their Partial IVs, RFC 8613 section 4.1.3.5.2.
            observation.registered_anew();
        }
        accepted
    }

    /// RFC 8613 appendix B.1.2: after a restart, a request must show by an Echo value that it comes after it.
    fn is_synchronized(
        &mut self,
        context: &SecurityContext,
        incoming: &Incoming<'_>,
        request: PartialIv,
    ) -> bool {
        if context.is_synchronized() {
            return true;
        }
        let echo = incoming.message.first_valid(OptionNumber::ECHO);
        if echo.is_some_and(|echo| self.is_fresh(incoming, echo)) {
            context.synchronize(request);
            return true;
        }
        let refusal = self.challenge_of(incoming.peer, incoming.now);
        self.refuse(incoming, &refusal);
        false
    }

    /// Whether a request of ours is protected.
    pub(super) fn is_protected(&self, handle: Handle) -> bool {
        let exchange = self.upper.exchanges.get(handle);
        exchange.is_some_and(|exchange| exchange.security().binding.context.is_some())
    }

    /// Whether a response that is not protected is taken: only an error, RFC 8613 section 8.2, of a server that could not
    /// protect it.
    pub(super) fn admits_plain(&self, handle: Handle, incoming: &Incoming<'_>) -> bool {
        !self.is_unverified(handle, incoming) || !incoming.message.code().is_success()
    }

    /// Whether a response to a request that is protected is not.
    pub(super) fn is_unverified(&self, handle: Handle, incoming: &Incoming<'_>) -> bool {
        OSCORE && self.is_protected(handle) && incoming.protected.get().context.is_none()
    }

    /// The message that protects a request of ours. It is another one: the request's own may be needed again.
    // Never inlined: what it keeps on the stack is no part of sending other messages.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn cover_request(
        &mut self,
        handle: Handle,
        plain: StoredMessage,
    ) -> Result<StoredMessage, RequestError> {
        let exchange = self.upper.exchanges.get_mut(handle);
        let exchange = exchange.ok_or(RequestError::Stale)?;
        let context = exchange.security().binding.context;
        let context = context.and_then(|id| self.contexts.get(id));
        let context = context.ok_or(RequestError::Security)?;
        let piv = context.take_number().ok_or(RequestError::Security)?;
        exchange.protected_anew(piv);
        let message = MessageView::parse(self.message.bytes(plain)).ok();
        let message = message.ok_or(RequestError::Stale)?;
        if message.first(OptionNumber::PROXY_URI).is_some() {
            // It would have to be taken apart, RFC 8613 section 4.1.3.3; Proxy-Scheme does the same.
            return Err(RequestError::Security);
        }
        let (kind, token) = (message.kind(), *message.token());
        let protection = context.protection(true, Request::Ours(piv), Some(piv));
        let cover = Cover {
            protection: &protection,
            option: OscoreOption {
                piv: Some(piv),
                kid: Some(context.sender_id()),
                kid_context: context.id_context(),
            },
            code: message.code(),
            observe: message.uint(OptionNumber::OBSERVE),
        };
        let (message, upper) = (&mut self.message, &mut self.upper);
        let mut write = || {
            message.begin(upper, &token).then_some(())?;
            message.write_options_of(upper, plain, &OUTER).ok()?;
            message.write_payload_of(upper, plain).ok()?;
            message
                .rewrite(upper, Some(plain), |plain, draft, buffer| {
                    Ok(cover.put(options_of(plain), draft, buffer)?)
                })
                .ok()?;
            message.finish(upper, kind, cover.outer_code(), MessageId(0))
        };
        write().ok_or(RequestError::NoSlot)
    }

    /// Covers the response that was written; gives the code outside. `None`: no room, or it cannot be protected.
    #[cfg_attr(target_os = "none", inline(never))]
    pub(super) fn cover_response(&mut self, to: &ReplyTo, code: Code) -> Option<Code> {
        let binding = to.protected.get();
        if !OSCORE || binding.context.is_none() {
            return Some(code);
        }
        let context = self.context_of(binding)?;
        let own = match to.needs_piv || !context.is_synchronized() {
            true => Some(context.take_number()?),
            false => None,
        };
        let mut options = self.message.drafted_options();
        let observe = options
            .any(|option| option.number == OptionNumber::OBSERVE)
            .then(|| self.upper.next_sequence());
        let cover = Cover {
            protection: &context.protection(true, Request::Theirs(binding.request), own),
            option: OscoreOption {
                piv: own,
                ..OscoreOption::default()
            },
            code,
            observe,
        };
        let (message, upper) = (&mut self.message, &mut self.upper);
        message
            .rewrite(upper, None, |_, draft, buffer| {
                Ok(cover.put(Options::new(&[]), draft, buffer)?)
            })
            .ok()?;
        Some(cover.outer_code())
    }
}

/// Bytes that protection adds to a message at most.
pub(super) fn cover_len(context: Option<ContextId>) -> usize {
    match context {
        Some(_) if OSCORE => protect::COVER_MAX,
        _ => 0,
    }
}

/// What is known of a message that came, but its bytes.
struct Arrived {
    peer: PeerId,
    role: Role,
    id: ReceivedId,
    multicast: bool,
    now: Instant,
}

impl Arrived {
    fn of(incoming: &Incoming<'_>) -> Self {
        Self {
            peer: incoming.peer,
            role: incoming.role,
            id: incoming.id,
            multicast: incoming.multicast,
            now: incoming.now,
        }
    }

    /// The same with these bytes. `None`: they are no message.
    fn incoming<'d>(&self, datagram: &'d [u8], protected: Protected) -> Option<Incoming<'d>> {
        let message = MessageView::parse(datagram).ok()?;
        Some(Incoming {
            peer: self.peer,
            message: message.without_undefined_payload(),
            role: self.role,
            id: self.id,
            datagram,
            multicast: self.multicast,
            protected,
            now: self.now,
        })
    }
}

// A resource has a bit for each.
const _: () = assert!(CONTEXTS < 32);
