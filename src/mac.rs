// SPDX-License-Identifier: MIT
//! A keyed hash: what nobody can make, or predict, without the key.

/// Whether two MACs of the same length are the same, in a time that does not tell where they differ.
#[must_use]
pub fn same(one: &[u8], other: &[u8]) -> bool {
    let differ = one
        .iter()
        .zip(other)
        .fold(0, |differ, (a, b)| core::hint::black_box(differ | (a ^ b)));
    differ == 0
}

/// HalfSipHash-2-4 with 64 bits of output, by Aumasson and Bernstein: SipHash ("SipHash: a fast
/// short-input PRF", 2012) with words of 32 bits, as their reference implementation defines it.
pub struct HalfSipHash {
    v0: u32,
    v1: u32,
    v2: u32,
    v3: u32,
    /// The last four bytes of the input, the latest on top.
    word: u32,
    /// Bytes of input, modulo 256.
    length: u8,
}

impl HalfSipHash {
    /// Of no bytes, under this key.
    #[must_use]
    pub fn new([a, b, c, d, e, f, g, h]: [u8; 8]) -> Self {
        let k0 = u32::from_le_bytes([a, b, c, d]);
        let k1 = u32::from_le_bytes([e, f, g, h]);
        Self {
            v0: k0,
            v1: k1 ^ 0xEE, // the 64-bit variant
            v2: k0 ^ 0x6C79_6765,
            v3: k1 ^ 0x7465_6462,
            word: 0,
            length: 0,
        }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.push(byte);
        }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn push(&mut self, byte: u8) {
        self.word = self.word >> 8 | u32::from(byte) << 24;
        self.length = self.length.wrapping_add(1);
        if self.length.is_multiple_of(4) {
            self.v3 ^= self.word;
            self.rounds(2);
            self.v0 ^= self.word;
        }
    }

    /// The MAC, in its order on the wire.
    #[must_use]
    pub fn finish(mut self) -> [[u8; 4]; 2] {
        // The last word: what is left of the input, zeros, and in the top byte its length.
        let length = self.length;
        while self.length % 4 != 3 {
            self.push(0);
        }
        self.push(length);

        self.v2 ^= 0xEE; // the 64-bit variant
        self.rounds(4);
        let low = self.v1 ^ self.v3;
        self.v1 ^= 0xDD;
        self.rounds(4);
        let high = self.v1 ^ self.v3;
        [low.to_le_bytes(), high.to_le_bytes()]
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn rounds(&mut self, count: u8) {
        for _ in 0..count {
            self.v0 = self.v0.wrapping_add(self.v1);
            self.v1 = self.v1.rotate_left(5) ^ self.v0;
            self.v0 = self.v0.rotate_left(16);
            self.v2 = self.v2.wrapping_add(self.v3);
            self.v3 = self.v3.rotate_left(8) ^ self.v2;
            self.v0 = self.v0.wrapping_add(self.v3);
            self.v3 = self.v3.rotate_left(7) ^ self.v0;
            self.v2 = self.v2.wrapping_add(self.v1);
            self.v1 = self.v1.rotate_left(13) ^ self.v2;
            self.v2 = self.v2.rotate_left(16);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// vectors_hsip64 in vectors.h of github.com/veorq/SipHash: the MACs, under the key
    /// 00 01 .. 07, of no bytes, of 00, of 00 01, and so on.
    pub const VECTORS: [u64; 32] = [
        0x218D_1F59_B9B8_3CC8,
        0xBE55_2412_F838_7315,
        0x064F_39EF_7C50_EB57,
        0xCE0F_1A45_F706_0679,
        0xD5E7_8A17_5BE5_2EA1,
        0xCB9D_7C3F_2F3D_B580,
        0xCE3E_9135_8AA2_BC25,
        0xFF20_2728_B07B_C684,
        0xEDFE_E820_BCE4_858C,
        0x5B51_CCCC_1388_8307,
        0x95B0_469F_06A6_F2EE,
        0xAE26_3339_94DD_CD48,
        0x7BC7_1F9F_AEF5_C799,
        0x5A23_52D7_5A0C_3744,
        0x3BB1_A870_EAE8_E658,
        0x217D_0BCB_4E81_C902,
        0x7336_AAD2_5F7B_F3B5,
        0x37AD_C064_1C4C_4F6A,
        0xC9B2_DB2B_9A3E_42F9,
        0xF910_E480_20AB_363C,
        0x1BF5_2B0A_6FEE_A7DB,
        0x0074_1DC2_69E8_B3EF,
        0xE201_03FA_1BA7_76EF,
        0x4C22_10E5_4B68_1D73,
        0x7074_1045_AE3F_A6F1,
        0x0C86_4037_3971_4038,
        0x0D89_9ED8_1129_23F0,
        0x226B_F5FA_B81E_E1B8,
        0x2D92_5FFB_1E00_16B5,
        0x3619_58D5_2CEE_10F1,
        0x291A_AF86_4898_179D,
        0x863C_7F15_5C34_117C,
    ];
    #[test]
    fn halfsiphash_reference_vectors() {
        for (length, mac) in (0..).zip(VECTORS) {
            let input: Vec<u8> = (0..length).collect();
            for split in 0..=input.len() {
                let mut hash = HalfSipHash::new([0, 1, 2, 3, 4, 5, 6, 7]);
                hash.update(&input[..split]);
                hash.update(&input[split..]);
                assert_eq!(hash.finish().concat(), mac.to_be_bytes(), "{length} bytes");
            }
        }
    }
}
