// SPDX-License-Identifier: MIT
//! The algorithms: AES-CCM-16-64-128 (RFC 8152 section 10.2) and HKDF with SHA-256 (RFC 5869). The round of AES and the
//! compression of SHA-256 are those of the RustCrypto project, in constant time. What stands here is what must be small:
//! round keys that are made when they are needed, as all eleven of them are larger than a device's stack has room for; and
//! CCM (RFC 3610), as a ciphertext that does not verify must stay as it is, for another context to try.

use super::algorithm::{Direction, Key, Nonce, TAG_LEN};
use crate::mac::same;
use aes::hazmat::{cipher_round, inv_mix_columns};
use sha2::block_api::compress256;

const BLOCK_LEN: usize = 16;
type Block = [u8; BLOCK_LEN];
type Tag = [u8; TAG_LEN];

/// RFC 3610 section 2.2: there is additional data, the tag has 8 bytes, the length 2.
const MAC_FLAGS: u8 = 0x40 | (((TAG_LEN as u8 - 2) / 2) << 3) | (2 - 1);
/// RFC 3610 section 2.3.
const STREAM_FLAGS: u8 = 2 - 1;

fn xor(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to ^= from;
    }
}

/// FIPS 197: SubBytes and ShiftRows.
fn substituted(block: Block) -> Block {
    let mut state = block.into();
    cipher_round(&mut state, &[0; BLOCK_LEN].into());
    inv_mix_columns(&mut state);
    state.into()
}

/// AES-128, FIPS 197 section 5.1.
#[cfg_attr(target_os = "none", inline(never))]
fn encrypt_block(key: &Key, block: &mut Block) {
    let mut round_key = *key;
    let mut constant: u8 = 1;
    xor(block, &round_key);
    for round in 1..=10 {
        // Section 5.2. Where all columns are the same, ShiftRows changes nothing.
        let [.., a, b, c, d] = round_key;
        let word = substituted([b, c, d, a, b, c, d, a, b, c, d, a, b, c, d, a]);
        let [first, second, third, fourth, ..] = word;
        let mut chain = [first ^ constant, second, third, fourth];
        for column in round_key.chunks_mut(4) {
            xor(column, &chain);
            chain
                .iter_mut()
                .zip(&*column)
                .for_each(|(to, from)| *to = *from);
        }
        constant = (constant << 1) ^ ((constant >> 7) * 0x1B);
        if round == 10 {
            *block = substituted(*block);
            xor(block, &round_key);
        } else {
            cipher_round(block.into(), (&round_key).into());
        }
    }
}

/// CCM under one key and nonce.
struct Ccm<'a> {
    key: &'a Key,
    nonce: &'a Nonce,
}

impl Ccm<'_> {
    fn encrypted(&self, block: &mut Block) {
        encrypt_block(self.key, block);
    }

    /// What a block of either kind begins as.
    fn block(&self, flags: u8, number: u16) -> Block {
        let mut block = [0; BLOCK_LEN];
        let [first, nonce @ .., high, low] = &mut block;
        *first = flags;
        for (to, from) in nonce.iter_mut().zip(self.nonce) {
            *to = *from;
        }
        [*high, *low] = number.to_be_bytes();
        block
    }

    /// RFC 3610 section 2.2; the additional data is shorter than 2^16 - 2^8 bytes.
    #[cfg_attr(target_os = "none", inline(never))]
    fn tag(&self, aad: &[u8], text: &[u8]) -> Tag {
        let mut mac = self.block(MAC_FLAGS, text.len() as u16);
        self.encrypted(&mut mac);
        let [high, low] = (aad.len() as u16).to_be_bytes();
        xor(&mut mac, &[high, low]);
        let (first, rest) = aad.split_at_checked(BLOCK_LEN - 2).unwrap_or((aad, &[]));
        xor(mac.get_mut(2..).unwrap_or_default(), first);
        self.encrypted(&mut mac);
        for part in [rest, text] {
            for block in part.chunks(BLOCK_LEN) {
                xor(&mut mac, block);
                self.encrypted(&mut mac);
            }
        }
        let mut stream = self.block(STREAM_FLAGS, 0);
        self.encrypted(&mut stream);
        xor(&mut mac, &stream);
        let [tag @ .., _, _, _, _, _, _, _, _] = mac;
        tag
    }

    /// RFC 3610 section 2.3: to encrypt, and to decrypt.
    #[cfg_attr(target_os = "none", inline(never))]
    fn apply_stream(&self, text: &mut [u8]) {
        for (number, block) in (1..).zip(text.chunks_mut(BLOCK_LEN)) {
            let mut stream = self.block(STREAM_FLAGS, number);
            self.encrypted(&mut stream);
            xor(block, &stream);
        }
    }
}

/// Encrypts or decrypts all but the last [`TAG_LEN`] bytes of the buffer, which is shorter than 2^16, and writes or checks
/// the tag there. False: it is too short, or was not made so, and is as it was.
#[cfg_attr(target_os = "none", inline(never))]
pub fn crypt(
    direction: Direction,
    key: &Key,
    nonce: &Nonce,
    aad: &[u8],
    buffer: &mut [u8],
) -> bool {
    let Some((text, tag)) = buffer.split_last_chunk_mut::<TAG_LEN>() else {
        return false;
    };
    let ccm = Ccm { key, nonce };
    let encrypts = direction == Direction::Encrypt;
    if !encrypts {
        ccm.apply_stream(text);
    }
    let made = ccm.tag(aad, text);
    let verified = encrypts || same(&made, tag);
    if encrypts {
        *tag = made;
    }
    if encrypts || !verified {
        ccm.apply_stream(text);
    }
    verified
}

/// Bytes of a hash.
const HASH_LEN: usize = 32;
/// Bytes that SHA-256 takes in at once.
const HASH_BLOCK: usize = 64;
/// FIPS 180-4 section 5.3.3.
const HASH_BEGIN: [u32; 8] = [
    0x6A09_E667,
    0xBB67_AE85,
    0x3C6E_F372,
    0xA54F_F53A,
    0x510E_527F,
    0x9B05_688C,
    0x1F83_D9AB,
    0x5BE0_CD19,
];

/// SHA-256 of what is pushed, FIPS 180-4.
struct Hash {
    state: [u32; 8],
    block: [u8; HASH_BLOCK],
    /// Bytes so far.
    len: usize,
}

impl Hash {
    fn new() -> Self {
        Self {
            state: HASH_BEGIN,
            block: [0; HASH_BLOCK],
            len: 0,
        }
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.block.get_mut(self.len % HASH_BLOCK) {
            *place = byte;
        }
        self.len += 1;
        if self.len.is_multiple_of(HASH_BLOCK) {
            compress256(&mut self.state, core::slice::from_ref(&self.block));
        }
    }

    fn finish(mut self) -> [u8; HASH_LEN] {
        let bits = self.len as u64 * 8;
        self.push(0x80);
        while self.len % HASH_BLOCK != HASH_BLOCK - 8 {
            self.push(0);
        }
        bits.to_be_bytes().iter().for_each(|&byte| self.push(byte));
        let mut hash = [0; HASH_LEN];
        for (to, word) in hash.chunks_mut(4).zip(self.state) {
            to.iter_mut()
                .zip(word.to_be_bytes())
                .for_each(|(to, from)| *to = from);
        }
        hash
    }
}

/// HMAC, RFC 2104, of these bytes and one more, if there is one.
#[cfg_attr(target_os = "none", inline(never))]
fn hmac(key: &[u8], text: &[u8], last: Option<u8>) -> [u8; HASH_LEN] {
    let mut padded = [0; HASH_BLOCK];
    let hashed: [u8; HASH_LEN];
    let key = if key.len() > HASH_BLOCK {
        let mut hash = Hash::new();
        key.iter().for_each(|&byte| hash.push(byte));
        hashed = hash.finish();
        &hashed
    } else {
        key
    };
    xor(&mut padded, key);
    let keyed = |pad: u8, text: &[u8], last: Option<u8>| {
        let mut hash = Hash::new();
        padded.iter().for_each(|byte| hash.push(byte ^ pad));
        text.iter()
            .copied()
            .chain(last)
            .for_each(|byte| hash.push(byte));
        hash.finish()
    };
    let inner = keyed(0x36, text, last);
    keyed(0x5C, &inner, None)
}

/// Derives bytes, at most 32 of them: one step of HKDF's expansion.
#[cfg_attr(target_os = "none", inline(never))]
pub fn derive(salt: &[u8], secret: &[u8], info: &[u8], out: &mut [u8]) {
    let key = hmac(salt, secret, None);
    let step = hmac(&key, info, Some(1));
    for (to, from) in out.iter_mut().zip(step) {
        *to = from;
    }
}
