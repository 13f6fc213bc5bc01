// SPDX-License-Identifier: MIT
//! Any bytes as a path and as a URI.

use microcoapy::wire::builder::MessageDraft;
use microcoapy::wire::header::HEADER_LEN;
use microcoapy::wire::header::Token;
use microcoapy::wire::option::{OptionNumber, OptionView};
use microcoapy::wire::uri::{self, Segment, Uri};

fn decoded(segment: Segment) -> Option<Vec<u8>> {
    let mut out = vec![0; segment.decoded_len().ok()?];
    segment.decode_into(&mut out);
    Some(out)
}

pub fn read(data: &[u8]) {
    if let Some(segments) = uri::path_segments(data)
        .map(decoded)
        .collect::<Option<Vec<_>>>()
    {
        assert!(
            segments
                .iter()
                .all(|segment| segment != b"." && segment != b"..")
        );
    }
    for text in [data.to_vec(), [b"coap://", data].concat()] {
        let Ok(uri) = Uri::parse(&text) else { continue };
        assert!(uri.port != 0 && !uri.path.contains(&b'?') && !text.contains(&b'#'));
        let mut buffer = vec![0; 8 * text.len() + 64];
        let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
        if uri::add_path_query(&mut draft, &mut buffer, uri.path).is_err() {
            continue;
        }
        if uri
            .query
            .is_some_and(|query| uri::add_query(&mut draft, &mut buffer, query).is_err())
        {
            continue;
        }
        let mut out = vec![0; 3 * draft.len() + 64];
        let len = uri::compose_path(draft.options(&buffer), &mut out).unwrap();
        let mut again = vec![0; 2 * out.len() + 64];
        let mut path = MessageDraft::begin(&mut again, &Token::EMPTY).unwrap();
        uri::add_path_query(&mut path, &mut again, &out[..len]).unwrap();
        let is_path = |option: &OptionView| option.number == OptionNumber::URI_PATH;
        assert!(
            path.options(&again)
                .eq(draft.options(&buffer).filter(is_path)),
            "composed and read again"
        );
    }
}

/// A location that is written as options, composed, and written again.
pub fn locate(data: &[u8]) {
    let mut buffer = vec![0; 8 * data.len() + 64];
    let mut draft = MessageDraft::begin(&mut buffer, &Token::EMPTY).unwrap();
    if uri::add_location(&mut draft, &mut buffer, data).is_err() {
        return assert!(draft.len() == HEADER_LEN);
    }
    let options = draft.options(&buffer);
    let mut out = vec![0; 3 * draft.len() + 64];
    let len = uri::compose_location(options, &mut out).unwrap();
    assert_eq!(len == 0, draft.len() == HEADER_LEN);
    let mut again = vec![0; 2 * out.len() + 64];
    let mut draft = MessageDraft::begin(&mut again, &Token::EMPTY).unwrap();
    uri::add_location(&mut draft, &mut again, &out[..len]).unwrap();
    assert!(draft.options(&again).eq(options));
}
