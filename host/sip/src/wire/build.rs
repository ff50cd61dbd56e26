//! Building requests of our own.
//!
//! The first fault is kept and told by `build`, so that a chain of calls needs one check.

use std::fmt;

use bytes::Bytes;

use super::addr::NameAddr;
use super::error::Fault;
use super::fields::Fields;
use super::headers::{Headers, Routing};
use super::lex::TOKEN;
use super::message::Request;
use super::method::Method;
use super::names::Name;
use super::section::{SINGLES, repeated, single};
use crate::Uri;

/// Room for the headers of nearly all requests of ours at once.
const USUAL_HEADERS: usize = 16;
/// And for their values.
const USUAL_OCTETS: usize = 512;

/// Why a message cannot be built: a bug of the caller, or text from outside that fits no header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// CR, LF or NUL in it, or a name that is no token.
    #[error("header {0} holds an octet that would break the message")]
    Octet(String),
    /// Via, From, To, Call-ID or CSeq is missing or unreadable, or one that must be alone is not.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A request in the making.
#[derive(Clone, Debug)]
pub struct Builder {
    method: Method,
    uri: Uri,
    headers: Fields,
    body: Bytes,
    error: Option<BuildError>,
}

impl Builder {
    pub(super) fn new(method: Method, uri: Uri) -> Self {
        Self {
            method,
            uri,
            headers: Fields::with_capacity(USUAL_HEADERS, USUAL_OCTETS),
            body: Bytes::new(),
            error: None,
        }
    }

    /// The same request as another one, with this Via and this number.
    #[must_use]
    pub(crate) fn again(&self, via: &str, cseq: u32) -> Self {
        let mut again = self.clone();
        let number = format!("{cseq} {}", self.method);
        for (at, name) in self.headers.names().enumerate() {
            match name {
                Name::Via => again.headers.replace(at, via),
                Name::CSeq => again.headers.replace(at, &number),
                _ => {}
            }
        }
        again
    }

    /// Its method.
    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI.
    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Appends a Via; the first one is the topmost.
    #[must_use]
    pub fn via(self, via: impl fmt::Display) -> Self {
        self.push("Via", via)
    }

    /// Appends From.
    #[must_use]
    pub fn from(self, from: impl fmt::Display) -> Self {
        self.push("From", from)
    }

    /// Appends To.
    #[must_use]
    pub fn to(self, to: impl fmt::Display) -> Self {
        self.push("To", to)
    }

    /// Appends Call-ID.
    #[must_use]
    pub fn call_id(self, call_id: &str) -> Self {
        self.header("Call-ID", call_id)
    }

    /// Appends CSeq.
    #[must_use]
    pub fn cseq(self, number: u32) -> Self {
        let method = self.method.clone();
        self.push("CSeq", format_args!("{number} {method}"))
    }

    /// Appends Contact.
    #[must_use]
    pub fn contact(self, uri: &Uri) -> Self {
        self.push("Contact", format_args!("<{uri}>"))
    }

    /// Appends one Route each.
    #[must_use]
    pub fn routes<'a>(mut self, routes: impl IntoIterator<Item = &'a NameAddr>) -> Self {
        for route in routes {
            self = self.push("Route", route);
        }
        self
    }

    /// Appends every header of that name that `source` has.
    #[must_use]
    pub fn copy(mut self, source: &Headers, name: &str) -> Self {
        for value in source.get_all(name) {
            self = self.push(name, value);
        }
        self
    }

    /// Appends a header; Content-Length is ignored, the body says it.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.push(name, value.trim_matches([' ', '\t']))
    }

    fn push(mut self, name: &str, value: impl fmt::Display) -> Self {
        if Name::of(name.as_bytes()) == Name::ContentLength {
            return self;
        }
        self.headers.push(name, value);
        let written = self.headers.value(self.headers.len() - 1);
        if name.is_empty() || !TOKEN.holds(name) || !is_safe(written) {
            self.headers.pop();
            self.error
                .get_or_insert_with(|| BuildError::Octet(name.escape_debug().to_string()));
        }
        self
    }

    /// Sets the body and its Content-Type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: Bytes) -> Self {
        self.body = body;
        self.header("Content-Type", content_type)
    }

    /// The request.
    pub fn build(self) -> Result<Request, BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut seen = [false; SINGLES];
        for (name, _) in self.headers.iter() {
            if single(name).is_some_and(|single| std::mem::replace(&mut seen[single], true)) {
                return Err(repeated(name).into());
            }
        }
        let headers = self.headers;
        let routing = Routing::read(&headers, |_, _| Ok(()))?;
        Ok(Request {
            method: self.method,
            uri: self.uri,
            headers: Headers::new(headers, routing),
            body: self.body,
        })
    }
}

/// No CR or LF, and NUL only where a quoted string escapes it (RFC 4475 §3.1.1.2 has one, and the
/// answer must repeat it).
pub(super) fn is_safe(value: &str) -> bool {
    let mut before = 0;
    value.bytes().all(|octet| {
        let safe = !matches!(octet, b'\r' | b'\n') && (octet != 0 || before == b'\\');
        before = octet;
        safe
    })
}
