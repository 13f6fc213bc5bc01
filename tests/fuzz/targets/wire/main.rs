// SPDX-License-Identifier: MIT
//! Any bytes as a datagram, as options, as a URI, as an address, as a link document, as a Block or Observe
//! value.
#![no_main]

mod addresses;
mod links;
mod messages;
mod uris;
mod values;

/// libFuzzer calls this with one input after the other.
///
/// # Safety
/// `(data, len)` is readable.
#[unsafe(no_mangle)]
unsafe extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, len: usize) -> i32 {
    let data = match len {
        0 => &[][..],
        // SAFETY: libFuzzer's promise.
        _ => unsafe { core::slice::from_raw_parts(data, len) },
    };
    messages::parse_and_rebuild(data);
    messages::walk_from_anywhere(data);
    messages::build_in_any_order(data);
    uris::read(data);
    uris::locate(data);
    addresses::read(data);
    links::read(data);
    links::filter(data);
    links::write(data);
    values::block(data);
    values::observe(data);
    0
}
