// SPDX-License-Identifier: MIT
//! What we observe, RFC 7641 section 3.

use crate::config::OBSERVATIONS;
use crate::handle::{Handle, Table};
use crate::message::peer::PeerId;
use crate::time::Instant;
use crate::wire::header::Token;
use crate::wire::observe::is_newer;

/// What is known of a resource that we observe; its exchange has the rest.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// The exchange.
    root: Handle,
    /// The last notification's number, and when it came. `None`: none has come, or any will be newer.
    last: Option<(u32, Instant)>,
    /// A response with an Observe option has come: the peer has us on its list.
    registered: bool,
}

/// An observation from before a restart, which no program has asked for yet. The peer may still have us on
/// its list with this token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Restored {
    /// Whose resource it is.
    pub peer: PeerId,
    /// The token of the registration.
    pub token: Token,
    /// What is observed: a hash of the request.
    pub key: u32,
}

/// What has a place in the table.
#[derive(Clone, Copy, Debug)]
pub enum Entry {
    /// What a program observes.
    Live(Observation),
    /// What one observed before a restart.
    Restored(Restored),
}

impl Entry {
    fn live(&self) -> Option<&Observation> {
        match self {
            Self::Live(observation) => Some(observation),
            Self::Restored(_) => None,
        }
    }

    fn live_mut(&mut self) -> Option<&mut Observation> {
        match self {
            Self::Live(observation) => Some(observation),
            Self::Restored(_) => None,
        }
    }

    /// What was observed before a restart, if it is that.
    #[must_use]
    pub fn restored(&self) -> Option<&Restored> {
        match self {
            Self::Live(_) => None,
            Self::Restored(restored) => Some(restored),
        }
    }
}

/// All that we observe.
pub type Observations = Table<Entry, OBSERVATIONS>;

impl Observations {
    /// Notes that an exchange is to become an observation; one that was restored and never asked for gives
    /// way. False: no room.
    pub fn begin(&mut self, root: Handle) -> bool {
        if self.is_full()
            && let Some(unclaimed) = self.find(|entry| entry.restored().is_some())
        {
            self.remove(unclaimed);
        }
        let observation = Observation {
            root,
            last: None,
            registered: false,
        };
        self.insert(Entry::Live(observation)).is_some()
    }

    /// Adds one from before a restart. False: no room.
    pub fn restore(&mut self, restored: Restored) -> bool {
        self.insert(Entry::Restored(restored)).is_some()
    }

    /// Takes out the one from before a restart that asks the peer for the same; gives its token.
    pub fn claim(&mut self, peer: PeerId, key: u32) -> Option<Token> {
        let same = |r: &Restored| r.peer == peer && r.key == key;
        let handle = self.find(|entry| entry.restored().is_some_and(same))?;
        let token = self.get(handle)?.restored()?.token;
        self.remove(handle);
        Some(token)
    }

    /// Whether one from before a restart refers to the peer.
    #[must_use]
    pub fn refers_to(&self, peer: PeerId) -> bool {
        let mut restored = self.iter().filter_map(|(_, entry)| entry.restored());
        restored.any(|restored| restored.peer == peer)
    }

    /// The observation of an exchange.
    #[must_use]
    pub fn of(&self, root: Handle) -> Option<&Observation> {
        let mut live = self.iter().filter_map(|(_, entry)| entry.live());
        live.find(|observation| observation.root == root)
    }

    /// The observation of an exchange.
    pub fn of_mut(&mut self, root: Handle) -> Option<&mut Observation> {
        let live = self.iter_mut().filter_map(|(_, entry)| entry.live_mut());
        live.into_iter()
            .find(|observation| observation.root == root)
    }

    /// Whether the peer has this exchange on its list, as far as we know.
    #[must_use]
    pub fn is_registered(&self, root: Handle) -> bool {
        self.of(root).is_some_and(|o| o.registered)
    }

    /// Ends the observation of an exchange, if there is one.
    pub fn end(&mut self, root: Handle) {
        let same = |entry: &Entry| entry.live().is_some_and(|o| o.root == root);
        if let Some(handle) = self.find(same) {
            self.remove(handle);
        }
    }
}

impl Observation {
    /// The exchange.
    #[must_use]
    pub fn root(&self) -> Handle {
        self.root
    }

    /// The answer to a registration is newer than any notification before it, even if the server has begun to count
    /// anew.
    pub fn registered_anew(&mut self) {
        self.last = None;
    }

    /// Takes a notification's number in. False: a newer one came before it, RFC 7641 section 3.4.
    pub fn accept(&mut self, number: u32, now: Instant) -> bool {
        let newer = self
            .last
            .is_none_or(|(last, then)| is_newer(last, then, number, now));
        if newer {
            self.last = Some((number, now));
            self.registered = true;
        }
        newer
    }
}
