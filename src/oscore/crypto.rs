// SPDX-License-Identifier: MIT
//! The algorithms: AES-CCM-16-64-128 (RFC 8152 section 10.2) and HKDF with SHA-256 (RFC 5869), of the RustCrypto
//! project.

use aes::Aes128;
use ccm::Ccm;
use ccm::aead::{AeadInOut, KeyInit};
use ccm::consts::{U8, U13};
use hkdf::Hkdf;
use sha2::Sha256;

/// Bytes of a key.
pub const KEY_LEN: usize = 16;
/// Bytes of a nonce.
pub const NONCE_LEN: usize = 13;
/// Bytes by which a ciphertext is longer than its plaintext.
pub const TAG_LEN: usize = 8;

/// A key.
pub type Key = [u8; KEY_LEN];
/// A nonce.
pub type Nonce = [u8; NONCE_LEN];

type Cipher = Ccm<Aes128, U8, U13>;

/// Encrypts all but the last [`TAG_LEN`] bytes of the buffer, and writes the tag there. False: it is too short or too
/// long.
#[cfg_attr(target_os = "none", inline(never))]
pub fn encrypt(key: &Key, nonce: &Nonce, aad: &[u8], buffer: &mut [u8]) -> bool {
    let Some((text, tag)) = buffer.split_last_chunk_mut::<TAG_LEN>() else {
        return false;
    };
    let cipher = Cipher::new(key.into());
    let made = cipher.encrypt_inout_detached(nonce.into(), aad, text.into());
    made.map(|made| *tag = made.into()).is_ok()
}

/// Decrypts all but the last [`TAG_LEN`] bytes of the buffer, the tag; gives the plaintext. `None`: it was not made so;
/// what the buffer holds then is undefined.
#[cfg_attr(target_os = "none", inline(never))]
pub fn decrypt<'b>(
    key: &Key,
    nonce: &Nonce,
    aad: &[u8],
    buffer: &'b mut [u8],
) -> Option<&'b mut [u8]> {
    let (text, tag) = buffer.split_last_chunk_mut::<TAG_LEN>()?;
    let cipher = Cipher::new(key.into());
    let opened =
        cipher.decrypt_inout_detached(nonce.into(), aad, (&mut *text).into(), (&*tag).into());
    opened.ok().map(|()| text)
}

/// Derives bytes, at most 255 times 32 of them. Further ones stay as they are.
#[cfg_attr(target_os = "none", inline(never))]
pub fn derive(salt: &[u8], secret: &[u8], info: &[u8], out: &mut [u8]) {
    let derived = Hkdf::<Sha256>::new(Some(salt), secret).expand(info, out);
    debug_assert!(derived.is_ok());
}
