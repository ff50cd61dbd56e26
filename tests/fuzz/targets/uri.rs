//! A URI.
#![no_main]

#[path = "../properties/uri.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|text: &str| property::check(text));
