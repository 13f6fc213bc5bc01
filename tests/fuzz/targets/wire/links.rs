// SPDX-License-Identifier: MIT
//! Any bytes as a document of links, as a filter, as an attribute.

use microcoapy::wire::link_format::{self, Attributes, LinkView, Links, Value};

fn meaning(value: Value) -> Vec<u8> {
    let bytes: Vec<u8> = value.bytes().collect();
    assert_eq!(value.bytes().count(), bytes.len());
    let mut out = vec![0xA5; bytes.len() / 2 + 1];
    let len = value.copy_into(&mut out);
    assert_eq!(out[..len], bytes[..len]);
    assert_eq!(len, out.len().min(bytes.len()));
    bytes
}

/// Where a part lies in the whole.
fn offset_in(part: &[u8], whole: &[u8]) -> usize {
    part.as_ptr() as usize - whole.as_ptr() as usize
}

/// What is read is written and read again.
pub fn read(data: &[u8]) {
    let mut links = Links::resume(data, 0);
    let mut again = vec![];
    let mut last = 0;
    while let Some(link) = links.next() {
        assert!(offset_in(link.target, data) > last || last == 0);
        assert!(links.position() > last && links.position() <= data.len());
        last = links.position();
        if !again.is_empty() {
            again.push(b',');
        }
        rewrite(&link, &mut again);
    }
    assert_eq!(links.position(), last);
    assert_eq!(links.next(), None);
    let read_again: Vec<LinkView> = Links::resume(&again, 0).collect();
    let read: Vec<LinkView> = Links::resume(data, 0).collect();
    assert_eq!(read_again.len(), read.len());
    for (read, again) in read.iter().zip(read_again) {
        assert_eq!(read.target, again.target);
        assert!(meanings(read).eq(meanings(&again)));
    }
    resume(data);
}

fn meanings<'a>(link: &LinkView<'a>) -> impl Iterator<Item = (&'a [u8], Option<Vec<u8>>)> {
    Attributes::new(link.attributes).map(|attribute| (attribute.name, attribute.value.map(meaning)))
}

fn rewrite(link: &LinkView, out: &mut Vec<u8>) {
    out.push(b'<');
    out.extend_from_slice(link.target);
    out.push(b'>');
    for attribute in Attributes::new(link.attributes) {
        assert!(link_format::is_attribute_name(attribute.name));
        let bytes = attribute.value.map(|value| (meaning(value), value.quoted));
        let value = bytes.as_ref().map(|(bytes, quoted)| (&bytes[..], *quoted));
        let mut room = [0; 8192];
        let len = link_format::write_attribute(attribute.name, value, &mut room).unwrap();
        out.extend_from_slice(&room[..len]);
    }
}

/// From any offset, also one that was never given out.
fn resume(data: &[u8]) {
    let at = data.first().map_or(0, |&byte| usize::from(byte));
    let mut links = Links::resume(data, at);
    while links.next().is_some() {}
    let mut attributes = Attributes::resume(data, at);
    while attributes.next().is_some() {}
    assert!(attributes.position() <= data.len().max(at));
}

/// The part before the first line end filters the rest.
pub fn filter(data: &[u8]) {
    let end = data.iter().position(|&byte| byte == b'\n');
    let Some((filter, document)) = end.map(|end| (&data[..end], &data[end + 1..])) else {
        return;
    };
    for link in Links::resume(document, 0) {
        let passes = |filter: &[u8]| link_format::matches(link.target, link.attributes, filter);
        assert!(passes(b""));
        assert!(passes(&[b"href=", link.target].concat()) || has_pattern(link.target));
        assert!(passes(b"href=*"));
        for (index, (name, value)) in meanings(&link).enumerate() {
            assert!(passes(name));
            // RFC 8288 section 3.3: the first of several.
            let is_first = index == 0 || name != b"rel";
            let value = value.unwrap_or_default();
            if is_first && name != b"href" && !has_pattern(&value) && name_is_plain(name) {
                assert!(passes(&[name, b"=", &value].concat()));
                let start = &value[..value.len() / 2];
                assert!(passes(&[name, b"=", start, b"*"].concat()));
            }
        }
        // A longer pattern does not pass when a shorter one does not.
        if !passes(&[filter, b"*"].concat()) && filter.contains(&b'=') && !has_pattern(filter) {
            assert!(!passes(filter));
        }
    }
}

/// What a filter does not take as it is: wildcards, and quotes around it.
fn has_pattern(value: &[u8]) -> bool {
    value.contains(&b'*') || value.contains(&b'"')
}

fn name_is_plain(name: &[u8]) -> bool {
    !name.contains(&b'*') && !name.contains(&b'=')
}

/// A name, a separator, a value, into too little room and into enough.
pub fn write(data: &[u8]) {
    let [room, flags, rest @ ..] = data else {
        return;
    };
    let (name, value) = match rest.iter().position(|&byte| byte == b'=') {
        Some(at) => (&rest[..at], Some((&rest[at + 1..], flags & 1 != 0))),
        None => (rest, None),
    };
    if !link_format::is_attribute_name(name) {
        return;
    }
    let mut enough = vec![0xA5; 2 * rest.len() + 4];
    let len = link_format::write_attribute(name, value, &mut enough).unwrap();
    let mut little = vec![0xA5; usize::from(*room)];
    let fitted = link_format::write_attribute(name, value, &mut little);
    assert_eq!(fitted, (len <= little.len()).then_some(len));
    let shorter = len.min(little.len());
    assert_eq!(little[..shorter], enough[..shorter]);
    let mut attributes = Attributes::new(&enough[..len]);
    let read = attributes.next().unwrap();
    assert_eq!(read.name, name);
    assert_eq!(
        read.value.map(meaning),
        value.map(|(value, _)| value.to_vec())
    );
    assert_eq!((attributes.next(), attributes.position()), (None, len));
}
