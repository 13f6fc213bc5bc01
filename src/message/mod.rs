// SPDX-License-Identifier: MIT
//! The message layer, RFC 7252 section 4: message ids, reliable transmission, deduplication,
//! congestion control. It knows bytes, peers and time, but not what a request means.

pub mod deduplication;
pub mod message_id;
pub mod outbox;
pub mod peer;
pub mod store;
pub mod transmission;

use crate::config::{Parameters, TRANSMISSIONS};
use crate::handle::Handle;
use crate::rng::Jitter;
use crate::time::{Instant, earliest};
use crate::wire::header::{HEADER_LEN, MessageId, MessageType, Token, encode_empty};
use deduplication::{Answer, Deduplication, ReceivedId};
use message_id::MessageIds;
use outbox::{Outbox, Outgoing};
use peer::{PeerAddr, PeerId, PeerTable};
use store::{MessageStore, StoredMessage};
pub use transmission::Handover;
use transmission::{Backoff, Owner, State, Transmission, Transmissions};

/// Counters; all wrap at 2^32.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams handed out to be sent.
    pub sent: u32,
    /// Datagrams handed in.
    pub received: u32,
    /// Confirmable messages sent again.
    pub retransmitted: u32,
    /// Messages received again and recognised.
    pub duplicates: u32,
    /// Message format errors, RFC 7252 section 3.
    pub malformed: u32,
    /// Well-formed messages that were ignored or rejected: nobody asked for them, or no room.
    pub dropped: u32,
    /// Exchanges and separate responses that ended without an answer in time.
    pub timeouts: u32,
    /// Exchanges and separate responses that the peer rejected.
    pub resets: u32,
}

/// A transmission that ended without an answer.
#[derive(Clone, Copy, Debug)]
pub struct Expired {
    /// A confirmable message was not acknowledged after MAX_RETRANSMIT retransmissions; else: a
    /// non-confirmable request has been sent, and its response may come.
    pub confirmable: bool,
    /// Its message id.
    pub id: Option<MessageId>,
    /// Whose it was.
    pub owner: Owner,
    /// It was not given up: a newer message is to go on from here.
    pub superseded: Option<Backoff>,
}

/// The table of transmissions is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoSlot;

/// A datagram to send. Borrowed until the next call.
#[derive(Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Where to.
    pub peer: &'a PeerAddr,
    /// The message.
    pub bytes: &'a [u8],
    /// The exchange whose first transmission this is.
    pub starts: Option<Handle>,
}

/// State of the message layer.
pub struct MessageLayer<'m> {
    /// RFC 7252 section 4.8.
    pub parameters: Parameters,
    /// The peers.
    pub peers: PeerTable,
    /// Our message ids.
    pub ids: MessageIds,
    /// Our messages on their way.
    pub transmissions: Transmissions,
    /// The peers' messages received lately.
    pub deduplication: Deduplication,
    /// Bytes of messages.
    pub store: MessageStore<'m>,
    /// What went on.
    pub counters: Counters,
    pub(crate) outbox: Outbox,
    pub(crate) jitter: Jitter,
    /// Handed out by the last `poll_transmit`: freed by the next call.
    pub(crate) handed_out: Option<StoredMessage>,
    pub(crate) empty: [u8; 4],
}

impl<'m> MessageLayer<'m> {
    /// A layer with nothing outstanding.
    pub fn new(parameters: Parameters, seed: u32, memory: &'m mut [u8]) -> Self {
        let mut layer = Self {
            parameters,
            peers: PeerTable::default(),
            ids: MessageIds::default(),
            transmissions: Transmissions::default(),
            deduplication: Deduplication::default(),
            store: MessageStore::new(memory),
            counters: Counters::default(),
            outbox: Outbox::default(),
            jitter: Jitter::default(),
            handed_out: None,
            empty: [0; 4],
        };
        layer.set_up(parameters, seed);
        layer
    }

    /// Sets what an endpoint is made with, before anything else happens.
    pub(crate) fn set_up(&mut self, parameters: Parameters, seed: u32) {
        self.parameters = parameters;
        self.ids.start_at(seed as u16);
        self.jitter.seed(seed);
    }

    /// Ends everything. The sequence of message ids goes on.
    pub fn clear(&mut self) {
        self.transmissions.clear();
        self.deduplication.clear();
        self.outbox.clear();
        self.store.clear();
        self.peers.clear();
        self.handed_out = None;
    }

    /// Counts a message that is ignored, rejected, or not sent for want of room.
    pub fn count_dropped(&mut self) {
        self.counters.dropped = self.counters.dropped.wrapping_add(1);
    }

    /// Frees what the last `poll_transmit` lent.
    pub fn settle(&mut self) {
        if let Some(message) = self.handed_out.take() {
            self.store.free(message);
        }
    }

    /// Whether anything here refers to the peer.
    #[must_use]
    pub fn refers_to(&self, peer: PeerId) -> bool {
        self.transmissions.refers_to(peer)
            || self.deduplication.refers_to(peer)
            || self.outbox.refers_to(peer)
    }

    /// Forgets what is over: received messages, uses of message ids, probing of silent peers.
    pub fn expire(&mut self, now: Instant) {
        while let Some(answer) = self.deduplication.take_expired(now) {
            self.free_answer(answer);
        }
        self.peers.leak(self.parameters.probing_rate, now);
        self.ids.expire(now, self.parameters.exchange_lifetime_ms());
    }

    /// Makes room in the deduplication table. False: every entry is being handled.
    pub fn evict_answered(&mut self) -> bool {
        let answer = self.deduplication.take_oldest_answered();
        answer.map(|answer| self.free_answer(answer)).is_some()
    }

    /// Makes room in the message store. False: all its messages are live.
    pub fn evict_stored(&mut self) -> bool {
        let answer = self.deduplication.take_oldest_stored();
        answer.map(|answer| self.free_answer(answer)).is_some()
    }

    fn free_answer(&mut self, answer: Answer) {
        if let Answer::Message(message) = answer {
            self.free(message);
        }
    }

    /// Frees a message, wherever it is queued.
    pub fn free(&mut self, message: StoredMessage) {
        self.outbox.forget(message);
        self.store.free(message);
    }

    /// Notes a message received just now. `lifetime_ms`: how long its repetitions are recognised.
    /// False: no room, every entry is being handled.
    pub fn remember(
        &mut self,
        peer: PeerId,
        id: ReceivedId,
        lifetime_ms: u32,
        answer: Answer,
        now: Instant,
    ) -> bool {
        if self.deduplication.is_full() && !self.evict_answered() {
            return false;
        }
        self.deduplication
            .insert(peer, id, now.after(lifetime_ms), answer)
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
        self.queue(Outgoing {
            peer,
            message: None,
            once: true,
            empty: encode_empty(kind, id),
            starts: None,
        });
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
        let id = self
            .ids
            .allocate(now, self.parameters.exchange_lifetime_ms());
        if let Some(id) = id {
            write_id(self.store.get_mut(handover.message), id);
        }
        self.transmissions.push(Transmission::new(&handover, id));
        self.start_waiting(now);
        Ok(id)
    }

    /// Queues a NON message, with its id written, to go out after `delay_ms`. False: no free slot; the
    /// message is freed.
    pub fn send_later(
        &mut self,
        peer: PeerId,
        message: StoredMessage,
        delay_ms: u32,
        now: Instant,
    ) -> bool {
        let until = now.after(delay_ms);
        let handover = Handover {
            peer,
            message,
            confirmable: false,
            kept: false,
            held: false,
            owner: Owner::Response,
            backoff: Backoff::default(),
        };
        let mut transmission = Transmission::new(&handover, None);
        transmission.state = State::Delayed { until };
        let pushed = self.transmissions.push(transmission);
        if !pushed {
            self.free(message);
        }
        pushed
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
        let once = |exchange| self.outbox.take_once(exchange);
        if let Some(message) = owner.exchange().and_then(once) {
            self.store.free(message);
        }
    }

    /// Gives up the separate response with this token. RFC 7252 section 5.3.1: a peer that uses the token again does not
    /// wait for it any more.
    pub fn end_response(&mut self, peer: PeerId, token: &Token, now: Instant) {
        let store = &self.store;
        let is_it = |t: &Transmission| {
            let message = t.message.map(|message| store.get(message));
            t.peer == peer
                && t.owner() == Owner::Response
                && message.is_some_and(|message| token_of(message) == token.as_slice())
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

    /// Who sent the message with this id to this peer, and whether it was confirmable.
    #[must_use]
    pub fn sent(&self, peer: PeerId, id: MessageId) -> Option<&Transmission> {
        self.transmissions
            .get(self.transmissions.position_sent(peer, id)?)
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
                    if !over && transmission.superseded {
                        expired.superseded = Some(backoff.doubled());
                        over = true;
                    } else if !over {
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
        self.start_waiting(now);
        None
    }

    fn send_delayed(&mut self, index: usize) {
        let delayed = self.transmissions.get(index);
        let message = delayed.and_then(|t| Some((t.peer, t.message?)));
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
            self.counters.retransmitted = self.counters.retransmitted.wrapping_add(1);
        }
    }

    /// Sends what has waited for its turn and may go now.
    fn start_waiting(&mut self, now: Instant) {
        for index in 0..self.transmissions.len() {
            if self.may_start(index, now) {
                self.start(index, now);
            }
        }
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
        let lifetime = self.parameters.exchange_lifetime_ms();
        let Some(transmission) = self.transmissions.get_mut(index) else {
            return;
        };
        let Some(message) = transmission.message else {
            return;
        };
        let id = match transmission.id {
            Some(id) => id,
            None => match self.ids.allocate(now, lifetime) {
                Some(id) => {
                    write_id(self.store.get_mut(message), id);
                    id
                }
                None => return,
            },
        };
        self.ids.sent(id, now);
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
        self.outbox.push(Outgoing {
            starts: transmission.owner().exchange(),
            ..Outgoing::stored(transmission.peer, message, once)
        });
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

    /// Whether `expire` has something to forget some day.
    #[must_use]
    pub fn remembers(&self) -> bool {
        !self.deduplication.is_empty() || self.ids.in_use() || self.peers.is_probing()
    }

    /// Whether another separate response to the peer may be confirmable: only if it can go out at once, as the client
    /// waits for it, and behind those that were given before. RFC 7252 section 5.2.2 leaves the choice. Peers that
    /// acknowledge nothing must not fill the table.
    #[must_use]
    pub fn may_confirm_response(&self, peer: PeerId) -> bool {
        self.transmissions.responses() < TRANSMISSIONS / 2
            && self.transmissions.confirmable_to(peer) < self.parameters.nstart as usize
    }

    /// Whether a datagram waits for `poll_transmit`.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// The next datagram to send. Call until `None`.
    pub fn poll_transmit(&mut self) -> Option<Datagram<'_>> {
        self.settle();
        let outgoing = self.outbox.pop()?;
        // No peer gives way while a datagram to it waits.
        let peer = self.peers.address(outgoing.peer)?;
        self.counters.sent = self.counters.sent.wrapping_add(1);
        let bytes = match outgoing.message {
            None => {
                self.empty = outgoing.empty;
                &self.empty
            }
            Some(message) => {
                self.handed_out = outgoing.once.then_some(message);
                self.store.get(message)
            }
        };
        Some(Datagram {
            peer,
            bytes,
            starts: outgoing.starts,
        })
    }
}

/// The token of an encoded message.
pub(crate) fn token_of(message: &[u8]) -> &[u8] {
    let len = message.first().map_or(0, |first| usize::from(first & 0x0F));
    message
        .get(HEADER_LEN..HEADER_LEN + len)
        .unwrap_or_default()
}

/// Writes the message id into an encoded message, RFC 7252 section 3.
fn write_id(message: &mut [u8], id: MessageId) {
    if let Some(field) = message.get_mut(2..4) {
        field.copy_from_slice(&id.0.to_be_bytes());
    }
}
