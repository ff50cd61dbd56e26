//! Calling somebody: for how long, and emergency numbers.
//!
//! An emergency call asks the platform for `Priority: emergency` (RFC 3261 §20.26), which only a trunk that has
//! that header in its `headers_out` is given: so the tenant marks the trunks that may take one, and through any other
//! it is not permitted.

use std::time::Duration;

use jackfield_sdk::{Call, Dial, Pair, Result, number};

use crate::{Session, pending::Pending, refusal, terms::Terms};

/// How long the callee may ring, in seconds, unless the setting of that name says otherwise.
const MAX_RING_SECONDS: u64 = 60;

/// Numbers for emergencies, unless a setting says otherwise.
const EMERGENCY_NUMBERS: [&str; 2] = ["112", "911"];

/// Dials for a caller, who hears why if that cannot be. Whether it could.
pub(crate) fn connect(session: &mut Session<'_>, call: &Call, asked: &Pending) -> Result<bool> {
    call.set_user_data(&asked.id)?;
    let emergency = is_emergency(session, &asked.callee);
    // Nobody can help a private number.
    let from = emergency.then(|| call.from_uri());
    let from = from.as_ref().unwrap_or(&asked.caller);
    let terms = Terms::of(session, asked.record, emergency);
    match dial(session, [from, &asked.callee], &asked.id, &terms) {
        Ok(callee) => {
            session.state.pair = Pair::new(call, &callee, &asked.id);
            session.state.terms = terms;
            Ok(true)
        }
        Err(why) => {
            // Who calls for help is told: it may have another telephone.
            let prompt = if emergency { "emergency_prompt" } else { "" };
            refusal::because(session, call, &why, prompt).map(|()| false)
        }
    }
}

/// Dials on those terms.
pub(crate) fn dial(
    session: &Session<'_>,
    [from, to]: [&str; 2],
    id: &str,
    terms: &Terms,
) -> Result<Call> {
    let emergency = [("Priority", "emergency")];
    let headers = &emergency[..usize::from(is_emergency(session, to))];
    let max_ring = session.setting_as("max_ring_seconds");
    session.construct(&Dial {
        from,
        to,
        max_answer: terms.longest(),
        max_ring: Duration::from_secs(max_ring.unwrap_or(MAX_RING_SECONDS)),
        user_data: id,
        headers,
    })
}

fn is_emergency(session: &Session<'_>, to: &str) -> bool {
    let set = session.setting_words("emergency_numbers");
    let numbers = set.unwrap_or_else(|| EMERGENCY_NUMBERS.map(str::to_owned).to_vec());
    numbers.iter().any(|it| it == number(to))
}
