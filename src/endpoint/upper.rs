// SPDX-License-Identifier: MIT
//! The layers above the message layer: what they remember, and what they answer it.

use crate::block::transfer::Transfers;
use crate::block::{self, body::Bodies};
use crate::config::{BLOCK, OBSERVE};
use crate::exchange::outgoing::Exchanges;
use crate::exchange::{self, incoming::IncomingRequests};
use crate::message::Above;
use crate::message::peer::PeerId;
use crate::message::store::StoredMessage;
use crate::message::transmission::Owner;
use crate::observe::observation::Observations;
use crate::observe::observer::Observers;
use crate::wire::header::MessageId;
use crate::wire::message::MessageView;
use crate::wire::observe::SEQUENCE_MASK;
use crate::wire::option::{OptionNumber, is_among};

#[derive(Default)]
pub(crate) struct Upper {
    pub(super) exchanges: Exchanges,
    pub(super) incoming: IncomingRequests,
    pub(super) transfers: Transfers,
    pub(super) observations: Observations,
    pub(super) bodies: Bodies,
    pub(super) observers: Observers,
    /// Of the last notification, RFC 7641 section 4.4.
    pub(super) sequence: u32,
}

/// As `ffi/placement.rs` wants it: all zeros are layers that remember nothing.
const _: fn(Upper) = |upper| {
    let Upper {
        exchanges: _,
        incoming: _,
        transfers: _,
        observations: _,
        bodies: _,
        observers: _,
        sequence: _,
    } = upper;
};

impl Upper {
    /// The next number of a notification, RFC 7641 section 4.4.
    pub fn next_sequence(&mut self) -> u32 {
        self.sequence = (self.sequence + 1) & SEQUENCE_MASK;
        self.sequence
    }

    /// Forgets everything but the numbers of notifications.
    pub fn clear(&mut self) {
        self.exchanges.clear();
        self.incoming.clear();
        self.transfers.clear();
        self.observations.clear();
        self.bodies.clear();
        self.observers.clear();
    }
}

/// The first critical option of a message that must be refused for it, RFC 7252 section 5.4.1: each layer says itself
/// what it understands; `by_program`: numbers that the application deals with, 0 for none.
#[cfg_attr(target_os = "none", inline(never))]
pub(super) fn unrecognized_critical(
    message: &MessageView<'_>,
    by_program: &[u16],
) -> Option<OptionNumber> {
    let is_request = message.code().is_request();
    message.unrecognized_critical(|number| {
        exchange::understands(number, is_request)
            || block::understands(number)
            || is_among(number, by_program)
    })
}

impl Above for Upper {
    fn refers_to(&self, peer: PeerId) -> bool {
        self.exchanges.refers_to(peer)
            || self.incoming.refers_to(peer)
            || (BLOCK && self.bodies.refers_to(peer))
            || (OBSERVE && (self.observers.refers_to(peer) || self.observations.refers_to(peer)))
    }

    fn sender(&self, peer: PeerId, id: MessageId, is_reset: bool) -> Option<Owner> {
        self.find_sender(peer, id, is_reset)
    }

    fn spare_message(&mut self) -> Option<StoredMessage> {
        // An observation needs its request to register again.
        let observations = &self.observations;
        let is_spare = |handle| observations.of(handle).is_none();
        self.exchanges.take_spare_request(is_spare)
    }
}
