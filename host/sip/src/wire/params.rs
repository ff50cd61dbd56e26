//! Parameters: `;name=value` lists of headers and URIs.

use std::fmt;

use super::lex::{Lex, Why, unquote};

/// An ordered list of `;name[=value]`. Names are compared without case; values are held as they
/// stand on the wire, quotes included.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Params(Vec<(String, Option<String>)>);

impl Params {
    /// The value of a parameter; `Some("")` for one without value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.unwrap_or(""))
    }

    /// The value of a parameter, freed from quotes.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(unquote)
    }

    /// Whether a parameter is there, with or without value.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets a parameter in place, or appends it.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match self
            .0
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            Some(entry) => entry.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    pub(crate) fn push(&mut self, name: &str, value: Option<String>) {
        self.0.push((name.to_owned(), value));
    }

    /// `*( SEMI generic-param )` of a header value. RFC 3261 §25.1.
    pub(crate) fn read(lex: &mut Lex<'_>) -> Result<Self, Why> {
        let mut params = Self::default();
        while lex.separator(b';') {
            let name = lex.token().ok_or("parameter without a name")?;
            let value = if lex.separator(b'=') {
                Some(read_value(lex)?.to_owned())
            } else {
                None
            };
            params.0.push((name.to_owned(), value));
        }
        Ok(params)
    }
}

fn read_value<'a>(lex: &mut Lex<'a>) -> Result<&'a str, Why> {
    if lex.peek() == Some(b'"') {
        return lex.quoted();
    }
    let value = lex.run(is_value);
    if value.is_empty() {
        Err("parameter without its value")
    } else {
        Ok(value)
    }
}

/// `token` and `host` of `gen-value`, and what peers send beside them (a bare IPv6 address in
/// `received`, `+sip.instance` without quotes): all but separators.
fn is_value(octet: u8) -> bool {
    !matches!(octet, 0..=b' ' | 0x7f | b';' | b',' | b'"')
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}
