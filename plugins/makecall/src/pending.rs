//! A pending request, and which calls it is for.

use std::time::Duration;

use jackfield_sdk::{Reply, Request, Result, number, store};
use serde::{Deserialize, Serialize};

/// How long a request waits for its call.
const TIME_TO_LIVE: Duration = Duration::from_secs(120);

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
        store::get(&key(user))
    }

    /// The request in that body, or the reply that says what is wrong with it.
    pub(crate) fn parse(request: &Request) -> core::result::Result<Self, Reply> {
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
        store::put_for(&key(user), self, TIME_TO_LIVE)
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
    store::remove(&key(user))
}

/// Where the request of that phone user is kept. No number that can ask is longer than what is looked at.
fn key(user: &str) -> String {
    format!("pending/{:.200}", number(user))
}

#[cfg(test)]
mod tests;
