// SPDX-License-Identifier: MIT
//! `coap` and `coaps` URIs: decomposing (RFC 7252 section 6.4) and composing (6.5).
//!
//! Values that came from the network are opaque: they are percent-encoded for display, never
//! decoded.

use super::builder::{BuildError, MessageDraft, repeated_option_len};
use super::ip::{hex_value, parse_ipv4, parse_ipv6, split_once};
use super::option::{OptionNumber, Options};
use super::writer::Writer;

/// RFC 7252 section 6.1.
pub const COAP_PORT: u16 = 5683;
/// RFC 7252 section 6.2.
pub const COAPS_PORT: u16 = 5684;
/// RFC 7252 table 4: Uri-Host, Uri-Path and Uri-Query hold at most 255 bytes.
pub const SEGMENT_MAX: usize = 255;

/// Why a URI cannot be taken apart or put together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UriError {
    /// Neither `coap://` nor `coaps://`.
    Scheme,
    /// No host, user information, or not a host name or IP literal.
    Host,
    /// Not a number from 1 to 65535.
    Port,
    /// RFC 7252 section 6.4 step 4: a URI with a fragment is refused.
    Fragment,
    /// The path of a resource has none.
    Query,
    /// A `%` without two hexadecimal digits.
    PercentEncoding,
    /// A host, path segment or query argument of more than [`SEGMENT_MAX`] bytes.
    SegmentTooLong,
    /// The caller's buffer is full.
    NoSpace,
}

impl From<BuildError> for UriError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::TooLong => UriError::NoSpace,
            BuildError::OptionValue => UriError::SegmentTooLong,
        }
    }
}

/// A path segment, query argument or host name, still percent-encoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment<'a> {
    encoded: &'a [u8],
    lowercase: bool,
}

impl<'a> Segment<'a> {
    fn new(encoded: &'a [u8]) -> Self {
        Segment {
            encoded,
            lowercase: false,
        }
    }

    /// Bytes after decoding, at most [`SEGMENT_MAX`].
    pub fn decoded_len(&self) -> Result<usize, UriError> {
        let mut len = 0;
        for byte in self.decode() {
            byte?;
            len += 1;
        }
        if len > SEGMENT_MAX {
            return Err(UriError::SegmentTooLong);
        }
        Ok(len)
    }

    /// Writes the decoded bytes, as many as `out` holds.
    pub fn decode_into(&self, out: &mut [u8]) {
        for (to, from) in out.iter_mut().zip(self.decode().flatten()) {
            *to = from;
        }
    }

    fn decode(&self) -> Decode<'a> {
        Decode {
            rest: self.encoded,
            lowercase: self.lowercase,
        }
    }

    /// 1 for `.`, 2 for `..`, 0 for anything else. RFC 3986 section 6.2.2.2: `%2E` is a dot too.
    fn dots(&self) -> usize {
        let mut dots = 0;
        for byte in self.decode() {
            if byte != Ok(b'.') || dots == 2 {
                return 0;
            }
            dots += 1;
        }
        dots
    }
}

struct Decode<'a> {
    rest: &'a [u8],
    lowercase: bool,
}

impl Iterator for Decode<'_> {
    type Item = Result<u8, UriError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (&first, rest) = self.rest.split_first()?;
        // RFC 7252 section 6.4: a URI with a fragment is none of a resource.
        if first == b'#' {
            self.rest = &[];
            return Some(Err(UriError::Fragment));
        }
        if first != b'%' {
            self.rest = rest;
            // RFC 7252 section 6.4 step 5: a host becomes lower case before its percent-encodings
            // are converted.
            return Some(Ok(if self.lowercase {
                first.to_ascii_lowercase()
            } else {
                first
            }));
        }
        let decoded = match rest {
            [high, low, rest @ ..] => {
                self.rest = rest;
                hex_value(*high).zip(hex_value(*low))
            }
            _ => None,
        };
        if decoded.is_none() {
            self.rest = &[];
        }
        Some(
            decoded
                .map(|(high, low)| high << 4 | low)
                .ok_or(UriError::PercentEncoding),
        )
    }
}

/// Splits at the first `?`; a query that is present may be empty.
pub fn split_path_query(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    split_once(text, b'?')
}

/// The segments of a path, each one a Uri-Path option; one leading slash is optional.
///
/// `""` and `"/"` have no segments. `.` and `..` are resolved, so no segment decodes to them.
pub fn path_segments(path: &[u8]) -> Segments<'_> {
    Segments {
        rest: Some(path.strip_prefix(b"/").unwrap_or(path)),
        separator: b'/',
        any: false,
    }
}

/// The arguments of a query, each one a Uri-Query option (RFC 7252 section 6.4 step 9).
///
/// An empty query is one empty argument; a URI without a query has none, so do not call this for
/// it.
pub fn query_items(query: &[u8]) -> Segments<'_> {
    Segments {
        rest: Some(query),
        separator: b'&',
        any: false,
    }
}

/// Walks the segments of a path or the arguments of a query.
#[derive(Clone, Copy, Debug)]
pub struct Segments<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
    any: bool,
}

impl<'a> Segments<'a> {
    /// The text up to the next separator, and the dots of a dot segment.
    fn next_raw(&mut self) -> Option<(Segment<'a>, usize)> {
        let (part, rest) = split_once(self.rest?, self.separator);
        self.rest = rest;
        let segment = Segment::new(part);
        let is_path = self.separator == b'/';
        Some((segment, if is_path { segment.dots() } else { 0 }))
    }

    /// Whether a later `..` takes back the segment before these.
    fn take_back(mut self) -> bool {
        let mut depth = 1u32;
        while let Some((_, dots)) = self.next_raw() {
            match dots {
                0 => depth += 1,
                1 => {}
                _ => depth -= 1,
            }
            if depth == 0 {
                return true;
            }
        }
        false
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        while let Some((mut segment, dots)) = self.next_raw() {
            // RFC 7252 section 6.4 step 2 resolves the URI, which removes dot segments (RFC 3986
            // section 5.2.4); section 5.10.1: a Uri-Path option must not be "." or "..".
            if dots > 0 {
                // RFC 3986 section 5.2.4: at the end they leave a slash, that is an empty segment.
                segment = Segment::new(&[]);
            }
            let is_last = self.rest.is_none();
            if is_last && self.separator == b'/' && segment.encoded.is_empty() {
                // RFC 7252 section 6.4 step 8: a path that is a single slash has no Uri-Path
                // option.
                return self.any.then_some(segment);
            }
            if dots == 0 && !self.take_back() {
                self.any = true;
                return Some(segment);
            }
        }
        None
    }
}

/// Adds the Uri-Path and Uri-Query options of `b"a/b?x=1"`: all of them, or none and an error.
pub fn add_path_query(
    draft: &mut MessageDraft,
    buffer: &mut [u8],
    text: &[u8],
) -> Result<(), UriError> {
    let numbers = (OptionNumber::URI_PATH, OptionNumber::URI_QUERY);
    add_reference(draft, buffer, text, numbers)
}

/// Adds the Location-Path and Location-Query options of `b"a/b?x=1"`: all of them, or none and an error.
pub fn add_location(
    draft: &mut MessageDraft,
    buffer: &mut [u8],
    text: &[u8],
) -> Result<(), UriError> {
    let numbers = (OptionNumber::LOCATION_PATH, OptionNumber::LOCATION_QUERY);
    add_reference(draft, buffer, text, numbers)
}

fn add_reference(
    draft: &mut MessageDraft,
    buffer: &mut [u8],
    text: &[u8],
    (path_number, query_number): (OptionNumber, OptionNumber),
) -> Result<(), UriError> {
    let (path, query) = split_path_query(text);
    let spare = query.map_or(Ok(0), |query| encoded_len(query_items(query)))?;
    add_all(draft, buffer, path_number, path_segments(path), spare)?;
    let Some(query) = query else { return Ok(()) };
    add_all(draft, buffer, query_number, query_items(query), 0)
}

/// Adds the Uri-Query options of a query: all of them, or none and an error.
pub fn add_query(
    draft: &mut MessageDraft,
    buffer: &mut [u8],
    query: &[u8],
) -> Result<(), UriError> {
    let items = query_items(query);
    add_all(draft, buffer, OptionNumber::URI_QUERY, items, 0)
}

/// Bytes of these options, behind one whose number is nearly as high.
fn encoded_len(segments: Segments) -> Result<usize, UriError> {
    let mut len = 0;
    for segment in segments {
        len += repeated_option_len(segment.decoded_len()?);
    }
    Ok(len)
}

/// Fails also when `spare` further bytes would not fit.
fn add_all(
    draft: &mut MessageDraft,
    buffer: &mut [u8],
    number: OptionNumber,
    segments: Segments,
    spare: usize,
) -> Result<(), UriError> {
    let mut spare = spare + encoded_len(segments)?;
    for segment in segments {
        let len = segment.decoded_len()?;
        // What is left to do after this option is known exactly, so only the first one can fail.
        spare = spare.saturating_sub(repeated_option_len(len));
        segment.decode_into(draft.insert(buffer, number, len, spare)?);
    }
    Ok(())
}

/// A destination as a URI names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Host<'a> {
    /// An address in network byte order.
    Ipv4([u8; 4]),
    /// An address in network byte order.
    Ipv6([u8; 16]),
    /// 1 to [`SEGMENT_MAX`] bytes once decoded; it decodes to lower case.
    Name(Segment<'a>),
}

/// An absolute `coap` or `coaps` URI in its parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Uri<'a> {
    /// `coaps` rather than `coap`.
    pub secure: bool,
    /// Where the request goes.
    pub host: Host<'a>,
    /// 1 to 65535; the scheme's default when the URI has none.
    pub port: u16,
    /// Still percent-encoded; empty, or with its leading slash.
    pub path: &'a [u8],
    /// Still percent-encoded, without the question mark.
    pub query: Option<&'a [u8]>,
}

impl<'a> Uri<'a> {
    /// RFC 7252 section 6.4. Errors in path and query are left to [`add_path_query`].
    pub fn parse(text: &'a [u8]) -> Result<Self, UriError> {
        // RFC 7252 section 6.4 step 4.
        let (text, None) = split_once(text, b'#') else {
            return Err(UriError::Fragment);
        };
        let (scheme, Some(rest)) = split_once(text, b':') else {
            return Err(UriError::Scheme);
        };
        let secure = scheme.eq_ignore_ascii_case(b"coaps");
        if !secure && !scheme.eq_ignore_ascii_case(b"coap") {
            return Err(UriError::Scheme);
        }
        let rest = rest.strip_prefix(b"//").ok_or(UriError::Scheme)?;
        let (before_query, query) = split_path_query(rest);
        let (authority, _) = split_once(before_query, b'/');
        let path = before_query.get(authority.len()..).unwrap_or_default();
        let (host, port) = split_authority(authority)?;
        Ok(Uri {
            secure,
            host,
            port: parse_port(port)?.unwrap_or(default_port(secure)),
            path,
            query,
        })
    }
}

fn default_port(secure: bool) -> u16 {
    if secure { COAPS_PORT } else { COAP_PORT }
}

/// Host and the digits of the port.
fn split_authority(authority: &[u8]) -> Result<(Host<'_>, &[u8]), UriError> {
    if let Some(literal) = authority.strip_prefix(b"[") {
        let (address, Some(port)) = split_once(literal, b']') else {
            return Err(UriError::Host);
        };
        let address = parse_ipv6(address).ok_or(UriError::Host)?;
        return match split_once(port, b':') {
            ([], port) => Ok((Host::Ipv6(address), port.unwrap_or_default())),
            _ => Err(UriError::Host),
        };
    }
    let (name, port) = split_once(authority, b':');
    let host = match parse_ipv4(name) {
        Some(address) => Host::Ipv4(address),
        None => Host::Name(host_name(name)?),
    };
    Ok((host, port.unwrap_or_default()))
}

/// Whether the byte can be one of a host, as a name or as an address, possibly with a zone: no control character, no
/// space, and none that ends a host in a URI.
fn is_host_byte(byte: u8) -> bool {
    !matches!(byte, 0..=b' ' | 0x7F | b'/' | b'?' | b'#' | b'@')
}

/// Whether the text, not percent-encoded, can be a host.
#[must_use]
pub fn is_host(text: &[u8]) -> bool {
    text.iter().all(|&byte| is_host_byte(byte))
}

fn host_name(name: &[u8]) -> Result<Segment<'_>, UriError> {
    // RFC 3986 section 3.2.2: reg-name. It has no "@", so user information ends here too.
    if !name
        .iter()
        .all(|&byte| byte == b'%' || is_unreserved(byte) || is_sub_delim(byte))
    {
        return Err(UriError::Host);
    }
    let segment = Segment {
        encoded: name,
        lowercase: true,
    };
    if segment
        .decode()
        .any(|byte| byte.is_ok_and(|byte| !is_host_byte(byte)))
    {
        return Err(UriError::Host);
    }
    match segment.decoded_len()? {
        // RFC 7252 section 6.1: a URI with an empty host is invalid.
        0 => Err(UriError::Host),
        _ => Ok(segment),
    }
}

/// `None` when there are no digits: RFC 7252 section 6.1, an empty port is the default one.
fn parse_port(digits: &[u8]) -> Result<Option<u16>, UriError> {
    let mut port = None;
    for digit in digits {
        let digit = digit.checked_sub(b'0').filter(|&digit| digit <= 9);
        let value = digit.and_then(|digit| {
            port.unwrap_or(0u16)
                .checked_mul(10)?
                .checked_add(digit.into())
        });
        port = Some(value.ok_or(UriError::Port)?);
    }
    match port {
        Some(0) => Err(UriError::Port),
        port => Ok(port),
    }
}

/// RFC 3986 section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 section 2.2.
fn is_sub_delim(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
    )
}

fn write_encoded(writer: &mut Writer, byte: u8) {
    writer.byte(b'%');
    for digit in [byte >> 4, byte & 0x0F] {
        // RFC 3986 section 2.1: upper case digits.
        writer.byte(if digit < 10 {
            b'0' + digit
        } else {
            b'A' + digit - 10
        });
    }
}

/// The path of the Uri-Path options, percent-encoded; returns the length.
pub fn compose_path(options: Options, out: &mut [u8]) -> Result<usize, UriError> {
    let mut writer = Writer::new(out, 0);
    write_path(options, OptionNumber::URI_PATH, &mut writer);
    writer.finish().ok_or(UriError::NoSpace)
}

/// The path and query of the Location-Path and Location-Query options, percent-encoded (RFC 7252 section
/// 5.10.7); returns the length, 0 when there are no such options.
pub fn compose_location(options: Options, out: &mut [u8]) -> Result<usize, UriError> {
    let is_location = |number| {
        matches!(
            number,
            OptionNumber::LOCATION_PATH | OptionNumber::LOCATION_QUERY
        )
    };
    if !options.clone().any(|option| is_location(option.number)) {
        return Ok(0);
    }
    let mut writer = Writer::new(out, 0);
    write_path(options, OptionNumber::LOCATION_PATH, &mut writer);
    write_values(
        options,
        OptionNumber::LOCATION_QUERY,
        b'?',
        b'&',
        &mut writer,
    );
    writer.finish().ok_or(UriError::NoSpace)
}

fn write_path(options: Options, number: OptionNumber, writer: &mut Writer) {
    // RFC 7252 section 6.5 step 6.
    let paths = write_values(options, number, b'/', b'/', writer);
    // RFC 7252 section 6.5 step 7.
    if paths == 0 {
        writer.byte(b'/');
    }
}

/// Writes the values of all options with this number, percent-encoded; returns how many there are.
#[cfg_attr(target_os = "none", inline(never))]
fn write_values(
    options: Options,
    number: OptionNumber,
    first: u8,
    separator: u8,
    writer: &mut Writer,
) -> usize {
    let mut count = 0;
    for option in options.filter(|option| option.number == number) {
        writer.byte(if count == 0 { first } else { separator });
        count += 1;
        write_value(option.value, separator, writer);
    }
    count
}

/// Percent-encodes what a URI does not hold as it is, and the separator (`/` of a path, `&` of a query).
fn write_value(value: &[u8], separator: u8, writer: &mut Writer) {
    for &byte in value {
        let plain = match byte {
            b':' | b'@' => true,
            b'/' | b'?' => separator != b'/',
            _ => byte != separator && (is_unreserved(byte) || is_sub_delim(byte)),
        };
        if plain {
            writer.byte(byte);
        } else {
            write_encoded(writer, byte);
        }
    }
}

/// A segment of a path, RFC 7252 section 6.5 step 6, percent-encoded.
pub(crate) fn write_path_segment(segment: &[u8], writer: &mut Writer) {
    write_value(segment, b'/', writer);
}

#[cfg(test)]
mod tests;
