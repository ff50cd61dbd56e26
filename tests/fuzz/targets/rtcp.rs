//! Reports of a peer.
#![no_main]

#[path = "../properties/rtcp.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|input: &[u8]| property::check(input));
