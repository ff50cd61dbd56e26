//! A SIP stream.
#![no_main]

#[path = "../properties/frame.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|stream: &[u8]| property::check(stream));
