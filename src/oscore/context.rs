// SPDX-License-Identifier: MIT
//! A security context, RFC 8613 section 3: keys, the Sender Sequence Number and the replay window.
//!
//! Endpoints refer to it, the program owns it: so its state is in cells.

use super::algorithm::{Direction, KEY_LEN, Key, NONCE_LEN, Nonce};
use super::bounded::Bounded;
use super::cose::{self, Aad};
use super::crypto;
use super::option::OscoreOption;
use super::piv::{LAST, PartialIv};
use super::window::ReplayWindow;
use core::cell::Cell;

/// Bytes of the longest Sender or Recipient ID, RFC 8613 section 3.3.
pub const ID_MAX: usize = NONCE_LEN - 6;
/// Bytes of the longest ID Context.
pub const ID_CONTEXT_MAX: usize = 16;

/// What a context is derived from, RFC 8613 section 3.2.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Master Secret.
    pub secret: &'a [u8],
    /// Master Salt.
    pub salt: &'a [u8],
    /// Sender ID.
    pub sender_id: &'a [u8],
    /// Recipient ID.
    pub recipient_id: &'a [u8],
    /// ID Context.
    pub id_context: Option<&'a [u8]>,
    /// The first Sender Sequence Number. 0: the context is new, and nothing was ever received with it. Else it was
    /// in use before a restart, and what was received then is not known.
    pub first: u64,
}

#[derive(Clone, Copy)]
struct Keys {
    sender: Key,
    recipient: Key,
    common_iv: Nonce,
}

const NO_KEYS: Keys = Keys {
    sender: [0; KEY_LEN],
    recipient: [0; KEY_LEN],
    common_iv: [0; NONCE_LEN],
};

/// A security context.
pub struct SecurityContext {
    keys: Cell<Keys>,
    sender_id: Bounded<ID_MAX>,
    recipient_id: Bounded<ID_MAX>,
    id_context: Option<Bounded<ID_CONTEXT_MAX>>,
    /// The next Sender Sequence Number.
    next: Cell<u64>,
    /// Numbers from here on must not be used yet, RFC 8613 appendix B.1.1.
    reserved: Cell<u64>,
    window: Cell<ReplayWindow>,
    /// Whether the window holds what has been received; if not, a fresh request shows where to begin.
    synchronized: Cell<bool>,
    closed: Cell<bool>,
}

/// What a message is encrypted or decrypted with.
pub struct Protection {
    key: Key,
    nonce: Nonce,
    aad: Aad,
}

impl Protection {
    /// See [`crypto::crypt`].
    pub fn encrypt(&self, buffer: &mut [u8]) {
        self.crypt(Direction::Encrypt, buffer);
    }

    /// See [`crypto::crypt`].
    pub fn decrypt(&self, buffer: &mut [u8]) -> bool {
        self.crypt(Direction::Decrypt, buffer)
    }

    fn crypt(&self, direction: Direction, buffer: &mut [u8]) -> bool {
        let aad = self.aad.as_slice();
        crypto::crypt(direction, &self.key, &self.nonce, aad, buffer)
    }
}

impl SecurityContext {
    /// Derives the keys. `None`: an ID is too long, both are the same (RFC 8613 section 3.3), or no number is left.
    #[must_use]
    pub fn new(source: &Source<'_>) -> Option<Self> {
        if source.sender_id == source.recipient_id || source.first > LAST {
            return None;
        }
        let id_context = match source.id_context {
            Some(bytes) => Some(Bounded::new(bytes)?),
            None => None,
        };
        let context = Self {
            keys: Cell::new(NO_KEYS),
            sender_id: Bounded::new(source.sender_id)?,
            recipient_id: Bounded::new(source.recipient_id)?,
            id_context,
            next: Cell::new(source.first),
            reserved: Cell::new(source.first),
            window: Cell::new(ReplayWindow::NEW),
            synchronized: Cell::new(source.first == 0),
            closed: Cell::new(false),
        };
        let mut keys = NO_KEYS;
        let derive = |id: Option<&[u8]>, out: &mut [u8]| {
            let info = cose::info(id, source.id_context);
            crypto::derive(source.salt, source.secret, info.as_slice(), out);
        };
        derive(Some(source.sender_id), &mut keys.sender);
        derive(Some(source.recipient_id), &mut keys.recipient);
        derive(None, &mut keys.common_iv);
        context.keys.set(keys);
        Some(context)
    }

    /// Sender ID.
    #[must_use]
    pub fn sender_id(&self) -> &[u8] {
        self.sender_id.as_slice()
    }

    /// Recipient ID.
    #[must_use]
    pub fn recipient_id(&self) -> &[u8] {
        self.recipient_id.as_slice()
    }

    /// ID Context.
    #[must_use]
    pub fn id_context(&self) -> Option<&[u8]> {
        self.id_context.as_ref().map(Bounded::as_slice)
    }

    /// Whether a request with this option may be from the other side, RFC 8613 section 8.2 step 2. Not before a number is
    /// stored: after a restart the context would seem new, and requests could be replayed.
    #[must_use]
    pub fn is_named_by(&self, option: &OscoreOption<'_>) -> bool {
        option.kid == Some(self.recipient_id())
            && (option.kid_context.is_none() || option.kid_context == self.id_context())
            && self.reserved.get() != 0
            && !self.is_closed()
    }

    /// How many Sender Sequence Numbers may be used before more are reserved.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.reserved.get() - self.next.get()
    }

    /// Up to where the Sender Sequence Numbers would be reserved with `count` more; what is to be stored before
    /// [`SecurityContext::reserve`]. `None`: there are no more.
    #[must_use]
    pub fn reservable(&self, count: u64) -> Option<u64> {
        let reserved = self.reserved.get();
        let end = reserved.saturating_add(count).min(LAST + 1);
        (end > reserved && !self.is_closed()).then_some(end)
    }

    /// Says that the number is stored that [`SecurityContext::reservable`] gave: a restart begins there.
    pub fn reserve(&self, end: u64) {
        self.reserved
            .set(end.min(LAST + 1).max(self.reserved.get()));
    }

    /// A Sender Sequence Number that was not used before. `None`: none is reserved.
    #[must_use]
    pub fn take_number(&self) -> Option<PartialIv> {
        let number = self.next.get();
        if number >= self.reserved.get() || self.is_closed() {
            return None;
        }
        self.next.set(number + 1);
        Some(PartialIv::new(number))
    }

    /// Whether a request with this Partial IV is new; while the window is not synchronized, it may be.
    #[must_use]
    pub fn is_new(&self, piv: PartialIv) -> bool {
        !self.synchronized.get() || self.window.get().is_new(piv)
    }

    /// Notes that a request with this Partial IV was verified.
    pub fn received(&self, piv: PartialIv) {
        if self.synchronized.get() {
            self.window.set(self.window.get().with(piv));
        }
    }

    /// Whether it is known what has been received.
    #[must_use]
    pub fn is_synchronized(&self) -> bool {
        self.synchronized.get()
    }

    /// Notes that a message with this Partial IV is fresh: whatever came before is not, RFC 8613 appendix B.1.2.
    pub fn synchronize(&self, piv: PartialIv) {
        self.window.set(ReplayWindow::after(piv));
        self.synchronized.set(true);
    }

    /// What a message is encrypted or decrypted with. `is_ours`: we send it; `request`: the request that it is, or answers;
    /// `own`: the Partial IV of the message itself, or it has the request's nonce.
    #[must_use]
    #[cfg_attr(target_os = "none", inline(never))]
    pub fn protection(
        &self,
        is_ours: bool,
        request: Request,
        own: Option<PartialIv>,
    ) -> Protection {
        let keys = self.keys.get();
        let (kid, request_piv) = match request {
            Request::Ours(piv) => (&self.sender_id, piv),
            Request::Theirs(piv) => (&self.recipient_id, piv),
        };
        let id = match (own, is_ours) {
            (None, _) => kid,
            (Some(_), true) => &self.sender_id,
            (Some(_), false) => &self.recipient_id,
        };
        let nonce_piv = own.unwrap_or(request_piv);
        Protection {
            key: if is_ours { keys.sender } else { keys.recipient },
            nonce: cose::nonce(&keys.common_iv, id.as_slice(), nonce_piv),
            aad: cose::aad(kid.as_slice(), request_piv),
        }
    }

    /// Whether it may not be used any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Ends it: wipes the keys.
    pub fn close(&self) {
        self.closed.set(true);
        self.keys.set(NO_KEYS);
        // Not left out as a write that nobody reads.
        core::hint::black_box(&self.keys);
    }
}

/// The request that a message is, or that it answers: its Partial IV, and with it its 'kid'.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    /// We have sent it.
    Ours(PartialIv),
    /// The peer has.
    Theirs(PartialIv),
}
