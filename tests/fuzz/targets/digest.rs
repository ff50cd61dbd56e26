//! The value of an Authorization header.
#![no_main]

#[path = "../properties/digest.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|text: &str| property::check(text));
