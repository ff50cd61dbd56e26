//! What a caller hears that cannot be helped: an announcement before the answer, if there is one, and a cause.

use jackfield_sdk::{Call, Error, Result};

use crate::Session;

/// The cause of a call that nobody asked for, unless a setting says otherwise.
const NOTHING_PENDING: u16 = 403;

/// Nobody asked for this call.
pub(crate) fn nothing_pending(session: &mut Session<'_>, call: &Call) -> Result {
    let cause = cause(session);
    announce(session, call, "refusal_prompt", cause)
}

/// It cannot be made; the caller hears what the setting of that name says, if there is one.
pub(crate) fn because(session: &mut Session<'_>, call: &Call, why: &Error, prompt: &str) -> Result {
    session.warn(&format!("the call cannot be made: {why}"));
    announce(session, call, prompt, why.cause())
}

/// The cause of a call that nobody asked for.
pub(crate) fn cause(session: &Session<'_>) -> u16 {
    // What may refuse a call: `status-code` of the interface.
    let refuses = |cause: &u16| (400..=699).contains(cause) && ![401, 407].contains(cause);
    let set = session.setting_as("refusal_cause");
    set.filter(refuses).unwrap_or(NOTHING_PENDING)
}

/// Plays what that setting names as early media; at its end, or if there is none, the caller is released.
fn announce(session: &mut Session<'_>, call: &Call, prompt: &str, cause: u16) -> Result {
    if session.play_setting(call, prompt) {
        session.state.refusal = Some(cause);
        return Ok(());
    }
    call.release(cause)
}
