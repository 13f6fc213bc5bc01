// SPDX-License-Identifier: MIT
//! What peers are promised: a response to what was acknowledged and answered, and to strangers no more bytes than
//! they have asked for.

use std::collections::{HashMap, HashSet};

use common::engine::Event;
use microcoapy::ffi::MCOAP_ERR_STALE;
use microcoapy::wire::header::MessageType;
use microcoapy::wire::message::MessageView;
use microcoapy::wire::option::OptionNumber;

use crate::world::{Peer, World};

/// Bytes that an answer of the engine itself is longer than its request at most: a challenge, the name of an option,
/// two numbers.
const ANSWER_MORE: u64 = 16;
/// Bytes of an Empty ACK before a separate response.
const EMPTY_LEN: u64 = 4;

/// A confirmable request.
struct Asked {
    token: Vec<u8>,
    /// The program has seen it, or it says which responses are wanted, RFC 7967: an Empty ACK may be all it gets.
    may_be_silent: bool,
    is_acknowledged: bool,
}

/// A request that the program is to answer.
struct Pending {
    peer: Peer,
    id: u16,
    token: Vec<u8>,
    since: u64,
    /// Responses with its token before.
    told: u32,
    /// Nobody asked (a notification), or not for every response.
    may_be_silent: bool,
}

/// Bytes to and from a peer that has not shown that it is where it says.
#[derive(Default)]
struct Account {
    paid: u64,
    spent: u64,
}

#[derive(Default)]
pub struct Promises {
    /// By peer and id. `None`: there were different ones.
    asked: HashMap<(Peer, u16), Option<Asked>>,
    pending: HashMap<u32, Pending>,
    /// Responses by peer and token.
    told: HashMap<(Peer, Vec<u8>), u32>,
    /// Answers that were accepted and must have gone out by the end of the step: with how many told before.
    accepted: Vec<(Peer, Vec<u8>, u32)>,
    accounts: HashMap<Peer, Account>,
    echoes: HashSet<(Peer, Vec<u8>)>,
    verified: HashSet<Peer>,
}

fn wants_less(message: &MessageView) -> bool {
    message.first(OptionNumber::NO_RESPONSE).is_some()
}

impl Promises {
    /// A datagram that the endpoint is about to receive.
    pub fn hear(&mut self, from: Peer, datagram: &[u8], multicast: bool, limit: u32) {
        let len = datagram.len() as u64;
        let account = self.accounts.entry(from).or_default();
        account.paid += EMPTY_LEN + (len * u64::from(limit)).max(len + ANSWER_MORE);
        let Ok(message) = MessageView::parse(datagram) else {
            return;
        };
        if let Some(echo) = message.first(OptionNumber::ECHO)
            && self.echoes.contains(&(from, echo.to_vec()))
        {
            self.verified.insert(from);
        }
        if message.kind() == MessageType::Confirmable && !multicast {
            self.note_confirmable(from, &message);
        }
    }

    fn note_confirmable(&mut self, from: Peer, message: &MessageView) {
        let token = message.token().as_slice().to_vec();
        let may_be_silent = wants_less(message);
        let asked = Asked {
            token,
            may_be_silent,
            is_acknowledged: false,
        };
        let is_request = message.code().is_request();
        let key = (from, message.id().0);
        let before = self.asked.get(&key);
        let is_again = before.is_some_and(|before| {
            let same = before.as_ref().filter(|b| b.token == asked.token);
            same.is_some_and(|same| same.may_be_silent >= may_be_silent)
        });
        if before.is_none() && is_request {
            self.asked.insert(key, Some(asked));
        } else if !is_again || !is_request {
            self.asked.insert(key, None);
        }
    }

    fn count(&self, peer: Peer, token: &[u8]) -> u32 {
        self.told.get(&(peer, token.to_vec())).map_or(0, |n| *n)
    }

    /// The program gets a request; `has_come`: with a datagram, of which it is known whether every response is wanted.
    pub fn hand_over(&mut self, event: &Event, now: u64, has_come: bool, wants_less: bool) {
        let peer = Peer::try_from(&event.peer[..]).unwrap();
        if has_come && let Some(Some(asked)) = self.asked.get_mut(&(peer, event.id)) {
            asked.may_be_silent = true;
        }
        let pending = Pending {
            peer,
            id: event.id,
            token: event.token.clone(),
            since: now,
            told: self.count(peer, &event.token),
            may_be_silent: !has_come || wants_less,
        };
        self.pending.insert(event.handle, pending);
    }

    /// The program begins an answer: what was acknowledged has not been forgotten in the meantime, unless the peer was
    /// told something else.
    pub fn check_begun(&self, request: u32, begun: i32, now: u64, lifetime: u64) {
        let Some(pending) = self.pending.get(&request) else {
            return;
        };
        let asked = self.asked.get(&(pending.peer, pending.id));
        let is_acknowledged = asked.is_some_and(|asked| {
            let same = asked.as_ref().filter(|a| a.token == pending.token);
            same.is_some_and(|same| same.is_acknowledged)
        });
        let is_awaited = is_acknowledged && now - pending.since < lifetime;
        let was_told = self.count(pending.peer, &pending.token) > pending.told;
        assert!(
            begun != MCOAP_ERR_STALE || !is_awaited || was_told || pending.may_be_silent,
            "acknowledged, then forgotten"
        );
    }

    /// The endpoint has taken an answer.
    pub fn accept(&mut self, request: u32) {
        if let Some(pending) = self.pending.remove(&request)
            && !pending.may_be_silent
        {
            let told = self.count(pending.peer, &pending.token);
            self.accepted.push((pending.peer, pending.token, told));
        }
    }

    /// A datagram that goes out.
    pub fn tell(&mut self, to: Peer, message: &MessageView, len: usize, limit: u32) {
        let (kind, code) = (message.kind(), message.code());
        let is_answer = matches!(kind, MessageType::Acknowledgement | MessageType::Reset);
        if let Some(echo) = message.first(OptionNumber::ECHO) {
            self.echoes.insert((to, echo.to_vec()));
        }
        if code.is_response() {
            let token = message.token().as_slice().to_vec();
            *self.told.entry((to, token)).or_default() += 1;
        }
        if limit != 0 && (is_answer || code.is_response()) && !self.verified.contains(&to) {
            // RFC 9175 section 2.4
            let account = self.accounts.entry(to).or_default();
            account.spent += len as u64;
            assert!(account.spent <= account.paid, "amplification");
        }
        if kind == MessageType::Acknowledgement
            && code.is_empty()
            && let Some(Some(asked)) = self.asked.get_mut(&(to, message.id().0))
        {
            assert!(asked.may_be_silent, "acknowledged, and nobody was told");
            asked.is_acknowledged = true;
        }
    }

    /// Nothing waits to be sent any more.
    pub fn check_kept(&mut self) {
        for (peer, token, before) in core::mem::take(&mut self.accepted) {
            assert!(self.count(peer, &token) > before, "an answer is dropped");
        }
    }

    /// The program has forgotten everything; `verified`: the endpoint, too.
    pub fn forget(&mut self, verified: bool) {
        self.pending.clear();
        self.asked.clear();
        if verified {
            self.verified.clear();
        }
    }
}

impl World {
    pub fn lifetime(&self) -> u64 {
        self.parameters.exchange_lifetime_ms().into()
    }
}
