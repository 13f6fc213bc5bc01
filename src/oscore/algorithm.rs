// SPDX-License-Identifier: MIT
//! What AES-CCM-16-64-128, RFC 8152 section 10.2, takes and gives.

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

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From a plaintext and room for the tag to a ciphertext and its tag.
    Encrypt,
    /// Back.
    Decrypt,
}
