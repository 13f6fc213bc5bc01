// SPDX-License-Identifier: MIT
//! Which paths exist, and with which methods.
//!
//! The table is bytes in memory that the caller gives and can replace by a larger block, so it is as
//! large as its paths and no larger. A record: length of the rest (2 bytes), resource number (4),
//! methods (1), flags (1), longest body (4), interval of notifications (4), critical options understood (2 each),
//! with OSCORE the contexts that are admitted (4), length of the path (2); the path, each segment as its length (1) and
//! its bytes; the link's attributes as RFC 6690 writes them.

use crate::config::{ATTRIBUTES, OSCORE, UNDERSTOOD_IN_REQUESTS};
use crate::oscore::Protected;
use crate::wire::code::Code;
use crate::wire::link_format;
use crate::wire::option::{OptionNumber, Options, Understood};
use crate::wire::uri::{self, UriError};
use crate::wire::writer::Writer;

/// What stands before the contexts.
const FIXED: usize = 16 + 2 * UNDERSTOOD_IN_REQUESTS;
const HEAD: usize = FIXED + if OSCORE { 4 } else { 0 } + 2;

/// Peers may observe the resource, RFC 7641; its link says `obs`.
pub const OBSERVABLE: u8 = 1;
/// Notifications are non-confirmable, as far as RFC 7641 section 4.5 allows.
pub const NON_CONFIRMABLE: u8 = 2;
/// Requests must carry a fresh Echo value, RFC 9175 section 2.
pub const FRESH: u8 = 4;
/// `/.well-known/core` does not name it.
pub const HIDDEN: u8 = 8;

/// Why a path was not added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddError {
    /// The path is malformed.
    Path(UriError),
    /// The name of an attribute is none.
    Name,
    /// The memory is full: give a larger block.
    Memory,
}

/// What is known about a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Resource {
    /// The number that it was added with.
    pub number: u32,
    /// Bit n: method code 0.n is allowed.
    pub methods: u8,
    /// [`OBSERVABLE`] and the others.
    pub flags: u8,
    /// Bytes of the largest body that is put together from blocks; 0: the endpoint's limit.
    pub max_body: u32,
    /// Between two notifications to an observer, milliseconds.
    pub interval_ms: u32,
    /// What its handler deals with itself.
    pub understood: Understood<UNDERSTOOD_IN_REQUESTS>,
    /// Bit n - 1: a request may be protected by the context with number n; any bit: it must be protected.
    pub contexts: u32,
}

impl Resource {
    /// Whether the resource takes this method.
    #[must_use]
    pub fn allows(&self, method: Code) -> bool {
        method.0 < 8 && self.methods >> method.0 & 1 == 1
    }

    /// Whether a request that is protected so, or not, is admitted.
    pub fn admits(&self, protected: Protected) -> Result<(), Code> {
        if !OSCORE || self.contexts == 0 {
            return Ok(());
        }
        let context = protected.get().context.ok_or(Code::UNAUTHORIZED)?;
        let is_among = self.contexts >> (context.number() - 1) & 1 == 1;
        is_among.then_some(()).ok_or(Code::FORBIDDEN)
    }

    /// Whether a flag is set.
    #[must_use]
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// A record, taken apart but for its head: of most of them only the path is looked at.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    head: &'a [u8; HEAD],
    path: &'a [u8],
    attributes: &'a [u8],
}

/// The paths of one endpoint.
#[derive(Default)]
pub struct Resources<'m> {
    /// `None`: none was given yet.
    memory: Option<&'m mut [u8]>,
    used: usize,
    /// Where the record that was added last starts.
    last: usize,
}

impl<'m> Resources<'m> {
    /// Moves the table into another block of memory. False: it does not fit, and stays where it is.
    pub fn move_to(&mut self, memory: &'m mut [u8]) -> bool {
        let from = self.table();
        let Some(to) = memory.get_mut(..from.len()) else {
            return false;
        };
        to.copy_from_slice(from);
        self.memory = Some(memory);
        true
    }

    fn table(&self) -> &[u8] {
        let memory = self.memory.as_deref().unwrap_or_default();
        memory.get(..self.used).unwrap_or_default()
    }

    fn memory_mut(&mut self) -> &mut [u8] {
        self.memory.as_deref_mut().unwrap_or_default()
    }

    /// Adds a path such as `b"a/b"`, percent-encoded, a leading slash allowed, in place of the same path if
    /// that is there already.
    pub fn add(&mut self, path: &[u8], resource: &Resource) -> Result<(), AddError> {
        let used = self.used;
        let free = self.memory_mut().get_mut(used..).unwrap_or_default();
        let room = free.len();
        let len = write_record(free, path, resource)?;
        let observable = ATTRIBUTES && resource.has(OBSERVABLE);
        let protected = OSCORE && ATTRIBUTES && resource.contexts != 0;
        let attributes = usize::from(observable) + usize::from(protected);
        if room - len < attributes * b";obs".len() {
            return Err(AddError::Memory);
        }
        let (old, new) = self
            .memory_mut()
            .split_at_mut_checked(used)
            .ok_or(AddError::Memory)?;
        let new = new.get(..len).ok_or(AddError::Memory)?;
        let same = find_same(old, new);
        self.last = used;
        if let Some((at, len_of_old)) = same {
            let rest = self.memory_mut().get_mut(at..used + len);
            crate::list::move_down(rest.unwrap_or_default(), len_of_old);
            self.last -= len_of_old;
        }
        self.used = self.last + len;
        if observable {
            self.add_attribute(b"obs", None)?;
        }
        if protected {
            self.add_attribute(b"osc", None)?;
        }
        Ok(())
    }

    /// Adds an attribute, such as `rt`, to the link of the resource that was added last; a value, and whether
    /// it is to be quoted.
    pub fn add_attribute(
        &mut self,
        name: &[u8],
        value: Option<(&[u8], bool)>,
    ) -> Result<(), AddError> {
        // Nor is there a link without a resource.
        if !link_format::is_attribute_name(name) || self.is_empty() {
            return Err(AddError::Name);
        }
        let used = self.used;
        let free = self.memory_mut().get_mut(used..).unwrap_or_default();
        let len = link_format::write_attribute(name, value, free).ok_or(AddError::Memory)?;
        let rest = self.used + len - self.last - 2;
        let rest = u16::try_from(rest).map_err(|_| AddError::Memory)?;
        let last = self.last;
        let record = self.memory_mut().get_mut(last..);
        let field = record.and_then(<[u8]>::first_chunk_mut);
        *field.ok_or(AddError::Memory)? = rest.to_be_bytes();
        self.used += len;
        Ok(())
    }

    /// Whether there are no paths.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    fn records(&self) -> Records<'_> {
        Records { rest: self.table() }
    }

    /// A number that changes when the table does.
    #[must_use]
    pub fn fingerprint(&self) -> u32 {
        let mut hash = crate::hash::Hash::new();
        let table = self.table();
        table.iter().for_each(|&byte| hash.byte(byte));
        hash.finish()
    }

    /// The resource that the Uri-Path options of a request name.
    #[must_use]
    pub fn find(&self, options: Options<'_>) -> Option<Resource> {
        let options = from_uri_path(options);
        let mut records = self.records();
        let found = records.find(|record| path_equals(record.path, options))?;
        Some(found.resource())
    }

    /// The path that was added with this number.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Option<Record<'_>> {
        self.records()
            .find(|record| record.resource().number == number)
    }

    /// Whether the resource that the options name gives one of the formats that `accept` asks for: its link
    /// has no attribute `ct`, or one that holds the number (RFC 7252 section 7.2.1).
    #[must_use]
    pub fn gives_format(&self, options: Options<'_>, accept: u16) -> bool {
        let options = from_uri_path(options);
        let mut records = self.records();
        let Some(record) = records.find(|record| path_equals(record.path, options)) else {
            return true;
        };
        let mut filter = *b"ct=     ";
        let mut writer = Writer::new(&mut filter, 3);
        writer.decimal(accept);
        let len = writer.finish().unwrap_or_default();
        !link_format::matches(b"", record.attributes, b"ct")
            || link_format::matches(
                b"",
                record.attributes,
                filter.get(..len).unwrap_or_default(),
            )
    }

    /// Writes the document of `/.well-known/core`, RFC 6690 section 4, from byte `offset` on, as much as
    /// fits; gives the length of the whole document. `query`: a request's options, whose Uri-Query filters.
    pub fn write_links(&self, query: Options<'_>, offset: usize, out: &mut [u8]) -> usize {
        let mut writer = Writer::window(out, offset);
        let mut is_first = true;
        for record in self.records() {
            if record.resource().has(HIDDEN) || !record.is_asked_for(query) {
                continue;
            }
            writer.bytes(if is_first { b"<" } else { b",<" });
            is_first = false;
            record.write_target(&mut writer);
            writer.byte(b'>');
            writer.bytes(record.attributes);
        }
        writer.position()
    }

    /// Forgets all paths.
    pub fn clear(&mut self) {
        self.used = 0;
        self.last = 0;
    }
}

impl Record<'_> {
    /// What is known about the path.
    #[must_use]
    pub fn resource(&self) -> Resource {
        let Some((fixed, rest)) = self.head.split_first_chunk::<FIXED>() else {
            return Resource::default();
        };
        let contexts = rest.first_chunk().filter(|_| OSCORE);
        let [
            _,
            _,
            n0,
            n1,
            n2,
            n3,
            methods,
            flags,
            b0,
            b1,
            b2,
            b3,
            i0,
            i1,
            i2,
            i3,
            u0,
            u1,
            u2,
            u3,
            u4,
            u5,
            u6,
            u7,
        ] = *fixed;
        Resource {
            number: u32::from_be_bytes([n0, n1, n2, n3]),
            methods,
            flags,
            max_body: u32::from_be_bytes([b0, b1, b2, b3]),
            interval_ms: u32::from_be_bytes([i0, i1, i2, i3]),
            understood: Understood::new([
                u16::from_be_bytes([u0, u1]),
                u16::from_be_bytes([u2, u3]),
                u16::from_be_bytes([u4, u5]),
                u16::from_be_bytes([u6, u7]),
            ]),
            contexts: contexts.map_or(0, |&bytes| u32::from_be_bytes(bytes)),
        }
    }

    /// Whether the Uri-Path options of a request name it.
    #[must_use]
    pub fn is_named_by(&self, options: Options<'_>) -> bool {
        path_equals(self.path, from_uri_path(options))
    }

    /// RFC 6690 section 4.1; several filters must all match.
    fn is_asked_for(&self, query: Options<'_>) -> bool {
        let mut filters = query.filter(|option| option.number == OptionNumber::URI_QUERY);
        filters.all(|filter| match filter.value.strip_prefix(b"href=") {
            Some(target) => self.has_target(target),
            None => link_format::matches(b"", self.attributes, filter.value),
        })
    }

    fn has_target(&self, wanted: &[u8]) -> bool {
        let (wanted, is_prefix) = match wanted.strip_suffix(b"*") {
            Some(prefix) => (prefix, true),
            None => (wanted, false),
        };
        let mut chunk = [0; 32];
        let mut at = 0;
        loop {
            let mut writer = Writer::window(&mut chunk, at);
            self.write_target(&mut writer);
            let len = writer.position();
            if len < wanted.len() || len > wanted.len() && !is_prefix {
                return false;
            }
            let Some(rest) = wanted.get(at..).filter(|rest| !rest.is_empty()) else {
                return true;
            };
            if chunk.iter().zip(rest).any(|(a, b)| a != b) {
                return false;
            }
            at += chunk.len();
        }
    }

    /// RFC 7252 section 6.5 steps 6 and 7.
    fn write_target(&self, writer: &mut Writer<'_>) {
        if self.path.is_empty() {
            writer.byte(b'/');
        }
        let mut path = self.path;
        while let Some((segment, rest)) = split_segment(path) {
            writer.byte(b'/');
            uri::write_path_segment(segment, writer);
            path = rest;
        }
    }
}

/// Writes a record without attributes at the start of `out`; gives its length.
#[expect(
    clippy::manual_contains,
    reason = "contains() is made for long slices, and large"
)]
fn write_record(out: &mut [u8], path: &[u8], resource: &Resource) -> Result<usize, AddError> {
    let mut len = HEAD;
    // The path is checked to its end even when the memory is full, so that a malformed one is never
    // answered with a request for more memory.
    let mut full = false;
    if path.iter().any(|&byte| byte == b'?') {
        return Err(AddError::Path(UriError::Query));
    }
    for segment in uri::path_segments(path) {
        let size = segment.decoded_len().map_err(AddError::Path)?;
        match out.get_mut(len..len + 1 + size) {
            Some([size_byte, value @ ..]) => {
                *size_byte = size as u8;
                segment.decode_into(value);
            }
            _ => full = true,
        }
        len += 1 + size;
    }
    let rest = u16::try_from(len - 2).map_err(|_| AddError::Memory)?;
    let (Some(head), false) = (out.first_chunk_mut::<HEAD>(), full) else {
        return Err(AddError::Memory);
    };
    let mut writer = Writer::new(head, 0);
    writer.bytes(&rest.to_be_bytes());
    writer.bytes(&resource.number.to_be_bytes());
    writer.bytes(&[resource.methods, resource.flags]);
    writer.bytes(&resource.max_body.to_be_bytes());
    writer.bytes(&resource.interval_ms.to_be_bytes());
    for number in resource.understood.numbers() {
        writer.bytes(&number.to_be_bytes());
    }
    if OSCORE {
        writer.bytes(&resource.contexts.to_be_bytes());
    }
    writer.bytes(&(rest - (HEAD as u16 - 2)).to_be_bytes());
    Ok(len)
}

/// Where in `table` a record with the same path starts, and its length.
fn find_same(table: &[u8], record: &[u8]) -> Option<(usize, usize)> {
    let path = Records { rest: record }.next()?.path;
    let mut records = Records { rest: table };
    loop {
        let at = table.len() - records.rest.len();
        if records.next()?.path == path {
            return Some((at, table.len() - records.rest.len() - at));
        }
    }
}

/// Walks the records of a table.
struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<Record<'a>> {
        let (head, tail) = self.rest.split_first_chunk::<HEAD>()?;
        let [l0, l1, .., p0, p1] = *head;
        let rest_len = usize::from(u16::from_be_bytes([l0, l1])) + 2;
        let (rest, next) = tail.split_at_checked(rest_len.checked_sub(HEAD)?)?;
        let path_len = usize::from(u16::from_be_bytes([p0, p1]));
        let (path, attributes) = rest.split_at_checked(path_len)?;
        self.rest = next;
        Some(Record {
            head,
            path,
            attributes,
        })
    }
}

/// The first segment of a path and what follows it.
fn split_segment(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&len, tail) = path.split_first()?;
    tail.split_at_checked(usize::from(len))
}

/// Skips the options before the first Uri-Path, once for all resources: a request may have very many.
fn from_uri_path(mut options: Options<'_>) -> Options<'_> {
    loop {
        let before = options;
        match options.next() {
            Some(option) if option.number < OptionNumber::URI_PATH => {}
            _ => return before,
        }
    }
}

/// RFC 7252 section 5.10.1: each Uri-Path option is one segment, compared byte by byte.
fn path_equals(mut path: &[u8], options: Options<'_>) -> bool {
    let mut segments = options.take_while(|option| option.number == OptionNumber::URI_PATH);
    if path.is_empty() {
        // RFC 7252 section 6.5: a single empty segment is composed to "/", as no segment is.
        let first = segments.next();
        return first.is_none_or(|o| o.value.is_empty()) && segments.next().is_none();
    }
    for option in segments {
        let Some((segment, rest)) = split_segment(path) else {
            return false;
        };
        if segment != option.value {
            return false;
        }
        path = rest;
    }
    path.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(number: u32, methods: u8) -> Resource {
        Resource {
            number,
            methods,
            ..Default::default()
        }
    }

    /// Encoded Uri-Path options.
    fn path(segments: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, segment) in segments.iter().enumerate() {
            assert!(segment.len() < 13);
            bytes.push(if index == 0 { 0xB0 } else { 0 } | segment.len() as u8);
            bytes.extend_from_slice(segment);
        }
        bytes
    }

    fn find(table: &Resources, segments: &[&[u8]]) -> Option<u32> {
        table
            .find(Options::new(&path(segments)))
            .map(|resource| resource.number)
    }

    #[test]
    fn paths_are_found_segment_by_segment() {
        let mut memory = [0; 256];
        let mut table = Resources::default();
        assert!(table.move_to(&mut memory));
        table.add(b"", &resource(1, 0xFE)).unwrap();
        table.add(b"/a/b", &resource(2, 0xFE)).unwrap();
        table.add(b"a", &resource(3, 0xFE)).unwrap();
        table.add(b"a%2Fb", &resource(4, 0xFE)).unwrap();
        table.add(b"a/", &resource(5, 0xFE)).unwrap();
        assert_eq!(find(&table, &[]), Some(1));
        assert_eq!(find(&table, &[b""]), Some(1), "both are /");
        assert_eq!(find(&table, &[b"", b""]), None);
        assert_eq!(find(&table, &[b"a", b"b"]), Some(2));
        assert_eq!(find(&table, &[b"a"]), Some(3));
        assert_eq!(find(&table, &[b"a/b"]), Some(4));
        assert_eq!(find(&table, &[b"a", b""]), Some(5));
        assert_eq!(find(&table, &[b"a", b"b", b"c"]), None);
        assert_eq!(find(&table, &[b"A"]), None);
        assert_eq!(find(&table, &[b"a%2Fb"]), None, "never decoded twice");
    }

    #[test]
    fn a_path_added_twice_is_replaced() {
        let mut memory = [0; 96];
        let mut table = Resources::default();
        assert!(table.move_to(&mut memory));
        table.add(b"a", &resource(1, 0b10)).unwrap();
        table.add(b"b", &resource(2, 0b10)).unwrap();
        let used = table.used;
        let understands = Resource {
            understood: Understood::new([1, 5, 0xFFFF, 0]),
            ..resource(3, 0b100)
        };
        table.add(b"/a", &understands).unwrap();
        assert_eq!(table.used, used);
        let found = table.find(Options::new(&path(&[b"a"]))).unwrap();
        assert_eq!(found, understands);
        assert!(found.allows(Code(2)) && !found.allows(Code(1)) && !found.allows(Code(9)));
    }

    #[test]
    fn a_full_table_grows_by_moving() {
        let mut small = [0; 36];
        let mut large = [0; 72];
        let mut table = Resources::default();
        assert_eq!(table.add(b"a", &resource(1, 0xFE)), Err(AddError::Memory));
        assert!(table.move_to(&mut small));
        table.add(b"a", &resource(1, 0xFE)).unwrap();
        assert_eq!(table.add(b"bb", &resource(2, 0xFE)), Err(AddError::Memory));
        assert!(
            matches!(
                table.add(b"%zz", &resource(2, 0xFE)),
                Err(AddError::Path(_))
            ),
            "also when full"
        );
        assert_eq!(find(&table, &[b"a"]), Some(1));
        assert!(!table.move_to(&mut []));
        assert!(table.move_to(&mut large));
        table.add(b"bb", &resource(2, 0xFE)).unwrap();
        assert_eq!(find(&table, &[b"a"]), Some(1));
        assert_eq!(find(&table, &[b"bb"]), Some(2));
        for (path, error) in [
            (&b"q?x=1"[..], UriError::Query),
            (b"a#b", UriError::Fragment),
        ] {
            assert_eq!(
                table.add(path, &resource(3, 0xFE)),
                Err(AddError::Path(error))
            );
        }
    }
}
