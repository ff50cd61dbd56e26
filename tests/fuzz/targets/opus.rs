//! Packets of Opus from a stranger, at a decoder, at an ear and at a bridge.
#![no_main]

#[path = "../properties/opus.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|input: &[u8]| property::check(std::time::Instant::now(), input));
