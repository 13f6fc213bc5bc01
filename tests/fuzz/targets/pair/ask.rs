// SPDX-License-Identifier: MIT
//! What a request asks for, as one Uri-Query option: the server answers so that the client can tell whether the
//! answer is its own, whole, and of one state.

use microcoapy::wire::option::{OptionNumber, Options};

/// The first byte of the option.
const MARK: u8 = b'n';
/// Bytes of the option.
pub const ASK_LEN: usize = 8;

/// Bits of [`Ask::how`]: what the server's handler does.
const LATER: u8 = 1;
const CONFIRMABLE: u8 = 2;
const NEVER: u8 = 4;
const ERROR: u8 = 8;
/// Two bits say how much later.
const DELAYS_MS: [u64; 4] = [300, 900, 1500, 5000];

/// Bytes before the filler of a body: the nonce and the stamp.
const HEAD: usize = 4 + 3;

/// Which state of a resource a body is of: of which life of its server, and the how manieth.
pub type Stamp = (u8, u16);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ask {
    /// No two requests have the same, nor one that differs in one byte only.
    pub nonce: [u8; 4],
    how: u8,
    /// Bytes of the answer beside its head.
    len: u8,
    /// Half as many as the request's body has bytes.
    upload: u8,
}

impl Ask {
    pub fn new(number: u32, how: u8, len: u8, upload: u8) -> Self {
        Self {
            nonce: number.wrapping_mul(0x9E37_79B1).to_be_bytes(),
            how,
            len,
            upload,
        }
    }

    pub fn encode(&self) -> [u8; ASK_LEN] {
        let [a, b, c, d] = self.nonce;
        [MARK, a, b, c, d, self.how, self.len, self.upload]
    }

    /// `None`: there is none, the network has changed it.
    pub fn of(options: &[u8]) -> Option<Self> {
        let query = Options::new(options).find(|o| o.number == OptionNumber::URI_QUERY)?;
        let &[MARK, a, b, c, d, how, len, upload] = query.value else {
            return None;
        };
        Some(Self {
            nonce: [a, b, c, d],
            how,
            len,
            upload,
        })
    }

    /// After how many milliseconds the handler answers. `None`: before it returns.
    pub fn delay_ms(&self) -> Option<u64> {
        (self.how & LATER != 0).then(|| DELAYS_MS[usize::from(self.how >> 4 & 3)])
    }

    pub fn is_confirmable(&self) -> bool {
        self.how & CONFIRMABLE != 0
    }

    pub fn is_never_answered(&self) -> bool {
        self.how & NEVER != 0
    }

    pub fn is_error(&self) -> bool {
        self.how & ERROR != 0
    }

    /// The answer's body.
    pub fn answer(&self, (life, version): Stamp) -> Vec<u8> {
        let [high, low] = version.to_be_bytes();
        let mut body = [&self.nonce[..], &[life, high, low]].concat();
        body.extend(self.filler(usize::from(self.len), life ^ high ^ low));
        body
    }

    /// Which state an answer's body is of, if it is one to this request.
    pub fn check(&self, body: &[u8]) -> Option<Stamp> {
        let &[_, _, _, _, life, high, low] = body.first_chunk::<HEAD>()?;
        let stamp = (life, u16::from_be_bytes([high, low]));
        (body == self.answer(stamp)).then_some(stamp)
    }

    /// The request's body.
    pub fn upload(&self) -> Vec<u8> {
        self.filler(2 * usize::from(self.upload), 0x5A).collect()
    }

    /// No two blocks of it are the same.
    fn filler(&self, len: usize, salt: u8) -> impl Iterator<Item = u8> {
        let nonce = self.nonce;
        (0..len).map(move |at| {
            let place = (at as u8).wrapping_mul(31) ^ (at >> 8) as u8;
            nonce[at % 4] ^ salt ^ place
        })
    }
}
