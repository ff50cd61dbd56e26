//! A menu by telephone: a greeting before the answer, a choice by key, announcements, an operator.
//!
//! It plays the tenant's prompts `welcome` (before the answer), `menu`, `hours` and `goodbye`. While the
//! menu plays any key ends it and is the choice: `1` tells the opening hours, `0` calls the operator, the
//! setting `operator` or 3001, with ringback until there is an answer and a busy tone if there is none;
//! `9`, or nobody's choice for five seconds, says good-bye. Anything else is the menu again. What a caller
//! hears is kept as the user data of its call. Its twin for the simulator is
//! `tests/sim/src/script/ivr.rs`.

use jackfield_sdk::{
    Call, CallPhase, Completion, Dial, DialReport, Policy, ReleaseReport, Result, Session,
};

/// The policy.
pub struct Ivr;

/// Whom `0` calls, if no setting says so.
const OPERATOR: &str = "3001";

impl Policy for Ivr {
    type State = ();

    fn on_incoming(_: &mut Session<()>, call: &Call, _: u64) -> Result {
        play(call, "welcome", &["welcome"], 1, "#")
    }

    fn on_play_completed(
        session: &mut Session<()>,
        call: &Call,
        _: u32,
        how: Completion,
    ) -> Result {
        if call.phase() == CallPhase::Released || how == Completion::Stopped {
            return Ok(());
        }
        let stage = call.user_data();
        // Not everybody can hear a greeting before the answer.
        if how == Completion::Failed && stage != "welcome" {
            return call.release(500);
        }
        match &*stage {
            "welcome" => {
                call.answer("")?;
                menu(call)
            }
            "hours" => menu(call),
            "goodbye" => call.release(200),
            // It rings for too long: the operator is given up.
            "operator" => others(session, call)
                .iter()
                .try_for_each(|it| it.release(487)),
            _ => Ok(()),
        }
    }

    fn on_digits_collected(
        session: &mut Session<()>,
        call: &Call,
        _: u32,
        digits: String,
        how: Completion,
    ) -> Result {
        if call.phase() == CallPhase::Released {
            return Ok(());
        }
        match (&*digits, how) {
            (_, Completion::Timeout) | ("9", _) => {
                play(call, "goodbye", &["goodbye", "silence:200"], 1, "")
            }
            ("1", _) => play(call, "hours", &["hours", "tone:beep"], 1, "*"),
            ("0", _) => operator(session, call),
            _ => menu(call),
        }
    }

    fn on_dial_completed(session: &mut Session<()>, call: &Call, report: DialReport) -> Result {
        for caller in others(session, call) {
            if report.error.is_none() {
                caller.play_stop()?;
                caller.bridge_start(call)?;
            } else {
                play(&caller, "goodbye", &["tone:busy/uk"], 3, "")?;
            }
        }
        Ok(())
    }

    fn on_released(session: &mut Session<()>, call: &Call, report: ReleaseReport) -> Result {
        // An operator who never answered leaves the caller with the busy tone.
        let is_over = call.user_data().is_empty() && report.answer_time.is_none();
        let left = if is_over {
            vec![]
        } else {
            others(session, call)
        };
        left.iter().try_for_each(|it| match it.phase() {
            CallPhase::Answered => it.release(200),
            _ => it.release(487),
        })
    }
}

fn menu(call: &Call) -> Result {
    play(call, "menu", &["menu"], 2, "0123456789*#")?;
    call.collect_start(1, "", 5_000, 1_000).map(|_| ())
}

fn operator(session: &mut Session<()>, call: &Call) -> Result {
    let to = session.setting("operator");
    let dial = Dial {
        from: &call.to_number(),
        to: to.as_deref().unwrap_or(OPERATOR),
        ..Dial::default()
    };
    session.construct(&dial)?;
    play(call, "operator", &["tone:ringback/uk"], 20, "")
}

/// Plays these, and remembers what that is.
fn play(call: &Call, what: &str, files: &[&str], repeat: u32, finish_keys: &str) -> Result {
    let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
    call.play_start(&files, repeat, finish_keys)?;
    call.set_user_data(what)
}

/// The calls of the session but this one.
fn others(session: &Session<()>, call: &Call) -> Vec<Call> {
    let id = call.id();
    let calls = session.calls().into_iter();
    calls.filter(|other| other.id() != id).collect()
}

jackfield_sdk::export!(Ivr, optional: [media_events, digit_events]);
