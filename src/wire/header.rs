// SPDX-License-Identifier: MIT
//! The fixed header and the token, RFC 7252 section 3.

/// RFC 7252 section 3: implementations set this field to 1.
pub const VERSION: u8 = 1;
/// Bytes before the token.
pub const HEADER_LEN: usize = 4;
/// RFC 7252 section 3: lengths 9-15 are reserved.
pub const TOKEN_MAX: usize = 8;
/// RFC 7252 section 3: separates the options from a payload that is not empty.
pub const PAYLOAD_MARKER: u8 = 0xFF;

/// RFC 7252 section 3, the field T.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageType {
    /// CON: wants an acknowledgement.
    Confirmable = 0,
    /// NON: wants none.
    NonConfirmable = 1,
    /// ACK: answers a CON.
    Acknowledgement = 2,
    /// RST: the message could not be processed.
    Reset = 3,
}

impl MessageType {
    /// Takes the low two bits; the others are ignored.
    pub fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Confirmable,
            1 => Self::NonConfirmable,
            2 => Self::Acknowledgement,
            _ => Self::Reset,
        }
    }
}

/// Pairs a message with its ACK or RST and reveals duplicates, RFC 7252 section 4.4.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MessageId(pub u16);

/// Pairs a response with its request, RFC 7252 section 5.3.1: 0 to 8 opaque bytes.
#[derive(Clone, Copy, Eq, Debug)]
#[repr(align(4))] // copied and compared by words
pub struct Token {
    /// Zero past `len`.
    bytes: [u8; TOKEN_MAX],
    len: u8,
}

impl PartialEq for Token {
    #[cfg_attr(target_os = "none", inline(never))]
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.len == other.len
    }
}

impl Token {
    /// The token of length zero.
    pub const EMPTY: Self = Token {
        bytes: [0; TOKEN_MAX],
        len: 0,
    };

    /// `None` when `token` is longer than [`TOKEN_MAX`].
    pub fn new(token: &[u8]) -> Option<Self> {
        let mut bytes = [0; TOKEN_MAX];
        for (to, from) in bytes.iter_mut().zip(token) {
            *to = *from;
        }
        (token.len() <= TOKEN_MAX).then_some(Token {
            bytes,
            len: token.len() as u8,
        })
    }

    /// The bytes, then zeros.
    pub fn padded(&self) -> &[u8; TOKEN_MAX] {
        &self.bytes
    }

    /// 0 to 8 bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }

    /// Bytes, 0 to 8.
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether the length is zero.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// The first byte of a message: version, type and token length (0 to 8).
pub(super) fn first_byte(kind: MessageType, token_len: u8) -> u8 {
    VERSION << 6 | (kind as u8) << 4 | token_len
}

/// An Empty message: an Empty ACK, a RST, or as a CON a ping (RFC 7252 sections 4.1 to 4.3).
pub fn encode_empty(kind: MessageType, id: MessageId) -> [u8; HEADER_LEN] {
    let [high, low] = id.0.to_be_bytes();
    [first_byte(kind, 0), 0, high, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_type_ignores_other_bits() {
        for bits in 0..=255u8 {
            assert_eq!(MessageType::from_bits(bits) as u8, bits & 3);
        }
    }

    #[test]
    fn token_holds_0_to_8_bytes() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        for len in 0..=8 {
            let token = Token::new(&bytes[..len]).unwrap();
            assert_eq!(token.as_slice(), &bytes[..len]);
            assert_eq!((token.len(), token.is_empty()), (len, len == 0));
        }
        assert_eq!(Token::new(&bytes), None);
        assert_eq!(Token::new(&[]), Some(Token::EMPTY));
    }

    #[test]
    fn tokens_of_different_length_differ() {
        assert_ne!(Token::new(&[0]), Token::new(&[0, 0]));
        assert_ne!(Token::new(&[0]), Some(Token::EMPTY));
    }

    #[test]
    fn empty_messages_are_four_bytes() {
        use MessageType::*;
        assert_eq!(
            encode_empty(Confirmable, MessageId(0x1234)),
            [0x40, 0, 0x12, 0x34]
        );
        assert_eq!(
            encode_empty(Acknowledgement, MessageId(0xFFFE)),
            [0x60, 0, 0xFF, 0xFE]
        );
        assert_eq!(encode_empty(Reset, MessageId(1)), [0x70, 0, 0, 1]);
    }
}
