// SPDX-License-Identifier: MIT
//! From a message to a protected one and back, in place: RFC 8613 sections 4 and 8.

use super::algorithm::TAG_LEN;
use super::context::Protection;
use super::option::{OSCORE_VALUE_MAX, OscoreOption};
use crate::list;
use crate::wire::builder::{BuildError, MessageDraft};
use crate::wire::code::Code;
use crate::wire::header::HEADER_LEN;
use crate::wire::message::MessageView;
use crate::wire::option::{OptionNumber, Options};
use crate::wire::uint;

/// Bytes by which a message grows at most, beside the options that stay outside: the code, the payload marker, the tag,
/// OSCORE and the outer Observe, each with its length.
pub const COVER_MAX: usize = 1 + 1 + TAG_LEN + 2 + OSCORE_VALUE_MAX + 4;

/// The options that stay unprotected, RFC 8613 section 4.1.2 (Class U), and RFC 8768 section 3 for Hop-Limit.
pub const OUTER: [OptionNumber; 5] = [
    OptionNumber::URI_HOST,
    OptionNumber::URI_PORT,
    OptionNumber::HOP_LIMIT,
    OptionNumber::PROXY_URI,
    OptionNumber::PROXY_SCHEME,
];

/// What a message is covered with.
pub struct Cover<'a> {
    /// What it is encrypted with.
    pub protection: &'a Protection,
    /// The OSCORE option.
    pub option: OscoreOption<'a>,
    /// The code inside.
    pub code: Code,
    /// The Observe option outside.
    pub observe: Option<u32>,
}

impl Cover<'_> {
    /// RFC 8613 sections 4.1.3.5 and 4.2: the code outside.
    #[must_use]
    pub fn outer_code(&self) -> Code {
        match (self.code.is_request(), self.observe.is_some()) {
            (true, false) => Code::POST,
            (true, true) => Code::FETCH,
            (false, false) => Code::CHANGED,
            (false, true) => Code::CONTENT,
        }
    }

    /// Covers a message that was written without its outer options, which are among these. After an error it is as it was,
    /// but for the bytes behind it.
    pub fn put(
        &self,
        outer: Options<'_>,
        draft: &mut MessageDraft,
        buffer: &mut [u8],
    ) -> Result<(), BuildError> {
        let mut value = [0; OSCORE_VALUE_MAX];
        let len = self.option.encode(&mut value);
        let value = value.get(..len).unwrap_or_default();
        let text = draft.enclose(buffer, 1, TAG_LEN, |draft, buffer| {
            for option in outer {
                if is_outer(option.number) {
                    draft.option(buffer, option.number, option.value)?;
                }
            }
            if let Some(observe) = self.observe {
                draft.option(
                    buffer,
                    OptionNumber::OBSERVE,
                    uint::encode(observe).as_slice(),
                )?;
            }
            draft.option(buffer, OptionNumber::OSCORE, value)
        })?;
        if let Some(code) = text.first_mut() {
            *code = self.code.0;
        }
        self.protection.encrypt(text);
        Ok(())
    }
}

/// Whether an option stays unprotected.
#[must_use]
#[expect(
    clippy::manual_contains,
    reason = "contains() is made for long slices, and large"
)]
pub fn is_outer(number: OptionNumber) -> bool {
    OUTER.iter().any(|&outer| outer == number)
}

/// Takes the cover off a message; gives its length, and the outer options are gone: what is not protected is not
/// seen. `None`: it was not made so, and is as it was.
pub fn uncover(datagram: &mut [u8], protection: &Protection) -> Option<usize> {
    let message = MessageView::parse(datagram).ok()?;
    let start = HEADER_LEN + message.token().len();
    let at = datagram.len() - message.payload().len();
    let text = datagram.get_mut(at..)?;
    // A code at least.
    let len = text.len().checked_sub(TAG_LEN + 1)?;
    protection.decrypt(text).then_some(())?;
    let code = text.first().copied()?;
    if let Some(place) = datagram.get_mut(1) {
        *place = code;
    }
    list::move_bytes_down(datagram.get_mut(start..at + 1 + len)?, at + 1 - start);
    Some(start + len)
}
