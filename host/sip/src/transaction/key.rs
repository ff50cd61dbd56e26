//! By what a message finds its transaction: RFC 3261 §17.1.3 and §17.2.3.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::dialog::PORT;
use crate::wire::{Method, Request, Response, Via};

/// What a branch begins with, if its maker follows RFC 3261 (§8.1.1.7).
pub(crate) const COOKIE: &str = "z9hG4bK";

/// RFC 3261 §17.1.3: the branch of the top Via and the method of CSeq (CANCEL shares the branch of
/// its INVITE).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClientKey {
    branch: Arc<str>,
    method: Method,
}

impl ClientKey {
    pub(crate) fn of_request(request: &Request) -> Option<Self> {
        let branch = request.headers().via().branch()?.into();
        Some(Self {
            branch,
            method: request.method().clone(),
        })
    }

    /// `None` for a response that went astray: more than one Via (RFC 3261 §8.1.3.3).
    pub(crate) fn of_response(response: &Response) -> Option<Self> {
        let headers = response.headers();
        if headers.get_all("Via").nth(1).is_some() {
            return None;
        }
        let branch = headers.via().branch()?.into();
        Some(Self {
            branch,
            method: headers.cseq().method.clone(),
        })
    }

    pub(crate) fn is_invite(&self) -> bool {
        self.method == Method::INVITE
    }
}

/// RFC 3261 §17.2.3: the branch and the sent-by of the top Via, and the method, where ACK counts as
/// INVITE.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ServerKey {
    /// Branch and sent-by, one after the other.
    place: Arc<str>,
    /// The port of the sent-by: where responses go when the connection is lost.
    port: u16,
    method: Method,
}

impl ServerKey {
    /// `via` is the topmost of the request.
    pub(crate) fn of_request(request: &Request, via: Via<'_>) -> Self {
        let headers = request.headers();
        let mut place = String::with_capacity(96);
        // Writing into a String cannot fail.
        let _ = match via.branch() {
            Some(branch) if is_unique(branch) => place.write_str(branch),
            // A peer of RFC 2543: what names the transaction there (§17.2.3), made one text. The
            // Request-URI and the To tag are left out: they add nothing to a Call-ID and CSeq.
            branch => write!(
                place,
                "{}\n{}\n{}\n{}",
                headers.call_id(),
                headers.from_tag().unwrap_or(""),
                headers.cseq().number,
                branch.unwrap_or(""),
            ),
        };
        let host = place.len() + 1;
        place.extend(["\n", via.host()]);
        place[host..].make_ascii_lowercase();
        if let Some(port) = via.port() {
            let _ = write!(place, "\n{port}");
        }
        let method = if *request.method() == Method::ACK {
            Method::INVITE
        } else {
            request.method().clone()
        };
        Self {
            place: place.into(),
            port: via.port().unwrap_or(PORT),
            method,
        }
    }

    /// The port of the sent-by.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The key of the INVITE that a CANCEL with this key means (RFC 3261 §9.2).
    pub(crate) fn cancelled(&self) -> Self {
        Self {
            method: Method::INVITE,
            ..self.clone()
        }
    }

    pub(crate) fn is_invite(&self) -> bool {
        self.method == Method::INVITE
    }
}

fn is_unique(branch: &str) -> bool {
    let cookie = branch.get(..COOKIE.len());
    cookie.is_some_and(|cookie| cookie.eq_ignore_ascii_case(COOKIE)) && branch.len() > COOKIE.len()
}
