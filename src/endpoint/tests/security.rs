// SPDX-License-Identifier: MIT
//! OSCORE, RFC 8613: a client and a server with the contexts of appendix C.1, on a network that the test plays.

use super::*;
use crate::exchange::outgoing::Failure;
use crate::oscore::context::{SecurityContext, Source};
use crate::oscore::contexts::ContextId;
use crate::oscore::option::OscoreOption;
use crate::oscore::piv::{LAST, PartialIv};
use crate::rng::Jitter;
use std::collections::{BTreeMap, VecDeque};

const SERVER: u32 = 1;
const CLIENT: u32 = 2;
const PATH: &[u8] = b"secret/path";
/// Numbers that are reserved at once.
const STEP: u64 = 8;

fn unreserved(is_server: bool, first: u64) -> &'static SecurityContext {
    let ids: [&[u8]; 2] = if is_server { [&[1], &[]] } else { [&[], &[1]] };
    let context = SecurityContext::new(&Source {
        secret: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
        salt: &[0x9e, 0x7c, 0xa9, 0x22, 0x23, 0x78, 0x63, 0x40],
        sender_id: ids[0],
        recipient_id: ids[1],
        id_context: None,
        first,
    });
    Box::leak(Box::new(context.unwrap()))
}

fn made(is_server: bool, first: u64) -> &'static SecurityContext {
    let context = unreserved(is_server, first);
    context.reserve(first + STEP);
    context
}

/// Both sides, and what was sent.
struct Pair {
    client: Bench,
    server: Bench,
    /// The client's, and the server's.
    contexts: [&'static SecurityContext; 2],
    ids: [ContextId; 2],
    /// The last token that was drawn.
    token: u8,
}

fn add(bench: &mut Bench, context: &'static SecurityContext) -> ContextId {
    bench.endpoint.context_add(context).unwrap()
}

impl Pair {
    fn new() -> Self {
        Self::with(large_messages())
    }

    fn with(parameters: Parameters) -> Self {
        let mut client = Bench::with(parameters);
        let mut server = Bench::server_with(parameters);
        client.peer = peer(SERVER);
        server.peer = peer(CLIENT);
        server.now = client.now;
        let contexts = [made(false, 0), made(true, 0)];
        let ids = [add(&mut client, contexts[0]), add(&mut server, contexts[1])];
        client.endpoint.set_key(EchoKey::new([3; 8]));
        server.endpoint.set_key(EchoKey::new([4; 8]));
        let resource = Resource {
            number: 7,
            methods: 0xFE,
            flags: crate::resource::OBSERVABLE,
            contexts: 1 << (ids[1].number() - 1),
            ..Default::default()
        };
        server.endpoint.resources().add(PATH, &resource).unwrap();
        Self {
            client,
            server,
            contexts,
            ids,
            token: 0,
        }
    }

    fn begin(&mut self, kind: MessageType, code: Code) {
        self.begin_for(PATH, kind, code);
    }

    fn begin_for(&mut self, path: &[u8], kind: MessageType, code: Code) {
        self.token += 1;
        let endpoint = &mut self.client.endpoint;
        endpoint
            .exchange_begin(kind, code, None, [self.token; 8])
            .unwrap();
        endpoint.draft_protect(self.ids[0]).unwrap();
        endpoint.draft_add(Part::Path(path)).unwrap();
    }

    fn send(&mut self) -> Handle {
        let (peer, now) = (self.client.peer, self.client.now);
        let sent = self.client.endpoint.exchange_send(&peer, now).unwrap();
        sent.exchange
    }

    fn get(&mut self) -> Handle {
        self.begin(MessageType::Confirmable, Code::GET);
        self.send()
    }

    fn register(&mut self) -> Handle {
        self.begin(MessageType::Confirmable, Code::GET);
        let register = Part::Option(OptionNumber::OBSERVE, b"");
        self.client.endpoint.draft_add(register).unwrap();
        self.send()
    }

    fn bench(&mut self, side: usize) -> &mut Bench {
        match side {
            0 => &mut self.client,
            _ => &mut self.server,
        }
    }

    fn sent(&mut self, side: usize) -> Vec<Vec<u8>> {
        self.bench(side).sent()
    }

    fn one(&mut self, side: usize) -> Vec<u8> {
        let mut sent = self.sent(side);
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }

    /// The request that a datagram is to the server.
    fn request(&mut self, datagram: &[u8]) -> Handle {
        self.server.request(datagram)
    }

    fn respond(&mut self, request: Handle, payload: &[u8]) -> Vec<u8> {
        self.server.respond(request, payload).unwrap();
        self.one(1)
    }

    /// What the client gets.
    fn response(&mut self, datagram: &[u8]) -> Option<(Event, Code, Vec<u8>, bool)> {
        let mut datagram = datagram.to_vec();
        let (peer, now) = (self.client.peer, self.client.now);
        let endpoint = &mut self.client.endpoint;
        let received = endpoint.handle_datagram(&peer, &mut datagram, now)?;
        let message = received.message;
        let is_protected = received.security.is_some();
        Some((
            received.event,
            message.code(),
            message.payload().to_vec(),
            is_protected,
        ))
    }

    /// The representation of the observed resource changes; the notification.
    fn notify(&mut self, payload: &[u8]) -> Vec<u8> {
        self.server.endpoint.notify(7);
        let now = self.server.now;
        let notification = self.server.endpoint.poll_notification(now).unwrap();
        assert_eq!(notification.security, Some(self.ids[1]));
        let request = notification.request;
        self.respond(request, payload)
    }

    fn wait(&mut self, milliseconds: u32) {
        self.client.advance(milliseconds);
        self.server.advance(milliseconds);
    }
}

fn holds_no_message(bench: &Bench) -> bool {
    bench.endpoint.message.store().slots_in_use().is_empty()
}

/// Adds the first block of a body of 5,000 bytes.
fn draft_first_block(endpoint: &mut Endpoint<'_>) {
    let (_, len) = endpoint.draft_body(Some(5000), 0).unwrap();
    endpoint.draft_block(&vec![1; len as usize], true).unwrap();
}

fn option_of(datagram: &[u8]) -> OscoreOption<'_> {
    let value = view(datagram).first(OptionNumber::OSCORE).unwrap();
    OscoreOption::decode(value).unwrap()
}

fn holds(datagram: &[u8], text: &[u8]) -> bool {
    datagram.windows(text.len()).any(|window| window == text)
}

#[test]
fn nothing_of_a_request_or_response_is_seen() {
    let mut pair = Pair::new();
    let exchange = pair.get();
    let request = pair.one(0);
    assert!(!holds(&request, b"secret") && !holds(&request, b"path"));
    assert_eq!(view(&request).code(), Code::POST);
    assert_eq!(option_of(&request).piv, Some(PartialIv::new(0)));
    let handle = pair.request(&request);
    let response = pair.respond(handle, b"warm");
    assert!(!holds(&response, b"warm"));
    assert_eq!(view(&response).code(), Code::CHANGED);
    assert_eq!(view(&response).first(OptionNumber::OSCORE), Some(&b""[..]));
    let expected = (
        Event::Response(exchange),
        Code::CONTENT,
        b"warm".to_vec(),
        true,
    );
    assert_eq!(pair.response(&response), Some(expected));
    assert!(pair.client.is_idle() && holds_no_message(&pair.client));
}

#[test]
fn a_host_name_stays_outside_and_is_not_taken_from_there() {
    let mut pair = Pair::new();
    pair.begin(MessageType::Confirmable, Code::GET);
    pair.client.endpoint.draft_add(Part::Host(b"node")).unwrap();
    let tag = Part::Option(OptionNumber::IF_MATCH, b"tag");
    pair.client.endpoint.draft_add(tag).unwrap();
    pair.send();
    let request = pair.one(0);
    assert_eq!(
        view(&request).first(OptionNumber::URI_HOST),
        Some(&b"node"[..])
    );
    assert_eq!(view(&request).first(OptionNumber::IF_MATCH), None);
    let mut datagram = request;
    let (peer, now) = (pair.server.peer, pair.server.now);
    let received = pair
        .server
        .endpoint
        .handle_datagram(&peer, &mut datagram, now);
    // The handler does not know If-Match: the refusal, too, is protected.
    assert!(received.is_none());
    let refusal = pair.one(1);
    assert_eq!(pair.response(&refusal).unwrap().1, Code::BAD_OPTION);
}

#[test]
fn repetitions_get_the_same_answer_and_replays_none() {
    let mut pair = Pair::new();
    pair.get();
    let request = pair.one(0);
    let handle = pair.request(&request);
    let response = pair.respond(handle, b"once");
    assert_eq!(pair.server.receive(&request), None);
    assert_eq!(pair.one(1), response);
    // With another message id it is a replay.
    let mut replay = request.clone();
    replay[3] ^= 1;
    assert_eq!(pair.server.receive(&replay), None);
    let refusal = pair.one(1);
    assert_eq!(view(&refusal).code(), Code::UNAUTHORIZED);
    assert_eq!(view(&refusal).payload(), b"Replay detected");
    assert_eq!(view(&refusal).first(OptionNumber::OSCORE), None);
    // So it is when the first one is forgotten.
    pair.wait(300_000);
    assert_eq!(pair.server.receive(&request), None);
    assert_eq!(view(&pair.one(1)).code(), Code::UNAUTHORIZED);
}

#[test]
fn refusals_without_a_handler_are_repeated_not_taken_for_replays() {
    let mut pair = Pair::new();
    for kind in [MessageType::Confirmable, MessageType::NonConfirmable] {
        pair.begin_for(b"nowhere", kind, Code::GET);
        pair.send();
        let request = pair.one(0);
        assert_eq!(pair.server.receive(&request), None);
        let refusal = pair.one(1);
        assert_eq!(pair.server.receive(&request), None);
        let again = pair.sent(1);
        if kind == MessageType::Confirmable {
            assert_eq!(again, std::slice::from_ref(&refusal));
        } else {
            assert!(again.is_empty());
        }
        let (_, code, _, is_protected) = pair.response(&refusal).unwrap();
        assert_eq!((code, is_protected), (Code::NOT_FOUND, true));
    }
}

#[test]
fn who_is_verified_gets_every_error() {
    let mut pair = Pair::with(Parameters {
        error_rate: 1,
        ..large_messages()
    });
    for _ in 0..3 {
        pair.begin_for(b"nowhere", MessageType::Confirmable, Code::GET);
        pair.send();
        let request = pair.one(0);
        assert_eq!(pair.server.receive(&request), None);
        let refusal = pair.one(1);
        let (_, code, _, is_protected) = pair.response(&refusal).unwrap();
        assert_eq!((code, is_protected), (Code::NOT_FOUND, true));
    }
}

#[test]
fn requests_may_overtake_each_other() {
    let mut pair = Pair::with(Parameters {
        nstart: 4,
        ..large_messages()
    });
    let exchanges = [pair.get(), pair.get(), pair.get()];
    let requests = pair.sent(0);
    for (exchange, request) in exchanges.into_iter().zip(&requests).rev() {
        let handle = pair.request(request);
        let response = pair.respond(handle, b"x");
        assert_eq!(
            pair.response(&response).unwrap().0,
            Event::Response(exchange)
        );
    }
    // A response is bound to its request: that of another one is not taken.
    let (one, other) = (pair.get(), pair.get());
    let requests = pair.sent(0);
    let handles: Vec<_> = requests.iter().map(|r| pair.request(r)).collect();
    let first = pair.respond(handles[0], b"first");
    let second = pair.respond(handles[1], b"second");
    let head = 4 + view(&first).token().len();
    let crossed = [&second[..head], &first[head..]].concat();
    assert_eq!(pair.response(&crossed), None);
    assert_eq!(pair.response(&second).unwrap().0, Event::Response(other));
    assert_eq!(pair.response(&first).unwrap().0, Event::Response(one));
}

#[test]
fn what_is_not_protected_does_not_reach_a_protected_resource() {
    let mut pair = Pair::new();
    let plain = Message::request(Code::GET, "secret", 5)
        .option(OptionNumber::URI_PATH, b"path")
        .bytes();
    assert_eq!(pair.server.receive(&plain), None);
    assert_eq!(view(&pair.one(1)).code(), Code::UNAUTHORIZED);
    // Another context is not among those that may.
    let source = Source {
        secret: b"another secret",
        salt: b"",
        sender_id: b"s",
        recipient_id: b"c",
        id_context: None,
        first: 0,
    };
    let swapped = Source {
        sender_id: b"c",
        recipient_id: b"s",
        ..source
    };
    let theirs: &SecurityContext = Box::leak(Box::new(SecurityContext::new(&source).unwrap()));
    let ours: &SecurityContext = Box::leak(Box::new(SecurityContext::new(&swapped).unwrap()));
    ours.reserve(9);
    theirs.reserve(9);
    add(&mut pair.server, theirs);
    pair.ids[0] = add(&mut pair.client, ours);
    pair.get();
    let request = pair.one(0);
    assert_eq!(pair.server.receive(&request), None);
    let refusal = pair.one(1);
    let (_, code, _, is_protected) = pair.response(&refusal).unwrap();
    assert_eq!((code, is_protected), (Code::FORBIDDEN, true));
    // A resource that need not be protected may be.
    pair.begin_for(b"r", MessageType::Confirmable, Code::GET);
    pair.send();
    let request = pair.one(0);
    let handle = pair.request(&request);
    let response = pair.respond(handle, b"open");
    assert!(pair.response(&response).unwrap().3);
}

#[test]
fn links_say_what_is_protected() {
    let mut pair = Pair::new();
    let mut links = [0; 200];
    let len = pair.server.endpoint.resources().write_links(
        crate::wire::option::Options::new(&[]),
        0,
        &mut links,
    );
    assert!(holds(&links[..len], b"</secret/path>;obs;osc"));
}

/// RFC 8613 section 8.2.
#[test]
fn what_cannot_be_verified_is_refused_without_protection() {
    let mut pair = Pair::new();
    pair.get();
    let request = pair.one(0);
    let mut changed = request.clone();
    *changed.last_mut().unwrap() ^= 1;
    let value = |value: &[u8]| {
        Message::new(MessageType::Confirmable, Code::POST, 77)
            .option(OptionNumber::OSCORE, value)
            .payload(b"ciphertext and tag")
            .bytes()
    };
    let cases: [(Vec<u8>, Code, &[u8]); 7] = [
        (changed, Code::BAD_REQUEST, b"Decryption failed"),
        (
            value(b"\x09\x05nobody"),
            Code::UNAUTHORIZED,
            b"Security context not found",
        ),
        (
            value(b"\x19\x05\x01x"),
            Code::UNAUTHORIZED,
            b"Security context not found",
        ),
        (value(b""), Code::BAD_OPTION, b"Failed to decode COSE"),
        (
            value(b"\x01\x05"),
            Code::BAD_OPTION,
            b"Failed to decode COSE",
        ),
        (
            value(b"\x29\x05"),
            Code::BAD_OPTION,
            b"Failed to decode COSE",
        ),
        (value(b"\x09\x05"), Code::BAD_REQUEST, b"Decryption failed"),
    ];
    for (datagram, code, text) in cases {
        assert_eq!(pair.server.receive(&datagram), None);
        let refusal = pair.one(1);
        assert_eq!(
            (view(&refusal).code(), view(&refusal).payload()),
            (code, text)
        );
        assert_eq!(view(&refusal).uint(OptionNumber::MAX_AGE), Some(0));
        assert_eq!(view(&refusal).first(OptionNumber::OSCORE), None);
        pair.wait(10_000);
    }
    let proxied = Message::new(MessageType::Confirmable, Code::POST, 78)
        .option(OptionNumber::OSCORE, b"\x09\x05")
        .option(OptionNumber::PROXY_SCHEME, b"coap")
        .bytes();
    assert_eq!(pair.server.receive(&proxied), None);
    assert_eq!(view(&pair.one(1)).code(), Code::PROXYING_NOT_SUPPORTED);
    // The true one still counts.
    pair.request(&request);
}

#[test]
fn a_response_that_cannot_be_verified_is_as_if_it_had_not_come() {
    let mut pair = Pair::new();
    let exchange = pair.get();
    let request = pair.one(0);
    let handle = pair.request(&request);
    let response = pair.respond(handle, b"true");
    let mut changed = response.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(pair.response(&changed), None);
    let spoofed = Message::answer(&request, Code::CONTENT)
        .payload(b"spoofed")
        .bytes();
    assert_eq!(pair.response(&spoofed), None);
    let spoofed = Message::new(MessageType::Confirmable, Code::CONTENT, 99)
        .token(view(&request).token().as_slice())
        .payload(b"spoofed")
        .bytes();
    assert_eq!(pair.response(&spoofed), None);
    assert!(pair.sent(0).is_empty(), "neither ACK nor RST");
    // It still waits.
    pair.client.advance_to_timeout();
    assert_eq!(pair.one(0), request);
    assert_eq!(
        pair.response(&response).unwrap().0,
        Event::Response(exchange)
    );
    // An error that could not be protected is told as what it is.
    let exchange = pair.get();
    let request = pair.one(0);
    let refusal = Message::answer(&request, Code::UNAUTHORIZED).bytes();
    let expected = (
        Event::Response(exchange),
        Code::UNAUTHORIZED,
        Vec::new(),
        false,
    );
    assert_eq!(pair.response(&refusal), Some(expected));
}

#[test]
fn notifications_are_numbered_and_neither_replayed_nor_overtaken() {
    let mut pair = Pair::new();
    let exchange = pair.register();
    let request = pair.one(0);
    assert_eq!(view(&request).code(), Code::FETCH);
    assert_eq!(view(&request).uint(OptionNumber::OBSERVE), Some(0));
    let handle = pair.request(&request);
    let first = pair.respond(handle, b"one");
    assert_eq!(view(&first).code(), Code::CONTENT);
    assert!(view(&first).first(OptionNumber::OBSERVE).is_some());
    assert_eq!(option_of(&first).piv, None);
    assert_eq!(
        pair.response(&first).unwrap().0,
        Event::Notification(exchange)
    );
    let mut told = Vec::new();
    for round in 0..3u8 {
        pair.wait(5_000);
        let notification = pair.notify(&[round]);
        assert_eq!(
            option_of(&notification).piv,
            Some(PartialIv::new(u64::from(round)))
        );
        told.push(notification);
        let id = view(&told[usize::from(round)]).id().0;
        pair.server
            .receive(&empty(MessageType::Acknowledgement, id));
    }
    let (event, code, payload, is_protected) = pair.response(&told[1]).unwrap();
    assert_eq!(
        (event, code),
        (Event::Notification(exchange), Code::CONTENT)
    );
    assert_eq!((payload, is_protected), (vec![1], true));
    pair.sent(0);
    // Older ones, and the same ones with another message id.
    for old in [&told[0], &told[1], &first] {
        let mut replay = old.clone();
        replay[2] ^= 0x55;
        replay[0] = replay[0] & 0xCF | 0x10;
        assert_eq!(pair.response(&replay), None);
    }
    assert_eq!(pair.response(&told[2]).unwrap().2, [2]);
    pair.sent(0);
    // The observation ends with a request of its own, and a plain one does not end it.
    let cancel = Message::new(MessageType::Confirmable, Code::GET, 500)
        .token(view(&request).token().as_slice())
        .uint(OptionNumber::OBSERVE, 1)
        .option(OptionNumber::URI_PATH, b"r")
        .bytes();
    pair.server.receive(&cancel);
    pair.sent(1);
    assert_eq!(pair.server.endpoint.usage().observers, 1);
    let now = pair.client.now;
    assert!(pair.client.endpoint.observation_cancel(exchange, now));
    let cancel = pair.one(0);
    assert_eq!(view(&cancel).uint(OptionNumber::OBSERVE), Some(1));
    let handle = pair.request(&cancel);
    pair.respond(handle, b"gone");
    assert_eq!(pair.server.endpoint.usage().observers, 0);
}

#[test]
fn registering_again_begins_anew() {
    let mut pair = Pair::new();
    let exchange = pair.register();
    let request = pair.one(0);
    let handle = pair.request(&request);
    let first = pair.respond(handle, b"one");
    pair.response(&first).unwrap();
    pair.wait(5_000);
    let lost = pair.notify(b"two");
    // Max-Age is over.
    let mut again = Vec::new();
    while again.is_empty() {
        pair.client.advance_to_timeout();
        again = pair.sent(0);
    }
    pair.server.now = pair.client.now;
    assert_ne!(again[0], request);
    assert_eq!(view(&again[0]).token(), view(&request).token());
    let handle = pair.request(&again[0]);
    let answer = pair.respond(handle, b"three");
    assert_eq!(pair.response(&answer).unwrap().2, b"three");
    let mut late = lost;
    late[2] ^= 0x55;
    assert_eq!(pair.response(&late), None, "of the registration before");
    pair.wait(5_000);
    let next = pair.notify(b"four");
    let (event, _, payload, _) = pair.response(&next).unwrap();
    assert_eq!(
        (event, payload),
        (Event::Notification(exchange), b"four".to_vec())
    );
}

#[test]
fn a_body_goes_up_and_down_in_protected_blocks() {
    body_goes_up_and_down(large_messages(), 1024);
}

/// A request is kept beside what protects it: both must fit.
#[test]
fn blocks_are_smaller_where_the_store_is_small() {
    let parameters = Parameters {
        max_message: 512,
        message_store: 640,
        ..Default::default()
    };
    body_goes_up_and_down(parameters, 128);
}

fn body_goes_up_and_down(parameters: Parameters, block: u32) {
    let mut pair = Pair::with(Parameters {
        max_body: 5000,
        ..parameters
    });
    let body: Vec<u8> = (0..5000u32).map(|n| (n % 251) as u8).collect();
    pair.begin(MessageType::Confirmable, Code::PUT);
    let total = Some(body.len() as u32);
    let (_, len) = pair.client.endpoint.draft_body(total, 0).unwrap();
    assert_eq!(len, block);
    let first = &body[..block as usize];
    pair.client.endpoint.draft_block(first, true).unwrap();
    let exchange = pair.send();
    let mut taken = Vec::new();
    let mut given = Vec::new();
    loop {
        let datagram = pair.one(0);
        assert_eq!(view(&datagram).first(OptionNumber::BLOCK1), None);
        let mut bytes = datagram.clone();
        let (peer, now) = (pair.server.peer, pair.server.now);
        let received = pair
            .server
            .endpoint
            .handle_datagram(&peer, &mut bytes, now)
            .unwrap();
        taken.extend_from_slice(received.message.payload());
        match received.event {
            Event::Upload { request, .. } => {
                assert!(pair.server.endpoint.incoming_continue(request, now));
            }
            Event::Request { request, .. } | Event::Download { request, .. } => {
                if let Event::Request { .. } = received.event {
                    assert_eq!(taken, body);
                }
                let endpoint = &mut pair.server.endpoint;
                endpoint
                    .response_begin(request, true, Code::CHANGED)
                    .unwrap();
                let (offset, len) = endpoint.draft_body(total, 0).unwrap();
                let end = body.len().min((offset + len) as usize);
                let part = &body[offset as usize..end];
                endpoint.draft_block(part, end < body.len()).unwrap();
                endpoint.response_send(now).unwrap();
            }
            other => panic!("{other:?}"),
        }
        let answer = pair.one(1);
        let (event, _, payload, is_protected) = pair.response(&answer).unwrap();
        assert!(is_protected);
        let now = pair.client.now;
        match event {
            Event::Wanted(_) => {
                let (offset, len) = pair.client.endpoint.exchange_wanted(exchange).unwrap();
                let end = body.len().min((offset + len) as usize);
                let part = &body[offset as usize..end];
                pair.client
                    .endpoint
                    .exchange_upload(exchange, part, end < body.len(), now)
                    .unwrap();
            }
            Event::Block(_) => {
                given.extend(payload);
                pair.client
                    .endpoint
                    .exchange_continue(exchange, [5; 8], now)
                    .unwrap();
            }
            Event::Response(_) => {
                given.extend(payload);
                break;
            }
            other => panic!("{other:?}"),
        }
        for context in pair.contexts {
            context.reserve(context.reservable(STEP).unwrap());
        }
    }
    assert_eq!(given, body);
}

/// RFC 8613 appendix B.1.2.
#[test]
fn after_a_restart_a_request_must_be_fresh() {
    let mut pair = Pair::new();
    pair.get();
    let old = pair.one(0);
    let handle = pair.request(&old);
    let response = pair.respond(handle, b"before");
    pair.response(&response).unwrap();
    // The server has lost its memory but for the number.
    let mut other = Pair::new();
    let now = other.server.now;
    other.server.endpoint.context_remove(other.ids[1], now);
    other.contexts[1] = made(true, STEP);
    other.ids[1] = add(&mut other.server, other.contexts[1]);
    other.client = pair.client;
    other.token = pair.token;
    other.contexts[0] = pair.contexts[0];
    let exchange = other.get();
    let request = other.one(0);
    for datagram in [&old, &request] {
        assert_eq!(other.server.receive(datagram), None);
    }
    let challenges = other.sent(1);
    assert_eq!(challenges.len(), 2);
    let pivs: Vec<_> = challenges.iter().map(|c| option_of(c).piv).collect();
    let number = |n| Some(PartialIv::new(n));
    assert_eq!(
        pivs,
        [number(STEP), number(STEP + 1)],
        "never the request's"
    );
    // The client repeats its request with the Echo value.
    assert_eq!(other.response(&challenges[1]), None);
    let again = other.one(0);
    let handle = other.request(&again);
    assert!(other.contexts[1].is_synchronized());
    let response = other.respond(handle, b"after");
    let (event, _, payload, _) = other.response(&response).unwrap();
    assert_eq!(
        (event, payload),
        (Event::Response(exchange), b"after".to_vec())
    );
    // What was before is a replay.
    for datagram in [&old, &request] {
        let mut replay = datagram.clone();
        replay[3] ^= 0x80;
        assert_eq!(other.server.receive(&replay), None);
        assert_eq!(view(&other.one(1)).code(), Code::UNAUTHORIZED);
    }
    // And what comes later passes.
    other.get();
    let request = other.one(0);
    other.request(&request);
}

#[test]
fn nothing_is_sent_without_a_number() {
    let mut pair = Pair::new();
    for _ in 0..STEP {
        pair.contexts[0].take_number().unwrap();
    }
    pair.begin(MessageType::Confirmable, Code::GET);
    let (peer, now) = (pair.client.peer, pair.client.now);
    let sent = pair.client.endpoint.exchange_send(&peer, now);
    assert_eq!(sent, Err(RequestError::Security));
    assert!(pair.sent(0).is_empty() && holds_no_message(&pair.client));
    assert_eq!(pair.client.endpoint.usage(), Usage::default());
    // A response needs none, a notification waits for one.
    pair.contexts[0].reserve(2 * STEP);
    let exchange = pair.register();
    let request = pair.one(0);
    for _ in 0..STEP {
        pair.contexts[1].take_number().unwrap();
    }
    let handle = pair.request(&request);
    let first = pair.respond(handle, b"one");
    pair.response(&first).unwrap();
    pair.wait(5_000);
    pair.server.endpoint.notify(7);
    let now = pair.server.now;
    let request = pair.server.endpoint.poll_notification(now).unwrap().request;
    assert_eq!(
        pair.server.respond(request, b"two"),
        Err(RespondError::NoSlot)
    );
    assert!(pair.sent(1).is_empty());
    pair.contexts[1].reserve(2 * STEP);
    let mut told = Vec::new();
    while told.is_empty() {
        pair.server.advance_to_timeout();
        let now = pair.server.now;
        let Some(notification) = pair.server.endpoint.poll_notification(now) else {
            continue;
        };
        let request = notification.request;
        pair.server.respond(request, b"three").unwrap();
        told = pair.sent(1);
    }
    pair.client.now = pair.server.now;
    assert_eq!(
        pair.response(&told[0]).unwrap().0,
        Event::Notification(exchange)
    );
}

#[test]
fn the_last_number_is_the_last() {
    let mut pair = Pair::new();
    let peer = pair.client.peer;
    let now = pair.client.now;
    pair.client.endpoint.context_remove(pair.ids[0], now);
    let context = made(false, LAST);
    pair.ids[0] = add(&mut pair.client, context);
    pair.get();
    let request = pair.one(0);
    assert_eq!(option_of(&request).piv, Some(PartialIv::new(LAST)));
    pair.request(&request);
    pair.begin(MessageType::Confirmable, Code::GET);
    let sent = pair.client.endpoint.exchange_send(&peer, now);
    assert_eq!(sent, Err(RequestError::Security));
}

#[test]
fn a_closed_context_protects_nothing_any_more() {
    let mut pair = Pair::new();
    pair.get();
    let request = pair.one(0);
    let handle = pair.request(&request);
    pair.contexts[1].close();
    assert_eq!(
        pair.server.respond(handle, b"late"),
        Err(RespondError::NoSlot)
    );
    assert!(
        pair.sent(1)
            .iter()
            .all(|datagram| !holds(datagram, b"late"))
    );
    pair.contexts[0].close();
    let endpoint = &mut pair.client.endpoint;
    endpoint
        .exchange_begin(MessageType::Confirmable, Code::GET, None, [9; 8])
        .unwrap();
    assert_eq!(endpoint.draft_protect(pair.ids[0]), Err(DraftError::Stale));
}

#[test]
fn a_body_ends_with_its_context() {
    let mut pair = Pair::with(Parameters {
        max_body: 5000,
        ..large_messages()
    });
    pair.begin(MessageType::Confirmable, Code::PUT);
    let endpoint = &mut pair.client.endpoint;
    draft_first_block(endpoint);
    pair.send();
    let request = pair.one(0);
    let event = pair.server.receive(&request).unwrap();
    assert!(matches!(event, Event::Upload { .. }));
    assert_eq!(pair.server.endpoint.usage().bodies, 1);
    let now = pair.server.now;
    pair.server.endpoint.context_remove(pair.ids[1], now);
    assert_eq!(pair.server.endpoint.usage().bodies, 0);
}

#[test]
fn an_observer_that_a_resource_does_not_admit_any_more_is_told_no_more() {
    let mut pair = Pair::new();
    let mut resource = Resource {
        number: 9,
        methods: 0xFE,
        flags: crate::resource::OBSERVABLE,
        ..Default::default()
    };
    let resources = pair.server.endpoint.resources();
    resources.add(b"open", &resource).unwrap();
    let register = Message::request(Code::GET, "open", 500).uint(OptionNumber::OBSERVE, 0);
    let handle = pair.request(&register.bytes());
    pair.respond(handle, b"one");
    assert_eq!(pair.server.endpoint.usage().observers, 1);
    pair.wait(5_000);
    resource.contexts = 1 << (pair.ids[1].number() - 1);
    let resources = pair.server.endpoint.resources();
    resources.add(b"open", &resource).unwrap();
    pair.server.endpoint.notify(9);
    let now = pair.server.now;
    let told = pair.server.endpoint.poll_notification(now);
    assert!(told.is_none());
    assert_eq!(view(&pair.one(1)).code(), Code::UNAUTHORIZED);
    assert_eq!(pair.server.endpoint.usage().observers, 0);
}

/// RFC 9175 section 2.2: an Echo option outside is not for the request inside.
#[test]
fn a_forged_error_does_not_have_a_request_run_again() {
    let forgeries: [fn(&[u8]) -> Message; 2] = [
        |request| Message::answer(request, Code::UNAUTHORIZED).option(OptionNumber::ECHO, &[1; 8]),
        |request| {
            Message::answer(request, Code::REQUEST_ENTITY_TOO_LARGE).block(
                OptionNumber::BLOCK1,
                0,
                false,
                0,
            )
        },
    ];
    for forge in forgeries {
        let mut pair = Pair::new();
        pair.begin(MessageType::Confirmable, Code::POST);
        let payload = Part::Payload(&[1; 100]);
        pair.client.endpoint.draft_add(payload).unwrap();
        let exchange = pair.send();
        let request = pair.one(0);
        let (event, _, _, is_protected) = pair.response(&forge(&request).bytes()).unwrap();
        assert_eq!((event, is_protected), (Event::Response(exchange), false));
        while pair.client.advance_to_timeout().is_some() {}
        assert_eq!(pair.sent(0), [[0u8; 0]; 0]);
    }
}

/// Found by the fuzz target `unprotect`: the registration was repeated without protection.
#[test]
fn what_a_removed_context_protected_ends() {
    for fetch in [false, true] {
        let mut pair = Pair::with(Parameters {
            max_body: 5000,
            ..large_messages()
        });
        let exchange = pair.register();
        let request = pair.one(0);
        let handle = pair.request(&request);
        let (endpoint, now) = (&mut pair.server.endpoint, pair.server.now);
        endpoint
            .response_begin(handle, true, Code::CONTENT)
            .unwrap();
        draft_first_block(endpoint);
        endpoint.response_send(now).unwrap();
        let first = pair.one(1);
        let (event, ..) = pair.response(&first).unwrap();
        assert_eq!(event, Event::Block(exchange));
        let now = pair.client.now;
        let endpoint = &mut pair.client.endpoint;
        if fetch {
            endpoint.exchange_continue(exchange, [5; 8], now).unwrap();
        }
        endpoint.context_remove(pair.ids[0], now);
        let ended = endpoint.poll_event(now).map(|e| (e.exchange, e.failure));
        assert_eq!(ended, Some((exchange, Failure::Timeout)), "{fetch}");
        assert_eq!(pair.client.endpoint.usage().observations, 0);
        assert_eq!(pair.client.endpoint.usage().exchanges, 0);
        while pair.client.advance_to_timeout().is_some() {}
        let sent = pair.sent(0);
        assert!(
            sent.iter()
                .all(|datagram| view(datagram).first(OptionNumber::OSCORE).is_some()),
            "{fetch}"
        );
        let now = pair.client.now;
        assert_eq!(pair.client.endpoint.poll_event(now), None, "ends once");
    }
}

/// Found by the fuzz target `unprotect`: such a request was carried out once more.
#[test]
fn an_echo_value_from_before_a_context_shows_nothing_about_it() {
    let mut pair = Pair::new();
    let renew = |pair: &mut Pair| {
        let now = pair.server.now;
        pair.server.endpoint.context_remove(pair.ids[1], now);
        pair.contexts[1] = made(true, STEP);
        pair.ids[1] = add(&mut pair.server, pair.contexts[1]);
        // Adding what is known changes nothing.
        assert_eq!(add(&mut pair.server, pair.contexts[1]), pair.ids[1]);
    };
    renew(&mut pair);
    pair.get();
    let request = pair.one(0);
    assert_eq!(pair.server.receive(&request), None);
    let challenge = pair.one(1);
    add(&mut pair.server, pair.contexts[1]);
    assert_eq!(pair.response(&challenge), None);
    let again = pair.one(0);
    let handle = pair.request(&again);
    pair.respond(handle, b"once");
    renew(&mut pair);
    let mut replay = again;
    replay[3] ^= 0x80;
    assert_eq!(pair.server.receive(&replay), None);
    assert_eq!(pair.one(1)[1], Code::CHANGED.0, "a challenge, protected");
}

#[test]
fn a_group_and_a_whole_uri_for_a_proxy_are_not_protected() {
    let mut pair = Pair::new();
    pair.begin(MessageType::NonConfirmable, Code::GET);
    let group = PeerAddr::new(&[4, 224, 0, 1, 187, 0x16, 0x33]).unwrap();
    let now = pair.client.now;
    let sent = pair.client.endpoint.exchange_send(&group, now);
    assert_eq!(sent, Err(RequestError::Group));
    pair.begin(MessageType::Confirmable, Code::GET);
    let proxy = Part::Option(OptionNumber::PROXY_URI, b"coap://node/a");
    pair.client.endpoint.draft_add(proxy).unwrap();
    let peer = pair.client.peer;
    let sent = pair.client.endpoint.exchange_send(&peer, now);
    assert_eq!(sent, Err(RequestError::Security));
    assert!(pair.sent(0).is_empty());
}

#[test]
fn without_contexts_the_option_is_one_that_nobody_knows() {
    let mut pair = Pair::new();
    pair.get();
    let request = pair.one(0);
    let now = pair.server.now;
    pair.server.endpoint.context_remove(pair.ids[1], now);
    assert_eq!(pair.server.receive(&request), None);
    assert_eq!(view(&pair.one(1)).code(), Code::BAD_OPTION);
}

/// The Partial IV that a datagram's nonce is made of, and whose it is; a response without one has the request's, by its
/// token.
type NonceKey = (usize, usize, PartialIv);

/// A device that is switched off at any time, on a network that loses, repeats and reorders: no Partial IV is used
/// for two messages.
#[test]
fn no_nonce_is_ever_used_for_two_messages() {
    let mut random = Jitter::default();
    random.seed(crate::seed::of_test() as u32);
    for _ in 0..40 {
        // What each side has stored: it begins there after a power cut.
        let mut stored = [0; 2];
        let mut nonces: BTreeMap<NonceKey, Vec<u8>> = BTreeMap::new();
        let mut requests: BTreeMap<Vec<u8>, PartialIv> = BTreeMap::new();
        let mut old: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut pair = switched_on(None, &stored, &mut random);
        for _ in 0..150 {
            match random.up_to(11) {
                0 => {
                    let which = random.up_to(1) as usize;
                    pair = switched_on(Some((pair, which)), &stored, &mut random);
                }
                1 | 2 if pair.client.endpoint.usage().exchanges < 3 => {
                    {
                        let entropy = [random.next_u32().to_be_bytes(), [0; 4]].concat();
                        let token = entropy.try_into().unwrap();
                        let endpoint = &mut pair.client.endpoint;
                        endpoint
                            .exchange_begin(MessageType::Confirmable, Code::GET, None, token)
                            .unwrap();
                        endpoint.draft_protect(pair.ids[0]).unwrap();
                        endpoint.draft_add(Part::Path(PATH)).unwrap();
                        // No two messages are the same inside.
                        let query = format!("{:08x}", random.next_u32());
                        let query = Part::Query(query.as_bytes());
                        endpoint.draft_add(query).unwrap();
                        if random.up_to(1) == 0 {
                            let register = Part::Option(OptionNumber::OBSERVE, b"");
                            endpoint.draft_add(register).unwrap();
                        }
                        let (peer, now) = (pair.client.peer, pair.client.now);
                        let _: Result<Sent, RequestError> = endpoint.exchange_send(&peer, now);
                    }
                }
                3 => pair.server.endpoint.notify(7),
                4 => pair.wait(random.up_to(4000)),
                5 if !old.is_empty() => {
                    let at = random.up_to(old.len() as u32 - 1) as usize;
                    let (side, datagram) = old[at].clone();
                    deliver(&mut pair, side, &datagram, &mut random);
                }
                6 => {
                    // The power may go before it is stored, and after.
                    let which = random.up_to(1) as usize;
                    let context = pair.contexts[which];
                    let end = context.reservable(STEP).unwrap();
                    if random.up_to(3) == 0 {
                        if random.up_to(1) == 0 {
                            stored[which] = end;
                        }
                        pair = switched_on(Some((pair, which)), &stored, &mut random);
                    } else {
                        stored[which] = end;
                        context.reserve(end);
                    }
                }
                _ => {}
            }
            let now = pair.server.now;
            while let Some(notification) = pair.server.endpoint.poll_notification(now) {
                let request = notification.request;
                let payload = random.next_u32().to_be_bytes();
                let _: Result<usize, RespondError> = pair.server.respond(request, &payload);
            }
            let mut queue = VecDeque::new();
            for side in 0..2 {
                queue.extend(pair.sent(side).into_iter().map(|d| (side, d)));
            }
            while let Some((side, datagram)) = queue.pop_front() {
                note(&mut nonces, &mut requests, side, &datagram);
                old.push((side, datagram.clone()));
                if random.up_to(3) != 0 {
                    deliver(&mut pair, side, &datagram, &mut random);
                    for side in 0..2 {
                        queue.extend(pair.sent(side).into_iter().map(|d| (side, d)));
                    }
                }
            }
        }
    }
}

/// Both sides as they begin, and instead of one of them the one that was not switched off.
fn switched_on(stays: Option<(Pair, usize)>, stored: &[u64; 2], random: &mut Jitter) -> Pair {
    let mut new = Pair::new();
    // Each time another one: an Echo value does not outlive a restart.
    let key = [random.next_u32().to_be_bytes(), [0; 4]].concat();
    new.server
        .endpoint
        .set_key(EchoKey::new(key.try_into().unwrap()));
    for (side, &first) in stored.iter().enumerate() {
        let context = unreserved(side == 1, first);
        let id = new.ids[side];
        let bench = new.bench(side);
        let now = bench.now;
        bench.endpoint.context_remove(id, now);
        bench.endpoint.context_add(context).unwrap();
        new.contexts[side] = context;
    }
    if let Some((mut pair, side)) = stays {
        let now = pair.client.now;
        core::mem::swap(new.bench(side), pair.bench(side));
        new.contexts[side] = pair.contexts[side];
        (new.client.now, new.server.now) = (now, now);
    }
    new
}

fn deliver(pair: &mut Pair, side: usize, datagram: &[u8], random: &mut Jitter) {
    if side == 1 {
        pair.response(datagram);
        let now = pair.client.now;
        while pair.client.endpoint.poll_event(now).is_some() {}
        return;
    }
    match pair.server.receive(datagram) {
        Some(Event::Request { request, .. }) => {
            let payload = random.next_u32().to_be_bytes();
            if random.up_to(3) == 0 {
                pair.server.endpoint.incoming_release(request);
            }
            let _: Result<usize, RespondError> = pair.server.respond(request, &payload);
        }
        None => {}
        Some(other) => panic!("{other:?}"),
    }
}

/// Notes what a datagram was encrypted with: the same only for the same ciphertext.
fn note(
    nonces: &mut BTreeMap<NonceKey, Vec<u8>>,
    requests: &mut BTreeMap<Vec<u8>, PartialIv>,
    side: usize,
    datagram: &[u8],
) {
    let view = view(datagram);
    let Some(value) = view.first(OptionNumber::OSCORE) else {
        return;
    };
    let piv = OscoreOption::decode(value).unwrap().piv;
    let token = view.token().as_slice().to_vec();
    let key = match piv {
        Some(piv) => {
            if side == 0 {
                requests.insert(token, piv);
            }
            (side, side, piv)
        }
        // Of the last request with the token: each has another one, or its own again.
        None => (side, 1 - side, requests[&token]),
    };
    let ciphertext = view.payload().to_vec();
    let known = nonces.entry(key).or_insert_with(|| ciphertext.clone());
    assert_eq!(*known, ciphertext, "{key:?}");
}
