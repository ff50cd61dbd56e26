//! INFO of the peer: keys that it presses, in the two forms that telephones have for them.
//!
//! Neither is an Info Package (RFC 6086 §4.2.2: the usage of old), and of packages we want none.

use std::time::Instant;

use super::Endpoint;
use super::receive::{Arrived, Refusal};
use super::write::Answer;
use crate::event::{DialogId, Event};
use crate::wire::Request;

/// `Signal=5`, a line, and the duration in another.
pub(super) const RELAY: &str = "application/dtmf-relay";

/// The key and nothing else.
const PLAIN: &str = "application/dtmf";

impl Endpoint {
    /// INFO in a call. What is no key (an empty body, a flash hook) is answered 200 as well.
    pub(super) fn info(
        &mut self,
        now: Instant,
        id: DialogId,
        arrived: &Arrived,
    ) -> Result<(), Refusal> {
        let request = &arrived.request;
        let (transaction, new) = self.enter(id, arrived)?;
        let answer = match judge(request, new) {
            Ok(digit) => {
                if let Some(digit) = digit {
                    self.emit(Event::Digit { dialog: id, digit });
                }
                Answer::new(200)
            }
            Err(refusal) => refusal.answer(None),
        };
        self.respond(now, transaction, request, answer);
        Ok(())
    }
}

/// The key that an INFO tells, if it tells one.
fn judge(request: &Request, new: bool) -> Result<Option<char>, Refusal> {
    let headers = request.headers();
    if !new {
        return Err(Refusal::new(500));
    }
    if headers.get("Info-Package").is_some() {
        return Err(Refusal::new(469).with("Recv-Info", ""));
    }
    let Ok(body) = std::str::from_utf8(request.body()) else {
        return Ok(None);
    };
    if body.is_empty() {
        Ok(None)
    } else if headers.is_content(PLAIN) {
        Ok(key(body))
    } else if headers.is_content(RELAY) {
        Ok(body.lines().find_map(signal))
    } else {
        Err(Refusal::new(415).with("Accept", [RELAY, PLAIN].join(", ")))
    }
}

/// The key of a line `Signal=5`.
fn signal(line: &str) -> Option<char> {
    let (name, value) = line.split_once('=')?;
    name.trim().eq_ignore_ascii_case("signal").then_some(())?;
    key(value)
}

/// A key as it is written: itself, or, as some have it, the number of its event (RFC 4733 §3.2).
fn key(text: &str) -> Option<char> {
    let text = text.trim();
    match text.as_bytes() {
        [key @ (b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D' | b'a'..=b'd')] => {
            Some(char::from(key.to_ascii_uppercase()))
        }
        [b'1', ones @ b'0'..=b'5'] => Some(char::from(b"*#ABCD"[usize::from(ones - b'0')])),
        _ => None,
    }
}
