// SPDX-License-Identifier: MIT
//! Which paths exist, and with which methods.
//!
//! The table is bytes in memory that the caller gives and can replace by a larger block, so it is as
//! large as its paths and no larger. A record: length of the rest (2 bytes), resource number (4),
//! methods (1), then each path segment as its length (1) and its bytes.

use crate::wire::code::Code;
use crate::wire::option::{OptionNumber, Options};
use crate::wire::uri::{self, UriError};

const HEAD: usize = 7;

/// Why a path was not added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddError {
    /// The path is malformed.
    Path(UriError),
    /// The memory is full: give a larger block.
    Memory,
}

/// What is known about a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resource {
    /// The number that it was added with.
    pub number: u32,
    /// Bit n: method code 0.n is allowed.
    pub methods: u8,
}

impl Resource {
    /// Whether the resource takes this method.
    #[must_use]
    pub fn allows(&self, method: Code) -> bool {
        method.0 < 8 && self.methods >> method.0 & 1 == 1
    }
}

/// The paths of one endpoint.
#[derive(Default)]
pub struct Resources<'m> {
    memory: &'m mut [u8],
    used: usize,
}

impl<'m> Resources<'m> {
    /// Moves the table into another block of memory. False: it does not fit, and stays where it is.
    pub fn move_to(&mut self, memory: &'m mut [u8]) -> bool {
        let (Some(from), Some(to)) = (self.memory.get(..self.used), memory.get_mut(..self.used))
        else {
            return false;
        };
        to.copy_from_slice(from);
        self.memory = memory;
        true
    }

    /// Adds a path such as `b"a/b"`, percent-encoded, a leading slash allowed. A path that is there
    /// already gets the new number and methods.
    pub fn add(&mut self, path: &[u8], methods: u8, number: u32) -> Result<(), AddError> {
        let free = self.memory.get_mut(self.used..).unwrap_or_default();
        let len = write_record(free, path, methods, number)?;
        let (old, new) = self
            .memory
            .split_at_mut_checked(self.used)
            .ok_or(AddError::Memory)?;
        let new = new.get(..len).ok_or(AddError::Memory)?;
        if let Some(found) = find_same(old, new) {
            let head = old.get_mut(found..found + HEAD).ok_or(AddError::Memory)?;
            head.copy_from_slice(new.get(..HEAD).ok_or(AddError::Memory)?);
        } else {
            self.used += len;
        }
        Ok(())
    }

    /// The resource that the Uri-Path options of a request name.
    #[must_use]
    pub fn find(&self, options: Options<'_>) -> Option<Resource> {
        let options = from_uri_path(options);
        let mut rest = self.memory.get(..self.used)?;
        while let Some((record, tail)) = split_record(rest) {
            if let Some((resource, path)) = read_head(record)
                && path_equals(path, options)
            {
                return Some(resource);
            }
            rest = tail;
        }
        None
    }

    /// Forgets all paths.
    pub fn clear(&mut self) {
        self.used = 0;
    }
}

/// Writes a record at the start of `out`; gives its length.
fn write_record(out: &mut [u8], path: &[u8], methods: u8, number: u32) -> Result<usize, AddError> {
    let mut len = HEAD;
    // The path is checked to its end even when the memory is full, so that a malformed one is never
    // answered with a request for more memory.
    let mut full = false;
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
    let (Some(head), false) = (out.get_mut(..HEAD), full) else {
        return Err(AddError::Memory);
    };
    let [n0, n1, n2, n3] = number.to_be_bytes();
    let [l0, l1] = rest.to_be_bytes();
    head.copy_from_slice(&[l0, l1, n0, n1, n2, n3, methods]);
    Ok(len)
}

/// Where in `table` a record with the same path starts.
fn find_same(table: &[u8], record: &[u8]) -> Option<usize> {
    let path = record.get(HEAD..)?;
    let mut offset = 0;
    while let Some((candidate, _)) = split_record(table.get(offset..)?) {
        if candidate.get(HEAD..) == Some(path) {
            return Some(offset);
        }
        offset += candidate.len();
    }
    None
}

/// The first record (with its length bytes) and what follows it.
fn split_record(table: &[u8]) -> Option<(&[u8], &[u8])> {
    let [l0, l1, ..] = table else { return None };
    table.split_at_checked(2 + usize::from(u16::from_be_bytes([*l0, *l1])))
}

fn read_head(record: &[u8]) -> Option<(Resource, &[u8])> {
    let [_, _, n0, n1, n2, n3, methods, path @ ..] = record else {
        return None;
    };
    Some((
        Resource {
            number: u32::from_be_bytes([*n0, *n1, *n2, *n3]),
            methods: *methods,
        },
        path,
    ))
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
    for option in options.take_while(|option| option.number == OptionNumber::URI_PATH) {
        let Some((&len, tail)) = path.split_first() else {
            return false;
        };
        let Some((segment, rest)) = tail.split_at_checked(usize::from(len)) else {
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
        let mut memory = [0; 128];
        let mut table = Resources::default();
        assert!(table.move_to(&mut memory));
        table.add(b"", 0xFE, 1).unwrap();
        table.add(b"/a/b", 0xFE, 2).unwrap();
        table.add(b"a", 0xFE, 3).unwrap();
        table.add(b"a%2Fb", 0xFE, 4).unwrap();
        table.add(b"a/", 0xFE, 5).unwrap();
        assert_eq!(find(&table, &[]), Some(1));
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
        let mut memory = [0; 64];
        let mut table = Resources::default();
        assert!(table.move_to(&mut memory));
        table.add(b"a", 0b10, 1).unwrap();
        table.add(b"b", 0b10, 2).unwrap();
        let used = table.used;
        table.add(b"/a", 0b100, 3).unwrap();
        assert_eq!(table.used, used);
        let resource = table.find(Options::new(&path(&[b"a"]))).unwrap();
        assert_eq!(
            resource,
            Resource {
                number: 3,
                methods: 0b100
            }
        );
        assert!(resource.allows(Code(2)) && !resource.allows(Code(1)) && !resource.allows(Code(9)));
    }

    #[test]
    fn a_full_table_grows_by_moving() {
        let mut small = [0; 12];
        let mut large = [0; 64];
        let mut table = Resources::default();
        assert_eq!(table.add(b"a", 0xFE, 1), Err(AddError::Memory));
        assert!(table.move_to(&mut small));
        table.add(b"a", 0xFE, 1).unwrap();
        assert_eq!(table.add(b"bb", 0xFE, 2), Err(AddError::Memory));
        assert!(
            matches!(table.add(b"%zz", 0xFE, 2), Err(AddError::Path(_))),
            "also when full"
        );
        assert_eq!(find(&table, &[b"a"]), Some(1));
        assert!(!table.move_to(&mut []));
        assert!(table.move_to(&mut large));
        table.add(b"bb", 0xFE, 2).unwrap();
        assert_eq!(find(&table, &[b"a"]), Some(1));
        assert_eq!(find(&table, &[b"bb"]), Some(2));
    }
}
