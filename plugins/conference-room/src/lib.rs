//! Callers meet: each number that leads here is a conference of its own.
//!
//! Whoever calls is answered. If the setting `pin` is set, it is to be keyed with `#` at its end; the third
//! wrong one ends the call with 403. In the conference `*` turns the caller's voice off, and on again.
//!
//! With the setting `announce`, the name of a prompt, all who are there hear that prompt whenever somebody comes.
//! With `record` set to `yes` a conference is recorded from its first member on, to its end, as
//! `conference-` and its number: by whoever finds nobody there, or is alone soon after it came, because those who
//! were there have left meanwhile. Of two who come at once both begin, and the later one goes on: then the recording
//! is in two parts. If the first has left and a third comes in that tenth of a second, nobody begins. Whoever finds no more room is hung up on, with 503. Its twin for the simulator is
//! `tests/sim/src/script/conference.rs`.

use std::time::Duration;

use jackfield_sdk::{Call, Completion, ConfMode, Conference, Error, Policy, Result, Session};
use serde::{Deserialize, Serialize};

/// Wrong PINs until the call ends.
const TRIES: u32 = 3;

/// Keys that are kept: a PIN is not longer.
const LONGEST: usize = 16;

/// The timer that looks who is left, and when: a turn sees a conference as it was when the turn began, and
/// this one sees what the one before has done.
const LOOK: (&str, Duration) = ("look", Duration::from_millis(100));

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
        arrive(session, call)
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
            return arrive(session, call);
        }
        session.state.wrong += 1;
        if session.state.wrong >= TRIES {
            return call.release(403);
        }
        Ok(())
    }

    fn on_timer(session: &mut Session<Caller>, _name: String) -> Result {
        let Some(call) = session.calls().pop() else {
            return Ok(());
        };
        let name = call.to_number();
        let conference = session.conference(&name)?;
        if conference.size() == 1 {
            record(session, &conference);
        }
        Ok(())
    }

    fn on_command_failed(
        session: &mut Session<Caller>,
        call: &Call,
        command: String,
        why: Error,
    ) -> Result {
        session.warn(&format!("{command}: {why}"));
        if command == "conf-enter" {
            call.release(503)?;
        }
        Ok(())
    }

    fn on_conference_play_completed(
        session: &mut Session<Caller>,
        conference: &Conference,
        _operation: u32,
        how: Completion,
    ) -> Result {
        if how == Completion::Failed {
            session.warn(&format!("nobody was announced in {}", conference.name()));
        }
        Ok(())
    }

    fn on_conference_record_completed(
        session: &mut Session<Caller>,
        conference: &Conference,
        _operation: u32,
        how: Completion,
        duration: u32,
    ) -> Result {
        let (name, seconds) = (conference.name(), duration / 1_000);
        session.info(&format!("{seconds} s of {name} were recorded: {how:?}"));
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

/// Enters for the first time. What else is to happen then does not keep anybody out.
fn arrive(session: &mut Session<Caller>, call: &Call) -> Result {
    let name = call.to_number();
    let conference = session.conference(&name)?;
    let is_first = conference.size() == 0;
    enter(session, call)?;
    if let Some(prompt) = session.setting("announce")
        && let Err(why) = conference.play_start(&[prompt], 1)
    {
        session.warn(&format!("announce: {why}"));
    }
    if session.setting("record").as_deref() != Some("yes") {
        return Ok(());
    }
    if is_first {
        record(session, &conference);
        return Ok(());
    }
    session.timer_start(LOOK.0, LOOK.1)
}

fn record(session: &Session<Caller>, conference: &Conference) {
    let name = recording(&conference.name());
    if let Err(why) = conference.record_start(&name, 0) {
        session.warn(&format!("record: {why}"));
    }
}

/// What the recording of the conference of that number is called.
fn recording(number: &str) -> String {
    let plain = number.chars().filter(char::is_ascii_alphanumeric).take(32);
    plain.fold("conference-".to_owned(), |name, it| {
        name + it.encode_utf8(&mut [0; 4])
    })
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

jackfield_sdk::export!(
    ConferenceRoom,
    optional: [command_events, digit_events, timer_events, conference_events]
);
