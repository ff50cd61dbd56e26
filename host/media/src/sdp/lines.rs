//! Which lines of a peer's description the parser is given.
//!
//! It takes a description whole or not at all; what nobody here reads must not cost a call, and each stream is
//! refused alone (RFC 3264 §6). So lines that are not read are left out, and of a stream that is not audio all
//! but its `m=` line. One whose `m=` line cannot be read is made one of port 0, which is what its answer
//! says. Knows no meaning of a line; those that stay keep their numbers.

use super::audio::is_audio;

/// A description of what we read.
#[derive(Debug, Default)]
pub(super) struct Legible {
    pub(super) text: String,
    /// What is wrong with the first stream of audio that had to be refused.
    pub(super) odd: Option<String>,
}

impl Legible {
    pub(super) fn of(description: &[u8]) -> Self {
        let mut legible = Legible::default();
        let mut is_read = true;
        for line in String::from_utf8_lossy(description).split('\n') {
            let line = line.trim_end_matches(|c: char| c == '\0' || c.is_ascii_whitespace());
            match line.get(..2) {
                Some("m=") => is_read = legible.stream(line),
                _ if !is_read => {}
                Some("a=") => legible.attribute(&line[2..]),
                Some("t=") if !is_time(&line[2..]) => {}
                Some("v=" | "c=" | "t=") => legible.text.push_str(line),
                // None of ours, or of nobody's (RFC 8866 §5).
                Some(key) if key.ends_with('=') => {}
                _ => legible.text.push_str(line),
            }
            legible.text.push('\n');
        }
        legible
    }

    /// Takes an `m=` line. Whether the lines behind it are read.
    fn stream(&mut self, line: &str) -> bool {
        let fields: Vec<&str> = line[2..].split_ascii_whitespace().collect();
        let [kind, port, proto, formats @ ..] = &fields[..] else {
            // The parser says so: there is no answer to it.
            self.text.push_str(line);
            return true;
        };
        let is_odd = formats.is_empty() || !is_port(port);
        if is_odd && is_audio(kind) && self.odd.is_none() {
            self.odd = Some(format!("no port or no format in `{line}`"));
        }
        let port = if is_odd { "0" } else { port };
        // At least one format must be present (RFC 3264 §6), whatever the peer has done.
        let formats = match formats {
            [] => "*",
            formats => &formats.join(" "),
        };
        let parts = ["m=", kind, " ", port, " ", proto, " ", formats];
        self.text.extend(parts);
        !is_odd && is_audio(kind)
    }

    /// Takes an `a=` line without blanks at its name, which would make it another.
    fn attribute(&mut self, line: &str) {
        let (name, value) = match line.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (line, None),
        };
        self.text.extend(["a=", name.trim()]);
        self.text
            .extend(value.into_iter().flat_map(|value| [":", value]));
    }
}

/// A port, or the first of so many.
fn is_port(text: &str) -> bool {
    text.splitn(2, '/').all(|it| it.parse::<u16>().is_ok())
}

/// Start and end (RFC 8866 §5.9).
fn is_time(text: &str) -> bool {
    let times: Vec<_> = text
        .split_ascii_whitespace()
        .map(str::parse::<u64>)
        .collect();
    matches!(times[..], [Ok(_), Ok(_)])
}
