//! On what terms two parties talk: for how long, and whether it is recorded.
//!
//! ```text
//!  answered ── consent prompt ── its end: recording begins
//!  answered ─────────────────── a minute before the maximum: two beeps ── the maximum: released
//! ```
//!
//! The platform ends a call at its maximum; of one to which somebody was transferred that is its own, so that a timer
//! looks after the conversation as well.

use std::time::Duration;

use jackfield_sdk::{Call, Completion, Result};
use serde::{Deserialize, Serialize};

use crate::Session;

/// The longest conversation that can be set, in seconds: the platform has none that is longer.
const LONGEST: u64 = 4 * 3_600;

/// How long before the end both are told of it.
const LAST_MINUTE: Duration = Duration::from_secs(60);

/// How long after the platform the timer of the end is due.
const LATER: Duration = Duration::from_secs(1);

/// The timers of both.
const WARNING: &str = "last-minute";
const END: &str = "end";

/// The terms of a conversation.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Terms {
    /// Seconds that it may last; 0: as many as the tenant has.
    longest: u64,
    record: bool,
    /// Who hears now that it will be recorded, by call id.
    telling: Vec<String>,
}

impl Terms {
    /// As they are set; `asked`: whether somebody asked for a recording. An emergency has none.
    pub(crate) fn of(session: &Session<'_>, asked: bool, emergency: bool) -> Self {
        if emergency {
            return Self::default();
        }
        let record = match session.setting("record").as_deref() {
            Some("always") => true,
            Some("never") => false,
            _ => asked,
        };
        let longest = session.setting_as("max_call_seconds").unwrap_or(0);
        Self {
            longest: longest.min(LONGEST),
            record,
            ..Self::default()
        }
    }

    /// How long it may last; zero: as long as the tenant has it.
    pub(crate) fn longest(&self) -> Duration {
        Duration::from_secs(self.longest)
    }
}

/// They have begun to talk.
pub(crate) fn begin(session: &mut Session<'_>) -> Result {
    let longest = session.state.terms.longest();
    if !longest.is_zero() {
        session.timer_start(END, longest + LATER)?;
    }
    if longest > LAST_MINUTE {
        session.timer_start(WARNING, longest.saturating_sub(LAST_MINUTE))?;
    }
    if !session.state.terms.record {
        return Ok(());
    }
    if session
        .setting_words("consent_prompt")
        .is_none_or(|it| it.is_empty())
    {
        record(session);
        return Ok(());
    }
    let [caller, callee] = session.state.pair.answered(session);
    let told = match session.setting("consent_to").as_deref() {
        Some("caller") => [caller, None],
        Some("callee") => [callee, None],
        _ => [caller, callee],
    };
    for call in told.into_iter().flatten() {
        if !session.play_setting(&call, "consent_prompt") {
            session.warn("not recorded: consent_prompt cannot be heard");
            session.state.terms.telling.clear();
            break;
        }
        session.state.terms.telling.push(call.id());
    }
    Ok(())
}

/// Somebody has heard a prompt. Once all have that are told that they are recorded, they are.
pub(crate) fn told(session: &mut Session<'_>, call: &Call, how: Completion) {
    let telling = &mut session.state.terms.telling;
    let Some(at) = telling.iter().position(|it| *it == call.id()) else {
        return;
    };
    telling.remove(at);
    if how != Completion::Finished {
        telling.clear();
        session.warn("not recorded: consent_prompt was not heard to its end");
    } else if telling.is_empty() {
        record(session);
    }
}

/// A timer has fired. In the last minute both hear two beeps, but for who is just being told that it is recorded.
pub(crate) fn due(session: &mut Session<'_>, timer: &str) -> Result {
    let beeps = ["tone:beep", "silence:200", "tone:beep"].map(str::to_owned);
    let both = session.state.pair.answered(session);
    for call in both.into_iter().flatten() {
        if timer == END {
            call.release(200)?;
        } else if !session.state.terms.telling.contains(&call.id()) {
            call.play_start(&beeps, 1, "")?;
        }
    }
    Ok(())
}

/// It is over.
pub(crate) fn end(session: &mut Session<'_>) {
    if session.state.terms.longest > 0 {
        session.timer_stop(WARNING);
        session.timer_stop(END);
    }
}

/// Records what the caller says and hears, under the id of all that belongs together.
fn record(session: &Session<'_>) {
    let pair = &session.state.pair;
    let caller = session.call(pair.caller());
    if let Some(Err(why)) = caller.map(|it| it.record_start(pair.user_data(), "", 0)) {
        session.warn(&format!("not recorded: {why}"));
    }
}
