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

    /// Its name here. `None`: it has not been added.
    #[must_use]
    pub fn name_of(&self, context: &SecurityContext) -> Option<ContextId> {
        let known = self
            .iter()
            .find(|(_, other)| core::ptr::eq(*other, context));
        known.map(|(id, _)| id)
    }

    /// Adds one that has not been added. `None`: no room.
    pub fn add(&mut self, context: &'m SecurityContext) -> Option<ContextId> {
        let (number, place) = (1..)
            .zip(&mut self.list)
            .find(|(_, place)| place.is_none())?;
        *place = Some(context);
        self.len.set(self.len.get() + 1);
        ContextId::from_number(number)
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

    /// The next one, behind `after`, that a request with this option may be for, RFC 8613 section 8.2 step 2: Recipient IDs
    /// may coincide.
    #[must_use]
    pub fn named_by(
        &self,
        option: &OscoreOption<'_>,
        after: Option<ContextId>,
    ) -> Option<(ContextId, &'m SecurityContext)> {
        let after = after.map_or(0, ContextId::number);
        self.iter()
            .find(|(id, context)| id.number() > after && context.is_named_by(option))
    }
}
