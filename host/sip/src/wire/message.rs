//! The messages: a start line, headers, a body.

use std::borrow::Cow;
use std::net::SocketAddr;

use bytes::Bytes;
use rsip::StatusCode;

use super::build::Builder;
use super::headers::Headers;
use super::method::Method;
use super::reply::Reply;
use super::status::reason_phrase;
use crate::Uri;

/// A request or a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// RFC 3261 §7.1.
    Request(Request),
    /// RFC 3261 §7.2.
    Response(Response),
}

impl Message {
    /// Its headers.
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    /// Its body.
    pub fn body(&self) -> &Bytes {
        match self {
            Self::Request(request) => &request.body,
            Self::Response(response) => &response.body,
        }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
}

impl Request {
    /// Begins a request.
    pub fn builder(method: Method, uri: Uri) -> Builder {
        Builder::new(method, uri)
    }

    /// Its method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Its headers.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Its body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Notes `received` and `rport` in the topmost Via. RFC 3261 §18.2.1, RFC 3581 §4.
    pub fn stamp(&mut self, source: SocketAddr) {
        self.headers.stamp(source);
    }

    /// Begins the answer: Via, From, To, Call-ID and CSeq are copied, the To tag is added if the
    /// request had none (and the answer is not 100). RFC 3261 §8.2.6.2.
    pub fn respond(&self, status: u16, to_tag: Option<&str>) -> Reply<'_> {
        self.respond_because(status, reason_phrase(status), to_tag)
    }

    /// The same with a reason phrase of its own.
    pub fn respond_because(&self, status: u16, reason: &str, to_tag: Option<&str>) -> Reply<'_> {
        Reply::new(self, status, reason, to_tag)
    }
}

/// Status code and phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusLine {
    code: StatusCode,
    reason: Cow<'static, str>,
}

impl StatusLine {
    pub(super) fn new(status: u16, reason: &str) -> Self {
        let registered = reason_phrase(status);
        Self {
            code: StatusCode::from(status),
            reason: if reason == registered {
                registered.into()
            } else {
                reason.to_owned().into()
            },
        }
    }
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub(super) line: StatusLine,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
}

impl Response {
    /// 100 to 699.
    pub fn status(&self) -> u16 {
        self.line.code.code()
    }

    /// The reason phrase.
    pub fn reason(&self) -> &str {
        &self.line.reason
    }

    /// Its headers.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// Its body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}
