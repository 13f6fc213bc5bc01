// SPDX-License-Identifier: MIT
//! Block-wise transfers of ours, as a client.

use crate::config::TRANSFERS;
use crate::handle::{Handle, Table};

/// RFC 7252 section 5.10.6: an ETag has 1 to 8 bytes.
pub const ETAG_MAX: usize = 8;

/// An ETag, or none (no bytes).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ETag {
    bytes: [u8; ETAG_MAX],
    len: u8,
}

impl ETag {
    /// The option's value; what is longer than an ETag can be is none.
    #[must_use]
    pub fn new(value: &[u8]) -> Self {
        let mut tag = Self::default();
        if value.len() <= ETAG_MAX {
            for (to, from) in tag.bytes.iter_mut().zip(value) {
                *to = *from;
            }
            tag.len = value.len() as u8;
        }
        tag
    }
}

/// The block of the request's body that was sent last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Upload {
    /// Where in the body it starts, bytes.
    pub offset: u32,
    /// Its bytes, at most 1024.
    pub len: u16,
    /// SZX of the next block.
    pub szx: u8,
    /// Whether the body goes on after it.
    pub more: bool,
}

/// A body that goes or comes in several messages.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    /// The exchange that the application knows.
    pub root: Handle,
    /// While the request's body is sent.
    pub upload: Option<Upload>,
    /// Bytes of the response's body that have come.
    pub received: u32,
    /// SZX of the next block of the response.
    pub szx: u8,
    /// How often the response was begun anew because it had changed.
    pub restarts: u8,
    /// The response must have this ETag from its first block on.
    pub resumed: bool,
    /// The ETag of the blocks that have come.
    pub etag: ETag,
}

impl Transfer {
    /// Nothing sent, nothing received.
    #[must_use]
    pub fn new(root: Handle) -> Self {
        Self {
            root,
            upload: None,
            received: 0,
            szx: crate::wire::block::SZX_MAX,
            restarts: 0,
            resumed: false,
            etag: ETag::default(),
        }
    }
}

/// All transfers of ours.
pub type Transfers = Table<Transfer, TRANSFERS>;

impl Transfers {
    /// The transfer of an exchange.
    pub fn of(&mut self, root: Handle) -> Option<&mut Transfer> {
        self.iter_mut()
            .find(|(_, t)| t.root == root)
            .map(|(_, t)| t)
    }

    /// The transfer of an exchange, made if need be. `None`: no room.
    pub fn get_or_add(&mut self, root: Handle) -> Option<&mut Transfer> {
        if self.of(root).is_none() {
            self.insert(Transfer::new(root))?;
        }
        self.of(root)
    }

    /// Ends the transfer of an exchange, if there is one.
    pub fn end(&mut self, root: Handle) {
        if let Some(handle) = self.find(|t| t.root == root) {
            self.remove(handle);
        }
    }
}
