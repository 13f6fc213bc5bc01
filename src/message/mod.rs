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
use crate::time::{Instant, LONGEST, earliest};
use crate::wire::header::{MessageId, MessageType, encode_empty};
use deduplication::{Answer, Deduplication};
use message_id::MessageIds;
use outbox::{Bytes, Outbox, Outgoing};
use peer::{PeerAddr, PeerId, PeerTable};
use store::{MessageStore, StoredMessage};
use transmission::{Owner, State, Transmission, Transmissions};

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

/// How a transmission ended without an answer.
#[derive(Clone, Copy, Debug)]
pub enum Expired {
    /// A confirmable message was not acknowledged after MAX_RETRANSMIT retransmissions.
    Unacknowledged(Transmission),
    /// A non-confirmable request no longer counts as outstanding; its response may still come.
    Unanswered(Transmission),
}

/// The table of transmissions is full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoSlot;

/// A datagram to send. Borrowed until the next call.
#[derive(Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Where to.
    pub peer: PeerAddr,
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
    outbox: Outbox,
    jitter: Jitter,
    /// Handed out by the last `poll_transmit`: freed by the next call.
    handed_out: Option<StoredMessage>,
    empty: [u8; 4],
}

impl<'m> MessageLayer<'m> {
    /// A layer with nothing outstanding.
    pub fn new(parameters: Parameters, seed: [u8; 8], memory: &'m mut [u8]) -> Self {
        let [a, b, c, d, e, f, _, _] = seed;
        Self {
            parameters,
            peers: PeerTable::default(),
            ids: MessageIds::new(u16::from_be_bytes([e, f])),
            transmissions: Transmissions::default(),
            deduplication: Deduplication::default(),
            store: MessageStore::new(memory),
            counters: Counters::default(),
            outbox: Outbox::default(),
            jitter: Jitter::new(u32::from_be_bytes([a, b, c, d])),
            handed_out: None,
            empty: [0; 4],
        }
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

    /// The peer's number, made if need be. `in_use`: whether a layer above refers to a peer. `None`: no
    /// room, all are in use.
    pub fn intern(
        &mut self,
        address: &PeerAddr,
        in_use: impl Fn(PeerId) -> bool,
    ) -> Option<PeerId> {
        let Self {
            peers,
            transmissions,
            deduplication,
            outbox,
            ..
        } = self;
        peers.intern(address, |id| {
            transmissions.refers_to(id)
                || deduplication.refers_to(id)
                || outbox.refers_to(id)
                || in_use(id)
        })
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
        id: MessageId,
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

    /// Queues an Empty message: ACK, RST.
    pub fn send_empty(&mut self, peer: PeerId, kind: MessageType, id: MessageId) {
        let outgoing = Outgoing {
            peer,
            bytes: Bytes::Empty(encode_empty(kind, id)),
            starts: None,
        };
        if !self.outbox.push(outgoing) {
            self.count_dropped();
        }
    }

    /// Queues a message that nobody needs afterwards.
    pub fn send_once(&mut self, peer: PeerId, message: StoredMessage) {
        if !self.outbox.push(Outgoing {
            peer,
            bytes: Bytes::Once(message),
            starts: None,
        }) {
            self.count_dropped();
            self.store.free(message);
        }
    }

    /// Queues an answer that repetitions of message `id` get again; if the message is not known (any more),
    /// the answer is sent once and freed.
    pub fn send_answer(&mut self, peer: PeerId, id: MessageId, message: StoredMessage) {
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
        if !self.outbox.holds(message)
            && !self.outbox.push(Outgoing {
                peer,
                bytes: Bytes::Kept(message),
                starts: None,
            })
        {
            self.count_dropped();
        }
    }

    /// Hands in a CON message, or a NON request, that goes out as soon as it may. Gives the message id,
    /// which is `None` while all ids may still be known to a peer. `Err`: no free slot; the message is freed.
    pub fn transmit(
        &mut self,
        peer: PeerId,
        message: StoredMessage,
        confirmable: bool,
        owner: Owner,
        now: Instant,
    ) -> Result<Option<MessageId>, NoSlot> {
        if self.transmissions.is_full() {
            self.store.free(message);
            return Err(NoSlot);
        }
        let id = self
            .ids
            .allocate(now, self.parameters.exchange_lifetime_ms());
        if let Some(id) = id {
            write_id(self.store.get_mut(message), id);
        }
        let message = Some(message);
        self.transmissions.push(Transmission {
            peer,
            id,
            message,
            confirmable,
            owner,
            state: State::Waiting,
        });
        self.start_waiting(now);
        Ok(id)
    }

    /// The end of the transmission with this id, by an ACK or RST that was checked to be about it.
    pub fn end_sent(&mut self, peer: PeerId, id: MessageId, now: Instant) -> Option<Owner> {
        let index = self.transmissions.position_sent(peer, id)?;
        Some(self.end(index, now)?.owner)
    }

    /// The end of an exchange's transmission, if it is still on its way.
    pub fn end_owned(&mut self, exchange: Handle, now: Instant) {
        if let Some(index) = self.transmissions.position_owned(exchange) {
            self.end(index, now);
        }
        // A NON that was started is with the outbox alone.
        if let Some(message) = self.outbox.take_once(exchange) {
            self.store.free(message);
        }
    }

    fn end(&mut self, index: usize, now: Instant) -> Option<Transmission> {
        let transmission = self.transmissions.remove(index)?;
        if let Some(message) = transmission.message {
            self.free(message);
        }
        self.start_waiting(now);
        Some(transmission)
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
            match transmission.state {
                State::Unacknowledged {
                    deadline,
                    timeout_ms,
                    retransmissions,
                } if deadline.is_due(now) => {
                    // RFC 7252 section 4.2: given up when the counter has reached MAX_RETRANSMIT on a timeout.
                    if u32::from(retransmissions) >= self.parameters.max_retransmit {
                        return self.end(index, now).map(Expired::Unacknowledged);
                    }
                    self.retransmit(index, timeout_ms, retransmissions, now);
                }
                State::Expecting { until } if until.is_due(now) => {
                    return self.end(index, now).map(Expired::Unanswered);
                }
                _ => {}
            }
            index += 1;
        }
        self.start_waiting(now);
        None
    }

    fn retransmit(&mut self, index: usize, timeout_ms: u32, retransmissions: u8, now: Instant) {
        let Some(transmission) = self.transmissions.get_mut(index) else {
            return;
        };
        // RFC 7252 section 4.2: the counter is incremented and the timeout is doubled. Counted from
        // now, not from the missed deadline: after a long pause there is one retransmission, not a burst.
        let timeout_ms = timeout_ms.saturating_mul(2).min(LONGEST / 2);
        transmission.state = State::Unacknowledged {
            deadline: now.after(timeout_ms),
            timeout_ms,
            retransmissions: retransmissions.saturating_add(1),
        };
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
        let Some(transmission) = self.transmissions.get(index) else {
            return false;
        };
        transmission.state == State::Waiting
            && !self.outbox.is_full()
            && self.has_turn(index, transmission.peer)
            && self.held_until(transmission, now).is_none()
    }

    /// RFC 7252 section 4.7: at most NSTART outstanding interactions with a peer.
    fn has_turn(&self, index: usize, peer: PeerId) -> bool {
        self.transmissions.outstanding(peer) < self.parameters.nstart as usize
            && !self.transmissions.is_behind(index)
    }

    /// Until when message ids or PROBING_RATE hold a transmission back.
    fn held_until(&self, transmission: &Transmission, now: Instant) -> Option<Instant> {
        let lifetime = self.parameters.exchange_lifetime_ms();
        let id = if transmission.id.is_none() {
            self.ids.available_at(now, lifetime)
        } else {
            None
        };
        let probing = if transmission.confirmable {
            None
        } else {
            self.peers.probing_allowed_at(
                transmission.peer,
                self.parameters.probing_rate,
                lifetime,
                now,
            )
        };
        match (id, probing) {
            (Some(id), Some(probing)) => Some(if id.is_before(probing) { probing } else { id }),
            (id, probing) => id.or(probing),
        }
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
        let starts = if let Owner::Exchange(handle) = transmission.owner {
            Some(handle)
        } else {
            None
        };
        let bytes = if transmission.confirmable {
            // RFC 7252 section 4.2: a random duration between ACK_TIMEOUT and ACK_TIMEOUT * ACK_RANDOM_FACTOR
            let least = self.parameters.ack_timeout_ms;
            let spread = self.parameters.ack_timeout_max_ms().saturating_sub(least);
            let timeout_ms = least.saturating_add(self.jitter.up_to(spread));
            let deadline = now.after(timeout_ms);
            transmission.state = State::Unacknowledged {
                deadline,
                timeout_ms,
                retransmissions: 0,
            };
            Bytes::Kept(message)
        } else {
            transmission.state = State::Expecting {
                until: now.after(self.parameters.ack_timeout_max_ms()),
            };
            transmission.message = None;
            self.peers
                .probed(transmission.peer, self.store.get(message).len(), now);
            Bytes::Once(message)
        };
        // There is room: `may_start` looked.
        self.outbox.push(Outgoing {
            peer: transmission.peer,
            bytes,
            starts,
        });
    }

    /// When `next_expired` has something to do: `None` when no timer runs.
    #[must_use]
    pub fn next_timeout(&self, now: Instant) -> Option<Instant> {
        let mut next = None;
        for (index, transmission) in self.transmissions.iter().enumerate() {
            let at = match transmission.state {
                State::Unacknowledged { deadline, .. } => Some(deadline),
                State::Expecting { until } => Some(until),
                State::Waiting if self.has_turn(index, transmission.peer) => {
                    Some(self.held_until(transmission, now).unwrap_or(now))
                }
                State::Waiting => None,
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

    /// Whether another separate response to the peer may be confirmable. RFC 7252 section 5.2.2 leaves
    /// the choice; peers that acknowledge nothing must not fill the table.
    #[must_use]
    pub fn may_confirm_response(&self, peer: PeerId) -> bool {
        let (all, waiting) = self.transmissions.responses(peer);
        all < TRANSMISSIONS / 2 && waiting == 0
    }

    /// Whether a datagram waits for `poll_transmit`.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// The next datagram to send. Call until `None`.
    pub fn poll_transmit(&mut self) -> Option<Datagram<'_>> {
        self.settle();
        let (outgoing, peer) = loop {
            let outgoing = self.outbox.pop()?;
            if let Some(peer) = self.peers.address(outgoing.peer) {
                break (outgoing, *peer);
            }
        };
        self.counters.sent = self.counters.sent.wrapping_add(1);
        let bytes = match outgoing.bytes {
            Bytes::Empty(bytes) => {
                self.empty = bytes;
                &self.empty
            }
            Bytes::Kept(message) => self.store.get(message),
            Bytes::Once(message) => {
                self.handed_out = Some(message);
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

/// Writes the message id into an encoded message, RFC 7252 section 3.
fn write_id(message: &mut [u8], id: MessageId) {
    if let Some(field) = message.get_mut(2..4) {
        field.copy_from_slice(&id.0.to_be_bytes());
    }
}
