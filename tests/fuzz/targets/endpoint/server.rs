// SPDX-License-Identifier: MIT
//! The program as a server: answers, and what is said about resources.

use microcoapy::ffi::event::{MCOAP_EVENT_UPLOAD, MCOAP_UNKNOWN};
use microcoapy::ffi::resource::mcoap_resource;
use microcoapy::ffi::{MCOAP_ERR_RANGE, MCOAP_ERR_STALE, MCOAP_OK};
use microcoapy::wire::code::Code;
use microcoapy::wire::option::OptionNumber;

use crate::world::{A, O, World};
use common::engine::Event;
use common::script::Script;

/// Milliseconds.
const INTERVALS: [u32; 4] = [0, 1000, 3_600_000, u32::MAX];

struct Answer {
    kind: u8,
    code: Code,
    /// Bytes of the body.
    len: u32,
    /// Bytes of a block at most.
    size: u32,
    says_len: bool,
    etag: Option<u8>,
    format: Option<u32>,
    max_age: Option<u32>,
}

impl World {
    /// The same as any program would.
    pub fn respond_eagerly(&mut self, event: &Event) {
        if event.kind == MCOAP_EVENT_UPLOAD {
            assert_eq!(self.welcome_next(event.handle), MCOAP_OK);
            return self.forget_request(event.handle);
        }
        let answer = Answer {
            kind: 0,
            code: Code::CONTENT,
            len: 200,
            size: 0,
            says_len: true,
            etag: Some(self.version),
            format: None,
            max_age: None,
        };
        self.respond(event.handle, &answer);
    }

    pub fn respond_to_one(&mut self, script: &mut Script) {
        let Some(request) = script.pick(&self.requests) else {
            return;
        };
        let (how, which) = (script.byte(), script.byte());
        let answer = Answer {
            kind: how & 1,
            code: if how & 2 == 0 {
                Code::CONTENT
            } else {
                Code(64 + which % 104)
            },
            len: u32::from(script.byte()) << (how >> 2 & 3),
            size: u32::from(which & 3) * 16,
            says_len: how & 16 != 0,
            etag: (how & 32 != 0).then_some(self.version),
            format: (how & 64 != 0).then_some(u32::from(which)),
            max_age: (how & 128 != 0).then(|| u32::from(script.byte()) * 300),
        };
        self.respond(request, &answer);
    }

    fn respond(&mut self, request: u32, answer: &Answer) {
        let code = answer.code.0;
        let begun = self.engine.response_begin(request, answer.kind, code);
        let (elapsed, lifetime) = (self.elapsed, self.lifetime());
        self.promises.check_begun(request, begun, elapsed, lifetime);
        if begun != MCOAP_OK {
            return;
        }
        let mut option = |number: OptionNumber, value: Option<u32>| {
            if let Some(value) = value {
                self.engine.draft_uint(number.0.into(), value);
            }
        };
        option(OptionNumber::CONTENT_FORMAT, answer.format);
        option(OptionNumber::MAX_AGE, answer.max_age);
        if let Some(etag) = answer.etag {
            self.engine
                .draft_add(OptionNumber::ETAG.0.into(), &[etag, 1]);
        }
        let total = if answer.says_len {
            answer.len
        } else {
            MCOAP_UNKNOWN
        };
        if let Ok((offset, size)) = self.engine.draft_body(total, answer.size) {
            let rest = answer.len.saturating_sub(offset);
            let part = vec![b'r'; rest.min(size) as usize];
            if self.engine.draft_block(&part, rest > size) == MCOAP_ERR_RANGE {
                assert!(offset >= answer.len);
                self.engine.response_begin(request, 0, Code::BAD_REQUEST.0);
            }
        }
        if let Ok(body) = self.engine.response_send(self.now) {
            assert!(body == 0 || self.engine.body_alive(body));
            self.promises.accept(request);
            self.forget_request(request);
        }
    }

    /// An answer for which there is no room is counted as dropped: the peer sends the block again.
    fn welcome_next(&mut self, request: u32) -> i32 {
        let before = self.engine.stats().counters.dropped;
        let result = self.engine.incoming_continue(self.now, request);
        if result == MCOAP_OK && self.engine.stats().counters.dropped == before {
            self.promises.accept(request);
        }
        result
    }

    /// It has been answered.
    fn forget_request(&mut self, request: u32) {
        self.requests.retain(|&other| other != request);
        let begun = self.engine.response_begin(request, 0, Code::CONTENT.0);
        assert_eq!(begun, MCOAP_ERR_STALE);
        let continued = self.engine.incoming_continue(self.now, request);
        assert_eq!(continued, MCOAP_ERR_STALE);
    }

    pub fn leave_request(&mut self, script: &mut Script) {
        let Some(request) = script.pick(&self.requests) else {
            return;
        };
        match script.byte() % 2 {
            0 => self.engine.incoming_release(request),
            // Also if it is no block that others follow.
            _ => {
                if self.welcome_next(request) == MCOAP_OK {
                    self.forget_request(request);
                }
            }
        }
    }

    pub fn change_resources(&mut self, script: &mut Script) {
        let how = script.byte();
        match how & 7 {
            0 => self.engine.resource_clear(),
            1 => {
                let resource = mcoap_resource {
                    number: 9,
                    methods: script.byte().into(),
                    flags: u32::from(script.byte() & 31),
                    max_body: if how & 8 == 0 { 0 } else { 4096 },
                    interval_ms: INTERVALS[usize::from(how >> 4 & 3)],
                    contexts: 0,
                    understood: [u16::from(script.byte()), 1, 5, 0],
                };
                self.largest_body = self.largest_body.max(resource.max_body);
                self.engine.resource_add(script.bytes(), &resource);
            }
            2 => {
                self.engine.resource_memory(usize::from(script.byte()) * 2);
            }
            3 => {
                let (name, value) = (script.bytes(), script.bytes());
                let value = (how & 8 == 0).then_some(value);
                self.engine.resource_attribute(name, value, how & 16 != 0);
            }
            4 => self.engine.resource_changed(),
            _ => {
                self.version = self.version.wrapping_add(1);
                self.engine.resource_notify(if how & 8 == 0 {
                    O
                } else {
                    A + u32::from(how >> 4 & 3)
                });
            }
        }
    }
}
