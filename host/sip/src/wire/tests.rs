//! Facts about the codec; whole messages are in `tests/corpus` and its table in `tests/it`.

mod frames;
mod limits;
mod messages;
mod property;
mod values;

use bytes::Bytes;

use super::*;

/// An INVITE of ordinary make, its body included.
const INVITE: &str = "INVITE sip:2001@pbx.example.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKnashds8;rport\r\n\
    Max-Forwards: 70\r\n\
    From: \"Alice\" <sip:1001@example.com>;tag=a73kszlfl\r\n\
    To: <sip:2001@example.com>\r\n\
    Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.1\r\n\
    CSeq: 1 INVITE\r\n\
    Contact: <sip:1001@192.0.2.1:5070>\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 5\r\n\
    \r\n\
    v=0\r\n";

fn parse_text(text: impl Into<Vec<u8>>) -> Result<Message, ParseError> {
    parse(&Bytes::from(text.into()))
}

fn request(text: impl Into<Vec<u8>>) -> Request {
    match parse_text(text) {
        Ok(Message::Request(request)) => request,
        other => panic!("no request: {other:?}"),
    }
}

/// The ordinary INVITE with one text replaced.
fn invite_with(from: &str, to: &str) -> String {
    assert!(INVITE.contains(from), "{from:?} is not in the message");
    INVITE.replacen(from, to, 1)
}

/// The fault of a message, and the status that refuses it.
fn fault(text: impl Into<Vec<u8>>) -> (Fault, Option<u16>) {
    match parse_text(text) {
        Err(error) => (error.fault, error.status()),
        Ok(message) => panic!("accepted: {message:?}"),
    }
}
