// SPDX-License-Identifier: MIT
//! Block-wise transfers, RFC 7959: bodies of all lengths in blocks of all sizes arrive as they are, once.

use crate::seed;
use crate::simulation::{Conditions, Context, Network, Program, lossy};
use microcoapy::Failure;
use microcoapy::Handle;
use microcoapy::Parameters;
use microcoapy::wire::block::{self, SZX_MAX};
use microcoapy::wire::code::Code;
use microcoapy::wire::header::MessageType;
use microcoapy::wire::option::OptionNumber;
use microcoapy::{Event, Part, Received};
use std::collections::HashMap;

/// Bytes of the bodies.
const LENGTHS: [usize; 7] = [0, 1, 16, 1023, 1024, 1025, 65_537];

/// How many blocks a handler takes or gives after its return, in percent.
const SEPARATE_PERCENT: u64 = 10;

/// No byte has the same neighbours within a block.
fn body_of(len: usize) -> Vec<u8> {
    (0..len).map(|n| (n ^ n >> 8) as u8).collect()
}

/// What is still to be said to a request.
#[derive(Clone, Copy)]
enum Owed {
    /// That the next block may come.
    Continue,
    /// That the whole body has come.
    Changed,
    /// The part of the body that is asked for.
    Content,
}

/// Sends or fetches one body, and serves who does.
#[derive(Default)]
struct Copier {
    body: Vec<u8>,
    /// As a server: bodies that are under way.
    uploads: HashMap<Handle, Vec<u8>>,
    /// As a server: bodies that have come.
    taken: Vec<Vec<u8>>,
    /// As a server: how often the last block was given.
    given: u32,
    owed: Vec<(u64, Handle, Owed)>,
    /// As a client: what has come of the body.
    fetched: Vec<u8>,
    /// As a client: how the exchange ended.
    ended: Vec<Result<Code, Failure>>,
}

impl Copier {
    /// Sends the body in blocks of at most `size` bytes.
    fn put(&mut self, context: &mut Context<'_>, kind: MessageType, size: u32) {
        let entropy = context.random.entropy();
        let endpoint = &mut *context.endpoint;
        endpoint
            .exchange_begin(kind, Code::PUT, None, entropy)
            .unwrap();
        endpoint.draft_add(Part::Path(b"r")).unwrap();
        let total = self.body.len() as u32;
        let (offset, len) = endpoint.draft_body(Some(total), size).unwrap();
        assert_eq!((offset, len), (0, size));
        let (part, more) = self.part(offset, len);
        endpoint.draft_block(part, more).unwrap();
        endpoint.exchange_send(&context.peer, context.now).unwrap();
    }

    /// Fetches the other host's body in blocks of at most `size` bytes.
    fn get(&mut self, context: &mut Context<'_>, kind: MessageType, size: u32) {
        let entropy = context.random.entropy();
        let endpoint = &mut *context.endpoint;
        endpoint
            .exchange_begin(kind, Code::GET, None, entropy)
            .unwrap();
        endpoint.draft_add(Part::Path(b"r")).unwrap();
        endpoint.draft_want(0, b"", size).unwrap();
        endpoint.exchange_send(&context.peer, context.now).unwrap();
    }

    /// A part of the body, and whether it goes on.
    fn part(&self, offset: u32, len: u32) -> (&[u8], bool) {
        let start = offset as usize;
        let end = (start + len as usize).min(self.body.len());
        (&self.body[start..end], end < self.body.len())
    }

    fn say(&mut self, context: &mut Context<'_>, request: Handle, owed: Owed) {
        match owed {
            Owed::Continue => {
                assert!(context.endpoint.incoming_continue(request, context.now));
                return;
            }
            Owed::Changed => context
                .endpoint
                .response_begin(request, true, Code::CHANGED)
                .unwrap(),
            Owed::Content => self.write_part(context, request),
        }
        context.endpoint.response_send(context.now).unwrap();
    }

    fn write_part(&mut self, context: &mut Context<'_>, request: Handle) {
        let endpoint = &mut *context.endpoint;
        endpoint
            .response_begin(request, true, Code::CONTENT)
            .unwrap();
        let etag = Part::Option(OptionNumber::ETAG, b"same");
        endpoint.draft_add(etag).unwrap();
        let (offset, len) = endpoint.draft_body(None, 0).unwrap();
        let (part, more) = self.part(offset, len);
        endpoint.draft_block(part, more).unwrap();
        self.given += u32::from(!more);
    }

    /// Takes a part of a body that the peer sends in; `body`: `None` if it is all of it.
    fn take(&mut self, body: Option<Handle>, offset: u32, part: &[u8], is_last: bool) {
        let Some(body) = body else {
            assert!(offset == 0 && is_last);
            return self.taken.push(part.to_vec());
        };
        let upload = self.uploads.entry(body).or_default();
        assert_eq!(upload.len(), offset as usize);
        upload.extend_from_slice(part);
        if is_last {
            let whole = self.uploads.remove(&body).unwrap();
            self.taken.push(whole);
        }
    }

    fn answer(&mut self, context: &mut Context<'_>, request: Handle, owed: Owed) {
        if context.random.percent(SEPARATE_PERCENT) {
            let due = context.time + context.random.below(3000);
            self.owed.push((due, request, owed));
        } else {
            self.say(context, request, owed);
        }
        context.endpoint.incoming_release(request);
    }

    /// Takes a part of the body that is fetched in.
    fn fetch(&mut self, offset: u32, part: &[u8]) {
        assert_eq!(self.fetched.len(), offset as usize);
        self.fetched.extend_from_slice(part);
    }
}

impl Program for Copier {
    fn receive(&mut self, context: &mut Context<'_>, received: &Received<'_>) {
        let (message, piece) = (&received.message, received.piece);
        let (payload, offset) = (message.payload(), piece.offset);
        match received.event {
            Event::Upload { request, .. } => {
                self.take(piece.body, offset, payload, false);
                self.answer(context, request, Owed::Continue);
            }
            Event::Request { request, .. } if message.code() == Code::PUT => {
                self.take(piece.body, offset, payload, true);
                self.answer(context, request, Owed::Changed);
            }
            Event::Request { request, .. } | Event::Download { request, .. } => {
                self.answer(context, request, Owed::Content);
            }
            Event::Wanted(exchange) => {
                let (start, len) = context.endpoint.exchange_wanted(exchange).unwrap();
                assert_eq!(start, offset);
                let (part, more) = self.part(start, len);
                context
                    .endpoint
                    .exchange_upload(exchange, part, more, context.now)
                    .unwrap();
            }
            Event::Block(exchange) => {
                self.fetch(offset, payload);
                let entropy = context.random.entropy();
                context
                    .endpoint
                    .exchange_continue(exchange, entropy, context.now)
                    .unwrap();
            }
            Event::Response(_) => {
                self.fetch(offset, payload);
                self.ended.push(Ok(message.code()));
            }
            other => panic!("nobody caused {other:?}"),
        }
    }

    fn fail(&mut self, _: &mut Context<'_>, _: Handle, failure: Failure) {
        self.ended.push(Err(failure));
    }

    fn wakes_at(&self) -> Option<u64> {
        self.owed.iter().map(|owed| owed.0).min()
    }

    fn wake(&mut self, context: &mut Context<'_>) {
        let time = context.time;
        let due: Vec<_> = self.owed.extract_if(.., |owed| owed.0 <= time).collect();
        for (_, request, owed) in due {
            self.say(context, request, owed);
        }
    }
}

/// Room for blocks of any size, and patience for thousands of them: whatever the profile has.
fn parameters() -> Parameters {
    Parameters {
        max_message: 1152,
        message_store: 4 * 1152,
        max_body: 1 << 17,
        max_retransmit: 10,
        probing_rate: 1_000_000,
        ..Default::default()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Upload,
    Download,
}

/// One transfer. False: it was given up for want of answers.
fn transfer(
    seed: u64,
    way: Way,
    kind: MessageType,
    szx: u8,
    len: usize,
    conditions: Conditions,
) -> bool {
    let size = block::size(szx);
    let sender = Copier {
        body: body_of(len),
        ..Default::default()
    };
    let programs = [sender, Copier::default()];
    let mut network = Network::new(seed, parameters(), conditions, 0, programs);
    let (sender, receiver, client) = match way {
        Way::Upload => (0, 1, 0),
        Way::Download => (0, 1, 1),
    };
    network.act(client, |program, context| match way {
        Way::Upload => program.put(context, kind, size),
        Way::Download => program.get(context, kind, size),
    });
    // Also what comes after the end changes nothing.
    network.run_out();
    let about = format!("{way:?} of {len} bytes, SZX {szx}, seed {seed}");
    for host in &network.hosts {
        assert_eq!(host.endpoint.usage(), Default::default(), "{about}");
        assert!(host.program.owed.is_empty());
    }
    let [sent, received] = [&network.hosts[sender], &network.hosts[receiver]];
    let (whole, times, arrived) = match way {
        Way::Upload => (
            Code::CHANGED,
            received.program.taken.len(),
            received.program.taken.first(),
        ),
        Way::Download => (
            Code::CONTENT,
            sent.program.given as usize,
            Some(&received.program.fetched),
        ),
    };
    assert!(times <= 1, "{about}: the handler completed {times} times");
    match network.hosts[client].program.ended[..] {
        [Ok(code)] => {
            assert_eq!((code, times), (whole, 1), "{about}");
            assert!(arrived == Some(&body_of(len)), "{about}");
            true
        }
        [Err(Failure::Timeout)] => false,
        ref other => panic!("{about}: {other:?}"),
    }
}

/// Transfers with several seeds until one is not given up; that of 4097 blocks is every other time.
fn transfer_at_last(first: u64, way: Way, szx: u8, len: usize) {
    let done = |seed| transfer(seed, way, MessageType::Confirmable, szx, len, lossy());
    assert!(
        (first..first + 100).any(done),
        "{way:?} of {len} bytes, SZX {szx}"
    );
}

#[test]
fn bodies_are_uploaded_exactly_once_on_a_bad_network() {
    let first = seed::of_test();
    for szx in 0..=SZX_MAX {
        for len in LENGTHS {
            transfer_at_last(first, Way::Upload, szx, len);
        }
    }
}

#[test]
fn bodies_are_downloaded_exactly_once_on_a_bad_network() {
    let first = seed::of_test();
    for szx in 0..=SZX_MAX {
        for len in LENGTHS {
            transfer_at_last(first, Way::Download, szx, len);
        }
    }
}

#[test]
fn without_loss_no_transfer_is_given_up() {
    let first = seed::of_test();
    for way in [Way::Upload, Way::Download] {
        for kind in [MessageType::Confirmable, MessageType::NonConfirmable] {
            for (number, len) in (0..).zip([0, 1, 15, 16, 17, 1023, 1024, 1025, 4099]) {
                let calm = Conditions {
                    loss_percent: 0,
                    duplication_percent: 50,
                    latency_ms: 1..1500,
                };
                let szx = (number % 7) as u8;
                assert!(
                    transfer(first + number, way, kind, szx, len, calm),
                    "{way:?} {kind:?} {len}"
                );
            }
        }
    }
}
