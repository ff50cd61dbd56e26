//! The header section: lines, folding, framing; no grammar of any one header.
//!
//! Reads on after a fault, so that the refusal can repeat the headers that came after it. A header
//! that needs no repair is copied once, into the string that rsip's type holds.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr_iter};
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
    /// How many ended as they should, and how many did not.
    whole: usize,
    bare: usize,
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
            whole: 0,
            bare: 0,
        }
    }

    /// The next line without its line end.
    fn next(&mut self) -> Option<Range<usize>> {
        let begin = self.at;
        let rest = &self.octets[begin..];
        let line = &rest[..memchr(b'\n', rest)?];
        self.at += line.len() + 1;
        let whole = line.strip_suffix(b"\r");
        self.whole += usize::from(whole.is_some());
        self.bare += usize::from(whole.is_none());
        Some(begin..begin + whole.unwrap_or(line).len())
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
        section.judge(&lines);
        section
    }

    /// One header with the lines that go on with it.
    fn header(&mut self, lines: &mut Lines<'a>, line: Range<usize>) {
        let text = &lines.octets[line.clone()];
        let name = text.iter().position(|octet| !TOKEN.has(*octet));
        let name = name.unwrap_or(text.len());
        let blanks = text[name..].iter().position(|octet| !is_blank(*octet));
        let colon = blanks.map_or(text.len(), |blanks| name + blanks);
        if name == 0 || text.get(colon) != Some(&b':') {
            let colon = memchr(b':', text);
            return self.fail(Fault::Line(colon.map_or("no colon", |_| "bad name")));
        }
        let value = lines.trim(line.start + colon + 1..line.end);
        let name = lines.text(line.start..line.start + name);
        let name = names::long(&name);
        let mut value = lines.text(value);
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

    /// Looks for octets that no line may hold, over all lines at once; what is found where it must not
    /// be is dropped too, lest the refusal repeat it.
    fn judge(&mut self, lines: &Lines<'_>) {
        let read = &lines.octets[..lines.at];
        let stray = lines.bare > 0 || memchr_iter(b'\r', read).count() > lines.whole;
        if stray {
            self.fail(Fault::Line("CR or LF alone"));
        }
        if !stray && memchr(0, read).is_none() {
            return;
        }
        let before = self.headers.len();
        self.headers
            .retain(|header| build::is_safe(names::view(header).1));
        if self.headers.len() < before {
            self.fail(Fault::Line("NUL in a value"));
        }
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
