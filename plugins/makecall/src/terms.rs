//! On what terms two parties talk: for how long, and whether it is recorded.
//!
//! ```text
//!  answered ── consent prompt ── its end: recording begins
//!  answered ─────────────────── a minute before the maximum: two beeps ── the maximum: released by the platform
//! ```

use std::time::Duration;

use jackfield_sdk::{Call, CallPhase, Completion, Result};
use serde::{Deserialize, Serialize};

use crate::Session;

/// The longest conversation that can be set, in seconds: the platform has none that is longer.
const LONGEST: u64 = 4 * 3_600;

/// How long before the end both are told of it.
const LAST_MINUTE: Duration = Duration::from_secs(60);

/// The name of the timer of that.
const TIMER: &str = "last-minute";

/// The terms of a conversation.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Terms {
    /// Seconds that it may last; 0: as many as the tenant has.
    longest: u64,
    /// When it ends, in Unix milliseconds; 0: it has not begun, or nothing is set.
    ends: u64,
    record: bool,
    /// Who hears now that it will be recorded, by call id.
    telling: Vec<String>,
}

impl Terms {
    /// As they are set; `asked`: whether somebody asked for a recording.
    pub(crate) fn of(session: &Session<'_>, asked: bool) -> Self {
        let set: Option<u64> = session.setting_as("max_call_seconds");
        Self {
            longest: set.unwrap_or_default().min(LONGEST),
            record: match session.setting("record").as_deref() {
                Some("always") => true,
                Some("never") => false,
                _ => asked,
            },
            ..Self::default()
        }
    }

    /// How long it may last; zero: as long as the tenant has it.
    pub(crate) fn longest(&self) -> Duration {
        Duration::from_secs(self.longest)
    }

    /// How much of that is left; zero as before.
    pub(crate) fn left(&self, session: &Session<'_>) -> Duration {
        match self.ends {
            0 => self.longest(),
            ends => Duration::from_millis(ends.saturating_sub(session.now()).max(1)),
        }
    }
}

/// They have begun to talk.
pub(crate) fn begin(session: &mut Session<'_>) -> Result {
    let longest = session.state.terms.longest();
    if !longest.is_zero() {
        session.state.terms.ends = session.now() + longest.as_millis() as u64;
    }
    if let Some(until_told) = longest.checked_sub(LAST_MINUTE).filter(|it| !it.is_zero()) {
        session.timer_start(TIMER, until_told)?;
    }
    if !session.state.terms.record {
        return Ok(());
    }
    let prompt = session.setting_words("consent_prompt").unwrap_or_default();
    if prompt.is_empty() {
        record(session);
        return Ok(());
    }
    let to = session.setting("consent_to");
    for (party, call) in parties(session) {
        if to.as_deref().is_some_and(|to| to != "both" && to != party) {
            continue;
        }
        if let Err(why) = call.play_start(&prompt, 1, "") {
            session.warn(&format!("not recorded: consent_prompt: {why}"));
            return Ok(());
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

/// Two beeps for both; not for who is just being told that it is recorded.
pub(crate) fn last_minute(session: &mut Session<'_>) -> Result {
    let beeps = ["tone:beep", "silence:200", "tone:beep"].map(str::to_owned);
    for (_, call) in parties(session) {
        if !session.state.terms.telling.contains(&call.id()) {
            call.play_start(&beeps, 1, "")?;
        }
    }
    Ok(())
}

/// It is over.
pub(crate) fn end(session: &mut Session<'_>) {
    if std::mem::take(&mut session.state.terms.ends) > 0 {
        session.timer_stop(TIMER);
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

/// Who is answered, and what it is called in settings.
fn parties(session: &Session<'_>) -> Vec<(&'static str, Call)> {
    let pair = &session.state.pair;
    let both = [("caller", pair.caller()), ("callee", pair.callee())];
    let both = both.map(|(party, id)| Some((party, session.call(id)?)));
    let answered = |(_, call): &(_, Call)| call.phase() == CallPhase::Answered;
    both.into_iter().flatten().filter(answered).collect()
}
