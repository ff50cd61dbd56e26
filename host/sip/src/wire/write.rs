//! Messages to bytes, in one buffer.

use std::fmt::Write as _;

use bytes::Bytes;

use super::message::Message;
use super::method::Method;
use crate::Uri;

/// The bytes of a message. Content-Length is computed and comes last, so that a parsed message is
/// written in the same form as one of our own. Nothing can fail here: the parser and the builder
/// let nothing through that would break a line.
pub fn write(message: &Message) -> Bytes {
    let mut text = String::with_capacity(1024);
    match message {
        Message::Request(request) => request_line(&mut text, request.method(), request.uri()),
        Message::Response(response) => status_line(&mut text, response.status(), response.reason()),
    }
    for (name, value) in message.headers().iter() {
        header(&mut text, name, value);
    }
    finish(text, message.body())
}

pub(super) fn request_line(text: &mut String, method: &Method, uri: &Uri) {
    text.extend([method.as_str(), " ", uri.as_str(), " SIP/2.0\r\n"]);
}

pub(super) fn status_line(text: &mut String, status: u16, reason: &str) {
    // Writing into a String cannot fail.
    let _ = write!(text, "SIP/2.0 {status} {reason}\r\n");
}

pub(super) fn header(text: &mut String, name: &str, value: &str) {
    text.extend([name, ": ", value, "\r\n"]);
}

/// Content-Length, the empty line and the body.
pub(super) fn finish(mut text: String, body: &[u8]) -> Bytes {
    let _ = write!(text, "Content-Length: {}\r\n\r\n", body.len());
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes.into()
}
