// SPDX-License-Identifier: MIT
//! One endpoint against hand-written datagrams.

mod client;
mod congestion;
mod messages;
mod server;

use super::*;
use crate::config::Parameters;
use crate::wire::code::Code;
use crate::wire::header::MessageType;
use crate::wire::message::MessageView;

/// An endpoint with its own memory, a clock, and the peer it talks to.
pub(super) struct Bench {
    pub endpoint: Endpoint<'static>,
    pub now: Instant,
    pub peer: PeerAddr,
}

pub(super) fn peer(n: u32) -> PeerAddr {
    let [a, b, c, d] = n.to_be_bytes();
    PeerAddr::new(&[4, a, b, c, d, 0x16, 0x33]).unwrap()
}

impl Bench {
    pub fn new() -> Self {
        Self::with(Parameters::default())
    }

    pub fn with(parameters: Parameters) -> Self {
        assert_eq!(parameters.out_of_range(), None);
        let store = vec![0; parameters.message_store as usize].leak();
        let endpoint = Endpoint::new(parameters, [1, 2, 3, 4, 5, 6, 7, 8], store);
        // Every test crosses the wrap of the clock.
        Self {
            endpoint,
            now: Instant(u32::MAX - 500),
            peer: peer(1),
        }
    }

    /// With `/r` (all methods), `/g` (GET) and `/` served as resources 1, 2 and 3.
    pub fn server() -> Self {
        Self::server_with(Parameters::default())
    }

    pub fn server_with(parameters: Parameters) -> Self {
        let mut bench = Self::with(parameters);
        let resources = bench.endpoint.resources();
        assert!(resources.move_to(vec![0; 256].leak()));
        resources.add(b"r", 0xFE, 1).unwrap();
        resources.add(b"g", 0x02, 2).unwrap();
        resources.add(b"", 0xFE, 3).unwrap();
        bench
    }

    pub fn receive<'d>(&mut self, datagram: &'d [u8]) -> Received<'d> {
        self.endpoint
            .handle_datagram(&self.peer, datagram, self.now)
    }

    pub fn receive_from<'d>(&mut self, from: u32, datagram: &'d [u8]) -> Received<'d> {
        self.endpoint
            .handle_datagram(&peer(from), datagram, self.now)
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

    /// Whether no timer runs but the one that forgets.
    pub fn is_idle(&self) -> bool {
        let timeout = self.endpoint.poll_timeout(self.now);
        timeout.is_none_or(|milliseconds| milliseconds == FORGET_WITHIN_MS)
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
            .request_begin(kind, Code::GET, Token::new(token), [9; 8])
            .unwrap();
        self.endpoint.draft_uri_path(b"r").unwrap();
        self.endpoint.request_send(&self.peer, self.now)
    }

    pub fn respond(&mut self, request: Handle, payload: &[u8]) -> Result<usize, RespondError> {
        self.endpoint
            .response_begin(request, true, Code::CONTENT)
            .unwrap();
        self.endpoint.draft_payload(payload).unwrap();
        self.endpoint.response_send(self.now)
    }

    pub fn request(&mut self, datagram: &[u8]) -> Handle {
        match self.receive(datagram) {
            Received::Request { request, .. } => request,
            other => panic!("{other:?}"),
        }
    }
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
