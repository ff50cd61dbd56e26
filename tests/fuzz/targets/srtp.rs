//! Packets that a stranger sends to somebody who expects protected ones.
#![no_main]

#[path = "../properties/srtp.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|input: &[u8]| property::check(input));
