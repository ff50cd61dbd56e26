//! Callers meet: each number that leads here is a conference of its own.
//!
//! Whoever calls is answered. If the setting `pin` is set, it is to be keyed with `#` at its end; the third
//! wrong one ends the call with 403. In the conference `*` turns the caller's voice off, and on again. Its twin
//! for the simulator is `tests/sim/src/script/conference.rs`.

use jackfield_sdk::{Call, ConfMode, Policy, Result, Session};
use serde::{Deserialize, Serialize};

/// Wrong PINs until the call ends.
const TRIES: u32 = 3;

/// Keys that are kept: a PIN is not longer.
const LONGEST: usize = 16;

/// The policy.
pub struct ConferenceRoom;

/// How far a caller has come. A session has one call.
#[derive(Default, Serialize, Deserialize)]
pub struct Caller {
    /// The PIN until now.
    keyed: String,
    /// Wrong PINs until now.
    wrong: u32,
    /// It is in the conference.
    inside: bool,
    /// Its voice is off.
    quiet: bool,
}

impl Policy for ConferenceRoom {
    type State = Caller;

    fn on_incoming(session: &mut Session<Caller>, call: &Call, _begin_time: u64) -> Result {
        call.answer("")?;
        if session.setting("pin").is_some() {
            return Ok(());
        }
        enter(session, call)
    }

    fn on_digit(session: &mut Session<Caller>, call: &Call, digit: char) -> Result {
        if session.state.inside {
            return turn_voice(session, call, digit);
        }
        if digit != '#' {
            if session.state.keyed.len() < LONGEST {
                session.state.keyed.push(digit);
            }
            return Ok(());
        }
        let keyed = std::mem::take(&mut session.state.keyed);
        if session.setting("pin") == Some(keyed) {
            return enter(session, call);
        }
        session.state.wrong += 1;
        if session.state.wrong >= TRIES {
            return call.release(403);
        }
        Ok(())
    }
}

fn turn_voice(session: &mut Session<Caller>, call: &Call, digit: char) -> Result {
    if digit != '*' {
        return Ok(());
    }
    session.state.quiet = !session.state.quiet;
    enter(session, call)
}

/// Enters, or changes how it is in there.
fn enter(session: &mut Session<Caller>, call: &Call) -> Result {
    session.state.inside = true;
    let conference = session.conference(&call.to_number())?;
    let mode = if session.state.quiet {
        ConfMode::ListenOnly
    } else {
        ConfMode::TalkAndListen
    };
    call.conf_enter(&conference, mode)
}

jackfield_sdk::export!(ConferenceRoom, optional: [digit_events]);
