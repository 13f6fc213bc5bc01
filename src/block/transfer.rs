// SPDX-License-Identifier: MIT
//! Block-wise transfers of ours, as a client.

use crate::config::TRANSFERS;
use crate::handle::{Handle, Table};
use crate::wire::block::{self, Block};

/// RFC 7252 section 5.10.6: an ETag has 1 to 8 bytes.
pub const ETAG_MAX: usize = 8;

/// How often a body whose representation changes is begun anew before that is a failure.
const RESTARTS_MAX: u8 = 3;

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
#[derive(Clone, Copy, Debug)]
struct Upload {
    /// Where in the body it starts, bytes.
    offset: u32,
    /// Its bytes, at most 1024.
    len: u16,
    /// SZX of the next block.
    szx: u8,
    /// Whether the body goes on after it.
    more: bool,
}

/// What a response's block means to the body.
pub enum Progress {
    /// The response is whole.
    Whole,
    /// More blocks are to come.
    More,
    /// That was the last block.
    Last,
    /// The representation has changed: it is to be fetched from its beginning.
    Restart,
}

/// A body that goes or comes in several messages.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    /// The exchange that the application knows.
    root: Handle,
    /// While the request's body is sent.
    upload: Option<Upload>,
    /// Bytes of the response's body that have come.
    received: u32,
    /// SZX of the next block of the response.
    szx: u8,
    /// How often the response was begun anew because it had changed.
    restarts: u8,
    /// The response must have this ETag from its first block on.
    resumed: bool,
    /// The ETag of the blocks that have come.
    etag: ETag,
}

impl Transfer {
    /// Nothing sent, nothing received.
    #[must_use]
    pub fn new(root: Handle) -> Self {
        Self {
            root,
            upload: None,
            received: 0,
            szx: block::SZX_MAX,
            restarts: 0,
            resumed: false,
            etag: ETag::default(),
        }
    }

    /// The first block of the request's body is sent: `len` bytes, in a size that may stay.
    pub fn begin_upload(&mut self, len: u16, szx: u8) {
        self.upload = Some(Upload {
            offset: 0,
            len,
            szx,
            more: true,
        });
    }

    /// The response's body is fetched from behind its first `received` bytes, if it still has this ETag.
    pub fn resume(&mut self, received: u32, szx: u8, etag: ETag) {
        self.received = received;
        self.szx = szx;
        self.resumed = true;
        self.etag = etag;
    }

    /// The exchange that the application knows.
    #[cfg(test)]
    pub fn root(&self) -> Handle {
        self.root
    }

    /// The ETag of the blocks that have come.
    #[cfg(test)]
    pub fn etag(&self) -> ETag {
        self.etag
    }

    /// As if that many bytes of the request's body had been sent.
    #[cfg(test)]
    pub fn set_uploaded(&mut self, offset: u32) {
        self.upload.as_mut().unwrap().offset = offset;
    }

    /// Whether the request's body is being sent.
    #[must_use]
    pub fn is_upload(&self) -> bool {
        self.upload.is_some()
    }

    /// Which part of the request's body comes next: where it starts, and at most how many bytes.
    #[must_use]
    pub fn wanted(&self) -> Option<(u32, u32)> {
        let upload = self.upload?;
        Some((upload.offset, block::size(upload.szx)))
    }

    /// The block of the request's body that is sent next; `more`: others follow it, and then it must be of the whole
    /// size. `None`: it does not fit, or without a number it would be a whole body.
    pub fn upload(&mut self, len: usize, more: bool) -> Option<Block> {
        let upload = self.upload.as_mut()?;
        let size = block::size(upload.szx) as usize;
        if len > size || more && len != size {
            return None;
        }
        let block = Block::at(upload.offset, more, upload.szx)?;
        (upload.len, upload.more) = (len as u16, more);
        Some(block)
    }

    /// The peer has answered a block of the request's body: where the next one starts, if there is to be one.
    pub fn uploaded(&mut self, block: Block) -> Option<u32> {
        let sent = self.upload.as_mut()?;
        // The number is that of the request, whatever size the server asks for.
        let is_about = block.num == sent.offset >> (sent.szx + 4) || block.offset() == sent.offset;
        if !sent.more || !is_about {
            return None;
        }
        // RFC 7959 section 2.3: from now on in blocks of the size that the server asks for.
        sent.offset += u32::from(sent.len);
        sent.len = 0;
        sent.szx = block.szx.min(sent.szx);
        Some(sent.offset)
    }

    /// The block of the response's body to ask for; `None`: not while the request's body is sent.
    #[must_use]
    pub fn next_block(&self) -> Option<Block> {
        match self.upload {
            Some(_) => None,
            None => Block::at(self.received, false, self.szx),
        }
    }

    /// Takes a block of the response's body in, of `len` bytes, which is the one that was asked for. `None`: it is of
    /// another representation.
    pub fn take(
        &mut self,
        block: Block,
        len: u32,
        etag: ETag,
        may_restart: bool,
    ) -> Option<Progress> {
        self.upload = None;
        if self.received == 0 {
            self.etag = etag;
        } else if self.etag != etag {
            // RFC 7959 section 2.4: blocks of different representations do not belong together.
            if !may_restart || self.resumed || self.restarts >= RESTARTS_MAX {
                return None;
            }
            self.restarts += 1;
            self.received = 0;
            return Some(Progress::Restart);
        }
        self.received += len;
        self.szx = block.szx;
        Some(if block.more {
            Progress::More
        } else {
            Progress::Last
        })
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

    /// Bytes of the response's body that have come with an exchange.
    #[must_use]
    pub fn received(&self, root: Handle) -> u32 {
        let transfer = self.iter().find(|(_, t)| t.root == root);
        transfer.map_or(0, |(_, t)| t.received)
    }

    /// RFC 7959 section 2.9.3: the peer wants the request's body in smaller blocks: it is begun anew, at 0, if no block
    /// of it has been taken. `None`: it cannot be.
    pub fn upload_smaller(&mut self, root: Handle, wanted: Block) -> Option<u32> {
        let sent = self.of(root).and_then(|transfer| transfer.upload);
        if sent.is_some_and(|sent| sent.offset != 0 || wanted.szx >= sent.szx) {
            return None;
        }
        self.get_or_add(root)?.begin_upload(0, wanted.szx);
        Some(0)
    }

    /// Ends the transfer of an exchange, if there is one.
    pub fn end(&mut self, root: Handle) {
        if let Some(handle) = self.find(|t| t.root == root) {
            self.remove(handle);
        }
    }
}
