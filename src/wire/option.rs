// SPDX-License-Identifier: MIT
//! Options: their numbers, what each may hold, and their encoding (RFC 7252 sections 3.1, 5.4 and
//! 5.10).

use super::header::PAYLOAD_MARKER;

/// RFC 7252 section 3.1: a two-byte extension holds the delta or length minus 269.
pub const EXTENDED_TWO: u32 = 269;
/// RFC 7252 section 3.1: a one-byte extension holds the delta or length minus 13.
pub const EXTENDED_ONE: u32 = 13;
/// The longest value the encoding can express, in bytes.
pub const VALUE_MAX: u32 = 0xFFFF + EXTENDED_TWO;

/// An option number; its low bits say how to treat an option nobody knows (RFC 7252 section 5.4.6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct OptionNumber(pub u16);

/// What RFC 7252 table 4, or the option's own RFC, says about an option's values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Definition {
    /// Bytes, inclusive.
    pub min: u16,
    /// Bytes, inclusive.
    pub max: u16,
    /// Whether a message may hold it more than once.
    pub repeatable: bool,
}

impl Definition {
    /// Whether a value of `len` bytes is within the defined range.
    pub fn accepts(&self, len: usize) -> bool {
        usize::from(self.min) <= len && len <= usize::from(self.max)
    }
}

impl OptionNumber {
    /// If-Match, RFC 7252 section 5.10.8.1.
    pub const IF_MATCH: Self = OptionNumber(1);
    /// Uri-Host, RFC 7252 section 5.10.1.
    pub const URI_HOST: Self = OptionNumber(3);
    /// ETag, RFC 7252 section 5.10.6.
    pub const ETAG: Self = OptionNumber(4);
    /// If-None-Match, RFC 7252 section 5.10.8.2.
    pub const IF_NONE_MATCH: Self = OptionNumber(5);
    /// Observe, RFC 7641 section 2.
    pub const OBSERVE: Self = OptionNumber(6);
    /// Uri-Port, RFC 7252 section 5.10.1.
    pub const URI_PORT: Self = OptionNumber(7);
    /// Location-Path, RFC 7252 section 5.10.7.
    pub const LOCATION_PATH: Self = OptionNumber(8);
    /// OSCORE, RFC 8613 section 2.
    pub const OSCORE: Self = OptionNumber(9);
    /// Uri-Path, RFC 7252 section 5.10.1.
    pub const URI_PATH: Self = OptionNumber(11);
    /// Content-Format, RFC 7252 section 5.10.3.
    pub const CONTENT_FORMAT: Self = OptionNumber(12);
    /// Max-Age, RFC 7252 section 5.10.5.
    pub const MAX_AGE: Self = OptionNumber(14);
    /// Uri-Query, RFC 7252 section 5.10.1.
    pub const URI_QUERY: Self = OptionNumber(15);
    /// Hop-Limit, RFC 8768 section 3.
    pub const HOP_LIMIT: Self = OptionNumber(16);
    /// Accept, RFC 7252 section 5.10.4.
    pub const ACCEPT: Self = OptionNumber(17);
    /// Location-Query, RFC 7252 section 5.10.7.
    pub const LOCATION_QUERY: Self = OptionNumber(20);
    /// Block2, RFC 7959 section 2.1.
    pub const BLOCK2: Self = OptionNumber(23);
    /// Block1, RFC 7959 section 2.1.
    pub const BLOCK1: Self = OptionNumber(27);
    /// Size2, RFC 7959 section 4.
    pub const SIZE2: Self = OptionNumber(28);
    /// Proxy-Uri, RFC 7252 section 5.10.2.
    pub const PROXY_URI: Self = OptionNumber(35);
    /// Proxy-Scheme, RFC 7252 section 5.10.2.
    pub const PROXY_SCHEME: Self = OptionNumber(39);
    /// Size1, RFC 7252 section 5.10.9.
    pub const SIZE1: Self = OptionNumber(60);
    /// Echo, RFC 9175 section 2.2.1.
    pub const ECHO: Self = OptionNumber(252);
    /// No-Response, RFC 7967 section 2.
    pub const NO_RESPONSE: Self = OptionNumber(258);
    /// Request-Tag, RFC 9175 section 3.2.1.
    pub const REQUEST_TAG: Self = OptionNumber(292);

    /// RFC 7252 section 5.4.6: bit 0.
    pub const fn is_critical(self) -> bool {
        self.0 & 1 != 0
    }

    /// RFC 7252 section 5.4.6: bit 1, unsafe to forward.
    pub const fn is_unsafe(self) -> bool {
        self.0 & 2 != 0
    }

    /// RFC 7252 section 5.4.6: safe to forward, and not part of a cache key.
    pub const fn is_no_cache_key(self) -> bool {
        self.0 & 0x1E == 0x1C
    }

    /// `None` for an option this crate has no constant for.
    pub fn definition(self) -> Option<Definition> {
        let (min, max, repeatable) = match self {
            Self::IF_MATCH => (0, 8, true),
            Self::URI_HOST => (1, 255, false),
            Self::ETAG => (1, 8, true),
            Self::IF_NONE_MATCH => (0, 0, false),
            Self::LOCATION_PATH | Self::URI_PATH | Self::URI_QUERY | Self::LOCATION_QUERY => {
                (0, 255, true)
            }
            Self::URI_PORT | Self::CONTENT_FORMAT | Self::ACCEPT => (0, 2, false),
            // RFC 7641 section 2 (Observe), RFC 7959 section 2.1 (Block).
            Self::OBSERVE | Self::BLOCK2 | Self::BLOCK1 => (0, 3, false),
            // RFC 7252 section 5.10 (Max-Age, Size1), RFC 7959 section 4 (Size2).
            Self::MAX_AGE | Self::SIZE2 | Self::SIZE1 => (0, 4, false),
            // RFC 8613 section 2.
            Self::OSCORE => (0, 255, false),
            // RFC 8768 section 3.
            Self::HOP_LIMIT => (1, 1, false),
            Self::PROXY_URI => (1, 1034, false),
            Self::PROXY_SCHEME => (1, 255, false),
            // RFC 9175 section 2.2.1.
            Self::ECHO => (1, 40, false),
            // RFC 7967 section 2.
            Self::NO_RESPONSE => (0, 1, false),
            // RFC 9175 section 3.2.1.
            Self::REQUEST_TAG => (0, 8, true),
            _ => return None,
        };
        Some(Definition {
            min,
            max,
            repeatable,
        })
    }
}

/// Whether the number is among these.
#[cfg_attr(feature = "block", inline(never))]
#[expect(
    clippy::manual_contains,
    reason = "contains() is made for long slices, and large"
)]
#[must_use]
pub fn is_among(number: OptionNumber, numbers: &[u16]) -> bool {
    numbers.iter().any(|&one| one == number.0)
}

/// Critical options that a program deals with itself, at most `N`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Understood<const N: usize>([u16; N]);

impl<const N: usize> Default for Understood<N> {
    fn default() -> Self {
        Self([0; N]) // 0 is no critical option
    }
}

impl<const N: usize> Understood<N> {
    /// Those with these numbers; 0 for none.
    #[must_use]
    pub fn new(numbers: [u16; N]) -> Self {
        Self(numbers)
    }

    /// Adds one. False: there is no room.
    pub fn add(&mut self, number: OptionNumber) -> bool {
        let place = self.0.iter_mut().find(|place| **place == 0);
        place.map(|place| *place = number.0).is_some()
    }

    /// Their numbers; 0 for none.
    #[must_use]
    pub fn numbers(&self) -> &[u16; N] {
        &self.0
    }
}

/// One option of a message; the value is borrowed from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OptionView<'a> {
    /// What the option is.
    pub number: OptionNumber,
    /// What it says; its format depends on the number.
    pub value: &'a [u8],
}

/// A message format error among the options, RFC 7252 section 3.1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FormatError;

/// Walks encoded options in the order of the message.
///
/// Meant for a block that [`check`] accepted; on any other bytes it ends at the first malformed
/// option.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    bytes: &'a [u8],
    offset: usize,
    number: u32,
}

impl<'a> Options<'a> {
    /// `bytes` begins right after the token and ends where the options end or later.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::resume(bytes, 0, 0)
    }

    /// Goes on from what [`position`](Self::position) said about the same bytes.
    pub fn resume(bytes: &'a [u8], offset: usize, number: u32) -> Self {
        Options {
            bytes,
            offset,
            number,
        }
    }

    /// The offset of the next option in the bytes, and the number its delta is relative to.
    pub fn position(&self) -> (usize, u32) {
        (self.offset, self.number)
    }

    /// `Ok(None)` at the payload marker or the end of the bytes.
    fn read(&mut self) -> Result<Option<OptionView<'a>>, FormatError> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let Some((&first, after)) = rest.split_first() else {
            return Ok(None);
        };
        if first == PAYLOAD_MARKER {
            return Ok(None);
        }
        let (delta, after) = extended(first >> 4, after)?;
        let (len, after) = extended(first & 0x0F, after)?;
        let number = self.number.saturating_add(delta);
        // RFC 7252 section 3.1 has 16-bit option numbers; a sum beyond them names no option.
        let short = u16::try_from(number).map_err(|_| FormatError)?;
        let (value, after) = after.split_at_checked(len as usize).ok_or(FormatError)?;
        self.offset = self.bytes.len().saturating_sub(after.len());
        self.number = number;
        Ok(Some(OptionView {
            number: OptionNumber(short),
            value,
        }))
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = OptionView<'a>;

    fn next(&mut self) -> Option<OptionView<'a>> {
        self.read().ok().flatten()
    }
}

/// A delta or length with its extension taken from the front of `bytes`, RFC 7252 section 3.1.
fn extended(nibble: u8, bytes: &[u8]) -> Result<(u32, &[u8]), FormatError> {
    match (nibble, bytes) {
        (0..=12, _) => Ok((u32::from(nibble), bytes)),
        (13, [low, rest @ ..]) => Ok((u32::from(*low) + EXTENDED_ONE, rest)),
        (14, [high, low, rest @ ..]) => Ok((
            u32::from(u16::from_be_bytes([*high, *low])) + EXTENDED_TWO,
            rest,
        )),
        // RFC 7252 section 3.1: 15 is reserved, except in the payload marker.
        _ => Err(FormatError),
    }
}

/// Which options a message has: no bit is set of one that it has not, but several share a bit.
#[derive(Clone, Copy, Default, Debug)]
pub struct Present(u32);

impl Present {
    fn add(&mut self, number: OptionNumber) {
        self.0 |= 1 << (number.0 % 32);
    }

    /// False: the message has no such option.
    #[must_use]
    pub fn may_hold(self, number: OptionNumber) -> bool {
        self.0 >> (number.0 % 32) & 1 != 0
    }
}

/// Checks everything that follows the token; returns how many bytes the options take, and which there are.
///
/// The payload marker, if there is one, is at that offset.
pub fn check(bytes: &[u8]) -> Result<(usize, Present), FormatError> {
    let mut options = Options::new(bytes);
    let mut present = Present::default();
    while let Some(option) = options.read()? {
        present.add(option.number);
    }
    // RFC 7252 section 3: a marker followed by a zero-length payload is a message format error.
    if bytes.len().saturating_sub(options.offset) == 1 {
        return Err(FormatError);
    }
    Ok((options.offset, present))
}

#[cfg(test)]
pub(super) mod tests;
