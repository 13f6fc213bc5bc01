// SPDX-License-Identifier: MIT
//! Observe, RFC 7641: an observer sees states in their order, and the last one in any case.

use crate::seed;
use crate::simulation::{Conditions, Context, Network, Program};
use microcoapy::Failure;
use microcoapy::Handle;
use microcoapy::Parameters;
use microcoapy::wire::code::Code;
use microcoapy::wire::header::MessageType;
use microcoapy::wire::option::OptionNumber;
use microcoapy::{Event, Part, Received};
use microcoapy::{NON_CONFIRMABLE, OBSERVABLE};

/// How often the resource changes.
const CHANGES: u8 = 20;
/// Milliseconds between two changes.
const INTERVALS_MS: std::ops::Range<u64> = 1..30_000;
/// Max-Age of each state, seconds.
const MAX_AGE: u8 = 30;
/// Milliseconds after which a program that is not registered any more registers again.
const PATIENCE_MS: u64 = 20_000;
/// In blocks of so many bytes.
const BLOCK_LEN: u32 = 32;
/// A registration is renewed 5 to 15 seconds after Max-Age; it, its answer and what follows may be lost.
const RECOVERED_MS: u64 = 400_000;

/// How many of the requests a handler answers after its return, in percent.
const SEPARATE_PERCENT: u64 = 20;

/// Observes the other host's state, and has one of its own that changes.
struct Watcher {
    /// As a server: counts up with each change.
    state: u8,
    /// Bytes of each state.
    len: usize,
    /// As a server: when the state changes next.
    changes_at: Option<u64>,
    owed: Vec<(u64, Handle)>,
    /// As a client: when it (re)tries to register.
    registers_at: Option<u64>,
    observation: Option<Handle>,
    /// As a client: bytes of a state that have come.
    partial: Vec<u8>,
    /// As a client: the states that have come.
    seen: Vec<u8>,
}

impl Watcher {
    fn new(len: usize) -> Self {
        Self {
            state: 0,
            len,
            changes_at: None,
            owed: Vec::new(),
            registers_at: None,
            observation: None,
            partial: Vec::new(),
            seen: Vec::new(),
        }
    }

    // ---- as a server ----

    fn change(&mut self, context: &mut Context<'_>) {
        self.state += 1;
        context.endpoint.notify(1);
        let next = context.time + context.random.within(&INTERVALS_MS);
        self.changes_at = (self.state < CHANGES).then_some(next);
    }

    fn answer(&mut self, context: &mut Context<'_>, request: Handle) {
        let endpoint = &mut *context.endpoint;
        // A newer notification may have taken its place.
        if endpoint
            .response_begin(request, true, Code::CONTENT)
            .is_err()
        {
            return;
        }
        for (number, value) in [
            (OptionNumber::ETAG, self.state),
            (OptionNumber::MAX_AGE, MAX_AGE),
        ] {
            endpoint.draft_add(Part::Option(number, &[value])).unwrap();
        }
        let body = vec![self.state; self.len];
        let total = body.len() as u32;
        let (offset, len) = endpoint.draft_body(Some(total), BLOCK_LEN).unwrap();
        let end = total.min(offset + len);
        endpoint
            .draft_block(&body[offset as usize..end as usize], end < total)
            .unwrap();
        if endpoint.response_send(context.now).is_err() {
            // Later there may be room.
            self.owed.push((context.time + 500, request));
        }
    }

    fn answer_soon(&mut self, context: &mut Context<'_>, request: Handle) {
        if context.random.percent(SEPARATE_PERCENT) {
            let due = context.time + context.random.below(3000);
            self.owed.push((due, request));
            context.endpoint.incoming_release(request);
        } else {
            self.answer(context, request);
        }
    }

    // ---- as a client ----

    fn register(&mut self, context: &mut Context<'_>) {
        let entropy = context.random.entropy();
        let endpoint = &mut *context.endpoint;
        endpoint
            .exchange_begin(MessageType::Confirmable, Code::GET, None, entropy)
            .unwrap();
        endpoint.draft_add(Part::Path(b"r")).unwrap();
        let observe = Part::Option(OptionNumber::OBSERVE, b"");
        endpoint.draft_add(observe).unwrap();
        let sent = endpoint.exchange_send(&context.peer, context.now).unwrap();
        assert_eq!(self.observation.replace(sent.exchange), None);
    }

    /// The observation has ended.
    fn end(&mut self, context: &mut Context<'_>) {
        assert!(self.observation.take().is_some(), "ends once");
        self.registers_at = Some(context.time + PATIENCE_MS);
    }

    /// A state, whole.
    fn see(&mut self, body: &[u8]) {
        assert_eq!(body.len(), self.len);
        let state = body[0];
        assert!(
            body.iter().all(|&byte| byte == state),
            "a mixture: {body:?}"
        );
        assert!(
            self.seen.last() <= Some(&state),
            "{state} after {:?}",
            self.seen
        );
        self.seen.push(state);
    }

    fn take(&mut self, offset: u32, part: &[u8]) {
        self.partial.truncate(offset as usize);
        assert_eq!(self.partial.len(), offset as usize, "a gap");
        self.partial.extend_from_slice(part);
    }

    fn go_on(&self, context: &mut Context<'_>, exchange: Handle) {
        let entropy = context.random.entropy();
        context
            .endpoint
            .exchange_continue(exchange, entropy, context.now)
            .unwrap();
    }
}

impl Program for Watcher {
    fn receive(&mut self, context: &mut Context<'_>, received: &Received<'_>) {
        let (offset, part) = (received.piece.offset, received.message.payload());
        match received.event {
            Event::Request { request, .. } | Event::Download { request, .. } => {
                self.answer_soon(context, request);
            }
            Event::Block(exchange) => {
                self.take(offset, part);
                self.go_on(context, exchange);
            }
            Event::Restart(exchange) => self.go_on(context, exchange),
            Event::Notification(_) => {
                self.take(offset, part);
                let body = core::mem::take(&mut self.partial);
                self.see(&body);
            }
            // No place among the observers: the program asks again later.
            Event::Response(_) => self.end(context),
            other => panic!("nobody caused {other:?}"),
        }
    }

    fn fail(&mut self, context: &mut Context<'_>, exchange: Handle, _: Failure) {
        assert_eq!(self.observation, Some(exchange));
        self.end(context);
    }

    fn notify(&mut self, context: &mut Context<'_>, request: Handle) {
        self.answer_soon(context, request);
    }

    fn wakes_at(&self) -> Option<u64> {
        let owed = self.owed.iter().map(|owed| owed.0);
        owed.chain(self.changes_at).chain(self.registers_at).min()
    }

    fn wake(&mut self, context: &mut Context<'_>) {
        let time = context.time;
        let due: Vec<_> = self.owed.extract_if(.., |owed| owed.0 <= time).collect();
        for (_, request) in due {
            self.answer(context, request);
        }
        if self.changes_at.is_some_and(|at| at <= time) {
            self.change(context);
        }
        if self.registers_at.is_some_and(|at| at <= time) {
            self.registers_at = None;
            self.register(context);
        }
    }
}

/// Room for messages of any length: whatever the profile has.
fn parameters() -> Parameters {
    Parameters {
        max_message: 256,
        message_store: 4096,
        ..Default::default()
    }
}

/// 20 % loss, with duplication and reordering.
fn bad() -> Conditions {
    Conditions {
        loss_percent: 20,
        duplication_percent: 20,
        latency_ms: 5..1500,
    }
}

/// Host 0 observes host 1, whose state has `len` bytes.
fn watch(seed: u64, flags: u8, len: usize, conditions: Conditions) -> Network<Watcher> {
    let programs = [Watcher::new(len), Watcher::new(len)];
    let mut network = Network::new(seed, parameters(), conditions, flags, programs);
    network.act(0, |client, context| client.register(context));
    network.act(1, |server, _| server.changes_at = Some(100));
    network
}

/// Runs until the observer has seen the server's state, which must not take too long.
fn recover(network: &mut Network<Watcher>, about: &str) {
    let limit = network.time + RECOVERED_MS;
    let up_to_date = |network: &Network<Watcher>| {
        let [client, server] = &network.hosts;
        client.program.seen.last() == Some(&server.program.state)
    };
    network.run_until(|network| up_to_date(network) || network.time > limit);
    assert!(
        up_to_date(network),
        "{about}: {:?}",
        network.hosts[0].program.seen
    );
}

/// Lets everything change as often as it does, and checks that the last state arrives.
fn watch_all(seed: u64, flags: u8, len: usize) {
    let about = format!("seed {seed}, {len} bytes, flags {flags}");
    let mut network = watch(seed, flags, len, bad());
    network.run_until(|network| network.hosts[1].program.changes_at.is_none());
    recover(&mut network, &about);
    let seen = &network.hosts[0].program.seen;
    assert!(seen.len() >= 5, "{about}: {seen:?}");
}

#[test]
fn states_come_in_order_and_the_last_one_comes() {
    let first = seed::of_test();
    for seed in first..first + 40 {
        watch_all(seed, OBSERVABLE, 5);
        watch_all(seed, OBSERVABLE | NON_CONFIRMABLE, 5);
    }
}

#[cfg(feature = "block")]
#[test]
fn states_longer_than_a_block_come_in_order_and_the_last_one_comes() {
    let first = seed::of_test();
    for seed in first..first + 40 {
        watch_all(seed, OBSERVABLE, 80);
        watch_all(seed, OBSERVABLE | NON_CONFIRMABLE, 80);
    }
}

#[test]
fn an_observation_recovers_from_a_server_that_has_forgotten_everything() {
    let first = seed::of_test();
    for seed in first..first + 40 {
        let about = format!("seed {seed}");
        let mut network = watch(seed, OBSERVABLE, 5, bad());
        network.run_until(|network| network.hosts[1].program.state == CHANGES / 2);
        network.act(1, |server, context| {
            context.endpoint.reset();
            server.owed.clear();
        });
        network.run_until(|network| network.hosts[1].program.changes_at.is_none());
        recover(&mut network, &about);
    }
}

#[test]
fn an_observation_that_is_cancelled_leaves_nothing_behind() {
    let first = seed::of_test();
    for seed in first..first + 40 {
        // Without reordering: a registration that comes after the cancellation is one.
        let calm = Conditions {
            loss_percent: 0,
            duplication_percent: 20,
            latency_ms: 50..51,
        };
        let mut network = watch(seed, OBSERVABLE, 5, calm);
        network.run_until(|network| network.hosts[1].program.changes_at.is_none());
        network.act(0, |client, context| {
            let exchange = client.observation.take().unwrap();
            assert!(context.endpoint.observation_cancel(exchange, context.now));
        });
        network.run_out();
        for host in &network.hosts {
            assert_eq!(host.endpoint.usage(), Default::default(), "seed {seed}");
        }
    }
}
