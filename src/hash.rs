// SPDX-License-Identifier: MIT
//! A short hash: to tell things apart and to notice damage, not for secrets.

/// FNV-1a, 32 bits.
pub struct Hash(u32);

impl Hash {
    /// The hash of no bytes.
    #[must_use]
    pub fn new() -> Self {
        Self(0x811C_9DC5)
    }

    /// Adds a byte.
    pub fn byte(&mut self, byte: u8) {
        self.word(u32::from(byte));
    }

    /// Adds several bytes in one step: fewer instructions, and no longer FNV-1a.
    pub fn word(&mut self, word: u32) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0100_0193);
    }

    /// The hash of all bytes so far.
    #[must_use]
    pub fn finish(&self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_fnv_1a() {
        let hash = |text: &[u8]| {
            let mut hash = Hash::new();
            text.iter().for_each(|&byte| hash.byte(byte));
            hash.finish()
        };
        assert_eq!(hash(b""), 0x811C_9DC5);
        assert_eq!(hash(b"a"), 0xE40C_292C);
        assert_eq!(hash(b"foobar"), 0xBF9C_F968);
    }
}
