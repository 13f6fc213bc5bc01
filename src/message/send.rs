// SPDX-License-Identifier: MIT
//! The sending half: what was written goes out, once or until it is acknowledged; answers are kept for repetitions.

use super::deduplication::{Answer, ReceivedId};
use super::outbox::Outgoing;
use super::peer::PeerId;
use super::receive::Incoming;
use super::store::StoredMessage;
use super::transmission::{Backoff, Handover, Owner, State, Transmission};
use super::{Above, MessageLayer};
use crate::config::TRANSMISSIONS;
use crate::time::Instant;
use crate::wire::code::Code;
use crate::wire::header::{MessageId, MessageType, encode_empty};

impl MessageLayer<'_> {
    /// Notes a message, and what its repetitions are answered with. False: no room, every entry is being handled.
    pub fn remember(&mut self, incoming: &Incoming<'_>, answer: Answer) -> bool {
        if self.deduplication.is_full() && !self.evict_answered() {
            return false;
        }
        let lifetime = self.lifetime_ms(incoming.message.kind());
        let expires = incoming.now.after(lifetime);
        self.deduplication
            .insert(incoming.peer, incoming.id, expires, answer)
    }

    /// Whether a message is noted.
    #[must_use]
    pub fn is_known(&self, incoming: &Incoming<'_>) -> bool {
        let found = self
            .deduplication
            .find(incoming.peer, incoming.id, incoming.now);
        found.is_some()
    }

    /// Queues a datagram. False: no room, which is counted.
    fn queue(&mut self, outgoing: Outgoing) -> bool {
        let queued = self.outbox.push(outgoing);
        if !queued {
            self.count_dropped();
        }
        queued
    }

    /// Queues an Empty message: ACK, RST.
    pub fn send_empty(&mut self, peer: PeerId, kind: MessageType, id: MessageId) {
        self.queue(Outgoing::empty(peer, encode_empty(kind, id)));
    }

    /// Queues a message that nobody needs afterwards.
    pub fn send_once(&mut self, peer: PeerId, message: StoredMessage) {
        if !self.queue(Outgoing::stored(peer, message, true)) {
            self.store.free(message);
        }
    }

    /// Queues an answer that repetitions of the message get again; if that is not known (any more),
    /// the answer is sent once and freed.
    pub fn send_answer(&mut self, peer: PeerId, id: ReceivedId, message: StoredMessage) {
        if self
            .deduplication
            .set_answer(peer, id, Answer::Message(message))
        {
            self.send_again(peer, message);
        } else {
            self.send_once(peer, message);
        }
    }

    /// Queues a kept message (again), once.
    pub fn send_again(&mut self, peer: PeerId, message: StoredMessage) {
        if !self.outbox.holds(message) {
            self.queue(Outgoing::stored(peer, message, false));
        }
    }

    /// What repetitions of a message are answered with from now on.
    pub fn set_answer(&mut self, peer: PeerId, id: ReceivedId, answer: Answer) {
        self.deduplication.set_answer(peer, id, answer);
    }

    /// Forgets a message that was not answered: a repetition is taken as new.
    pub fn forget(&mut self, peer: PeerId, id: ReceivedId) {
        self.deduplication.forget(peer, id);
    }

    /// Sends an Empty ACK that repetitions of the message get again; `answer` says whether more is to come.
    pub fn acknowledge(&mut self, peer: PeerId, id: ReceivedId, answer: Answer) {
        self.set_answer(peer, id, answer);
        self.send_empty(peer, MessageType::Acknowledgement, id.id);
    }

    /// Sends what was written as the ACK of a message; repetitions of that get it again. `None`: no room.
    pub fn send_piggybacked(
        &mut self,
        above: &mut impl Above,
        peer: PeerId,
        id: ReceivedId,
        code: Code,
    ) -> Option<()> {
        let stored = self.finish(above, MessageType::Acknowledgement, code, id.id)?;
        self.send_answer(peer, id, stored);
        Some(())
    }

    /// Sends what was written until it is acknowledged; gives its id once it has one. `None`: no room.
    pub fn send_con(
        &mut self,
        above: &mut impl Above,
        peer: PeerId,
        code: Code,
        owner: Option<Owner>,
        backoff: Backoff,
        now: Instant,
    ) -> Option<Option<MessageId>> {
        let stored = self.finish(above, MessageType::Confirmable, code, MessageId(0))?;
        let handover = Handover {
            peer,
            message: stored,
            confirmable: true,
            kept: false,
            held: false,
            owner,
            backoff,
        };
        self.transmit(handover, now).ok()
    }

    /// Sends what was written once. `None`: no room.
    pub fn send_non(
        &mut self,
        above: &mut impl Above,
        peer: PeerId,
        code: Code,
        now: Instant,
    ) -> Option<MessageId> {
        let (id, stored) = self.finish_non(above, peer, code, now)?;
        self.send_once(peer, stored);
        Some(id)
    }

    /// Sends what was written once, after a random part of DEFAULT_LEISURE, RFC 7252 section 8.2. `None`: no room.
    pub fn send_at_leisure(
        &mut self,
        above: &mut impl Above,
        peer: PeerId,
        code: Code,
        now: Instant,
    ) -> Option<()> {
        if self.is_crowded() {
            return None;
        }
        let (_, stored) = self.finish_non(above, peer, code, now)?;
        let until = now.after(self.jitter.up_to(self.parameters.default_leisure_ms));
        let handover = Handover {
            peer,
            message: stored,
            confirmable: false,
            kept: false,
            held: false,
            owner: None,
            backoff: Backoff::default(),
        };
        let mut transmission = Transmission::new(&handover, None);
        transmission.state = State::Delayed { until };
        if !self.transmissions.push(transmission) {
            self.free(stored);
            return None;
        }
        Some(())
    }

    fn finish_non(
        &mut self,
        above: &mut impl Above,
        peer: PeerId,
        code: Code,
        now: Instant,
    ) -> Option<(MessageId, StoredMessage)> {
        let id = self.new_id(peer, now)?;
        let stored = self.finish(above, MessageType::NonConfirmable, code, id)?;
        Some((id, stored))
    }

    /// Whether so many responses to multicast requests wait that others would keep other messages out.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.transmissions.delayed() >= TRANSMISSIONS / 2
    }

    /// Whether another separate response to the peer may be confirmable: only if it can go out at once, as the client
    /// waits for it, and behind those that were given before. RFC 7252 section 5.2.2 leaves the choice. Peers that
    /// acknowledge nothing must not fill the table.
    #[must_use]
    pub fn may_confirm_response(&self, peer: PeerId) -> bool {
        !self.transmissions.is_full()
            && self.transmissions.unowned() < TRANSMISSIONS / 2
            && self.transmissions.confirmable_to(peer) < self.parameters.nstart as usize
    }
}
