//! Datagrams at both ports of a bridge, from the parties and from strangers.
#![no_main]

#[path = "../properties/rtp.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|input: &[u8]| property::check(std::time::Instant::now(), input));
