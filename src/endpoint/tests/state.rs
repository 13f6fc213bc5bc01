// SPDX-License-Identifier: MIT
//! Export before a restart, import after it.

use super::*;

/// Bytes before the observations.
const NUMBERS_LEN: usize = 16;

fn export(endpoint: &Endpoint<'_>) -> Vec<u8> {
    let mut state = vec![0; endpoint.export(&mut [])];
    assert_eq!(endpoint.export(&mut state), state.len());
    state
}

fn hash(bytes: &[u8]) -> [u8; 4] {
    let mut hash = crate::hash::Hash::new();
    bytes.iter().for_each(|&byte| hash.byte(byte));
    hash.finish().to_be_bytes()
}

/// A state with this in it.
fn state_of(content: &[u8]) -> Vec<u8> {
    [content, &hash(content)].concat()
}

/// The device after its restart; its clock begins anew.
fn restarted(state: &[u8], mut bench: Bench) -> Bench {
    bench.now = Instant(5);
    bench.endpoint.import(state, bench.now).unwrap();
    assert_eq!(export(&bench.endpoint), state, "nothing is lost");
    bench
}

#[test]
fn message_ids_go_on() {
    let mut bench = Bench::new();
    let id = bench.get(MessageType::Confirmable, b"t").unwrap().id;
    let mut bench = restarted(&export(&bench.endpoint), Bench::new());
    let next = bench.get(MessageType::Confirmable, b"t").unwrap().id;
    assert_eq!(next.0, id.0.wrapping_add(1));
}

#[test]
#[cfg(feature = "block")]
fn message_ids_to_another_peer_go_on_too() {
    let next = |bench: &mut Bench, from| {
        bench.peer = peer(from);
        bench.get(MessageType::Confirmable, b"t").unwrap().id.0
    };
    let with_key = || {
        let mut bench = Bench::new();
        bench.endpoint.set_key(crate::echo::EchoKey::new([9; 8]));
        bench
    };
    let mut bench = with_key();
    let (one, two) = (next(&mut bench, 1), next(&mut bench, 2));
    let mut bench = restarted(&export(&bench.endpoint), Bench::new());
    assert_eq!(next(&mut bench, 1), one.wrapping_add(2));
    assert_eq!(next(&mut bench, 2), two.wrapping_add(2));
}

#[test]
fn what_is_no_state_is_refused() {
    let good = export(&Bench::new().endpoint);
    let refused = |state: &[u8]| {
        let result = Bench::new().endpoint.import(state, Instant(0));
        assert_eq!(result, Err(ImportError::Malformed), "{state:?}");
    };
    for len in 0..good.len() {
        refused(&good[..len]);
    }
    for bit in 0..8 * good.len() {
        let mut damaged = good.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        refused(&damaged);
    }
    // with the right hash
    let numbers = &good[..NUMBERS_LEN];
    let with = |rest: &[u8]| state_of(&[numbers, rest].concat());
    assert_eq!(with(&[0]), good);
    refused(&with(&[]));
    refused(&with(&[0, 0]));
    for kind in (1..=255).filter(|kind| !(4..8).contains(kind)) {
        refused(&with(&[kind, 0]));
    }
    let mut version = good[..good.len() - 4].to_vec();
    version[0] += 1;
    refused(&state_of(&version));
}

#[cfg(all(feature = "observe", feature = "block"))]
mod observe {
    use super::*;
    use crate::config::{OBSERVATIONS, OBSERVERS};
    use crate::resource::OBSERVABLE;
    use MessageType::{Acknowledgement, Confirmable, Reset};

    fn observe(bench: &mut Bench, path: &[u8], token: Option<&[u8]>, entropy: u8) -> Sent {
        let token = token.and_then(Token::new);
        let endpoint = &mut bench.endpoint;
        endpoint
            .exchange_begin(Confirmable, Code::GET, token, [entropy; 8])
            .unwrap();
        endpoint.draft_add(Part::Path(path)).unwrap();
        endpoint
            .draft_add(Part::Option(OptionNumber::OBSERVE, b""))
            .unwrap();
        endpoint.exchange_send(&bench.peer, bench.now).unwrap()
    }

    fn client() -> Bench {
        let mut bench = Bench::new();
        observe(&mut bench, b"r", None, 1);
        let request = bench.sent_one();
        let answer = Message::answer(&request, Code::CONTENT)
            .uint(OptionNumber::OBSERVE, 10)
            .bytes();
        assert!(bench.receive(&answer).is_some());
        bench
    }

    #[test]
    fn an_observation_goes_on_with_its_token() {
        let mut bench = restarted(&export(&client().endpoint), Bench::new());
        assert_eq!(bench.endpoint.usage().observations, 1);
        observe(&mut bench, b"other", None, 2);
        assert_eq!(view(&bench.sent_one()).token().as_slice(), [2; 4]);
        let sent = observe(&mut bench, b"r", None, 3);
        bench.advance(0);
        // NSTART: the first must be over.
        bench
            .endpoint
            .exchange_cancel(Handle::from_u32(1).unwrap(), bench.now);
        let request = bench.sent_one();
        assert_eq!(view(&request).token().as_slice(), [1; 4], "its old one");
        let answer = Message::answer(&request, Code::CONTENT)
            .uint(OptionNumber::OBSERVE, 3)
            .bytes();
        let told = Some(Event::Notification(sent.exchange));
        assert_eq!(bench.receive(&answer), told, "the numbers may begin anew");
        assert_eq!(bench.endpoint.usage().observations, 1);
        observe(&mut bench, b"r", None, 4);
        assert_eq!(
            view(&bench.sent_one()).token().as_slice(),
            [4; 4],
            "it is there once"
        );
    }

    #[test]
    fn a_chosen_token_stays_and_another_peer_gets_none() {
        let state = export(&client().endpoint);
        let mut bench = restarted(&state, Bench::new());
        observe(&mut bench, b"r", Some(b"mine"), 2);
        assert_eq!(view(&bench.sent_one()).token().as_slice(), b"mine");
        let mut bench = restarted(&state, Bench::new());
        bench.peer = peer(2);
        observe(&mut bench, b"r", None, 2);
        assert_eq!(view(&bench.sent_one()).token().as_slice(), [2; 4]);
    }

    #[test]
    fn a_notification_that_nobody_waits_for_is_rejected() {
        let mut bench = restarted(&export(&client().endpoint), Bench::new());
        let notification = Message::new(Confirmable, Code::CONTENT, 9)
            .token(&[1; 4])
            .uint(OptionNumber::OBSERVE, 11)
            .bytes();
        assert_eq!(bench.receive(&notification), None);
        assert_eq!(bench.sent_one(), empty(Reset, 9));
    }

    #[test]
    fn what_nobody_asks_for_gives_way() {
        let mut bench = Bench::new();
        for n in 0..OBSERVATIONS {
            bench.peer = peer(n as u32);
            observe(&mut bench, b"r", None, n as u8);
        }
        let mut bench = restarted(&export(&bench.endpoint), Bench::new());
        for n in 0..OBSERVATIONS {
            bench.peer = peer(100 + n as u32);
            observe(&mut bench, b"r", None, n as u8);
        }
        assert_eq!(bench.endpoint.usage().observations, OBSERVATIONS);
    }

    fn server() -> Bench {
        let mut bench = Bench::server_with(Parameters {
            nstart: 4,
            ..large_messages()
        });
        bench.serve(b"o", 7, OBSERVABLE);
        bench
    }

    fn register(bench: &mut Bench, from: u32, format: Option<u32>) {
        let registration = Message::request(Code::GET, "o", 1)
            .option(OptionNumber::OBSERVE, b"")
            .bytes();
        bench.peer = peer(from);
        let request = bench.request(&registration);
        bench
            .endpoint
            .response_begin(request, true, Code::CONTENT)
            .unwrap();
        if let Some(format) = format {
            bench.endpoint.draft_add(content_format(format)).unwrap();
        }
        bench.endpoint.response_send(bench.now).unwrap();
        assert!(
            view(&bench.sent_one())
                .uint(OptionNumber::OBSERVE)
                .is_some()
        );
    }

    fn answer_notification(bench: &mut Bench, format: Option<u32>) -> Vec<u8> {
        let request = bench.endpoint.poll_notification(bench.now).unwrap().request;
        bench
            .endpoint
            .response_begin(request, true, Code::CONTENT)
            .unwrap();
        if let Some(format) = format {
            bench.endpoint.draft_add(content_format(format)).unwrap();
        }
        bench.endpoint.response_send(bench.now).unwrap();
        bench.sent_one()
    }

    #[test]
    fn observers_are_told_after_a_restart() {
        for format in [None, Some(0), Some(50)] {
            let mut bench = server();
            register(&mut bench, 1, format);
            let before = bench.endpoint.upper.sequence;
            let mut bench = restarted(&export(&bench.endpoint), server());
            assert!(bench.endpoint.poll_notification(bench.now).is_none());
            bench.endpoint.notify(7);
            let told = answer_notification(&mut bench, format);
            assert_eq!(view(&told).kind(), Confirmable);
            assert_eq!(view(&told).code(), Code::CONTENT);
            assert_eq!(view(&told).token().as_slice(), b"t");
            assert!(view(&told).uint(OptionNumber::OBSERVE).unwrap() > before);
        }
    }

    #[test]
    fn an_observer_with_another_content_format_is_told_so() {
        let mut bench = server();
        register(&mut bench, 1, Some(50));
        let mut bench = restarted(&export(&bench.endpoint), server());
        bench.endpoint.notify(7);
        let told = answer_notification(&mut bench, Some(60));
        assert_eq!(view(&told).code(), Code::NOT_ACCEPTABLE);
    }

    #[test]
    fn what_an_observer_was_owed_it_gets() {
        let mut bench = server();
        register(&mut bench, 1, None);
        bench.endpoint.notify(7);
        let lost = answer_notification(&mut bench, None);
        let mut bench = restarted(&export(&bench.endpoint), server());
        let told = answer_notification(&mut bench, None);
        assert_ne!(view(&told).id(), view(&lost).id());
        let ack = empty(Acknowledgement, view(&told).id().0);
        assert_eq!(bench.receive(&ack), None);
        let mut bench = restarted(&export(&bench.endpoint), server());
        assert!(bench.endpoint.poll_notification(bench.now).is_none());
    }

    #[test]
    fn a_resource_that_is_gone_ends_its_observers() {
        let mut bench = server();
        register(&mut bench, 1, None);
        let mut bench = restarted(&export(&bench.endpoint), Bench::server());
        bench.endpoint.resources_changed();
        assert!(bench.endpoint.poll_notification(bench.now).is_none());
        assert_eq!(view(&bench.sent_one()).code(), Code::NOT_FOUND);
    }

    #[test]
    fn more_than_there_is_room_for_is_refused() {
        let mut bench = server();
        register(&mut bench, 1, None);
        let state = export(&bench.endpoint);
        let observer = state[NUMBERS_LEN..state.len() - 5].to_vec();
        let with = |count: usize| {
            let observers = observer.repeat(count);
            state_of(&[&state[..NUMBERS_LEN], &observers, &[0]].concat())
        };
        let import = |count| server().endpoint.import(&with(count), Instant(0));
        assert_eq!(import(OBSERVERS), Ok(()));
        assert_eq!(import(OBSERVERS + 1), Err(ImportError::NoRoom));
        let mut bench = Bench::with(Parameters {
            message_store: bench.endpoint.parameters().max_message,
            ..large_messages()
        });
        let long = Message::request(Code::FETCH, "o", 1)
            .option(OptionNumber::OBSERVE, b"")
            .payload(&[7; 1000])
            .bytes();
        let mut observer = vec![4, 7, 4, 0, 0, 0, 1, 0x16, 0x33];
        observer.extend_from_slice(&(long.len() as u16).to_be_bytes());
        observer.extend_from_slice(&long);
        let state = state_of(&[&state[..NUMBERS_LEN], &observer, &observer, &[0]].concat());
        let result = bench.endpoint.import(&state, Instant(0));
        assert_eq!(result, Err(ImportError::NoRoom));
    }

    #[test]
    fn damage_under_the_right_hash_is_refused_or_harmless() {
        let mut bench = server();
        register(&mut bench, 1, Some(50));
        observe(&mut bench, b"r", None, 1);
        let state = export(&bench.endpoint);
        let content = &state[..state.len() - 4];
        for len in 0..content.len() {
            let result = server()
                .endpoint
                .import(&state_of(&content[..len]), Instant(0));
            assert_eq!(result, Err(ImportError::Malformed));
        }
        for at in 0..content.len() {
            for value in 0..=255 {
                let mut damaged = content.to_vec();
                damaged[at] = value;
                let mut bench = server();
                if bench
                    .endpoint
                    .import(&state_of(&damaged), bench.now)
                    .is_ok()
                {
                    bench.endpoint.notify(7);
                    while let Some(n) = bench.endpoint.poll_notification(bench.now) {
                        let request = n.request;
                        assert!(bench.respond(request, b"x").is_ok());
                    }
                    bench.sent();
                }
            }
        }
    }

    #[test]
    fn peers_that_are_no_ip_addresses_are_left_out() {
        let mut bench = server();
        let none = export(&bench.endpoint).len();
        register(&mut bench, 1, None);
        bench.peer = PeerAddr::new(&[0, 1, 2]).unwrap();
        observe(&mut bench, b"r", None, 1);
        let mut other = server();
        register(&mut other, 1, None);
        assert_eq!(export(&bench.endpoint).len(), export(&other.endpoint).len());
        assert!(export(&other.endpoint).len() > none);
    }
}
