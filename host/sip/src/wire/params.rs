//! Parameters: `;name=value` lists of headers and URIs.

use std::fmt;

use super::lex::{Class, Lex, TOKEN, Why, unquote};

/// A view of an ordered list of `;name[=value]` that was checked. Names are compared without case;
/// values are as they stand on the wire, quotes included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params<'a>(&'a str);

impl<'a> Params<'a> {
    /// `text` was read by [`Params::read`], or is of a URI in normal form.
    pub(crate) fn of_checked(text: &'a str) -> Self {
        Self(text)
    }

    /// The value of a parameter; `Some("")` for one without value.
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.unwrap_or(""))
    }

    /// The value of a parameter, freed from quotes.
    pub fn text(self, name: &str) -> Option<String> {
        self.get(name).map(unquote)
    }

    /// Whether a parameter is there, with or without value.
    pub fn contains(self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All of them, in order.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let mut lex = Lex::new(self.0);
        // What was checked has no fault: an error can only be the end.
        std::iter::from_fn(move || next(&mut lex, &NAME).ok().flatten())
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The octets of the list.
    pub(crate) fn octets(self) -> usize {
        self.0.len()
    }

    /// Appends one to a list.
    pub(crate) fn push(text: &mut String, name: &str, value: Option<&str>) {
        text.extend([";", name]);
        text.extend(value.iter().flat_map(|value| ["=", value]));
    }

    /// The list with one parameter set in place, or appended.
    pub(crate) fn with(self, name: &str, value: Option<&str>) -> String {
        let mut text = String::with_capacity(self.0.len() + 32);
        let mut found = false;
        for (known, old) in self.iter() {
            let same = !found && known.eq_ignore_ascii_case(name);
            found |= same;
            Self::push(&mut text, known, if same { value } else { old });
        }
        if !found {
            Self::push(&mut text, name, value);
        }
        text
    }

    /// The list without one parameter.
    pub(crate) fn without(self, name: &str) -> String {
        let mut text = String::with_capacity(self.0.len());
        for (known, value) in self.iter() {
            if !known.eq_ignore_ascii_case(name) {
                Self::push(&mut text, known, value);
            }
        }
        text
    }

    /// `*( SEMI generic-param )` of a header value. RFC 3261 §25.1.
    pub(crate) fn read(lex: &mut Lex<'a>) -> Result<Self, Why> {
        Self::read_for(lex, "").map(|(params, _)| params)
    }

    /// The same, and what [`get`](Self::get) says of `wanted`.
    pub(crate) fn read_for(
        lex: &mut Lex<'a>,
        wanted: &str,
    ) -> Result<(Self, Option<&'a str>), Why> {
        let text = lex.rest();
        let mut found = None;
        while let Some((name, value)) = next(lex, &TOKEN)? {
            if name.is_empty() {
                return Err("parameter without a name");
            }
            if value == Some("") {
                return Err("parameter without its value");
            }
            if found.is_none() && name.eq_ignore_ascii_case(wanted) {
                found = Some(value.unwrap_or(""));
            }
        }
        Ok((Self(&text[..text.len() - lex.rest().len()]), found))
    }
}

/// Name and value.
type Param<'a> = (&'a str, Option<&'a str>);

/// One parameter whose name is of that class; `None` at the end of the list.
fn next<'a>(lex: &mut Lex<'a>, names: &Class) -> Result<Option<Param<'a>>, Why> {
    if !lex.separator(b';') {
        return Ok(None);
    }
    let name = lex.run(names);
    if !lex.separator(b'=') {
        return Ok(Some((name, None)));
    }
    let value = if lex.peek() == Some(b'"') {
        lex.quoted()?
    } else {
        lex.run(&VALUE)
    };
    Ok(Some((name, Some(value))))
}

/// Of names that were checked: those of URIs may hold more than tokens.
static NAME: Class = Class::all_but(b"\t =;");

/// `token` and `host` of `gen-value`, and what peers send beside them (a bare IPv6 address in
/// `received`, `+sip.instance` without quotes): all but separators.
static VALUE: Class = Class::all_but(b"\t ;,\"");

impl fmt::Display for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
