// SPDX-License-Identifier: MIT
//! The test vectors of RFC 8613 appendix C, by section, and what they leave open.

use super::context::{ID_CONTEXT_MAX, ID_MAX, Request, SecurityContext, Source};
use super::contexts::Contexts;
use super::cose;
use super::crypto;
use super::option::{OSCORE_VALUE_MAX, OscoreOption};
use super::piv::{LAST, PartialIv};
use super::protect::{self, Cover};
use super::window::{ReplayWindow, WINDOW};
use crate::rng::Jitter;
use crate::seed;
use crate::wire::builder::MessageDraft;
use crate::wire::message::MessageView;
use crate::wire::option::Options;
use std::vec::Vec;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .map(|digit| (digit as char).to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn random() -> impl FnMut() -> u32 {
    let mut jitter = Jitter::default();
    jitter.seed(seed::of_test() as u32);
    move || jitter.next_u32()
}

const SECRET: &str = "0102030405060708090a0b0c0d0e0f10";
const SALT: &str = "9e7ca92223786340";
const ID_CONTEXT: &str = "37cbf3210017a2d3";

/// The context of C.1, C.2 or C.3, as the client has it.
fn context(section: u8, first: u64) -> SecurityContext {
    made(section, false, first)
}

fn made(section: u8, is_server: bool, first: u64) -> SecurityContext {
    let client: &[u8] = if section == 2 { &[0] } else { &[] };
    let server: &[u8] = &[1];
    let (sender_id, recipient_id) = if is_server {
        (server, client)
    } else {
        (client, server)
    };
    let id_context = (section == 3).then(|| hex(ID_CONTEXT));
    let salt = if section == 2 { Vec::new() } else { hex(SALT) };
    SecurityContext::new(&Source {
        secret: &hex(SECRET),
        salt: &salt,
        sender_id,
        recipient_id,
        id_context: id_context.as_deref(),
        first,
    })
    .unwrap()
}

fn derived(salt: &str, info: &cose::Info, len: usize) -> Vec<u8> {
    let mut out = std::vec![0; len];
    crypto::derive(&hex(salt), &hex(SECRET), info.as_slice(), &mut out);
    out
}

/// ID Context and salt; ID, `info` and key of the client and of the server; `info` and Common IV; the nonces of both with
/// Partial IV 0.
struct Derivation {
    id_context: Option<&'static str>,
    salt: &'static str,
    client: [&'static str; 3],
    server: [&'static str; 3],
    common_iv: [&'static str; 2],
    nonces: [&'static str; 2],
}

fn check(expected: &Derivation) {
    let id_context = expected.id_context.map(hex);
    let id_context = id_context.as_deref();
    let [info, iv] = expected.common_iv;
    let made = cose::info(None, id_context);
    assert_eq!(made.as_slice(), hex(info));
    assert_eq!(derived(expected.salt, &made, 13), hex(iv));
    let common_iv: [u8; 13] = hex(iv).try_into().unwrap();
    let sides = [expected.client, expected.server];
    for ([id, info, key], nonce) in sides.into_iter().zip(expected.nonces) {
        let made = cose::info(Some(&hex(id)), id_context);
        assert_eq!(made.as_slice(), hex(info));
        assert_eq!(derived(expected.salt, &made, 16), hex(key));
        let made = cose::nonce(&common_iv, &hex(id), PartialIv::new(0));
        assert_eq!(made.as_slice(), hex(nonce));
    }
}

#[test]
fn c1_key_derivation_with_master_salt() {
    check(&Derivation {
        id_context: None,
        salt: SALT,
        client: ["", "8540f60a634b657910", "f0910ed7295e6ad4b54fc793154302ff"],
        server: [
            "01",
            "854101f60a634b657910",
            "ffb14e093c94c9cac9471648b4f98710",
        ],
        common_iv: ["8540f60a6249560d", "4622d4dd6d944168eefb54987c"],
        nonces: ["4622d4dd6d944168eefb54987c", "4722d4dd6d944169eefb54987c"],
    });
}

#[test]
fn c2_key_derivation_without_master_salt() {
    check(&Derivation {
        id_context: None,
        salt: "",
        client: [
            "00",
            "854100f60a634b657910",
            "321b26943253c7ffb6003b0b64d74041",
        ],
        server: [
            "01",
            "854101f60a634b657910",
            "e57b5635815177cd679ab4bcec9d7dda",
        ],
        common_iv: ["8540f60a6249560d", "be35ae297d2dace910c52e99f9"],
        nonces: ["bf35ae297d2dace910c52e99f9", "bf35ae297d2dace810c52e99f9"],
    });
}

#[test]
fn c3_key_derivation_with_id_context() {
    check(&Derivation {
        id_context: Some(ID_CONTEXT),
        salt: SALT,
        client: [
            "",
            "85404837cbf3210017a2d30a634b657910",
            "af2a1300a5e95788b356336eeecd2b92",
        ],
        server: [
            "01",
            "8541014837cbf3210017a2d30a634b657910",
            "e39a0c7c77b43f03b4b39ab9a268699f",
        ],
        common_iv: [
            "85404837cbf3210017a2d30a6249560d",
            "2ca58fb85ff1b81c0b7181b85e",
        ],
        nonces: ["2ca58fb85ff1b81c0b7181b85e", "2da58fb85ff1b81d0b7181b85e"],
    });
}

/// What `message` becomes with this context and option.
fn covered(message: &[u8], cover: &Cover<'_>) -> Vec<u8> {
    let view = MessageView::parse(message).unwrap();
    let mut buffer = [0; 256];
    let mut draft = MessageDraft::begin(&mut buffer, view.token()).unwrap();
    for option in view.options() {
        if !protect::is_outer(option.number) {
            draft
                .option(&mut buffer, option.number, option.value)
                .unwrap();
        }
    }
    draft.payload(&mut buffer, view.payload()).unwrap();
    cover.put(view.options(), &mut draft, &mut buffer).unwrap();
    let len = draft
        .finish(&mut buffer, view.kind(), cover.outer_code(), view.id())
        .unwrap();
    buffer[..len].to_vec()
}

/// A request with Partial IV 20 of the client: its `aad`, its OSCORE option, and both ways.
fn check_request(section: u8, plain: &str, aad: &str, option: &str, protected: &str) {
    let context = context(section, 20);
    context.reserve(21);
    let piv = context.take_number().unwrap();
    assert_eq!(piv, PartialIv::new(20));
    assert_eq!(cose::aad(context.sender_id(), piv).as_slice(), hex(aad));
    let written = OscoreOption {
        piv: Some(piv),
        kid: Some(context.sender_id()),
        kid_context: context.id_context(),
    };
    let mut value = [0; OSCORE_VALUE_MAX];
    let len = written.encode(&mut value);
    assert_eq!(&value[..len], hex(option));
    assert_eq!(OscoreOption::decode(&value[..len]), Some(written));
    let protection = context.protection(true, Request::Ours(piv), Some(piv));
    let plain = hex(plain);
    let code = MessageView::parse(&plain).unwrap().code();
    let cover = Cover {
        protection: &protection,
        option: written,
        code,
        observe: None,
    };
    let mut datagram = covered(&plain, &cover);
    assert_eq!(datagram, hex(protected));

    let server = made(section, true, 0);
    server.reserve(1);
    assert!(server.is_named_by(&written) && server.is_new(piv));
    let protection = server.protection(false, Request::Theirs(piv), Some(piv));
    let len = protect::uncover(&mut datagram, &protection).unwrap();
    // Uri-Host is not protected: it is not seen.
    let inner: Vec<u8> = [&plain[..8], b"\xb3tv1"].concat();
    assert_eq!(datagram[..len], inner);
}

#[test]
fn c4_request() {
    check_request(
        1,
        "44015d1f00003974396c6f63616c686f737483747631",
        "8368456e63727970743040488501810a40411440",
        "0914",
        "44025d1f00003974396c6f63616c686f7374620914ff612f1092f1776f1c1668b3825e",
    );
}

#[test]
fn c5_request_without_master_salt() {
    check_request(
        2,
        "440171c30000b932396c6f63616c686f737483747631",
        "8368456e63727970743040498501810a4100411440",
        "091400",
        "440271c30000b932396c6f63616c686f737463091400ff4ed339a5a379b0b8bc731fffb0",
    );
}

#[test]
fn c6_request_with_id_context() {
    check_request(
        3,
        "44012f8eef9bbf7a396c6f63616c686f737483747631",
        "8368456e63727970743040488501810a40411440",
        "19140837cbf3210017a2d3",
        "44022f8eef9bbf7a396c6f63616c686f73746b19140837cbf3210017a2d3ff72cd7273fd331ac45cffbe55c3",
    );
}

/// A response to the request of C.4, with the request's nonce or Partial IV 0 of the server.
fn check_response(own: Option<PartialIv>, protected: &str) {
    let request = PartialIv::new(20);
    let server = made(1, true, 0);
    let protection = server.protection(true, Request::Theirs(request), own);
    let plain = hex("64455d1f00003974ff48656c6c6f20576f726c6421");
    let cover = Cover {
        protection: &protection,
        option: OscoreOption {
            piv: own,
            ..OscoreOption::default()
        },
        code: MessageView::parse(&plain).unwrap().code(),
        observe: None,
    };
    let mut datagram = covered(&plain, &cover);
    assert_eq!(datagram, hex(protected));
    let protection = context(1, 0).protection(false, Request::Ours(request), own);
    let len = protect::uncover(&mut datagram, &protection).unwrap();
    assert_eq!(datagram[..len], plain);
}

#[test]
fn c7_response() {
    check_response(
        None,
        "64445d1f0000397490ffdbaad1e9a7e7b2a813d3c31524378303cdafae119106",
    );
}

#[test]
fn c8_response_with_partial_iv() {
    check_response(
        Some(PartialIv::new(0)),
        "64445d1f00003974920100ff4d4c13669384b67354b2b6175ff4b8658c666a6cf88e",
    );
}

#[test]
fn partial_ivs_have_no_leading_zeros() {
    for (number, bytes) in [
        (0, &[0][..]),
        (1, &[1]),
        (255, &[255]),
        (256, &[1, 0]),
        (LAST, &[255; 5]),
    ] {
        let piv = PartialIv::new(number);
        assert_eq!(piv.as_slice(), bytes);
        assert_eq!(piv.number(), number);
        assert_eq!(PartialIv::decode(bytes), Some(piv));
    }
    assert_eq!(PartialIv::decode(&[]), None);
    assert_eq!(PartialIv::decode(&[0; 6]), None);
    assert!(PartialIv::new(256) > PartialIv::new(255));
}

/// RFC 8613 section 6.3, and what section 6.1 reserves.
#[test]
fn options_are_read_as_section_6_has_them() {
    let read = |text| {
        OscoreOption::decode(&hex(text)).map(|o| {
            (
                o.piv,
                o.kid_context.map(<[u8]>::to_vec),
                o.kid.map(<[u8]>::to_vec),
            )
        })
    };
    let number = |n| Some(PartialIv::new(n));
    assert_eq!(read("090525"), Some((number(5), None, Some(hex("25")))));
    assert_eq!(read("0900"), Some((number(0), None, Some(Vec::new()))));
    assert_eq!(
        read("19050544616c656b"),
        Some((number(5), Some(hex("44616c656b")), Some(Vec::new())))
    );
    assert_eq!(read(""), Some((None, None, None)));
    assert_eq!(read("0107"), Some((number(7), None, None)));
    for malformed in [
        "00",
        "0e010203040506",
        "0f01020304050607",
        "2905",
        "8905",
        "09",
        "1905",
        "190503aabb",
        "010700",
        "11050200",
    ] {
        assert_eq!(read(malformed), None, "{malformed}");
    }
}

#[test]
fn the_window_admits_each_number_once() {
    let mut random = random();
    for _ in 0..200 {
        let mut window = ReplayWindow::NEW;
        let mut seen = std::collections::BTreeSet::new();
        let mut highest = 0;
        for _ in 0..500 {
            let number = match random() % 4 {
                0 => highest + u64::from(random() % 3),
                1 => highest + u64::from(random() % 200),
                _ => highest.saturating_sub(u64::from(random() % 80)),
            };
            let piv = PartialIv::new(number);
            let known = seen.contains(&number);
            let old = number + WINDOW <= highest;
            assert_eq!(window.is_new(piv), !known && !old, "{number} {highest}");
            if window.is_new(piv) {
                window = window.with(piv);
                seen.insert(number);
                highest = highest.max(number);
            }
        }
    }
    let window = ReplayWindow::after(PartialIv::new(100));
    assert!((0..=100).all(|n| !window.is_new(PartialIv::new(n))));
    assert!(window.is_new(PartialIv::new(101)));
}

#[test]
fn no_number_is_used_before_it_is_reserved_nor_twice() {
    let context = context(1, 7);
    assert_eq!(context.take_number(), None);
    assert_eq!(context.reservable(2), Some(9));
    context.reserve(9);
    assert_eq!(context.take_number(), Some(PartialIv::new(7)));
    context.reserve(8); // less than before
    assert_eq!(context.take_number(), Some(PartialIv::new(8)));
    assert_eq!((context.take_number(), context.left()), (None, 0));
    context.reserve(u64::MAX);
    assert_eq!(context.reservable(1), None);
    context.close();
    assert_eq!(context.take_number(), None);
}

#[test]
fn the_sequence_ends() {
    let context = context(1, LAST);
    assert_eq!(context.reservable(100), Some(LAST + 1));
    context.reserve(LAST + 1);
    assert_eq!(context.take_number(), Some(PartialIv::new(LAST)));
    assert_eq!(context.take_number(), None);
    assert_eq!(context.reservable(1), None);
    let beyond = Source {
        secret: b"s",
        salt: b"",
        sender_id: b"a",
        recipient_id: b"b",
        id_context: None,
        first: LAST + 1,
    };
    assert!(SecurityContext::new(&beyond).is_none());
}

#[test]
fn ids_are_short_and_differ() {
    let source = Source {
        secret: b"secret",
        salt: b"",
        sender_id: &[1; ID_MAX],
        recipient_id: &[2; ID_MAX],
        id_context: Some(&[3; ID_CONTEXT_MAX]),
        first: 0,
    };
    assert!(SecurityContext::new(&source).is_some());
    let long = [1; ID_CONTEXT_MAX + 1];
    let sender = Source {
        sender_id: &long[..=ID_MAX],
        ..source
    };
    let recipient = Source {
        recipient_id: &long[..=ID_MAX],
        ..source
    };
    let id_context = Source {
        id_context: Some(&long),
        ..source
    };
    let same = Source {
        recipient_id: source.sender_id,
        ..source
    };
    for refused in [sender, recipient, id_context, same] {
        assert!(SecurityContext::new(&refused).is_none());
    }
}

#[test]
fn a_context_is_found_by_its_ids() {
    let (one, other, twin) = (made(1, true, 0), made(3, true, 0), made(1, true, 0));
    let mut contexts = Contexts::default();
    let first = contexts.add(&one).unwrap();
    assert_eq!(contexts.name_of(&one), Some(first));
    assert_eq!(contexts.name_of(&other), None);
    let second = contexts.add(&other).unwrap();
    let third = contexts.add(&twin).unwrap();
    let named = |contexts: &Contexts<'_>, kid: &[u8], kid_context: Option<&[u8]>| {
        let option = OscoreOption {
            piv: None,
            kid: Some(kid),
            kid_context,
        };
        let mut found = Vec::new();
        while let Some((id, _)) = contexts.named_by(&option, found.last().copied()) {
            found.push(id);
        }
        found
    };
    assert_eq!(named(&contexts, b"", None), [], "nothing is stored");
    for context in [&one, &other, &twin] {
        context.reserve(1);
    }
    let id_context = hex(ID_CONTEXT);
    assert_eq!(named(&contexts, b"", None), [first, second, third]);
    assert_eq!(named(&contexts, b"", Some(&id_context)), [second]);
    assert_eq!(named(&contexts, b"", Some(b"x")), []);
    assert_eq!(named(&contexts, b"x", None), []);
    one.close();
    assert_eq!(named(&contexts, b"", None), [second, third]);
    assert!(contexts.get(first).is_none());
    contexts.remove(first);
    contexts.remove(first);
    let filled = core::iter::from_fn(|| contexts.add(Box::leak(Box::new(made(1, true, 0)))));
    assert_eq!(filled.count(), crate::config::CONTEXTS - 2);
}

/// Of every length, with any bit changed, cut anywhere: it is not taken.
#[test]
fn what_was_changed_is_not_uncovered() {
    let mut random = random();
    let (client, server) = (made(1, false, 0), made(1, true, 0));
    for round in 0..300u64 {
        let piv = PartialIv::new(round * 0x0105_0307);
        let protection = client.protection(true, Request::Ours(piv), Some(piv));
        let payload: Vec<u8> = (0..random() % 100).map(|_| random() as u8).collect();
        let mut buffer = [0; 200];
        let token = crate::wire::header::Token::new(&[7; 3]).unwrap();
        let mut draft = MessageDraft::begin(&mut buffer, &token).unwrap();
        let number = crate::wire::option::OptionNumber(11 + (random() % 300) as u16);
        draft
            .option(&mut buffer, number, &payload[..payload.len() / 3])
            .unwrap();
        draft.payload(&mut buffer, &payload).unwrap();
        let cover = Cover {
            protection: &protection,
            option: OscoreOption {
                piv: Some(piv),
                kid: Some(b""),
                kid_context: None,
            },
            code: crate::wire::code::Code::PUT,
            observe: None,
        };
        let before = buffer;
        let mut short = draft;
        let room = draft.len() + 10;
        assert!(
            cover
                .put(Options::new(&[]), &mut short, &mut buffer[..room])
                .is_err()
        );
        assert_eq!(buffer[..draft.len()], before[..draft.len()], "as it was");
        cover
            .put(Options::new(&[]), &mut draft, &mut buffer)
            .unwrap();
        let kind = crate::wire::header::MessageType::Confirmable;
        let id = crate::wire::header::MessageId(1);
        let len = draft
            .finish(&mut buffer, kind, cover.outer_code(), id)
            .unwrap();
        let datagram = buffer[..len].to_vec();
        let protection = server.protection(false, Request::Theirs(piv), Some(piv));
        let start = MessageView::parse(&datagram).unwrap().payload().len();
        let mut changed = datagram.clone();
        let at = len - 1 - random() as usize % start;
        changed[at] ^= 1 << (random() % 8);
        let before = changed.clone();
        assert_eq!(protect::uncover(&mut changed, &protection), None);
        assert_eq!(changed, before);
        let mut cut = datagram[..len - 1 - random() as usize % (start - 1)].to_vec();
        assert_eq!(protect::uncover(&mut cut, &protection), None);
        let mut whole = datagram.clone();
        let plain = protect::uncover(&mut whole, &protection).unwrap();
        let view = MessageView::parse(&whole[..plain]).unwrap();
        assert_eq!(view.payload(), payload);
        assert_eq!(view.code(), crate::wire::code::Code::PUT);
        assert_eq!(view.first(number).unwrap(), &payload[..payload.len() / 3]);
        let other = server.protection(false, Request::Theirs(PartialIv::new(round + 1)), Some(piv));
        let mut other_request = datagram;
        assert!(
            round * 0x0105_0307 == round + 1
                || protect::uncover(&mut other_request, &other).is_none()
        );
    }
}
