//! A datagram that asks for its address.
#![no_main]

#[path = "../properties/stun.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|datagram: &[u8]| property::check(datagram));
