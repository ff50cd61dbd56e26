//! Building messages of our own.
//!
//! The first fault is kept and told by `build`, so that a chain of calls needs one check.

use bytes::Bytes;

use super::addr::{CSeq, NameAddr};
use super::error::Fault;
use super::headers::{Headers, Routing, values};
use super::lex::is_token;
use super::message::{Request, Response, StatusLine};
use super::method::Method;
use super::names;
use super::section::SINGLE;
use super::via::Via;
use crate::Uri;

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

/// A message in the making; `Line` is its start line.
#[derive(Clone, Debug)]
pub struct Builder<Line> {
    line: Line,
    headers: rsip::Headers,
    body: Bytes,
    error: Option<BuildError>,
}

impl<Line> Builder<Line> {
    pub(super) fn new(line: Line) -> Self {
        Self {
            line,
            headers: rsip::Headers::default(),
            body: Bytes::new(),
            error: None,
        }
    }

    /// Appends a Via; the first one is the topmost.
    #[must_use]
    pub fn via(self, via: &Via) -> Self {
        self.header("Via", &via.to_string())
    }

    /// Appends From.
    #[must_use]
    pub fn from(self, from: &NameAddr) -> Self {
        self.header("From", &from.to_string())
    }

    /// Appends To.
    #[must_use]
    pub fn to(self, to: &NameAddr) -> Self {
        self.header("To", &to.to_string())
    }

    /// Appends Call-ID.
    #[must_use]
    pub fn call_id(self, call_id: &str) -> Self {
        self.header("Call-ID", call_id)
    }

    /// Appends CSeq.
    #[must_use]
    pub fn cseq(self, number: u32, method: Method) -> Self {
        self.header("CSeq", &CSeq { number, method }.to_string())
    }

    /// Appends Contact.
    #[must_use]
    pub fn contact(self, uri: &Uri) -> Self {
        self.header("Contact", &format!("<{uri}>"))
    }

    /// Appends one Route each.
    #[must_use]
    pub fn routes<'a>(mut self, routes: impl IntoIterator<Item = &'a NameAddr>) -> Self {
        for route in routes {
            self = self.header("Route", &route.to_string());
        }
        self
    }

    /// Appends every header of that name that `source` has.
    #[must_use]
    pub fn copy(mut self, source: &Headers, name: &str) -> Self {
        for value in source.get_all(name) {
            self = self.header(name, value);
        }
        self
    }

    /// Appends a header; Content-Length is ignored, the body says it.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let value = value.trim_matches([' ', '\t']);
        let named = !name.is_empty() && name.bytes().all(is_token);
        if !named || !is_safe(value) {
            self.error
                .get_or_insert_with(|| BuildError::Octet(name.escape_debug().to_string()));
        } else if !names::long(name).eq_ignore_ascii_case("Content-Length") {
            self.headers.push(names::header(name, value.to_owned()));
        }
        self
    }

    /// Sets the body and its Content-Type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: Bytes) -> Self {
        self.body = body;
        self.header("Content-Type", content_type)
    }

    fn finish(self) -> Result<(Line, Headers, Bytes), BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let routing = Routing::read(&self.headers)?;
        if let Some(name) = SINGLE
            .iter()
            .find(|name| values(&self.headers, name).count() > 1)
        {
            return Err(Fault::Repeated(name).into());
        }
        Ok((self.line, Headers::new(self.headers, routing), self.body))
    }
}

impl Builder<(Method, Uri)> {
    /// The request.
    pub fn build(self) -> Result<Request, BuildError> {
        let ((method, uri), headers, body) = self.finish()?;
        Ok(Request {
            method,
            uri,
            headers,
            body,
        })
    }
}

impl Builder<StatusLine> {
    /// Sets another reason phrase.
    #[must_use]
    pub fn reason(mut self, reason: &str) -> Self {
        if is_safe(reason) {
            reason.clone_into(&mut self.line.reason);
        } else {
            self.error
                .get_or_insert_with(|| BuildError::Octet("reason phrase".to_owned()));
        }
        self
    }

    /// The response.
    pub fn build(self) -> Result<Response, BuildError> {
        let (line, headers, body) = self.finish()?;
        Ok(Response {
            line,
            headers,
            body,
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
