// SPDX-License-Identifier: MIT
//! What only a final link may define.

/// Never called: no panic is reachable. The language wants one all the same.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The host's prebuilt `core` names it; with `panic = "abort"` nothing calls it.
#[cfg(not(target_os = "none"))]
// SAFETY: no other definition is linked.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
