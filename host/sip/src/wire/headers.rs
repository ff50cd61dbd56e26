//! The headers of a message, in order, and their typed readings.
//!
//! Storage is rsip's `Headers`. The five that route a message (Via, From, To, CSeq, Call-ID) are
//! read once, when the message is made, and so are always there; the others when asked for.

use std::net::SocketAddr;

use rsip::Header;
use rsip::headers::UntypedHeader;

use super::addr::{CSeq, NameAddr, Reason};
use super::error::Fault;
use super::lex::{list, number};
use super::names;
use super::via::Via;
use crate::Uri;

/// The headers of one message. Comma-listed Vias are apart from one another; Content-Length is not
/// among them, since the body says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    all: rsip::Headers,
    routing: Routing,
}

/// The headers that route a message, read. (Call-ID is only checked.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Routing {
    via: Via,
    from: NameAddr,
    to: NameAddr,
    pub(super) cseq: CSeq,
}

impl Routing {
    /// Reads them; `all` may hold anything else.
    pub(super) fn read(all: &rsip::Headers) -> Result<Self, Fault> {
        read_one(all, "Call-ID", check_call_id)?;
        Ok(Self {
            via: read_one(all, "Via", Via::parse)?,
            from: read_one(all, "From", NameAddr::parse)?,
            to: read_one(all, "To", NameAddr::parse)?,
            cseq: read_one(all, "CSeq", CSeq::parse)?,
        })
    }
}

impl Headers {
    /// `routing` was read from `all`.
    pub(super) fn new(all: rsip::Headers, routing: Routing) -> Self {
        Self { all, routing }
    }

    /// The topmost Via.
    pub fn via(&self) -> &Via {
        &self.routing.via
    }

    /// From.
    pub fn from(&self) -> &NameAddr {
        &self.routing.from
    }

    /// To.
    pub fn to(&self) -> &NameAddr {
        &self.routing.to
    }

    /// CSeq.
    pub fn cseq(&self) -> &CSeq {
        &self.routing.cseq
    }

    /// Call-ID.
    pub fn call_id(&self) -> &str {
        self.get("Call-ID").unwrap_or("")
    }

    /// The value of the first header of that name, in any case or compact form.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// The values of all headers of that name, in order.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        values(&self.all, name)
    }

    /// Every header in order: its canonical long name and its unfolded value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all.iter().map(names::view)
    }

    /// All Vias, topmost first; unreadable ones below the first are left out.
    pub fn vias(&self) -> Vec<Via> {
        self.get_all("Via")
            .filter_map(|via| Via::parse(via).ok())
            .collect()
    }

    /// The Contacts; `*` and unreadable ones are left out.
    pub fn contacts(&self) -> Vec<NameAddr> {
        self.addresses("Contact")
    }

    /// The Route set, topmost first.
    pub fn routes(&self) -> Vec<NameAddr> {
        self.addresses("Route")
    }

    /// The Record-Route set, topmost first.
    pub fn record_routes(&self) -> Vec<NameAddr> {
        self.addresses("Record-Route")
    }

    /// The first URI of P-Asserted-Identity. RFC 3325 §9.1.
    pub fn asserted(&self) -> Option<Uri> {
        self.addresses("P-Asserted-Identity")
            .into_iter()
            .next()
            .map(|address| address.uri)
    }

    /// Max-Forwards.
    pub fn max_forwards(&self) -> Option<u8> {
        self.get("Max-Forwards")
            .and_then(|text| number(text, 255))
            .map(|hops| hops as u8)
    }

    /// Expires in seconds; a number too large for 32 bits counts as the largest. RFC 3261 §20.19.
    pub fn expires(&self) -> Option<u32> {
        let text = self.get("Expires")?;
        let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u32::MAX))
    }

    /// The option tags of Require.
    pub fn require(&self) -> Vec<&str> {
        self.tokens("Require")
    }

    /// The option tags of Supported.
    pub fn supported(&self) -> Vec<&str> {
        self.tokens("Supported")
    }

    /// The methods of Allow.
    pub fn allow(&self) -> Vec<&str> {
        self.tokens("Allow")
    }

    /// Content-Type, with its parameters.
    pub fn content_type(&self) -> Option<&str> {
        self.get("Content-Type")
    }

    /// Whether the body has that media type (`application/sdp`), whatever its parameters.
    pub fn is_content(&self, media_type: &str) -> bool {
        let Some(value) = self.content_type() else {
            return false;
        };
        let essence = value.split(';').next().unwrap_or("");
        let bare = |c: &char| !matches!(c, ' ' | '\t');
        essence
            .chars()
            .filter(bare)
            .map(|c| c.to_ascii_lowercase())
            .eq(media_type.chars())
    }

    /// The values of Reason. RFC 3326.
    pub fn reasons(&self) -> Vec<Reason> {
        self.items("Reason")
            .filter_map(|item| Reason::parse(item).ok())
            .collect()
    }

    /// The items of a header that is a list of tokens.
    pub fn tokens(&self, name: &str) -> Vec<&str> {
        self.items(name).filter(|item| !item.is_empty()).collect()
    }

    fn addresses(&self, name: &str) -> Vec<NameAddr> {
        self.items(name)
            .filter_map(|item| NameAddr::parse(item).ok())
            .collect()
    }

    fn items<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.get_all(name).flat_map(list)
    }

    /// Notes in the topmost Via where the message came from.
    pub(super) fn stamp(&mut self, source: SocketAddr) {
        self.routing.via.stamp(source);
        stamp_first(&mut self.all, &self.routing.via);
    }
}

/// Writes `via` over the topmost Via of `all`.
pub(super) fn stamp_first(all: &mut rsip::Headers, via: &Via) {
    if let Some(Header::Via(first)) = all.iter_mut().find(|h| matches!(h, Header::Via(_))) {
        first.replace(via.to_string());
    }
}

/// The values of one header, in order.
pub(super) fn values<'a>(all: &'a rsip::Headers, name: &str) -> impl Iterator<Item = &'a str> {
    let name = names::long(name);
    all.iter()
        .map(names::view)
        .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// The grammar allows less; what matters is that it is one word, for `scan_call_id` sees one line.
fn check_call_id(value: &str) -> Result<(), &'static str> {
    let word = !value.is_empty() && value.bytes().all(|octet| octet > b' ' && octet != 0x7f);
    if word { Ok(()) } else { Err("not one word") }
}

fn read_one<T>(
    all: &rsip::Headers,
    name: &'static str,
    read: impl FnOnce(&str) -> Result<T, &'static str>,
) -> Result<T, Fault> {
    let value = values(all, name).next().ok_or(Fault::Missing(name))?;
    read(value).map_err(|why| Fault::Header { name, why })
}
