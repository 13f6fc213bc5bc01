// SPDX-License-Identifier: MIT
//! Ten thousand peers that are not where they say, and an honest one in between that is served on.

use crate::simulation::endpoint;
use microcoapy::Handle;
use microcoapy::Instant;
use microcoapy::OBSERVABLE;
use microcoapy::PeerAddr;
use microcoapy::wire::block::Block;
use microcoapy::wire::builder::MessageDraft;
use microcoapy::wire::code::Code;
use microcoapy::wire::header::{MessageId, MessageType, Token};
use microcoapy::wire::message::MessageView;
use microcoapy::wire::option::OptionNumber;
use microcoapy::wire::uint;
use microcoapy::{
    BODIES, DEDUPLICATION, EXCHANGES, OBSERVATIONS, OBSERVERS, Parameters, REQUESTS, TRANSFERS,
    TRANSMISSIONS,
};
use microcoapy::{Endpoint, Event, Part, Usage};

const PEERS: u32 = 10_000;
/// So many peers lie between two requests of the honest one, and between two changes of the state.
const HONEST_EVERY: u32 = 50;
/// Milliseconds between two datagrams: nothing is forgotten in time.
const PACE_MS: u32 = 5;
/// Bytes of the state, and of the blocks that peers ask for.
const STATE_LEN: usize = 40;
const BLOCK_LEN: usize = 16;

fn peer(number: u32) -> PeerAddr {
    let [a, b, c, d] = number.to_be_bytes();
    PeerAddr::new(&[4, 10, a ^ b, c, d, 0x16, 0x33]).unwrap()
}

fn honest() -> PeerAddr {
    PeerAddr::new(&[4, 192, 0, 2, 1, 0x16, 0x33]).unwrap()
}

/// A request for `/r`.
struct Request {
    kind: MessageType,
    code: Code,
    observe: bool,
    block1: Option<(u32, bool)>,
    block2: Option<u32>,
}

impl Request {
    fn new(code: Code) -> Self {
        Self {
            kind: MessageType::Confirmable,
            code,
            observe: false,
            block1: None,
            block2: None,
        }
    }

    fn bytes(&self, id: u16) -> Vec<u8> {
        let mut buffer = [0; 64];
        let mut draft = MessageDraft::begin(&mut buffer, &Token::new(b"t").unwrap()).unwrap();
        let mut add = |number, value: u32| {
            draft
                .option(&mut buffer, number, uint::encode(value).as_slice())
                .unwrap()
        };
        let block = |num, more| Block { num, more, szx: 0 }.encode();
        add(OptionNumber::URI_PATH, u32::from(b'r'));
        if self.observe {
            add(OptionNumber::OBSERVE, 0);
        }
        if let Some((num, more)) = self.block1 {
            add(OptionNumber::BLOCK1, block(num, more));
        }
        if let Some(num) = self.block2 {
            add(OptionNumber::BLOCK2, block(num, false));
        }
        if self.block1.is_some() {
            draft.payload(&mut buffer, &[0; BLOCK_LEN]).unwrap();
        }
        let len = draft
            .finish(&mut buffer, self.kind, self.code, MessageId(id))
            .unwrap();
        buffer[..len].to_vec()
    }
}

/// A server that answers everything at once, and its clock.
struct Server {
    endpoint: Endpoint<'static>,
    now: Instant,
    /// Of the honest peer's requests.
    id: u16,
}

impl Server {
    fn new() -> Self {
        Self {
            endpoint: endpoint(7, Parameters::default(), OBSERVABLE),
            now: Instant(u32::MAX - 10_000),
            id: 0,
        }
    }

    /// Takes a datagram in, and answers; gives what goes to its sender.
    fn receive(&mut self, from: &PeerAddr, datagram: &[u8]) -> Vec<Vec<u8>> {
        let mut datagram = datagram.to_vec();
        let received = self.endpoint.handle_datagram(from, &mut datagram, self.now);
        match received.map(|received| received.event) {
            None => {}
            Some(Event::Upload { request, .. }) => {
                assert!(self.endpoint.incoming_continue(request, self.now));
            }
            Some(Event::Request { request, .. } | Event::Download { request, .. }) => {
                self.answer(request);
            }
            Some(other) => panic!("nobody caused {other:?}"),
        }
        self.poll(from)
    }

    fn answer(&mut self, request: Handle) {
        let endpoint = &mut self.endpoint;
        endpoint
            .response_begin(request, true, Code::CONTENT)
            .unwrap();
        let etag = Part::Option(OptionNumber::ETAG, b"same");
        endpoint.draft_add(etag).unwrap();
        let state = [b's'; STATE_LEN];
        let (offset, len) = endpoint.draft_body(None, 0).unwrap();
        let end = STATE_LEN.min((offset + len) as usize);
        endpoint
            .draft_block(&state[offset as usize..end], end < STATE_LEN)
            .unwrap();
        if endpoint.response_send(self.now).is_err() {
            endpoint.incoming_drop(request);
        }
    }

    /// Sends everything there is; gives what goes to this peer.
    fn poll(&mut self, to: &PeerAddr) -> Vec<Vec<u8>> {
        while let Some(notification) = self.endpoint.poll_notification(self.now) {
            let request = notification.request;
            self.answer(request);
        }
        assert_eq!(self.endpoint.poll_event(self.now), None);
        let mut sent = Vec::new();
        while let Some(datagram) = self.endpoint.poll_transmit() {
            if datagram.peer == to {
                sent.push(datagram.bytes.to_vec());
            }
        }
        self.check_usage();
        sent
    }

    /// Memory is fixed by construction.
    fn check_usage(&self) {
        let usage = self.endpoint.usage();
        let bounds = [
            (usage.exchanges, EXCHANGES),
            (usage.transmissions, TRANSMISSIONS),
            (usage.deduplication, DEDUPLICATION),
            (usage.requests, REQUESTS),
            (usage.bodies, BODIES + TRANSFERS),
            (usage.observations, OBSERVATIONS),
            (usage.observers, OBSERVERS),
        ];
        assert!(bounds.iter().all(|(used, most)| used <= most), "{usage:?}");
    }

    fn pass(&mut self, milliseconds: u32) {
        self.now = self.now.after(milliseconds);
        self.endpoint.handle_timeout(self.now);
        self.poll(&honest());
    }

    /// What the honest peer is answered: code and payload.
    fn ask(&mut self, request: &Request) -> (Code, Vec<u8>) {
        self.id += 1;
        let sent = self.receive(&honest(), &request.bytes(self.id));
        let answer = sent
            .iter()
            .map(|datagram| MessageView::parse(datagram).unwrap())
            .find(|answer| answer.id() == MessageId(self.id))
            .expect("an answer");
        assert_eq!(answer.kind(), MessageType::Acknowledgement);
        (answer.code(), answer.payload().to_vec())
    }

    fn serves_the_honest_peer(&mut self) {
        let (code, payload) = self.ask(&Request::new(Code::GET));
        assert_eq!(
            (code, &payload[..]),
            (Code::CONTENT, &[b's'; STATE_LEN][..])
        );
        if cfg!(feature = "block") {
            for (num, len) in [(0, 16), (1, 16), (2, 8)] {
                let get = Request {
                    block2: Some(num),
                    ..Request::new(Code::GET)
                };
                let (code, payload) = self.ask(&get);
                assert_eq!((code, payload.len()), (Code::CONTENT, len));
            }
        }
    }

    /// The code of the answer to an upload's first block.
    #[cfg(feature = "block")]
    fn begins_an_upload(&mut self) -> Code {
        let put = Request {
            block1: Some((0, true)),
            ..Request::new(Code::PUT)
        };
        self.ask(&put).0
    }
}

/// Each peer sends one request, confirmable or not.
fn flood(request: &Request) -> Server {
    let mut server = Server::new();
    for number in 0..PEERS {
        let kind = MessageType::from_bits((number & 1) as u8);
        let request = Request { kind, ..*request };
        server.receive(&peer(number), &request.bytes(number as u16));
        server.pass(PACE_MS);
        if number.is_multiple_of(HONEST_EVERY) {
            server.endpoint.notify(1);
            server.serves_the_honest_peer();
        }
    }
    server
}

/// Everything but the observers is forgotten in time.
fn calm_down(server: &mut Server) {
    while let Some(wait) = server.endpoint.poll_timeout(server.now) {
        if wait > server.endpoint.parameters().exchange_lifetime_ms() {
            break;
        }
        server.pass(wait);
    }
    server.pass(server.endpoint.parameters().exchange_lifetime_ms());
    let usage = server.endpoint.usage();
    let observers = usage.observers;
    assert_eq!(
        usage,
        Usage {
            observers,
            ..Usage::default()
        }
    );
}

#[cfg(feature = "observe")]
#[test]
fn ten_thousand_spoofed_observers_leave_an_honest_peer_served() {
    let mut server = flood(&Request {
        observe: true,
        ..Request::new(Code::GET)
    });
    // Who does not acknowledge a notification is no observer any more.
    server.endpoint.notify(1);
    calm_down(&mut server);
    assert_eq!(server.endpoint.usage().observers, 0);
}

#[cfg(feature = "block")]
#[test]
fn ten_thousand_spoofed_uploads_leave_an_honest_peer_served() {
    let mut server = flood(&Request {
        block1: Some((0, true)),
        ..Request::new(Code::PUT)
    });
    // Others take all places, but not for ever.
    assert_eq!(server.begins_an_upload(), Code::SERVICE_UNAVAILABLE);
    calm_down(&mut server);
    assert_eq!(server.begins_an_upload(), Code::CONTINUE);
}

#[cfg(feature = "block")]
#[test]
fn ten_thousand_spoofed_later_blocks_leave_an_honest_peer_served() {
    let mut server = flood(&Request {
        block1: Some((1, true)),
        ..Request::new(Code::PUT)
    });
    assert_eq!(server.begins_an_upload(), Code::CONTINUE);
}

#[cfg(feature = "block")]
#[test]
fn ten_thousand_spoofed_downloads_leave_an_honest_peer_served() {
    let mut server = flood(&Request {
        block2: Some(0),
        ..Request::new(Code::GET)
    });
    // What can be fetched anew gives way.
    assert_eq!(server.begins_an_upload(), Code::CONTINUE);
    calm_down(&mut server);
}
