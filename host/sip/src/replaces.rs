//! Which dialog a new one shall take the place of: RFC 3891.

use std::fmt::{self, Write as _};

use crate::Uri;
use crate::wire::NameAddr;

/// A Replaces header. The tags are seen from who gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// The Call-ID.
    pub call_id: String,
    /// The tag of who gets it.
    pub to_tag: String,
    /// The tag of its peer.
    pub from_tag: String,
    /// Only while the dialog is early.
    pub early_only: bool,
}

impl Replaces {
    /// The value of a header. RFC 3891 §6.1.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let call_id = parts.next().filter(|id| is_word(id))?.to_owned();
        let (mut to_tag, mut from_tag, mut early_only) = (None, None, false);
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let place = match name.trim() {
                name if name.eq_ignore_ascii_case("to-tag") => &mut to_tag,
                name if name.eq_ignore_ascii_case("from-tag") => &mut from_tag,
                name => {
                    early_only |= name.eq_ignore_ascii_case("early-only");
                    continue;
                }
            };
            if place.is_some() {
                return None;
            }
            *place = Some(value.trim()).filter(|tag| is_word(tag));
            place.as_ref()?;
        }
        Some(Self {
            call_id,
            to_tag: to_tag?.to_owned(),
            from_tag: from_tag?.to_owned(),
            early_only,
        })
    }

    /// The one in the headers of a URI: `sip:bob@host?Replaces=…` (RFC 3515 §2.1). `Err`: there is one,
    /// and it cannot be read.
    pub(crate) fn in_uri(uri: &Uri) -> Result<Option<Self>, ()> {
        let headers = uri.headers().unwrap_or("").split('&');
        let mut named = headers.filter_map(|header| {
            let (name, value) = header.split_once('=')?;
            name.eq_ignore_ascii_case("Replaces").then_some(value)
        });
        let Some(value) = named.next() else {
            return Ok(None);
        };
        let value = unescaped(value).ok_or(())?;
        let replaces = Self::parse(&value).ok_or(())?;
        if named.next().is_some() {
            return Err(());
        }
        Ok(Some(replaces))
    }

    /// The Refer-To that asks to call `uri` and to take the place of this dialog; `None` if it gets too
    /// long.
    pub(crate) fn refer_to(replaces: Option<&Self>, uri: Uri) -> Option<NameAddr> {
        let uri = uri.without_headers();
        let Some(replaces) = replaces else {
            return Some(NameAddr::new(uri));
        };
        let escaped = escaped(&replaces.to_string());
        format!("{uri}?Replaces={escaped}")
            .parse()
            .ok()
            .map(NameAddr::new)
    }
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            call_id,
            to_tag,
            from_tag,
            early_only,
        } = self;
        write!(f, "{call_id};to-tag={to_tag};from-tag={from_tag}")?;
        f.write_str(if *early_only { ";early-only" } else { "" })
    }
}

/// As in a Call-ID and a tag, of which neither may end the header.
fn is_word(text: &str) -> bool {
    let plain = |octet: u8| octet.is_ascii_graphic() && !b",;\"".contains(&octet);
    !text.is_empty() && text.bytes().all(plain)
}

fn unescaped(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'%' {
            octets.push(octet);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        octets.push((digit()? * 16 + digit()?) as u8);
    }
    String::from_utf8(octets).ok()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-_.~".contains(&octet) {
            escaped.push(octet.into());
        } else {
            // To a string this cannot fail.
            let _ = write!(escaped, "%{octet:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::Replaces;

    #[test]
    fn a_header_is_read_and_written() {
        // RFC 3891 §6.2.
        let text = "98asjd8@test.com;to-tag=54321;from-tag=12345;early-only";
        let read = Replaces::parse(text).unwrap();
        assert_eq!(read.to_string(), text);
        let read = Replaces::parse("a@b ; FROM-TAG=f;x=y; to-tag = t").unwrap();
        assert_eq!(read.to_string(), "a@b;to-tag=t;from-tag=f");
        for text in [
            "",
            "a@b",
            "a;to-tag=1",
            "a;to-tag=1;to-tag=2;from-tag=3",
            "a;to-tag=;from-tag=3",
            "a b;to-tag=1;from-tag=3",
            "a;to-tag=1;from-tag=3\r\nX: y",
        ] {
            assert_eq!(Replaces::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn it_travels_in_the_uri_of_refer_to() {
        let replaces = Replaces::parse("a;to-tag=1=&;from-tag=3").unwrap();
        let uri: crate::Uri = "sip:bob@10.0.0.1;x=y?Subject=z".parse().unwrap();
        let asked = Replaces::refer_to(Some(&replaces), uri.clone()).unwrap();
        let expected = "<sip:bob@10.0.0.1;x=y?Replaces=a%3Bto-tag%3D1%3D%26%3Bfrom-tag%3D3>";
        assert_eq!(asked.to_string(), expected);
        assert_eq!(Replaces::in_uri(&asked.uri), Ok(Some(replaces)));
        assert_eq!(Replaces::in_uri(&uri), Ok(None));
        for headers in [
            "Replaces=x",
            "replaces=a%3Bto-tag%3D1%3Bfrom-tag%3D3&replaces=b",
        ] {
            let uri = format!("sip:bob@10.0.0.1?{headers}").parse().unwrap();
            assert_eq!(Replaces::in_uri(&uri), Err(()), "{headers}");
        }
    }
}
