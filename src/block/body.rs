// SPDX-License-Identifier: MIT
//! Bodies that peers send to us, or fetch from us, block by block.

use crate::config::{BODIES, OSCORE};
use crate::handle::{Handle, OfPeer, Table};
use crate::hash::Hash;
use crate::message::peer::PeerId;
use crate::oscore::Protected;
use crate::oscore::contexts::ContextId;
use crate::time::{Instant, earliest};
use crate::when::When;
use crate::wire::message::MessageView;
use crate::wire::option::OptionNumber;

/// Which way a body goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// A request's body, to us: Block1.
    In,
    /// A response's body, from us: Block2.
    Out,
}

/// Whose body, and of which of their requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Whose {
    /// Who sends or fetches it.
    peer: PeerId,
    /// What protects it. The key alone, a hash that anyone can make, must not have what is protected mixed with what is not.
    context: When<{ OSCORE as usize }, Option<ContextId>>,
    /// What request it belongs to: [`request_key`].
    key: u32,
}

impl Whose {
    /// Of a peer's request with this key.
    #[must_use]
    pub fn new(peer: PeerId, protected: Protected, key: u32) -> Self {
        Self {
            peer,
            context: When::new(protected.get().context),
            key,
        }
    }
}

/// A body of which more blocks are to come.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    // Not a `Whose`, whose padding would be of no use.
    peer: PeerId,
    context: When<{ OSCORE as usize }, Option<ContextId>>,
    /// Which way it goes.
    direction: Direction,
    key: u32,
    /// Bytes that have come or gone.
    offset: u32,
    /// When it is forgotten.
    expires: Instant,
}

/// All bodies under way.
pub type Bodies = Table<Body, BODIES>;

impl Body {
    /// `offset` bytes of it have come or gone; it is forgotten when it `expires`.
    #[must_use]
    pub fn new(whose: Whose, direction: Direction, offset: u32, expires: Instant) -> Self {
        Self {
            peer: whose.peer,
            context: whose.context,
            direction,
            key: whose.key,
            offset,
            expires,
        }
    }

    fn whose(&self) -> Whose {
        Whose {
            peer: self.peer,
            context: self.context,
            key: self.key,
        }
    }

    /// Bytes that have come or gone.
    #[must_use]
    pub fn offset(&self) -> u32 {
        self.offset
    }
}

impl OfPeer for Body {
    fn peer(&self) -> PeerId {
        self.peer
    }
}

impl Bodies {
    /// The body that a block of this request continues.
    #[must_use]
    pub fn of(&self, whose: Whose, direction: Direction) -> Option<Handle> {
        self.find(|b| b.whose() == whose && b.direction == direction)
    }

    /// Forgets those of which this is true: the peer, and the context that protects them.
    pub fn end_where(&mut self, ends: impl Fn(PeerId, Option<ContextId>) -> bool) {
        while let Some(handle) = self.find(|b| ends(b.peer(), b.context.get())) {
            self.remove(handle);
        }
    }

    /// Notes a body, in place of one of the same request. When the table is full, one that a peer can fetch
    /// anew gives way, the one that would be forgotten first. `None`: no room.
    pub fn note(&mut self, body: Body) -> Option<Handle> {
        if let Some(same) = self.of(body.whose(), body.direction) {
            *self.get_mut(same)? = body;
            return Some(same);
        }
        // One place is left to others, whom a peer with many uploads must not keep out.
        let of_peer =
            |(_, b): &(Handle, &Body)| b.peer == body.peer && b.direction == Direction::In;
        let uploads = self.iter().filter(of_peer).count();
        if body.direction == Direction::In && uploads != 0 && BODIES.saturating_sub(uploads) <= 1 {
            return None;
        }
        if self.is_full() {
            let out = |_, b: &Body| (b.direction == Direction::Out).then_some(b.expires);
            self.remove(self.earliest(out)?);
        }
        self.insert(body)
    }

    /// Whether the handle names a body under way.
    #[must_use]
    pub fn is_alive(&self, handle: Handle) -> bool {
        self.get(handle).is_some()
    }

    /// Forgets bodies whose next block has not come.
    pub fn expire(&mut self, now: Instant) {
        while let Some(handle) = self.find(|b| b.expires.is_due(now)) {
            self.remove(handle);
        }
    }

    /// When `expire` has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let expiries = self.iter().map(|(_, body)| Some(body.expires));
        expiries.fold(None, earliest)
    }
}

/// A number that is the same for all blocks of one body and, very likely, for no other body of the peer:
/// a hash of the method and the options.
#[must_use]
pub fn request_key(message: &MessageView<'_>) -> u32 {
    let mut hash = Hash::new();
    hash.byte(message.code().0);
    for option in message.options() {
        // RFC 7959 sections 2.4 and 2.5: the same request but for the Block options; RFC 9175 section 3.3: the
        // Request-Tag tells bodies apart. What is no part of a cache key does not.
        let tells = match option.number {
            OptionNumber::BLOCK1 | OptionNumber::BLOCK2 | OptionNumber::OBSERVE => false,
            // In the first request of a body only: a client need not repeat them.
            OptionNumber::ETAG | OptionNumber::ECHO => false,
            OptionNumber::REQUEST_TAG => true,
            number => !number.is_no_cache_key(),
        };
        if tells {
            hash.byte((option.number.0 >> 8) as u8);
            hash.byte(option.number.0 as u8);
            hash.byte(option.value.len() as u8);
            option.value.iter().for_each(|&byte| hash.byte(byte));
        }
    }
    hash.finish()
}

#[cfg(all(test, feature = "oscore"))]
mod tests {
    use super::*;
    use crate::message::peer::{PeerAddr, PeerTable};
    use crate::oscore::Binding;

    /// The key is a hash that anyone can make.
    #[test]
    fn what_protects_a_body_tells_it_from_others() {
        let protected = |number| {
            Protected::new(Binding {
                context: ContextId::from_number(number),
                ..Binding::default()
            })
        };
        let address = PeerAddr::new(b"peer").unwrap();
        let peer = PeerTable::default().add(&address, None).unwrap();
        let whose = |number| Whose::new(peer, protected(number), 7);
        for direction in [Direction::In, Direction::Out] {
            let mut bodies = Bodies::default();
            let [plain, one, two] = [0, 1, 2].map(whose);
            let body = Body::new(one, direction, 16, Instant(100));
            let noted = bodies.note(body);
            assert!(noted.is_some());
            assert_eq!(bodies.of(one, direction), noted);
            assert_eq!(bodies.of(plain, direction), None);
            assert_eq!(bodies.of(two, direction), None);
            let context = ContextId::from_number(1);
            bodies.end_where(|_, protected| protected == context);
            assert_eq!(bodies.of(one, direction), None);
        }
    }
}
