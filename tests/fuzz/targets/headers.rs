//! Header lines in an INVITE that is whole without them.
#![no_main]

#[path = "../properties/headers.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|lines: &[u8]| property::check(lines));
