//! A pending request, and which calls it is for.

use jackfield_sdk::{Reply, Request, number, store};
use serde::{Deserialize, Serialize};

/// The longest number or URI that is taken, in bytes; the user's is part of a key of 256.
const LONGEST: usize = 200;

/// What a phone user asked for.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// The id of the request.
    pub(crate) id: String,
    /// The private number: the user dials it, the callee sees it.
    pub(crate) caller: String,
    pub(crate) callee: String,
}

impl Pending {
    /// What that phone user asked for last, if it waits still.
    pub(crate) fn of(user: &str) -> jackfield_sdk::Result<Option<Self>> {
        if is_number(user) {
            store::get(&key(user))
        } else {
            Ok(None)
        }
    }

    /// The request in that body, or the reply that says what is wrong with it.
    pub(crate) fn parse(request: &Request) -> Result<Self, Reply> {
        if !is_number(&request.user) {
            let detail = "the telephone number in the path is not one";
            return Err(Reply::problem(400, "invalid-user", detail));
        }
        let [caller, callee] = numbers(request, ["caller", "callee"])?;
        let id = request.id.clone();
        Ok(Self { id, caller, callee })
    }

    /// Whether a call to `to` is the one that was asked for.
    pub(crate) fn is_for_private_number(&self, to: &str) -> bool {
        number(&self.caller) == number(to)
    }

    /// The same for a CTI server, which may name the callee instead.
    pub(crate) fn is_for_either(&self, to: &str) -> bool {
        self.is_for_private_number(to) || number(&self.callee) == number(to)
    }
}

/// Where the request of that phone user is kept.
pub(crate) fn key(user: &str) -> String {
    format!("pending/{}", number(user))
}

/// The body's two members, which are numbers or URIs, or the reply that names what is not.
pub(crate) fn numbers(request: &Request, names: [&str; 2]) -> Result<[String; 2], Reply> {
    let texts = request.strings(names)?;
    let why = "must be a telephone number or URI";
    match names.iter().zip(&texts).find(|(_, text)| !is_number(text)) {
        Some((name, _)) => Err(Reply::invalid_member(name, why)),
        None => Ok(texts),
    }
}

/// Whether the platform would take it for an address, as far as that can be told here.
fn is_number(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && !"<>\"\\,".contains(c);
    !number(text).is_empty() && text.len() <= LONGEST && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests;
