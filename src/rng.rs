// SPDX-License-Identifier: MIT
//! Spread for timers and the first message id. Not for secrets.
//!
//! What must be unpredictable to a peer that sees our messages (tokens) is drawn by the caller from
//! the port's entropy and handed in with each request; see [`crate::endpoint::Endpoint::exchange_begin`].

/// Marsaglia's xorshift32: four instructions a number, 32 bits of state.
#[derive(Debug, Default)]
pub struct Jitter(u32);

impl Jitter {
    /// Starts from `seed`; any value will do.
    pub fn seed(&mut self, seed: u32) {
        self.0 = if seed == 0 { 0x9E37_79B9 } else { seed };
    }

    /// The next 32 bits; never 0.
    pub fn next_u32(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// A number in `0..=span`, evenly spread. `span` at most 65,535 times 65,536.
    pub fn up_to(&mut self, span: u32) -> u32 {
        // A multiplication instead of a division: 32 x 32 bits, of which the high word counts.
        let random = self.next_u32();
        ((u64::from(random) * (u64::from(span) + 1)) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_in_span_and_reaches_both_ends() {
        let mut jitter = Jitter::default();
        jitter.seed(1);
        let mut seen = [0u32; 4];
        for _ in 0..4000 {
            seen[jitter.up_to(3) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| n > 800), "{seen:?}");
        assert_eq!(jitter.up_to(0), 0);
    }

    #[test]
    fn zero_seed_still_moves() {
        let mut jitter = Jitter::default();
        jitter.seed(0);
        assert_ne!(jitter.next_u32(), jitter.next_u32());
    }
}
