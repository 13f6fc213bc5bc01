// SPDX-License-Identifier: MIT
//! The other side of what tools/bench.py measures: the same requests, or responses, for every implementation.
//!
//! load ask PORT COUNT WINDOW PATH PAYLOAD: confirmable GETs of /PATH to 127.0.0.1, WINDOW of them under way. Each must be
//! answered in its ACK by 2.05 with that payload, else the exit status is 1.
//!
//! load echo PORT COUNT WINDOW PATH: the same datagrams, which must come back as they are.
//!
//! load answer PAYLOAD: says its port, and answers every confirmable request in its ACK by 2.05 with that payload.
use std::io::{Error, Result};
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

/// Version 1, CON with a token of 4 bytes; GET.
const GET: [u8; 2] = [0x44, 1];
/// Version 1, ACK with a token of 4 bytes; 2.05.
const CONTENT: [u8; 2] = [0x64, 0x45];
const HEAD: usize = 8;
const PAYLOAD_MARKER: u8 = 0xFF;
/// No answer for so long is a failure: a process under valgrind on a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(20);

fn wrong(what: &str) -> Error {
    Error::other(what.to_string())
}

fn number(argument: &str) -> Result<u16> {
    argument.parse().map_err(|_| wrong(argument))
}

/// Requests that differ in message id and token. RFC 7252 section 4.4: no id twice from one port.
struct Requests {
    options: Vec<u8>,
    datagram: Vec<u8>,
}

impl Requests {
    fn new(path: &str) -> Self {
        let mut options = vec![0xB0 | path.len() as u8]; // Uri-Path of less than 13 bytes
        options.extend_from_slice(path.as_bytes());
        Self {
            options,
            datagram: Vec::new(),
        }
    }

    fn datagram(&mut self, id: u16) -> &[u8] {
        let [high, low] = id.to_be_bytes();
        self.datagram.clear();
        self.datagram.extend_from_slice(&GET);
        self.datagram
            .extend_from_slice(&[high, low, high, low, low, high]);
        self.datagram.extend_from_slice(&self.options);
        &self.datagram
    }
}

/// Sends `count` requests, `window` of them under way; `is_right` says whether an answer is one to the request with that id.
fn ask(
    socket: &UdpSocket,
    (count, window): (u16, u16),
    requests: &mut Requests,
    is_right: impl Fn(&[u8], &[u8]) -> bool,
) -> Result<()> {
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut open = vec![false; usize::from(count)];
    let mut sent = 0;
    let mut buffer = [0; 2048];
    for answered in 0..count {
        while sent < count && sent - answered < window {
            socket.send(requests.datagram(sent))?;
            open[usize::from(sent)] = true;
            sent += 1;
        }
        let len = socket.recv(&mut buffer)?;
        let answer = &buffer[..len];
        let id = answer
            .get(2..4)
            .map(|id| u16::from_be_bytes([id[0], id[1]]));
        let id = id.ok_or_else(|| wrong("an answer without head"))?;
        let is_open = open.get_mut(usize::from(id));
        let is_open = is_open
            .filter(|open| **open)
            .ok_or_else(|| wrong("an answer to nothing"))?;
        *is_open = false;
        if !is_right(requests.datagram(id), answer) {
            return Err(wrong("a wrong answer"));
        }
    }
    Ok(())
}

/// The response in an ACK to this request.
fn is_content(request: &[u8], answer: &[u8], payload: &[u8]) -> bool {
    let head = answer.get(..HEAD);
    let body = answer.strip_suffix(payload);
    head.is_some_and(|head| head[..2] == CONTENT && head[2..] == request[2..HEAD])
        && body.is_some_and(|body| body.last() == Some(&PAYLOAD_MARKER))
}

fn answer(payload: &[u8]) -> Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", socket.local_addr()?.port());
    let mut buffer = [0; 2048];
    loop {
        let (len, from) = socket.recv_from(&mut buffer)?;
        let token_len = usize::from(buffer[0] & 15);
        let head = 4 + token_len;
        if len < head || buffer[0] & 0xF0 != 0x40 || head > 12 {
            continue;
        }
        let mut response = [0; 64];
        response[0] = 0x60 | buffer[0] & 15;
        response[1] = CONTENT[1];
        response[2..head].copy_from_slice(&buffer[2..head]);
        response[head] = PAYLOAD_MARKER;
        let end = head + 1 + payload.len();
        response[head + 1..end].copy_from_slice(payload);
        socket.send_to(&response[..end], from)?;
    }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["answer", payload] = arguments[..] {
        return answer(payload.as_bytes());
    }
    let [verb, port, count, window, path, ref payload @ ..] = arguments[..] else {
        return Ok(()); // cargo bench asks for nothing
    };
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect((Ipv4Addr::LOCALHOST, number(port)?))?;
    let amount = (number(count)?, number(window)?);
    let mut requests = Requests::new(path);
    match (verb, payload) {
        ("ask", [payload]) => ask(&socket, amount, &mut requests, |request, answer| {
            is_content(request, answer, payload.as_bytes())
        }),
        ("echo", []) => ask(&socket, amount, &mut requests, |request, answer| {
            request == answer
        }),
        _ => Err(wrong("unknown verb")),
    }
}
