//! Octets of a stream to messages: RFC 3261 §18.3, and the keep-alives of RFC 5626 §3.5.1.
//!
//! Owns where a message ends, and nothing of what it says: the parser judges that. On a stream only
//! Content-Length tells the end of a body, so that a message without it is refused (RFC 3261 §20.14),
//! and after any fault nobody can tell where the next message begins: the connection is of no more
//! use. For every frame that [`parse`](super::parse) accepts, both read the same length.

use bytes::{Buf, Bytes, BytesMut};
use memchr::{memchr, memmem};

use super::lex::{TOKEN, is_blank, number};
use crate::limits;

/// What a stream holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message, to be parsed.
    Message(Bytes),
    /// A double CRLF: the peer wants [`PONG`].
    Ping,
}

/// The answer to a [`Frame::Ping`].
pub const PONG: &[u8] = b"\r\n";

/// Why a stream cannot be read any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// What should begin a message does not.
    #[error("no sip message")]
    Garbage,
    /// A message has no Content-Length.
    #[error("missing Content-Length")]
    NoLength,
    /// Its Content-Length is no number, or several.
    #[error("bad Content-Length")]
    BadLength,
    /// Above a limit; it says which.
    #[error("too large: {0}")]
    TooLarge(&'static str),
}

/// Cuts one stream into frames. After an error it gives nothing but that error.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// Octets of the buffer in which the end of the header section was looked for in vain.
    searched: usize,
    /// Octets of the message that the buffer begins with, once its header section is there.
    whole: Option<usize>,
    error: Option<FrameError>,
}

impl Framer {
    /// At the begin of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what came next.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// Whether a message has begun that is not there as a whole.
    pub fn is_amid(&self) -> bool {
        !self
            .buffer
            .iter()
            .all(|octet| matches!(octet, b'\r' | b'\n'))
    }

    /// The next frame; `None` until more comes.
    pub fn poll(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        self.cut().inspect_err(|error| {
            self.error = Some(*error);
            self.buffer.clear();
        })
    }

    fn cut(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.whole.is_none() {
            if self.buffer.starts_with(b"\r\n\r\n") {
                self.buffer.advance(4);
                return Ok(Some(Frame::Ping));
            }
            if !self.begins()? {
                return Ok(None);
            }
        }
        let whole = match self.whole {
            Some(whole) => whole,
            None => match self.measure()? {
                Some(whole) => *self.whole.insert(whole),
                None => return Ok(None),
            },
        };
        if self.buffer.len() < whole {
            return Ok(None);
        }
        self.whole = None;
        self.searched = 0;
        Ok(Some(Frame::Message(self.buffer.split_to(whole).freeze())))
    }

    /// Whether a message begins the buffer; a line end before it is skipped (RFC 3261 §7.5): it may be
    /// the answer to a keep-alive. Other protocols are told by their first octet.
    fn begins(&mut self) -> Result<bool, FrameError> {
        if let [b'\r', b'\n', next, ..] = self.buffer[..]
            && next != b'\r'
        {
            self.buffer.advance(2);
        }
        match self.buffer[..] {
            [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => Ok(false),
            [first, ..] if TOKEN.has(first) => Ok(true),
            _ => Err(FrameError::Garbage),
        }
    }

    /// The octets of the message, once its header section is there.
    fn measure(&mut self) -> Result<Option<usize>, FrameError> {
        // The end may have come in parts.
        let from = self.searched.saturating_sub(3);
        let Some(at) = memmem::find(&self.buffer[from..], b"\r\n\r\n") else {
            self.searched = self.buffer.len();
            if self.searched > limits::HEADER_SECTION {
                return Err(FrameError::TooLarge("header section"));
            }
            return Ok(None);
        };
        let head = from + at + 4;
        if head > limits::HEADER_SECTION {
            return Err(FrameError::TooLarge("header section"));
        }
        let whole = head.saturating_add(content_length(&self.buffer[..head])?);
        if whole > limits::MESSAGE {
            return Err(FrameError::TooLarge("message"));
        }
        Ok(Some(whole))
    }
}

/// The Content-Length of a header section. Said twice it must be the same.
fn content_length(head: &[u8]) -> Result<usize, FrameError> {
    let mut found = None;
    // The start line cannot be a header.
    let mut rest = after_line(head);
    while !rest.is_empty() {
        let line = rest;
        rest = after_line(rest);
        let Some(value) = length_value(&line[..line.len() - rest.len()]) else {
            continue;
        };
        // It may stand on the next line, folded.
        let mut value = value.to_vec();
        while rest.first().copied().is_some_and(is_blank) {
            let folded = rest;
            rest = after_line(rest);
            let more = folded[..folded.len() - rest.len()].trim_ascii();
            if !value.is_empty() && !more.is_empty() {
                return Err(FrameError::BadLength);
            }
            value.extend_from_slice(more);
        }
        let text = str::from_utf8(&value).map_err(|_| FrameError::BadLength)?;
        let length = number(text, u64::from(u32::MAX)).ok_or(FrameError::BadLength)?;
        if found.is_some_and(|before| before != length) {
            return Err(FrameError::BadLength);
        }
        found = Some(length);
    }
    // It fits, being below 2³².
    found
        .map(|length| length as usize)
        .ok_or(FrameError::NoLength)
}

fn after_line(text: &[u8]) -> &[u8] {
    memchr(b'\n', text).map_or(&[], |end| &text[end + 1..])
}

/// The value of a Content-Length line; `None` for any other line.
fn length_value(line: &[u8]) -> Option<&[u8]> {
    if !matches!(line.first(), Some(b'C' | b'c' | b'L' | b'l')) {
        return None;
    }
    let colon = memchr(b':', line)?;
    let name = line[..colon].trim_ascii_end();
    let wanted = name.eq_ignore_ascii_case(b"content-length") || name.eq_ignore_ascii_case(b"l");
    wanted.then(|| line[colon + 1..].trim_ascii())
}
