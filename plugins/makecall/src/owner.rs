//! The other half: whoever calls a private number without a request of its own reaches the number's owner.

use std::time::Duration;

use jackfield_sdk::{Call, Result, number, store};

use crate::{Session, dial, pending::Pending};

const DAY: u64 = 24 * 3_600;

/// The owner of that number: who is set for it, else who last asked for a call by it.
pub(crate) fn of(session: &Session<'_>, private: &str) -> Result<Option<String>> {
    let set = session.setting_words("owners").unwrap_or_default();
    let mut set = set.iter().filter_map(|pair| pair.split_once('='));
    if let Some((_, owner)) = set.find(|(it, _)| *it == private) {
        return Ok(Some(owner.to_owned()));
    }
    if days(session) == 0 {
        return Ok(None);
    }
    store::get(&key(private))
}

/// That user asks for a call by this number.
pub(crate) fn remember(session: &Session<'_>, private: &str, user: &str) -> Result {
    let lasts = Duration::from_secs(days(session).saturating_mul(DAY));
    if lasts.is_zero() {
        return Ok(());
    }
    store::put_for(&key(number(private)), &number(user), lasts)
}

/// Somebody is led to the owner, who sees the caller, or the number if that is set.
pub(crate) fn call_back(session: &mut Session<'_>, call: &Call, owner: &str) -> Result {
    let from = match session.setting("callback_shows").as_deref() {
        Some("number") => call.to_number(),
        _ => call.from_uri(),
    };
    let asked = Pending {
        id: session.id(),
        caller: from,
        callee: owner.to_owned(),
        record: false,
    };
    dial::connect(session, call, &asked).map(|_| ())
}

fn days(session: &Session<'_>) -> u64 {
    session.setting_as("owner_days").unwrap_or_default()
}

fn key(private: &str) -> String {
    format!("owner/{private}")
}
