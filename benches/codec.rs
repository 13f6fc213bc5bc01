// SPDX-License-Identifier: MIT
//! Messages decoded and encoded by this crate and by coap-lite: a line for each message and direction, with the
//! nanoseconds of both, least of many rounds.
//!
//! Decoding reads all fields, option numbers and values; encoding starts from them. Both sides must agree on the bytes.
use coap_lite::{CoapOption, MessageClass, Packet};
use microcoapy::wire::builder::MessageDraft;
use microcoapy::wire::code::Code;
use microcoapy::wire::header::{MessageId, MessageType, Token};
use microcoapy::wire::message::MessageView;
use microcoapy::wire::option::OptionNumber;
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 200;
const PER_ROUND: u32 = 1000;

struct Content {
    name: &'static str,
    kind: MessageType,
    code: Code,
    token: Token,
    /// In the order of their numbers.
    options: Vec<(u16, Vec<u8>)>,
    payload: Vec<u8>,
}

impl Content {
    fn new(
        name: &'static str,
        (kind, code): (MessageType, u8),
        options: &[(u16, &[u8])],
        payload: Vec<u8>,
    ) -> Self {
        Self {
            name,
            kind,
            code: Code(code),
            token: Token::new(b"tokn").unwrap_or(Token::EMPTY),
            options: options
                .iter()
                .map(|&(number, value)| (number, value.to_vec()))
                .collect(),
            payload,
        }
    }

    fn encode(&self, buffer: &mut [u8]) -> Option<usize> {
        let mut draft = MessageDraft::begin(buffer, &self.token).ok()?;
        for (number, value) in &self.options {
            draft.option(buffer, OptionNumber(*number), value).ok()?;
        }
        draft.payload(buffer, &self.payload).ok()?;
        draft
            .finish(buffer, self.kind, self.code, MessageId(1))
            .ok()
    }

    fn encode_with_coap_lite(&self) -> Option<Vec<u8>> {
        let mut packet = Packet::new();
        packet.header.set_version(1);
        packet.header.set_type(match self.kind {
            MessageType::Confirmable => coap_lite::MessageType::Confirmable,
            MessageType::NonConfirmable => coap_lite::MessageType::NonConfirmable,
            MessageType::Acknowledgement => coap_lite::MessageType::Acknowledgement,
            MessageType::Reset => coap_lite::MessageType::Reset,
        });
        packet.header.code = MessageClass::from(self.code.0);
        packet.header.message_id = 1;
        packet.set_token(self.token.as_slice().to_vec());
        for (number, value) in &self.options {
            packet.add_option(CoapOption::from(*number), value.clone());
        }
        packet.payload = self.payload.clone();
        packet.to_bytes().ok()
    }
}

fn read_option(number: u16, value: &[u8]) -> usize {
    usize::from(number) + value.iter().map(|&byte| usize::from(byte)).sum::<usize>()
}

/// A number that depends on every field.
fn decode(datagram: &[u8]) -> Option<usize> {
    let message = MessageView::parse(datagram).ok()?;
    let head =
        message.kind() as usize + usize::from(message.code().0) + usize::from(message.id().0);
    let options = message
        .options()
        .map(|option| read_option(option.number.0, option.value));
    Some(head + message.token().len() + options.sum::<usize>() + message.payload().len())
}

fn decode_with_coap_lite(datagram: &[u8]) -> Option<usize> {
    let packet = Packet::from_bytes(datagram).ok()?;
    let kind = match packet.header.get_type() {
        coap_lite::MessageType::Confirmable => 0,
        coap_lite::MessageType::NonConfirmable => 1,
        coap_lite::MessageType::Acknowledgement => 2,
        coap_lite::MessageType::Reset => 3,
    };
    let head =
        kind + usize::from(u8::from(packet.header.code)) + usize::from(packet.header.message_id);
    let options = packet
        .options()
        .flat_map(|(number, values)| values.iter().map(move |value| read_option(*number, value)));
    Some(head + packet.get_token().len() + options.sum::<usize>() + packet.payload.len())
}

/// Nanoseconds of one call.
fn time<T>(work: &mut impl FnMut() -> T) -> f64 {
    let start = Instant::now();
    for _ in 0..PER_ROUND {
        black_box(work());
    }
    start.elapsed().as_nanos() as f64 / f64::from(PER_ROUND)
}

/// The least of each, measured by turns.
fn compare<T, U>(mut ours: impl FnMut() -> T, mut theirs: impl FnMut() -> U) -> (f64, f64) {
    let mut least = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        least.0 = least.0.min(time(&mut ours));
        least.1 = least.1.min(time(&mut theirs));
    }
    least
}

fn main() {
    let contents = [
        Content::new(
            "GET",
            (MessageType::Confirmable, 0x01),
            &[
                (11, b"sensors"),
                (11, b"temperature"),
                (15, b"unit=C"),
                (17, &[50]),
            ],
            Vec::new(),
        ),
        Content::new(
            "2.05 with 20 bytes",
            (MessageType::Acknowledgement, 0x45),
            &[(4, b"etag"), (12, &[50]), (14, &[60])],
            vec![0x2A; 20],
        ),
        Content::new(
            "2.05 with a block of 1024",
            (MessageType::Acknowledgement, 0x45),
            &[(4, b"etag"), (12, &[42]), (23, &[0x1E]), (28, &[0x10, 0])],
            vec![0x2A; 1024],
        ),
    ];
    for content in &contents {
        let mut buffer = [0; 1152];
        let len = content.encode(&mut buffer).expect("it fits");
        let datagram = buffer[..len].to_vec();
        assert_eq!(content.encode_with_coap_lite().as_deref(), Some(&*datagram));
        let read = decode(&datagram);
        assert!(read.is_some() && read == decode_with_coap_lite(&datagram));
        let times = compare(
            || decode(black_box(&datagram)),
            || decode_with_coap_lite(black_box(&datagram)),
        );
        println!("decode {}: {:.1} {:.1}", content.name, times.0, times.1);
        let times = compare(
            || black_box(content).encode(&mut buffer),
            || black_box(content).encode_with_coap_lite(),
        );
        println!("encode {}: {:.1} {:.1}", content.name, times.0, times.1);
    }
}
