// SPDX-License-Identifier: MIT
//! The message layer, RFC 7252 section 4: message ids, reliable transmission, deduplication,
//! congestion control. It knows bytes, peers and time, but not what a request means.

pub mod deduplication;
pub mod draft;
pub mod message_id;
pub mod outbox;
pub mod peer;
pub mod receive;
pub mod reliability;
pub mod send;
pub mod store;
pub mod transmission;

use crate::config::{BLOCK, Parameters};
use crate::rng::Jitter;
use crate::time::Instant;
use crate::wire::header::{HEADER_LEN, MessageId, MessageType};
use crate::wire::option::Options;
use deduplication::{Answer, Deduplication};
use message_id::MessageIds;
use outbox::Outbox;
use peer::{IdKey, PeerAddr, PeerId, PeerTable};
use store::{MessageStore, StoredMessage};
use transmission::{Owner, Transmissions};

/// The amplification limit for who has a session and sends from another address now, where there is none: RFC 9146 section 6
/// wants one.
const MOVED_AMPLIFICATION: usize = 3;

/// What went on; all wrap at 2^32.
#[repr(C)]
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

/// One more.
fn count(counter: &mut u32) {
    *counter = counter.wrapping_add(1);
}

/// A datagram to send. Borrowed until the next call.
#[derive(Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Where to.
    pub peer: &'a PeerAddr,
    /// The message.
    pub bytes: &'a [u8],
    /// Whose first transmission this is.
    pub(crate) starts: Option<Owner>,
}

/// What the message layer asks the layers above it.
pub trait Above {
    /// Whether one of them refers to the peer.
    fn refers_to(&self, peer: PeerId) -> bool;

    /// Who has sent the peer a message with this id that is no longer on its way, and may still be acknowledged, or
    /// rejected.
    fn sender(&self, peer: PeerId, id: MessageId, is_reset: bool) -> Option<Owner>;

    /// Gives a stored message up, if there is one that can be done without.
    fn spare_message(&mut self) -> Option<StoredMessage>;
}

/// State of the message layer.
#[derive(Default)]
pub struct MessageLayer<'m> {
    parameters: Parameters,
    peers: PeerTable,
    ids: MessageIds,
    /// Our messages on their way.
    transmissions: Transmissions,
    /// The peers' messages received lately.
    deduplication: Deduplication,
    store: MessageStore<'m>,
    counters: Counters,
    outbox: Outbox,
    jitter: Jitter,
    /// Handed out by the last `poll_transmit`: freed by the next call.
    handed_out: Option<StoredMessage>,
    empty: [u8; 4],
}

/// As `ffi/placement.rs` wants it: all zeros are a layer with nothing outstanding.
const _: fn(MessageLayer<'_>) = |layer| {
    let MessageLayer {
        parameters: _,
        peers: _,
        ids: _,
        transmissions: _,
        deduplication: _,
        store: _,
        counters: _,
        outbox: _,
        jitter: _,
        handed_out: _,
        empty: _,
    } = layer;
};

impl<'m> MessageLayer<'m> {
    /// Sets what an endpoint is made with, before anything else happens.
    pub fn set_up(&mut self, parameters: Parameters, seed: u32, memory: &'m mut [u8]) {
        self.parameters = parameters;
        self.ids.start_at(seed as u16);
        self.jitter.seed(seed);
        self.store.set_memory(memory);
    }

    /// Sets the secret that the sequences of message ids of different peers are told apart with.
    pub fn set_id_key(&mut self, key: IdKey) {
        self.peers.set_id_key(key);
    }

    /// The next message id for a peer, unless it may still be known to one.
    fn new_id(&mut self, peer: PeerId, now: Instant) -> Option<MessageId> {
        let lifetime = self.parameters.exchange_lifetime_ms();
        let MessageId(number) = self.ids.allocate(now, lifetime)?;
        Some(MessageId(number.wrapping_add(self.peers.id_offset(peer))))
    }

    /// Notes that a message to the peer with this id goes out now.
    fn note_sent(&mut self, peer: PeerId, id: MessageId, now: Instant) {
        let number = id.0.wrapping_sub(self.peers.id_offset(peer));
        self.ids.sent(MessageId(number), now);
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

    /// RFC 7252 section 4.8.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// What went on.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Counts what has come to nothing in time.
    pub fn count_timeout(&mut self) {
        count(&mut self.counters.timeouts);
    }

    /// Counts what the peer has rejected.
    pub fn count_reset(&mut self) {
        count(&mut self.counters.resets);
    }

    /// Counts a message that is ignored, rejected, or not sent for want of room.
    pub fn count_dropped(&mut self) {
        count(&mut self.counters.dropped);
    }

    /// Messages on their way, and received messages whose repetitions are recognised.
    #[must_use]
    pub fn in_use(&self) -> (usize, usize) {
        (self.transmissions.len(), self.deduplication.len())
    }

    /// A random time from 0 to `span_ms`, milliseconds.
    pub fn random_up_to(&mut self, span_ms: u32) -> u32 {
        self.jitter.up_to(span_ms)
    }

    /// How long the Message ID of a received message stays taken, RFC 7252 section 4.8.2; milliseconds.
    #[must_use]
    pub fn lifetime_ms(&self, kind: MessageType) -> u32 {
        match kind {
            MessageType::Confirmable => self.parameters.exchange_lifetime_ms(),
            _ => self.parameters.non_lifetime_ms(),
        }
    }

    /// The sequence of message ids, see [`MessageIds::state`].
    #[must_use]
    pub fn ids_state(&self) -> ((u16, u16), IdKey) {
        (self.ids.state(), self.peers.id_key())
    }

    /// Goes on with the sequence of message ids from before a restart.
    pub fn restore_ids(&mut self, state: (u16, u16), key: IdKey, now: Instant) {
        self.ids.restore(state, now);
        self.peers.set_id_key(key);
    }

    /// The peer's number, if it has one.
    #[must_use]
    pub fn find_peer(&self, address: &PeerAddr) -> Option<PeerId> {
        self.peers.find(address)
    }

    /// The peer's number, made if need be. `None`: no room, everything is in use, which is counted.
    pub fn intern(&mut self, above: &impl Above, address: &PeerAddr) -> Option<PeerId> {
        let known = self.peers.find(address);
        self.intern_known(above, address, known)
    }

    /// The same, after a search for the peer.
    fn intern_known(
        &mut self,
        above: &impl Above,
        address: &PeerAddr,
        known: Option<PeerId>,
    ) -> Option<PeerId> {
        if let Some(id) = known {
            self.peers.touch(id);
            return known;
        }
        let mut old = None;
        loop {
            let added = self.peers.add(address, old);
            if added.is_some() {
                return added;
            }
            let in_use = |id| self.refers_to(id) || above.refers_to(id);
            old = self.peers.least_recently_used(in_use);
            if old.is_none() && !self.evict_answered() {
                self.count_dropped();
                return None;
            }
        }
    }

    /// The address of a peer; `None` if its place was given away.
    #[must_use]
    pub fn address(&self, peer: PeerId) -> Option<&PeerAddr> {
        self.peers.address(peer)
    }

    /// Notes that the peer is somewhere else now, by what it has sent.
    pub fn peer_moved(&mut self, peer: PeerId) {
        self.peers.set_verified(peer, false);
    }

    /// Whether the peer has shown to be where it says, RFC 9175 section 2.4.
    #[must_use]
    pub fn is_verified(&self, peer: PeerId) -> bool {
        self.peers.is_verified(peer)
    }

    /// RFC 9175 section 2.4: whether a message of `len` bytes is too long for a peer that has sent `asked` bytes, and has
    /// not shown to be where it says.
    #[must_use]
    pub fn is_too_much(&self, peer: PeerId, asked: usize, len: usize) -> bool {
        let limit = match self.parameters.amplification {
            0 if self.peers.is_of_session(peer) => MOVED_AMPLIFICATION,
            limit => limit as usize,
        };
        BLOCK && limit != 0 && len > asked.saturating_mul(limit) && !self.is_verified(peer)
    }

    /// Notes that the peer has shown to be where it says.
    pub fn set_verified(&mut self, peer: PeerId) {
        self.peers.set_verified(peer, true);
    }

    /// The bytes of a stored message; empty if it was freed.
    #[must_use]
    pub fn bytes(&self, message: StoredMessage) -> &[u8] {
        self.store.get(message)
    }

    /// The bytes of a stored message; empty if it was freed.
    pub fn bytes_mut(&mut self, message: StoredMessage) -> &mut [u8] {
        self.store.get_mut(message)
    }

    /// Gives back all but the first `len` bytes of a stored message.
    pub fn truncate(&mut self, message: StoredMessage, len: usize) {
        self.store.truncate(message, len);
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

    /// Forgets what is over: received messages, probing of silent peers.
    pub fn expire(&mut self, now: Instant) {
        while let Some(answer) = self.deduplication.take_expired(now) {
            self.free_answer(answer);
        }
        self.peers.leak(self.parameters.probing_rate, now);
    }

    /// Makes room in the deduplication table. False: every entry is being handled.
    fn evict_answered(&mut self) -> bool {
        let answer = self.deduplication.take_oldest_answered();
        answer.map(|answer| self.free_answer(answer)).is_some()
    }

    /// Makes room in the message store. False: all its messages are live.
    fn evict_stored(&mut self) -> bool {
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

    /// Whether `expire` has something to forget some day.
    #[must_use]
    pub fn remembers(&self) -> bool {
        !self.deduplication.is_empty() || self.ids.in_use() || self.peers.is_probing()
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
        count(&mut self.counters.sent);
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
            starts: outgoing.starts(),
        })
    }
}

/// What tests look at.
#[cfg(test)]
impl<'m> MessageLayer<'m> {
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    pub fn ids_mut(&mut self) -> &mut MessageIds {
        &mut self.ids
    }

    pub fn store(&self) -> &MessageStore<'m> {
        &self.store
    }

    pub fn store_mut(&mut self) -> &mut MessageStore<'m> {
        &mut self.store
    }

    pub fn transmissions(&self) -> &Transmissions {
        &self.transmissions
    }

    pub fn deduplication(&self) -> &Deduplication {
        &self.deduplication
    }

    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    pub fn handed_out(&self) -> Option<StoredMessage> {
        self.handed_out
    }
}

/// The token of an encoded message.
pub(crate) fn token_of(message: &[u8]) -> &[u8] {
    let len = message.first().map_or(0, |first| usize::from(first & 0x0F));
    message
        .get(HEADER_LEN..HEADER_LEN + len)
        .unwrap_or_default()
}

/// The options of an encoded message.
pub(crate) fn options_of(message: &[u8]) -> Options<'_> {
    let start = HEADER_LEN + token_of(message).len();
    Options::new(message.get(start..).unwrap_or_default())
}
