// SPDX-License-Identifier: MIT
//! The seed of a test.

/// The running test's seed, which follows from its name; `MICROCOAPY_SEED` in the environment replaces it. Printed:
/// libtest shows it when the test fails.
pub fn of_test() -> u64 {
    let given = std::env::var("MICROCOAPY_SEED").ok();
    let seed = given.map_or_else(from_name, |text| {
        text.parse().expect("MICROCOAPY_SEED is a number")
    });
    println!("seed {seed}");
    seed
}

/// FNV-1a of the thread's name, which is the test's.
fn from_name() -> u64 {
    let thread = std::thread::current();
    let name = thread.name().expect("a test's thread has its name");
    let hash = name.bytes().fold(0x811C_9DC5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    u64::from(hash)
}
