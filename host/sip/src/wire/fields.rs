//! The header fields of a message: one text, and where in it each of them stands.
//!
//! Owns their storage and nothing of their grammar. To read a message copies its header section once
//! and cuts nothing out of it; unfolded values and what comes later are appended to the text. So a
//! message costs two allocations here, however many headers it has.

use std::fmt::{self, Write as _};
use std::ops::Range;

use super::names::Name;

/// The fields in order.
#[derive(Clone, Default)]
pub(super) struct Fields {
    text: String,
    all: Vec<Field>,
}

/// One header field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    name: Name,
    /// Where its name is; looked at only if the name is none that we know.
    label: Span,
    value: Span,
}

/// A stretch of the text. Half as large as a `Range`: a header section has 16 KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The same stretch of another text, in which what stood at `from` stands at `to`.
    fn moved(self, from: usize, to: usize) -> Self {
        let range = self.range();
        if range.start < from {
            return self;
        }
        (range.start - from + to..range.end - from + to).into()
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        // Limits keep a text far below 4 GiB; above it a value would be a wrong one, nothing worse.
        Self {
            start: range.start as u32,
            end: range.end as u32,
        }
    }
}

impl Field {
    #[inline]
    pub(super) fn new(name: Name, label: Range<usize>, value: Range<usize>) -> Self {
        Self {
            name,
            label: label.into(),
            value: value.into(),
        }
    }

    /// Its name in the octets that it was found in.
    pub(super) fn label_in(self, octets: &[u8]) -> &[u8] {
        octets.get(self.label.range()).unwrap_or(b"")
    }

    /// Its value there.
    pub(super) fn value_in(self, octets: &[u8]) -> &[u8] {
        octets.get(self.value.range()).unwrap_or(b"")
    }
}

impl Fields {
    /// None yet, with room for so many.
    pub(super) fn with_capacity(fields: usize, octets: usize) -> Self {
        Self {
            text: String::with_capacity(octets),
            all: Vec::with_capacity(fields),
        }
    }

    /// Those of a header section that was read: `head` is as much of it as is needed, `rest` what the
    /// places from `length` on mean.
    pub(super) fn of_section(mut all: Vec<Field>, head: &str, length: usize, rest: &str) -> Self {
        // Room for what `stamp` appends: a second Via.
        let mut text = String::with_capacity(head.len() + rest.len() + 192);
        text.extend([head, rest]);
        if !rest.is_empty() {
            for field in &mut all {
                field.label = field.label.moved(length, head.len());
                field.value = field.value.moved(length, head.len());
            }
        }
        Self { text, all }
    }

    /// Appends a field. Its name is a token.
    pub(super) fn push(&mut self, label: &str, value: impl fmt::Display) {
        let name = Name::of(label.as_bytes());
        let label = match name {
            Name::Other => self.append(label),
            _ => Span::default(),
        };
        let value = self.append(value);
        self.all.push(Field { name, label, value });
    }

    /// Gives a field another value. The old one stays in the text; nothing is replaced often.
    pub(super) fn replace(&mut self, at: usize, value: &str) {
        let value = self.append(value);
        if let Some(field) = self.all.get_mut(at) {
            field.value = value;
        }
    }

    /// Drops the last field.
    pub(super) fn pop(&mut self) {
        self.all.pop();
    }

    fn append(&mut self, text: impl fmt::Display) -> Span {
        let start = self.text.len();
        // Writing into a String cannot fail.
        let _ = write!(self.text, "{text}");
        (start..self.text.len()).into()
    }

    /// Keeps the fields with values of that kind; returns how many went.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) -> usize {
        let (text, before) = (&self.text, self.all.len());
        self.all.retain(|field| keep(slice(text, field.value)));
        before - self.all.len()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The value of the field at a place.
    pub(super) fn value(&self, at: usize) -> &str {
        let field = self.all.get(at);
        field.map_or("", |field| slice(&self.text, field.value))
    }

    /// Where a part of the value at `at` is in the text.
    pub(super) fn place(&self, part: &str) -> Span {
        super::lex::place(&self.text, part).into()
    }

    /// What stands at a place.
    pub(super) fn at(&self, span: Span) -> &str {
        slice(&self.text, span)
    }

    /// Names as they are known.
    pub(super) fn names(&self) -> impl Iterator<Item = Name> {
        self.all.iter().map(|field| field.name)
    }

    /// Names as they are known, and values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Name, &str)> {
        self.all
            .iter()
            .map(|field| (field.name, slice(&self.text, field.value)))
    }

    /// Canonical names and values.
    pub(super) fn view(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all.iter().map(|field| {
            let label = || slice(&self.text, field.label);
            let name = field.name.as_str().unwrap_or_else(label);
            (name, slice(&self.text, field.value))
        })
    }

    /// The values of one header, by any of its names.
    pub(super) fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let (wanted, label) = (Name::of(name.as_bytes()), name);
        self.all
            .iter()
            .filter(move |field| {
                field.name == wanted
                    && (wanted != Name::Other
                        || slice(&self.text, field.label).eq_ignore_ascii_case(label))
            })
            .map(|field| slice(&self.text, field.value))
    }
}

/// No span is cut through a character: each comes from a `str`.
fn slice(text: &str, span: Span) -> &str {
    text.get(span.range()).unwrap_or("")
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.view().eq(other.view())
    }
}

impl Eq for Fields {}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.view()).finish()
    }
}
