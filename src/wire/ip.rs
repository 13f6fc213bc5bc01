// SPDX-License-Identifier: MIT
//! IP addresses as text: RFC 3986 section 3.2.2 to read, RFC 5952 to write.

use super::writer::Writer;
use core::ops::Range;

const FAMILY_IPV4: u8 = 4;
const FAMILY_IPV6: u8 = 6;

/// Room for the longest text of an address, in bytes.
pub const TEXT_MAX: usize = 46;

/// Whether a peer address, as [`peer_from_text`] makes it, names a group: 224.0.0.0/4 or ff00::/8.
pub fn is_multicast(peer: &[u8]) -> bool {
    match peer {
        [FAMILY_IPV4, first, ..] => first >> 4 == 0xE,
        [FAMILY_IPV6, first, ..] => cfg!(feature = "ipv6") && *first == 0xFF,
        _ => false,
    }
}

/// Whether a peer address has the form that [`peer_from_text`] makes.
pub fn is_peer(peer: &[u8]) -> bool {
    match peer.first() {
        Some(&FAMILY_IPV4) => peer.len() == 1 + 4 + 2,
        Some(&FAMILY_IPV6) => cfg!(feature = "ipv6") && peer.len() == 1 + 16 + 2,
        _ => false,
    }
}

/// The value of a hexadecimal digit.
pub(super) fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The hexadecimal digit of the low four bits of `value`.
fn hex_digit(value: u16) -> u8 {
    match value as u8 & 0x0F {
        decimal @ 0..=9 => b'0' + decimal,
        letter => b'a' + letter - 10,
    }
}

/// What stands before the first `byte`, and what after it.
#[cfg_attr(target_os = "none", inline(never))]
pub(super) fn split_once(text: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    let end = text.iter().position(|&b| b == byte).unwrap_or(text.len());
    match text.split_at_checked(end) {
        Some((before, after)) => (before, after.get(1..)),
        None => (text, None),
    }
}

/// Four decimal numbers without leading zeros, as RFC 3986's `dec-octet`.
pub fn parse_ipv4(text: &[u8]) -> Option<[u8; 4]> {
    let mut address = [0; 4];
    let mut rest = Some(text);
    for octet in &mut address {
        let (part, after) = split_once(rest?, b'.');
        *octet = decimal_octet(part)?;
        rest = after;
    }
    rest.is_none().then_some(address)
}

fn decimal_octet(digits: &[u8]) -> Option<u8> {
    if digits.is_empty() || digits.len() > 1 && digits.starts_with(b"0") {
        return None;
    }
    digits.iter().try_fold(0u8, |value, &digit| {
        let digit = digit.checked_sub(b'0').filter(|&digit| digit <= 9)?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// Eight groups, `::` for some of them, the last two perhaps as an IPv4 address; no zone, no
/// brackets.
pub fn parse_ipv6(text: &[u8]) -> Option<[u8; 16]> {
    if !cfg!(feature = "ipv6") {
        return None;
    }
    let mut bytes = [0; 16];
    let mut writer = Writer::new(&mut bytes, 0);
    let mut gap = None;
    let mut rest = Some(text);
    if let Some(after) = text.strip_prefix(b"::") {
        gap = Some(0);
        rest = (!after.is_empty()).then_some(after);
    }
    while let Some(groups) = rest {
        let (group, after) = split_once(groups, b':');
        rest = after;
        let filled = writer.finish()?;
        if group.is_empty() {
            // Between two colons. The other places with nothing around a colon are malformed.
            if gap.is_some() || filled == 0 || after.is_none() {
                return None;
            }
            gap = Some(filled);
            rest = after.filter(|after| !after.is_empty());
        } else if let Some(value) = hex_group(group) {
            writer.bytes(&value.to_be_bytes());
        } else if after.is_none() {
            writer.bytes(&parse_ipv4(group)?);
        } else {
            return None;
        }
    }
    let filled = writer.finish()?;
    spread(bytes, gap, filled)
}

fn hex_group(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || digits.len() > 4 {
        return None;
    }
    digits.iter().try_fold(0, |value, &digit| {
        Some(value << 4 | u16::from(hex_value(digit)?))
    })
}

/// Puts zeros where `::` stood, at `gap`: what was read after it goes to the end of the address.
fn spread(bytes: [u8; 16], gap: Option<usize>, filled: usize) -> Option<[u8; 16]> {
    // "::" stands for at least one group, and without it all eight are there.
    if gap.is_some() == (filled == bytes.len()) {
        return None;
    }
    let mut address = [0; 16];
    let (head, tail) = bytes
        .get(..filled)?
        .split_at_checked(gap.unwrap_or(filled))?;
    for (to, from) in address.iter_mut().zip(head) {
        *to = *from;
    }
    for (to, from) in address.iter_mut().rev().zip(tail.iter().rev()) {
        *to = *from;
    }
    Some(address)
}

/// An IPv6 address may stand in brackets.
fn without_brackets(text: &[u8]) -> &[u8] {
    let inner = text.strip_prefix(b"[");
    inner
        .and_then(|text| text.strip_suffix(b"]"))
        .unwrap_or(text)
}

/// Whether this is an IPv4 address, or an IPv6 address with or without brackets. Without IPv6, all with a
/// colon is taken for one.
pub fn is_literal(host: &[u8]) -> bool {
    parse_ipv4(host).is_some()
        || is_ipv6(host)
        // No host name has a colon, RFC 3986 section 3.2.2.
        || !cfg!(feature = "ipv6") && host.contains(&b':')
}

/// Whether this is an IPv6 address, with or without brackets.
pub(super) fn is_ipv6(host: &[u8]) -> bool {
    parse_ipv6(without_brackets(host)).is_some()
}

/// Writes the peer that an IP literal and a port name as the C ABI has it: family (4 or 6), address and
/// port in network byte order. Gives its length.
pub fn peer_from_text(text: &[u8], port: u16, peer: &mut [u8]) -> Option<usize> {
    match parse_ipv4(text) {
        Some(address) => write_peer(&address, port, peer),
        None => write_peer(&parse_ipv6(without_brackets(text))?, port, peer),
    }
}

/// Writes the peer with an IPv4 address (4 bytes) or an IPv6 address (16 bytes).
#[cfg_attr(target_os = "none", inline(never))]
pub fn write_peer(address: &[u8], port: u16, peer: &mut [u8]) -> Option<usize> {
    let mut writer = Writer::new(peer, 0);
    writer.byte(if address.len() == 4 {
        FAMILY_IPV4
    } else {
        FAMILY_IPV6
    });
    writer.bytes(address);
    writer.bytes(&port.to_be_bytes());
    writer.finish()
}

/// Writes the address of such a peer as text; gives its length and the port. `None`: the peer has
/// another address than an IP address, or the text does not fit.
pub fn peer_to_text(peer: &[u8], text: &mut [u8]) -> Option<(usize, u16)> {
    let (rest, &port) = peer.split_last_chunk()?;
    let (&family, address) = rest.split_first()?;
    let mut writer = Writer::new(text, 0);
    match family {
        FAMILY_IPV4 => write_ipv4(address.try_into().ok()?, &mut writer),
        FAMILY_IPV6 if cfg!(feature = "ipv6") => write_ipv6(address.try_into().ok()?, &mut writer),
        _ => return None,
    }
    Some((writer.finish()?, u16::from_be_bytes(port)))
}

pub(super) fn write_ipv4(address: &[u8; 4], writer: &mut Writer) {
    for (index, &octet) in address.iter().enumerate() {
        if index > 0 {
            writer.byte(b'.');
        }
        writer.decimal(u16::from(octet));
    }
}

pub(super) fn write_ipv6(address: &[u8; 16], writer: &mut Writer) {
    // RFC 5952 section 5: a known IPv4-mapped prefix shows the IPv4 address.
    if let [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d] = *address {
        writer.bytes(b"::ffff:");
        return write_ipv4(&[a, b, c, d], writer);
    }
    let zeros = longest_zeros(address);
    for (index, group) in groups(address).enumerate() {
        if zeros.contains(&index) {
            // The colon after it comes with the next group.
            if index == zeros.start {
                writer.bytes(if zeros.end == 8 { b"::" } else { b":" });
            }
            continue;
        }
        if index > 0 {
            writer.byte(b':');
        }
        // RFC 5952 sections 4.1 and 4.3: no leading zeros, lower case.
        for shift in [12, 8, 4, 0] {
            if shift == 0 || group >> shift != 0 {
                writer.byte(hex_digit(group >> shift));
            }
        }
    }
}

fn groups(address: &[u8; 16]) -> impl Iterator<Item = u16> {
    let (pairs, _) = address.as_chunks::<2>();
    pairs.iter().map(|&pair| u16::from_be_bytes(pair))
}

/// The groups that `::` replaces.
fn longest_zeros(address: &[u8; 16]) -> Range<usize> {
    // RFC 5952 sections 4.2.2 and 4.2.3: the longest run, the first of equals, never a single
    // group.
    let mut best = 0..0;
    let mut start = 0;
    for (index, group) in groups(address).enumerate() {
        if group != 0 {
            start = index + 1;
        } else if index - start >= best.len().max(1) {
            best = start..index + 1;
        }
    }
    best
}

#[cfg(test)]
mod tests;
