// SPDX-License-Identifier: MIT
//! What outlives a restart of the device: the sequence of message ids, what we observe and who observes us.
//! Where messages of ours are on their way, their ends are not told.
//!
//! The form, numbers in network byte order: version; next message id (2 bytes), blocks of message ids in use
//! (2), the secret of message ids (8); number of the last notification (3); then observations and observers, each behind its kind; kind 0;
//! a hash of everything before it (4). An address, a token or a message stands behind its length.

use super::Endpoint;
use crate::block::body::request_key;
use crate::config::OBSERVE;
use crate::handle::OfPeer;
use crate::hash::Hash;
use crate::message::peer::{IdKey, PeerAddr, PeerId};
use crate::message::store::StoredMessage;
use crate::observe::observation::{Entry, Restored};
use crate::observe::observer::Observer;
use crate::time::Instant;
use crate::wire::header::{HEADER_LEN, Token};
use crate::wire::ip;
use crate::wire::message::MessageView;
use crate::wire::option::OptionNumber;
use crate::wire::writer::Writer;

const VERSION: u8 = 2;

const END: u8 = 0;
const OBSERVATION: u8 = 1;
/// An observer; with these bits, its notifications have a Content-Format (2 bytes), and one is owed.
const OBSERVER: u8 = 4;
const HAS_FORMAT: u8 = 1;
const IS_OWED: u8 = 2;

const HASH_LEN: usize = 4;

/// Why a state was not taken over; the endpoint may have taken over a part of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImportError {
    /// It was not made by [`Endpoint::export`] of this version, or is damaged.
    Malformed,
    /// There is more in it than this endpoint has room for.
    NoRoom,
}

/// What is observed: method, options and payload of a request.
fn observation_key(message: &MessageView<'_>) -> u32 {
    let mut hash = Hash::new();
    let options = request_key(message).to_be_bytes();
    let bytes = options.iter().chain(message.payload());
    bytes.for_each(|&byte| hash.byte(byte));
    hash.finish()
}

fn hash_of(bytes: &[u8]) -> [u8; HASH_LEN] {
    let mut hash = Hash::new();
    bytes.iter().for_each(|&byte| hash.byte(byte));
    hash.finish().to_be_bytes()
}

/// Takes bytes from the beginning.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    fn number(&mut self, len: usize) -> Option<u32> {
        let bytes = self.bytes(len)?.iter();
        Some(bytes.fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    fn counted(&mut self) -> Option<&'a [u8]> {
        let len = usize::from(self.byte()?);
        self.bytes(len)
    }
}

impl Endpoint<'_> {
    /// Writes the state into `out`; gives its length, also if it does not fit.
    ///
    /// Peers whose address is not an IP address are left out: what it stands for does not outlive a restart.
    pub fn export(&self, out: &mut [u8]) -> usize {
        let mut writer = Writer::new(out, 0);
        let ((next, in_use), key) = self.message.ids_state();
        writer.byte(VERSION);
        writer.bytes(&next.to_be_bytes());
        writer.bytes(&in_use.to_be_bytes());
        writer.bytes(&key);
        let [_, sequence @ ..] = self.upper.sequence.to_be_bytes();
        writer.bytes(&sequence);
        for (_, entry) in self.upper.observations.iter() {
            self.export_observation(entry, &mut writer);
        }
        for (_, observer) in self.upper.observers.iter() {
            self.export_observer(observer, &mut writer);
        }
        writer.byte(END);
        let len = writer.position();
        let hash = out.get(..len).map_or([0; HASH_LEN], hash_of);
        if let Some(place) = out.get_mut(len..len + HASH_LEN) {
            place.copy_from_slice(&hash);
        }
        len + HASH_LEN
    }

    fn exported_address(&self, peer: PeerId) -> Option<&[u8]> {
        let address = self.message.address(peer)?.as_slice();
        ip::is_peer(address).then_some(address)
    }

    fn export_observation(&self, entry: &Entry, writer: &mut Writer<'_>) -> Option<()> {
        let restored = match *entry {
            Entry::Restored(restored) => restored,
            Entry::Live(observation) => {
                let exchange = self.upper.exchanges.get(observation.root())?;
                if exchange.security().binding.context.is_some() {
                    return None;
                }
                let message = self.message.bytes(exchange.request()?);
                Restored {
                    peer: exchange.peer(),
                    token: exchange.token(),
                    key: observation_key(&MessageView::parse(message).ok()?),
                }
            }
        };
        let address = self.exported_address(restored.peer)?;
        writer.byte(OBSERVATION);
        writer.counted(address);
        writer.counted(restored.token.as_slice());
        writer.bytes(&restored.key.to_be_bytes());
        Some(())
    }

    fn export_observer(&self, observer: &Observer, writer: &mut Writer<'_>) -> Option<()> {
        // Notifications would need the context as it is now, and its replay window.
        if observer.protected().get().context.is_some() {
            return None;
        }
        let address = self.exported_address(observer.peer())?;
        let message = self.message.bytes(observer.request());
        let mut kind = OBSERVER | if observer.is_owed() { IS_OWED } else { 0 };
        if let Some(format) = observer.content_format() {
            kind |= HAS_FORMAT;
            writer.byte(kind);
            writer.bytes(&format.to_be_bytes());
        } else {
            writer.byte(kind);
        }
        writer.counted(address);
        writer.bytes(&(message.len() as u16).to_be_bytes());
        writer.bytes(message);
        Some(())
    }

    /// Takes a state over, into an endpoint that nothing has been done with.
    ///
    /// How much time has passed is not known. An observation waits until the program asks for the same
    /// again, and then registers again with its old token; an observer's next notification is confirmable,
    /// as it may have gone.
    pub fn import(&mut self, state: &[u8], now: Instant) -> Result<(), ImportError> {
        let hashed = state.len().saturating_sub(HASH_LEN);
        let (state, hash) = state.split_at_checked(hashed).unwrap_or_default();
        if hash != hash_of(state) {
            return Err(ImportError::Malformed);
        }
        let mut reader = Reader(state);
        self.import_numbers(&mut reader, now)
            .ok_or(ImportError::Malformed)?;
        loop {
            let kind = reader.byte().ok_or(ImportError::Malformed)?;
            match kind {
                END if reader.0.is_empty() => return Ok(()),
                OBSERVATION if OBSERVE => self.import_observation(&mut reader)?,
                _ if OBSERVE && kind & !(HAS_FORMAT | IS_OWED) == OBSERVER => {
                    self.import_observer(&mut reader, kind, now)?;
                }
                _ => return Err(ImportError::Malformed),
            }
        }
    }

    fn import_numbers(&mut self, reader: &mut Reader<'_>, now: Instant) -> Option<()> {
        if reader.byte()? != VERSION {
            return None;
        }
        let ids = reader.number(4)?;
        let key = *reader.bytes(size_of::<IdKey>())?.first_chunk()?;
        self.message
            .restore_ids(((ids >> 16) as u16, ids as u16), key, now);
        self.upper.sequence = reader.number(3)?;
        Some(())
    }

    fn import_peer(&mut self, reader: &mut Reader<'_>) -> Result<PeerId, ImportError> {
        let address = reader.counted().filter(|address| ip::is_peer(address));
        let address = address.and_then(PeerAddr::new);
        self.message
            .intern(&self.upper, &address.ok_or(ImportError::Malformed)?)
            .ok_or(ImportError::NoRoom)
    }

    fn import_observation(&mut self, reader: &mut Reader<'_>) -> Result<(), ImportError> {
        let peer = self.import_peer(reader)?;
        let token = reader.counted().and_then(Token::new);
        let restored = Restored {
            peer,
            token: token.ok_or(ImportError::Malformed)?,
            key: reader.number(4).ok_or(ImportError::Malformed)?,
        };
        let added = self.upper.observations.restore(restored);
        added.then_some(()).ok_or(ImportError::NoRoom)
    }

    fn import_observer(
        &mut self,
        reader: &mut Reader<'_>,
        kind: u8,
        now: Instant,
    ) -> Result<(), ImportError> {
        let mut content_format = None;
        if kind & HAS_FORMAT != 0 {
            content_format = Some(reader.number(2).ok_or(ImportError::Malformed)? as u16);
        }
        let peer = self.import_peer(reader)?;
        let len = reader.number(2).ok_or(ImportError::Malformed)? as usize;
        let message = reader.bytes(len).ok_or(ImportError::Malformed)?;
        let observes = MessageView::parse(message).is_ok_and(|message| {
            message.code().is_request() && message.first(OptionNumber::OBSERVE).is_some()
        });
        if !observes {
            return Err(ImportError::Malformed);
        }
        let request = self
            .message
            .keep(&mut self.upper, message)
            .ok_or(ImportError::NoRoom)?;
        let observer = Observer::new(peer, request, content_format.map(Some), now);
        let observer = observer.of_old().owed(kind & IS_OWED != 0);
        let added = self.upper.observers.insert(observer);
        added.map(|_| ()).ok_or(ImportError::NoRoom)
    }

    /// If a request to observe asks for the same as an observation from before a restart: writes that
    /// one's token into it, so that the peer renews the entry it has.
    pub(super) fn claim_restored(&mut self, peer: PeerId, request: StoredMessage) -> Option<Token> {
        let message = MessageView::parse(self.message.bytes(request)).ok()?;
        let (key, len) = (observation_key(&message), message.token().len());
        let token = self.upper.observations.claim(peer, key)?;
        let bytes = self.message.bytes_mut(request);
        let place = bytes.get_mut(HEADER_LEN..HEADER_LEN + len)?;
        if token.len() != len {
            return None;
        }
        for (to, from) in place.iter_mut().zip(token.as_slice()) {
            *to = *from;
        }
        Some(token)
    }
}
