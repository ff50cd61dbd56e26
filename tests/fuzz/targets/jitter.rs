//! Packets and ticks at a jitter buffer.
#![no_main]

#[path = "../properties/jitter.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|input: &[u8]| property::check(std::time::Instant::now(), input));
