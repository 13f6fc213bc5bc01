// SPDX-License-Identifier: MIT
//! Requests of ours that wait for their response.

use crate::config::{EXCHANGES, KEEP_REQUESTS, OSCORE, Parameters, UNDERSTOOD_IN_RESPONSES};
use crate::handle::{Handle, OfPeer, Table};
use crate::message::peer::PeerId;
use crate::message::store::StoredMessage;
use crate::oscore::Binding;
use crate::oscore::contexts::ContextId;
use crate::oscore::piv::PartialIv;
use crate::time::{Instant, earliest};
use crate::when::When;
use crate::wire::header::{MessageId, MessageType, Token};
use crate::wire::option::{OptionNumber, Understood, is_among};

/// What was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A confirmable request.
    Confirmable,
    /// A non-confirmable request.
    NonConfirmable,
    /// An Empty confirmable message, RFC 7252 section 4.3: its RST is the answer.
    Ping,
    /// A non-confirmable request to a group, RFC 7252 section 8: any peer may answer it, any number of
    /// times, until its limit.
    Multicast,
}

impl Kind {
    /// How the request is sent.
    #[must_use]
    pub fn message_type(self) -> MessageType {
        match self {
            Self::Confirmable | Self::Ping => MessageType::Confirmable,
            Self::NonConfirmable | Self::Multicast => MessageType::NonConfirmable,
        }
    }
}

/// How an exchange ended without a response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// No ACK, or no response, in time.
    Timeout,
    /// The peer sent RST.
    Reset,
    /// The blocks of a body do not fit together: gaps, wrong sizes, RFC 7959.
    Blocks,
    /// The representation changed between its blocks, RFC 7959 section 2.4.
    Changed,
    /// A table is full, or the message store.
    NoRoom,
    /// No failure: there was no response, as the request had asked (RFC 7967), or the time of a request to
    /// a group is over.
    Silent,
}

/// Where an exchange stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// The message layer has it: it waits for its turn, or for its ACK.
    Sending,
    /// A confirmable request was acknowledged with an Empty ACK: a separate response will come.
    Acknowledged {
        /// When the wait is over.
        deadline: Instant,
    },
    /// A non-confirmable request was sent; its response may come.
    Unanswered {
        /// When the wait is over.
        deadline: Instant,
    },
    /// Between two messages: the application is to ask for the next block, or to give it.
    Paused,
    /// Registered as an observer, RFC 7641: waits for notifications.
    Observing {
        /// When it registers again.
        deadline: Instant,
    },
    /// Over, and not reported yet.
    Failed(Failure),
}

/// What the next message of an exchange is made from, and whose it is.
#[derive(Clone, Copy, Debug, Default)]
struct Source {
    /// The message of the request, while others may have to be made from it.
    request: Option<StoredMessage>,
    /// The exchange that the application knows, if this one fetches a part of its response.
    root: Option<Handle>,
    /// The request has been repeated with the server's Echo value, RFC 9175 section 2.3.
    echoed: bool,
    /// The program can give the request's body part by part.
    divisible: bool,
}

/// What protects a request and its responses, RFC 8613 section 7.
#[derive(Clone, Copy, Debug, Default)]
pub struct Security {
    /// The context, and the Partial IV of the last message.
    pub binding: Binding,
    /// The response without a Partial IV has come: there is one at most.
    answered: bool,
    /// The largest Partial IV of its responses, if there was any: the Notification Number.
    latest: Option<PartialIv>,
}

impl Security {
    /// Takes a notification's Partial IV in. False: it, or one after it, came before, RFC 8613 section 7.4.1.
    pub fn accept(&mut self, piv: Option<PartialIv>) -> bool {
        let newer = match piv {
            Some(_) => piv > self.latest,
            None => !self.answered && self.latest.is_none(),
        };
        if newer {
            self.answered |= piv.is_none();
            self.latest = piv.or(self.latest);
        }
        newer
    }
}

/// A request and the response it waits for.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// Where to.
    peer: PeerId,
    /// RFC 7252 section 5.3.1.
    token: Token,
    /// The message id of the request; `None` until it has one.
    id: Option<MessageId>,
    /// What was asked.
    kind: Kind,
    /// Where it stands.
    state: State,
    /// What its next message is made from.
    source: When<{ KEEP_REQUESTS as usize }, Source>,
    /// What protects it.
    security: When<{ OSCORE as usize }, Security>,
    /// When it ends, whatever happens, if it is `limited`.
    limit: Instant,
    /// See `limit`.
    limited: bool,
    /// The application has cancelled it: only the peer is still to be told.
    forgotten: bool,
    /// The No-Response option of the request, RFC 7967; 0: none.
    no_response: u8,
    /// What the program deals with itself in the response.
    understood: Understood<UNDERSTOOD_IN_RESPONSES>,
}

/// A token in use: RFC 7252 section 5.3.1 wants those towards one peer to be unique.
#[derive(Clone, Copy, Debug)]
pub struct TokenUse {
    peer: PeerId,
    token: Token,
    kind: Kind,
}

/// RFC 7967 section 2.1: no response of any class is wanted.
const NO_RESPONSE_AT_ALL: u8 = 2 | 8 | 16;

/// All exchanges: one more than may be live, so that one end that is not reported yet does not stand in the way.
pub type Exchanges = Table<Exchange, { EXCHANGES + 1 }>;

impl OfPeer for Exchange {
    fn peer(&self) -> PeerId {
        self.peer
    }
}

impl Exchanges {
    /// Whether the application may name it: it is there, and was not cancelled.
    #[must_use]
    pub fn is_known(&self, handle: Handle) -> bool {
        self.get(handle).is_some_and(|e| !e.forgotten)
    }

    /// The exchange that a separate response with this token from this peer answers.
    ///
    /// RFC 7252 section 5.3.2: token and peer must match. Callers may choose equal tokens; then one that
    /// is no longer with the message layer goes first, and one that `was_sent` denies cannot be meant.
    #[must_use]
    pub fn match_token(
        &self,
        peer: PeerId,
        token: &Token,
        was_sent: impl Fn(Handle) -> bool,
    ) -> Option<Handle> {
        let mut with_message_layer = None;
        for (handle, e) in self.iter() {
            let from_it = e.peer == peer || e.kind == Kind::Multicast;
            if !from_it || e.token != *token || e.kind == Kind::Ping || !e.is_live() {
                continue;
            }
            if e.state != State::Sending {
                return Some(handle);
            }
            if with_message_layer.is_none() && was_sent(handle) {
                with_message_layer = Some(handle);
            }
        }
        with_message_layer
    }

    /// The exchanges, oldest first, whose responses could be taken for one another's.
    pub fn using(&self, token: TokenUse) -> impl Iterator<Item = (Handle, &Exchange)> {
        self.iter().filter(move |(_, e)| {
            let is_group = token.kind == Kind::Multicast || e.kind == Kind::Multicast;
            let is_ping = token.kind == Kind::Ping || e.kind == Kind::Ping;
            e.token == token.token && (is_group || e.peer == token.peer) && !is_ping
        })
    }

    /// The exchange whose request had this message id and is no longer with the message layer: what an
    /// RST that is about no transmission can be about.
    #[must_use]
    pub fn match_id(&self, peer: PeerId, id: MessageId) -> Option<Handle> {
        let fits = |e: &Exchange| {
            // What is still with the message layer and no transmission of it has not been sent; what was
            // answered cannot be rejected any more.
            let waits = matches!(
                e.state,
                State::Acknowledged { .. } | State::Unanswered { .. }
            );
            e.peer == peer && e.id == Some(id) && waits
        };
        self.find(fits)
    }

    /// The oldest non-confirmable request that was sent, to that peer or to any, of those that may go: whose response
    /// is not on its way any more.
    #[must_use]
    pub fn first_unanswered(
        &self,
        to: Option<PeerId>,
        parameters: &Parameters,
        now: Instant,
        may_go: impl Fn(Handle) -> bool,
    ) -> Option<Handle> {
        self.earliest(|handle, e| match e.state {
            State::Unanswered { deadline } if to.is_none_or(|to| to == e.peer) => {
                let is_overdue = overdue_in_ms(parameters, deadline.remaining(now)) == 0;
                (is_overdue && may_go(handle)).then_some(deadline)
            }
            _ => None,
        })
    }

    /// One exchange that is over and not reported yet.
    #[must_use]
    pub fn first_failed(&self) -> Option<Handle> {
        self.find(|e| !e.is_live())
    }

    /// One exchange whose wait is over at `now`.
    #[must_use]
    pub fn first_over(&self, now: Instant) -> Option<Handle> {
        let is_over = |e: &Exchange| e.ends_at().is_some_and(|end| end.is_due(now));
        self.find(is_over)
    }

    /// Takes the message of a non-confirmable request that has been sent, which is kept only in case that
    /// the response comes in blocks.
    pub fn take_spare_request(
        &mut self,
        is_spare: impl Fn(Handle) -> bool,
    ) -> Option<StoredMessage> {
        let spare = |(handle, e): &(Handle, &Exchange)| {
            matches!(e.state, State::Unanswered { .. })
                && e.source.get().request.is_some()
                && is_spare(*handle)
        };
        let (handle, _) = self.iter().find(spare)?;
        self.get_mut(handle)?.take_request()
    }

    /// An observation that is to register again at `now`.
    #[must_use]
    pub fn first_stale(&self, now: Instant) -> Option<Handle> {
        let stale =
            |e: &Exchange| matches!(e.state, State::Observing { deadline } if deadline.is_due(now));
        self.find(stale)
    }

    /// The exchange that fetches a part of the response for this one.
    #[must_use]
    pub fn child(&self, root: Handle) -> Option<Handle> {
        self.find(|e| e.source.get().root == Some(root))
    }

    /// When `first_over` or `first_stale` has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.iter().fold(None, |next, (_, exchange)| {
            let again = match exchange.state {
                State::Observing { deadline } => Some(deadline),
                _ => exchange.ends_at(),
            };
            earliest(next, again)
        })
    }

    /// Whether one has had its Empty ACK and waits for a separate response.
    #[must_use]
    pub fn awaits_separate(&self) -> bool {
        self.iter()
            .any(|(_, e)| matches!(e.state, State::Acknowledged { .. }))
    }

    /// Exchanges, with that peer or with any, that are not over.
    #[must_use]
    pub fn live(&self, with: Option<PeerId>) -> usize {
        let fits = |e: &Exchange| e.is_live() && with.is_none_or(|with| with == e.peer);
        self.iter().filter(|(_, e)| fits(e)).count()
    }
}

/// When the response to a non-confirmable request has been waited for as long as the first ACK of a confirmable one, if
/// the whole wait, NON_LIFETIME, is over in `rest_ms`; milliseconds from now.
fn overdue_in_ms(parameters: &Parameters, rest_ms: u32) -> u32 {
    let patience = parameters.ack_timeout_max_ms();
    let rest = rest_ms.saturating_add(patience);
    let overdue_in = rest.saturating_sub(parameters.non_lifetime_ms());
    overdue_in.min(rest_ms)
}

impl Exchange {
    /// A request that is to be sent.
    #[must_use]
    pub fn new(kind: Kind, peer: PeerId, token: Token, now: Instant) -> Self {
        Self {
            peer,
            token,
            id: None,
            kind,
            state: State::Sending,
            source: When::default(),
            security: When::default(),
            limit: now,
            limited: false,
            forgotten: false,
            no_response: 0,
            understood: Understood::default(),
        }
    }

    /// The same, with what the program says of the response: the No-Response option, and what it deals with itself.
    #[must_use]
    pub fn wanting(self, no_response: u8, understood: Understood<UNDERSTOOD_IN_RESPONSES>) -> Self {
        Self {
            no_response,
            understood,
            ..self
        }
    }

    /// The same, with the message that its next ones are made from; a ping has no next one. `divisible`: the program
    /// can give the request's body part by part.
    #[must_use]
    pub fn made_from(self, request: StoredMessage, divisible: bool) -> Self {
        Self {
            source: When::new(Source {
                request: (self.kind != Kind::Ping).then_some(request),
                divisible,
                ..Source::default()
            }),
            ..self
        }
    }

    /// An exchange that fetches a part of the response for this one, `root`, with a token and a message of its own.
    #[must_use]
    pub fn fetch(self, root: Handle, token: Token, request: StoredMessage) -> Self {
        Self {
            token,
            state: State::Paused,
            source: When::new(Source {
                request: Some(request),
                root: Some(root),
                ..Source::default()
            }),
            ..self
        }
    }

    /// The same, protected by this context.
    #[must_use]
    pub fn protected_by(self, context: Option<ContextId>) -> Self {
        let mut protected = self;
        protected.security.set(Security {
            binding: Binding {
                context,
                ..Binding::default()
            },
            ..Security::default()
        });
        protected
    }

    /// What protects it.
    #[must_use]
    pub fn security(&self) -> Security {
        self.security.get()
    }

    /// Notes what has become of what protects it.
    pub fn set_security(&mut self, security: Security) {
        self.security.set(security);
    }

    /// A message with this Partial IV is on its way, and only its responses count.
    pub fn protected_anew(&mut self, request: PartialIv) {
        let context = self.security().binding.context;
        self.set_security(Security {
            binding: Binding { context, request },
            ..Security::default()
        });
    }

    /// What was asked.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// RFC 7252 section 5.3.1.
    #[must_use]
    pub fn token(&self) -> Token {
        self.token
    }

    /// The message id of the request; `None` until it has one.
    #[must_use]
    pub fn id(&self) -> Option<MessageId> {
        self.id
    }

    /// The numbers of the options that the program deals with itself in the response.
    #[must_use]
    pub fn understood(&self) -> &[u16] {
        self.understood.numbers()
    }

    /// Whether the program deals with an option itself: with one of the two about blocks, it sees to the blocks.
    #[must_use]
    pub fn leaves(&self, number: OptionNumber) -> bool {
        is_among(number, self.understood.numbers())
    }

    /// Gives it another token.
    pub fn set_token(&mut self, token: Token) {
        self.token = token;
    }

    /// Notes the message id of the request.
    pub fn set_id(&mut self, id: Option<MessageId>) {
        self.id = id;
    }

    /// A message of it goes to the message layer.
    pub fn send(&mut self) {
        self.state = State::Sending;
    }

    /// Whether the message layer has its message.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        self.state == State::Sending
    }

    /// The next message is for the application to ask for, or is being made. Gives where it stood.
    pub fn pause(&mut self) -> State {
        core::mem::replace(&mut self.state, State::Paused)
    }

    /// There is no next message: it goes on where it stood.
    pub fn unpause(&mut self, state: State) {
        self.state = state;
    }

    /// Whether it waits for the application.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.state == State::Paused
    }

    /// A non-confirmable request has been sent; its response may come until then.
    pub fn sent(&mut self, deadline: Instant) {
        self.state = State::Unanswered { deadline };
    }

    /// A datagram with its first message goes out: a non-confirmable request that wants no response is over, RFC 7967.
    pub fn transmitted(&mut self) {
        if self.kind == Kind::NonConfirmable && self.wants_no_response() {
            self.state = State::Failed(Failure::Silent);
        }
    }

    /// An Empty ACK has come: the response may come until `deadline`.
    pub fn acknowledged(&mut self, id: MessageId, deadline: Instant) {
        self.id = Some(id);
        self.state = if self.wants_no_response() {
            State::Failed(Failure::Silent)
        } else {
            State::Acknowledged { deadline }
        };
    }

    /// Waits for notifications, and registers again at `deadline`.
    pub fn observe(&mut self, deadline: Instant) {
        self.limited = false;
        self.clear_echoed();
        self.state = State::Observing { deadline };
    }

    /// Whether it waits for notifications.
    #[must_use]
    pub fn is_observing(&self) -> bool {
        matches!(self.state, State::Observing { .. })
    }

    /// It came to nothing. No response at all is no failure where none may be wanted, once the request has arrived.
    pub fn fail(&mut self, failure: Failure) {
        // A confirmable request is acknowledged, whatever response is wanted.
        let unacknowledged = self.kind == Kind::Confirmable && self.is_sending();
        let silent = failure == Failure::Timeout
            && (self.no_response != 0 && !unacknowledged || self.kind == Kind::Multicast);
        self.state = State::Failed(if silent { Failure::Silent } else { failure });
    }

    /// How it ended without a response, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        match self.state {
            State::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// The application has cancelled it: only the peer is still to be told.
    pub fn forget(&mut self) {
        self.forgotten = true;
    }

    /// See [`Exchange::forget`].
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        self.forgotten
    }

    /// It ends then, whatever happens.
    pub fn end_at(&mut self, limit: Instant) {
        (self.limit, self.limited) = (limit, true);
    }

    /// It ends then at the latest.
    pub fn end_by(&mut self, limit: Instant) {
        if !(self.limited && self.limit.is_before(limit)) {
            self.end_at(limit);
        }
    }

    /// When a non-confirmable request is to have ended that keeps another one from its token: it is not waited for
    /// longer than a confirmable one waits for its first ACK. `None`: not before it is over.
    #[must_use]
    pub fn yields_token_at(&self, parameters: &Parameters, now: Instant) -> Option<Instant> {
        let wait_ms = match self.state {
            _ if self.kind != Kind::NonConfirmable => return None,
            State::Sending => parameters.ack_timeout_max_ms(),
            State::Unanswered { deadline } => overdue_in_ms(parameters, deadline.remaining(now)),
            _ => return None,
        };
        Some(now.after(wait_ms))
    }

    /// Whether the program can give the request's body part by part.
    #[must_use]
    pub fn is_divisible(&self) -> bool {
        self.source.get().divisible
    }

    /// Its token, and for what.
    #[must_use]
    pub fn token_use(&self) -> TokenUse {
        TokenUse {
            peer: self.peer,
            token: self.token,
            kind: self.kind,
        }
    }

    /// The message of the request, if it is kept.
    #[must_use]
    pub fn request(&self) -> Option<StoredMessage> {
        self.source.get().request
    }

    /// Keeps another message, or none.
    pub fn set_request(&mut self, request: Option<StoredMessage>) {
        let source = self.source.get();
        self.source.set(Source { request, ..source });
    }

    /// Takes the message out.
    pub fn take_request(&mut self) -> Option<StoredMessage> {
        let request = self.request();
        self.set_request(None);
        request
    }

    /// The exchange that the application knows, if this one fetches a part of its response.
    #[must_use]
    pub fn root(&self) -> Option<Handle> {
        self.source.get().root
    }

    /// Notes that the request is repeated with an Echo value. False: it was already.
    pub fn set_echoed(&mut self) -> bool {
        let source = self.source.get();
        self.source.set(Source {
            echoed: true,
            ..source
        });
        !source.echoed
    }

    /// The next message may be answered with a challenge, too.
    pub fn clear_echoed(&mut self) {
        let source = self.source.get();
        self.source.set(Source {
            echoed: false,
            ..source
        });
    }

    /// Whether it is not over.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !matches!(self.state, State::Failed(_))
    }

    /// Whether it is over as soon as it is sent (non-confirmable) or acknowledged.
    #[must_use]
    pub fn wants_no_response(&self) -> bool {
        self.no_response & NO_RESPONSE_AT_ALL == NO_RESPONSE_AT_ALL
    }

    /// When it ends unless something happens; `None`: not by itself.
    fn ends_at(&self) -> Option<Instant> {
        let wait = match self.state {
            State::Failed(_) => return None,
            State::Acknowledged { deadline } | State::Unanswered { deadline } => Some(deadline),
            State::Sending | State::Paused | State::Observing { .. } => None,
        };
        earliest(wait, self.limited.then_some(self.limit))
    }
}
