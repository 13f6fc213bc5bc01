// SPDX-License-Identifier: MIT
//! Requests of peers that have not been answered.

use crate::block::body::Whose;
use crate::config::{BLOCK, OBSERVE, REQUESTS};
use crate::handle::{Handle, OfPeer, Table};
use crate::message::deduplication::ReceivedId;
use crate::message::peer::PeerId;
use crate::message::store::StoredMessage;
use crate::oscore::Protected;
use crate::time::{Instant, earliest};
use crate::when::When;
use crate::wire::block::Block;
use crate::wire::code::Code;
use crate::wire::header::Token;
use crate::wire::message::MessageView;
use crate::wire::option::OptionNumber;

/// What the message layer owes the peer, RFC 7252 section 5.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acknowledgement {
    /// The request was confirmable and its ACK is still to be sent: at `deadline` at the latest, as
    /// an Empty one if there is no response by then.
    Owed {
        /// When an Empty ACK goes out.
        deadline: Instant,
    },
    /// The Empty ACK is out: the response will be separate.
    Sent,
    /// The request was non-confirmable.
    None,
    /// There is no request: a notification is asked for, RFC 7641.
    Notification,
}

/// A block option as [`Block::encode`] has it, or none: in four bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MaybeBlock(u32);

impl MaybeBlock {
    /// No option.
    pub const NONE: Self = Self(u32::MAX);

    /// Keeps it.
    #[must_use]
    pub fn new(block: Option<Block>) -> Self {
        block.map_or(Self::NONE, |block| Self(block.encode()))
    }

    /// What was kept.
    #[must_use]
    pub fn get(self) -> Option<Block> {
        (self != Self::NONE).then_some(Block {
            num: self.0 >> 4,
            more: self.0 & 8 != 0,
            szx: (self.0 & 7) as u8,
        })
    }
}

impl Default for MaybeBlock {
    fn default() -> Self {
        Self::NONE
    }
}

/// What a request says about blocks, RFC 7959.
#[derive(Clone, Copy, Debug, Default)]
pub struct Blocks {
    /// Which part of its body it holds.
    pub block1: MaybeBlock,
    /// Which part of the response it asks for.
    pub block2: MaybeBlock,
    /// The hash of what its block-wise transfer is known by.
    pub key: u32,
    /// Bytes of the request, to measure the response by.
    pub len: u16,
    /// The Size2 option asks for the length of the body, RFC 7959 section 4.
    pub wants_size: bool,
}

/// What a request has to do with observing, RFC 7641.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observing {
    /// The Observe option registers, and the resource can be observed.
    pub registers: bool,
    /// The request's bytes, to ask the handler with again for notifications.
    pub kept: Option<StoredMessage>,
    /// The state has changed since the request came.
    pub changed: bool,
    /// The observer whom a notification is for.
    pub observer: Option<Handle>,
    /// The notification may be non-confirmable.
    pub may_be_non: bool,
}

/// A request that a handler is to answer.
#[derive(Clone, Copy, Debug)]
pub struct IncomingRequest {
    /// Who asked.
    peer: PeerId,
    /// What the request is known by.
    id: ReceivedId,
    /// What the response must carry.
    token: Token,
    /// Whether an ACK is owed.
    acknowledgement: Acknowledgement,
    /// The handler has returned without an answer; one may come later, or never.
    released: bool,
    /// What the handler has said cannot be sent.
    failed: bool,
    /// When nobody waits for the answer any more.
    expires: Instant,
    /// The method.
    method: Code,
    /// The format that is asked for.
    accept: Option<u16>,
    /// What it says about blocks.
    blocks: When<{ BLOCK as usize }, Blocks>,
    /// What it has to do with observing.
    observing: When<{ OBSERVE as usize }, Observing>,
    /// What protects it and the response.
    protected: Protected,
    /// It came to a group, RFC 7252 section 8.
    multicast: bool,
    /// RFC 7967: bit n is set when responses of class n + 1 are not wanted; [`SAYS_NO_RESPONSE`].
    no_response: u8,
}

impl IncomingRequest {
    /// What a message asks, known by `id`; whoever has sent it waits for the answer until it `expires`.
    #[must_use]
    pub fn new(
        message: &MessageView<'_>,
        id: ReceivedId,
        peer: PeerId,
        acknowledgement: Acknowledgement,
        expires: Instant,
    ) -> Self {
        Self {
            peer,
            id,
            token: *message.token(),
            acknowledgement,
            released: false,
            failed: false,
            expires,
            method: message.code(),
            accept: None,
            blocks: When::default(),
            observing: When::default(),
            protected: Protected::default(),
            multicast: false,
            no_response: 0,
        }
    }

    /// The same, with what the message says of the response. A notification has met it once, and goes on so.
    #[must_use]
    pub fn wanting(self, message: &MessageView<'_>, multicast: bool) -> Self {
        Self {
            accept: message.accept(),
            multicast,
            no_response: no_response_of(message),
            ..self
        }
    }

    /// The same, with what it says about blocks.
    #[must_use]
    pub fn with_blocks(self, blocks: Blocks) -> Self {
        Self {
            blocks: When::new(blocks),
            ..self
        }
    }

    /// The same, with what it has to do with observing.
    #[must_use]
    pub fn with_observing(self, observing: Observing) -> Self {
        Self {
            observing: When::new(observing),
            ..self
        }
    }

    /// The same, with what protects it and the response.
    #[must_use]
    pub fn protected_by(self, protected: Protected) -> Self {
        Self { protected, ..self }
    }

    /// What protects it and the response.
    #[must_use]
    pub fn protected(&self) -> Protected {
        self.protected
    }

    /// Whether what the handler has said could not be sent.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// What the request is known by.
    #[must_use]
    pub fn id(&self) -> ReceivedId {
        self.id
    }

    /// What the response must carry.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Whether an ACK is owed.
    #[must_use]
    pub fn acknowledgement(&self) -> Acknowledgement {
        self.acknowledgement
    }

    /// Whether it came to a group, RFC 7252 section 8.
    #[must_use]
    pub fn is_multicast(&self) -> bool {
        self.multicast
    }

    /// What tells its body from others.
    #[must_use]
    pub fn whose(&self) -> Whose {
        Whose::new(self.peer, self.protected, self.blocks().key)
    }

    /// What it says about blocks.
    #[must_use]
    pub fn blocks(&self) -> Blocks {
        self.blocks.get()
    }

    /// What it has to do with observing.
    #[must_use]
    pub fn observing(&self) -> Observing {
        self.observing.get()
    }

    /// The state of the resource has changed since the request came.
    pub fn state_changed(&mut self) {
        let observing = self.observing.get();
        self.observing.set(Observing {
            changed: true,
            ..observing
        });
    }

    /// It has been answered, and is to end. Its bytes go with it if they are `kept`; else an observer has them now.
    pub fn answered(&mut self, kept: bool) {
        let observing = self.observing.get();
        self.observing.set(Observing {
            observer: None,
            kept: observing.kept.filter(|_| kept),
            ..observing
        });
    }

    /// What the handler has said cannot be sent.
    pub fn fail(&mut self) {
        self.failed = self.acknowledgement != Acknowledgement::Notification;
    }

    /// The handler has returned: what the peer is owed now; an ACK that is owed counts as sent after this. `None`: an
    /// answer comes with the timers.
    pub fn release(&mut self) -> Option<Acknowledgement> {
        self.released = true;
        if self.failed {
            return None;
        }
        let owed = self.acknowledgement;
        if let Acknowledgement::Owed { .. } = owed {
            self.acknowledgement = Acknowledgement::Sent;
        }
        Some(owed)
    }

    /// Whether the client wants such a representation, RFC 7252 section 5.10.4.
    #[must_use]
    pub fn accepts(&self, code: Code, format: Option<u16>) -> bool {
        let is_representation = code == Code::CONTENT && self.method.is_safe();
        let differs = self
            .accept
            .is_some_and(|accept| format.is_some_and(|format| format != accept));
        !(is_representation && differs)
    }

    /// Whether a response with this code is not to be sent.
    #[must_use]
    pub fn suppresses(&self, code: Code) -> bool {
        suppresses(self.no_response, self.multicast, code)
    }
}

/// Set in [`IncomingRequest::no_response`] if the request has the option, beside the bits of RFC 7967.
const SAYS_NO_RESPONSE: u8 = 1;

/// What a request says about unwanted responses, as [`IncomingRequest::no_response`] has it.
#[must_use]
pub fn no_response_of(message: &MessageView<'_>) -> u8 {
    let value = message.uint(OptionNumber::NO_RESPONSE);
    value.map_or(0, |value| value as u8 | SAYS_NO_RESPONSE)
}

/// Whether a response with this code is not to be sent to a request with these [`IncomingRequest::no_response`].
#[must_use]
pub fn suppresses(no_response: u8, multicast: bool, code: Code) -> bool {
    // RFC 7967 section 2.1: 2 for class 2, 8 for class 4, 16 for class 5.
    let unwanted = no_response >> (code.class().max(2) - 1) & 1 == 1;
    // RFC 7252 section 8.2: errors are not sent in response to a multicast request; RFC 7967 section 2.1:
    // unless the option shows that they are wanted.
    let silent = multicast && !code.is_success() && no_response & SAYS_NO_RESPONSE == 0;
    unwanted || silent
}

/// All requests that have not been answered.
pub type IncomingRequests = Table<IncomingRequest, REQUESTS>;

impl OfPeer for IncomingRequest {
    fn peer(&self) -> PeerId {
        self.peer
    }
}

impl IncomingRequests {
    /// The oldest request whose handler has returned, of those that may give way: who has had an Empty ACK counts
    /// on a response.
    #[must_use]
    pub fn first_spare(&self) -> Option<Handle> {
        self.find(|r| r.released && !r.failed && r.acknowledgement != Acknowledgement::Sent)
    }

    /// Whether a handler has returned without an answer that could be sent.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.iter().any(|(_, r)| r.released && r.failed)
    }

    /// One such request; the next call gives another one.
    pub fn take_failed(&mut self) -> Option<Handle> {
        let failed = |(_, r): &(Handle, &mut IncomingRequest)| r.released && r.failed;
        let (handle, request) = self.iter_mut().find(failed)?;
        request.failed = false;
        Some(handle)
    }

    /// A request that nobody waits for any more.
    #[must_use]
    pub fn first_expired(&self, now: Instant) -> Option<Handle> {
        self.find(|r| r.expires.is_due(now))
    }

    /// The latest request from this peer that fits.
    #[must_use]
    pub fn find_last(
        &self,
        peer: PeerId,
        fits: impl Fn(&IncomingRequest) -> bool,
    ) -> Option<Handle> {
        let fitting = self.iter().filter(|(_, r)| r.peer == peer && fits(r));
        fitting.last().map(|(handle, _)| handle)
    }

    /// Marks one request whose ACK is due as acknowledged and gives it.
    pub fn take_ack_due(&mut self, now: Instant) -> Option<IncomingRequest> {
        let due = |r: &IncomingRequest| matches!(r.acknowledgement, Acknowledgement::Owed { deadline } if deadline.is_due(now));
        let (_, request) = self.iter_mut().find(|(_, r)| due(r))?;
        request.acknowledgement = Acknowledgement::Sent;
        Some(*request)
    }

    /// When `take_ack_due` or `first_expired` has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let due = self.iter().map(|(_, r)| match r.acknowledgement {
            Acknowledgement::Owed { deadline } => Some(deadline),
            _ => Some(r.expires),
        });
        due.fold(None, earliest)
    }
}
