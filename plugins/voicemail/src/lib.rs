//! An answering machine: a greeting, a beep, and what the caller says becomes a recording.
//!
//! It answers every call and plays the tenant's prompt `greeting` and a beep; `#` skips them. Without such a
//! prompt there is the beep alone. What the caller says is recorded as `voicemail` until `#`, until it hangs
//! up, or for as many seconds as the setting `seconds` says (120). Two beeps say that the message is kept, the
//! congestion tone that it could not be. A message that `#` or the time ended leaves its length as the user
//! data of its call; each one is in the log of the tenant. Its twin for the simulator is
//! `tests/sim/src/script/voicemail.rs`.

use jackfield_sdk::{Call, CallPhase, Completion, Error, Policy, Result, Session};
use serde::{Deserialize, Serialize};

/// How long a message may be, in seconds, if no setting says so.
const SECONDS: u32 = 120;

/// The policy.
pub struct Voicemail;

/// How far a caller has come. A session has one call.
#[derive(Default, Serialize, Deserialize)]
pub enum Stage {
    /// It hears the greeting and the beep.
    #[default]
    Greeting,
    /// It speaks.
    Message,
    /// It hears how that went; then the call ends with this status.
    Farewell(u16),
}

impl Policy for Voicemail {
    type State = Stage;

    fn on_incoming(_: &mut Session<Stage>, call: &Call, _begin_time: u64) -> Result {
        call.answer("")?;
        match play(call, &["greeting", "tone:beep"], 1, "#") {
            Err(Error::NotFound(_)) => play(call, &["tone:beep"], 1, "#"),
            played => played,
        }
    }

    fn on_play_completed(
        session: &mut Session<Stage>,
        call: &Call,
        _: u32,
        how: Completion,
    ) -> Result {
        if call.phase() == CallPhase::Released || how == Completion::Stopped {
            return Ok(());
        }
        match session.state {
            Stage::Greeting => {
                session.state = Stage::Message;
                let seconds = session.setting("seconds").and_then(|it| it.parse().ok());
                call.record_start("voicemail", "#", seconds.unwrap_or(SECONDS))?;
                Ok(())
            }
            Stage::Message => Ok(()),
            Stage::Farewell(status) => call.release(status),
        }
    }

    fn on_record_completed(
        session: &mut Session<Stage>,
        call: &Call,
        _: u32,
        how: Completion,
        duration: u32,
    ) -> Result {
        let from = call.from_number();
        if how == Completion::Failed {
            session.warn(&format!("the message of {from} could not be recorded"));
        } else {
            session.info(&format!("a message of {from}, {duration} ms"));
        }
        if call.phase() == CallPhase::Released {
            return Ok(());
        }
        if how == Completion::Failed {
            session.state = Stage::Farewell(500);
            return play(call, &["tone:congestion"], 4, "");
        }
        session.state = Stage::Farewell(200);
        let seconds = (duration + 500) / 1_000;
        call.set_user_data(&format!("{seconds} s"))?;
        play(call, &["tone:beep", "silence:200"], 2, "")
    }
}

fn play(call: &Call, files: &[&str], repeat: u32, finish_keys: &str) -> Result {
    let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
    call.play_start(&files, repeat, finish_keys).map(|_| ())
}

jackfield_sdk::export!(Voicemail, optional: [media_events]);
