// SPDX-License-Identifier: MIT
//! The program as a client: requests, and what can be done with them afterwards.

use microcoapy::ffi::draft::*;
use microcoapy::ffi::event::MCOAP_UNKNOWN;
use microcoapy::ffi::{MCOAP_ERR_NO_SLOT, MCOAP_ERR_STALE, MCOAP_OK};
use microcoapy::wire::option::OptionNumber;

use crate::world::{Exchange, GROUP, Wants, World, peer};
use common::script::Script;

/// Milliseconds.
const LIMITS: [u32; 4] = [0, 100, 60_000, u32::MAX];
/// Bytes of a block that are asked for.
const SIZES: [u32; 4] = [0, 16, 32, 1024];

/// Flags of a request: what it has.
const OBSERVE: u8 = 1;
const BODY: u8 = 2;
const WANT: u8 = 4;
const NO_RESPONSE: u8 = 8;
const ETAG: u8 = 16;
const QUERY: u8 = 32;
const TO_GROUP: u8 = 64;
const ODD_OPTION: u8 = 128;

/// Bytes of a request's body that `part` of it takes, and whether more follow.
fn part(total: u32, offset: u32, len: u32) -> (Vec<u8>, bool) {
    let rest = total.saturating_sub(offset);
    (vec![b'u'; rest.min(len) as usize], rest > len)
}

impl World {
    pub fn request(&mut self, script: &mut Script) {
        let to = script.byte();
        let (how, has) = (script.byte(), script.byte());
        let path = script.bytes();
        let to = if has & TO_GROUP == 0 { peer(to) } else { GROUP };
        let is_ping = how & 2 != 0;
        let (kind, code) = match is_ping {
            true => (0, 0),
            false => (how & 1, how >> 3 & 7),
        };
        let chosen = [how >> 6; 4];
        let token = (how & 4 != 0).then_some(&chosen[..]);
        let entropy = self.entropy();
        self.engine.exchange_begin(kind, code, token, entropy);
        self.engine.draft_add(MCOAP_PART_PATH, path);
        let observes =
            has & OBSERVE != 0 && self.draft_option(OptionNumber::OBSERVE, b"") == MCOAP_OK;
        self.add_more(script, has);
        let received = if has & WANT == 0 {
            0
        } else {
            self.draft_want(script)
        };
        if has & BODY != 0 {
            self.draft_body(script);
        }
        let Ok((exchange, len)) = self.engine.exchange_send(self.now, &to) else {
            return;
        };
        assert!(exchange != 0 && (4..=self.parameters.max_message as usize).contains(&len));
        let exchange_before = self.exchanges.insert(
            exchange,
            Exchange {
                to,
                token: None,
                observes,
                wants: Wants::Nothing,
                received,
            },
        );
        assert!(exchange_before.is_none());
    }

    fn draft_option(&mut self, number: OptionNumber, value: &[u8]) -> i32 {
        self.engine.draft_add(number.0.into(), value)
    }

    fn add_more(&mut self, script: &mut Script, has: u8) {
        if has & NO_RESPONSE != 0 {
            self.engine
                .draft_uint(OptionNumber::NO_RESPONSE.0.into(), script.byte().into());
        }
        if has & ETAG != 0 {
            self.draft_option(OptionNumber::ETAG, &[script.byte() & 3]);
        }
        if has & QUERY != 0 {
            self.engine.draft_add(MCOAP_PART_QUERY, script.bytes());
            self.engine.draft_add(MCOAP_PART_HOST, script.bytes());
        }
        if has & ODD_OPTION != 0 {
            let number = u32::from(script.byte()) * 300;
            self.engine.draft_add(number, script.bytes());
            self.engine.draft_uint(MCOAP_OPTION_CONTENT_FORMAT, number);
            self.engine.draft_add(MCOAP_PART_LOCATION, script.bytes());
            self.engine.draft_understand(number as u16);
        }
    }

    /// Asks for the response from some byte on; gives which.
    fn draft_want(&mut self, script: &mut Script) -> u32 {
        let which = script.byte();
        let offset = (u32::from(which & 15) * 16) << ((which >> 4 & 3) * 2);
        let etag = [script.byte() & 3];
        let size = SIZES[usize::from(which >> 6)];
        match self.engine.draft_want(offset, &etag, size) {
            MCOAP_OK => offset,
            _ => 0,
        }
    }

    /// Adds the first part of a body, which may be the whole.
    fn draft_body(&mut self, script: &mut Script) {
        let (total, how) = (u32::from(script.byte()), script.byte());
        let known = if how & 4 == 0 { total } else { MCOAP_UNKNOWN };
        let size = SIZES[usize::from(how & 3)];
        let Ok((offset, len)) = self.engine.draft_body(known, size) else {
            return;
        };
        assert_eq!(offset, 0);
        let (data, more) = part(total, offset, len);
        self.engine.draft_block(&data, more != (how & 8 != 0));
    }

    pub fn change_exchange(&mut self, script: &mut Script) {
        let Some(handle) = self.some_exchange(script) else {
            return;
        };
        let (how, now) = (script.byte(), self.now);
        let observes = self.exchanges[&handle].observes;
        match how & 3 {
            0 => {
                let limit = LIMITS[usize::from(how >> 2 & 3)];
                let limited = self.engine.exchange_limit(now, handle, limit);
                assert_eq!(limited, MCOAP_OK);
                return;
            }
            1 if observes => {
                assert_eq!(self.engine.observation_cancel(now, handle), MCOAP_OK);
                // Whether the peer is told of it is the engine's business.
                self.leaving.insert(handle);
                self.check_stale(handle);
            }
            2 => return self.upload(handle, script.byte().into()),
            _ => {
                assert_eq!(self.engine.exchange_cancel(now, handle), MCOAP_OK);
                self.check_stale(handle);
            }
        }
        self.exchanges.remove(&handle);
    }

    fn some_exchange(&mut self, script: &mut Script) -> Option<u32> {
        let mut handles: Vec<u32> = self.exchanges.keys().copied().collect();
        handles.sort_unstable();
        script.pick(&handles)
    }

    pub fn go_on(&mut self, script: &mut Script) {
        if let Some(handle) = self.some_exchange(script) {
            self.go_on_with(handle);
        }
    }

    /// Does what the exchange waits for.
    pub fn go_on_with(&mut self, handle: u32) {
        match self.exchanges[&handle].wants {
            Wants::Nothing => {}
            Wants::Continue => {
                let entropy = self.entropy();
                let result = self.engine.exchange_continue(self.now, handle, entropy);
                self.see_result(handle, result);
            }
            Wants::Upload => self.upload(handle, 200),
        }
    }

    /// Gives the next part of a body of `total` bytes.
    fn upload(&mut self, handle: u32, total: u32) {
        let wants = self.exchanges[&handle].wants;
        let observes = self.exchanges[&handle].observes;
        let (offset, len) = match self.engine.exchange_wanted(handle) {
            Ok(wanted) => wanted,
            // A notification may have come in between.
            Err(error) => {
                assert!(error == MCOAP_ERR_STALE && (observes || wants != Wants::Upload));
                return;
            }
        };
        assert_eq!(wants, Wants::Upload);
        let (data, more) = part(total, offset, len);
        // Not of the length that it must have.
        let short = &data[..data.len() / 2];
        if more {
            let result = self.engine.exchange_upload(self.now, handle, short, true);
            assert_eq!(result, MCOAP_ERR_STALE);
        }
        let result = self.engine.exchange_upload(self.now, handle, &data, more);
        self.see_result(handle, result);
    }

    /// What came of going on.
    fn see_result(&mut self, handle: u32, result: i32) {
        let exchange = self.exchanges.get_mut(&handle).unwrap();
        match result {
            MCOAP_OK => exchange.wants = Wants::Nothing,
            // What fetches a notification may have ended, but not the observation.
            MCOAP_ERR_NO_SLOT if exchange.observes && exchange.wants == Wants::Continue => {}
            // Without room it may have ended or not: it must be cancelled.
            MCOAP_ERR_NO_SLOT => {
                self.engine.exchange_cancel(self.now, handle);
                self.exchanges.remove(&handle);
                self.check_stale(handle);
            }
            // A notification may have come in between.
            MCOAP_ERR_STALE if exchange.observes => exchange.wants = Wants::Nothing,
            other => panic!("{other} to what the exchange has asked for"),
        }
    }
}
