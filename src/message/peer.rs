// SPDX-License-Identifier: MIT
//! The peers an endpoint is in touch with.

use crate::config::{BLOCK, NOTED_PEERS, PEER_ADDRESS_MAX, PEERS, Place};
use crate::hash::Hash;
use crate::index::{self, Index};
use crate::mac::HalfSipHash;
use crate::time::Instant;
use crate::when::When;
use heapless::Vec;

/// What the address of a peer begins with that has a session of DTLS, RFC 7252 section 9.1.1.
pub const SESSION_FAMILY: u8 = 1;

/// A peer's transport address: opaque bytes that are equal exactly when the peers are.
///
/// At most [`PEER_ADDRESS_MAX`] bytes. The ABI's form of an IP address is in [`crate::wire::ip`].
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(align(4))] // copied by words
pub struct PeerAddr {
    bytes: [u8; PEER_ADDRESS_MAX],
    len: u8,
}

impl PeerAddr {
    /// `None`: empty or too long.
    #[must_use]
    pub fn new(address: &[u8]) -> Option<Self> {
        let mut bytes = [0; PEER_ADDRESS_MAX];
        if address.is_empty() {
            return None;
        }
        bytes.get_mut(..address.len())?.copy_from_slice(address);
        Some(Self {
            bytes,
            len: address.len() as u8,
        })
    }

    /// The address bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether it names a session, whose handshake has shown that the peer is where it says.
    fn is_of_session(&self) -> bool {
        self.as_slice().first() == Some(&SESSION_FAMILY)
    }

    /// Word by word: there is one for each datagram.
    fn hash(&self) -> u32 {
        let mut hash = Hash::new();
        let (words, rest) = self.bytes.as_chunks::<4>();
        words
            .iter()
            .for_each(|&word| hash.word(u32::from_ne_bytes(word)));
        rest.iter().for_each(|&byte| hash.byte(byte));
        hash.byte(self.len);
        hash.finish()
    }
}

type PeerIndex = Index<{ index::slots(PEERS) }>;

impl core::fmt::Debug for PeerAddr {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.as_slice().fmt(f)
    }
}

/// A secret; to be kept as long as a sequence of message ids goes on.
pub type IdKey = [u8; 8];

/// Names a peer in a [`PeerTable`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerId(Place);

impl PeerId {
    /// Its number, to hash.
    pub(super) fn number(self) -> u32 {
        u32::from(self.0)
    }
}

struct Peer {
    address: PeerAddr,
    /// Counts up with each use; the smallest is the least recently used.
    last_use: u32,
    /// Bytes sent in NON requests that PROBING_RATE has not covered yet, RFC 7252 section 4.7: a leaky
    /// bucket, empty when the peer is heard of.
    probing: u32,
    /// Up to when the bucket has leaked.
    leaked: Instant,
}

/// Addresses by number. A peer stays as long as something refers to it, and then until its place
/// is needed; who refers to it is asked, not counted, so no path can leak a place.
pub struct PeerTable {
    peers: Vec<Peer, PEERS>,
    index: PeerIndex,
    uses: u32,
    /// Peers whose bucket is not empty.
    probing: Place,
    /// Bit n: peer n is where it says, RFC 9175 section 2.4.
    verified: [u8; PEERS.div_ceil(8)],
    /// What the numbers are made with that move the sequence of message ids; all zeros: they are 0.
    id_key: When<{ BLOCK as usize }, IdKey>,
    id_offsets: [u16; NOTED_PEERS],
    /// Errors that each has got since then.
    errors: [u8; NOTED_PEERS],
    errors_since: Instant,
}

impl Default for PeerTable {
    fn default() -> Self {
        Self {
            peers: Vec::new(),
            index: PeerIndex::default(),
            uses: 0,
            probing: 0,
            verified: [0; PEERS.div_ceil(8)],
            id_key: When::default(),
            id_offsets: [0; NOTED_PEERS],
            errors: [0; NOTED_PEERS],
            errors_since: Instant(0),
        }
    }
}

impl PeerTable {
    /// Bytes that each peer takes.
    #[cfg(test)]
    pub const ENTRY_LEN: usize = size_of::<Peer>();

    /// The peer with this address, if there is one.
    #[must_use]
    pub fn find(&self, address: &PeerAddr) -> Option<PeerId> {
        let place = if PeerIndex::exists() {
            let is_it = |place: usize| self.peers.get(place).is_some_and(|p| p.address == *address);
            self.index.find(address.hash(), is_it)?
        } else {
            self.peers.iter().position(|p| p.address == *address)?
        };
        Some(PeerId(place as Place))
    }

    /// Notes that the peer is used now.
    pub fn touch(&mut self, id: PeerId) {
        self.uses = self.uses.wrapping_add(1);
        let uses = self.uses;
        if let Some(peer) = self.get_mut(id) {
            peer.last_use = uses;
        }
    }

    /// Adds a peer, instead of the `old` one or in a free place. `None`: there is none.
    pub fn add(&mut self, address: &PeerAddr, old: Option<PeerId>) -> Option<PeerId> {
        self.uses = self.uses.wrapping_add(1);
        let peer = Peer {
            address: *address,
            last_use: self.uses,
            probing: 0,
            leaked: Instant(0),
        };
        let id = match old {
            Some(id) => {
                self.heard(id);
                if PeerIndex::exists() {
                    let hash_of =
                        |place: usize| self.peers.get(place).map_or(0, |p| p.address.hash());
                    let place = usize::from(id.0);
                    self.index.remove(hash_of(place), place, hash_of);
                }
                *self.get_mut(id)? = peer;
                id
            }
            None => {
                let id = PeerId(self.peers.len() as Place);
                self.peers.push(peer).ok()?;
                id
            }
        };
        if PeerIndex::exists() {
            self.index.insert(address.hash(), usize::from(id.0));
        }
        self.set_verified(id, BLOCK && address.is_of_session());
        if let Some(errors) = self.errors.get_mut(usize::from(id.0)) {
            *errors = 0;
        }
        let offset = self.new_id_offset(address);
        if let Some(place) = self.id_offsets.get_mut(usize::from(id.0)) {
            *place = offset;
        }
        Some(id)
    }

    /// The least recently used peer that is not `in_use`.
    #[must_use]
    pub fn least_recently_used(&self, in_use: impl Fn(PeerId) -> bool) -> Option<PeerId> {
        let age = |peer: &Peer| self.uses.wrapping_sub(peer.last_use);
        let unused = (0..)
            .zip(&self.peers)
            .filter(|(index, _)| !in_use(PeerId(*index)));
        let (index, _) = unused.max_by_key(|(_, peer)| age(peer))?;
        Some(PeerId(index))
    }

    /// The address of a peer; `None` if its place was given away.
    #[must_use]
    pub fn address(&self, id: PeerId) -> Option<&PeerAddr> {
        self.get(id).map(|peer| &peer.address)
    }

    /// Sets the secret that the sequences of message ids of different peers are told apart with, before there are peers.
    pub fn set_id_key(&mut self, key: IdKey) {
        self.id_key.set(key);
    }

    /// The secret.
    #[must_use]
    pub fn id_key(&self) -> IdKey {
        self.id_key.get()
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn new_id_offset(&self, address: &PeerAddr) -> u16 {
        let key = self.id_key.get();
        if !BLOCK || key == [0; 8] {
            return 0;
        }
        let mut mac = HalfSipHash::new(key);
        mac.update(address.as_slice());
        let [[first, second, ..], _] = mac.finish();
        u16::from_be_bytes([first, second])
    }

    /// By how much the sequence of message ids is moved for the peer, so that who sees the ids sent to one peer does not
    /// know those sent to another.
    #[must_use]
    pub fn id_offset(&self, id: PeerId) -> u16 {
        self.id_offsets.get(usize::from(id.0)).copied().unwrap_or(0)
    }

    /// Notes that the peer sent something: it is not silent.
    pub fn heard(&mut self, id: PeerId) {
        if let Some(peer) = self.get_mut(id)
            && peer.probing > 0
        {
            peer.probing = 0;
            self.probing -= 1;
        }
    }

    /// Notes whether the peer has shown to be where it says.
    pub fn set_verified(&mut self, id: PeerId, verified: bool) {
        if let Some(bits) = self.verified.get_mut(usize::from(id.0) / 8) {
            *bits &= !(1 << (id.0 % 8));
            *bits |= u8::from(verified) << (id.0 % 8);
        }
    }

    /// Whether the address names a session.
    #[must_use]
    pub fn is_of_session(&self, id: PeerId) -> bool {
        self.address(id).is_some_and(PeerAddr::is_of_session)
    }

    /// Whether the peer has shown to be where it says.
    #[must_use]
    pub fn is_verified(&self, id: PeerId) -> bool {
        let bits = self.verified.get(usize::from(id.0) / 8);
        bits.is_some_and(|bits| bits >> (id.0 % 8) & 1 != 0)
    }

    /// Whether the peer may get an error: not more than `rate` within a second, 0: any number. Counts it.
    pub fn admit_error(&mut self, id: PeerId, rate: u32, now: Instant) -> bool {
        if rate == 0 {
            return true;
        }
        if now.0.wrapping_sub(self.errors_since.0) >= 1000 {
            self.errors = [0; NOTED_PEERS];
            self.errors_since = now;
        }
        let Some(errors) = self.errors.get_mut(usize::from(id.0)) else {
            return true;
        };
        let admitted = u32::from(*errors) < rate;
        *errors += u8::from(admitted);
        admitted
    }

    /// Notes that `bytes` go to the peer in a NON request.
    pub fn probed(&mut self, id: PeerId, bytes: usize, now: Instant) {
        if let Some(peer) = self.get_mut(id) {
            let was_empty = peer.probing == 0;
            if was_empty {
                peer.leaked = now;
            }
            peer.probing = peer.probing.saturating_add(bytes as u32);
            self.probing += Place::from(was_empty && bytes != 0);
        }
    }

    /// Whether a peer's silence is remembered.
    #[must_use]
    pub fn is_probing(&self) -> bool {
        self.probing != 0
    }

    /// Lets PROBING_RATE, bytes per second, work until `now`.
    pub fn leak(&mut self, rate: u32, now: Instant) {
        if self.probing == 0 {
            return;
        }
        for peer in self.peers.iter_mut().filter(|peer| peer.probing > 0) {
            let seconds = now.since(peer.leaked) / 1000;
            peer.probing = peer.probing.saturating_sub(seconds.saturating_mul(rate));
            peer.leaked = peer.leaked.after(seconds * 1000);
            self.probing -= Place::from(peer.probing == 0);
        }
    }

    /// When the next NON request may go to the peer; `now` if at once.
    ///
    /// RFC 7252 section 4.7: not more than PROBING_RATE bytes per second on average to a peer that
    /// does not respond. The average is taken over `window_ms`.
    #[must_use]
    pub fn probing_allowed_at(
        &self,
        id: PeerId,
        rate: u32,
        window_ms: u32,
        now: Instant,
    ) -> Instant {
        let allowance = (window_ms / 1000).saturating_mul(rate);
        match self.get(id) {
            Some(peer) if peer.probing > allowance => {
                let wait = (peer.probing - allowance).div_ceil(rate.max(1));
                peer.leaked.after(wait.saturating_mul(1000)).or_now(now)
            }
            _ => now,
        }
    }

    /// Forgets all peers.
    pub fn clear(&mut self) {
        self.peers.clear();
        self.index.clear();
        self.probing = 0;
    }

    fn get(&self, id: PeerId) -> Option<&Peer> {
        self.peers.get(usize::from(id.0))
    }

    fn get_mut(&mut self, id: PeerId) -> Option<&mut Peer> {
        self.peers.get_mut(usize::from(id.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: usize) -> PeerAddr {
        PeerAddr::new(&(n as u32).to_be_bytes()).unwrap()
    }

    #[test]
    fn an_address_has_a_bound() {
        assert!(PeerAddr::new(&[]).is_none());
        assert!(PeerAddr::new(&[0; PEER_ADDRESS_MAX + 1]).is_none());
        assert_eq!(
            PeerAddr::new(&[7; PEER_ADDRESS_MAX]).unwrap().as_slice(),
            [7; PEER_ADDRESS_MAX]
        );
        assert_ne!(PeerAddr::new(&[0; 2]), PeerAddr::new(&[0; 3]));
    }

    #[test]
    #[cfg(feature = "block")]
    fn ids_to_one_peer_say_nothing_of_those_to_another() {
        // The difference between what two peers get next: if it could be known, it would not depend on the key.
        let mut counts = [0; 16];
        for key in 1..=4096u64 {
            let mut table = PeerTable::default();
            table.set_id_key(key.to_be_bytes());
            let [one, two] = [1, 2].map(|n| table.add(&address(n), None).unwrap());
            let difference = table.id_offset(two).wrapping_sub(table.id_offset(one));
            counts[usize::from(difference >> 12)] += 1;
        }
        // Chi-squared with 15 degrees of freedom: above 50 in one of 80,000 runs, and the keys are always these.
        let expected = 4096.0 / 16.0;
        let deviation = counts.map(|count| (f64::from(count) - expected).powi(2) / expected);
        assert!(deviation.iter().sum::<f64>() < 50.0, "{counts:?}");
    }

    #[test]
    #[cfg(feature = "block")]
    fn a_peer_that_comes_again_has_the_same_sequence() {
        let mut table = PeerTable::default();
        table.set_id_key([7; 8]);
        let id = table.add(&address(1), None).unwrap();
        let before = table.id_offset(id);
        let id = table.add(&address(2), Some(id)).unwrap();
        assert_ne!(table.id_offset(id), before);
        let id = table.add(&address(1), Some(id)).unwrap();
        assert_eq!(table.id_offset(id), before);
    }

    #[test]
    fn addresses_longer_than_ipv4_are_for_builds_with_ipv6() {
        assert!(PeerAddr::new(&[4; 7]).is_some());
        for len in [8, 19] {
            let address = PeerAddr::new(&[6; 19][..len]);
            assert_eq!(address.is_some(), cfg!(feature = "ipv6"), "{len} bytes");
        }
        assert!(PeerAddr::new(&[6; 20]).is_none());
    }

    #[test]
    fn the_least_recently_used_unused_peer_gives_way() {
        let mut table = PeerTable::default();
        let ids: std::vec::Vec<_> = (0..PEERS)
            .map(|n| table.add(&address(n), None).unwrap())
            .collect();
        assert_eq!(table.add(&address(PEERS), None), None);
        assert_eq!(table.least_recently_used(|_| true), None);
        assert_eq!(table.find(&address(PEERS)), None);
        table.touch(table.find(&address(0)).unwrap());
        let old = table.least_recently_used(|id| id == ids[1]);
        let id = table.add(&address(PEERS), old).unwrap();
        assert_eq!(
            id, ids[2],
            "0 was used again, 1 is in use, 2 is the oldest left"
        );
        assert_eq!(table.find(&address(2)), None);
    }

    #[test]
    fn a_silent_peer_gets_probing_rate_on_average() {
        let mut table = PeerTable::default();
        let id = table.add(&address(1), None).unwrap();
        let start = Instant(u32::MAX - 1000);
        assert_eq!(table.probing_allowed_at(id, 1, 10_000, start), start);
        table.probed(id, 10, start);
        assert_eq!(
            table.probing_allowed_at(id, 1, 10_000, start),
            start,
            "10 bytes in 10 s are allowed"
        );
        let later = start.after(500);
        table.probed(id, 40, later);
        let allowed = start.after(40_000);
        assert_eq!(table.probing_allowed_at(id, 1, 10_000, later), allowed);
        assert_eq!(table.probing_allowed_at(id, 10, 10_000, later), later);
        assert_eq!(
            table.probing_allowed_at(id, 1, 10_000, start.after(40_000)),
            start.after(40_000)
        );
        table.leak(1, start.after(7_300));
        assert_eq!(
            table.probing_allowed_at(id, 1, 10_000, start.after(7_300)),
            allowed
        );
        table.heard(id);
        assert_eq!(table.probing_allowed_at(id, 1, 10_000, later), later);
    }

    #[test]
    fn probing_is_forgotten_before_the_clock_wraps() {
        let mut table = PeerTable::default();
        let id = table.add(&address(1), None).unwrap();
        table.probed(id, 20, Instant(0));
        table.leak(1, Instant(20_000));
        assert_eq!(
            table.probing_allowed_at(id, 1, 10_000, Instant(u32::MAX / 2 + 30_000)),
            Instant(u32::MAX / 2 + 30_000)
        );
    }

    #[test]
    fn a_peer_is_found_until_its_place_is_given_away() {
        let mut jitter = crate::rng::Jitter::default();
        jitter.seed(crate::seed::of_test() as u32);
        let mut table = PeerTable::default();
        let mut known: std::collections::HashMap<usize, PeerId> = Default::default();
        for _ in 0..20_000 {
            let n = jitter.up_to(2 * PEERS as u32) as usize;
            let address = address(n);
            assert_eq!(table.find(&address), known.get(&n).copied());
            if !known.contains_key(&n) {
                let free = table.add(&address, None);
                let old = free.is_none().then(|| table.least_recently_used(|_| false));
                let id = free.or_else(|| table.add(&address, old?)).unwrap();
                known.retain(|_, other| *other != id);
                known.insert(n, id);
            }
        }
        table.clear();
        assert!(known.keys().all(|&n| table.find(&address(n)).is_none()));
    }
}
