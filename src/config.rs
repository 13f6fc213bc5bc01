// SPDX-License-Identifier: MIT
//! Capacities, chosen by board profile at build time, and the transmission parameters of RFC 7252
//! section 4.8, chosen per endpoint at run time.

/// Capacities of one profile. Byte costs are with all features; a test checks them.
#[derive(Clone, Copy, Debug)]
struct Profile {
    peers: usize,
    deduplication: usize,
    transmissions: usize,
    exchanges: usize,
    requests: usize,
    transfers: usize,
    observations: usize,
    bodies: usize,
    observers: usize,
    contexts: usize,
    max_message: u32,
    message_store: u32,
    max_body: u32,
}

/// ESP8266: about 40 KB of heap for everything.
const ESP8266: Profile = Profile {
    peers: 8,
    deduplication: 8,
    transmissions: 4,
    exchanges: 4,
    requests: 3,
    transfers: 1,
    observations: 2,
    bodies: 1,
    observers: 2,
    contexts: 4,
    max_message: 512,
    message_store: 640,
    max_body: 2048,
};

/// ESP32 family.
const ESP32: Profile = Profile {
    peers: 16,
    deduplication: 16,
    transmissions: 8,
    exchanges: 8,
    requests: 8,
    transfers: 2,
    observations: 4,
    bodies: 2,
    observers: 8,
    contexts: 8,
    max_message: 1152,
    message_store: 2560,
    max_body: 16_384,
};

/// The unix port: for tests and gateways.
const UNIX: Profile = Profile {
    peers: 64,
    deduplication: 64,
    transmissions: 56,
    exchanges: 56,
    requests: 20,
    transfers: 8,
    observations: 16,
    bodies: 8,
    observers: 12,
    contexts: 16,
    max_message: 1152,
    message_store: 32768,
    max_body: 1 << 20,
};

/// A gateway: a unix machine that many devices talk to.
const GATEWAY: Profile = Profile {
    peers: 1024,
    deduplication: 1024,
    observers: 56,
    contexts: 24,
    message_store: 65_535,
    ..UNIX
};

const PROFILE: Profile = if cfg!(feature = "profile-gateway") {
    GATEWAY
} else if cfg!(feature = "profile-unix") {
    UNIX
} else if cfg!(feature = "profile-esp32") || !cfg!(feature = "profile-esp8266") {
    ESP32
} else {
    ESP8266
};

/// Peers an endpoint keeps state for. 32 bytes each, 20 without IPv6. A peer that nothing refers to gives way.
pub const PEERS: usize = PROFILE.peers;

/// What names a place in a table: as short as the profile allows.
#[cfg(not(feature = "profile-gateway"))]
pub type Place = u8;
/// What names a place in a table: as short as the profile allows.
#[cfg(feature = "profile-gateway")]
pub type Place = u16;

/// What names a place in a table, and is never 0.
#[cfg(not(feature = "profile-gateway"))]
pub type NonZeroPlace = core::num::NonZeroU8;
/// What names a place in a table, and is never 0.
#[cfg(feature = "profile-gateway")]
pub type NonZeroPlace = core::num::NonZeroU16;

/// Peers whose errors are counted, and whose message ids are moved. 3 bytes each.
pub const NOTED_PEERS: usize = if BLOCK { PEERS } else { 0 };

/// Received messages whose repetitions are recognised, RFC 7252 section 4.5. 12 bytes each, and the
/// bytes of the answer in the message store. When full, the oldest answered one gives way.
pub const DEDUPLICATION: usize = PROFILE.deduplication;

/// Confirmable messages that wait for their ACK or their turn, and non-confirmable requests that
/// wait for their turn. 28 bytes each, and the message's bytes in the message store.
pub const TRANSMISSIONS: usize = PROFILE.transmissions;

/// Requests of ours that wait for their response. 64 bytes each.
pub const EXCHANGES: usize = PROFILE.exchanges;

/// Requests of peers that handlers have not answered yet. 72 bytes each.
pub const REQUESTS: usize = PROFILE.requests;

/// Block-wise transfer, RFC 7959, with Echo and Request-Tag, RFC 9175.
pub const BLOCK: bool = cfg!(feature = "block");

/// Observe, RFC 7641.
pub const OBSERVE: bool = cfg!(feature = "observe");

/// Resource discovery, RFC 6690, and multicast, RFC 7252 section 8.
pub const DISCOVERY: bool = cfg!(feature = "discovery");

/// Attributes of resources, RFC 6690: what Accept asks for is compared with `ct`.
pub const ATTRIBUTES: bool = cfg!(feature = "attributes");

/// Block-wise transfers of ours that are under way. 32 bytes each.
pub const TRANSFERS: usize = if BLOCK { PROFILE.transfers } else { 0 };

/// Resources of peers that we observe. 28 bytes each, and the request's bytes in the message store.
pub const OBSERVATIONS: usize = if OBSERVE { PROFILE.observations } else { 0 };

/// Bodies that peers send to us or fetch from us block by block. 20 bytes each.
pub const BODIES: usize = if BLOCK { PROFILE.bodies } else { 0 };

/// Observers of our resources. 52 bytes each, and the request's bytes in the message store.
pub const OBSERVERS: usize = if OBSERVE { PROFILE.observers } else { 0 };

/// OSCORE, RFC 8613. It needs Echo.
pub const OSCORE: bool = cfg!(feature = "oscore");

/// Security contexts that an endpoint knows. A pointer each; the program has the contexts themselves.
pub const CONTEXTS: usize = if OSCORE { PROFILE.contexts } else { 0 };

/// Whether the message of a request is kept until the exchange has ended, to make others from it.
pub const KEEP_REQUESTS: bool = BLOCK || OBSERVE;

/// Messages in the message store: every transmission, every repeatable answer, and with
/// [`KEEP_REQUESTS`] every exchange, every observer and every request to observe may hold one, and one
/// more is being written; but not more than a [`Place`] can name. 4 bytes each.
pub const STORED_MESSAGES: usize = {
    let kept = if KEEP_REQUESTS { EXCHANGES } else { 0 };
    let asked = if OBSERVE { REQUESTS } else { 0 };
    let all = TRANSMISSIONS + DEDUPLICATION + OBSERVERS + kept + asked;
    let most = Place::MAX as usize;
    if all < most { all } else { most }
};

/// Datagrams that wait for `poll_transmit`. 12 bytes each. One received datagram causes at most two;
/// timers can cause one for every transmission and for every request at once.
pub const OUTBOX: usize = 4 + TRANSMISSIONS + REQUESTS;

/// Critical options that the handler of a resource may deal with itself. 2 bytes each, for each resource.
pub const UNDERSTOOD_IN_REQUESTS: usize = 4;

/// Critical options of responses that a program may deal with itself. 2 bytes each, for each exchange.
pub const UNDERSTOOD_IN_RESPONSES: usize = 2;

/// Bytes of the longest peer address: family, IP address and port.
pub const PEER_ADDRESS_MAX: usize = if cfg!(feature = "ipv6") { 19 } else { 7 };

const MAX_MESSAGE_MOST: u32 = 8192;
const MESSAGE_STORE_MOST: u32 = 65_535;

/// Transmission parameters, RFC 7252 section 4.8, and the sizes an endpoint may choose.
///
/// Times are milliseconds.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// `ACK_TIMEOUT`, milliseconds, 1 to 600,000.
    pub ack_timeout_ms: u32,
    /// `ACK_RANDOM_FACTOR` times 1000, 1000 to 10,000.
    pub ack_random_factor_permille: u32,
    /// `MAX_LATENCY`, milliseconds, at most 1,000,000.
    pub max_latency_ms: u32,
    /// `PROCESSING_DELAY`, milliseconds, at most 600,000.
    pub processing_delay_ms: u32,
    /// `DEFAULT_LEISURE`, milliseconds, at most 600,000.
    pub default_leisure_ms: u32,
    /// `PROBING_RATE`, bytes per second, 1 to 1,000,000.
    pub probing_rate: u32,
    /// `MAX_RETRANSMIT`, at most 10.
    pub max_retransmit: u32,
    /// `NSTART`, 1 to 255.
    pub nstart: u32,
    /// Bytes of the largest datagram that is written or accepted, 64 to 8192.
    pub max_message: u32,
    /// Bytes kept for outstanding and repeatable messages, `max_message` to 65,535; 0 only before
    /// [`Parameters::complete`].
    pub message_store: u32,
    /// Bytes of the largest body that is put together from blocks, at most 2^30; a resource may have its
    /// own limit.
    pub max_body: u32,
    /// How many times longer than its request a response to a peer may be that has not shown to be where it
    /// says, RFC 9175 section 2.4; at most 10,000, 0: any length.
    pub amplification: u32,
    /// How many errors of the engine's own, and RSTs, a peer gets within a second; at most 255, 0: any number.
    pub error_rate: u32,
}

impl Default for Parameters {
    /// The values of RFC 7252 section 4.8 and the sizes of this build's profile.
    fn default() -> Self {
        Self {
            ack_timeout_ms: 2000,
            ack_random_factor_permille: 1500,
            max_latency_ms: 100_000,
            processing_delay_ms: 2000,
            default_leisure_ms: 5000,
            probing_rate: 1,
            max_retransmit: 4,
            nstart: 1,
            max_message: PROFILE.max_message,
            message_store: PROFILE.message_store,
            max_body: PROFILE.max_body,
            amplification: 0,
            error_rate: 0,
        }
    }
}

impl Parameters {
    /// Replaces a `message_store` of 0: as large as the profile has it, in proportion to `max_message`.
    pub fn complete(&mut self) {
        if self.message_store == 0 && self.max_message <= MAX_MESSAGE_MOST {
            let store = PROFILE.message_store * self.max_message / PROFILE.max_message;
            self.message_store = store.min(MESSAGE_STORE_MOST);
        }
    }

    /// The index, in field order, of the first parameter that is out of range.
    #[must_use]
    pub fn out_of_range(&self) -> Option<usize> {
        [
            (self.ack_timeout_ms, 1, 600_000),
            (self.ack_random_factor_permille, 1000, 10_000),
            (self.max_latency_ms, 0, 1_000_000),
            (self.processing_delay_ms, 0, 600_000),
            (self.default_leisure_ms, 0, 600_000),
            (self.probing_rate, 1, 1_000_000),
            (self.max_retransmit, 0, 10),
            (self.nstart, 1, 255),
            (self.max_message, 64, MAX_MESSAGE_MOST),
            (self.message_store, self.max_message, MESSAGE_STORE_MOST),
            (self.max_body, 0, 1 << 30),
            (self.amplification, 0, 10_000),
            (self.error_rate, 0, 255),
        ]
        .iter()
        .position(|&(value, least, most)| value < least || value > most)
    }

    /// The largest initial timeout: `ACK_TIMEOUT * ACK_RANDOM_FACTOR`, milliseconds.
    #[must_use]
    pub fn ack_timeout_max_ms(&self) -> u32 {
        // At most 600,000 * 10,000 / 1000; the product needs more than 32 bits, the factors do not.
        (self.ack_timeout_ms / 1000) * self.ack_random_factor_permille
            + (self.ack_timeout_ms % 1000) * self.ack_random_factor_permille / 1000
    }

    /// `MAX_TRANSMIT_SPAN`: from the first transmission of a CON to its last, milliseconds.
    #[must_use]
    pub fn max_transmit_span_ms(&self) -> u32 {
        // RFC 7252 section 4.8.2: ACK_TIMEOUT * ((2 ** MAX_RETRANSMIT) - 1) * ACK_RANDOM_FACTOR
        self.ack_timeout_max_ms()
            .saturating_mul((1 << self.max_retransmit.min(10)) - 1)
    }

    /// `EXCHANGE_LIFETIME`: how long a message id of a CON stays taken, milliseconds.
    #[must_use]
    pub fn exchange_lifetime_ms(&self) -> u32 {
        // RFC 7252 section 4.8.2: MAX_TRANSMIT_SPAN + (2 * MAX_LATENCY) + PROCESSING_DELAY
        self.max_transmit_span_ms()
            .saturating_add(2 * self.max_latency_ms)
            .saturating_add(self.processing_delay_ms)
            .min(crate::time::LONGEST / 2)
    }

    /// `NON_LIFETIME`: how long a message id of a NON stays taken, milliseconds.
    #[must_use]
    pub fn non_lifetime_ms(&self) -> u32 {
        // RFC 7252 section 4.8.2: MAX_TRANSMIT_SPAN + MAX_LATENCY
        self.max_transmit_span_ms()
            .saturating_add(self.max_latency_ms)
            .min(crate::time::LONGEST / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(feature = "ipv6"))]
    fn a_peer_without_ipv6_costs_what_its_comment_says() {
        assert_eq!(crate::message::peer::PeerTable::ENTRY_LEN, 20);
    }

    #[test]
    fn features_choose_the_profile() {
        let (exchanges, max_message) =
            if cfg!(any(feature = "profile-unix", feature = "profile-gateway")) {
                (56, 1152)
            } else if cfg!(feature = "profile-esp32") {
                (8, 1152)
            } else if cfg!(feature = "profile-esp8266") {
                (4, 512)
            } else {
                (8, 1152)
            };
        assert_eq!(EXCHANGES, exchanges);
        assert_eq!(Parameters::default().max_message, max_message);
    }

    #[test]
    fn derived_times_are_those_of_rfc_7252_section_4_8_2() {
        let p = Parameters::default();
        assert_eq!(p.max_transmit_span_ms(), 45_000);
        assert_eq!(p.exchange_lifetime_ms(), 247_000);
        assert_eq!(p.non_lifetime_ms(), 145_000);
    }

    #[test]
    fn random_factor_applies_to_odd_timeouts() {
        let p = Parameters {
            ack_timeout_ms: 1234,
            ack_random_factor_permille: 1500,
            ..Default::default()
        };
        assert_eq!(p.ack_timeout_max_ms(), 1851);
    }

    #[test]
    fn defaults_are_in_range_and_each_bound_is_kept() {
        let good = Parameters::default();
        assert_eq!(good.out_of_range(), None);
        assert_eq!(
            Parameters {
                ack_timeout_ms: 0,
                ..good
            }
            .out_of_range(),
            Some(0)
        );
        assert_eq!(
            Parameters {
                ack_random_factor_permille: 999,
                ..good
            }
            .out_of_range(),
            Some(1)
        );
        assert_eq!(
            Parameters {
                max_retransmit: 11,
                ..good
            }
            .out_of_range(),
            Some(6)
        );
        assert_eq!(Parameters { nstart: 0, ..good }.out_of_range(), Some(7));
        assert_eq!(
            Parameters {
                max_message: 63,
                ..good
            }
            .out_of_range(),
            Some(8)
        );
        assert_eq!(
            Parameters {
                message_store: good.max_message - 1,
                ..good
            }
            .out_of_range(),
            Some(9)
        );
    }

    #[test]
    fn the_message_store_follows_the_largest_message() {
        for max_message in [64, 512, PROFILE.max_message, 8192] {
            let mut p = Parameters {
                max_message,
                message_store: 0,
                ..Default::default()
            };
            p.complete();
            assert_eq!(p.out_of_range(), None, "{p:?}");
            p.message_store = max_message + 1;
            p.complete();
            assert_eq!(p.message_store, max_message + 1, "chosen is chosen");
        }
        let mut p = Parameters {
            message_store: 0,
            ..Default::default()
        };
        p.complete();
        assert_eq!(p, Parameters::default());
        p.max_message = u32::MAX;
        p.message_store = 0;
        p.complete();
        assert_eq!(p.out_of_range(), Some(8));
    }

    #[test]
    fn longest_parameters_do_not_overflow() {
        let p = Parameters {
            ack_timeout_ms: 600_000,
            ack_random_factor_permille: 10_000,
            max_retransmit: 10,
            max_latency_ms: 1_000_000,
            processing_delay_ms: 600_000,
            ..Default::default()
        };
        assert_eq!(p.out_of_range(), None);
        assert!(p.exchange_lifetime_ms() <= crate::time::LONGEST / 2);
    }
}

#[cfg(all(
    test,
    feature = "ipv6",
    feature = "block",
    feature = "observe",
    feature = "oscore",
    not(feature = "profile-gateway")
))]
mod costs {
    use crate::block::{body::Bodies, transfer::Transfers};
    use crate::exchange::incoming::IncomingRequests;
    use crate::exchange::outgoing::Exchanges;
    use crate::message::deduplication::Deduplication;
    use crate::message::outbox::Outgoing;
    use crate::message::peer::PeerTable;
    use crate::message::store::MessageStore;
    use crate::message::transmission::Transmission;
    use crate::observe::observation::Observations;
    use crate::observe::observer::Observers;

    /// What the comment of a capacity says that each costs, bytes.
    fn stated_cost(capacity: &str) -> usize {
        let source = include_str!("config.rs");
        let (before, _) = source
            .split_once(&format!("pub const {capacity}: usize"))
            .unwrap();
        let (_, comment) = before.rsplit_once("\n\n").unwrap();
        let (before, _) = comment.split_once(" bytes each").expect(capacity);
        before.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// All of it is numbers of fixed size, so that a 32-bit CPU has the same.
    #[test]
    fn each_costs_what_its_comment_says() {
        let costs = [
            ("PEERS", PeerTable::ENTRY_LEN),
            ("DEDUPLICATION", Deduplication::ENTRY_LEN),
            ("TRANSMISSIONS", size_of::<Transmission>()),
            ("EXCHANGES", Exchanges::ENTRY_LEN),
            ("REQUESTS", IncomingRequests::ENTRY_LEN),
            ("TRANSFERS", Transfers::ENTRY_LEN),
            ("OBSERVATIONS", Observations::ENTRY_LEN),
            ("BODIES", Bodies::ENTRY_LEN),
            ("OBSERVERS", Observers::ENTRY_LEN),
            ("STORED_MESSAGES", MessageStore::ENTRY_LEN),
            ("OUTBOX", size_of::<Outgoing>()),
        ];
        for (capacity, cost) in costs {
            assert_eq!(stated_cost(capacity), cost, "{capacity}");
        }
    }
}
