// SPDX-License-Identifier: MIT
//! `/.well-known/core`, RFC 6690.
#![cfg(feature = "discovery")]

use super::*;
use crate::resource::{AddError, HIDDEN, OBSERVABLE};
use MessageType::Acknowledgement;

const LINK_FORMAT: u16 = 40;

fn ask(id: u16, query: &[&str]) -> Message {
    let mut message = Message::new(MessageType::Confirmable, Code::GET, id)
        .option(OptionNumber::URI_PATH, b".well-known")
        .option(OptionNumber::URI_PATH, b"core");
    for item in query {
        message = message.option(OptionNumber::URI_QUERY, item.as_bytes());
    }
    message
}

fn add(bench: &mut Bench, path: &[u8], flags: u8, attributes: &[(&str, &str, bool)]) {
    bench.serve(path, 9, flags);
    for (name, value, quoted) in attributes {
        let value = Some((value.as_bytes(), *quoted));
        let resources = bench.endpoint.resources();
        resources.add_attribute(name.as_bytes(), value).unwrap();
    }
}

fn server() -> Bench {
    let mut bench = Bench::with(Parameters::default());
    let memory = vec![0; 1024].leak();
    assert!(bench.endpoint.resources().move_to(memory));
    let quoted = true;
    add(
        &mut bench,
        b"sensors/temp",
        OBSERVABLE,
        &[("rt", "temperature", quoted), ("if", "sensor", quoted)],
    );
    add(
        &mut bench,
        b"sensors/light",
        0,
        &[("rt", "light lux", quoted), ("ct", "40", false)],
    );
    add(&mut bench, b"a%2Fb/%C3%A9", 0, &[]);
    add(&mut bench, b"secret", HIDDEN, &[]);
    bench
}

fn links(bench: &mut Bench, message: Message) -> String {
    assert_eq!(bench.receive(&message.bytes()), None);
    let answer = bench.sent_one();
    let answer = view(&answer);
    assert_eq!(
        (answer.kind(), answer.code()),
        (Acknowledgement, Code::CONTENT)
    );
    assert_eq!(answer.content_format(), Some(LINK_FORMAT));
    String::from_utf8(answer.payload().to_vec()).unwrap()
}

const TEMP: &str = "</sensors/temp>;obs;rt=\"temperature\";if=\"sensor\"";
const LIGHT: &str = "</sensors/light>;rt=\"light lux\";ct=40";
const ODD: &str = "</a%2Fb/%C3%A9>";

#[test]
fn all_links_are_listed_but_the_hidden() {
    let mut bench = server();
    assert_eq!(links(&mut bench, ask(1, &[])), [TEMP, LIGHT, ODD].join(","));
}

#[test]
fn filters_choose_links() {
    let mut bench = server();
    for (id, query, expected) in [
        (1, &["rt=temperature"][..], vec![TEMP]),
        (2, &["rt=lux"], vec![LIGHT]),
        (3, &["rt=li*"], vec![LIGHT]),
        (4, &["rt=*"], vec![TEMP, LIGHT]),
        (5, &["href=/sensors/light"], vec![LIGHT]),
        (6, &["href=/sensors*"], vec![TEMP, LIGHT]),
        (7, &["href=/sens"], vec![]),
        (8, &["href=/a%2Fb/%C3%A9"], vec![ODD]),
        (9, &["if=sensor"], vec![TEMP]),
        (10, &["ct=40"], vec![LIGHT]),
        (11, &["obs"], vec![TEMP]),
        (12, &["rt=*", "if=*"], vec![TEMP]),
        (13, &["title=x"], vec![]),
        (14, &["href=*"], vec![TEMP, LIGHT, ODD]),
    ] {
        assert_eq!(
            links(&mut bench, ask(id, query)),
            expected.join(","),
            "{query:?}"
        );
    }
}

#[test]
fn other_methods_and_formats_are_refused() {
    let mut bench = server();
    let refused = |bench: &mut Bench, message: Message| {
        assert_eq!(bench.receive(&message.bytes()), None);
        view(&bench.sent_one()).code()
    };
    let put = Message::request(Code::PUT, ".well-known", 1).option(OptionNumber::URI_PATH, b"core");
    assert_eq!(refused(&mut bench, put), Code::METHOD_NOT_ALLOWED);
    let json = ask(2, &[]).uint(OptionNumber::ACCEPT, 50);
    assert_eq!(refused(&mut bench, json), Code::NOT_ACCEPTABLE);
    let right = ask(3, &[]).uint(OptionNumber::ACCEPT, 40);
    assert_eq!(refused(&mut bench, right), Code::CONTENT);
    let longer = ask(4, &[]).option(OptionNumber::URI_PATH, b"x");
    assert_eq!(refused(&mut bench, longer), Code::NOT_FOUND);
}

#[test]
fn a_program_may_serve_the_path_itself() {
    let mut bench = server();
    bench.serve(b".well-known/core", 5, 0);
    bench.request(&ask(1, &[]).bytes());
}

#[test]
fn without_resources_there_are_no_links() {
    let mut bench = Bench::new();
    assert_eq!(links(&mut bench, ask(1, &[])), "");
}

#[test]
fn an_etag_is_validated() {
    let mut bench = server();
    let with_tag = ask(1, &[]).option(OptionNumber::ETAG, b"old").bytes();
    bench.receive(&with_tag);
    let answer = bench.sent_one();
    let tag = view(&answer).first(OptionNumber::ETAG).unwrap().to_vec();
    assert_eq!(view(&answer).code(), Code::CONTENT);
    bench.receive(&ask(2, &[]).option(OptionNumber::ETAG, &tag).bytes());
    let answer = bench.sent_one();
    assert_eq!(view(&answer).code(), Code::VALID);
    assert!(view(&answer).payload().is_empty());
    bench.serve(b"new", 4, 0);
    bench.receive(&ask(3, &[]).option(OptionNumber::ETAG, &tag).bytes());
    assert_eq!(view(&bench.sent_one()).code(), Code::CONTENT);
}

#[test]
fn names_of_attributes_are_checked() {
    let mut bench = server();
    let resources = bench.endpoint.resources();
    for name in [&b""[..], b"a b", b"a=", b"a;b"] {
        assert_eq!(resources.add_attribute(name, None), Err(AddError::Name));
    }
}

#[test]
fn an_attribute_needs_a_resource() {
    let mut bench = Bench::server();
    bench.endpoint.resources().clear();
    let added = bench
        .endpoint
        .resources()
        .add_attribute(b"rt", Some((b"x", true)));
    bench.serve(b"r", 1, 0);
    bench.request(&Message::request(Code::GET, "r", 1).bytes());
    assert!(added.is_err());
}

#[test]
fn a_path_for_which_there_is_no_memory_is_not_added() {
    let mut bench = Bench::with(Parameters::default());
    // As much as the path takes, but not its attribute.
    assert!(bench.endpoint.resources().move_to(vec![0; 20].leak()));
    let resource = Resource {
        number: 7,
        methods: 0xFE,
        flags: OBSERVABLE,
        ..Default::default()
    };
    assert!(bench.endpoint.resources().add(b"o", &resource).is_err());
    assert_eq!(
        bench.receive(&Message::request(Code::GET, "o", 1).bytes()),
        None
    );
}

#[test]
fn a_declared_format_is_compared_with_accept() {
    let mut bench = server();
    for (id, accept, code) in [(1, 40, None), (2, 0, Some(Code::NOT_ACCEPTABLE))] {
        let datagram = Message::request(Code::GET, "sensors", id)
            .option(OptionNumber::URI_PATH, b"light")
            .uint(OptionNumber::ACCEPT, accept)
            .bytes();
        let event = bench.receive(&datagram);
        assert_eq!(event.is_some(), code.is_none());
        if let Some(code) = code {
            assert_eq!(view(&bench.sent_one()).code(), code);
        }
    }
    // Without a declaration the handler knows.
    let datagram = Message::request(Code::GET, "sensors", 3)
        .option(OptionNumber::URI_PATH, b"temp")
        .uint(OptionNumber::ACCEPT, 99);
    bench.request(&datagram.bytes());
}

#[cfg(feature = "block")]
#[test]
fn long_documents_come_block_by_block() {
    let mut bench = server();
    let whole = [TEMP, LIGHT, ODD].join(",");
    let mut received = Vec::new();
    let mut tag = None;
    for num in 0.. {
        let message = ask(num as u16, &[])
            .block(OptionNumber::BLOCK2, num, false, 1)
            .uint(OptionNumber::SIZE2, 0);
        bench.receive(&message.bytes());
        let answer = bench.sent_one();
        let (number, more, szx) = block_of(&answer, OptionNumber::BLOCK2).unwrap();
        assert_eq!((number, szx), (num, 1));
        let size = view(&answer).uint(OptionNumber::SIZE2);
        assert_eq!(size, Some(whole.len() as u32));
        let etag = view(&answer).first(OptionNumber::ETAG).map(<[u8]>::to_vec);
        assert_eq!(*tag.get_or_insert(etag.clone()), etag);
        received.extend_from_slice(view(&answer).payload());
        if !more {
            break;
        }
    }
    assert_eq!(received, whole.as_bytes());
    let behind = ask(99, &[])
        .block(OptionNumber::BLOCK2, 9, false, 1)
        .bytes();
    bench.receive(&behind);
    assert_eq!(view(&bench.sent_one()).code(), Code::BAD_REQUEST);
    assert_eq!(bench.endpoint.usage().bodies, 0, "nothing is kept");
}

#[cfg(feature = "block")]
#[test]
fn more_links_than_a_message_holds_are_cut_into_blocks_unasked() {
    let mut bench = server();
    let memory = vec![0; 2048].leak();
    assert!(bench.endpoint.resources().move_to(memory));
    for n in 0..30u8 {
        add(&mut bench, &[b'p', b'0' + n / 10, b'0' + n % 10], 0, &[]);
    }
    bench.endpoint.message.parameters_mut().max_message = 128;
    bench.receive(&ask(1, &[]).bytes());
    let answer = bench.sent_one();
    assert_eq!(block_of(&answer, OptionNumber::BLOCK2), Some((0, true, 2)));
    assert_eq!(view(&answer).payload().len(), 64);
}
