// SPDX-License-Identifier: MIT
//! RFC 8613 once more, by other crates than the engine's: keys, nonces, Additional Authenticated Data, and the value of
//! the OSCORE option.

use std::sync::LazyLock;

use ccm::aead::{Aead, KeyInit, Payload};
use ccm::consts::{U8, U13};
use common::security::Source;

/// AES-CCM-16-64-128: its number and its implementation.
const ALGORITHM: u8 = 10;
type Cipher = ccm::Ccm<aes::Aes128, U8, U13>;

pub type Nonce = [u8; 13];

/// The largest Partial IV.
pub const LAST: u64 = (1 << 40) - 1;

/// Whose message it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    Device,
    Peer,
}

/// What a message is sealed with.
#[derive(Clone, Copy)]
pub struct Binding {
    pub by: End,
    /// Whose request it is, or answers, and the request's Partial IV.
    pub request: (End, u64),
    /// The Partial IV of its own; without one it has the request's nonce.
    pub own: Option<u64>,
}

/// What both ends of a context have.
pub struct Keys {
    pub source: Source,
    device: Cipher,
    peer: Cipher,
    common_iv: Nonce,
}

const SECRET: &[u8] = b"0123456789abcdef";

/// The first context, the second, which has an ID Context, and the second with the Recipient ID of the first.
pub static KEYS: LazyLock<[Keys; 3]> = LazyLock::new(|| {
    let second = |recipient_id| Source {
        secret: b"another secret, of another length",
        salt: b"",
        sender_id: b"device7",
        recipient_id,
        id_context: Some(b"37cbf321"),
    };
    let first = Source {
        secret: SECRET,
        salt: b"saltsalt",
        sender_id: b"\x01",
        recipient_id: b"",
        id_context: None,
    };
    [first, second(b"p"), second(b"")].map(Keys::new)
});

/// A byte string in CBOR, shorter than 24 bytes.
fn string(bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.len() < 24);
    [&[0x40 | bytes.len() as u8], bytes].concat()
}

/// A Partial IV as it stands in messages.
pub fn short(piv: u64) -> Vec<u8> {
    let bytes = piv.to_be_bytes();
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    bytes[zeros.min(7)..].to_vec()
}

impl Keys {
    fn new(source: Source) -> Self {
        let hkdf = hkdf::Hkdf::<sha2::Sha256>::new(Some(source.salt), source.secret);
        let derive = |id: &[u8], kind: &[u8], out: &mut [u8]| {
            let info = [
                &[0x85][..],
                &string(id),
                &source.id_context.map_or(vec![0xF6], string),
                &[ALGORITHM, 0x60 | kind.len() as u8],
                kind,
                &[out.len() as u8],
            ];
            hkdf.expand(&info.concat(), out).unwrap();
        };
        let cipher = |id: &[u8]| {
            let mut key = [0; 16];
            derive(id, b"Key", &mut key);
            Cipher::new(&key.into())
        };
        let mut common_iv = [0; 13];
        derive(b"", b"IV", &mut common_iv);
        Self {
            device: cipher(source.sender_id),
            peer: cipher(source.recipient_id),
            common_iv,
            source,
        }
    }

    pub fn id(&self, end: End) -> &'static [u8] {
        match end {
            End::Device => self.source.sender_id,
            End::Peer => self.source.recipient_id,
        }
    }

    fn cipher(&self, by: End) -> &Cipher {
        match by {
            End::Device => &self.device,
            End::Peer => &self.peer,
        }
    }

    /// Section 5.2.
    pub fn nonce(&self, binding: &Binding) -> Nonce {
        let (end, piv) = match binding.own {
            Some(own) => (binding.by, own),
            None => binding.request,
        };
        let id = self.id(end);
        let mut nonce = [0; 13];
        nonce[0] = id.len() as u8;
        nonce[8 - id.len()..8].copy_from_slice(id);
        nonce[8..].copy_from_slice(&piv.to_be_bytes()[3..]);
        core::array::from_fn(|at| nonce[at] ^ self.common_iv[at])
    }

    /// Section 5.4.
    fn aad(&self, (end, piv): (End, u64)) -> Vec<u8> {
        let external = [
            &[0x85, 1, 0x81, ALGORITHM][..],
            &string(self.id(end)),
            &string(&short(piv)),
            &string(b""),
        ];
        let external = string(&external.concat());
        [b"\x83\x68Encrypt0", &string(b"")[..], &external].concat()
    }

    pub fn seal(&self, binding: &Binding, text: &[u8]) -> Vec<u8> {
        let (nonce, aad) = (self.nonce(binding), self.aad(binding.request));
        let payload = Payload {
            msg: text,
            aad: &aad,
        };
        let cipher = self.cipher(binding.by);
        cipher.encrypt(&nonce.into(), payload).unwrap()
    }

    pub fn open(&self, binding: &Binding, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, aad) = (self.nonce(binding), self.aad(binding.request));
        let payload = Payload {
            msg: sealed,
            aad: &aad,
        };
        let cipher = self.cipher(binding.by);
        cipher.decrypt(&nonce.into(), payload).ok()
    }
}

/// The OSCORE option, section 6.1.
#[derive(Default)]
pub struct Value {
    /// As it stands there; empty: none.
    pub piv: Vec<u8>,
    pub kid_context: Option<Vec<u8>>,
    pub kid: Option<Vec<u8>>,
}

impl Value {
    pub fn encode(&self) -> Vec<u8> {
        let bit = |is_set, bit: u8| if is_set { bit } else { 0 };
        let flags = self.piv.len() as u8 | bit(self.kid.is_some(), 8);
        let mut out = vec![flags | bit(self.kid_context.is_some(), 16)];
        out.extend(&self.piv);
        if let Some(kid_context) = &self.kid_context {
            out.push(kid_context.len() as u8);
            out.extend(kid_context);
        }
        out.extend(self.kid.iter().flatten());
        if out == [0] { vec![] } else { out }
    }

    /// What the device has written.
    pub fn decode(value: &[u8]) -> Self {
        let [flags, rest @ ..] = value else {
            return Self::default();
        };
        assert!(*flags != 0 && *flags < 32);
        let (piv, mut rest) = rest.split_at(usize::from(flags & 7));
        let kid_context = (flags & 16 != 0).then(|| {
            let (kid_context, behind) = rest[1..].split_at(rest[0].into());
            rest = behind;
            kid_context.to_vec()
        });
        assert!(flags & 8 != 0 || rest.is_empty());
        Self {
            piv: piv.to_vec(),
            kid_context,
            kid: (flags & 8 != 0).then(|| rest.to_vec()),
        }
    }

    /// The number that the Partial IV is, which is as short as it can be.
    pub fn number(&self) -> Option<u64> {
        let fold = |number, &byte| number << 8 | u64::from(byte);
        let number = self.piv.iter().fold(0, fold);
        let has_one = !self.piv.is_empty();
        assert!(!has_one || self.piv == short(number));
        has_one.then_some(number)
    }
}
