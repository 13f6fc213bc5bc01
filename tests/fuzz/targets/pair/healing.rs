// SPDX-License-Identifier: MIT
//! What must be true once the network is a good one.

use common::engine::Event;
use microcoapy::ffi::MCOAP_OK;
use microcoapy::wire::code::Code;

use crate::world::World;

/// Milliseconds after which every request has ended, however many wait for one another.
const ENDED_MS: u64 = 6 * 3_600_000;
/// Milliseconds after which an observer knows the last state: its registration is renewed 5 to 15 seconds after
/// Max-Age, RFC 7641 section 3.3.1, and what it is told may come in many blocks, each of them late.
const RECOVERED_MS: u64 = 1_000_000;

impl World {
    pub fn note_success(&mut self, event: &Event) {
        self.successes += u32::from(Code(event.code).is_success());
    }

    /// The network becomes a good one: everything ends, and what is asked then is answered.
    pub fn heal(&mut self) {
        self.network.heal();
        let ended = |world: &Self| {
            let mut exchanges = world.hosts.iter().flat_map(|host| host.exchanges.values());
            exchanges.all(|exchange| exchange.observes)
        };
        assert!(
            self.run_until(self.elapsed + ENDED_MS, ended),
            "a request that never ends"
        );
        self.run_until(self.elapsed + RECOVERED_MS, |_| false);
        self.check_observers();
        self.cancel_all();
        self.run_until(self.elapsed + RECOVERED_MS, |_| false);
        for how in [0, 1, 3] {
            self.check_answered(0, how);
            self.check_answered(1, how);
        }
        self.wind_down();
    }

    /// Who observes knows the last state.
    fn check_observers(&self) {
        for (host, peer) in [(0, 1), (1, 0)] {
            let (host, peer) = (&self.hosts[host], &self.hosts[peer]);
            for exchange in host.exchanges.values() {
                let ask = &exchange.ask;
                if self.is_touched(exchange) || ask.is_never_answered() || ask.is_error() {
                    continue;
                }
                let seen = exchange.seen.map(|seen| seen.0);
                assert_eq!(seen, Some((peer.life, peer.version)), "an old state");
            }
        }
    }

    fn cancel_all(&mut self) {
        for host in 0..2 {
            let now = self.now();
            let client = self.client(host);
            for handle in client.exchanges.keys() {
                assert_eq!(client.engine.observation_cancel(now, *handle), MCOAP_OK);
            }
            client.exchanges.clear();
            self.drain(host);
        }
    }

    /// A confirmable request has its answer.
    fn check_answered(&mut self, host: usize, how: u8) {
        let before = self.successes;
        let handle = self.ask(host, 0, how, 0, 0).expect("room for a request");
        let ended = |world: &Self| !world.hosts[host].exchanges.contains_key(&handle);
        assert!(self.run_until(self.elapsed + ENDED_MS, ended));
        assert_eq!(self.successes, before + 1, "no answer");
    }

    /// With time, nothing is left.
    fn wind_down(&mut self) {
        for host in &mut self.hosts {
            // Observers stay as long as their resource.
            host.engine.resource_clear();
            host.engine.resource_changed();
        }
        for round in 0.. {
            assert!(round < 5000, "timers without end");
            self.drain(0);
            self.drain(1);
            let Some(next) = self.next() else { break };
            self.go_to(next);
        }
        for host in &mut self.hosts {
            assert!(host.exchanges.is_empty() && host.owed.is_empty());
            assert_eq!(host.engine.in_use(), [0; 6]);
        }
    }
}
