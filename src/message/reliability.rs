// SPDX-License-Identifier: MIT
//! Messages on their way, RFC 7252 sections 4.2, 4.3 and 4.7: retransmission, and when a message may start.

use super::outbox::Outgoing;
use super::peer::PeerId;
use super::store::StoredMessage;
use super::transmission::{Backoff, Handover, Owner, State, Transmission};
use super::{MessageLayer, count};
use crate::time::{Instant, earliest};
use crate::wire::header::MessageId;

/// A transmission that ended without an answer.
#[derive(Clone, Copy, Debug)]
pub struct Expired {
    /// A confirmable message was not acknowledged after MAX_RETRANSMIT retransmissions; else: a
    /// non-confirmable request has been sent, and its response may come.
    pub confirmable: bool,
    /// Its message id.
    pub id: Option<MessageId>,
    /// Whose it was; `None`: nobody is told.
    pub owner: Option<Owner>,
    /// It was not given up: a newer message is to go on from here.
    pub superseded: Option<Backoff>,
}

/// The table of transmissions is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoSlot;

impl MessageLayer<'_> {
    /// Hands in a message. Gives its id, which is `None` while all ids may still be known to a peer. `Err`:
    /// no free slot; the message is freed.
    pub fn transmit(
        &mut self,
        handover: Handover,
        now: Instant,
    ) -> Result<Option<MessageId>, NoSlot> {
        if self.transmissions.is_full() {
            self.free(handover.message);
            return Err(NoSlot);
        }
        let id = self.new_id(handover.peer, now);
        if let Some(id) = id {
            write_id(self.store.get_mut(handover.message), id);
        }
        self.transmissions.push(Transmission::new(&handover, id));
        self.start_waiting(now);
        Ok(id)
    }

    /// The end of the transmission with this id, by an ACK or RST that was checked to be about it.
    pub fn end_sent(&mut self, peer: PeerId, id: MessageId, now: Instant) {
        if let Some(index) = self.transmissions.position_sent(peer, id) {
            self.end(index, now);
        }
    }

    /// The end of an owner's transmission, if it is still on its way.
    pub fn end_owned(&mut self, owner: Owner, now: Instant) {
        if let Some(index) = self.transmissions.position_owned(owner) {
            self.end(index, now);
        }
        // A NON that was started is with the outbox alone.
        if let Some(message) = self.outbox.take_once(owner) {
            self.store.free(message);
        }
    }

    /// The end of a message to the peer that nobody asks about: of the first one that fits.
    pub fn end_unowned(&mut self, peer: PeerId, fits: impl Fn(&[u8]) -> bool, now: Instant) {
        let store = &self.store;
        let is_it = |t: &Transmission| {
            let message = t.message.map(|message| store.get(message));
            t.peer == peer && t.owner().is_none() && message.is_some_and(&fits)
        };
        let index = self.transmissions.iter().position(is_it);
        if let Some(index) = index {
            self.end(index, now);
        }
    }

    fn end(&mut self, index: usize, now: Instant) {
        let Some(ended) = self.transmissions.get(index) else {
            return;
        };
        let (message, kept) = (ended.message, ended.kept);
        self.transmissions.remove(index);
        match message {
            // It need not be sent (again).
            Some(message) if kept => self.outbox.forget(message),
            Some(message) => self.free(message),
            None => {}
        }
        self.start_waiting(now);
    }

    /// Says that a newer message is to take the place of this owner's, should that have to be sent again.
    /// False: the owner has none on its way.
    pub fn supersede(&mut self, owner: Owner) -> bool {
        let index = self.transmissions.position_owned(owner);
        let transmission = index.and_then(|index| self.transmissions.get_mut(index));
        transmission.map(|t| t.superseded = true).is_some()
    }

    /// Lets an owner's message start that was handed in to be held.
    pub fn release(&mut self, owner: Owner, now: Instant) {
        let index = self.transmissions.position_owned(owner);
        if let Some(transmission) = index.and_then(|index| self.transmissions.get_mut(index)) {
            transmission.held = false;
        }
        self.start_waiting(now);
    }

    /// Whether the owner has a message that was sent and is still waited about. `None`: it has none here.
    #[must_use]
    pub fn was_sent(&self, owner: Owner) -> Option<bool> {
        let index = self.transmissions.position_owned(owner)?;
        Some(self.transmissions.get(index)?.state.is_sent())
    }

    /// Bytes of the owner's message, while it is on its way.
    #[must_use]
    pub fn len_owned(&self, owner: Owner) -> Option<usize> {
        let index = self.transmissions.position_owned(owner)?;
        let message = self.transmissions.get(index)?.message?;
        Some(self.store.get(message).len())
    }

    /// Whether there is no room for another message of the owner's, even in place of the one it has.
    #[must_use]
    pub fn is_full_for(&self, owner: Owner) -> bool {
        self.transmissions.is_full() && self.transmissions.position_owned(owner).is_none()
    }

    /// Whether no further message can be handed in.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.transmissions.is_full()
    }

    /// Retransmits what is due, and gives one transmission that has come to its end. Call until `None`.
    pub fn next_expired(&mut self, now: Instant) -> Option<Expired> {
        let mut index = 0;
        while let Some(transmission) = self.transmissions.get(index) {
            let mut expired = Expired {
                confirmable: transmission.confirmable,
                id: transmission.id,
                owner: transmission.owner(),
                superseded: None,
            };
            let mut over = false;
            match transmission.state {
                State::Unacknowledged {
                    deadline,
                    timeout_ms,
                    retransmissions,
                } if deadline.is_due(now) => {
                    let backoff = Backoff {
                        timeout_ms,
                        retransmissions,
                    };
                    // RFC 7252 section 4.2: given up when the counter has reached MAX_RETRANSMIT on a timeout.
                    over = u32::from(backoff.retransmissions) >= self.parameters.max_retransmit;
                    if over {
                        count(&mut self.counters.timeouts);
                    } else if transmission.superseded {
                        expired.superseded = Some(backoff.doubled());
                        over = true;
                    } else {
                        self.retransmit(index, backoff.doubled(), now);
                    }
                }
                State::Sent => {
                    // The outbox may still have the datagram.
                    self.transmissions.remove(index);
                    self.start_waiting(now);
                    return Some(expired);
                }
                State::Delayed { until } if until.is_due(now) => {
                    self.send_delayed(index);
                    continue;
                }
                _ => {}
            }
            if over {
                self.end(index, now);
                return Some(expired);
            }
            index += 1;
        }
        self.ids.expire(now, self.parameters.exchange_lifetime_ms());
        self.start_waiting(now);
        None
    }

    /// Whom a transmission goes to, and its message, while there is one.
    fn addressee(&self, index: usize) -> Option<(PeerId, StoredMessage)> {
        let transmission = self.transmissions.get(index)?;
        Some((transmission.peer, transmission.message?))
    }

    fn send_delayed(&mut self, index: usize) {
        let message = self.addressee(index);
        self.transmissions.remove(index);
        if let Some((peer, message)) = message {
            self.send_once(peer, message);
        }
    }

    fn retransmit(&mut self, index: usize, backoff: Backoff, now: Instant) {
        let Some(transmission) = self.transmissions.get_mut(index) else {
            return;
        };
        // Counted from now, not from the missed deadline: after a long pause there is one retransmission,
        // not a burst.
        transmission.state = backoff.until_next(now);
        let (peer, message) = (transmission.peer, transmission.message);
        if let Some(message) = message {
            self.send_again(peer, message);
            count(&mut self.counters.retransmitted);
        }
    }

    /// Sends what has waited for its turn and may go now.
    fn start_waiting(&mut self, now: Instant) {
        if !self.transmissions.may_wait() {
            return;
        }
        for index in 0..self.transmissions.len() {
            if self.may_start(index, now) {
                self.start(index, now);
            }
        }
        self.transmissions.update_waiting();
    }

    fn may_start(&self, index: usize, now: Instant) -> bool {
        !self.outbox.is_full()
            && self.transmissions.get(index).is_some_and(|transmission| {
                transmission.state.is_waiting()
                    && self
                        .may_start_at(index, transmission, now)
                        .is_some_and(|at| at.is_due(now))
            })
    }

    /// When a transmission that waits may start: as soon as message ids and PROBING_RATE allow. `None`:
    /// it is not its turn.
    fn may_start_at(&self, index: usize, waiting: &Transmission, now: Instant) -> Option<Instant> {
        if !self.transmissions.has_turn(index, self.parameters.nstart) {
            return None;
        }
        let lifetime = self.parameters.exchange_lifetime_ms();
        let mut at = now;
        if waiting.id.is_none() {
            at = self.ids.available_at(now, lifetime);
        }
        if !waiting.confirmable {
            let rate = self.parameters.probing_rate;
            let probing = self
                .peers
                .probing_allowed_at(waiting.peer, rate, lifetime, now);
            at = if at.is_before(probing) { probing } else { at };
        }
        Some(at)
    }

    fn start(&mut self, index: usize, now: Instant) {
        let Some((peer, message)) = self.addressee(index) else {
            return;
        };
        let known = self.transmissions.get(index).and_then(|t| t.id);
        let id = match known {
            Some(id) => {
                self.note_sent(peer, id, now);
                id
            }
            None => {
                let Some(id) = self.new_id(peer, now) else {
                    return;
                };
                write_id(self.store.get_mut(message), id);
                id
            }
        };
        let Some(transmission) = self.transmissions.get_mut(index) else {
            return;
        };
        transmission.id = Some(id);
        if transmission.confirmable {
            let mut backoff = match transmission.state {
                State::Waiting {
                    timeout_ms,
                    retransmissions,
                } => Backoff {
                    timeout_ms,
                    retransmissions,
                },
                _ => Backoff::default(),
            };
            if backoff.timeout_ms == 0 {
                // RFC 7252 section 4.2: a random duration between ACK_TIMEOUT and ACK_TIMEOUT * ACK_RANDOM_FACTOR
                let least = self.parameters.ack_timeout_ms;
                let spread = self.parameters.ack_timeout_max_ms().saturating_sub(least);
                backoff.timeout_ms = least.saturating_add(self.jitter.up_to(spread));
            }
            transmission.state = backoff.until_next(now);
        } else {
            transmission.state = State::Sent;
            if !transmission.kept {
                transmission.message = None;
            }
            self.peers
                .probed(transmission.peer, self.store.get(message).len(), now);
        }
        // There is room: `may_start` looked.
        let once = !transmission.confirmable && !transmission.kept;
        let owner = transmission.owner();
        self.outbox
            .push(Outgoing::stored(transmission.peer, message, once).starting(owner));
    }

    /// When `next_expired` has something to do: `None` when no timer runs.
    #[must_use]
    pub fn next_timeout(&self, now: Instant) -> Option<Instant> {
        let mut next = None;
        for (index, transmission) in self.transmissions.iter().enumerate() {
            let at = match transmission.state {
                State::Unacknowledged { deadline, .. } => Some(deadline),
                State::Delayed { until } => Some(until),
                State::Sent => Some(now),
                State::Waiting { .. } => self.may_start_at(index, transmission, now),
            };
            next = earliest(next, at);
        }
        next
    }
}

/// Writes the message id into an encoded message, RFC 7252 section 3.
fn write_id(message: &mut [u8], id: MessageId) {
    if let Some(field) = message.get_mut(2..4) {
        field.copy_from_slice(&id.0.to_be_bytes());
    }
}
