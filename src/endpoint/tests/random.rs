// SPDX-License-Identifier: MIT
//! Random traffic of a client, a server and peers. After every step each place of the message store must have one
//! owner, no table an entry that refers to nothing, and nothing may wait for what will never come.
#![cfg(all(feature = "observe", feature = "block", feature = "discovery"))]

use super::*;
use crate::echo::EchoKey;
use crate::exchange::outgoing::Kind;
use crate::message::transmission::{Owner, State as TState};
use crate::resource::{FRESH, NON_CONFIRMABLE, OBSERVABLE};
use MessageType::*;

struct Rng(u64);
impl Rng {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as u32
    }
    fn below(&mut self, n: u32) -> u32 {
        self.next() % n
    }
    fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }
    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u32) as usize]
    }
}

struct World {
    bench: Bench,
    rng: Rng,
    log: Vec<(PeerAddr, Vec<u8>)>,
    held: Vec<(Handle, bool)>,
    exchanges: Vec<Handle>,
    echo: Vec<u8>,
    trace: Vec<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let max_message = rng.of(&[64, 128, 400]);
        let parameters = Parameters {
            max_message,
            message_store: max_message * rng.of(&[1, 2, 4, 20]),
            nstart: rng.of(&[1, 2, 5]),
            amplification: rng.of(&[0, 0, 3]),
            max_body: 200,
            ..Default::default()
        };
        let mut bench = Bench::with(parameters);
        bench.now = Instant(rng.next());
        bench.endpoint.resources().move_to(vec![0; 512].leak());
        bench.endpoint.set_key(EchoKey::new([1; 8]));
        let mut world = Self {
            bench,
            rng,
            log: vec![],
            held: vec![],
            exchanges: vec![],
            echo: vec![1],
            trace: vec![],
        };
        world.serve();
        world
    }

    fn serve(&mut self) {
        self.bench.serve(b"r", 1, 0);
        self.bench.serve(b"o", 2, OBSERVABLE);
        self.bench.serve(b"n", 3, OBSERVABLE | NON_CONFIRMABLE);
        self.bench.serve(b"door", 4, FRESH);
    }

    fn step(&mut self) {
        match self.rng.below(14) {
            0 | 1 => self.advance(),
            2 | 3 => self.request(),
            4..=6 => self.reply(),
            7 | 8 => self.incoming_request(),
            9 => {
                let number = self.rng.of(&[1, 2, 3]);
                self.trace.push(format!("notify {number}"));
                self.bench.endpoint.notify(number);
            }
            10 => self.notifications(),
            11 => {
                self.cancel();
            }
            12 => {
                if !self.held.is_empty() {
                    let i = self.rng.below(self.held.len() as u32) as usize;
                    let (request, is_upload) = self.held.swap_remove(i);
                    self.answer(request, is_upload);
                }
            }
            _ => {
                if self.rng.one_in(20) {
                    self.trace.push("resources".into());
                    self.bench.endpoint.resources().clear();
                    self.bench.endpoint.resources_changed();
                    self.notifications();
                    self.serve();
                }
            }
        }
        self.check();
        if !self.rng.one_in(4) {
            self.drain();
            self.check();
        }
    }

    fn drain(&mut self) {
        let now = self.bench.now;
        for _ in 0..1000 {
            while let Some(ended) = self.bench.endpoint.poll_event(now) {
                let _ = ended.failure;
            }
            let Some(d) = self.bench.endpoint.poll_transmit() else {
                break;
            };
            assert!(!d.bytes.is_empty(), "an empty datagram");
            let v = MessageView::parse(d.bytes).expect("well-formed");
            if let Some(echo) = v.first(OptionNumber::ECHO) {
                self.echo = echo.to_vec();
            }
            let (p, b) = (*d.peer, d.bytes.to_vec());
            self.log.push((p, b));
            if self.log.len() > 12 {
                self.log.remove(0);
            }
        }
    }

    fn advance(&mut self) {
        let ms = match self.rng.below(12) {
            0 => 0,
            1 => 300_000,
            2 if self.rng.one_in(20) => 6 * 24 * 3_600_000,
            3 => self.rng.below(100_000),
            4..=6 => self
                .bench
                .endpoint
                .poll_timeout(self.bench.now)
                .unwrap_or(0),
            _ => self.rng.below(6000),
        };
        self.trace.push(format!("advance {ms}"));
        self.bench.advance(ms);
    }

    fn request(&mut self) {
        let kind = self.rng.of(&[Confirmable, Confirmable, NonConfirmable]);
        let code = self.rng.of(&[Code::GET, Code::GET, Code::PUT, Code::FETCH]);
        let token = if self.rng.one_in(5) {
            Token::new(b"same")
        } else {
            None
        };
        let entropy = [self.rng.next() as u8; 8];
        let e = &mut self.bench.endpoint;
        if e.exchange_begin(kind, code, token, entropy).is_err() {
            return;
        }
        let _ = e.draft_add(Part::Path(b"r"));
        let mut what = String::new();
        if self.rng.one_in(2) && code != Code::PUT {
            let _ = self
                .bench
                .endpoint
                .draft_add(Part::Option(OptionNumber::OBSERVE, b""));
            what += "observe ";
        }
        if self.rng.one_in(8) {
            let v = self.rng.of(&[2u8, 26]);
            let _ = self
                .bench
                .endpoint
                .draft_add(Part::Option(OptionNumber::NO_RESPONSE, &[v]));
            what += "noresp ";
        }
        if self.rng.one_in(6) {
            let at = self.rng.of(&[0, 16, 32]);
            let _ = self.bench.endpoint.draft_want(at, b"1", 16);
            what += "want ";
        }
        if code != Code::GET {
            let total = self.rng.of(&[5usize, 40]);
            if let Ok((_, len)) = self.bench.endpoint.draft_body(Some(total as u32), 16) {
                let len = (len as usize).min(total);
                let _ = self.bench.endpoint.draft_block(&vec![7; len], len < total);
                what += "body ";
            }
        }
        let to = match self.rng.below(8) {
            0 => PeerAddr::new(&[4, 224, 0, 1, 187, 0x16, 0x33]).unwrap(),
            n => peer(1 + n % 3),
        };
        let sent = self.bench.endpoint.exchange_send(&to, self.bench.now);
        self.trace
            .push(format!("request {kind:?} {code:?} {what} -> {sent:?}"));
        if let Ok(sent) = sent {
            self.exchanges.push(sent.exchange);
            if self.exchanges.len() > 20 {
                self.exchanges.remove(0);
            }
            if self.rng.one_in(6) {
                let at = self.bench.now.after(self.rng.below(20_000));
                self.bench.endpoint.exchange_limit(sent.exchange, at);
            }
        }
    }

    fn reply(&mut self) {
        if self.log.is_empty() {
            return;
        }
        let i = self.rng.below(self.log.len() as u32) as usize;
        let (to, bytes) = self.log[i].clone();
        let v = view(&bytes);
        let from = if ip_is_group(&to) {
            peer(1 + self.rng.below(3))
        } else {
            to
        };
        let id = v.id().0;
        match self.rng.below(6) {
            0 => return self.receive(&from, &empty(Acknowledgement, id), false),
            1 if self.rng.one_in(3) => return self.receive(&from, &empty(Reset, id), false),
            _ => {}
        }
        let code = self.rng.of(&[
            Code::CONTENT,
            Code::CONTENT,
            Code::CONTENT,
            Code::CHANGED,
            Code::CONTINUE,
            Code::NOT_FOUND,
            Code::UNAUTHORIZED,
            Code::REQUEST_ENTITY_TOO_LARGE,
        ]);
        let kind = self.rng.of(&[
            Acknowledgement,
            Acknowledgement,
            Confirmable,
            NonConfirmable,
        ]);
        let id = if kind == Acknowledgement {
            id
        } else {
            self.rng.below(3000) as u16
        };
        let mut m = Message::new(kind, code, id).token(v.token().as_slice());
        if code == Code::UNAUTHORIZED {
            m = m.option(OptionNumber::ECHO, b"echo");
        }
        if self.rng.one_in(2) {
            m = m.uint(OptionNumber::OBSERVE, self.rng.below(50));
            if self.rng.one_in(2) {
                m = m.uint(OptionNumber::MAX_AGE, self.rng.below(3));
            }
        }
        if let Some(b) = v.first(OptionNumber::BLOCK1).and_then(Block::decode) {
            let szx = if self.rng.one_in(5) { 0 } else { b.szx };
            m = m.block(OptionNumber::BLOCK1, b.num, b.more, szx);
        } else if code == Code::REQUEST_ENTITY_TOO_LARGE {
            m = m.block(OptionNumber::BLOCK1, 0, true, 0);
        }
        let mut len = self.rng.below(20) as usize;
        if self.rng.one_in(2) {
            let num = match v.first(OptionNumber::BLOCK2).and_then(Block::decode) {
                Some(b) if !self.rng.one_in(6) => b.num << b.szx,
                Some(_) => self.rng.below(4),
                None => 0,
            };
            let more = self.rng.below(3) != 0;
            if !self.rng.one_in(8) {
                len = if more { 16 } else { 5 };
            }
            m = m.block(OptionNumber::BLOCK2, num, more, 0);
        }
        if self.rng.one_in(2) {
            m = m.option(
                OptionNumber::ETAG,
                if self.rng.one_in(4) { b"2" } else { b"1" },
            );
        }
        let m = m.payload(&vec![9; len]).bytes();
        self.receive(&from, &m, false);
    }

    fn incoming_request(&mut self) {
        let multicast = self.rng.one_in(8);
        let kind = if multicast {
            NonConfirmable
        } else {
            self.rng.of(&[Confirmable, Confirmable, NonConfirmable])
        };
        let code = self.rng.of(&[
            Code::GET,
            Code::GET,
            Code::GET,
            Code::PUT,
            Code::POST,
            Code::FETCH,
        ]);
        let path = self
            .rng
            .of(&["r", "o", "o", "n", "n", "door", "nowhere", ".well-known"]);
        let token: &[u8] = self.rng.of(&[b"a", b"b"]);
        let mut m = Message::new(kind, code, self.rng.below(3000) as u16)
            .token(token)
            .option(OptionNumber::URI_PATH, path.as_bytes());
        if path == ".well-known" {
            m = m.option(OptionNumber::URI_PATH, b"core");
        }
        if self.rng.one_in(2) {
            m = m.uint(OptionNumber::OBSERVE, self.rng.of(&[0, 0, 0, 1]));
        }
        if self.rng.one_in(8) {
            m = m.uint(OptionNumber::NO_RESPONSE, self.rng.of(&[0, 2, 8, 26]));
        }
        if self.rng.one_in(3) {
            let echo = self.echo.clone();
            m = m.option(OptionNumber::ECHO, &echo);
        }
        if self.rng.one_in(3) {
            m = m.block(OptionNumber::BLOCK2, self.rng.below(3), false, 0);
        }
        let mut len = self.rng.below(20) as usize;
        if code != Code::GET && self.rng.below(3) != 0 {
            let more = self.rng.below(3) != 0;
            m = m.block(OptionNumber::BLOCK1, self.rng.below(4), more, 0);
            if !self.rng.one_in(8) {
                len = if more { 16 } else { 3 };
            }
        }
        let from = peer(1 + self.rng.below(4));
        let m = m.payload(&vec![3; len]).bytes();
        self.receive(&from, &m, multicast);
    }

    fn receive(&mut self, from: &PeerAddr, datagram: &[u8], multicast: bool) {
        let now = self.bench.now;
        let e = &mut self.bench.endpoint;
        let mut bytes = datagram.to_vec();
        let received = if multicast {
            e.handle_multicast(from, &mut bytes, now)
        } else {
            e.handle_datagram(from, &mut bytes, now)
        };
        let event = received.map(|r| r.event);
        self.trace.push(format!(
            "from {:?} {datagram:02x?} -> {event:?}",
            from.as_slice()[4]
        ));
        self.check();
        match event {
            Some(Event::Request { request, .. } | Event::Download { request, .. }) => {
                self.dispose(request, false)
            }
            Some(Event::Upload { request, .. }) => self.dispose(request, true),
            Some(Event::Wanted(exchange)) if !self.rng.one_in(6) => {
                if let Some((offset, size)) = self.bench.endpoint.exchange_wanted(exchange) {
                    let rest = 40u32.saturating_sub(offset);
                    let more = rest > size;
                    let r = self.bench.endpoint.exchange_upload(
                        exchange,
                        &vec![7; rest.min(size) as usize],
                        more,
                        now,
                    );
                    self.trace.push(format!("upload {r:?}"));
                }
            }
            Some(Event::Block(exchange) | Event::Restart(exchange)) if !self.rng.one_in(6) => {
                let r = self.bench.endpoint.exchange_continue(
                    exchange,
                    [self.rng.next() as u8; 8],
                    now,
                );
                self.trace.push(format!("continue {r:?}"));
            }
            _ => {}
        }
    }

    fn dispose(&mut self, request: Handle, is_upload: bool) {
        match self.rng.below(6) {
            0 => self.held.push((request, is_upload)),
            1 => {
                self.trace.push("release".into());
                self.bench.endpoint.incoming_release(request);
                self.held.push((request, is_upload));
            }
            2 if self.rng.one_in(3) => {
                self.trace.push("drop".into());
                self.bench.endpoint.incoming_drop(request);
            }
            _ => self.answer(request, is_upload),
        }
    }

    fn answer(&mut self, request: Handle, is_upload: bool) {
        let now = self.bench.now;
        if is_upload && self.rng.below(4) != 0 {
            let r = self.bench.endpoint.incoming_continue(request, now);
            self.trace.push(format!("2.31 {r}"));
            return;
        }
        let code = self.rng.of(&[
            Code::CONTENT,
            Code::CONTENT,
            Code::CONTENT,
            Code::VALID,
            Code::NOT_FOUND,
        ]);
        let confirmable = self.rng.one_in(2);
        let e = &mut self.bench.endpoint;
        if e.response_begin(request, confirmable, code).is_err() {
            return;
        }
        if self.rng.one_in(20) {
            let _ = e.draft_add(content_format(1));
        }
        let total = self.rng.of(&[3u32, 60]);
        if let Ok((offset, len)) = e.draft_body(Some(total), 16) {
            if offset >= total {
                let _ = e.draft_block(&[], false);
            } else {
                let rest = total - offset;
                let _ = e.draft_block(&vec![5; rest.min(len) as usize], rest > len);
            }
        }
        let r = self.bench.endpoint.response_send(now);
        self.trace.push(format!("answer {code:?} {r:?}"));
        if r.is_err() && self.rng.one_in(2) {
            self.bench.endpoint.incoming_release(request);
        }
    }

    fn notifications(&mut self) {
        for _ in 0..200 {
            let Some(n) = self.bench.endpoint.poll_notification(self.bench.now) else {
                return;
            };
            let request = n.request;
            self.trace.push(format!("notification {request:?}"));
            self.check();
            self.dispose(request, false);
            self.check();
        }
        panic!("poll_notification without end");
    }

    fn cancel(&mut self) {
        if self.exchanges.is_empty() || !self.rng.one_in(2) {
            return;
        }
        let exchange = self.rng.of(&self.exchanges.clone());
        let now = self.bench.now;
        if self.rng.one_in(2) {
            let r = self.bench.endpoint.exchange_cancel(exchange, now);
            self.trace.push(format!("cancel {exchange:?} {r}"));
        } else {
            let r = self.bench.endpoint.observation_cancel(exchange, now);
            self.trace.push(format!("forget {exchange:?} {r}"));
        }
    }

    fn check(&mut self) {
        let e = &self.bench.endpoint;
        let m = &e.message;
        let mut owned: Vec<(String, crate::message::store::StoredMessage)> = Vec::new();
        for (h, x) in e.upper.exchanges.iter() {
            if let Some(r) = x.request() {
                owned.push((format!("exchange {h:?}"), r));
            }
            let count = m
                .transmissions()
                .iter()
                .filter(|t| t.owner() == Some(Owner::exchange(h)))
                .count();
            assert!(count <= 1, "{h:?} has {count} transmissions");
            if x.is_sending() {
                assert_eq!(count, 1, "{h:?} {x:?} waits for nothing");
            }
            if let Some(root) = x.root() {
                assert!(
                    e.upper.exchanges.get(root).is_some(),
                    "root of {h:?} is gone"
                );
                assert_eq!(e.upper.exchanges.child(root), Some(h), "two children");
            }
        }
        for t in m.transmissions().iter() {
            match t.owner() {
                Some(owner) if owner.as_exchange().is_some() => {
                    let h = owner.handle;
                    let x = e
                        .upper
                        .exchanges
                        .get(h)
                        .expect("transmission of an exchange that is gone");
                    let first = e
                        .upper
                        .exchanges
                        .using(x.token_use())
                        .next()
                        .map(|(first, _)| first);
                    if x.kind() != Kind::Ping {
                        assert_eq!(t.held, first != Some(h), "{x:?}");
                    }
                    if t.kept {
                        assert_eq!(x.request(), t.message.or(x.request()), "kept message");
                        if x.request().is_none() {
                            panic!("kept, but not there");
                        }
                    }
                }
                Some(owner) => {
                    if let Some(o) = e.upper.observers.get(owner.handle) {
                        assert!(o.is_unacknowledged(), "{o:?}");
                    }
                }
                None => {}
            }
            if let (false, Some(message)) = (t.kept, t.message) {
                owned.push((format!("transmission {t:?}"), message));
            }
            let _: TState = t.state;
        }
        for (p, id, answer) in m.deduplication().all() {
            match answer {
                Answer::Message(message) => owned.push((format!("answer {id:?}"), message)),
                Answer::Pending | Answer::Acknowledged => {
                    let found = e.upper.incoming.find_last(p, |r| {
                        r.id() == id && r.acknowledgement() != Acknowledgement::Notification
                    });
                    assert!(found.is_some(), "pending {id:?} without request");
                }
                _ => {}
            }
        }
        for (h, o) in e.upper.observers.iter() {
            owned.push((format!("observer {h:?}"), o.request()));
            let tx = m
                .transmissions()
                .iter()
                .filter(|t| t.owner() == Some(Owner::observer(h)))
                .count();
            let asked = e
                .upper
                .incoming
                .iter()
                .filter(|(_, r)| r.observing().observer == Some(h))
                .count();
            assert_eq!(tx, usize::from(o.is_unacknowledged()), "{o:?}");
            assert_eq!(asked, usize::from(o.is_preparing()), "{o:?}");
        }
        for (h, r) in e.upper.incoming.iter() {
            if let Some(kept) = r.observing().kept {
                owned.push((format!("request {h:?}"), kept));
            }
        }
        for o in m.outbox().all() {
            if let (true, Some(message)) = (o.once, o.message) {
                owned.push((format!("outbox {o:?}"), message));
            }
        }
        if let Some(message) = m.handed_out() {
            owned.push(("handed out".into(), message));
        }
        for o in m.outbox().all() {
            if let (false, Some(message)) = (o.once, o.message) {
                assert!(
                    owned.iter().any(|(_, x)| *x == message),
                    "outbox names what is gone"
                );
            }
        }
        let used = m.store().slots_in_use();
        for (i, (who, message)) in owned.iter().enumerate() {
            assert!(used.contains(message), "{who} names what is free");
            for (other, x) in &owned[..i] {
                assert!(x != message, "{who} and {other}");
            }
        }
        assert_eq!(used.len(), owned.len(), "a leak");
        for (_, t) in e.upper.transfers.iter() {
            let x = e
                .upper
                .exchanges
                .get(t.root())
                .expect("transfer of an exchange that is gone");
            assert!(x.root().is_none());
        }
        assert!(e.upper.transfers.len() <= e.upper.exchanges.len());
        for (_, o) in e.upper.observations.iter() {
            if let crate::observe::observation::Entry::Live(o) = o {
                let x = e
                    .upper
                    .exchanges
                    .get(o.root())
                    .expect("observation of an exchange that is gone");
                assert!(
                    x.request().is_some() || !x.is_live(),
                    "observation without request"
                );
            }
        }
    }

    fn settles(&mut self) {
        for _ in 0..50 {
            self.drain();
            self.notifications();
            self.drain();
            match self.bench.endpoint.poll_timeout(self.bench.now) {
                Some(0) => self.bench.endpoint.handle_timeout(self.bench.now),
                _ => return,
            }
        }
        panic!("busy loop");
    }

    /// When nothing comes in any more, everything but observations and observers ends.
    fn ends(&mut self) {
        for _ in 0..400 {
            self.settles();
            self.check();
            self.bench.advance(20_000);
        }
        self.bench.advance(LONGEST / 2 + 1);
        self.settles();
        self.bench.advance(1_000_000);
        self.settles();
        let e = &self.bench.endpoint;
        for (h, x) in e.upper.exchanges.iter() {
            // An older one, which the program has left paused, has its token.
            let is_held = e
                .upper
                .exchanges
                .using(x.token_use())
                .next()
                .map(|(first, _)| first)
                != Some(h);
            let is_paused = x.is_paused();
            let ok = is_paused || is_held || e.upper.observations.is_registered(h);
            assert!(ok, "{h:?} {x:?} never ends");
        }
        assert_eq!(e.upper.bodies.len(), 0);
    }
}

use crate::exchange::incoming::Acknowledgement;
use crate::message::deduplication::Answer;
use crate::time::LONGEST;

fn ip_is_group(p: &PeerAddr) -> bool {
    crate::wire::ip::is_multicast(p.as_slice())
}

fn run(seed: u64) {
    let mut world = World::new(seed);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for _ in 0..400 {
            world.step();
        }
        world.ends();
    }));
    if let Err(e) = result {
        let n = world.trace.len();
        for line in &world.trace[n.saturating_sub(40)..] {
            println!("{line}");
        }
        println!("seed {seed}");
        std::panic::resume_unwind(e);
    }
}

#[test]
fn random_traffic_leaks_nothing_and_waits_for_nothing() {
    let first = crate::seed::of_test();
    for seed in first..first + 300 {
        run(seed);
    }
}
