// SPDX-License-Identifier: MIT
//! The program as a server.

use common::engine::Event;
use microcoapy::ffi::event::*;
use microcoapy::ffi::{
    MCOAP_ERR_NO_SLOT, MCOAP_ERR_RANGE, MCOAP_ERR_STALE, MCOAP_ERR_TOO_LARGE, MCOAP_OK,
};
use microcoapy::wire::code::Code;
use microcoapy::wire::option::OptionNumber;

use crate::ask::Ask;
use crate::host::Owed;
use crate::world::World;

/// How long a program waits that has found no room, milliseconds.
const AGAIN_AFTER_MS: u64 = 500;

impl World {
    /// A request, or that a notification is asked for.
    pub fn serve(&mut self, host: usize, event: &Event, has_come: bool) {
        let ask = Ask::of(&event.options);
        if has_come && self.may_compare {
            self.check_repetition(host, event, ask);
        }
        let owed = match event.kind {
            MCOAP_EVENT_UPLOAD => {
                self.take_part(host, event);
                Owed::Continue
            }
            _ => Owed::Answer(ask.unwrap_or(Ask::new(0, 0, 0, 0))),
        };
        if let (MCOAP_EVENT_REQUEST, Some(ask)) = (event.kind, ask) {
            self.check_upload(host, event, &ask);
        }
        let delay = ask.and_then(|ask| ask.delay_ms());
        if ask.is_some_and(|ask| ask.is_never_answered()) {
            // Released, and that is all.
        } else if let Some(delay) = delay {
            let owed = (self.elapsed + delay, event.handle, owed);
            self.hosts[host].owed.push(owed);
        } else {
            self.say(host, event.handle, owed);
        }
        self.hosts[host].engine.incoming_release(event.handle);
    }

    /// RFC 7252 section 4.5: a message is handled once, and what has effects too.
    fn check_repetition(&mut self, host: usize, event: &Event, ask: Option<Ask>) {
        let (arrived, elapsed) = (&self.arrived, self.elapsed);
        let parameters = &self.parameters;
        let arrivals = &mut self.hosts[host].arrivals;
        arrivals.handle(arrived, parameters, elapsed);
        let is_whole = event.kind == MCOAP_EVENT_REQUEST && !Code(event.code).is_safe();
        if let Some(ask) = ask
            && is_whole
            && !self.network.has_touched(&event.token)
        {
            arrivals.handle(&ask.nonce, parameters, elapsed);
        }
    }

    /// A part of a body, which goes on.
    fn take_part(&mut self, host: usize, event: &Event) {
        let is_touched = self.network.has_touched(&event.token);
        let upload = self.hosts[host].uploads.entry(event.body).or_default();
        if event.offset == 0 {
            (upload.data, upload.is_void) = (vec![], false);
        }
        assert_eq!(upload.data.len(), event.offset as usize, "a gap");
        upload.data.extend(&event.payload);
        upload.is_void |= is_touched;
    }

    /// The body of a request is what was sent.
    fn check_upload(&mut self, host: usize, event: &Event, ask: &Ask) {
        let upload = self.hosts[host].uploads.remove(&event.body);
        let mut upload = upload.unwrap_or_default();
        assert_eq!(upload.data.len(), event.offset as usize, "a gap");
        upload.data.extend(&event.payload);
        let is_void = upload.is_void || self.network.has_touched(&event.token);
        // The rest of a response is asked for without the payload.
        if !is_void && Code(event.code) != Code::GET {
            assert_eq!(upload.data, ask.upload(), "not what was sent");
        }
    }

    /// What the program owes by now.
    pub fn say_due(&mut self, host: usize) {
        let elapsed = self.elapsed;
        let owed = &mut self.hosts[host].owed;
        let due: Vec<_> = owed.extract_if(.., |owed| owed.0 <= elapsed).collect();
        for (_, request, owed) in due {
            self.say(host, request, owed);
        }
    }

    fn say(&mut self, host: usize, request: u32, owed: Owed) {
        let now = self.now();
        let result = match owed {
            Owed::Continue => self.hosts[host].engine.incoming_continue(now, request),
            Owed::Answer(ask) => self.answer(host, request, &ask),
        };
        match result {
            // Nobody waits for it any more, or the endpoint says 5.00 instead: the store is full of what stays.
            MCOAP_OK | MCOAP_ERR_STALE | MCOAP_ERR_TOO_LARGE => {}
            MCOAP_ERR_NO_SLOT => {
                let again = self.elapsed + AGAIN_AFTER_MS;
                self.hosts[host].owed.push((again, request, owed));
            }
            other => panic!("{other} to an answer"),
        }
    }

    fn answer(&mut self, host: usize, request: u32, ask: &Ask) -> i32 {
        let now = self.now();
        let host = &mut self.hosts[host];
        let (stamp, engine) = ((host.life, host.version), &mut host.engine);
        let code = match ask.is_error() {
            true => Code::NOT_FOUND,
            false => Code::CONTENT,
        };
        let kind = u8::from(!ask.is_confirmable());
        let begun = engine.response_begin(request, kind, code.0);
        if begun != MCOAP_OK {
            return begun;
        }
        let [high, low] = stamp.1.to_be_bytes();
        let etag = OptionNumber::ETAG.0.into();
        let added = engine.draft_add(etag, &[stamp.0, high, low]);
        if added != MCOAP_OK {
            return added;
        }
        let body = ask.answer(stamp);
        let (offset, len) = match engine.draft_body(body.len() as u32, 0) {
            Ok(part) => part,
            Err(error) => return error,
        };
        let rest = body.get(offset as usize..).unwrap_or_default();
        let part = &rest[..rest.len().min(len as usize)];
        match engine.draft_block(part, part.len() < rest.len()) {
            MCOAP_OK => {}
            // There is no such block: who asks was changed on the way.
            MCOAP_ERR_RANGE => {
                engine.response_begin(request, kind, Code::BAD_REQUEST.0);
            }
            error => return error,
        }
        engine.response_send(now).err().unwrap_or(MCOAP_OK)
    }
}
