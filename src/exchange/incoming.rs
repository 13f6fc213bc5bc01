// SPDX-License-Identifier: MIT
//! Requests of peers that have not been answered.

use crate::config::{BLOCK, OBSERVE, REQUESTS};
use crate::handle::{Handle, OfPeer, Table};
use crate::message::deduplication::ReceivedId;
use crate::message::peer::PeerId;
use crate::message::store::StoredMessage;
use crate::time::{Instant, earliest};
use crate::when::When;
use crate::wire::block::Block;
use crate::wire::code::Code;
use crate::wire::header::Token;

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
    pub peer: PeerId,
    /// What the request is known by.
    pub id: ReceivedId,
    /// What the response must carry.
    pub token: Token,
    /// Whether an ACK is owed.
    pub acknowledgement: Acknowledgement,
    /// The handler has returned without an answer; one may come later, or never.
    pub released: bool,
    /// What the handler has said cannot be sent.
    pub failed: bool,
    /// When nobody waits for the answer any more.
    pub expires: Instant,
    /// The method.
    pub method: Code,
    /// The format that is asked for.
    pub accept: Option<u16>,
    /// What it says about blocks.
    pub blocks: When<{ BLOCK as usize }, Blocks>,
    /// What it has to do with observing.
    pub observing: When<{ OBSERVE as usize }, Observing>,
    /// It came to a group, RFC 7252 section 8.
    pub multicast: bool,
    /// RFC 7967: bit n is set when responses of class n + 1 are not wanted; [`SAYS_NO_RESPONSE`].
    pub no_response: u8,
}

impl IncomingRequest {
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
pub(crate) const SAYS_NO_RESPONSE: u8 = 1;

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

    /// When the next ACK is due.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.iter()
            .fold(None, |next, (_, r)| match r.acknowledgement {
                Acknowledgement::Owed { deadline } => earliest(next, Some(deadline)),
                _ => next,
            })
    }
}
