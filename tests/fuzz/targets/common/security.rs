// SPDX-License-Identifier: MIT
//! Security contexts, behind slices.

use core::ptr::{null, null_mut};

use microcoapy::ffi::MCOAP_OK;
use microcoapy::ffi::security::*;

use crate::engine::exact;

/// What a context is derived from.
pub struct Source {
    pub secret: &'static [u8],
    pub salt: &'static [u8],
    pub sender_id: &'static [u8],
    pub recipient_id: &'static [u8],
    pub id_context: Option<&'static [u8]>,
}

/// A security context. Its memory goes with it.
pub struct Security {
    security: *mut mcoap_security,
    _memory: Vec<u64>,
}

impl Security {
    /// `first`: the number that was stored last. `None`: there are no more.
    pub fn new(source: &Source, first: u64) -> Option<Self> {
        let parts = [
            source.secret,
            source.salt,
            source.sender_id,
            source.recipient_id,
            source.id_context.unwrap_or_default(),
        ];
        let [secret, salt, sender_id, recipient_id, id_context] = parts.map(exact);
        let given = mcoap_security_source {
            secret: secret.as_ptr(),
            salt: salt.as_ptr(),
            sender_id: sender_id.as_ptr(),
            recipient_id: recipient_id.as_ptr(),
            id_context: source.id_context.map_or(null(), |_| id_context.as_ptr()),
            secret_len: secret.len(),
            salt_len: salt.len(),
            sender_id_len: sender_id.len(),
            recipient_id_len: recipient_id.len(),
            id_context_len: id_context.len(),
            first,
        };
        let size = mcoap_security_size();
        // Exactly as large as asked for.
        let mut memory = vec![0u64; size.div_ceil(8)];
        let mut security = null_mut();
        // SAFETY: the inputs and the output are alive; the memory is kept with the context.
        let made =
            unsafe { mcoap_security_init(memory.as_mut_ptr().cast(), size, &given, &mut security) };
        (made == MCOAP_OK).then_some(Self {
            security,
            _memory: memory,
        })
    }

    pub(crate) fn as_ptr(&self) -> *const mcoap_security {
        self.security
    }

    pub fn left(&self) -> u32 {
        // SAFETY: the context is alive.
        unsafe { mcoap_security_left(self.security) }
    }

    /// What is to be stored to reserve so many more numbers.
    pub fn reservable(&self, count: u32) -> Option<u64> {
        let mut number = 0;
        // SAFETY: the context and the output are alive.
        let result = unsafe { mcoap_security_reservable(self.security, count, &mut number) };
        (result == MCOAP_OK).then_some(number)
    }

    pub fn reserve(&self, number: u64) {
        // SAFETY: the context and the input are alive.
        let result = unsafe { mcoap_security_reserve(self.security, &number) };
        assert_eq!(result, MCOAP_OK);
    }

    pub fn close(&self) {
        // SAFETY: the context is alive.
        unsafe { mcoap_security_close(self.security) }
    }
}
