//! Typed header values: name-addr, CSeq, Reason.
//!
//! Own types, because rsip's lose quoted names, lists, IPv6 and unknown methods.

use std::fmt;

use super::lex::{Lex, Why, number, quote, unquote};
use super::method::Method;
use super::params::Params;
use crate::Uri;

/// `"name" <uri>;params` of From, To, Contact, Route, Record-Route. RFC 3261 §20.10.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameAddr {
    /// The display name, freed from quotes.
    pub display: Option<String>,
    /// The URI.
    pub uri: Uri,
    /// The parameters of the header, not of the URI.
    pub params: Params,
}

impl NameAddr {
    /// The URI alone.
    pub fn new(uri: Uri) -> Self {
        Self {
            display: None,
            uri,
            params: Params::default(),
        }
    }

    /// With a tag.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", Some(tag));
        self
    }

    /// The tag. RFC 3261 §19.3.
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// One name-addr or addr-spec with its parameters; `text` is one item of a list.
    pub(crate) fn parse(text: &str) -> Result<Self, Why> {
        let mut lex = Lex::new(text);
        lex.skip_blanks();
        let (display, uri) = read_address(&mut lex)?;
        let uri: Uri = uri.parse().map_err(|_| "bad uri")?;
        let params = Params::read(&mut lex)?;
        lex.skip_blanks();
        if lex.is_empty() {
            Ok(Self {
                display,
                uri,
                params,
            })
        } else {
            Err("text after the parameters")
        }
    }
}

/// `[display] "<" uri ">"`, or the URI alone.
fn read_address<'a>(lex: &mut Lex<'a>) -> Result<(Option<String>, &'a str), Why> {
    let mut ahead = *lex;
    let display = if ahead.peek() == Some(b'"') {
        Some(unquote(ahead.quoted()?))
    } else {
        let words = ahead.run(is_display).trim_end_matches([' ', '\t']);
        Some(words.to_owned()).filter(|words| !words.is_empty())
    };
    ahead.skip_blanks();
    if !ahead.eat(b'<') {
        return Ok((None, read_bare(lex)?));
    }
    let uri = ahead.run(|octet| octet != b'>');
    if !ahead.eat(b'>') {
        return Err("unbalanced angle bracket");
    }
    *lex = ahead;
    Ok((display, uri))
}

/// An addr-spec without brackets: `;`, `,` and `?` cannot be of the URI. RFC 3261 §20.10.
fn read_bare<'a>(lex: &mut Lex<'a>) -> Result<&'a str, Why> {
    let uri = lex.run(|octet| !matches!(octet, b' ' | b'\t' | b';' | b','));
    if uri.contains('?') {
        Err("uri with headers outside of angle brackets")
    } else {
        Ok(uri)
    }
}

/// The grammar wants tokens; peers send `J. Müller & Co (2)` bare, which no reader can mistake.
fn is_display(octet: u8) -> bool {
    !matches!(octet, 0..=8 | 10..=31 | 127 | b'"' | b',' | b';' | b'<' | b'>')
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.display {
            Some(display) => write!(f, "{} <{}>{}", quote(display), self.uri, self.params),
            None => write!(f, "<{}>{}", self.uri, self.params),
        }
    }
}

/// CSeq. RFC 3261 §20.16.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CSeq {
    /// Below 2³¹: RFC 3261 §8.1.1.5.
    pub number: u32,
    /// The method.
    pub method: Method,
}

impl CSeq {
    pub(crate) fn parse(text: &str) -> Result<Self, Why> {
        let mut lex = Lex::new(text);
        let digits = lex.run(|octet| octet.is_ascii_digit());
        let number = number(digits, (1 << 31) - 1).ok_or("not a number below 2^31")?;
        let blank = matches!(lex.peek(), Some(b' ' | b'\t'));
        lex.skip_blanks();
        match lex.token() {
            Some(method) if blank && lex.is_empty() => Ok(Self {
                number: number as u32,
                method: Method::from_token(method),
            }),
            _ => Err("no method after the number"),
        }
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

/// One value of the Reason header. RFC 3326.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `SIP`, `Q.850`, or what the peer says.
    pub protocol: String,
    /// The cause, a number of that protocol.
    pub cause: Option<u16>,
    /// The text.
    pub text: Option<String>,
}

impl Reason {
    pub(crate) fn parse(text: &str) -> Result<Self, Why> {
        let mut lex = Lex::new(text);
        let protocol = lex.token().ok_or("no protocol")?.to_owned();
        let params = Params::read(&mut lex)?;
        Ok(Self {
            protocol,
            cause: params.get("cause").and_then(|cause| cause.parse().ok()),
            text: params.text("text"),
        })
    }
}
