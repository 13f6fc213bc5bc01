// SPDX-License-Identifier: MIT
//! The value of the OSCORE option, RFC 8613 section 6.1.

use super::context::{ID_CONTEXT_MAX, ID_MAX};
use super::piv::{PIV_MAX, PartialIv};
use crate::wire::writer::Writer;

/// Bytes of the longest value that is written.
pub const OSCORE_VALUE_MAX: usize = 1 + PIV_MAX + 1 + ID_CONTEXT_MAX + ID_MAX;

const PIV_LEN: u8 = 0b111;
const HAS_KID: u8 = 1 << 3;
const HAS_KID_CONTEXT: u8 = 1 << 4;

/// What the option says.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct OscoreOption<'a> {
    /// Partial IV.
    pub piv: Option<PartialIv>,
    /// 'kid context'.
    pub kid_context: Option<&'a [u8]>,
    /// 'kid'.
    pub kid: Option<&'a [u8]>,
}

impl<'a> OscoreOption<'a> {
    /// Reads a value. `None`: it is malformed.
    #[must_use]
    pub fn decode(value: &'a [u8]) -> Option<Self> {
        let Some((&flags, rest)) = value.split_first() else {
            return Some(Self::default());
        };
        // No flags have no byte; reserved ones are zero.
        if flags == 0 || flags & !(PIV_LEN | HAS_KID | HAS_KID_CONTEXT) != 0 {
            return None;
        }
        let (piv, mut rest) = rest.split_at_checked(usize::from(flags & PIV_LEN))?;
        let mut option = Self::default();
        if !piv.is_empty() {
            option.piv = Some(PartialIv::decode(piv)?);
        }
        if flags & HAS_KID_CONTEXT != 0 {
            let (&len, after) = rest.split_first()?;
            let (kid_context, after) = after.split_at_checked(usize::from(len))?;
            option.kid_context = Some(kid_context);
            rest = after;
        }
        if flags & HAS_KID != 0 {
            option.kid = Some(rest);
        } else if !rest.is_empty() {
            return None;
        }
        Some(option)
    }

    /// Writes the value; gives its length.
    pub fn encode(&self, out: &mut [u8; OSCORE_VALUE_MAX]) -> usize {
        let mut flags = 0;
        if let Some(piv) = &self.piv {
            flags |= piv.as_slice().len() as u8;
        }
        if self.kid.is_some() {
            flags |= HAS_KID;
        }
        if self.kid_context.is_some() {
            flags |= HAS_KID_CONTEXT;
        }
        let mut writer = Writer::new(out, 0);
        if flags == 0 {
            return 0;
        }
        writer.byte(flags);
        if let Some(piv) = &self.piv {
            writer.bytes(piv.as_slice());
        }
        if let Some(kid_context) = self.kid_context {
            writer.counted(kid_context);
        }
        if let Some(kid) = self.kid {
            writer.bytes(kid);
        }
        writer.position()
    }
}
