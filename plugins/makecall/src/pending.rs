//! A pending request, and which calls it is for.

use std::time::Duration;

use jackfield_sdk::{Reply, Request, Result, is_address, number, store};
use serde::{Deserialize, Serialize};

/// How long a request waits for its call.
const TIME_TO_LIVE: Duration = Duration::from_secs(120);

/// The longest number of a phone user, in octets: it is a part of a key.
const LONGEST: usize = 200;

/// What a phone user asked for; or else what is done for somebody who did not.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// The id of the request.
    pub(crate) id: String,
    /// The private number: the user dials it, the callee sees it.
    pub(crate) caller: String,
    pub(crate) callee: String,
    /// Whether the call is to be recorded.
    #[serde(default)]
    pub(crate) record: bool,
}

impl Pending {
    /// What that phone user asked for last, if it waits still.
    pub(crate) fn of(user: &str) -> Result<Option<Self>> {
        key(user).map_or(Ok(None), |key| store::get(&key))
    }

    /// The request in that body, or the reply that says what is wrong with it.
    pub(crate) fn parse(request: &Request) -> core::result::Result<Self, Reply> {
        if key(&request.user).is_none() {
            let detail = "the telephone number in the path is not one";
            return Err(Reply::problem(400, "invalid-user", detail));
        }
        let members = request.addresses_and_flags(["caller", "callee"], ["record"])?;
        let ([caller, callee], [record]) = members;
        let id = request.id.clone();
        Ok(Self {
            id,
            caller,
            callee,
            record,
        })
    }

    /// It waits for the call of that user, in place of what waited before.
    pub(crate) fn keep(&self, user: &str) -> Result {
        key(user).map_or(Ok(()), |key| store::put_for(&key, self, TIME_TO_LIVE))
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

/// Nothing waits for that user any more.
pub(crate) fn remove(user: &str) -> Result {
    key(user).map_or(Ok(()), |key| store::remove(&key))
}

/// Where the request of that phone user is kept; none of somebody who has no number.
fn key(user: &str) -> Option<String> {
    let fits = is_address(user) && user.len() <= LONGEST;
    fits.then(|| format!("pending/{}", number(user)))
}

#[cfg(test)]
mod tests;
