// SPDX-License-Identifier: MIT
//! Bytes in a room of their own.

/// At most `N` bytes, and at most 255.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounded<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Bounded<N> {
    /// These bytes. `None`: too many.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() <= N).then(|| {
            Self::by(|room| {
                for (to, from) in room.iter_mut().zip(bytes) {
                    *to = *from;
                }
                bytes.len()
            })
        })
    }

    /// What `write` writes; it gives how many bytes that are.
    pub fn by(write: impl FnOnce(&mut [u8; N]) -> usize) -> Self {
        let mut bytes = [0; N];
        let len = write(&mut bytes) as u8;
        Self { bytes, len }
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}
