//! Header lines in an INVITE that is whole without them.

use bytes::Bytes;
use sip::wire::{Headers, Message, parse, scan_call_id, write};

const START: &[u8] = b"INVITE sip:2001@192.0.2.1 SIP/2.0\r\n";
const NEEDED: &[u8] = b"Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\nFrom: <sip:1@x>;tag=1\r\n\
    To: <sip:2@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n\r\n";

/// Panics where it does not hold.
pub(crate) fn check(lines: &[u8]) {
    let datagram = Bytes::from([START, lines, b"\r\n", NEEDED].concat());
    let scanned = scan_call_id(&datagram);
    let Ok(message) = parse(&datagram) else {
        return;
    };
    let parsed = message.headers().call_id();
    assert_eq!(scanned, Some(parsed.as_bytes()), "two shards");
    look_at(message.headers());
    let again = parse(&write(&message)).expect("what is written can be read");
    assert_eq!(again, message);
    if let Message::Request(request) = &message {
        let _ = request.respond(486, Some("tag")).build();
    }
}

/// Reads every header in every way.
fn look_at(headers: &Headers) {
    let _ = (headers.via(), headers.from(), headers.to(), headers.cseq());
    let _ = (headers.vias(), headers.contacts(), headers.routes());
    let _ = (
        headers.record_routes(),
        headers.asserted(),
        headers.reasons(),
    );
    let _ = (headers.max_forwards(), headers.expires(), headers.require());
    let _ = (headers.supported(), headers.allow(), headers.content_type());
    let _ = headers.is_content("application/sdp");
    for (name, _) in headers.iter() {
        let _ = (headers.get(name), headers.tokens(name));
        let _ = headers.get_all(name).count();
    }
}
