//! The headers of a message, in order, and their typed readings.
//!
//! The five that route a message (Via, From, To, CSeq, Call-ID) are checked when the message is made,
//! and so are always there and readable. The typed readings are views of the stored text, made when
//! they are asked for; only what is asked for several times is kept.

use std::fmt;
use std::net::SocketAddr;

use super::addr::{Address, CSeq, NameAddr, Reason};
use super::error::Fault;
use super::fields::{Fields, Span};
use super::lex::{Why, list, number};
use super::names::Name;
use super::via::Via;
use crate::Uri;

/// The headers of one message. Comma-listed Vias are apart from one another; Content-Length is not
/// among them, since the body says it. They are equal if the fields are, wherever they stand.
#[derive(Clone)]
pub struct Headers {
    all: Fields,
    routing: Routing,
}

/// What routes a message, as far as it is needed again and again. (The rest is only checked.)
#[derive(Clone)]
pub(super) struct Routing {
    /// Which fields they are; of Via, the topmost.
    via: usize,
    from: usize,
    to: usize,
    call_id: usize,
    from_tag: Option<Span>,
    to_tag: Option<Span>,
    pub(super) cseq: CSeq,
}

/// A Session-Expires header. RFC 4028 §4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires<'a> {
    /// Seconds after which the session is over.
    pub seconds: u32,
    /// `uac` or `uas`, if it says so.
    pub refresher: Option<&'a str>,
}

impl Routing {
    /// Reads Via, From, To, Call-ID and CSeq, of which the first counts; `check` is for all others,
    /// and for the Vias below the first, by name and place.
    pub(super) fn read(
        all: &Fields,
        check: impl Fn(Name, usize) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        let (mut via, mut call_id) = (None, None);
        let (mut from, mut to, mut cseq) = (None, None, None);
        for (at, name) in all.names().enumerate() {
            let text = || all.value(at);
            match name {
                Name::Via if via.is_none() => {
                    read("Via", Via::parse(text()))?;
                    via = Some(at);
                }
                Name::From if from.is_none() => {
                    from = Some((at, read("From", tag_in(all, text()))?));
                }
                Name::To if to.is_none() => to = Some((at, read("To", tag_in(all, text()))?)),
                Name::CallId if call_id.is_none() => {
                    read("Call-ID", check_call_id(text()))?;
                    call_id = Some(at);
                }
                Name::CSeq if cseq.is_none() => cseq = Some(read("CSeq", CSeq::parse(text()))?),
                other => check(other, at)?,
            }
        }
        let via = via.ok_or(Fault::Missing("Via"))?;
        let call_id = call_id.ok_or(Fault::Missing("Call-ID"))?;
        let (from, from_tag) = from.ok_or(Fault::Missing("From"))?;
        let (to, to_tag) = to.ok_or(Fault::Missing("To"))?;
        Ok(Self {
            via,
            from,
            to,
            call_id,
            from_tag,
            to_tag,
            cseq: cseq.ok_or(Fault::Missing("CSeq"))?,
        })
    }
}

impl Headers {
    /// `routing` was read from `all`.
    pub(super) fn new(all: Fields, routing: Routing) -> Self {
        Self { all, routing }
    }

    /// The topmost Via.
    pub fn via(&self) -> Via<'_> {
        // It was read when the message was made.
        Via::parse(self.all.value(self.routing.via)).unwrap_or_default()
    }

    /// From.
    pub fn from(&self) -> Address<'_> {
        Address::of_checked(self.all.value(self.routing.from))
    }

    /// To.
    pub fn to(&self) -> Address<'_> {
        Address::of_checked(self.all.value(self.routing.to))
    }

    /// The tag of From.
    pub fn from_tag(&self) -> Option<&str> {
        Some(self.all.at(self.routing.from_tag?))
    }

    /// The tag of To.
    pub fn to_tag(&self) -> Option<&str> {
        Some(self.all.at(self.routing.to_tag?))
    }

    /// CSeq.
    pub fn cseq(&self) -> &CSeq {
        &self.routing.cseq
    }

    /// Call-ID.
    pub fn call_id(&self) -> &str {
        self.all.value(self.routing.call_id)
    }

    /// The value of the first header of that name, in any case or compact form.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// The values of all headers of that name, in order.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.all.values(name)
    }

    /// Every header in order: its canonical long name and its unfolded value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all.view()
    }

    /// The headers as they are stored.
    pub(super) fn all(&self) -> &Fields {
        &self.all
    }

    /// All Vias, topmost first; unreadable ones below the first are left out.
    pub fn vias(&self) -> Vec<Via<'_>> {
        self.get_all("Via")
            .filter_map(|via| Via::parse(via).ok())
            .collect()
    }

    /// The Contacts; `*` and unreadable ones are left out.
    pub fn contacts(&self) -> Vec<NameAddr> {
        self.name_addrs("Contact")
    }

    /// The URI of the first Contact that is readable.
    pub fn contact(&self) -> Option<Uri> {
        self.addresses("Contact").next()?.uri()
    }

    /// The Route set, topmost first.
    pub fn routes(&self) -> Vec<NameAddr> {
        self.name_addrs("Route")
    }

    /// The Path of a REGISTER, topmost first. RFC 3327.
    pub fn paths(&self) -> Vec<NameAddr> {
        self.name_addrs("Path")
    }

    /// The Service-Route of an answer to a REGISTER, topmost first. RFC 3608.
    pub fn service_routes(&self) -> Vec<NameAddr> {
        self.name_addrs("Service-Route")
    }

    /// The Record-Route set, topmost first.
    pub fn record_routes(&self) -> Vec<NameAddr> {
        self.name_addrs("Record-Route")
    }

    /// The first URI of P-Asserted-Identity. RFC 3325 §9.1.
    pub fn asserted(&self) -> Option<Uri> {
        let address = self.addresses("P-Asserted-Identity").next()?;
        address.uri()
    }

    /// Max-Forwards.
    pub fn max_forwards(&self) -> Option<u8> {
        self.get("Max-Forwards")
            .and_then(|text| number(text, 255))
            .map(|hops| hops as u8)
    }

    /// Expires in seconds; a number too large for 32 bits counts as the largest. RFC 3261 §20.19.
    pub fn expires(&self) -> Option<u32> {
        seconds(self.get("Expires")?)
    }

    /// Session-Expires: its seconds and its refresher. RFC 4028 §4.
    pub fn session_expires(&self) -> Option<SessionExpires<'_>> {
        let mut parts = self.get("Session-Expires")?.split(';').map(str::trim);
        let seconds = seconds(parts.next()?)?;
        let refresher = parts.find_map(|param| {
            let (name, value) = param.split_once('=')?;
            let is = name.trim().eq_ignore_ascii_case("refresher");
            is.then(|| value.trim())
        });
        Some(SessionExpires { seconds, refresher })
    }

    /// Min-SE in seconds. RFC 4028 §5.
    pub fn min_se(&self) -> Option<u32> {
        seconds(self.get("Min-SE")?.split(';').next()?.trim())
    }

    /// Retry-After in seconds, without its comment and parameters. RFC 3261 §20.33.
    pub fn retry_after(&self) -> Option<u32> {
        let text = self.get("Retry-After")?;
        seconds(text.split(|c: char| !c.is_ascii_digit()).next()?)
    }

    /// Whether the sender knows an extension: Supported or Require names it.
    pub fn knows(&self, option: &str) -> bool {
        ["Supported", "Require"]
            .iter()
            .flat_map(|name| self.tokens(name))
            .any(|tag| tag.eq_ignore_ascii_case(option))
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

    fn name_addrs(&self, name: &str) -> Vec<NameAddr> {
        self.items(name)
            .filter_map(|item| NameAddr::parse(item).ok())
            .collect()
    }

    /// Those that are readable.
    fn addresses<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Address<'a>> {
        self.items(name)
            .filter_map(|item| Address::parse(item).ok())
    }

    fn items<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.get_all(name).flat_map(list)
    }

    /// Notes in the topmost Via where the message came from.
    pub(super) fn stamp(&mut self, source: SocketAddr) {
        let via = self.via().stamped(source);
        self.all.replace(self.routing.via, &via);
    }
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.all.fmt(f)
    }
}

/// The grammar allows less; what matters is that it is one word, for `scan_call_id` sees one line.
fn check_call_id(value: &str) -> Result<(), Why> {
    let word = !value.is_empty() && value.bytes().all(|octet| octet > b' ' && octet != 0x7f);
    if word { Ok(()) } else { Err("not one word") }
}

/// Where the tag is in a From or To that is well formed.
fn tag_in(all: &Fields, value: &str) -> Result<Option<Span>, Why> {
    let address = Address::parse(value)?;
    Ok(address.tag().map(|tag| all.place(tag)))
}

/// A number of seconds; one too large for 32 bits counts as the largest.
fn seconds(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u32::MAX))
}

fn read<T>(name: &'static str, value: Result<T, Why>) -> Result<T, Fault> {
    value.map_err(|why| Fault::Header { name, why })
}
