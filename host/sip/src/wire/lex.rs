//! A cursor over one unfolded header value, and the character classes of RFC 3261 §25.1.

use std::ops::Range;

use memchr::{memchr, memchr2};

/// What is wrong with a value, in words that name the fault.
pub(crate) type Why = &'static str;

/// The rest of a value that is still to be read.
#[derive(Clone, Copy)]
pub(crate) struct Lex<'a>(&'a str);

impl<'a> Lex<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.as_bytes().first().copied()
    }

    #[inline]
    pub(crate) fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.0 = &self.0[1..];
        }
    }

    /// Takes `octet`, which is ASCII, if it comes next.
    #[inline]
    pub(crate) fn eat(&mut self, octet: u8) -> bool {
        debug_assert!(octet.is_ascii());
        let found = self.peek() == Some(octet);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// Takes `text` if it comes next.
    #[inline]
    pub(crate) fn skip(&mut self, text: &str) -> bool {
        let rest = self.0.strip_prefix(text);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// `octet` between optional blanks: the separators SLASH, SEMI, EQUAL… of RFC 3261 §25.1.
    #[inline]
    pub(crate) fn separator(&mut self, octet: u8) -> bool {
        match self.peek() {
            Some(next) if next == octet => {
                self.0 = &self.0[1..];
                self.skip_blanks();
                true
            }
            Some(b' ' | b'\t') => self.separator_after_blanks(octet),
            _ => false,
        }
    }

    fn separator_after_blanks(&mut self, octet: u8) -> bool {
        let mut ahead = *self;
        ahead.skip_blanks();
        let found = ahead.eat(octet);
        if found {
            ahead.skip_blanks();
            *self = ahead;
        }
        found
    }

    /// The longest run of octets of a class. Octets above 127 are all in it or all out of it, so
    /// that no character is cut.
    #[inline]
    pub(crate) fn run(&mut self, class: &Class) -> &'a str {
        let octets = self.0.as_bytes();
        let mut end = 0;
        while octets.get(end).is_some_and(|octet| class.has(*octet)) {
            end += 1;
        }
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    /// What stands before the next `octet`, which is ASCII and is taken too.
    #[inline]
    pub(crate) fn until(&mut self, octet: u8) -> Option<&'a str> {
        debug_assert!(octet.is_ascii());
        let end = memchr(octet, self.0.as_bytes())?;
        let taken = &self.0[..end];
        self.0 = &self.0[end + 1..];
        Some(taken)
    }

    /// What is still to be read.
    #[inline]
    pub(crate) fn rest(&self) -> &'a str {
        self.0
    }

    #[inline]
    pub(crate) fn token(&mut self) -> Option<&'a str> {
        Some(self.run(&TOKEN)).filter(|token| !token.is_empty())
    }

    /// `[…]`, brackets included. The cursor stands on the opening one.
    pub(crate) fn bracketed(&mut self) -> Option<&'a str> {
        let end = self.0.find(']')?;
        let (taken, rest) = self.0.split_at(end + 1);
        self.0 = rest;
        Some(taken)
    }

    /// A quoted string, quotes included. The cursor stands on its opening quote.
    pub(crate) fn quoted(&mut self) -> Result<&'a str, Why> {
        let octets = self.0.as_bytes();
        let mut at = 1;
        while let Some(found) = octets.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
            at += found;
            if octets[at] == b'"' {
                let (taken, rest) = self.0.split_at(at + 1);
                self.0 = rest;
                return Ok(taken);
            }
            at += 2;
        }
        Err("unbalanced quote")
    }
}

/// A set of octets, as a table: most of reading a message is to ask whether an octet is in one.
pub(crate) struct Class([bool; 256]);

impl Class {
    /// Letters, digits and `further`.
    pub(crate) const fn alphanumeric(further: &[u8]) -> Self {
        let mut class = Self([false; 256]);
        let mut octet = 0;
        while octet < 128 {
            class.0[octet] = (octet as u8).is_ascii_alphanumeric();
            octet += 1;
        }
        class.set(further, true)
    }

    /// All but `these`, and but the control octets other than the tabulator.
    pub(crate) const fn all_but(these: &[u8]) -> Self {
        let mut class = Self([true; 256]);
        let mut octet = 0;
        while octet < 128 {
            class.0[octet] = octet == b'\t' as usize || !(octet as u8).is_ascii_control();
            octet += 1;
        }
        class.set(these, false)
    }

    /// These alone.
    pub(crate) const fn only(these: &[u8]) -> Self {
        Self([false; 256]).set(these, true)
    }

    /// With `further`.
    pub(crate) const fn and(self, further: &[u8]) -> Self {
        self.set(further, true)
    }

    const fn set(mut self, octets: &[u8], to: bool) -> Self {
        let mut at = 0;
        while at < octets.len() {
            self.0[octets[at] as usize] = to;
            at += 1;
        }
        self
    }

    #[inline]
    pub(crate) const fn has(&self, octet: u8) -> bool {
        self.0[octet as usize]
    }

    /// Whether all octets of `text` are in it.
    #[inline]
    pub(crate) fn holds(&self, text: &str) -> bool {
        text.bytes().all(|octet| self.has(octet))
    }
}

/// `token` of RFC 3261 §25.1.
pub(crate) static TOKEN: Class = Class::alphanumeric(b"-.!%*_+`'~");

pub(crate) static DIGIT: Class = Class::only(b"0123456789");

/// LWS after unfolding.
pub(crate) fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

/// The items of a comma-separated list; commas in quotes or angle brackets do not separate.
pub(crate) fn list(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let text = rest?;
        let (item, after) = match top_level_comma(text) {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        rest = after;
        Some(item.trim_matches([' ', '\t']))
    })
}

fn top_level_comma(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped, mut bracketed) = (false, false, false);
    text.bytes().position(|octet| {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if !bracketed => quoted = !quoted,
            b'<' if !quoted => bracketed = true,
            b'>' if !quoted => bracketed = false,
            b',' if !quoted && !bracketed => return true,
            _ => {}
        }
        false
    })
}

/// The text inside a quoted string, its escapes undone; other text as it is.
pub(crate) fn unquote(text: &str) -> String {
    let Some(inner) = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    else {
        return text.to_owned();
    };
    let mut escaped = false;
    inner
        .chars()
        .filter(|&c| {
            escaped = c == '\\' && !escaped;
            !escaped
        })
        .collect()
}

/// `text` as a quoted string.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '\0') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// A decimal number, leading zeros allowed; `None` if it is none or above `max`.
pub(crate) fn number(text: &str, max: u64) -> Option<u64> {
    number_of(text.as_bytes(), max)
}

/// The same of octets.
pub(super) fn number_of(octets: &[u8], max: u64) -> Option<u64> {
    let add = |value: u64, octet: &u8| {
        let digit = octet.wrapping_sub(b'0');
        let more = value.checked_mul(10)?.checked_add(u64::from(digit))?;
        (digit < 10).then_some(more)
    };
    let value = octets.iter().try_fold(0, add)?;
    (!octets.is_empty() && value <= max).then_some(value)
}

/// Where the first `octet` is. Texts are short here, too short for the searches of the standard
/// library to pay.
#[inline]
pub(crate) fn find(text: &str, octet: u8) -> Option<usize> {
    text.bytes().position(|other| other == octet)
}

/// What stands before and after the first `separator`.
#[inline]
pub(crate) fn cut(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = find(text, separator)?;
    Some((&text[..at], &text[at + 1..]))
}

/// Where `part` is in `whole`, from which it was cut.
pub(crate) fn place(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
    start..start.wrapping_add(part.len())
}
