// SPDX-License-Identifier: MIT
//! Partial IVs: Sender Sequence Numbers as they stand in messages and nonces, RFC 8613 sections 5 and 7.2.

/// Bytes of the longest Partial IV.
pub const PIV_MAX: usize = 5;

/// The largest Sender Sequence Number, RFC 8613 section 7.2.1.
pub const LAST: u64 = (1 << (8 * PIV_MAX)) - 1;

/// A Partial IV, in network byte order and left-padded, RFC 8613 section 5.2.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct PartialIv([u8; PIV_MAX]);

impl PartialIv {
    /// That of a Sender Sequence Number, at most [`LAST`].
    #[must_use]
    pub fn new(number: u64) -> Self {
        let [_, _, _, padded @ ..] = number.to_be_bytes();
        Self(padded)
    }

    /// As a message has it. `None`: no bytes, or more than five.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || bytes.len() > PIV_MAX {
            return None;
        }
        let number = bytes.iter().fold(0, |n, &byte| n << 8 | u64::from(byte));
        Some(Self::new(number))
    }

    /// As a message has it: without leading zeros, but for the last byte.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        let zeros = self.0.iter().take_while(|&&byte| byte == 0).count();
        self.0.get(zeros.min(PIV_MAX - 1)..).unwrap_or_default()
    }

    /// Left-padded with zeros.
    #[must_use]
    pub fn padded(&self) -> &[u8; PIV_MAX] {
        &self.0
    }

    /// The Sender Sequence Number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0.iter().fold(0, |n, &byte| n << 8 | u64::from(byte))
    }
}
