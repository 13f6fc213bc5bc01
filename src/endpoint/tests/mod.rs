// SPDX-License-Identifier: MIT
//! One endpoint against hand-written datagrams.
#![cfg_attr(
    not(all(feature = "block", feature = "observe")),
    allow(dead_code, unused_imports, reason = "what needs it is left out")
)]

mod amplification;
mod answers;
mod bodies_in_parts;
mod client;
mod congestion;
mod echo;
mod error_rate;
mod floods;
mod forgetting;
mod giving_way;
mod group;
mod links;
mod messages;
mod no_response;
mod notifying;
mod observation;
mod observer;
mod observing;
mod odd_peers;
mod random;
mod registering;
#[cfg(all(feature = "oscore", feature = "observe", feature = "attributes"))]
mod security;
mod server;
mod state;
mod tokens;
mod transfer_in;
mod transfer_out;
mod understood;
mod wrap;

use super::*;
pub(super) use crate::block::transfer::ETag;
use crate::config::{OBSERVERS, Parameters};
use crate::resource::Resource;
use crate::wire::block::Block;
use crate::wire::builder::MessageDraft;
use crate::wire::code::Code;
use crate::wire::header::MessageType;
use crate::wire::message::MessageView;
use crate::wire::option::OptionNumber;
use crate::wire::uint;

/// An endpoint with its own memory, a clock, and the peer it talks to.
pub(super) struct Bench {
    pub endpoint: Endpoint<'static>,
    pub now: Instant,
    pub peer: PeerAddr,
    /// Of the last event.
    pub piece: Piece,
}

pub(super) fn peer(n: u32) -> PeerAddr {
    let [a, b, c, d] = n.to_be_bytes();
    PeerAddr::new(&[4, a, b, c, d, 0x16, 0x33]).unwrap()
}

/// Parameters with messages of 1152 bytes and room for some, whatever the profile has.
pub(super) fn large_messages() -> Parameters {
    Parameters {
        max_message: 1152,
        message_store: 2304 + 24 * OBSERVERS as u32,
        ..Default::default()
    }
}

impl Bench {
    pub fn new() -> Self {
        Self::with(Parameters::default())
    }

    pub fn with(parameters: Parameters) -> Self {
        assert_eq!(parameters.out_of_range(), None);
        let store = vec![0; parameters.message_store as usize].leak();
        let endpoint = Endpoint::new(parameters, 0x0102_0304, store);
        // Every test crosses the wrap of the clock.
        Self {
            endpoint,
            now: Instant(u32::MAX - 500),
            peer: peer(1),
            piece: Piece::default(),
        }
    }

    /// With `/r` (all methods), `/g` (GET) and `/` served as resources 1, 2 and 3.
    pub fn server() -> Self {
        Self::server_with(Parameters::default())
    }

    pub fn server_with(parameters: Parameters) -> Self {
        let mut bench = Self::with(parameters);
        let memory = vec![0; 1024].leak();
        assert!(bench.endpoint.resources().move_to(memory));
        bench.serve(b"r", 1, 0);
        bench.serve_methods(b"g", 0x02, 2, 0);
        bench.serve(b"", 3, 0);
        bench
    }

    /// Serves a path with all methods.
    pub fn serve(&mut self, path: &[u8], number: u32, flags: u8) {
        self.serve_methods(path, 0xFE, number, flags);
    }

    pub fn serve_methods(&mut self, path: &[u8], methods: u8, number: u32, flags: u8) {
        let resource = Resource {
            number,
            methods,
            flags,
            ..Default::default()
        };
        self.endpoint.resources().add(path, &resource).unwrap();
    }

    pub fn receive(&mut self, datagram: &[u8]) -> Option<Event> {
        let peer = self.peer;
        self.receive_at(&peer, datagram)
    }

    pub fn receive_from(&mut self, from: u32, datagram: &[u8]) -> Option<Event> {
        self.receive_at(&peer(from), datagram)
    }

    fn receive_at(&mut self, peer: &PeerAddr, datagram: &[u8]) -> Option<Event> {
        let mut bytes = datagram.to_vec();
        let received = self.endpoint.handle_datagram(peer, &mut bytes, self.now);
        let received = received?;
        assert_eq!(received.message.id(), view(datagram).id());
        self.piece = received.piece;
        Some(received.event)
    }

    /// Everything there is to send now.
    pub fn sent(&mut self) -> Vec<Vec<u8>> {
        core::iter::from_fn(|| {
            self.endpoint
                .poll_transmit()
                .map(|datagram| datagram.bytes.to_vec())
        })
        .collect()
    }

    /// The one datagram there is to send now.
    pub fn sent_one(&mut self) -> Vec<u8> {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.remove(0)
    }

    pub fn advance(&mut self, milliseconds: u32) {
        self.now = self.now.after(milliseconds);
        self.endpoint.handle_timeout(self.now);
    }

    /// Whether no timer runs but those that forget, and that confirm observers once a day.
    pub fn is_idle(&self) -> bool {
        let timeout = self.endpoint.poll_timeout(self.now);
        timeout.is_none_or(|milliseconds| milliseconds > 23 * 3_600_000)
    }

    /// Goes to the next deadline; gives how far that was.
    pub fn advance_to_timeout(&mut self) -> Option<u32> {
        let milliseconds = self.endpoint.poll_timeout(self.now)?;
        self.advance(milliseconds);
        Some(milliseconds)
    }

    /// A GET for `/r` with the given token.
    pub fn get(&mut self, kind: MessageType, token: &[u8]) -> Result<Sent, RequestError> {
        self.endpoint
            .exchange_begin(kind, Code::GET, Token::new(token), [9; 8])
            .unwrap();
        self.endpoint.draft_add(Part::Path(b"r")).unwrap();
        self.endpoint.exchange_send(&self.peer, self.now)
    }

    pub fn respond(&mut self, request: Handle, payload: &[u8]) -> Result<usize, RespondError> {
        self.endpoint
            .response_begin(request, true, Code::CONTENT)
            .unwrap();
        self.endpoint.draft_add(Part::Payload(payload)).unwrap();
        self.endpoint.response_send(self.now).map(|r| r.len)
    }

    pub fn request(&mut self, datagram: &[u8]) -> Handle {
        match self.receive(datagram) {
            Some(Event::Request { request, .. }) => request,
            other => panic!("{other:?}"),
        }
    }
}

/// Room for a few short messages.
#[cfg(feature = "block")]
pub(super) fn small_store() -> Parameters {
    Parameters {
        max_message: 128,
        message_store: 400,
        ..Default::default()
    }
}

/// Fills a small store with answers kept for repetitions, until `free` bytes are left.
#[cfg(feature = "block")]
pub(super) fn fill_store(bench: &mut Bench, free: usize) {
    let mut id = 20_000;
    loop {
        let room = bench.endpoint.message.store_mut().draft(usize::MAX).1.len() - free;
        if room == 0 {
            return;
        }
        let request = bench.request(&message(MessageType::Confirmable, Code::GET, id, PATH_R));
        // Of an answer, 5 bytes are header and token, one marks the payload; what is left must be enough for another.
        let len = if room < 100 { room } else { 50 };
        bench.respond(request, &vec![0; len - 6]).unwrap();
        bench.sent();
        id += 1;
    }
}

/// Content-Format.
pub(super) fn content_format(format: u32) -> Part<'static> {
    let value = uint::encode(format).as_slice().to_vec().leak();
    Part::Option(OptionNumber::CONTENT_FORMAT, value)
}

/// A message with token `t` and, behind it, `rest`.
pub(super) fn message(kind: MessageType, code: Code, id: u16, rest: &[u8]) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    let mut bytes = vec![0x41 | (kind as u8) << 4, code.0, high, low, b't'];
    bytes.extend_from_slice(rest);
    bytes
}

pub(super) fn empty(kind: MessageType, id: u16) -> Vec<u8> {
    crate::wire::header::encode_empty(kind, MessageId(id)).to_vec()
}

pub(super) fn view(datagram: &[u8]) -> MessageView<'_> {
    MessageView::parse(datagram).unwrap()
}

/// Uri-Path "r"
pub(super) const PATH_R: &[u8] = &[0xB1, b'r'];

/// A message written part by part.
pub(super) struct Message {
    kind: MessageType,
    code: Code,
    id: u16,
    token: Token,
    options: Vec<(OptionNumber, Vec<u8>)>,
    payload: Vec<u8>,
}

impl Message {
    pub fn new(kind: MessageType, code: Code, id: u16) -> Self {
        Self {
            kind,
            code,
            id,
            token: Token::new(b"t").unwrap(),
            options: Vec::new(),
            payload: Vec::new(),
        }
    }

    /// A confirmable request for a path of one segment.
    pub fn request(code: Code, path: &str, id: u16) -> Self {
        Self::new(MessageType::Confirmable, code, id)
            .option(OptionNumber::URI_PATH, path.as_bytes())
    }

    /// The piggybacked response to a message of ours.
    pub fn answer(to: &[u8], code: Code) -> Self {
        let to = view(to);
        Self::new(MessageType::Acknowledgement, code, to.id().0).token(to.token().as_slice())
    }

    pub fn token(mut self, token: &[u8]) -> Self {
        self.token = Token::new(token).unwrap();
        self
    }

    pub fn option(mut self, number: OptionNumber, value: &[u8]) -> Self {
        self.options.push((number, value.to_vec()));
        self
    }

    pub fn uint(self, number: OptionNumber, value: u32) -> Self {
        self.option(number, uint::encode(value).as_slice())
    }

    pub fn block(self, number: OptionNumber, num: u32, more: bool, szx: u8) -> Self {
        self.uint(number, Block { num, more, szx }.encode())
    }

    pub fn payload(mut self, payload: &[u8]) -> Self {
        self.payload = payload.to_vec();
        self
    }

    pub fn bytes(self) -> Vec<u8> {
        let mut buffer = vec![0; 4096];
        let mut draft = MessageDraft::begin(&mut buffer, &self.token).unwrap();
        for (number, value) in &self.options {
            draft.option(&mut buffer, *number, value).unwrap();
        }
        draft.payload(&mut buffer, &self.payload).unwrap();
        let len = draft
            .finish(&mut buffer, self.kind, self.code, MessageId(self.id))
            .unwrap();
        buffer.truncate(len);
        buffer
    }
}

/// The value of a Block option of a datagram.
pub(super) fn block_of(datagram: &[u8], number: OptionNumber) -> Option<(u32, bool, u8)> {
    let block = Block::decode(view(datagram).first(number)?).unwrap();
    Some((block.num, block.more, block.szx))
}
