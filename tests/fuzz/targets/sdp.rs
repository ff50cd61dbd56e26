//! A session description, as an offer and as the answer to ours.
#![no_main]

#[path = "../properties/sdp.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|description: &[u8]| property::check(description));
