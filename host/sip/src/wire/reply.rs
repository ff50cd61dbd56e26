//! Answers, written straight from the headers of their request. RFC 3261 §8.2.6.
//!
//! An answer of ours is looked at by nobody before it leaves, and then kept only as bytes, so it
//! never becomes a message of headers. The first fault is kept and told by `build`, as in `Builder`.

use bytes::Bytes;

use super::build::{BuildError, is_safe};
use super::lex::TOKEN;
use super::message::Request;
use super::names::Name;
use super::section::{repeated, single};
use super::write;
use crate::Uri;

/// Octets of an answer without a body, as most are.
const USUAL: usize = 768;

/// An answer in the making.
#[derive(Clone, Debug)]
pub struct Reply<'a> {
    request: &'a Request,
    text: String,
    body: Bytes,
    error: Option<BuildError>,
}

impl<'a> Reply<'a> {
    /// Via, From, To, Call-ID and CSeq are copied, the To tag is added if the request had none (and
    /// the answer is not 100). RFC 3261 §8.2.6.2.
    pub(super) fn new(request: &'a Request, status: u16, reason: &str, tag: Option<&str>) -> Self {
        let mut text = String::with_capacity(USUAL);
        let error = if is_safe(reason) {
            write::status_line(&mut text, status, reason);
            None
        } else {
            Some(BuildError::Octet("reason phrase".to_owned()))
        };
        let headers = request.headers();
        let tag = tag.filter(|_| status != 100 && headers.to_tag().is_none());
        for (name, value) in headers.all().iter() {
            let copied = match name {
                Name::Via | Name::From | Name::To | Name::CallId | Name::CSeq => true,
                // RFC 3261 §8.2.6.1.
                Name::Timestamp => status == 100,
                _ => false,
            };
            let Some(label) = name.as_str().filter(|_| copied) else {
                continue;
            };
            match tag.filter(|_| name == Name::To) {
                Some(tag) => text.extend([label, ": ", value, ";tag=", tag, "\r\n"]),
                None => write::header(&mut text, label, value),
            }
        }
        Self {
            request,
            text,
            body: Bytes::new(),
            error,
        }
    }

    /// Appends every header of that name that the request has.
    #[must_use]
    pub fn copy(mut self, name: &str) -> Self {
        for value in self.request.headers().get_all(name) {
            write::header(&mut self.text, name, value);
        }
        self
    }

    /// Appends Contact.
    #[must_use]
    pub fn contact(mut self, uri: &Uri) -> Self {
        self.text.extend(["Contact: <", uri.as_str(), ">\r\n"]);
        self
    }

    /// Appends a header. Those that an answer has once are the request's or come with the body;
    /// Content-Length is ignored, the body says it.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let known = Name::of(name.as_bytes());
        let name = known.as_str().unwrap_or(name);
        let value = value.trim_matches([' ', '\t']);
        if name.is_empty() || !TOKEN.holds(name) || !is_safe(value) {
            let error = || BuildError::Octet(name.escape_debug().to_string());
            self.error.get_or_insert_with(error);
        } else if single(known).is_some() {
            self.error.get_or_insert_with(|| repeated(known).into());
        } else if known != Name::ContentLength {
            write::header(&mut self.text, name, value);
        }
        self
    }

    /// Sets the body and its Content-Type, which is of our own writing.
    #[must_use]
    pub fn body(mut self, content_type: &'static str, body: Bytes) -> Self {
        if self.body.is_empty() {
            write::header(&mut self.text, "Content-Type", content_type);
        }
        self.body = body;
        self
    }

    /// Its bytes.
    pub fn build(self) -> Result<Bytes, BuildError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(write::finish(self.text, &self.body)),
        }
    }
}
