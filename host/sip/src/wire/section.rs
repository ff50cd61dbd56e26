//! The header section: lines, folding, framing; no grammar of any one header.
//!
//! Reads on after a fault, so that the refusal can repeat the headers that came after it. It works on
//! octets and notes where headers stand; whether they are text is asked once, of all of them.

use std::ops::Range;

use memchr::{memchr, memchr3};

use super::build;
use super::error::Fault;
use super::fields::{Field, Fields};
use super::lex::{TOKEN, is_blank, list, number_of, place};
use super::names::Name;
use crate::limits;

/// Room for the headers of nearly all messages at once.
const USUAL_HEADERS: usize = 20;

/// How many headers may be there only once.
pub(super) const SINGLES: usize = 6;

/// The place of a header among those that may be there once. RFC 3261 §7.3.1. (Content-Length is dealt
/// with apart.)
#[inline]
pub(super) fn single(name: Name) -> Option<usize> {
    match name {
        Name::From => Some(0),
        Name::To => Some(1),
        Name::CallId => Some(2),
        Name::CSeq => Some(3),
        Name::MaxForwards => Some(4),
        Name::ContentType => Some(5),
        _ => None,
    }
}

/// The fault of one that is there again.
pub(super) fn repeated(name: Name) -> Fault {
    Fault::Repeated(name.as_str().unwrap_or(""))
}

/// A header section.
#[derive(Default)]
pub(super) struct Section<'a> {
    /// The start line, without its line end.
    pub(super) start: &'a [u8],
    /// The headers, unfolded, Vias apart from one another, without Content-Length.
    pub(super) headers: Fields,
    /// Content-Length.
    pub(super) length: Option<usize>,
    /// Where the body begins.
    pub(super) body_at: usize,
    /// The first thing that was wrong.
    pub(super) fault: Option<Fault>,
    /// Where the headers stand. Places behind the octets are in `unfolded`.
    all: Vec<Field>,
    /// Names and values of headers that were folded.
    unfolded: Vec<u8>,
    /// Which of those were there that may be there once.
    seen: [bool; SINGLES],
}

/// The lines of a datagram, up to the limit of the header section.
struct Lines<'a> {
    octets: &'a [u8],
    /// Where the next line begins.
    at: usize,
    /// Whether a CR or LF stood alone in what was read.
    stray: bool,
    /// Whether a NUL stood in it.
    nul: bool,
}

impl Lines<'_> {
    /// The next line without its line end. One search finds its end and what no line may hold.
    #[inline]
    fn next(&mut self) -> Option<Range<usize>> {
        let begin = self.at;
        let mut from = begin;
        loop {
            let found = from + memchr3(b'\r', b'\n', 0, &self.octets[from..])?;
            from = found + 1;
            match self.octets[found] {
                b'\r' if self.octets.get(from) == Some(&b'\n') => {
                    self.at = from + 1;
                    return Some(begin..found);
                }
                b'\n' => {
                    self.stray = true;
                    self.at = from;
                    return Some(begin..found);
                }
                b'\r' => self.stray = true,
                _ => self.nul = true,
            }
        }
    }

    /// Whether the next line goes on with the one before. RFC 3261 §7.3.1.
    #[inline]
    fn is_folded(&self) -> bool {
        self.octets.get(self.at).copied().is_some_and(is_blank)
    }
}

impl<'a> Section<'a> {
    /// Reads up to the empty line.
    pub(super) fn read(datagram: &'a [u8]) -> Self {
        let mut section = Self {
            all: Vec::with_capacity(USUAL_HEADERS),
            ..Self::default()
        };
        let limit = datagram.len().min(limits::HEADER_SECTION);
        let mut lines = Lines {
            octets: &datagram[..limit],
            at: 0,
            stray: false,
            nul: false,
        };
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
        section.finish(&lines);
        section
    }

    /// One header with the lines that go on with it.
    #[inline]
    fn header(&mut self, lines: &mut Lines<'a>, line: Range<usize>) {
        let text = &lines.octets[line.start..line.end];
        let Some(colon) = memchr(b':', text) else {
            return self.fail(Fault::Line("no colon"));
        };
        let (label, value) = (trim_end(&text[..colon]), trim_start(&text[colon + 1..]));
        let name = Name::of(label);
        // What is in the table is a token.
        let token = || !label.is_empty() && label.iter().all(|octet| TOKEN.has(*octet));
        if name == Name::Other && !token() {
            return self.fail(Fault::Line("bad name"));
        }
        let unfolded;
        let (start, at, value) = if lines.is_folded() {
            let start = lines.octets.len() + self.unfolded.len();
            unfolded = self.unfold(lines, label, value);
            (start, start + label.len(), &unfolded[..])
        } else {
            (line.start, line.end - value.len(), trim_end(value))
        };
        self.close(name, start..start + label.len(), at, value);
    }

    /// The value of a header with more than one line; it and its label stand among the unfolded now.
    #[cold]
    fn unfold(&mut self, lines: &mut Lines<'a>, label: &[u8], first: &[u8]) -> Vec<u8> {
        let mut value = trim_end(first).to_owned();
        while lines.is_folded() {
            let Some(line) = lines.next() else { break };
            let more = trim_end(trim_start(&lines.octets[line]));
            if !value.is_empty() && !more.is_empty() {
                value.push(b' ');
            }
            value.extend_from_slice(more);
        }
        self.unfolded.extend_from_slice(label);
        self.unfolded.extend_from_slice(&value);
        value
    }

    /// Notes a header; its value stands at `at`.
    #[inline]
    fn close(&mut self, name: Name, label: Range<usize>, at: usize, value: &[u8]) {
        if value.len() > limits::HEADER_VALUE {
            return self.fail(Fault::TooLarge("header value"));
        }
        match name {
            Name::ContentLength => return self.set_length(value),
            Name::Via if memchr(b',', value).is_some() => return self.vias(&label, at, value),
            _ => {}
        }
        if let Some(single) = single(name)
            && std::mem::replace(&mut self.seen[single], true)
        {
            return self.fail(repeated(name));
        }
        self.push(name, label, at..at + value.len());
    }

    /// Vias in one line.
    fn vias(&mut self, label: &Range<usize>, at: usize, value: &[u8]) {
        let Ok(value) = str::from_utf8(value) else {
            return self.fail(Fault::Line("not utf-8"));
        };
        for via in list(value) {
            let range = place(value, via);
            self.push(Name::Via, label.clone(), at + range.start..at + range.end);
        }
    }

    #[inline]
    fn push(&mut self, name: Name, label: Range<usize>, value: Range<usize>) {
        if self.all.len() == limits::HEADERS {
            return self.fail(Fault::TooLarge("number of headers"));
        }
        self.all.push(Field::new(name, label, value));
    }

    fn set_length(&mut self, value: &[u8]) {
        match number_of(value, u64::from(u32::MAX)).map(|length| length as usize) {
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

    /// Makes the headers of what was noted; what holds octets that no line may hold is dropped, lest the
    /// refusal repeat it.
    fn finish(&mut self, lines: &Lines<'_>) {
        let all = std::mem::take(&mut self.all);
        let head = &lines.octets[..lines.at];
        let texts =
            str::from_utf8(head).and_then(|head| Ok((head, str::from_utf8(&self.unfolded)?)));
        match texts {
            Ok((head, rest)) => {
                self.headers = Fields::of_section(all, head, lines.octets.len(), rest);
            }
            Err(_) => self.mend(all, lines),
        }
        if lines.stray {
            self.fail(Fault::Line("CR or LF alone"));
        }
        if (lines.stray || lines.nul) && self.headers.retain(build::is_safe) > 0 {
            self.fail(Fault::Line("NUL in a value"));
        }
    }

    /// The headers of a section that is not all UTF-8: old peers send names in Latin-1. What matches a
    /// message to its call must be exact.
    fn mend(&mut self, all: Vec<Field>, lines: &Lines<'_>) {
        let octets = [lines.octets, &self.unfolded].concat();
        for field in all {
            let label = String::from_utf8_lossy(field.label_in(&octets));
            let value = String::from_utf8_lossy(field.value_in(&octets));
            let name = Name::of(label.as_bytes());
            let broken = matches!(value, std::borrow::Cow::Owned(_));
            if broken && matches!(name, Name::Via | Name::CallId | Name::CSeq) {
                self.fail(Fault::Line("not utf-8"));
            } else {
                self.headers.push(&label, value);
            }
        }
    }

    #[cold]
    fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }
}

/// Nearly always there is one blank, and nothing to be trimmed at the end.
#[inline]
fn trim_start(octets: &[u8]) -> &[u8] {
    match octets {
        [b' ', rest @ ..] if rest.first().is_some_and(|next| *next > b' ') => rest,
        _ => trim_blanks(octets),
    }
}

#[inline]
fn trim_end(octets: &[u8]) -> &[u8] {
    match octets.last() {
        Some(last) if *last > b' ' => octets,
        _ => trim_blanks_at_end(octets),
    }
}

fn trim_blanks(octets: &[u8]) -> &[u8] {
    let first = octets.iter().position(|octet| !is_blank(*octet));
    &octets[first.unwrap_or(octets.len())..]
}

fn trim_blanks_at_end(octets: &[u8]) -> &[u8] {
    let last = octets.iter().rposition(|octet| !is_blank(*octet));
    &octets[..last.map_or(0, |last| last + 1)]
}
