//! What is wrong with a message, and what can still be answered.

use std::net::SocketAddr;

use bytes::Bytes;

use super::fields::Fields;
use super::names::Name;
use super::via::Via;
use super::write;

/// The fault itself; its text is a reason phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing but line ends: a keep-alive. RFC 5626 §3.5.1.
    #[error("keep-alive")]
    KeepAlive,
    /// The first line is neither of RFC 3261 §7.1 nor of §7.2.
    #[error("bad start line: {0}")]
    StartLine(&'static str),
    /// A version other than 2.0.
    #[error("version not supported")]
    Version,
    /// The Request-URI is not one.
    #[error("bad request-uri: {0}")]
    RequestUri(crate::uri::UriError),
    /// Above a limit; it says which.
    #[error("too large: {0}")]
    TooLarge(&'static str),
    /// A line of the header section is no header.
    #[error("bad header line: {0}")]
    Line(&'static str),
    /// A header that must be there is not.
    #[error("missing {0}")]
    Missing(&'static str),
    /// A header that may be there once is there twice.
    #[error("more than one {0}")]
    Repeated(&'static str),
    /// A header cannot be read.
    #[error("bad {name}: {why}")]
    Header {
        /// Its canonical name.
        name: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// The method of CSeq is not that of the request.
    #[error("CSeq method does not match")]
    CSeqMismatch,
    /// Fewer octets came than Content-Length announced.
    #[error("body shorter than Content-Length")]
    ShortBody,
}

impl Fault {
    /// The status that refuses a request with this fault.
    pub fn status(&self) -> u16 {
        match self {
            Self::Version => 505,
            Self::RequestUri(crate::uri::UriError::TooLong) => 414,
            Self::TooLarge(_) => 513,
            _ => 400,
        }
    }
}

/// A message that was not understood.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{fault}")]
pub struct ParseError {
    /// What is wrong.
    pub fault: Fault,
    /// Enough to answer with; `None`: be silent (a response, an ACK, noise, a keep-alive).
    pub partial: Option<Box<Partial>>,
}

impl ParseError {
    pub(super) fn silent(fault: Fault) -> Self {
        Self {
            fault,
            partial: None,
        }
    }

    /// The status to answer with; `None`: be silent.
    pub fn status(&self) -> Option<u16> {
        self.partial.as_ref().map(|_| self.fault.status())
    }
}

/// What could be read of a broken request: the headers that its answer repeats.
#[derive(Clone, Debug)]
pub struct Partial {
    headers: Fields,
}

impl Partial {
    /// `None` if no Via can be read: there is nobody to answer.
    pub(super) fn new(headers: &Fields) -> Option<Box<Self>> {
        Via::parse_leniently(headers.values("Via").next()?)?;
        let mut kept = Fields::default();
        for (name, value) in headers.iter() {
            let Some(label) = name.as_str() else { continue };
            let first = || kept.iter().all(|(other, _)| other != name);
            let wanted = match name {
                Name::Via => true,
                Name::From | Name::To | Name::CallId | Name::CSeq => first(),
                _ => false,
            };
            if wanted {
                kept.push(label, value);
            }
        }
        Some(Box::new(Self { headers: kept }))
    }

    /// The topmost Via, as far as it could be read.
    pub fn via(&self) -> Via<'_> {
        let via = self.headers.values("Via").next();
        via.and_then(Via::parse_leniently).unwrap_or_default()
    }

    /// Notes `received` and `rport` in the topmost Via. RFC 3261 §18.2.1, RFC 3581 §4.
    pub fn stamp(&mut self, source: SocketAddr) {
        let via = self.via().stamped(source);
        let topmost = self.headers.iter().position(|(name, _)| name == Name::Via);
        if let Some(topmost) = topmost {
            self.headers.replace(topmost, &via);
        }
    }

    /// The bytes of a stateless refusal, with the headers that there were. `to_tag` is added if To
    /// has no tag; it should be the same for a retransmission (RFC 3261 §8.2.7).
    pub fn refuse(&self, status: u16, reason: &str, to_tag: &str) -> Bytes {
        let mut text = String::with_capacity(512);
        write::status_line(&mut text, status, reason);
        for (name, value) in self.headers.view() {
            // To may be unreadable, so the tag is searched for as text.
            if name == "To" && !value.to_ascii_lowercase().contains("tag") {
                text.extend([name, ": ", value, ";tag=", to_tag, "\r\n"]);
            } else {
                write::header(&mut text, name, value);
            }
        }
        write::finish(text, &[])
    }
}
