//! An audio file that somebody uploads as a prompt.
#![no_main]

#[path = "../properties/audio.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|file: &[u8]| property::check(file));
