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

/// It cannot be made. Who calls for help is told so: it may have another telephone.
pub(crate) fn because(
    session: &mut Session<'_>,
    call: &Call,
    why: &Error,
    emergency: bool,
) -> Result {
    session.warn(&format!("the call cannot be made: {why}"));
    if emergency {
        announce(session, call, "emergency_prompt", why.cause())
    } else {
        call.release(why.cause())
    }
}

/// The cause of a call that nobody asked for.
pub(crate) fn cause(session: &Session<'_>) -> u16 {
    // What may refuse a call: `status-code` of the interface.
    let refuses = |cause: &u16| (400..=699).contains(cause) && ![401, 407].contains(cause);
    let set = session.setting_as("refusal_cause").filter(refuses);
    set.unwrap_or(NOTHING_PENDING)
}

/// Plays what that setting names as early media; at its end, or if there is none, the caller is released.
fn announce(session: &mut Session<'_>, call: &Call, prompt: &str, cause: u16) -> Result {
    let files = session.setting_words(prompt).unwrap_or_default();
    if files.is_empty() {
        return call.release(cause);
    }
    if let Err(why) = call.play_start(&files, 1, "") {
        session.warn(&format!("{prompt}: {why}"));
        return call.release(cause);
    }
    session.state.refusal = Some(cause);
    Ok(())
}
