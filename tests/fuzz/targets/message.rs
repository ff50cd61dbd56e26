//! A datagram at a SIP listener.
#![no_main]

#[path = "../properties/message.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|datagram: &[u8]| property::check(datagram));
