// SPDX-License-Identifier: MIT
//! Messages on their way: waiting for their turn, or for their acknowledgement. RFC 7252 sections
//! 4.2 and 4.7.

use super::peer::PeerId;
use super::store::StoredMessage;
use crate::config::TRANSMISSIONS;
use crate::handle::Handle;
use crate::list;
use crate::time::{Instant, LONGEST};
use crate::when::When;
use crate::wire::header::MessageId;
use heapless::Vec;

/// Who is told what becomes of a message. What the kinds are, and the handles, only the layers above know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owner {
    /// Of which kind.
    pub kind: u8,
    /// Which of them.
    pub handle: Handle,
}

impl Owner {
    /// An owner or none, from a handle and a kind that found a place each.
    pub(super) fn join(handle: Option<Handle>, kind: u8) -> Option<Self> {
        handle.map(|handle| Self { kind, handle })
    }

    /// What [`Owner::join`] joins.
    pub(super) fn split(owner: Option<Self>) -> (Option<Handle>, u8) {
        (owner.map(|o| o.handle), owner.map_or(0, |o| o.kind))
    }
}

/// Where the retransmission of a confirmable message stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Backoff {
    /// The current timeout, milliseconds; 0: not drawn yet.
    pub timeout_ms: u32,
    /// Retransmissions so far, at most MAX_RETRANSMIT.
    pub retransmissions: u8,
}

impl Backoff {
    /// RFC 7252 section 4.2: the counter is incremented and the timeout is doubled.
    #[must_use]
    pub fn doubled(self) -> Self {
        Self {
            timeout_ms: self.timeout_ms.saturating_mul(2).min(LONGEST / 2),
            retransmissions: self.retransmissions.saturating_add(1),
        }
    }

    /// Sent at `now`.
    #[must_use]
    pub fn until_next(self, now: Instant) -> State {
        State::Unacknowledged {
            deadline: now.after(self.timeout_ms),
            timeout_ms: self.timeout_ms,
            retransmissions: self.retransmissions,
        }
    }
}

/// Where a transmission stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Not sent yet: NSTART, PROBING_RATE or the supply of message ids holds it back.
    Waiting {
        /// What an earlier message that this one replaces has come to; milliseconds.
        timeout_ms: u32,
        /// The same: retransmissions.
        retransmissions: u8,
    },
    /// A response to a multicast request: not sent before its leisure is over, RFC 7252 section 8.2.
    Delayed {
        /// When it goes out.
        until: Instant,
    },
    /// Confirmable, sent `retransmissions + 1` times; sent again, or given up, at `deadline`.
    Unacknowledged {
        /// When the current timeout ends.
        deadline: Instant,
        /// The current timeout, milliseconds.
        timeout_ms: u32,
        /// Retransmissions so far, at most MAX_RETRANSMIT.
        retransmissions: u8,
    },
    /// A non-confirmable request, sent: its owner is to be told.
    Sent,
}

impl State {
    /// Not sent yet, and to be sent when its turn comes.
    #[must_use]
    pub fn is_waiting(self) -> bool {
        matches!(self, Self::Waiting { .. })
    }

    /// Sent: an ACK or RST can be about it.
    #[must_use]
    pub fn is_sent(self) -> bool {
        matches!(self, Self::Unacknowledged { .. } | Self::Sent)
    }
}

/// A message on its way.
#[derive(Clone, Copy, Debug)]
pub struct Transmission {
    /// Where to.
    pub peer: PeerId,
    /// Its message id; `None` until there is one to be had.
    pub id: Option<MessageId>,
    /// Its bytes, while they may be needed (again).
    pub message: Option<StoredMessage>,
    /// CON, not NON.
    pub confirmable: bool,
    /// The owner frees the message, not the end of the transmission.
    pub kept: bool,
    /// A newer message is to take its place when it would be sent again, RFC 7641 section 4.5.2.
    pub superseded: bool,
    /// Its owner does not want it to start yet.
    pub held: bool,
    /// Whose it is, see [`Transmission::owner`].
    handle: Option<Handle>,
    owner_kind: u8,
    /// Where it stands.
    pub state: State,
}

impl Transmission {
    /// One that waits for its turn.
    #[must_use]
    pub fn new(handover: &Handover, id: Option<MessageId>) -> Self {
        let (handle, owner_kind) = Owner::split(handover.owner);
        Self {
            peer: handover.peer,
            id,
            message: Some(handover.message),
            confirmable: handover.confirmable,
            kept: handover.kept,
            superseded: false,
            held: handover.held,
            handle,
            owner_kind,
            state: State::Waiting {
                timeout_ms: handover.backoff.timeout_ms,
                retransmissions: handover.backoff.retransmissions,
            },
        }
    }

    /// Whose it is; `None`: nobody is told what becomes of it.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        Owner::join(self.handle, self.owner_kind)
    }
}

/// A message that is handed in to be sent as soon as it may.
#[derive(Clone, Copy, Debug)]
pub struct Handover {
    /// Where to.
    pub peer: PeerId,
    /// The message; its id is written here.
    pub message: StoredMessage,
    /// A CON message; else a NON request.
    pub confirmable: bool,
    /// The owner frees the message, not the end of the transmission.
    pub kept: bool,
    /// Not to start before `release`.
    pub held: bool,
    /// Whose it is; `None`: nobody is told what becomes of it.
    pub owner: Option<Owner>,
    /// What an earlier message that this one replaces has come to.
    pub backoff: Backoff,
}

/// All messages on their way, in the order in which they were handed in.
#[derive(Default)]
pub struct Transmissions {
    list: Vec<Transmission, TRANSMISSIONS>,
    /// Whether one may be waiting for its turn.
    waiting: When<{ MANY as usize }, bool>,
}

/// Few are all looked at each time: that is shorter.
const MANY: bool = TRANSMISSIONS > 16;

impl Transmissions {
    /// Adds one at the end. False: the table is full.
    pub fn push(&mut self, transmission: Transmission) -> bool {
        if transmission.state.is_waiting() {
            self.waiting.set(true);
        }
        self.list.push(transmission).is_ok()
    }

    /// Whether the table has no room left.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.list.is_full()
    }

    /// Whether one may be waiting for its turn. False is certain.
    #[must_use]
    pub fn may_wait(&self) -> bool {
        !MANY || self.waiting.get()
    }

    /// Finds out whether one is waiting for its turn.
    pub fn update_waiting(&mut self) {
        if MANY {
            let waits = self.list.iter().any(|t| t.state.is_waiting());
            self.waiting.set(waits);
        }
    }

    /// The sent message with this id to this peer: what an ACK or RST can be about.
    #[must_use]
    pub fn position_sent(&self, peer: PeerId, id: MessageId) -> Option<usize> {
        self.list
            .iter()
            .position(|t| t.peer == peer && t.id == Some(id) && t.state.is_sent())
    }

    /// The transmission of this owner.
    #[must_use]
    pub fn position_owned(&self, owner: Owner) -> Option<usize> {
        self.list.iter().position(|t| t.owner() == Some(owner))
    }

    /// The transmission at this position.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Transmission> {
        self.list.get(index)
    }

    /// The transmission at this position.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut Transmission> {
        self.list.get_mut(index)
    }

    /// Takes out the transmission at this position.
    pub fn remove(&mut self, index: usize) {
        list::remove(&mut self.list, index);
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Transmission> {
        self.list.iter()
    }

    /// Whether the one at `index` may be the next to its peer, RFC 7252 section 4.7: none of its kind was handed in
    /// before it, and if it is confirmable, fewer than `nstart` wait for their ACK. PROBING_RATE alone holds
    /// non-confirmable ones back, which may be for long.
    #[must_use]
    pub fn has_turn(&self, index: usize, nstart: u32) -> bool {
        let Some(this) = self.list.get(index) else {
            return false;
        };
        let goes_first = |t: &Transmission| {
            t.peer == this.peer
                && t.confirmable == this.confirmable
                && t.state.is_waiting()
                && !t.held
        };
        !this.held
            && !self.list.iter().take(index).any(goes_first)
            && (!this.confirmable || self.unacknowledged(this.peer) < nstart as usize)
    }

    /// Confirmable messages to the peer that wait for their ACK.
    fn unacknowledged(&self, peer: PeerId) -> usize {
        let waits =
            |t: &&Transmission| t.peer == peer && matches!(t.state, State::Unacknowledged { .. });
        self.list.iter().filter(waits).count()
    }

    /// Responses to multicast requests whose leisure is not over.
    #[must_use]
    pub fn delayed(&self) -> usize {
        let delayed = |t: &&Transmission| matches!(t.state, State::Delayed { .. });
        self.list.iter().filter(delayed).count()
    }

    /// Messages on their way of which nobody is told what becomes of them: separate responses.
    #[must_use]
    pub fn unowned(&self) -> usize {
        self.list.iter().filter(|t| t.handle.is_none()).count()
    }

    /// Confirmable messages on their way to the peer.
    #[must_use]
    pub fn confirmable_to(&self, peer: PeerId) -> usize {
        let to = |t: &&Transmission| t.peer == peer && t.confirmable;
        self.list.iter().filter(to).count()
    }

    /// Whether one refers to the peer.
    #[must_use]
    pub fn refers_to(&self, peer: PeerId) -> bool {
        self.list.iter().any(|t| t.peer == peer)
    }

    /// Transmissions in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.list.clear();
    }
}
