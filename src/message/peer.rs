// SPDX-License-Identifier: MIT
//! The peers an endpoint is in touch with.

use crate::config::{PEER_ADDRESS_MAX, PEERS};
use crate::time::Instant;

/// A peer's transport address: opaque bytes that are equal exactly when the peers are.
///
/// At most [`PEER_ADDRESS_MAX`] bytes. The ABI's form of an IP address is in [`crate::wire::ip`].
#[derive(Clone, Copy, PartialEq, Eq)]
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
}

impl core::fmt::Debug for PeerAddr {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.as_slice().fmt(f)
    }
}

/// Names a peer in a [`PeerTable`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerId(u8);

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
    peers: [Option<Peer>; PEERS],
    uses: u32,
}

impl Default for PeerTable {
    fn default() -> Self {
        Self {
            peers: [const { None }; PEERS],
            uses: 0,
        }
    }
}

impl PeerTable {
    /// The peer with this address, if there is one.
    #[must_use]
    pub fn find(&self, address: &PeerAddr) -> Option<PeerId> {
        let index = self
            .peers
            .iter()
            .position(|p| p.as_ref().is_some_and(|p| p.address == *address))?;
        Some(PeerId(index as u8))
    }

    /// The peer with this address, made if need be in a free place or in that of the least recently
    /// used peer that is not `in_use`. `None`: all are in use.
    pub fn intern(
        &mut self,
        address: &PeerAddr,
        in_use: impl Fn(PeerId) -> bool,
    ) -> Option<PeerId> {
        self.uses = self.uses.wrapping_add(1);
        let found = self.find(address);
        let id = found.or_else(|| self.place(in_use))?;
        let slot = self.peers.get_mut(usize::from(id.0))?;
        if found.is_none() {
            *slot = Some(Peer {
                address: *address,
                last_use: 0,
                probing: 0,
                leaked: Instant(0),
            });
        }
        slot.as_mut()?.last_use = self.uses;
        Some(id)
    }

    fn place(&self, in_use: impl Fn(PeerId) -> bool) -> Option<PeerId> {
        let age = |peer: &Option<Peer>| {
            peer.as_ref()
                .map_or(u32::MAX, |p| self.uses.wrapping_sub(p.last_use))
        };
        let (index, _) = self
            .peers
            .iter()
            .enumerate()
            .filter(|(index, peer)| peer.is_none() || !in_use(PeerId(*index as u8)))
            .max_by_key(|(_, peer)| age(peer))?;
        Some(PeerId(index as u8))
    }

    /// The address of a peer; `None` if its place was given away.
    #[must_use]
    pub fn address(&self, id: PeerId) -> Option<&PeerAddr> {
        self.get(id).map(|peer| &peer.address)
    }

    /// Notes that the peer sent something: it is not silent.
    pub fn heard(&mut self, id: PeerId) {
        if let Some(peer) = self.get_mut(id) {
            peer.probing = 0;
        }
    }

    /// Notes that `bytes` go to the peer in a NON request.
    pub fn probed(&mut self, id: PeerId, bytes: usize, now: Instant) {
        if let Some(peer) = self.get_mut(id) {
            if peer.probing == 0 {
                peer.leaked = now;
            }
            peer.probing = peer.probing.saturating_add(bytes as u32);
        }
    }

    /// Whether a peer's silence is remembered.
    #[must_use]
    pub fn is_probing(&self) -> bool {
        self.peers.iter().flatten().any(|peer| peer.probing > 0)
    }

    /// Lets PROBING_RATE, bytes per second, work until `now`.
    pub fn leak(&mut self, rate: u32, now: Instant) {
        for peer in self
            .peers
            .iter_mut()
            .flatten()
            .filter(|peer| peer.probing > 0)
        {
            let seconds = now.since(peer.leaked) / 1000;
            peer.probing = peer.probing.saturating_sub(seconds.saturating_mul(rate));
            peer.leaked = peer.leaked.after(seconds * 1000);
        }
    }

    /// When the next NON request may go to the peer: `None` is at once.
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
    ) -> Option<Instant> {
        let peer = self.get(id)?;
        let allowance = (window_ms / 1000).saturating_mul(rate);
        let excess = peer
            .probing
            .checked_sub(allowance)
            .filter(|&excess| excess > 0)?;
        let wait_ms = excess.div_ceil(rate.max(1)).saturating_mul(1000);
        let at = peer.leaked.after(wait_ms);
        if at.is_due(now) { None } else { Some(at) }
    }

    /// Forgets all peers.
    pub fn clear(&mut self) {
        self.peers = [const { None }; PEERS];
    }

    fn get(&self, id: PeerId) -> Option<&Peer> {
        self.peers.get(usize::from(id.0))?.as_ref()
    }

    fn get_mut(&mut self, id: PeerId) -> Option<&mut Peer> {
        self.peers.get_mut(usize::from(id.0))?.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: usize) -> PeerAddr {
        PeerAddr::new(&(n as u32).to_be_bytes()).unwrap()
    }

    #[test]
    fn an_address_has_1_to_24_bytes() {
        assert!(PeerAddr::new(&[]).is_none());
        assert!(PeerAddr::new(&[0; 25]).is_none());
        assert_eq!(PeerAddr::new(&[7; 24]).unwrap().as_slice(), [7; 24]);
        assert_ne!(PeerAddr::new(&[0; 2]), PeerAddr::new(&[0; 3]));
    }

    #[test]
    fn the_least_recently_used_unused_peer_gives_way() {
        let mut table = PeerTable::default();
        let ids: Vec<_> = (0..PEERS)
            .map(|n| table.intern(&address(n), |_| true).unwrap())
            .collect();
        assert_eq!(table.intern(&address(PEERS), |_| true), None);
        table.intern(&address(0), |_| true).unwrap();
        let id = table.intern(&address(PEERS), |id| id == ids[1]).unwrap();
        assert_eq!(
            id, ids[2],
            "0 was used again, 1 is in use, 2 is the oldest left"
        );
        assert_eq!(table.find(&address(2)), None);
    }

    #[test]
    fn a_silent_peer_gets_probing_rate_on_average() {
        let mut table = PeerTable::default();
        let id = table.intern(&address(1), |_| false).unwrap();
        let start = Instant(u32::MAX - 1000);
        assert_eq!(table.probing_allowed_at(id, 1, 10_000, start), None);
        table.probed(id, 10, start);
        assert_eq!(
            table.probing_allowed_at(id, 1, 10_000, start),
            None,
            "10 bytes in 10 s are allowed"
        );
        let later = start.after(500);
        table.probed(id, 40, later);
        let allowed = Some(start.after(40_000));
        assert_eq!(table.probing_allowed_at(id, 1, 10_000, later), allowed);
        assert_eq!(table.probing_allowed_at(id, 10, 10_000, later), None);
        assert_eq!(
            table.probing_allowed_at(id, 1, 10_000, start.after(40_000)),
            None
        );
        table.leak(1, start.after(7_300));
        assert_eq!(
            table.probing_allowed_at(id, 1, 10_000, start.after(7_300)),
            allowed
        );
        table.heard(id);
        assert_eq!(table.probing_allowed_at(id, 1, 10_000, later), None);
    }

    #[test]
    fn probing_is_forgotten_before_the_clock_wraps() {
        let mut table = PeerTable::default();
        let id = table.intern(&address(1), |_| false).unwrap();
        table.probed(id, 20, Instant(0));
        table.leak(1, Instant(20_000));
        assert_eq!(
            table.probing_allowed_at(id, 1, 10_000, Instant(u32::MAX / 2 + 30_000)),
            None
        );
    }
}
