// SPDX-License-Identifier: MIT
//! What sent datagrams must be like.

use std::collections::{HashMap, HashSet};

use microcoapy::wire::block::Block;
use microcoapy::wire::header::{MessageType, Token};
use microcoapy::wire::message::MessageView;
use microcoapy::wire::option::OptionNumber;

use crate::world::{Peer, World};
use common::engine::Datagram;

/// A datagram, to whom.
pub type Sent = (Peer, Vec<u8>);

/// A message that was sent: its bytes, when first, how often.
struct Transmitted {
    bytes: Vec<u8>,
    first: u64,
    count: u32,
}

/// What the peers have said, and what they were told.
#[derive(Default)]
pub struct Heard {
    /// Confirmable messages by peer and id.
    confirmable: HashSet<(Peer, u16)>,
    non_confirmable: HashSet<(Peer, u16)>,
    /// The requests by peer and token, padded.
    requests: HashSet<(Peer, [u8; 8], usize)>,
    /// Our CON and NON by peer and id.
    told: HashMap<(Peer, u16), Transmitted>,
    /// The Echo value that a peer was given last.
    pub echo: HashMap<Peer, Vec<u8>>,
}

fn padded(token: &Token) -> ([u8; 8], usize) {
    (*token.padded(), token.len())
}

impl Heard {
    /// A datagram that the endpoint is about to receive.
    pub fn note(&mut self, from: Peer, datagram: &[u8]) {
        // Also what is no message may have to be rejected.
        let &[first, _, high, low, ..] = datagram else {
            return;
        };
        let key = (from, u16::from_be_bytes([high, low]));
        match MessageType::from_bits(first >> 4) {
            MessageType::Confirmable => self.confirmable.insert(key),
            MessageType::NonConfirmable => self.non_confirmable.insert(key),
            _ => false,
        };
        if let Ok(message) = MessageView::parse(datagram)
            && message.code().is_request()
        {
            let (token, len) = padded(message.token());
            self.requests.insert((from, token, len));
        }
    }

    /// A CON or NON of ours: its id is not reused, and it is not sent too often.
    fn check_transmission(
        &mut self,
        to: Peer,
        message: &MessageView,
        bytes: &[u8],
        now: u64,
        lifetime: u64,
        max_retransmit: u32,
    ) {
        let transmitted = self
            .told
            .entry((to, message.id().0))
            .or_insert(Transmitted {
                bytes: bytes.to_vec(),
                first: now,
                count: 0,
            });
        if transmitted.bytes == bytes && message.kind() == MessageType::Confirmable {
            transmitted.count += 1;
            return assert!(transmitted.count <= max_retransmit + 1);
        }
        // RFC 7252 section 4.4
        assert!(
            transmitted.count == 0 || now - transmitted.first >= lifetime,
            "a message id is reused"
        );
        *transmitted = Transmitted {
            bytes: bytes.to_vec(),
            first: now,
            count: 1,
        };
    }
}

fn check_options(message: &MessageView) {
    let mut last = None;
    for option in message.options() {
        if let Some(definition) = option.number.definition() {
            assert!(definition.accepts(option.value.len()));
            assert!(
                definition.repeatable || last != Some(option.number),
                "repeated"
            );
        }
        if [OptionNumber::BLOCK1, OptionNumber::BLOCK2].contains(&option.number) {
            assert!(Block::decode(option.value).is_some());
        }
        last = Some(option.number);
    }
}

impl World {
    pub fn see_datagram(&mut self, datagram: Datagram) {
        let to = Peer::try_from(&datagram.to[..]).unwrap();
        let bytes = datagram.bytes;
        assert!(bytes.len() <= self.parameters.max_message as usize);
        let message = MessageView::parse(&bytes).expect("a well-formed message");
        check_options(&message);
        let key = (to, message.id().0);
        match message.kind() {
            MessageType::Acknowledgement => assert!(self.heard.confirmable.contains(&key)),
            MessageType::Reset => {
                let sets = [&self.heard.confirmable, &self.heard.non_confirmable];
                assert!(sets.iter().any(|set| set.contains(&key)));
            }
            _ => self.heard.check_transmission(
                to,
                &message,
                &bytes,
                self.elapsed,
                self.parameters.exchange_lifetime_ms().into(),
                self.parameters.max_retransmit,
            ),
        }
        let limit = self.parameters.amplification;
        self.promises.tell(to, &message, bytes.len(), limit);
        if message.code().is_response() {
            let (token, len) = padded(message.token());
            assert!(self.heard.requests.contains(&(to, token, len)));
            if let Some(echo) = message.first(OptionNumber::ECHO) {
                self.heard.echo.insert(to, echo.to_vec());
            }
        }
        if datagram.exchange != 0 {
            self.see_start(datagram.exchange, to, *message.token());
        }
        self.sent.push((to, bytes));
    }

    /// A datagram that begins an exchange, or goes on with it.
    fn see_start(&mut self, exchange: u32, to: Peer, token: Token) {
        match self.exchanges.get_mut(&exchange) {
            Some(exchange) => {
                assert_eq!(exchange.to, to);
                exchange.token.get_or_insert(token);
            }
            // What has ended is not sent any more, but for what the program does not see: the end of an
            // observation, and the fetching of a notification.
            None => {
                let fetches = |e: &crate::world::Exchange| e.observes && e.to == to;
                let known = self.leaving.contains(&exchange);
                assert!(known || self.exchanges.values().any(fetches));
            }
        }
    }
}
