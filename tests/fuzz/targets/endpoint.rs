// SPDX-License-Identifier: MIT
//! One endpoint behind its C ABI, with an invented clock and invented peers. The input is a script:
//! datagrams, time, requests, responses and other calls in any order.
#![no_main]

use core::mem::zeroed;
use core::ptr::{null, null_mut};
use std::collections::HashMap;

use microcoapy::config::{DEDUPLICATION, EXCHANGES, Parameters, REQUESTS, TRANSMISSIONS};
use microcoapy::ffi::draft::*;
use microcoapy::ffi::endpoint::*;
use microcoapy::ffi::event::*;
use microcoapy::ffi::options::*;
use microcoapy::ffi::request::*;
use microcoapy::ffi::resource::*;
use microcoapy::ffi::{MCOAP_ERR_STALE, MCOAP_NOTHING, MCOAP_OK, mcoap_endpoint};
use microcoapy::wire::builder::MessageDraft;
use microcoapy::wire::code::Code;
use microcoapy::wire::header::{MessageId, MessageType, Token, encode_empty};
use microcoapy::wire::message::MessageView;
use microcoapy::wire::option::OptionNumber;

type Peer = [u8; 7];

/// More than the tables hold.
const PEERS: u8 = 12;

fn peer(number: u8) -> Peer {
    [4, 192, 0, 2, number % PEERS, 0x16, 0x33]
}

/// The rest of the script; zeros once it is over.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte()).min(self.0.len());
        self.0.split_off(..len).unwrap_or_default()
    }
}

fn pick<T: Clone>(list: &[T], number: u8) -> Option<T> {
    list.get(usize::from(number).checked_rem(list.len())?)
        .cloned()
}

struct World {
    endpoint: *mut mcoap_endpoint,
    parameters: Parameters,
    _memory: Vec<u64>,
    _paths: Vec<Vec<u8>>,
    now: u32,
    /// Exchanges that have not ended, and the token they were sent with, once they were.
    exchanges: HashMap<u32, (Peer, Option<Token>)>,
    requests: Vec<u32>,
    sent: Vec<(Peer, Vec<u8>)>,
    received: Vec<(Peer, Vec<u8>)>,
    next_id: u16,
}

/// libFuzzer calls this with one script after the other.
///
/// # Safety
/// `(data, len)` is readable.
#[unsafe(no_mangle)]
unsafe extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, len: usize) -> i32 {
    if len > 0 {
        // SAFETY: libFuzzer's promise.
        let data = unsafe { core::slice::from_raw_parts(data, len) };
        // SAFETY: every pointer below is made from a slice or a box that is alive.
        unsafe { run(Script(data)) };
    }
    0
}

unsafe fn run(mut script: Script) {
    unsafe {
        let mut world = World::new(&mut script);
        while !script.0.is_empty() {
            world.step(&mut script);
            world.drain();
        }
        world.wind_down();
    }
}

impl World {
    unsafe fn new(script: &mut Script) -> Self {
        let setup = script.byte();
        let parameters = Parameters {
            nstart: u32::from(setup & 3) + 1,
            max_retransmit: u32::from(setup >> 2 & 3),
            max_message: if setup & 16 == 0 { 128 } else { 64 },
            message_store: if setup & 32 == 0 { 512 } else { 128 },
            probing_rate: if setup & 64 == 0 { 1 } else { 1_000_000 },
            ..Parameters::default()
        };
        unsafe {
            let size = mcoap_endpoint_size(&parameters);
            assert_ne!(size, 0);
            // Exactly as large as asked for, so that AddressSanitizer sees what goes beyond.
            let mut memory = vec![0u64; size.div_ceil(8)];
            let mut endpoint = null_mut();
            let (start, seed) = (memory.as_mut_ptr().cast(), [setup; 8]);
            let made =
                mcoap_endpoint_init(start, size, &parameters, seed.as_ptr(), 8, &mut endpoint);
            assert_eq!(made, MCOAP_OK);
            let mut paths = vec![0; 24];
            mcoap_resource_memory(endpoint, paths.as_mut_ptr(), paths.len());
            mcoap_resource_add(endpoint, b"a".as_ptr(), 1, 0xFE, 7);
            World {
                endpoint,
                parameters,
                _memory: memory,
                _paths: vec![paths],
                // Close to the wrap, when the script says so.
                now: u32::from(script.byte()).wrapping_neg().wrapping_mul(100),
                exchanges: HashMap::new(),
                requests: vec![],
                sent: vec![],
                received: vec![],
                next_id: 0,
            }
        }
    }

    unsafe fn step(&mut self, script: &mut Script) {
        unsafe {
            match script.byte() % 12 {
                0 => {
                    let from = peer(script.byte());
                    self.deliver(from, script.bytes().to_vec());
                }
                1 => self.pass(
                    [1, 100, 2500, 30_000, 250_000, 3_600_000][usize::from(script.byte() % 6)],
                ),
                2 => self.answer_sent(script),
                3 => self.request(script),
                4 => self.pass_until_timeout(),
                5 => self.respond(script),
                6 => self.leave_request(script),
                7 => self.cancel(script),
                8 => self.replay(script),
                9 => self.reset(),
                10 => self.change_resources(script),
                _ => self.be_asked(script),
            }
        }
    }

    unsafe fn deliver(&mut self, from: Peer, datagram: Vec<u8>) {
        // A block of its own, so that AddressSanitizer sees what goes beyond.
        let exact = datagram.clone().into_boxed_slice();
        unsafe {
            let mut event: mcoap_event = zeroed();
            let result = mcoap_endpoint_handle_datagram(
                self.endpoint,
                self.now,
                from.as_ptr(),
                from.len(),
                exact.as_ptr(),
                exact.len(),
                &mut event,
            );
            assert_eq!(result, MCOAP_OK);
            self.see(&event);
        }
        self.received.push((from, datagram));
    }

    unsafe fn pass(&mut self, milliseconds: u32) {
        self.now = self.now.wrapping_add(milliseconds);
        unsafe { mcoap_endpoint_handle_timeout(self.endpoint, self.now) };
    }

    unsafe fn timeout(&self) -> Option<u32> {
        let mut milliseconds = 0;
        let result =
            unsafe { mcoap_endpoint_poll_timeout(self.endpoint, self.now, &mut milliseconds) };
        assert!(result == MCOAP_OK || result == MCOAP_NOTHING);
        (result == MCOAP_OK).then_some(milliseconds)
    }

    unsafe fn pass_until_timeout(&mut self) {
        unsafe {
            if let Some(milliseconds) = self.timeout() {
                self.pass(milliseconds);
            }
        }
    }

    /// An ACK, a RST or a response to something the endpoint has sent; sometimes from a stranger.
    unsafe fn answer_sent(&mut self, script: &mut Script) {
        let Some((to, datagram)) = pick(&self.sent, script.byte()) else {
            return;
        };
        let message = MessageView::parse(&datagram).unwrap();
        let how = script.byte();
        let from = if how & 0x40 != 0 { peer(how) } else { to };
        let token = if how & 0x80 != 0 {
            Token::new(b"guess").unwrap()
        } else {
            message.token()
        };
        self.next_id = self.next_id.wrapping_add(1);
        let (kind, id) = match how & 7 {
            0 => {
                return unsafe {
                    self.deliver(
                        from,
                        encode_empty(MessageType::Acknowledgement, message.id()).to_vec(),
                    )
                };
            }
            1 => {
                return unsafe {
                    self.deliver(
                        from,
                        encode_empty(MessageType::Reset, message.id()).to_vec(),
                    )
                };
            }
            2 | 3 => (MessageType::Acknowledgement, message.id()),
            4 | 5 => (MessageType::Confirmable, MessageId(self.next_id)),
            _ => (MessageType::NonConfirmable, MessageId(self.next_id)),
        };
        let mut buffer = [0; 64];
        let mut draft = MessageDraft::begin(&mut buffer, token).unwrap();
        if how & 0x20 != 0 {
            draft
                .option(&mut buffer, OptionNumber(u16::from(script.byte())), b"v")
                .unwrap();
        }
        draft.payload(&mut buffer, b"payload").unwrap();
        let len = draft.finish(&mut buffer, kind, Code::CONTENT, id).unwrap();
        unsafe { self.deliver(from, buffer[..len].to_vec()) };
    }

    unsafe fn request(&mut self, script: &mut Script) {
        let to = peer(script.byte());
        let how = script.byte();
        let payload = vec![b'p'; usize::from(script.byte())];
        let path = script.bytes();
        let ping = how & 2 != 0;
        let token = [how >> 4; 4];
        let entropy = self.now.to_le_bytes().repeat(2);
        unsafe {
            let chosen = if how & 4 == 0 { null() } else { token.as_ptr() };
            let kind = u8::from(!ping && how & 1 != 0);
            let code = if ping { 0 } else { how >> 3 & 3 };
            mcoap_request_begin(
                self.endpoint,
                kind,
                code,
                chosen,
                4,
                entropy.as_ptr(),
                entropy.len(),
            );
            mcoap_draft_payload(self.endpoint, payload.as_ptr(), payload.len());
            mcoap_draft_uri_path(self.endpoint, path.as_ptr(), path.len());
            mcoap_draft_option(self.endpoint, u32::from(how) * 300, token.as_ptr(), 4);
            mcoap_draft_content_format(self.endpoint, u32::from(how));
            let (mut exchange, mut len, mut id) = (0, 0, 0);
            let result = mcoap_request_send(
                self.endpoint,
                self.now,
                to.as_ptr(),
                to.len(),
                &mut exchange,
                &mut len,
                &mut id,
            );
            if result == MCOAP_OK {
                assert!(exchange != 0 && len >= 4 && len <= self.parameters.max_message as usize);
                assert!(self.exchanges.insert(exchange, (to, None)).is_none());
            }
        }
    }

    unsafe fn respond(&mut self, script: &mut Script) {
        let Some(request) = pick(&self.requests, script.byte()) else {
            return;
        };
        let how = script.byte();
        let payload = vec![b'r'; usize::from(how)];
        unsafe {
            mcoap_response_begin(self.endpoint, request, how & 1, 64 + how % 104);
            mcoap_draft_payload(self.endpoint, payload.as_ptr(), payload.len());
            mcoap_draft_content_format(self.endpoint, 0);
            let mut len = 0;
            if mcoap_response_send(self.endpoint, self.now, &mut len) == MCOAP_OK {
                self.requests.retain(|&other| other != request);
                assert_eq!(
                    mcoap_response_begin(self.endpoint, request, 0, 69),
                    MCOAP_ERR_STALE
                );
            }
        }
    }

    unsafe fn leave_request(&mut self, script: &mut Script) {
        let Some(request) = pick(&self.requests, script.byte()) else {
            return;
        };
        unsafe {
            if script.byte() & 1 == 0 {
                mcoap_request_release(self.endpoint, request);
            } else {
                mcoap_request_drop(self.endpoint, request);
                self.requests.retain(|&other| other != request);
            }
        }
    }

    unsafe fn cancel(&mut self, script: &mut Script) {
        let number = script.byte();
        let mut handles: Vec<u32> = self.exchanges.keys().copied().collect();
        handles.sort_unstable();
        let Some(exchange) = pick(&handles, number) else {
            return;
        };
        unsafe {
            assert_eq!(
                mcoap_exchange_cancel(self.endpoint, self.now, exchange),
                MCOAP_OK
            );
            assert_eq!(
                mcoap_exchange_cancel(self.endpoint, self.now, exchange),
                MCOAP_ERR_STALE
            );
        }
        self.exchanges.remove(&exchange);
    }

    /// A datagram again, sometimes from another peer, sometimes with a byte changed.
    unsafe fn replay(&mut self, script: &mut Script) {
        let Some((from, mut datagram)) = pick(&self.received, script.byte()) else {
            return;
        };
        let how = script.byte();
        if how & 1 != 0 && !datagram.is_empty() {
            let at = usize::from(script.byte()) % datagram.len();
            datagram[at] ^= how;
        }
        unsafe { self.deliver(if how & 2 != 0 { peer(how) } else { from }, datagram) };
    }

    unsafe fn reset(&mut self) {
        unsafe { mcoap_endpoint_reset(self.endpoint) };
        self.exchanges.clear();
        self.requests.clear();
    }

    unsafe fn change_resources(&mut self, script: &mut Script) {
        let how = script.byte();
        let path = script.bytes();
        unsafe {
            match how % 3 {
                0 => mcoap_resource_clear(self.endpoint),
                1 => {
                    mcoap_resource_add(self.endpoint, path.as_ptr(), path.len(), how.into(), 9);
                }
                _ => {
                    let mut memory = vec![0xA5; usize::from(how)];
                    let moved =
                        mcoap_resource_memory(self.endpoint, memory.as_mut_ptr(), memory.len());
                    if moved == MCOAP_OK {
                        self._paths = vec![memory];
                    }
                }
            }
        }
    }

    /// A well-formed request for a resource that may exist.
    unsafe fn be_asked(&mut self, script: &mut Script) {
        let from = peer(script.byte());
        let how = script.byte();
        let id = MessageId(u16::from(script.byte()));
        let kind = MessageType::from_bits(how & 1);
        let mut buffer = [0; 64];
        let mut draft =
            MessageDraft::begin(&mut buffer, Token::new(&id.0.to_be_bytes()).unwrap()).unwrap();
        let path: &[u8] = if how & 8 == 0 { b"a" } else { b"b" };
        draft
            .option(&mut buffer, OptionNumber::URI_PATH, path)
            .unwrap();
        if how & 16 != 0 {
            draft
                .option(
                    &mut buffer,
                    OptionNumber(u16::from(script.byte())),
                    script.bytes().get(..4).unwrap_or(b""),
                )
                .unwrap();
        }
        let code = Code::new(0, 1 + (how >> 5));
        let len = draft.finish(&mut buffer, kind, code, id).unwrap();
        unsafe { self.deliver(from, buffer[..len].to_vec()) };
    }

    /// What an event must be like.
    unsafe fn see(&mut self, event: &mcoap_event) {
        if event.kind == MCOAP_EVENT_NONE {
            return;
        }
        assert!(event.handle != 0 && event.token_len <= 8);
        if event.kind == MCOAP_EVENT_REQUEST {
            assert!(!self.requests.contains(&event.handle));
            self.requests.push(event.handle);
        } else {
            // Each exchange ends exactly once.
            let (to, token) = self
                .exchanges
                .remove(&event.handle)
                .expect("an exchange that is alive");
            if event.kind == MCOAP_EVENT_RESPONSE {
                // Nobody can answer what was not sent; peer and token are those of the request.
                let token = token.expect("a request that was sent");
                let len = usize::from(event.token_len);
                assert_eq!(unsafe { slice(event.token, len) }, token.as_slice());
                assert_eq!(unsafe { slice(event.peer, event.peer_len.into()) }, to);
            }
        }
        unsafe { walk_options(event) };
    }

    unsafe fn drain(&mut self) {
        unsafe {
            self.take_events();
            self.take_datagrams();
            // Whatever is due is done by one call; otherwise the caller's loop never sleeps.
            if self.timeout() == Some(0) {
                self.pass(0);
                self.take_events();
                self.take_datagrams();
                assert_ne!(self.timeout(), Some(0), "a timer that stays due");
            }
            self.check_usage();
        }
    }

    unsafe fn take_events(&mut self) {
        for round in 0.. {
            assert!(round < 1000, "events without end");
            unsafe {
                let mut event: mcoap_event = zeroed();
                if mcoap_endpoint_poll_event(self.endpoint, &mut event) == MCOAP_NOTHING {
                    break;
                }
                assert_ne!(event.kind, MCOAP_EVENT_NONE);
                self.see(&event);
            }
        }
    }

    unsafe fn take_datagrams(&mut self) {
        for round in 0.. {
            assert!(round < 1000, "datagrams without end");
            let (to, data, exchange) = unsafe {
                let mut datagram: mcoap_datagram = zeroed();
                if mcoap_endpoint_poll_transmit(self.endpoint, &mut datagram) == MCOAP_NOTHING {
                    break;
                }
                let to = slice(datagram.peer, datagram.peer_len);
                let data = slice(datagram.data, datagram.data_len).to_vec();
                (Peer::try_from(to).unwrap(), data, datagram.exchange)
            };
            assert!(data.len() <= self.parameters.max_message as usize);
            let message = MessageView::parse(&data).expect("a well-formed message");
            if exchange != 0 {
                // What has ended is not sent any more.
                let alive = self.exchanges.get_mut(&exchange);
                let (peer, token) = alive.expect("an exchange that is alive");
                assert_eq!(*peer, to);
                *token = Some(message.token());
            }
            self.sent.push((to, data));
        }
    }

    unsafe fn check_usage(&self) {
        unsafe {
            let mut stats: mcoap_stats = zeroed();
            mcoap_endpoint_stats(self.endpoint, &mut stats);
            assert_eq!(stats.exchanges_in_use as usize, self.exchanges.len());
            assert!(self.exchanges.len() <= EXCHANGES);
            assert!(stats.transmissions_in_use as usize <= TRANSMISSIONS);
            assert!(stats.deduplication_in_use as usize <= DEDUPLICATION);
            assert!(stats.requests_in_use as usize <= REQUESTS);
        }
    }

    /// With time, everything ends.
    unsafe fn wind_down(&mut self) {
        unsafe {
            for round in 0.. {
                assert!(round < 5000, "timers without end");
                let Some(milliseconds) = self.timeout() else {
                    break;
                };
                self.pass(milliseconds);
                self.drain();
            }
            assert!(self.exchanges.is_empty(), "an exchange that never ends");
            let mut stats: mcoap_stats = zeroed();
            mcoap_endpoint_stats(self.endpoint, &mut stats);
            assert_eq!(stats.transmissions_in_use, 0);
        }
    }
}

unsafe fn slice<'a>(start: *const u8, len: usize) -> &'a [u8] {
    if len == 0 {
        return &[];
    }
    unsafe { core::slice::from_raw_parts(start, len) }
}

unsafe fn walk_options(event: &mcoap_event) {
    unsafe {
        let mut cursor = mcoap_option_cursor {
            offset: 0,
            number: 0,
        };
        let (mut number, mut value, mut len) = (0, null(), 0);
        while mcoap_options_next(
            event.options,
            event.options_len,
            &mut cursor,
            &mut number,
            &mut value,
            &mut len,
        ) == MCOAP_OK
        {
            assert!(number <= 65535);
            slice(value, len)
                .iter()
                .for_each(|byte| assert!(*byte == core::hint::black_box(*byte)));
        }
        let mut query = [0; 16];
        let mut written = 0;
        mcoap_options_query(
            event.options,
            event.options_len,
            query.as_mut_ptr(),
            16,
            &mut written,
        );
    }
}
