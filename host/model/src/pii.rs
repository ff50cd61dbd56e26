//! Numbers of persons, kept out of logs.

use std::fmt;

/// A value that names a person: a telephone number or URI. Its `Display` and `Debug` show the last
/// two characters only, so that a log line can be matched with a trace but does not tell who called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pii<T>(pub T);

impl<T: fmt::Display> fmt::Display for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let hidden = text.chars().count().saturating_sub(2);
        f.write_str("…")?;
        text.chars().skip(hidden).try_for_each(|c| write!(f, "{c}"))
    }
}

impl<T: fmt::Display> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::Pii;

    #[test]
    fn only_the_last_two_characters_are_shown() {
        assert_eq!(format!("{} {:?}", Pii("4915112345678"), Pii("7")), "…78 …7");
    }
}
