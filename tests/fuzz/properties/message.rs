//! A datagram at a SIP listener.

use bytes::Bytes;
use sip::wire::{parse, scan_call_id, write};

/// Panics where it does not hold.
pub(crate) fn check(datagram: &[u8]) {
    let scanned = scan_call_id(datagram);
    let Ok(message) = parse(&Bytes::copy_from_slice(datagram)) else {
        return;
    };
    let parsed = message.headers().call_id();
    assert_eq!(scanned, Some(parsed.as_bytes()), "two shards");
    let written = write(&message);
    let again = parse(&written).expect("what is written can be read");
    assert_eq!(again, message);
}
