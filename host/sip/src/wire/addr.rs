//! Typed header values: name-addr, CSeq, Reason.
//!
//! Own types, because rsip's lose quoted names, lists, IPv6 and unknown methods.

use std::fmt;

use super::lex::{Class, DIGIT, Lex, Why, find, number, quote, unquote};
use super::method::Method;
use super::params::Params;
use crate::Uri;

/// A view of `"name" <uri>;params` in a header value. RFC 3261 §20.10.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Address<'a> {
    text: &'a str,
    /// Perhaps in quotes.
    display: Option<&'a str>,
    uri: &'a str,
    params: Params<'a>,
    tag: Option<&'a str>,
}

impl<'a> Address<'a> {
    /// The display name, freed from quotes.
    pub fn display(self) -> Option<String> {
        self.display.map(unquote)
    }

    /// The URI, if it is one.
    pub fn uri(self) -> Option<Uri> {
        self.uri.parse().ok()
    }

    /// The parameters of the header, not of the URI.
    pub fn params(self) -> Params<'a> {
        self.params
    }

    /// The tag. RFC 3261 §19.3.
    pub fn tag(self) -> Option<&'a str> {
        self.tag.filter(|tag| !tag.is_empty())
    }

    /// The text with a tag.
    pub(crate) fn tagged(self, tag: &str) -> String {
        // Without brackets too, the parameters are those of the header: RFC 3261 §20.10.
        if !self.params.contains("tag") {
            return format!("{};tag={tag}", self.text);
        }
        let head = self.text.len() - self.params.octets();
        let params = self.params.with("tag", Some(tag));
        [self.text.get(..head).unwrap_or(self.text), &params].concat()
    }

    /// One name-addr or addr-spec with its parameters; the cursor stands behind them then. The URI
    /// is not read.
    fn cut(lex: &mut Lex<'a>) -> Result<Self, Why> {
        lex.skip_blanks();
        let text = lex.rest();
        let (display, uri) = read_address(lex)?;
        let (params, tag) = Params::read_for(lex, "tag")?;
        let text = &text[..text.len() - lex.rest().len()];
        lex.skip_blanks();
        Ok(Self {
            text,
            display,
            uri,
            params,
            tag,
        })
    }

    /// One whole value that was found to be well formed.
    pub(crate) fn of_checked(text: &'a str) -> Self {
        Self::cut(&mut Lex::new(text)).unwrap_or_default()
    }

    /// One whole value that is well formed.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Why> {
        let mut lex = Lex::new(text);
        let address = Self::cut(&mut lex)?;
        if !lex.is_empty() {
            return Err("text after the parameters");
        }
        Uri::check(address.uri).map_err(|_| "bad uri")?;
        Ok(address)
    }

    /// Whether `text` is a list of them.
    pub(crate) fn check_list(text: &'a str) -> Result<(), Why> {
        let mut lex = Lex::new(text);
        loop {
            let address = Self::cut(&mut lex)?;
            Uri::check(address.uri).map_err(|_| "bad uri")?;
            if lex.is_empty() {
                return Ok(());
            }
            if !lex.eat(b',') {
                return Err("text after the parameters");
            }
        }
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// `"name" <uri>;params` of From, To, Contact, Route, Record-Route. RFC 3261 §20.10.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameAddr {
    /// The display name, freed from quotes.
    pub display: Option<String>,
    /// The URI.
    pub uri: Uri,
    /// The parameters of the header, as they stand on the wire.
    params: String,
}

impl NameAddr {
    /// The URI alone.
    pub fn new(uri: Uri) -> Self {
        Self {
            display: None,
            uri,
            params: String::new(),
        }
    }

    /// With a tag.
    #[must_use]
    pub fn with_tag(self, tag: &str) -> Self {
        self.with_param("tag", Some(tag))
    }

    #[must_use]
    pub(crate) fn with_param(self, name: &str, value: Option<&str>) -> Self {
        let params = self.params().with(name, value);
        Self { params, ..self }
    }

    /// The parameters of the header, not of the URI.
    pub fn params(&self) -> Params<'_> {
        Params::of_checked(&self.params)
    }

    /// The tag. RFC 3261 §19.3.
    pub fn tag(&self) -> Option<&str> {
        self.params().get("tag").filter(|tag| !tag.is_empty())
    }

    /// One name-addr or addr-spec with its parameters; `text` is one item of a list.
    pub fn parse(text: &str) -> Result<Self, Why> {
        let mut lex = Lex::new(text);
        let address = Address::cut(&mut lex)?;
        if !lex.is_empty() {
            return Err("text after the parameters");
        }
        Ok(Self {
            display: address.display(),
            uri: address.uri.parse().map_err(|_| "bad uri")?,
            params: address.params.to_string(),
        })
    }
}

/// `[display] "<" uri ">"`, or the URI alone.
fn read_address<'a>(lex: &mut Lex<'a>) -> Result<(Option<&'a str>, &'a str), Why> {
    let mut ahead = *lex;
    let display = match ahead.peek() {
        Some(b'"') => Some(ahead.quoted()?),
        Some(b'<') => None,
        _ => {
            let words = ahead.run(&DISPLAY).trim_end_matches([' ', '\t']);
            Some(words).filter(|words| !words.is_empty())
        }
    };
    ahead.skip_blanks();
    if !ahead.eat(b'<') {
        return Ok((None, read_bare(lex)?));
    }
    // What it holds is judged with the URI.
    let uri = ahead.until(b'>').ok_or("unbalanced angle bracket")?;
    *lex = ahead;
    Ok((display, uri))
}

/// An addr-spec without brackets: `;`, `,` and `?` cannot be of the URI. RFC 3261 §20.10.
fn read_bare<'a>(lex: &mut Lex<'a>) -> Result<&'a str, Why> {
    let uri = lex.run(&BARE);
    if find(uri, b'?').is_some() {
        Err("uri with headers outside of angle brackets")
    } else {
        Ok(uri)
    }
}

/// The grammar wants tokens; peers send `J. Müller & Co (2)` bare, which no reader can mistake.
static DISPLAY: Class = Class::all_but(b"\",;<>");
static BARE: Class = Class::all_but(b" \t;,");

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
        let digits = lex.run(&DIGIT);
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
