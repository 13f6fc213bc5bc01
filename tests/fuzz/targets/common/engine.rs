// SPDX-License-Identifier: MIT
//! The C ABI behind slices.
//!
//! Every input lies in a block of its own, and every output is read at once and to its end, so that
//! AddressSanitizer sees what goes beyond.

use core::mem::zeroed;
use core::ptr::null_mut;

use microcoapy::Parameters;
use microcoapy::ffi::draft::*;
use microcoapy::ffi::endpoint::*;
use microcoapy::ffi::event::*;
use microcoapy::ffi::exchange::*;
use microcoapy::ffi::incoming::*;
use microcoapy::ffi::resource::*;
use microcoapy::ffi::security::*;
use microcoapy::ffi::state::*;
use microcoapy::ffi::{MCOAP_NOTHING, MCOAP_OK, mcoap_endpoint, mcoap_result};

use crate::reading;
use crate::security::Security;

/// One endpoint.
pub struct Engine {
    endpoint: *mut mcoap_endpoint,
    _memory: Vec<u64>,
    _resources: Box<[u8]>,
}

/// A copy of an `mcoap_event`.
pub struct Event {
    pub kind: u8,
    pub code: u8,
    pub id: u16,
    pub handle: u32,
    pub resource: u32,
    /// The number of the security context, or 0.
    pub security: u8,
    pub body: u32,
    pub offset: u32,
    pub token: Vec<u8>,
    pub peer: Vec<u8>,
    pub options: Vec<u8>,
    pub payload: Vec<u8>,
}

/// A copy of an `mcoap_datagram`.
pub struct Datagram {
    pub to: Vec<u8>,
    pub bytes: Vec<u8>,
    /// The exchange that it belongs to, or 0.
    pub exchange: u32,
}

/// An input in a block of its own.
pub(crate) fn exact(bytes: &[u8]) -> Box<[u8]> {
    bytes.into()
}

/// # Safety
/// `(start, len)` is readable, or `len` is 0.
pub unsafe fn slice<'a>(start: *const u8, len: usize) -> &'a [u8] {
    if len == 0 {
        return &[];
    }
    // SAFETY: the caller vouches.
    unsafe { core::slice::from_raw_parts(start, len) }
}

impl Event {
    /// `None`: nothing for the application.
    ///
    /// # Safety
    /// The engine has just written it, and what was handed in is still there.
    unsafe fn new(event: &mcoap_event) -> Option<Self> {
        // SAFETY: the caller vouches.
        let (peer, options, payload) = unsafe {
            (
                slice(event.peer, event.peer_len.into()),
                slice(event.options, event.options_len),
                slice(event.payload, event.payload_len),
            )
        };
        reading::options(&exact(options));
        let token = event.token[..event.token_len.into()].to_vec();
        assert!(event.token[token.len()..].iter().all(|&byte| byte == 0));
        (event.kind != MCOAP_EVENT_NONE).then(|| Self {
            kind: event.kind,
            code: event.code,
            id: event.message_id,
            handle: event.handle,
            resource: event.resource,
            security: event.security,
            body: event.body,
            offset: event.offset,
            token,
            peer: peer.to_vec(),
            options: options.to_vec(),
            payload: payload.to_vec(),
        })
    }
}

impl Engine {
    pub fn new(parameters: &Parameters, seed: [u8; MCOAP_SEED_LEN], resources_len: usize) -> Self {
        let mut endpoint = null_mut();
        // SAFETY: all pointers are those of values that are alive; the memory is kept with the endpoint.
        let memory = unsafe {
            let size = mcoap_endpoint_size(parameters);
            assert_ne!(size, 0);
            // Exactly as large as asked for.
            let mut memory = vec![0u64; size.div_ceil(8)];
            let made = mcoap_endpoint_init(
                memory.as_mut_ptr().cast(),
                size,
                parameters,
                seed.as_ptr(),
                seed.len(),
                &mut endpoint,
            );
            assert_eq!(made, MCOAP_OK);
            memory
        };
        let mut engine = Self {
            endpoint,
            _memory: memory,
            _resources: Box::default(),
        };
        assert!(engine.resource_memory(resources_len));
        engine
    }

    pub fn reset(&mut self) {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_endpoint_reset(self.endpoint) }
    }

    pub fn handle_datagram(
        &mut self,
        now: u32,
        from: &[u8],
        datagram: &[u8],
        multicast: bool,
    ) -> Option<Event> {
        let (from, mut datagram) = (exact(from), exact(datagram));
        // SAFETY: the inputs and the event are alive until the end of the block.
        unsafe {
            let mut event: mcoap_event = zeroed();
            let result = mcoap_endpoint_handle_datagram(
                self.endpoint,
                now,
                from.as_ptr(),
                from.len(),
                datagram.as_mut_ptr(),
                datagram.len(),
                multicast,
                &mut event,
            );
            assert_eq!(result, MCOAP_OK);
            Event::new(&event)
        }
    }

    pub fn handle_timeout(&mut self, now: u32) {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_endpoint_handle_timeout(self.endpoint, now) }
    }

    pub fn poll_event(&mut self, now: u32) -> Option<Event> {
        // SAFETY: the event points into the endpoint, which no call has changed since.
        unsafe {
            let mut event: mcoap_event = zeroed();
            match mcoap_endpoint_poll_event(self.endpoint, now, &mut event) {
                MCOAP_NOTHING => None,
                result => {
                    assert_eq!(result, MCOAP_OK);
                    assert_ne!(event.kind, MCOAP_EVENT_NONE);
                    Event::new(&event)
                }
            }
        }
    }

    pub fn poll_transmit(&mut self) -> Option<Datagram> {
        // SAFETY: the datagram points into the endpoint, which no call has changed since.
        unsafe {
            let mut datagram: mcoap_datagram = zeroed();
            match mcoap_endpoint_poll_transmit(self.endpoint, &mut datagram) {
                MCOAP_NOTHING => None,
                result => {
                    assert_eq!(result, MCOAP_OK);
                    Some(Datagram {
                        to: slice(datagram.peer, datagram.peer_len).to_vec(),
                        bytes: slice(datagram.data, datagram.data_len).to_vec(),
                        exchange: datagram.exchange,
                    })
                }
            }
        }
    }

    pub fn poll_timeout(&self, now: u32) -> Option<u32> {
        let mut milliseconds = 0;
        // SAFETY: the endpoint and the output are alive.
        let result = unsafe { mcoap_endpoint_poll_timeout(self.endpoint, now, &mut milliseconds) };
        assert!(result == MCOAP_OK || result == MCOAP_NOTHING);
        (result == MCOAP_OK).then_some(milliseconds)
    }

    pub fn stats(&self) -> mcoap_stats {
        // SAFETY: the endpoint and the output are alive; the numbers are valid as zeros.
        unsafe {
            let mut stats = zeroed();
            mcoap_endpoint_stats(self.endpoint, &mut stats);
            stats
        }
    }

    /// Places in use, but those of observations, which may wait for their program for ever.
    pub fn in_use(&self) -> [u32; 6] {
        let stats = self.stats();
        [
            stats.exchanges_in_use,
            stats.transmissions_in_use,
            stats.deduplication_in_use,
            stats.requests_in_use,
            stats.bodies_in_use,
            stats.observers_in_use,
        ]
    }

    pub fn knows_peer(&self, peer: &[u8]) -> bool {
        let peer = exact(peer);
        // SAFETY: the endpoint and the input are alive.
        unsafe { mcoap_endpoint_knows_peer(self.endpoint, peer.as_ptr(), peer.len()) }
    }

    pub fn is_busy(&self) -> bool {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_endpoint_is_busy(self.endpoint) }
    }

    pub fn block_size(&self) -> u32 {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_endpoint_block_size(self.endpoint) }
    }

    /// What outlives a restart.
    pub fn export(&self) -> Vec<u8> {
        // SAFETY: the endpoint is alive.
        let len = unsafe { mcoap_endpoint_export(self.endpoint, null_mut(), 0) };
        let export = |room: usize| {
            let mut out = vec![0xA5; room].into_boxed_slice();
            // SAFETY: the endpoint and the output are alive.
            let again = unsafe { mcoap_endpoint_export(self.endpoint, out.as_mut_ptr(), room) };
            assert_eq!(again, len);
            out.into_vec()
        };
        export(len / 2);
        export(len)
    }

    pub fn import(&mut self, now: u32, state: &[u8]) -> mcoap_result {
        let state = exact(state);
        // SAFETY: the endpoint and the input are alive.
        unsafe { mcoap_endpoint_import(self.endpoint, now, state.as_ptr(), state.len()) }
    }

    pub fn awaits_separate(&self) -> bool {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_endpoint_awaits_separate(self.endpoint) }
    }

    // ---- drafts ----

    /// Without a token: one is drawn from the entropy.
    pub fn exchange_begin(
        &mut self,
        kind: u8,
        code: u8,
        token: Option<&[u8]>,
        entropy: [u8; MCOAP_ENTROPY_LEN],
    ) -> mcoap_result {
        let token = token.map(exact);
        let (start, len) = token.as_ref().map_or((core::ptr::null(), 0), |token| {
            // Not null, even when it is empty.
            (token.as_ptr(), token.len())
        });
        // SAFETY: the endpoint and the inputs are alive.
        unsafe {
            mcoap_exchange_begin(
                self.endpoint,
                kind,
                code,
                start,
                len,
                entropy.as_ptr(),
                entropy.len(),
            )
        }
    }

    pub fn response_begin(&mut self, request: u32, kind: u8, code: u8) -> mcoap_result {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_response_begin(self.endpoint, request, kind, code) }
    }

    pub fn draft_add(&mut self, part: u32, bytes: &[u8]) -> mcoap_result {
        let bytes = exact(bytes);
        // SAFETY: the endpoint and the input are alive.
        unsafe { mcoap_draft_add(self.endpoint, part, bytes.as_ptr(), bytes.len()) }
    }

    pub fn draft_uint(&mut self, number: u32, value: u32) -> mcoap_result {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_draft_uint(self.endpoint, number, value) }
    }

    pub fn draft_understand(&mut self, number: u16) -> mcoap_result {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_draft_understand(self.endpoint, number) }
    }

    pub fn draft_protect(&mut self, context: u8) -> mcoap_result {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_draft_protect(self.endpoint, context) }
    }

    /// Offset and length of the part of the body that is to be added.
    pub fn draft_body(&mut self, total: u32, size: u32) -> Result<(u32, u32), mcoap_result> {
        let (mut offset, mut len) = (0, 0);
        // SAFETY: the endpoint and the outputs are alive.
        let result = unsafe { mcoap_draft_body(self.endpoint, total, size, &mut offset, &mut len) };
        if result == MCOAP_OK {
            Ok((offset, len))
        } else {
            Err(result)
        }
    }

    pub fn draft_block(&mut self, data: &[u8], more: bool) -> mcoap_result {
        let data = exact(data);
        // SAFETY: the endpoint and the input are alive.
        unsafe { mcoap_draft_block(self.endpoint, data.as_ptr(), data.len(), more) }
    }

    pub fn draft_want(&mut self, offset: u32, etag: &[u8], size: u32) -> mcoap_result {
        let etag = exact(etag);
        // SAFETY: the endpoint and the input are alive.
        unsafe { mcoap_draft_want(self.endpoint, offset, etag.as_ptr(), etag.len(), size) }
    }

    /// The exchange and the length of its first message.
    pub fn exchange_send(&mut self, now: u32, to: &[u8]) -> Result<(u32, usize), mcoap_result> {
        let to = exact(to);
        let (mut exchange, mut len, mut id) = (0, 0, 0);
        // SAFETY: the endpoint, the input and the outputs are alive.
        let result = unsafe {
            mcoap_exchange_send(
                self.endpoint,
                now,
                to.as_ptr(),
                to.len(),
                &mut exchange,
                &mut len,
                &mut id,
            )
        };
        if result == MCOAP_OK {
            Ok((exchange, len))
        } else {
            Err(result)
        }
    }

    /// The body that goes on, or 0.
    pub fn response_send(&mut self, now: u32) -> Result<u32, mcoap_result> {
        let (mut len, mut body) = (0, 0);
        // SAFETY: the endpoint and the outputs are alive.
        let result = unsafe { mcoap_response_send(self.endpoint, now, &mut len, &mut body) };
        if result == MCOAP_OK {
            assert!(len >= 4);
            Ok(body)
        } else {
            Err(result)
        }
    }

    // ---- exchanges ----

    pub fn exchange_cancel(&mut self, now: u32, exchange: u32) -> mcoap_result {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_exchange_cancel(self.endpoint, now, exchange) }
    }

    pub fn observation_cancel(&mut self, now: u32, exchange: u32) -> mcoap_result {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_observation_cancel(self.endpoint, now, exchange) }
    }

    pub fn exchange_limit(&mut self, now: u32, exchange: u32, milliseconds: u32) -> mcoap_result {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_exchange_limit(self.endpoint, now, exchange, milliseconds) }
    }

    pub fn exchange_continue(
        &mut self,
        now: u32,
        exchange: u32,
        entropy: [u8; MCOAP_ENTROPY_LEN],
    ) -> mcoap_result {
        // SAFETY: the endpoint and the input are alive.
        unsafe {
            mcoap_exchange_continue(
                self.endpoint,
                now,
                exchange,
                entropy.as_ptr(),
                entropy.len(),
            )
        }
    }

    /// Offset and length of the part of the body that is to be sent next.
    pub fn exchange_wanted(&mut self, exchange: u32) -> Result<(u32, u32), mcoap_result> {
        let (mut offset, mut len) = (0, 0);
        // SAFETY: the endpoint and the outputs are alive.
        let result =
            unsafe { mcoap_exchange_wanted(self.endpoint, exchange, &mut offset, &mut len) };
        if result == MCOAP_OK {
            Ok((offset, len))
        } else {
            Err(result)
        }
    }

    pub fn exchange_upload(
        &mut self,
        now: u32,
        exchange: u32,
        data: &[u8],
        more: bool,
    ) -> mcoap_result {
        let data = exact(data);
        // SAFETY: the endpoint and the input are alive.
        unsafe {
            mcoap_exchange_upload(
                self.endpoint,
                now,
                exchange,
                data.as_ptr(),
                data.len(),
                more,
            )
        }
    }

    // ---- requests of peers ----

    pub fn incoming_find(&self, peer: &[u8], id: u16, token: &[u8]) -> Result<u32, mcoap_result> {
        let (peer, token) = (exact(peer), exact(token));
        let mut request = 0;
        // SAFETY: the endpoint, the inputs and the output are alive.
        let result = unsafe {
            mcoap_incoming_find(
                self.endpoint,
                peer.as_ptr(),
                peer.len(),
                id.into(),
                token.as_ptr(),
                token.len(),
                &mut request,
            )
        };
        if result == MCOAP_OK {
            Ok(request)
        } else {
            Err(result)
        }
    }

    pub fn incoming_release(&mut self, request: u32) {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_incoming_release(self.endpoint, request) }
    }

    pub fn incoming_continue(&mut self, now: u32, request: u32) -> mcoap_result {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_incoming_continue(self.endpoint, now, request) }
    }

    pub fn body_alive(&self, body: u32) -> bool {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_body_alive(self.endpoint, body) }
    }

    // ---- resources ----

    /// Moves the table of paths into another block. False: it does not fit.
    pub fn resource_memory(&mut self, len: usize) -> bool {
        let mut memory = vec![0xA5; len].into_boxed_slice();
        // SAFETY: the endpoint is alive; the block is kept as long as it is used.
        let moved = unsafe { mcoap_resource_memory(self.endpoint, memory.as_mut_ptr(), len) };
        if moved == MCOAP_OK {
            self._resources = memory;
        }
        moved == MCOAP_OK
    }

    /// Serves a path: any method.
    pub fn serve(&mut self, path: &[u8], number: u32, flags: u32) {
        let resource = mcoap_resource {
            number,
            methods: 0xFE,
            flags,
            max_body: 0,
            interval_ms: 0,
            contexts: 0,
            understood: [0; MCOAP_UNDERSTOOD],
        };
        assert_eq!(self.resource_add(path, &resource), MCOAP_OK);
    }

    pub fn resource_add(&mut self, path: &[u8], resource: &mcoap_resource) -> mcoap_result {
        let path = exact(path);
        // SAFETY: the endpoint and the inputs are alive.
        unsafe { mcoap_resource_add(self.endpoint, path.as_ptr(), path.len(), resource) }
    }

    /// Without a value: the name alone.
    pub fn resource_attribute(
        &mut self,
        name: &[u8],
        value: Option<&[u8]>,
        quoted: bool,
    ) -> mcoap_result {
        let (name, value) = (exact(name), value.map(exact));
        let (start, len) = value.as_ref().map_or((core::ptr::null(), 0), |value| {
            // Not null, even when it is empty.
            (value.as_ptr(), value.len())
        });
        // SAFETY: the endpoint and the inputs are alive.
        unsafe {
            mcoap_resource_attribute(self.endpoint, name.as_ptr(), name.len(), start, len, quoted)
        }
    }

    pub fn resource_notify(&mut self, resource: u32) {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_resource_notify(self.endpoint, resource) }
    }

    pub fn resource_changed(&mut self) {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_resource_changed(self.endpoint) }
    }

    pub fn resource_clear(&mut self) {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_resource_clear(self.endpoint) }
    }

    // ---- security contexts ----

    /// The number that names the context, which must outlive the endpoint, or its removal.
    pub fn context_add(&mut self, context: &Security) -> Result<u8, mcoap_result> {
        let mut number = 0;
        // SAFETY: the endpoint and the output are alive, and the context as the caller sees to it.
        let result = unsafe { mcoap_security_add(self.endpoint, context.as_ptr(), &mut number) };
        if result == MCOAP_OK {
            Ok(number)
        } else {
            Err(result)
        }
    }

    pub fn context_remove(&mut self, now: u32, context: u8) {
        // SAFETY: the endpoint is alive.
        unsafe { mcoap_security_remove(self.endpoint, now, context) }
    }
}
