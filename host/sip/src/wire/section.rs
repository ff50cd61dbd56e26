//! The header section: lines, folding, framing; no grammar of any one header.
//!
//! Reads on after a fault, so that the refusal can repeat the headers that came after it.

use memchr::memchr;

use super::error::Fault;
use super::headers::values;
use super::lex::{is_blank, is_token, list, number};
use super::{build, names};
use crate::limits;

/// Headers that may be there once. RFC 3261 §7.3.1. (Content-Length is dealt with apart.)
pub(super) const SINGLE: [&str; 6] = [
    "From",
    "To",
    "Call-ID",
    "CSeq",
    "Max-Forwards",
    "Content-Type",
];

/// A header section.
#[derive(Default)]
pub(super) struct Section<'a> {
    /// The start line, without its line end.
    pub(super) start: &'a [u8],
    /// The headers, unfolded, Vias apart from one another, without Content-Length.
    pub(super) headers: rsip::Headers,
    /// Content-Length.
    pub(super) length: Option<usize>,
    /// Where the body begins.
    pub(super) body_at: usize,
    /// The first thing that was wrong.
    pub(super) fault: Option<Fault>,
    count: usize,
}

/// A header whose folded lines may still come.
struct Open<'a> {
    name: &'a str,
    value: Vec<u8>,
}

impl<'a> Section<'a> {
    /// Reads up to the empty line.
    pub(super) fn read(datagram: &'a [u8]) -> Self {
        let mut section = Self::default();
        let limit = datagram.len().min(limits::HEADER_SECTION);
        let mut rest = &datagram[..limit];
        let mut open: Option<Open<'a>> = None;
        loop {
            let Some((line, after)) = section.line(rest) else {
                let short = limit == datagram.len();
                let fault = Fault::Line("no empty line at the end of the headers");
                section.fail(if short {
                    fault
                } else {
                    Fault::TooLarge("header section")
                });
                break;
            };
            let first = section.body_at == 0;
            section.body_at += rest.len() - after.len();
            rest = after;
            match line.first() {
                _ if first => section.start = line,
                None => break,
                Some(b' ' | b'\t') => section.fold(open.as_mut(), line),
                Some(_) => {
                    section.close(open.take());
                    open = section.open(line);
                }
            }
        }
        section.close(open);
        section
    }

    /// The next line without its CRLF, and what follows.
    fn line<'b>(&mut self, text: &'b [u8]) -> Option<(&'b [u8], &'b [u8])> {
        let end = memchr(b'\n', text)?;
        let (line, after) = (&text[..end], &text[end + 1..]);
        let whole = line.strip_suffix(b"\r");
        if whole.is_none_or(|line| memchr(b'\r', line).is_some()) {
            self.fail(Fault::Line("CR or LF alone"));
        }
        Some((whole.unwrap_or(line), after))
    }

    fn open(&mut self, line: &'a [u8]) -> Option<Open<'a>> {
        let Some(colon) = memchr(b':', line) else {
            self.fail(Fault::Line("no colon"));
            return None;
        };
        let name = str::from_utf8(&line[..colon])
            .unwrap_or("")
            .trim_end_matches([' ', '\t']);
        if name.is_empty() || !name.bytes().all(is_token) {
            self.fail(Fault::Line("bad name"));
            return None;
        }
        Some(Open {
            name: names::long(name),
            value: trim(&line[colon + 1..]).to_vec(),
        })
    }

    /// A folded line is one blank and its text. RFC 3261 §7.3.1.
    fn fold(&mut self, open: Option<&mut Open<'a>>, line: &[u8]) {
        match open {
            Some(open) => {
                if !open.value.is_empty() {
                    open.value.push(b' ');
                }
                open.value.extend_from_slice(trim(line));
            }
            // After a bad line its fault stands; after the start line this is one.
            None => self.fail(Fault::Line("folded, but nothing to fold")),
        }
    }

    fn close(&mut self, open: Option<Open<'a>>) {
        let Some(Open { name, value }) = open else {
            return;
        };
        if value.len() > limits::HEADER_VALUE {
            return self.fail(Fault::TooLarge("header value"));
        }
        let value = match String::from_utf8(value) {
            Ok(value) => value,
            // Old peers send names in Latin-1. What matches a message to its call must be exact.
            Err(_)
                if ["Via", "Call-ID", "CSeq"]
                    .iter()
                    .any(|n| n.eq_ignore_ascii_case(name)) =>
            {
                return self.fail(Fault::Line("not utf-8"));
            }
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        let value = value.trim_end_matches([' ', '\t']);
        if !build::is_safe(value) {
            return self.fail(Fault::Line("NUL in a value"));
        }
        if name.eq_ignore_ascii_case("Content-Length") {
            return self.set_length(value);
        }
        let single = SINGLE
            .iter()
            .find(|single| single.eq_ignore_ascii_case(name));
        if let Some(single) = single.filter(|name| values(&self.headers, name).next().is_some()) {
            return self.fail(Fault::Repeated(single));
        }
        if name.eq_ignore_ascii_case("Via") {
            list(value).for_each(|via| self.push("Via", via));
        } else {
            self.push(name, value);
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

    fn push(&mut self, name: &str, value: &str) {
        self.count += 1;
        if self.count > limits::HEADERS {
            return self.fail(Fault::TooLarge("number of headers"));
        }
        self.headers.push(names::header(name, value.to_owned()));
    }

    fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }
}

fn trim(text: &[u8]) -> &[u8] {
    let start = text
        .iter()
        .position(|octet| !is_blank(*octet))
        .unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|octet| !is_blank(*octet))
        .map_or(start, |last| last + 1);
    &text[start..end]
}
