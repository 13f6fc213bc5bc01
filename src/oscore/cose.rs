// SPDX-License-Identifier: MIT
//! What is fed to the algorithms: the few shapes of CBOR that RFC 8613 needs, and the nonce.

use super::algorithm::{KEY_LEN, NONCE_LEN};
use super::bounded::Bounded;
use super::context::{ID_CONTEXT_MAX, ID_MAX};
use super::piv::{PIV_MAX, PartialIv};
use crate::wire::writer::Writer;

/// AES-CCM-16-64-128, RFC 8152 section 10.2.
const ALGORITHM: u8 = 10;

// CBOR, RFC 8949 section 3: the major type is in the upper three bits, a number or length below 24 in the others.
const BYTES: u8 = 0x40;
const TEXT: u8 = 0x60;
const ARRAY: u8 = 0x80;
const NIL: u8 = 0xF6;

/// A length or number that has no byte of its own.
const SHORT: usize = 23;
const _: () = assert!(ID_MAX <= SHORT && ID_CONTEXT_MAX <= SHORT && EXTERNAL_MAX <= SHORT);

/// Bytes of the longest `aad_array`.
const EXTERNAL_MAX: usize = 4 + (1 + ID_MAX) + (1 + PIV_MAX) + 1;
/// Bytes of the longest [`Aad`].
const AAD_MAX: usize = 12 + EXTERNAL_MAX;

fn write_bytes(writer: &mut Writer<'_>, bytes: &[u8]) {
    writer.byte(BYTES | bytes.len() as u8);
    writer.bytes(bytes);
}

/// Additional Authenticated Data, RFC 8613 section 5.4.
pub type Aad = Bounded<AAD_MAX>;

/// The Additional Authenticated Data of a request, and of its responses.
#[must_use]
pub fn aad(request_kid: &[u8], request_piv: PartialIv) -> Aad {
    let piv = request_piv.as_slice();
    Aad::by(|out| {
        let mut writer = Writer::new(out, 0);
        writer.byte(ARRAY | 3);
        writer.byte(TEXT | 8);
        writer.bytes(b"Encrypt0");
        write_bytes(&mut writer, &[]);
        let external = 4 + (1 + request_kid.len()) + (1 + piv.len()) + 1;
        writer.byte(BYTES | external as u8);
        // oscore_version, algorithms
        writer.bytes(&[ARRAY | 5, 1, ARRAY | 1, ALGORITHM]);
        write_bytes(&mut writer, request_kid);
        write_bytes(&mut writer, piv);
        // No option is integrity protected only (Class I).
        write_bytes(&mut writer, &[]);
        writer.position()
    })
}

/// What a key or the Common IV is derived for, RFC 8613 section 3.2.1.
pub type Info = Bounded<{ 2 + ID_MAX + 1 + ID_CONTEXT_MAX + 1 + 4 + 1 }>;

/// The `info` of the key with this Sender or Recipient ID; `None`: of the Common IV.
#[must_use]
pub fn info(id: Option<&[u8]>, id_context: Option<&[u8]>) -> Info {
    Info::by(|out| {
        let mut writer = Writer::new(out, 0);
        writer.byte(ARRAY | 5);
        write_bytes(&mut writer, id.unwrap_or_default());
        match id_context {
            Some(id_context) => write_bytes(&mut writer, id_context),
            None => writer.byte(NIL),
        }
        writer.byte(ALGORITHM);
        let (kind, len): (&[u8], usize) = match id {
            Some(_) => (b"Key", KEY_LEN),
            None => (b"IV", NONCE_LEN),
        };
        writer.byte(TEXT | kind.len() as u8);
        writer.bytes(kind);
        writer.byte(len as u8);
        writer.position()
    })
}

/// The nonce, RFC 8613 section 5.2: `id` is that of who has chosen the Partial IV.
#[must_use]
pub fn nonce(common_iv: &[u8; NONCE_LEN], id: &[u8], piv: PartialIv) -> [u8; NONCE_LEN] {
    let mut nonce = *common_iv;
    if let Some(size) = nonce.first_mut() {
        *size ^= id.len() as u8;
    }
    let ends = piv.padded().iter().rev();
    for (byte, value) in nonce.iter_mut().rev().zip(ends) {
        *byte ^= value;
    }
    for (byte, value) in nonce.iter_mut().rev().skip(PIV_MAX).zip(id.iter().rev()) {
        *byte ^= value;
    }
    nonce
}
