//! The grammar that challenges and credentials share. RFC 7616 §3.3, §3.4.

use crate::limits;
use crate::wire::{Class, Lex, Why};

/// `Digest name=value, …`: hands on each name and its value as they stand on the wire.
pub(super) fn parameters<'a>(
    value: &'a str,
    mut each: impl FnMut(&'a str, &'a str) -> Result<(), Why>,
) -> Result<(), Why> {
    let mut lex = Lex::new(value);
    let scheme = lex.token().ok_or("no scheme")?;
    if !scheme.eq_ignore_ascii_case("Digest") {
        return Err("not digest");
    }
    lex.skip_blanks();
    loop {
        let (name, value) = parameter(&mut lex)?;
        each(name, value)?;
        if lex.is_empty() {
            return Ok(());
        }
        if !lex.separator(b',') {
            return Err("text after a parameter");
        }
    }
}

/// `name = token / quoted-string`.
fn parameter<'a>(lex: &mut Lex<'a>) -> Result<(&'a str, &'a str), Why> {
    let name = lex.token().ok_or("parameter without a name")?;
    if !lex.separator(b'=') {
        return Err("parameter without a value");
    }
    let value = match lex.peek() {
        Some(b'"') => lex.quoted()?,
        _ => lex.run(&BARE),
    };
    lex.skip_blanks();
    if value.len() > limits::URI {
        return Err("parameter too long");
    }
    Ok((name, value))
}

/// `unq` of RFC 7616 §3.3: without quotes, but with its escapes, since that is what was hashed.
pub(super) fn bare(value: &str) -> &str {
    let inner = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
    inner.unwrap_or(value)
}

/// Some peers leave quotes away where they are due.
static BARE: Class = Class::all_but(b" \t,\"");
