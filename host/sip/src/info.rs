//! The body of an INFO that tells a key, in the two forms that telephones have for it.
//!
//! Neither is an Info Package (RFC 6086 §4.2.2: the usage of old). Owns what stands in such a body; when one is
//! taken or sent is the endpoint's.

/// How a body tells a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `application/dtmf-relay`: `Signal=5`, a line, and the duration in another.
    Relay,
    /// `application/dtmf`: the key and nothing else.
    Plain,
}

impl Form {
    /// Both.
    pub const ALL: [Form; 2] = [Form::Relay, Form::Plain];

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Form::Relay => "application/dtmf-relay",
            Form::Plain => "application/dtmf",
        }
    }

    /// The key that a body tells, if it tells one: `0` to `9`, `*`, `#`, `A` to `D`.
    pub fn key(self, body: &[u8]) -> Option<char> {
        let body = std::str::from_utf8(body).ok()?;
        match self {
            Form::Relay => body.lines().find_map(signal),
            Form::Plain => key(body),
        }
    }
}

/// A body of the first form for a key that lasted so many milliseconds.
pub fn body(key: char, milliseconds: u32) -> String {
    format!("Signal={key}\r\nDuration={milliseconds}\r\n")
}

/// The key of a line `Signal=5`.
fn signal(line: &str) -> Option<char> {
    let (name, value) = line.split_once('=')?;
    name.trim().eq_ignore_ascii_case("signal").then_some(())?;
    key(value)
}

/// A key as it is written: itself, or, as some have it, the number of its event (RFC 4733 §3.2).
fn key(text: &str) -> Option<char> {
    let text = text.trim();
    match text.as_bytes() {
        [key @ (b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D' | b'a'..=b'd')] => {
            Some(char::from(key.to_ascii_uppercase()))
        }
        [b'1', ones @ b'0'..=b'5'] => Some(char::from(b"*#ABCD"[usize::from(ones - b'0')])),
        _ => None,
    }
}
