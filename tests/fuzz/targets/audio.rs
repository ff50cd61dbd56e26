//! An audio file that somebody uploads as a prompt.
#![no_main]

#[path = "../properties/audio.rs"]
mod property;

// Without the hook that ends the process at a panic, before anybody can catch it: those of a library are refusals.
libfuzzer_sys::fuzz_target!(
    init: drop(std::panic::take_hook()),
    |file: &[u8]| property::check(file)
);
