//! Bodies of INFO.
#![no_main]

#[path = "../properties/info.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|input: &[u8]| property::check(input));
