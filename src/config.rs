// SPDX-License-Identifier: MIT
//! Capacities, chosen by board profile at build time, and the transmission parameters of RFC 7252
//! section 4.8, chosen per endpoint at run time.

/// Capacities of one profile. Byte costs are those of a 32-bit CPU.
#[derive(Clone, Copy, Debug)]
struct Profile {
    peers: usize,
    deduplication: usize,
    transmissions: usize,
    exchanges: usize,
    requests: usize,
    max_message: u32,
    message_store: u32,
}

/// ESP8266: about 40 KB of heap for everything.
const ESP8266: Profile = Profile {
    peers: 8,
    deduplication: 8,
    transmissions: 4,
    exchanges: 4,
    requests: 3,
    max_message: 512,
    message_store: 768,
};

/// ESP32 family.
const ESP32: Profile = Profile {
    peers: 16,
    deduplication: 16,
    transmissions: 8,
    exchanges: 8,
    requests: 6,
    max_message: 1152,
    message_store: 2048,
};

/// The unix port: for tests and gateways.
const UNIX: Profile = Profile {
    peers: 96,
    deduplication: 80,
    transmissions: 64,
    exchanges: 64,
    requests: 32,
    max_message: 1152,
    message_store: 32768,
};

const PROFILE: Profile = if cfg!(feature = "profile-unix") {
    UNIX
} else if cfg!(feature = "profile-esp32") || !cfg!(feature = "profile-esp8266") {
    ESP32
} else {
    ESP8266
};

/// Peers an endpoint keeps state for. 40 bytes each. A peer that nothing refers to gives way.
pub const PEERS: usize = PROFILE.peers;

/// Received messages whose repetitions are recognised, RFC 7252 section 4.5. 16 bytes each, and the
/// bytes of the answer in the message store. When full, the oldest answered one gives way.
pub const DEDUPLICATION: usize = PROFILE.deduplication;

/// Confirmable messages that wait for their ACK or their turn, and non-confirmable requests that
/// wait for their turn. 24 bytes each, and the message's bytes in the message store.
pub const TRANSMISSIONS: usize = PROFILE.transmissions;

/// Requests of ours that wait for their response. 28 bytes each.
pub const EXCHANGES: usize = PROFILE.exchanges;

/// Requests of peers that handlers have not answered yet. 24 bytes each.
pub const REQUESTS: usize = PROFILE.requests;

/// Messages in the message store: every transmission and every repeatable answer may hold one, and
/// one more is being written. 4 bytes each.
pub const STORED_MESSAGES: usize = TRANSMISSIONS + DEDUPLICATION;

/// Datagrams that wait for `poll_transmit`. 12 bytes each. One received datagram causes at most two;
/// timers can cause one for every transmission and for every request at once.
pub const OUTBOX: usize = 8 + TRANSMISSIONS + REQUESTS;

/// Bytes of the longest peer address: family, IPv6 address and port, with room to spare.
pub const PEER_ADDRESS_MAX: usize = 24;

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
    /// Bytes kept for outstanding and repeatable messages, `max_message` to 65,535.
    pub message_store: u32,
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
        }
    }
}

impl Parameters {
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
            (self.max_message, 64, 8192),
            (self.message_store, self.max_message, 65_535),
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
