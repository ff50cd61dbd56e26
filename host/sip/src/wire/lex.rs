//! A cursor over one unfolded header value, and the character classes of RFC 3261 §25.1.

/// What is wrong with a value, in words that name the fault.
pub(crate) type Why = &'static str;

/// The rest of a value that is still to be read.
#[derive(Clone, Copy)]
pub(crate) struct Lex<'a>(&'a str);

impl<'a> Lex<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.as_bytes().first().copied()
    }

    pub(crate) fn skip_blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    /// Takes `octet`, which is ASCII, if it comes next.
    pub(crate) fn eat(&mut self, octet: u8) -> bool {
        debug_assert!(octet.is_ascii());
        let found = self.peek() == Some(octet);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// `octet` between optional blanks: the separators SLASH, SEMI, EQUAL… of RFC 3261 §25.1.
    pub(crate) fn separator(&mut self, octet: u8) -> bool {
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
    pub(crate) fn run(&mut self, class: fn(u8) -> bool) -> &'a str {
        let end = self
            .0
            .bytes()
            .position(|octet| !class(octet))
            .unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    pub(crate) fn token(&mut self) -> Option<&'a str> {
        Some(self.run(is_token)).filter(|token| !token.is_empty())
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
        while let Some(octet) = octets.get(at) {
            match octet {
                b'"' => {
                    let (taken, rest) = self.0.split_at(at + 1);
                    self.0 = rest;
                    return Ok(taken);
                }
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        Err("unbalanced quote")
    }
}

/// `token` of RFC 3261 §25.1.
pub(crate) fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&octet)
}

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
    if text.is_empty() || !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    // All digits: the only failure is a number too large.
    text.parse().ok().filter(|&value| value <= max)
}
