//! Messages to bytes, in one buffer.

use std::fmt::Write as _;

use bytes::Bytes;

use super::message::Message;
use super::names;

/// The bytes of a message. Content-Length is computed and comes last, so that a parsed message is
/// written in the same form as one of our own. Nothing can fail here: the parser and the builder
/// let nothing through that would break a line.
pub fn write(message: &Message) -> Bytes {
    let headers = message.headers();
    let mut text = String::with_capacity(1024);
    match message {
        Message::Request(request) => {
            let _ = write!(text, "{} {} SIP/2.0\r\n", request.method(), request.uri());
        }
        Message::Response(response) => status_line(&mut text, response.status(), response.reason()),
    }
    finish(text, headers.iter(), message.body())
}

/// A response whose headers may be unreadable: the refusal of a broken request.
pub(super) fn response(status: u16, reason: &str, headers: &rsip::Headers, body: &[u8]) -> Bytes {
    let mut text = String::with_capacity(512);
    status_line(&mut text, status, reason);
    finish(text, headers.iter().map(names::view), body)
}

fn status_line(text: &mut String, status: u16, reason: &str) {
    // Writing into a String cannot fail.
    let _ = write!(text, "SIP/2.0 {status} {reason}\r\n");
}

fn finish<'a>(
    mut text: String,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    body: &[u8],
) -> Bytes {
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    let _ = write!(text, "Content-Length: {}\r\n\r\n", body.len());
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes.into()
}
