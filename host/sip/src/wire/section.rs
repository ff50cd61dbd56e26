//! The header section: lines, folding, framing; no grammar of any one header.
//!
//! Reads on after a fault, so that the refusal can repeat the headers that came after it. A header
//! that needs no repair is copied once, into the string that rsip's type holds.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr;
use rsip::Header;

use super::error::Fault;
use super::lex::{TOKEN, is_blank, list, number};
use super::{build, names};
use crate::limits;

/// Room for the headers of nearly all messages at once.
const USUAL_HEADERS: usize = 20;

/// Headers that may be there once. RFC 3261 §7.3.1. (Content-Length is dealt with apart.)
pub(super) const SINGLE: [&str; 6] = [
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Max-Forwards",
    "Content-Type",
];

/// The place of a header in `SINGLE`.
pub(super) fn single(header: &Header) -> Option<usize> {
    match header {
        Header::From(_) => Some(0),
        Header::To(_) => Some(1),
        Header::CallId(_) => Some(2),
        Header::CSeq(_) => Some(3),
        Header::MaxForwards(_) => Some(4),
        Header::ContentType(_) => Some(5),
        _ => None,
    }
}

/// A header section.
#[derive(Default)]
pub(super) struct Section<'a> {
    /// The start line, without its line end.
    pub(super) start: &'a [u8],
    /// The headers, unfolded, Vias apart from one another, without Content-Length.
    pub(super) headers: Vec<Header>,
    /// Content-Length.
    pub(super) length: Option<usize>,
    /// Where the body begins.
    pub(super) body_at: usize,
    /// The first thing that was wrong.
    pub(super) fault: Option<Fault>,
    /// Which of `SINGLE` were there.
    seen: [bool; SINGLE.len()],
}

/// The lines of a datagram, up to the limit of the header section.
struct Lines<'a> {
    octets: &'a [u8],
    /// As much of it as is UTF-8 from its begin: nearly always all, and looked at only once.
    text: &'a str,
    /// Where the next line begins.
    at: usize,
    /// Whether a NUL, or a CR or LF alone, is anywhere; then every line is searched for them.
    odd: bool,
    /// Whether a line had CR or LF alone.
    stray: bool,
}

impl<'a> Lines<'a> {
    fn new(octets: &'a [u8]) -> Self {
        let text = match str::from_utf8(octets) {
            Ok(text) => text,
            Err(error) => str::from_utf8(&octets[..error.valid_up_to()]).unwrap_or(""),
        };
        Self {
            octets,
            text,
            at: 0,
            odd: is_odd(octets),
            stray: false,
        }
    }

    /// The next line without its line end.
    fn next(&mut self) -> Option<Range<usize>> {
        let begin = self.at;
        let rest = &self.octets[begin..];
        let line = &rest[..memchr(b'\n', rest)?];
        self.at += line.len() + 1;
        let bare = line.strip_suffix(b"\r");
        if self.odd && bare.is_none_or(|line| memchr(b'\r', line).is_some()) {
            self.stray = true;
        }
        Some(begin..begin + bare.unwrap_or(line).len())
    }

    /// Whether the next line goes on with the one before. RFC 3261 §7.3.1.
    fn is_folded(&self) -> bool {
        self.octets.get(self.at).copied().is_some_and(is_blank)
    }

    /// A stretch of a line as text; owned if it had to be repaired.
    fn text(&self, range: Range<usize>) -> Cow<'a, str> {
        match self.text.get(range.clone()) {
            Some(text) => text.into(),
            None => String::from_utf8_lossy(&self.octets[range]),
        }
    }

    /// The stretch without blanks at its ends.
    fn trim(&self, mut range: Range<usize>) -> Range<usize> {
        while !range.is_empty() && is_blank(self.octets[range.start]) {
            range.start += 1;
        }
        while !range.is_empty() && is_blank(self.octets[range.end - 1]) {
            range.end -= 1;
        }
        range
    }
}

/// Whether there is a NUL, or a CR or LF without the other. All octets are looked at in any case, so
/// that many are at once.
fn is_odd(octets: &[u8]) -> bool {
    let Some((first, after)) = octets.split_first() else {
        return false;
    };
    let pairs = octets.iter().zip(after);
    let inside = pairs.fold(false, |odd, (octet, next)| {
        odd | ((*octet == b'\r') != (*next == b'\n')) | (*next == 0)
    });
    inside || matches!(first, b'\n' | 0) || octets.last() == Some(&b'\r')
}

impl<'a> Section<'a> {
    /// Reads up to the empty line.
    pub(super) fn read(datagram: &'a [u8]) -> Self {
        let mut section = Self {
            headers: Vec::with_capacity(USUAL_HEADERS),
            ..Self::default()
        };
        let limit = datagram.len().min(limits::HEADER_SECTION);
        let mut lines = Lines::new(&datagram[..limit]);
        section.start = lines.next().map_or(b"", |line| &datagram[line]);
        loop {
            let Some(line) = lines.next() else {
                section.fail(if limit == datagram.len() {
                    Fault::Line("no empty line at the end of the headers")
                } else {
                    Fault::TooLarge("header section")
                });
                break;
            };
            match datagram.get(line.start) {
                _ if line.is_empty() => break,
                // What goes on with a header was read with it.
                Some(b' ' | b'\t') => section.fail(Fault::Line("folded, but nothing to fold")),
                _ => section.header(&mut lines, line),
            }
        }
        section.body_at = lines.at;
        if lines.stray {
            section.fail(Fault::Line("CR or LF alone"));
        }
        section
    }

    /// One header with the lines that go on with it.
    fn header(&mut self, lines: &mut Lines<'a>, line: Range<usize>) {
        let octets = lines.octets;
        let mut name_end = line.start;
        while name_end < line.end && TOKEN.has(octets[name_end]) {
            name_end += 1;
        }
        let mut colon = name_end;
        while colon < line.end && is_blank(octets[colon]) {
            colon += 1;
        }
        if name_end == line.start || colon == line.end || octets[colon] != b':' {
            let colon = memchr(b':', &octets[line]);
            return self.fail(Fault::Line(colon.map_or("no colon", |_| "bad name")));
        }
        let name = lines.text(line.start..name_end);
        let name = names::long(&name);
        let mut value = lines.text(lines.trim(colon + 1..line.end));
        let mut repaired = matches!(value, Cow::Owned(_));
        while lines.is_folded() {
            let Some(line) = lines.next() else { break };
            let more = lines.text(lines.trim(line));
            repaired |= matches!(more, Cow::Owned(_));
            let value = value.to_mut();
            if !value.is_empty() && !more.is_empty() {
                value.push(' ');
            }
            value.push_str(&more);
        }
        if value.len() > limits::HEADER_VALUE {
            return self.fail(Fault::TooLarge("header value"));
        }
        if lines.odd && !build::is_safe(&value) {
            return self.fail(Fault::Line("NUL in a value"));
        }
        self.close(name, value, repaired);
    }

    /// `repaired`: it was not UTF-8.
    fn close(&mut self, name: &str, value: Cow<'_, str>, repaired: bool) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        // Old peers send names in Latin-1. What matches a message to its call must be exact.
        if repaired && (is("Via") || is("Call-ID") || is("CSeq")) {
            return self.fail(Fault::Line("not utf-8"));
        }
        if is("Content-Length") {
            return self.set_length(&value);
        }
        if is("Via") && memchr(b',', value.as_bytes()).is_some() {
            return list(&value).for_each(|via| self.push(names::header("Via", via.to_owned())));
        }
        let header = names::header(name, value.into_owned());
        if let Some(single) = single(&header) {
            if self.seen[single] {
                return self.fail(Fault::Repeated(SINGLE[single]));
            }
            self.seen[single] = true;
        }
        self.push(header);
    }

    fn set_length(&mut self, value: &str) {
        match number(value, u64::from(u32::MAX)).map(|length| length as usize) {
            None => self.fail(Fault::Header {
                name: "Content-Length",
                why: "not a number",
            }),
            Some(length) if self.length.is_some_and(|before| before != length) => {
                self.fail(Fault::Repeated("Content-Length"));
            }
            length => self.length = length,
        }
    }

    fn push(&mut self, header: Header) {
        if self.headers.len() == limits::HEADERS {
            return self.fail(Fault::TooLarge("number of headers"));
        }
        self.headers.push(header);
    }

    fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }
}
