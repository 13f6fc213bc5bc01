// SPDX-License-Identifier: MIT
//! One datagram in, RFC 7252 section 4: format errors, repetitions, acknowledgements, resets and pings are dealt with
//! here; what is left goes up as an [`Incoming`].

use super::deduplication::{Answer, ReceivedId};
use super::peer::{PeerAddr, PeerId};
use super::transmission::Owner;
use super::{Above, MessageLayer, count};
use crate::echo::ECHO_LEN;
use crate::oscore::Protected;
use crate::time::Instant;
use crate::wire::header::{HEADER_LEN, MessageId, MessageType, TOKEN_MAX};
use crate::wire::message::{MessageView, ParseError};

/// Bytes of the longest challenge: a token and the Echo option. No request is too short for it.
const CHALLENGE_MAX: usize = HEADER_LEN + TOKEN_MAX + 1 + ECHO_LEN;

/// A message that has come in. It is accepted, rejected, or remembered until it is answered.
#[derive(Clone, Copy)]
pub struct Incoming<'d> {
    /// Whom it is from.
    pub peer: PeerId,
    /// What it says.
    pub message: MessageView<'d>,
    /// What it is to us.
    pub role: Role,
    /// What it is known by.
    pub id: ReceivedId,
    /// Its bytes.
    pub datagram: &'d [u8],
    /// It came to a group, RFC 7252 section 8.
    pub multicast: bool,
    /// What has protected it.
    pub protected: Protected,
    /// When.
    pub now: Instant,
}

/// What a message is to the endpoint that it has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A request.
    Request,
    /// A response in a message of its own, RFC 7252 sections 5.2.2 and 5.2.3.
    Response,
    /// It acknowledges a message of this owner's, `None`: one that nobody asks about. It may hold a response.
    Acknowledgement(Option<Owner>),
    /// It rejects a message of this owner's.
    Reset(Option<Owner>),
}

impl MessageLayer<'_> {
    /// Takes one datagram in. `None`: there is nothing in it for the layers above.
    // Never inlined: what it keeps on the stack is no part of what those do.
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn receive<'d>(
        &mut self,
        above: &mut impl Above,
        address: &PeerAddr,
        datagram: &'d [u8],
        multicast: bool,
        now: Instant,
    ) -> Option<Incoming<'d>> {
        count(&mut self.counters.received);
        let known = self.peers.find(address);
        if let Some(peer) = known {
            self.peers.heard(peer);
        }
        let message = match MessageView::parse(datagram) {
            Ok(message) => message.without_undefined_payload(),
            Err(error) => {
                count(&mut self.counters.malformed);
                if let ParseError::Format { kind, id } = error
                    && !multicast
                {
                    self.reject_from(above, address, (kind, id), now);
                }
                return None;
            }
        };
        let (kind, code) = (message.kind(), message.code());
        // RFC 7252 section 8.1: only non-confirmable requests are sent to a group.
        if multicast && !(kind == MessageType::NonConfirmable && code.is_request()) {
            self.count_dropped();
            return None;
        }
        let id = ReceivedId::of(&message);
        let (peer, role) = match kind {
            MessageType::Reset if !code.is_empty() => {
                self.count_dropped();
                return None;
            }
            MessageType::Acknowledgement | MessageType::Reset => {
                let is_reset = kind == MessageType::Reset;
                let (peer, owner) = self.find_sent(above, known, id.id, is_reset)?;
                if is_reset {
                    self.end_sent(peer, id.id, now);
                    (peer, Role::Reset(owner))
                } else {
                    (peer, Role::Acknowledgement(owner))
                }
            }
            _ if code.is_request() || code.is_response() => {
                if let Some(peer) = known
                    && self.repeat_answer(peer, id, kind, datagram.len(), now)
                {
                    return None;
                }
                let peer = self.intern_known(above, address, known)?;
                let role = if code.is_request() {
                    Role::Request
                } else {
                    Role::Response
                };
                (peer, role)
            }
            // RFC 7252 section 4.2 and 4.3: Empty CON (a ping), Empty NON, reserved classes.
            _ => {
                if !(kind == MessageType::Confirmable && code.is_empty()) {
                    self.count_dropped();
                }
                self.reject_from(above, address, (kind, id.id), now);
                return None;
            }
        };
        Some(Incoming {
            peer,
            message,
            role,
            id,
            datagram,
            multicast,
            protected: Protected::default(),
            now,
        })
    }

    /// Whose message an ACK or RST is about: one that waits for it, or one that its owner knows to have been sent.
    /// `None`: nobody's, which is counted.
    fn find_sent(
        &mut self,
        above: &impl Above,
        peer: Option<PeerId>,
        id: MessageId,
        is_reset: bool,
    ) -> Option<(PeerId, Option<Owner>)> {
        let sent = |peer| match self.transmissions.position_sent(peer, id) {
            Some(index) => Some(self.transmissions.get(index)?.owner()),
            None => above.sender(peer, id, is_reset).map(Some),
        };
        let found = peer.and_then(|peer| Some((peer, sent(peer)?)));
        if found.is_none() {
            self.count_dropped();
        }
        found
    }

    /// Answers a message that was received before, with `len` bytes now. False: it is new.
    fn repeat_answer(
        &mut self,
        peer: PeerId,
        id: ReceivedId,
        kind: MessageType,
        len: usize,
        now: Instant,
    ) -> bool {
        let Some(answer) = self.deduplication.find(peer, id, now) else {
            return false;
        };
        count(&mut self.counters.duplicates);
        // RFC 7252 section 4.3: a NON is never acknowledged, not even one that reuses the id of a CON.
        match answer {
            _ if kind != MessageType::Confirmable => {}
            Answer::Message(message) => {
                // It may be shorter than what was answered so.
                let again = self.bytes(message).len();
                if again <= CHALLENGE_MAX || !self.is_too_much(peer, len, again) {
                    self.send_again(peer, message);
                }
            }
            Answer::Acknowledged => self.send_empty(peer, MessageType::Acknowledgement, id.id),
            Answer::Empty(kind) => self.send_empty(peer, kind, id.id),
            Answer::Pending | Answer::Silence => {}
        }
        true
    }

    /// Takes a message for good: an ACK ends the transmission that it is about, a CON is acknowledged, also when it
    /// comes again.
    pub fn accept(&mut self, incoming: &Incoming<'_>) {
        let Incoming { peer, id, now, .. } = *incoming;
        let kind = incoming.message.kind();
        let answer = match kind {
            MessageType::Confirmable => Answer::Empty(MessageType::Acknowledgement),
            MessageType::NonConfirmable => Answer::Silence,
            MessageType::Acknowledgement | MessageType::Reset => {
                return self.end_sent(peer, id.id, now);
            }
        };
        // Without room in the table a repetition would be rejected instead of acknowledged: no harm is done.
        self.remember(incoming, answer);
        if kind == MessageType::Confirmable {
            self.send_empty(peer, MessageType::Acknowledgement, id.id);
        }
    }

    /// RFC 7252 section 4.2: rejecting a CON is sending RST; section 4.3: rejecting anything else is ignoring it.
    pub fn reject(&mut self, incoming: &Incoming<'_>) {
        self.count_dropped();
        if incoming.message.kind() == MessageType::Confirmable {
            self.send_reset(incoming);
        }
    }

    /// Sends RST, RFC 7252 section 4.3: also for a NON.
    pub fn send_reset(&mut self, incoming: &Incoming<'_>) {
        self.reset(incoming.peer, incoming.id.id, incoming.now);
    }

    fn reset(&mut self, peer: PeerId, id: MessageId, now: Instant) {
        if self.admits_error(peer, now) {
            self.send_empty(peer, MessageType::Reset, id);
        }
    }

    /// Whether the peer may get another error, or an RST.
    pub fn admits_error(&mut self, peer: PeerId, now: Instant) -> bool {
        let rate = self.parameters.error_rate;
        self.peers.admit_error(peer, rate, now)
    }

    /// The same of a message that goes no further.
    fn reject_from(
        &mut self,
        above: &impl Above,
        address: &PeerAddr,
        (kind, id): (MessageType, MessageId),
        now: Instant,
    ) {
        if kind != MessageType::Confirmable {
            return;
        }
        if let Some(peer) = self.intern(above, address) {
            self.reset(peer, id, now);
        }
    }
}
