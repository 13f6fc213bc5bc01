// SPDX-License-Identifier: MIT
//! The security contexts of an endpoint.

use super::context::SecurityContext;
use super::option::OscoreOption;
use crate::config::{CONTEXTS, OSCORE};
use crate::when::When;
use core::num::NonZeroU8;

/// Names a security context of an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct ContextId(NonZeroU8);

impl ContextId {
    /// From a number that names one, or none with 0.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        NonZeroU8::new(number).map(Self)
    }

    /// Its number, from 1 on.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0.get()
    }

    fn index(self) -> usize {
        usize::from(self.0.get()) - 1
    }
}

/// Why a context is not made known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddError {
    /// No room.
    Full,
    /// Its requests could not be told from those to another one: both have the same Recipient ID and ID Context.
    Ambiguous,
}

/// Those that an endpoint knows.
#[derive(Default)]
pub struct Contexts<'m> {
    list: [Option<&'m SecurityContext>; CONTEXTS],
    /// How many there are.
    len: When<{ OSCORE as usize }, u8>,
}

/// As `ffi/placement.rs` wants it: all zeros are none.
const _: fn(Contexts<'_>) = |Contexts { list: _, len: _ }| {};

impl<'m> Contexts<'m> {
    fn iter(&self) -> impl Iterator<Item = (ContextId, &'m SecurityContext)> {
        let numbered = (1..).zip(&self.list);
        numbered.filter_map(|(number, place)| Some((ContextId::from_number(number)?, (*place)?)))
    }

    /// Adds one, or finds it.
    pub fn add(&mut self, context: &'m SecurityContext) -> Result<ContextId, AddError> {
        for (id, other) in self.iter() {
            if core::ptr::eq(other, context) {
                return Ok(id);
            }
            if other.recipient_id() == context.recipient_id()
                && other.id_context() == context.id_context()
                && !other.is_closed()
            {
                return Err(AddError::Ambiguous);
            }
        }
        for (number, place) in (1..).zip(&mut self.list) {
            if place.is_none() {
                *place = Some(context);
                self.len.set(self.len.get() + 1);
                return ContextId::from_number(number).ok_or(AddError::Full);
            }
        }
        Err(AddError::Full)
    }

    /// Forgets one.
    pub fn remove(&mut self, id: ContextId) {
        let place = self.list.get_mut(id.index());
        if place.and_then(Option::take).is_some() {
            self.len.set(self.len.get() - 1);
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len.get() == 0
    }

    /// The one with this name, unless it is closed.
    #[must_use]
    pub fn get(&self, id: ContextId) -> Option<&'m SecurityContext> {
        let context = self.list.get(id.index()).copied().flatten();
        context.filter(|context| !context.is_closed())
    }

    /// The one that a request with this option is for, RFC 8613 section 8.2 step 2.
    #[must_use]
    pub fn named_by(&self, option: &OscoreOption<'_>) -> Option<(ContextId, &'m SecurityContext)> {
        let mut found = None;
        for (id, context) in self.iter().filter(|(_, c)| c.is_named_by(option)) {
            let is_exact = context.id_context() == option.kid_context;
            if is_exact || found.is_none() {
                found = Some((id, context));
            }
        }
        found
    }
}
