//! Keys of SRTP in descriptions: `a=crypto` (RFC 4568), and when a stream has to be protected.
//!
//! A stream over RTP/SAVP is protected or refused. One over RTP/AVP may be, if both sides have named
//! keys: there is no standard for offering both, and this is what telephones do. A line that asks for
//! what we do not have (MKI, a derivation rate, a session that is unencrypted) is passed over; the
//! lifetime of a key is not looked at, since no call lasts so long.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sdp_types::{Attribute, Media};

use super::SdpError;
use crate::limits;
use crate::srtp::{Agreed, Keys, Secret, Suite};

/// The transport of a protected stream.
pub(super) const SAVP: &str = "RTP/SAVP";

/// That of any other.
pub(super) const AVP: &str = "RTP/AVP";

/// Whether our side of a stream is protected, and from what its keys are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Srtp<'a> {
    /// Never.
    #[default]
    Off,
    /// If the other side will.
    May(&'a Secret),
    /// In any case.
    Must(&'a Secret),
}

impl<'a> Srtp<'a> {
    /// The transport of an offer of ours.
    pub(super) const fn proto(self) -> &'static str {
        match self {
            Srtp::Off | Srtp::May(_) => AVP,
            Srtp::Must(_) => SAVP,
        }
    }

    /// Every suite of ours, with keys of its own.
    pub(super) fn lines(self) -> Vec<Line> {
        let secret = self.secret();
        let line = |(tag, suite)| {
            let keys = secret?.keys(suite);
            Some(Line { tag, keys })
        };
        (1..).zip(Suite::ALL).filter_map(line).collect()
    }

    /// Our line in an answer to one of an offer.
    pub(super) fn answer(self, chosen: Option<&Line>) -> Option<(Line, Agreed)> {
        let (secret, chosen) = self.secret().zip(chosen)?;
        let keys = secret.keys(chosen.keys.suite());
        let agreed = Agreed {
            send: keys.clone(),
            receive: chosen.keys.clone(),
        };
        let tag = chosen.tag;
        Some((Line { tag, keys }, agreed))
    }

    pub(super) const fn level(self) -> Level {
        match self {
            Srtp::Off => Level::Plain,
            Srtp::May(_) => Level::Either,
            Srtp::Must(_) => Level::Protected,
        }
    }

    const fn secret(self) -> Option<&'a Secret> {
        match self {
            Srtp::Off => None,
            Srtp::May(secret) | Srtp::Must(secret) => Some(secret),
        }
    }
}

/// What a stream must be, to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Plain,
    Either,
    Protected,
}

/// A line of `a=crypto`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Names it in the answer.
    pub(super) tag: u32,
    pub(super) keys: Keys,
}

impl Line {
    pub(super) fn attribute(&self) -> Attribute {
        let (tag, suite) = (self.tag, self.keys.suite());
        let material = STANDARD.encode(self.keys.material());
        Attribute {
            attribute: "crypto".to_owned(),
            value: Some(format!("{tag} {suite} inline:{material}")),
        }
    }

    /// RFC 4568 §9.1.
    fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split_ascii_whitespace();
        let tag = parts.next().filter(|tag| tag.len() <= 9)?.parse().ok()?;
        let suite = Suite::named(parts.next()?)?;
        let inline = parts.next()?.strip_prefix("inline:")?;
        let mut more = inline.split('|');
        let material = more.next()?;
        // A lifetime; `1:4` would be an MKI.
        if more.any(|it| it.contains(':')) || parts.any(binds) {
            return None;
        }
        let mut octets = [0; limits::CRYPTO_OCTETS];
        let len = STANDARD.decode_slice(material, &mut octets).ok()?;
        let keys = Keys::new(suite, octets.get(..len)?)?;
        Some(Line { tag, keys })
    }
}

/// Whether a session parameter changes what we do: all but the window's size (RFC 4568 §6.3.6) and what
/// begins with `-`, which may be passed over (§6.3.7).
fn binds(parameter: &str) -> bool {
    !parameter.starts_with('-') && !parameter.starts_with("WSH=")
}

/// Whether an attribute may stand where only these keys may be named.
pub(super) fn names(attribute: &Attribute, keys: Option<&Keys>) -> bool {
    if attribute.attribute != "crypto" {
        return true;
    }
    let line = attribute.value.as_deref().and_then(Line::parse);
    line.is_some_and(|line| keys == Some(&line.keys))
}

/// What a description says of the protection of a stream.
pub(super) struct Crypto {
    /// Its transport wants it.
    pub(super) wanted: bool,
    /// The lines that we understand, best first.
    pub(super) lines: Vec<Line>,
    /// There are lines, if only such that we do not understand.
    pub(super) named: bool,
}

impl Crypto {
    pub(super) fn read(media: &Media) -> Self {
        let all = media.attributes.iter().filter(|a| a.attribute == "crypto");
        let values = all.clone().filter_map(|a| a.value.as_deref());
        Crypto {
            wanted: media.proto.eq_ignore_ascii_case(SAVP),
            lines: values.filter_map(Line::parse).collect(),
            named: all.count() > 0,
        }
    }

    /// The line of an offer that we take: the first that we understand, since they come in the
    /// offerer's order. `None` if the stream is not protected.
    pub(super) fn choose(&self, level: Level) -> Result<Option<&Line>, SdpError> {
        match (level, self.wanted, self.lines.first()) {
            (Level::Plain, true, _) => Err(SdpError::Transport(SAVP.to_owned())),
            (Level::Plain, false, _) | (Level::Either, false, None) => Ok(None),
            (_, _, Some(line)) => Ok(Some(line)),
            (_, true, None) => Err(SdpError::NoKeys),
            (Level::Protected, false, None) => Err(SdpError::Unprotected),
        }
    }

    /// What became of our offer, by the answer to it (RFC 4568 §5.1.3).
    pub(super) fn accept(&self, answer: &Crypto) -> Result<Option<Agreed>, SdpError> {
        if self.lines.is_empty() {
            return Ok(None);
        }
        let chosen = match answer.lines.first() {
            Some(line) => line,
            None if answer.named => return Err(SdpError::NoKeys),
            None if self.wanted => return Err(SdpError::Unprotected),
            None => return Ok(None),
        };
        let offered =
            |line: &&Line| line.tag == chosen.tag && line.keys.suite() == chosen.keys.suite();
        let ours = self.lines.iter().find(offered);
        let ours = ours.ok_or(SdpError::Mismatch("an a=crypto that was not offered"))?;
        Ok(Some(Agreed {
            send: ours.keys.clone(),
            receive: chosen.keys.clone(),
        }))
    }
}
