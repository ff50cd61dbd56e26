//! The Call-ID of a datagram without parsing it: it names the shard.
//!
//! Runs on the receiving thread for every packet, so it stops at the first Call-ID, allocates
//! nothing and judges nothing; the parser on the shard does that.

use memchr::memchr;

use crate::limits;

/// The Call-ID, or `None` if the datagram has none. For every message that [`parse`](super::parse)
/// accepts, both find the same.
pub fn scan_call_id(datagram: &[u8]) -> Option<&[u8]> {
    let blanks = datagram
        .iter()
        .take_while(|octet| matches!(octet, b'\r' | b'\n'))
        .count();
    let section = &datagram[blanks..];
    let section = &section[..section.len().min(limits::HEADER_SECTION)];
    // The start line cannot be a header.
    let mut rest = &section[memchr(b'\n', section)? + 1..];
    loop {
        let end = memchr(b'\n', rest)?;
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        if matches!(line, b"" | b"\r") {
            return None;
        }
        if let Some(value) = call_id_value(line) {
            return if value.is_empty() {
                folded_value(after)
            } else {
                Some(value)
            };
        }
        rest = after;
    }
}

/// The value of a Call-ID line; `None` for any other line.
fn call_id_value(line: &[u8]) -> Option<&[u8]> {
    // Most lines are told apart by their first letter.
    if !matches!(line.first(), Some(b'C' | b'c' | b'I' | b'i')) {
        return None;
    }
    let colon = memchr(b':', line)?;
    let name = line[..colon].trim_ascii_end();
    let wanted = name.eq_ignore_ascii_case(b"call-id") || name.eq_ignore_ascii_case(b"i");
    wanted.then(|| line[colon + 1..].trim_ascii())
}

/// The value of a header whose first line was empty: it may stand on the next, folded.
fn folded_value(mut rest: &[u8]) -> Option<&[u8]> {
    while let Some(b' ' | b'\t') = rest.first() {
        let end = memchr(b'\n', rest)?;
        let value = rest[..end].trim_ascii();
        if !value.is_empty() {
            return Some(value);
        }
        rest = &rest[end + 1..];
    }
    None
}
