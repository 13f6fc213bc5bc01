// SPDX-License-Identifier: MIT
//! One server and a thousand peers at once, each of which asks again until it is answered, on a bad network.

use crate::seed;
use crate::simulation::{Conditions, Random, endpoint, lossy};
use microcoapy::wire::code::Code;
use microcoapy::wire::message::MessageView;
use microcoapy::{
    DEDUPLICATION, Endpoint, Event, Instant, Parameters, Part, PeerAddr, REQUESTS, Usage,
};
use std::collections::{BTreeMap, HashMap};

const PEERS: usize = 1000;
/// RFC 7252 section 4.8.
const ACK_TIMEOUT_MS: u64 = 2500;
const MAX_RETRANSMIT: u32 = 4;
/// Milliseconds from the start to the wrap of the clock.
const BEFORE_WRAP_MS: u64 = 10_000;

fn address(peer: usize) -> PeerAddr {
    let [high, low] = (peer as u16).to_be_bytes();
    PeerAddr::new(&[4, 10, 0, high, low, 0x16, 0x33]).unwrap()
}

/// POST /r with its number as message id and payload.
fn request(number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    vec![0x41, 0x02, high, low, b't', 0xB1, b'r', 0xFF, high, low]
}

#[derive(Clone, Copy, Default)]
struct Peer {
    number: u16,
    attempts: u32,
    answered: u16,
}

enum Arrival {
    AtServer(usize, Vec<u8>),
    AtPeer(usize, Vec<u8>),
    /// A peer's timer for this request.
    Retry(usize, u16),
}

struct World {
    /// Requests of each peer, one at a time.
    rounds: u16,
    server: Endpoint<'static>,
    peers: Vec<Peer>,
    /// How often the handler ran, by peer and number.
    handled: HashMap<(usize, u16), u32>,
    random: Random,
    conditions: Conditions,
    time: u64,
    serial: u64,
    agenda: BTreeMap<(u64, u64), Arrival>,
}

impl World {
    fn now(&self) -> Instant {
        Instant(self.time.wrapping_sub(BEFORE_WRAP_MS) as u32)
    }

    fn plan(&mut self, after: u64, arrival: Arrival) {
        self.serial += 1;
        self.agenda
            .insert((self.time + after, self.serial), arrival);
    }

    /// A datagram on its way, lost, or doubled.
    fn carry(&mut self, arrival: impl Fn() -> Arrival) {
        let copies = 1 + u64::from(self.random.percent(self.conditions.duplication_percent));
        for _ in 0..copies {
            if !self.random.percent(self.conditions.loss_percent) {
                let latency = self.random.within(&self.conditions.latency_ms);
                self.plan(latency, arrival());
            }
        }
    }

    fn ask(&mut self, peer: usize) {
        let Peer {
            number, attempts, ..
        } = self.peers[peer];
        if number == self.rounds {
            return;
        }
        self.carry(|| Arrival::AtServer(peer, request(number)));
        self.plan(ACK_TIMEOUT_MS << attempts, Arrival::Retry(peer, number));
    }

    fn next_request(&mut self, peer: usize) {
        self.peers[peer].number += 1;
        self.peers[peer].attempts = 0;
        self.ask(peer);
    }

    fn at_server(&mut self, peer: usize, datagram: &[u8]) {
        let now = self.now();
        let from = address(peer);
        if let Some(received) = self
            .server
            .handle_datagram(&from, &mut datagram.to_vec(), now)
        {
            let Event::Request { request, .. } = received.event else {
                panic!("nobody caused {:?}", received.event);
            };
            let payload = received.message.payload().to_vec();
            let number = u16::from_be_bytes(payload[..].try_into().unwrap());
            *self.handled.entry((peer, number)).or_default() += 1;
            let server = &mut self.server;
            server.response_begin(request, true, Code::CHANGED).unwrap();
            server.draft_add(Part::Payload(&payload)).unwrap();
            server.response_send(now).unwrap();
        }
        self.send();
    }

    fn send(&mut self) {
        while let Some(datagram) = self.server.poll_transmit() {
            let bytes = datagram.bytes.to_vec();
            let &[_, _, _, high, low, ..] = datagram.peer.as_slice() else {
                panic!("to nobody: {:?}", datagram.peer);
            };
            let peer = usize::from(u16::from_be_bytes([high, low]));
            self.carry(|| Arrival::AtPeer(peer, bytes.clone()));
        }
        let usage = self.server.usage();
        assert!(usage.deduplication <= DEDUPLICATION && usage.requests <= REQUESTS);
    }

    fn at_peer(&mut self, peer: usize, datagram: &[u8]) {
        let answer = MessageView::parse(datagram).unwrap();
        let number = self.peers[peer].number;
        if answer.id().0 != number || number == self.rounds {
            return; // of an earlier request, once more
        }
        assert_eq!(answer.code(), Code::CHANGED);
        assert_eq!(answer.payload(), number.to_be_bytes());
        self.peers[peer].answered += 1;
        self.next_request(peer);
    }

    fn retry(&mut self, peer: usize, number: u16) {
        let state = &mut self.peers[peer];
        if state.number != number {
            return;
        }
        state.attempts += 1;
        if state.attempts > MAX_RETRANSMIT {
            self.next_request(peer);
        } else {
            self.ask(peer);
        }
    }

    fn run(&mut self) {
        for peer in 0..PEERS {
            self.ask(peer);
        }
        while let Some(((time, _), arrival)) = self.agenda.pop_first() {
            self.time = time;
            match arrival {
                Arrival::AtServer(peer, datagram) => self.at_server(peer, &datagram),
                Arrival::AtPeer(peer, datagram) => self.at_peer(peer, &datagram),
                Arrival::Retry(peer, number) => self.retry(peer, number),
            }
            self.server.handle_timeout(self.now());
            self.send();
        }
    }
}

fn served(rounds: u16) -> World {
    let seed = seed::of_test();
    let mut world = World {
        rounds,
        server: endpoint(seed as u32, Parameters::default(), 0),
        peers: vec![Peer::default(); PEERS],
        handled: HashMap::new(),
        random: Random::new(seed),
        conditions: lossy(),
        time: 0,
        serial: 0,
        agenda: BTreeMap::new(),
    };
    world.run();
    let lifetime = world.server.parameters().exchange_lifetime_ms();
    world.time += u64::from(lifetime);
    world.server.handle_timeout(world.now());
    assert_eq!(world.server.usage(), Usage::default());
    world
}

#[test]
fn a_thousand_peers_are_served_at_once() {
    let rounds = 10;
    let world = served(rounds);
    // A request is given up when 5 transmissions in a row are lost, there or back.
    for (peer, state) in world.peers.iter().enumerate() {
        assert!(state.answered > rounds / 2, "{peer}: {}", state.answered);
    }
    assert!(world.handled.len() > PEERS * usize::from(rounds) / 100 * 97);
}

#[test]
fn what_a_thousand_peers_repeat_is_handled_once_where_there_is_room_to_remember_it() {
    let world = served(1);
    let once = world.handled.values().filter(|&&times| times == 1).count();
    if DEDUPLICATION >= PEERS {
        assert_eq!(once, world.handled.len());
    } else {
        assert!(once < world.handled.len(), "the network repeats nothing");
    }
}
