// SPDX-License-Identifier: MIT
//! The peers that observe our resources, RFC 7641 section 4.

use crate::config::OBSERVERS;
use crate::handle::{Handle, OfPeer, Table};
use crate::message::peer::PeerId;
use crate::message::store::StoredMessage;
use crate::message::transmission::Backoff;
use crate::oscore::Protected;
use crate::time::{Instant, LONGEST, earliest};
use crate::when::When;
use crate::wire::header::MessageId;

/// RFC 7641 section 4.5: a notification must be confirmable every 24 hours at the latest, milliseconds.
const CONFIRM_WITHIN_MS: u32 = 24 * 60 * 60 * 1000;

/// Every so many notifications one is confirmable, so that observers that have gone are noticed.
const CONFIRM_EVERY: u8 = 8;

/// RFC 7641 section 4.5.1: without an estimate of the round-trip time, not more than one non-confirmable
/// notification every 3 seconds; milliseconds.
const NON_INTERVAL_MS: u32 = 3000;

/// How often instants that are over are looked for; with the time between two calls it must stay below [`LONGEST`].
const EXPIRE_EVERY_MS: u32 = LONGEST / 8;

/// How long a notification waits for room, milliseconds.
const RETRY_MS: u32 = 1000;

/// What is being done for an observer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nothing.
    Idle,
    /// A handler is asked for the representation.
    Preparing,
    /// A confirmable notification waits for its ACK.
    Unacknowledged,
    /// A newer notification is to go on where the last one's retransmission was.
    Superseding(Backoff),
}

/// A peer that observes a resource.
#[derive(Clone, Copy, Debug)]
pub struct Observer {
    /// Who observes.
    peer: PeerId,
    /// The request, with its token: notifications are answers to it.
    request: StoredMessage,
    /// What protects the request and the notifications.
    protected: Protected,
    /// What goes on.
    state: State,
    /// Where the retransmission of an older notification was, that the next one goes on from.
    backoff: Backoff,
    /// The state of the resource has changed since the last notification.
    pending: bool,
    /// Non-confirmable notifications since the last confirmable one.
    unconfirmed: u8,
    /// RFC 7641 section 4.2: the Content-Format of all notifications, or none (inner `None`). `None`: there
    /// were only 2.03 Valid so far, which have no content.
    content_format: Option<Option<u16>>,
    /// The id of the last notification.
    last_id: Option<MessageId>,
    /// When the last confirmable notification was sent.
    confirmed: Instant,
    /// No notification before.
    quiet_until: Instant,
}

impl Observer {
    /// A peer that has just been told the state.
    #[must_use]
    pub fn new(
        peer: PeerId,
        request: StoredMessage,
        content_format: Option<Option<u16>>,
        now: Instant,
    ) -> Self {
        Self {
            peer,
            request,
            protected: Protected::default(),
            state: State::Idle,
            backoff: Backoff::default(),
            pending: false,
            unconfirmed: 0,
            content_format,
            last_id: None,
            confirmed: now,
            quiet_until: now,
        }
    }

    /// A peer that was told the state some time ago: the next notification is confirmable, as the peer may
    /// have gone.
    #[must_use]
    pub fn of_old(self) -> Self {
        Self {
            unconfirmed: CONFIRM_EVERY - 1,
            ..self
        }
    }

    /// The same, if the state has changed since the peer was told.
    #[must_use]
    pub fn owed(self, is_owed: bool) -> Self {
        Self {
            pending: is_owed,
            ..self
        }
    }

    /// The same, with what protects the request and the notifications.
    #[must_use]
    pub fn protected_by(self, protected: Protected) -> Self {
        Self { protected, ..self }
    }

    /// What protects the request and the notifications.
    #[must_use]
    pub fn protected(&self) -> Protected {
        self.protected
    }

    /// The request, with its token: notifications are answers to it.
    #[must_use]
    pub fn request(&self) -> StoredMessage {
        self.request
    }

    /// Where the retransmission of an older notification was, that the next one goes on from.
    #[must_use]
    pub fn backoff(&self) -> Backoff {
        self.backoff
    }

    /// RFC 7641 section 4.2: the Content-Format of all notifications, if it has one.
    #[must_use]
    pub fn content_format(&self) -> Option<u16> {
        self.content_format.flatten()
    }

    /// Whether the peer may not know the state.
    #[must_use]
    pub fn is_owed(&self) -> bool {
        self.pending || self.state != State::Idle
    }

    /// Whether a handler is asked for its next notification.
    #[cfg(test)]
    pub fn is_preparing(&self) -> bool {
        self.state == State::Preparing
    }

    /// Whether a confirmable notification waits for its ACK.
    #[cfg(test)]
    pub fn is_unacknowledged(&self) -> bool {
        self.state == State::Unacknowledged
    }

    /// The state has changed. True: a confirmable notification of an older one is on its way.
    pub fn change(&mut self) -> bool {
        self.pending = true;
        self.state == State::Unacknowledged
    }

    /// RFC 7641 section 4.2: one Content-Format for all notifications; the first one sets it. False: it is another.
    pub fn admits(&mut self, format: Option<u16>) -> bool {
        let known = *self.content_format.get_or_insert(format);
        known == format
    }

    /// Whether the next notification must be confirmable.
    #[must_use]
    pub fn must_confirm(&self, now: Instant) -> bool {
        self.unconfirmed + 1 >= CONFIRM_EVERY || now.since(self.confirmed) >= CONFIRM_WITHIN_MS
    }

    /// When a handler is to be asked for the next notification; `None`: not until something happens.
    #[must_use]
    pub fn due_at(&self) -> Option<Instant> {
        match self.state {
            State::Idle if !self.pending => Some(self.confirmed.after(CONFIRM_WITHIN_MS)),
            State::Idle | State::Superseding(_) => Some(self.quiet_until),
            State::Preparing | State::Unacknowledged => None,
        }
    }

    /// A handler is being asked for the next notification; none is due for `interval_ms` after it.
    pub fn prepare(&mut self, interval_ms: u32, now: Instant) {
        self.backoff = match self.state {
            State::Superseding(backoff) => backoff,
            _ => Backoff::default(),
        };
        self.quiet_until = now.after(interval_ms);
        if self.must_confirm(now) {
            // Also if the handler has nothing to say this time.
            self.unconfirmed = CONFIRM_EVERY - 1;
            self.confirmed = now;
        }
        self.state = State::Preparing;
        self.pending = false;
    }

    /// A non-confirmable notification goes out.
    pub fn sent_non(&mut self, id: MessageId, now: Instant) {
        let quiet = now.after(NON_INTERVAL_MS);
        if self.quiet_until.is_before(quiet) {
            self.quiet_until = quiet;
        }
        self.unconfirmed += 1;
        self.state = State::Idle;
        self.last_id = Some(id);
    }

    /// A confirmable notification goes out. True: the state has changed since it was prepared.
    pub fn sent_con(&mut self, id: Option<MessageId>, now: Instant) -> bool {
        self.state = State::Unacknowledged;
        self.unconfirmed = 0;
        self.confirmed = now;
        self.last_id = id;
        self.pending
    }

    /// The notification came to nothing: it is asked for once more, later.
    pub fn retry(&mut self, now: Instant) {
        self.state = match self.backoff {
            backoff if backoff == Backoff::default() => State::Idle,
            backoff => State::Superseding(backoff),
        };
        self.pending = true;
        self.quiet_until = now.after(RETRY_MS);
    }

    /// The handler has not said anything.
    pub fn give_up(&mut self) {
        if self.state == State::Preparing {
            self.state = State::Idle;
        }
    }

    /// The peer has acknowledged a notification.
    pub fn acknowledged(&mut self) {
        self.state = State::Idle;
    }

    /// RFC 7641 section 4.5.2: the newer state takes the place of the older, whose retransmission was there.
    pub fn superseded(&mut self, backoff: Backoff) {
        self.state = State::Superseding(backoff);
    }
}

/// Few observers are all looked at each time: that is shorter.
const MANY: bool = matches!(OBSERVERS, 9..);

/// What is known of many observers without looking at all of them.
#[derive(Clone, Copy, Default)]
struct Search {
    /// Where the search for the next one that is due goes on.
    turn: usize,
    /// Whether `next` is known.
    done: bool,
    /// When the first one is due; `None`: nobody is.
    next: Option<Instant>,
    /// When `expire` last had a look.
    expired: Instant,
}

/// All observers.
#[derive(Default)]
pub struct Observers {
    table: Table<Observer, OBSERVERS>,
    search: When<{ MANY as usize }, Search>,
}

/// As `ffi/placement.rs` wants it: all zeros are no observers, of which nothing is known.
const _: fn(Observers, Search) = |observers, search| {
    let Observers {
        table: _,
        search: _,
    } = observers;
    let Search {
        turn: _,
        done: _,
        next: _,
        expired: _,
    } = search;
};

impl OfPeer for Observer {
    fn peer(&self) -> PeerId {
        self.peer
    }
}

impl Observers {
    /// Bytes that each takes.
    #[cfg(test)]
    pub const ENTRY_LEN: usize = Table::<Observer, OBSERVERS>::ENTRY_LEN;

    /// Adds one. `None`: no room.
    pub fn insert(&mut self, observer: Observer) -> Option<Handle> {
        if MANY {
            self.note_change(None, observer.due_at());
        }
        self.table.insert(observer)
    }

    /// The observer, unless the handle is stale.
    #[must_use]
    pub fn get(&self, handle: Handle) -> Option<&Observer> {
        self.table.get(handle)
    }

    /// Changes an observer, and says what the change does. `None`: the handle is stale.
    pub fn change<T>(
        &mut self,
        handle: Handle,
        change: impl FnOnce(&mut Observer) -> T,
    ) -> Option<T> {
        let observer = self.table.get_mut(handle)?;
        if !MANY {
            return Some(change(observer));
        }
        let before = observer.due_at();
        let result = change(observer);
        let after = observer.due_at();
        self.note_change(before, after);
        Some(result)
    }

    fn note_change(&mut self, before: Option<Instant>, after: Option<Instant>) {
        let mut search = self.search.get();
        // The first one may be another now.
        search.done &= before.is_none() || before != search.next;
        search.next = earliest(search.next, after);
        self.search.set(search);
    }

    fn note_changes(&mut self) {
        let search = self.search.get();
        self.search.set(Search {
            done: false,
            ..search
        });
    }

    /// All of them, to be changed, oldest first.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Handle, &mut Observer)> {
        self.note_changes();
        self.table.iter_mut()
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, &Observer)> {
        self.table.iter()
    }

    /// Takes one out.
    pub fn remove(&mut self, handle: Handle) {
        if MANY {
            let before = self.get(handle).and_then(Observer::due_at);
            self.note_change(before, None);
        }
        self.table.remove(handle);
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.note_changes();
        self.table.clear();
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Whether the peer is one.
    #[must_use]
    pub fn refers_to(&self, peer: PeerId) -> bool {
        self.table.refers_to(peer)
    }

    /// The oldest that fits.
    #[must_use]
    pub fn find(&self, fits: impl Fn(&Observer) -> bool) -> Option<Handle> {
        self.table.find(fits)
    }

    /// Whether another peer's observation finds a place: one place is left to others, whom a peer with many
    /// observations must not keep out.
    #[must_use]
    pub fn has_room(&self, peer: PeerId) -> bool {
        let of_peer = self.iter().filter(|(_, o)| o.peer == peer).count();
        !self.table.is_full() && (OBSERVERS == 1 || OBSERVERS.saturating_sub(of_peer) > 1)
    }

    /// The observer that a RST to a notification with this id is about.
    #[must_use]
    pub fn match_id(&self, peer: PeerId, id: MessageId) -> Option<Handle> {
        self.find(|o| o.peer == peer && o.last_id == Some(id))
    }

    /// Brings instants that are over up to date, so that they are not mistaken for later ones when the clock
    /// wraps.
    pub fn expire(&mut self, now: Instant) {
        let mut search = self.search.get();
        if MANY && now.0.wrapping_sub(search.expired.0) < EXPIRE_EVERY_MS {
            return;
        }
        for (_, observer) in self.table.iter_mut() {
            observer.quiet_until = observer.quiet_until.or_now(now);
            let day_ago = Instant(now.0.wrapping_sub(CONFIRM_WITHIN_MS));
            observer.confirmed = observer.confirmed.or_now(day_ago);
        }
        search.next = search.next.map(|next| next.or_now(now));
        search.expired = now;
        self.search.set(search);
    }

    /// An observer whose notification is due: of few the one who has waited longest, of many each in turn.
    pub fn take_due(&mut self, now: Instant) -> Option<Handle> {
        let due_at = |o: &Observer| o.due_at().filter(|at| at.is_due(now));
        if !MANY {
            return self.table.earliest(|_, o| due_at(o));
        }
        let mut search = self.search.get();
        if search.done && !search.next.is_some_and(|next| next.is_due(now)) {
            return None;
        }
        let is_due = |(_, (_, o)): &(usize, (Handle, &Observer))| due_at(o).is_some();
        let all = || self.table.iter().enumerate();
        let found = all().skip(search.turn).find(is_due);
        let found = found.or_else(|| all().take(search.turn).find(is_due));
        match found {
            Some((index, _)) => search.turn = index + 1,
            None => {
                search.next = self.next_timeout();
                search.done = true;
            }
        }
        let handle = found.map(|(_, (handle, _))| handle);
        self.search.set(search);
        handle
    }

    /// When `take_due` has one to give.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let search = self.search.get();
        if search.done {
            return search.next;
        }
        let due = self.iter().map(|(_, observer)| observer.due_at());
        due.fold(None, earliest)
    }
}
