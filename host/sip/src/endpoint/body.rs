//! Which octets of a body are a session description: the body, or one part of a `multipart/mixed`
//! (RFC 5621 §3.1). What else it holds is passed over where its sender says that it may be
//! (`handling=optional`, RFC 3261 §20.11), and refused where not (§8.2.3).
//!
//! Parts are not looked into again: one that is a multipart itself is a part of an unknown type.

use bytes::Bytes;
use memchr::memmem;

use super::receive::Refusal;
use super::write::SDP;
use crate::limits;
use crate::wire::Headers;

/// Why a body cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unread {
    /// Not a type of ours, or not a description of the session itself.
    Type,
    Encoding,
    /// A multipart that does not end, has no boundary, or too many parts.
    Broken,
}

/// What the headers of a body or of a part say of it.
#[derive(Clone, Copy, Default)]
struct Says<'a> {
    media_type: &'a str,
    disposition: Option<&'a str>,
    is_encoded: bool,
}

/// Whether the body is one that can be an offer, or none.
pub(super) fn screen_body(headers: &Headers, body: &Bytes) -> Result<(), Refusal> {
    read(headers, body).map(|_| ()).map_err(|why| match why {
        Unread::Type => Refusal::new(415).with("Accept", SDP),
        Unread::Encoding => Refusal::new(415).with("Accept-Encoding", "identity"),
        Unread::Broken => Refusal::new(400).because("Bad Multipart Body"),
    })
}

/// The session description in a body, if there is one.
pub(super) fn sdp_of(headers: &Headers, body: &Bytes) -> Option<Bytes> {
    read(headers, body).ok().flatten()
}

fn read(headers: &Headers, body: &Bytes) -> Result<Option<Bytes>, Unread> {
    let encodings = headers.tokens("Content-Encoding");
    let says = Says {
        media_type: headers.content_type().unwrap_or(""),
        disposition: headers.get("Content-Disposition"),
        is_encoded: encodings.into_iter().any(is_encoding),
    };
    if body.is_empty() {
        // An encoding of nothing is refused as that of something would be.
        return says.judge(true).map(|_| None);
    }
    if !says.is_encoded && says.is("multipart/mixed") {
        return mixed(says.media_type, body);
    }
    Ok(says.judge(false)?.then(|| body.clone()))
}

/// The description among the parts.
fn mixed(media_type: &str, body: &Bytes) -> Result<Option<Bytes>, Unread> {
    let boundary = parameter(media_type, "boundary").ok_or(Unread::Broken)?;
    let mut found = None;
    for part in parts(body, boundary).ok_or(Unread::Broken)? {
        let (says, content) = described(part).ok_or(Unread::Broken)?;
        if says.judge(false)? {
            if found.is_some() {
                return Err(Unread::Type);
            }
            found = Some(body.slice_ref(content));
        }
    }
    Ok(found)
}

impl Says<'_> {
    /// Whether it is a session description; false: it may be passed over.
    fn judge(&self, is_empty: bool) -> Result<bool, Unread> {
        let optional = self.disposition.and_then(|it| parameter(it, "handling"));
        let optional = optional.is_some_and(|it| it.eq_ignore_ascii_case("optional"));
        let kind = self
            .disposition
            .map(|it| it.split(';').next().unwrap_or(it));
        let of_session = kind.is_none_or(|it| it.trim().eq_ignore_ascii_case("session"));
        match (self.is_encoded, self.is(SDP) && of_session) {
            _ if is_empty && !self.is_encoded => Ok(false),
            (false, true) => Ok(true),
            _ if optional => Ok(false),
            (true, _) => Err(Unread::Encoding),
            (false, false) => Err(Unread::Type),
        }
    }

    fn is(&self, media_type: &str) -> bool {
        let essence = self.media_type.split(';').next().unwrap_or("");
        let bare = essence.chars().filter(|c| !matches!(c, ' ' | '\t'));
        bare.map(|c| c.to_ascii_lowercase()).eq(media_type.chars())
    }
}

/// Those of a multipart, headers included (RFC 2046 §5.1.1).
fn parts<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<&'a [u8]>> {
    let delimiter = format!("--{boundary}");
    let mut all = Vec::new();
    let mut begin = None;
    for at in memmem::find_iter(body, &delimiter) {
        let before = &body[..at];
        let after = &body[at + delimiter.len()..];
        let line = after.split(|octet| *octet == b'\n').next()?;
        let closes = after.starts_with(b"--");
        let bare = line
            .iter()
            .all(|octet| matches!(octet, b' ' | b'\t' | b'\r'));
        if !(before.is_empty() || before.ends_with(b"\n")) || !(closes || bare) {
            // The text of a part that only looks like one.
            continue;
        }
        if let Some(begin) = begin {
            let part: &[u8] = before.get(begin..)?;
            let part = part.strip_suffix(b"\n").unwrap_or(part);
            all.push(part.strip_suffix(b"\r").unwrap_or(part));
        }
        if closes {
            return Some(all);
        }
        if all.len() == limits::PARTS {
            return None;
        }
        begin = Some(at + delimiter.len() + line.len() + 1);
    }
    None
}

/// What a part says of itself, and the rest. Without a word it is text (RFC 2046 §5.1).
fn described(part: &[u8]) -> Option<(Says<'_>, &[u8])> {
    let mut says = Says {
        media_type: "text/plain",
        ..Says::default()
    };
    let mut rest = part;
    loop {
        let end = memchr::memchr(b'\n', rest)?;
        let (line, after) = (std::str::from_utf8(&rest[..end]).ok()?, &rest[end + 1..]);
        rest = after;
        let line = line.trim_end();
        if line.is_empty() {
            return Some((says, rest));
        }
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "content-type" | "c" => says.media_type = value,
            "content-disposition" => says.disposition = Some(value),
            "content-encoding" | "e" | "content-transfer-encoding" => {
                says.is_encoded |= is_encoding(value);
            }
            _ => {}
        }
    }
}

/// Whether the octets are others than those that are meant.
fn is_encoding(coding: &str) -> bool {
    let as_they_are = ["identity", "binary", "8bit", "7bit"];
    !as_they_are.iter().any(|it| coding.eq_ignore_ascii_case(it))
}

/// The value of a parameter, without its quotes.
fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let mut all = value.split(';').skip(1).filter_map(|it| it.split_once('='));
    let (_, found) = all.find(|(it, _)| it.trim().eq_ignore_ascii_case(name))?;
    let found = found.trim();
    let bare = found.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    Some(bare.unwrap_or(found)).filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Unread, parts, read};
    use crate::limits;
    use crate::wire::{Message, parse};

    const MIXED: &str = "Content-Type: multipart/mixed;boundary=\"b\"\r\n";

    /// What is found in a body with these headers.
    fn found(headers: &str, body: &str) -> Result<Option<String>, Unread> {
        let text = format!(
            "INVITE sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:x@y>\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let Ok(Message::Request(request)) = parse(&text.into()) else {
            panic!("it is a request")
        };
        let text = |sdp: bytes::Bytes| String::from_utf8(sdp.to_vec()).unwrap();
        read(request.headers(), request.body()).map(|sdp| sdp.map(text))
    }

    /// What is looked for.
    fn sdp() -> String {
        "v=0\r\n".to_owned()
    }

    /// RFC 3261 §8.2.3, §20.11.
    #[test]
    fn what_its_sender_calls_optional_is_passed_over_and_nothing_else() {
        let cases = [
            ("Content-Type: application/sdp", Ok(Some(sdp()))),
            (
                "Content-Type: application/sdp\r\nContent-Disposition: session",
                Ok(Some(sdp())),
            ),
            ("Content-Type: text/plain", Err(Unread::Type)),
            (
                "Content-Type: text/plain\r\nContent-Disposition: render",
                Err(Unread::Type),
            ),
            (
                "Content-Type: text/plain\r\nContent-Disposition: render;handling=required",
                Err(Unread::Type),
            ),
            (
                "Content-Type: text/plain\r\nContent-Disposition: render;handling=optional",
                Ok(None),
            ),
            (
                "Content-Type: text/plain\r\nContent-Disposition: x ; Handling = \"OPTIONAL\"",
                Ok(None),
            ),
            // RFC 3959.
            (
                "Content-Type: application/sdp\r\nContent-Disposition: early-session",
                Err(Unread::Type),
            ),
            (
                "Content-Type: application/sdp\r\nContent-Encoding: gzip",
                Err(Unread::Encoding),
            ),
            (
                "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\nContent-Disposition: session;handling=optional",
                Ok(None),
            ),
        ];
        for (headers, expect) in cases {
            assert_eq!(
                found(&format!("{headers}\r\n"), "v=0\r\n"),
                expect,
                "{headers}"
            );
        }
        assert_eq!(found("", ""), Ok(None));
    }

    /// RFC 5621 §3.1.
    #[test]
    fn the_description_in_a_multipart_is_found_whatever_may_be_passed_over_beside_it() {
        let sdp_part = "Content-Type: application/sdp\r\n\r\nv=0\r\n";
        let isup = "Content-Type: application/ISUP\r\nContent-Disposition: signal;handling=";
        let optional = format!("{isup}optional\r\n\r\n\u{1}--b");
        let required = format!("{isup}required\r\n\r\n\u{1}");
        let nested = "Content-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\n\r\nv=0\r\n--c--";
        let cases: [(&[&str], _); 8] = [
            (&[sdp_part], Ok(Some(sdp()))),
            (&[&optional, sdp_part], Ok(Some(sdp()))),
            (&[sdp_part, &optional], Ok(Some(sdp()))),
            (&[sdp_part, &required], Err(Unread::Type)),
            (&[&optional], Ok(None)),
            (&[sdp_part, sdp_part], Err(Unread::Type)),
            (&[nested], Err(Unread::Type)),
            (&["\r\nno header: this is text"], Err(Unread::Type)),
        ];
        for (all, expect) in cases {
            let text = format!("--b\r\n{}\r\n", all.join("\r\n--b\r\n"));
            assert_eq!(found(MIXED, &format!("{text}--b--\r\n")), expect, "{text}");
            let lead = format!("to be ignored\r\n{text}--b-- and this");
            assert_eq!(found(MIXED, &lead), expect, "{text}");
        }
    }

    #[test]
    fn a_multipart_that_does_not_end_or_has_no_boundary_is_broken() {
        let part = "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n";
        for (headers, body) in [
            (MIXED, part.to_owned()),
            (MIXED, "--b--\r\n".replace("--b", "--c")),
            (
                "Content-Type: multipart/mixed\r\n",
                format!("{part}\r\n--b--\r\n"),
            ),
            (MIXED, "--b\r\nno end of headers\r\n--b--".to_owned()),
        ] {
            assert_eq!(found(headers, &body), Err(Unread::Broken), "{body}");
        }
    }

    #[test]
    fn a_multipart_has_no_more_parts_than_the_limit() {
        let body = |count| "--b\r\n\r\nx\r\n".repeat(count) + "--b--";
        let most = limits::PARTS;
        assert_eq!(
            parts(body(most).as_bytes(), "b").map(|all| all.len()),
            Some(most)
        );
        assert_eq!(parts(body(most + 1).as_bytes(), "b"), None);
    }
}
