//! Packets of telephone events.
#![no_main]

#[path = "../properties/dtmf.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|input: &[u8]| property::check(std::time::Instant::now(), input));
