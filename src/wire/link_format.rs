// SPDX-License-Identifier: MIT
//! The CoRE Link Format, RFC 6690: reading and writing links, and the filter of section 4.1.
//!
//! A document is `</a>;rt="x y";obs,</b>`: links with attributes. What section 2 calls link-param
//! is here an attribute. Beyond its grammar, space is allowed around `,`, `;` and `=`, as RFC 8288
//! section 3 has it, line ends included.

use super::ip::split_once;
use super::writer::Writer;

/// One link of a document, borrowed from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkView<'a> {
    /// What stands between `<` and `>`. Not checked to be a URI reference; may be empty.
    pub target: &'a [u8],
    /// Encoded, for [`Attributes`]: from the first `;` to the last attribute's end, or empty.
    pub attributes: &'a [u8],
}

/// Walks the links of a document; ends at the first malformed one.
#[derive(Clone, Copy, Debug)]
pub struct Links<'a> {
    text: &'a [u8],
    offset: usize,
    malformed: bool,
}

impl<'a> Links<'a> {
    /// Goes on from what [`position`](Self::position) said about the same text; 0 is its beginning. `text` is a
    /// document, such as the payload of a response in Content-Format 40.
    pub fn resume(text: &'a [u8], offset: usize) -> Self {
        Links {
            text,
            offset,
            malformed: false,
        }
    }

    /// The offset in the text of the separator after the last link that was read.
    pub fn position(&self) -> usize {
        self.offset
    }

    /// Whether the walk ended at something else than the end of the text.
    pub fn is_malformed(&self) -> bool {
        self.malformed
    }

    /// The link at the start of `rest`, which is the end of the text; `None` when it is malformed.
    fn read(&mut self, rest: &'a [u8]) -> Option<LinkView<'a>> {
        // RFC 6690 section 2: link-value-list. Every link but the first has a comma before it.
        let rest = match rest {
            _ if self.offset == 0 => rest,
            [b',', rest @ ..] => skip_space(rest),
            _ => return None,
        };
        let (target, rest) = read_target(rest)?;
        let rest = skip_space(rest);
        let mut attributes = Attributes::new(rest);
        while attributes.next().is_some() {}
        let (attributes, rest) = rest.split_at_checked(attributes.offset)?;
        let rest = skip_space(rest);
        if !matches!(rest, [] | [b',', ..]) {
            return None;
        }
        self.offset = self.text.len() - rest.len();
        Some(LinkView { target, attributes })
    }
}

impl<'a> Iterator for Links<'a> {
    type Item = LinkView<'a>;

    fn next(&mut self) -> Option<LinkView<'a>> {
        let rest = skip_space(self.text.get(self.offset..)?);
        if rest.is_empty() {
            return None;
        }
        // The offset stays before a malformed link, so asking again gives the same answer.
        let link = self.read(rest);
        self.malformed = link.is_none();
        link
    }
}

/// One attribute of a link, borrowed from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AttributeView<'a> {
    /// What [`is_attribute_name`] accepts.
    pub name: &'a [u8],
    /// `None` for an attribute without `=`, such as `obs` of RFC 7641 section 6.
    pub value: Option<Value<'a>>,
}

/// Walks the encoded attributes of a link, such as `b";rt=\"x y\";obs"`.
///
/// Meant for [`LinkView::attributes`], all of which is well-formed; on any other bytes it ends
/// where no further attribute begins.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    text: &'a [u8],
    offset: usize,
}

impl<'a> Attributes<'a> {
    /// `text` begins with the `;` of the first attribute, or is empty.
    pub fn new(text: &'a [u8]) -> Self {
        Self::resume(text, 0)
    }

    /// Goes on from what [`position`](Self::position) said about the same text.
    pub fn resume(text: &'a [u8], offset: usize) -> Self {
        Attributes { text, offset }
    }

    /// The offset in the text of the end of the last attribute that was read.
    pub fn position(&self) -> usize {
        self.offset
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = AttributeView<'a>;

    // Never inlined: both the links and the filter walk attributes.
    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<AttributeView<'a>> {
        let [b';', rest @ ..] = skip_space(self.text.get(self.offset..)?) else {
            return None;
        };
        let rest = skip_space(rest);
        let (name, mut rest) = rest.split_at_checked(name_len(rest))?;
        if name.is_empty() {
            return None;
        }
        let mut value = None;
        if let [b'=', after @ ..] = skip_space(rest) {
            let (read, after) = read_value(skip_space(after))?;
            value = Some(read);
            rest = after;
        }
        self.offset = self.text.len() - rest.len();
        Some(AttributeView { name, value })
    }
}

/// An attribute's value as it stands in the document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Value<'a> {
    /// Without the double quotes around it, with the backslashes in it.
    pub raw: &'a [u8],
    /// Whether double quotes were around it, so that a backslash has a meaning.
    pub quoted: bool,
}

impl<'a> Value<'a> {
    /// What the value means: without the backslashes that quote a byte.
    pub fn bytes(&self) -> ValueBytes<'a> {
        ValueBytes {
            rest: self.raw,
            quoted: self.quoted,
        }
    }

    /// Writes the [`bytes`](Self::bytes), as many as `out` holds; returns how many.
    pub fn copy_into(&self, out: &mut [u8]) -> usize {
        let mut len = 0;
        for (to, from) in out.iter_mut().zip(self.bytes()) {
            *to = from;
            len += 1;
        }
        len
    }
}

/// The bytes a [`Value`] means.
#[derive(Clone, Copy, Debug)]
pub struct ValueBytes<'a> {
    rest: &'a [u8],
    quoted: bool,
}

impl Iterator for ValueBytes<'_> {
    type Item = u8;

    #[cfg_attr(target_os = "none", inline(never))]
    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = match self.rest {
            // RFC 2616 section 2.2: quoted-pair.
            [b'\\', byte, rest @ ..] if self.quoted => (byte, rest),
            [byte, rest @ ..] => (byte, rest),
            [] => return None,
        };
        self.rest = rest;
        Some(*byte)
    }
}

/// Without the space at its start.
#[cfg_attr(target_os = "none", inline(never))]
fn skip_space(mut text: &[u8]) -> &[u8] {
    // RFC 2616 section 2.2: LWS, of which RFC 8288 keeps space and tab.
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = text {
        text = rest;
    }
    text
}

/// What stands between the `<` at the start and the next `>`, and what after it.
fn read_target(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let [b'<', text @ ..] = text else { return None };
    // RFC 3986 appendix A: no URI reference has a "<", so that is where another link begins.
    let end = text.iter().position(|byte| matches!(byte, b'<' | b'>'))?;
    let (target, rest) = text.split_at_checked(end)?;
    Some((target, rest.strip_prefix(b">")?))
}

/// The value at the start, and what follows it; `None` when there is none.
fn read_value(text: &[u8]) -> Option<(Value<'_>, &[u8])> {
    let [b'"', inner @ ..] = text else {
        // RFC 6690 section 2: ptoken has at least one character.
        let (raw, rest) = text.split_at_checked(token_len(text))?;
        let quoted = false;
        return (!raw.is_empty()).then_some((Value { raw, quoted }, rest));
    };
    let mut len = 0;
    loop {
        // RFC 2616 section 2.2: quoted-string. Without its closing quote it is malformed.
        len += match inner.get(len)? {
            b'"' => break,
            b'\\' => 2,
            _ => 1,
        };
    }
    let (raw, rest) = inner.split_at_checked(len)?;
    let quoted = true;
    Some((Value { raw, quoted }, rest.get(1..)?))
}

/// How many bytes at the start are ptokenchar, RFC 6690 section 2.
fn token_len(text: &[u8]) -> usize {
    // Of the visible ASCII characters, all but the double quote, comma, semicolon and backslash.
    text.iter()
        .take_while(|byte| {
            matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b',' | b';' | b'\\')
        })
        .count()
}

/// How many bytes at the start are an attribute's name.
#[cfg_attr(target_os = "none", inline(never))]
fn name_len(text: &[u8]) -> usize {
    // RFC 5987 section 3.2.1: parmname consists of attr-char.
    let len = text
        .iter()
        .take_while(|byte| {
            matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'^'..=b'z' | b'|' | b'~')
                || matches!(byte, b'!' | b'#' | b'$' | b'&' | b'+' | b'-' | b'.')
        })
        .count();
    // RFC 6690 section 2: ext-name-star, such as "title*".
    let star = len > 0 && text.get(len) == Some(&b'*');
    len + usize::from(star)
}

/// Whether this is a parmname of RFC 6690 section 2, or one with a `*` behind it.
pub fn is_attribute_name(name: &[u8]) -> bool {
    !name.is_empty() && name_len(name) == name.len()
}

/// Writes `;name`, `;name=value` or `;name="va\"lue"` at the start of `out`.
///
/// Returns the length, or `None` when it does not fit. The name must be one
/// ([`is_attribute_name`]). The value comes with whether to quote it; one that cannot do without
/// quotes (empty, with a space...) gets them anyway, so whatever is written reads back the same.
pub fn write_attribute(name: &[u8], value: Option<(&[u8], bool)>, out: &mut [u8]) -> Option<usize> {
    let mut writer = Writer::new(out, 0);
    writer.byte(b';');
    writer.bytes(name);
    if let Some((value, quoted)) = value {
        writer.byte(b'=');
        if quoted || value.is_empty() || token_len(value) < value.len() {
            write_quoted(value, &mut writer);
        } else {
            writer.bytes(value);
        }
    }
    writer.finish()
}

fn write_quoted(value: &[u8], writer: &mut Writer) {
    writer.byte(b'"');
    for &byte in value {
        // RFC 2616 section 2.2: these two cannot stand in a quoted-string by themselves.
        if matches!(byte, b'"' | b'\\') {
            writer.byte(b'\\');
        }
        writer.byte(byte);
    }
    writer.byte(b'"');
}

/// Whether a link passes a filter, RFC 6690 section 4.1.
///
/// `target` and `attributes` are as in [`LinkView`]; `filter` is the value of one Uri-Query
/// option, so its percent-encoding is gone. A link passes several filters when it passes each.
///
/// - `name=value`: the attribute has this value; `href` is the target as the document has it.
/// - `name=value*`: the attribute's value begins so; `name=*` takes any value.
/// - `name`: the attribute is there, as with `name=*`. RFC 6690 gives this form no meaning.
/// - Empty: every link passes.
///
/// Double quotes around the filter's value, as some clients send them, are taken off. Names and
/// values are compared byte by byte. An attribute without a value has an empty one.
///
/// The values of `rt`, `if`, `rel`, `rev` and `ct` are lists: one of the items has to match, or
/// the whole value. Of several attributes with the name any may match, of several `rel` the first.
pub fn matches(target: &[u8], attributes: &[u8], filter: &[u8]) -> bool {
    if filter.is_empty() {
        return true;
    }
    let (name, text) = split_once(filter, b'=');
    let name = Pattern {
        text: name,
        is_prefix: false,
        by_item: true,
    };
    // RFC 6690 section 2: rel, rev, rt and if are relation-types, separated by spaces.
    // RFC 7252 section 7.2.1: so is ct.
    let is_list = name.matches(b"rt if ct rel rev", false);
    let pattern = Pattern::new(text.unwrap_or(b"*"), is_list);
    if name.matches(b"href", false) {
        return pattern.matches(target, false);
    }
    for attribute in Attributes::new(attributes) {
        if name.matches(attribute.name, false) {
            let found = match attribute.value {
                Some(value) => pattern.matches(value.raw, value.quoted),
                None => pattern.matches(&[], false),
            };
            // RFC 8288 section 3.3: any rel after the first is ignored.
            if found || name.matches(b"rel", false) {
                return found;
            }
        }
    }
    false
}

/// What a value, or a name, is compared with.
struct Pattern<'a> {
    text: &'a [u8],
    is_prefix: bool,
    /// Compared with the items between spaces, not with the value as a whole.
    by_item: bool,
}

impl<'a> Pattern<'a> {
    /// RFC 6690 section 4.1: query-pattern.
    fn new(text: &'a [u8], is_list: bool) -> Self {
        let text = match text {
            [b'"', inner @ .., b'"'] => inner,
            _ => text,
        };
        let (text, is_prefix) = match text {
            [prefix @ .., b'*'] => (prefix, true),
            _ => (text, false),
        };
        Pattern {
            text,
            is_prefix,
            // No item is empty or has a space, so such a pattern is about the whole value.
            by_item: is_list && !text.is_empty() && !text.contains(&b' '),
        }
    }

    /// Takes one pass over the value, which is given as in [`Value`].
    #[cfg_attr(target_os = "none", inline(never))]
    fn matches(&self, raw: &[u8], quoted: bool) -> bool {
        let mut rest = Some(self.text);
        for byte in (Value { raw, quoted }).bytes() {
            let is_end = self.by_item && byte == b' ';
            rest = match rest {
                Some([]) if is_end || self.is_prefix => return true,
                _ if is_end => Some(self.text),
                Some([first, after @ ..]) if *first == byte => Some(after),
                _ => None,
            };
        }
        rest == Some(&[])
    }
}

#[cfg(test)]
mod tests;
