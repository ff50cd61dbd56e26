//! A policy that does what its settings say, and logs what it is told: for tests of the call module.
//!
//! A setting with the name of an event, such as `on_incoming`, has the commands that this event is answered with, one
//! behind the other with a semicolon between; that of a key is `on_digit_1`. A command has the name and the arguments
//! that the call module gives it, parted by blanks, and is given to the call of the event, or, behind `inbound` or
//! `outbound`, to the first of that direction. What comes of each is logged, and so is every event with its times
//! counted from its beginning.

use jackfield_sdk::{
    Call, CallDirection, Completion, ConfMode, Dial, DialReport, Error, Policy, ReleaseReport,
    ReleasedBy, Result, Session,
};
use std::time::Duration;

/// The policy.
pub struct Puppet;

impl Policy for Puppet {
    type State = ();

    fn on_incoming(session: &mut Session<()>, call: &Call, begin_time: u64) -> Result {
        let (from, to) = (call.from_uri(), call.to_uri());
        let ago = session.now().saturating_sub(begin_time);
        session.info(&format!("on_incoming from {from} to {to}, {ago} ms ago"));
        obey(session, call, "on_incoming");
        Ok(())
    }

    fn on_ringing(session: &mut Session<()>, call: &Call, _: bool) -> Result {
        session.info(&format!("on_ringing {}", call.to_number()));
        obey(session, call, "on_ringing");
        Ok(())
    }

    fn on_dial_completed(session: &mut Session<()>, call: &Call, report: DialReport) -> Result {
        let to = call.to_number();
        let answered = after(report.begin_time, report.answer_time);
        let ended = after(report.begin_time, Some(report.end_time));
        let error = report.error.map_or("none".to_owned(), |it| it.to_string());
        session.info(&format!(
            "on_dial_completed {to}: answered {answered}, ended {ended}, error {error}"
        ));
        obey(session, call, "on_dial_completed");
        Ok(())
    }

    fn on_answered(session: &mut Session<()>, call: &Call) -> Result {
        session.info(&format!("on_answered {}", call.to_number()));
        obey(session, call, "on_answered");
        Ok(())
    }

    fn on_released(session: &mut Session<()>, call: &Call, report: ReleaseReport) -> Result {
        let direction = match report.call_dir {
            CallDirection::Inbound => "inbound",
            CallDirection::Outbound => "outbound",
        };
        let by = match report.dropped_by {
            ReleasedBy::System => "sys",
            ReleasedBy::User => "usr",
        };
        let (from, to, cause) = (report.from_uri, report.to_uri, report.cause);
        let answered = after(report.begin_time, report.answer_time);
        let ended = after(report.begin_time, Some(report.end_time));
        session.info(&format!(
            "on_released {direction} from {from} to {to}: answered {answered}, ended {ended}, by {by}, cause {cause}"
        ));
        obey(session, call, "on_released");
        Ok(())
    }

    fn on_play_completed(
        session: &mut Session<()>,
        call: &Call,
        operation: u32,
        how: Completion,
    ) -> Result {
        session.info(&format!("on_play_completed {operation}: {how:?}"));
        obey(session, call, "on_play_completed");
        Ok(())
    }

    fn on_record_completed(
        session: &mut Session<()>,
        call: &Call,
        operation: u32,
        how: Completion,
        duration: u32,
    ) -> Result {
        let seconds = duration / 1_000;
        session.info(&format!(
            "on_record_completed {operation}: {how:?}, {seconds} s"
        ));
        obey(session, call, "on_record_completed");
        Ok(())
    }

    fn on_digit(session: &mut Session<()>, call: &Call, digit: char) -> Result {
        obey(session, call, &format!("on_digit_{digit}"));
        Ok(())
    }
}

jackfield_sdk::export!(Puppet, optional: [media_events, digit_events]);

/// How long after the beginning that was, in whole milliseconds.
fn after(begin: u64, at: Option<u64>) -> String {
    at.map_or("never".to_owned(), |at| {
        format!("after {} ms", at.saturating_sub(begin))
    })
}

/// Does what that setting says; what cannot be done is logged, and the rest goes on.
fn obey(session: &Session<()>, about: &Call, setting: &str) {
    let commands = session.setting(setting).unwrap_or_default();
    for command in commands.split(';').filter(|it| !it.trim().is_empty()) {
        let words: Vec<&str> = command.split_whitespace().collect();
        let done = match words[..] {
            ["inbound", ref words @ ..] => one(session, CallDirection::Inbound)
                .ok_or(Error::NotFound("inbound".to_owned()))
                .and_then(|call| act(session, &call, words)),
            ["outbound", ref words @ ..] => one(session, CallDirection::Outbound)
                .ok_or(Error::NotFound("outbound".to_owned()))
                .and_then(|call| act(session, &call, words)),
            ref words => act(session, about, words),
        };
        let done = done.map_or_else(|why| why.to_string(), |()| "done".to_owned());
        session.info(&format!("{}: {done}", words.join(" ")));
    }
}

/// The first call of that direction.
fn one(session: &Session<()>, direction: CallDirection) -> Option<Call> {
    let mut calls = session.calls().into_iter();
    calls.find(|call| call.direction() == direction)
}

/// One command of the call module.
fn act(session: &Session<()>, call: &Call, words: &[&str]) -> Result {
    match *words {
        ["construct", from, to, max_answer, max_ring, user_data] => {
            let dial = Dial {
                from,
                to,
                max_answer: seconds(max_answer),
                max_ring: seconds(max_ring),
                user_data,
                ..Dial::default()
            };
            session.construct(&dial).map(|_| ())
        }
        ["ring"] => call.ring(),
        ["answer", user_data] => call.answer(user_data),
        ["drop", cause] => call.release(cause.parse().unwrap_or_default()),
        ["redirect", uri] => call.redirect(uri),
        ["play_start", ref files @ ..] => {
            let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
            call.play_start(&files, 1, "").map(|_| ())
        }
        ["play_stop"] => call.play_stop(),
        ["record_start", file] => call.record_start(file, "", 0).map(|_| ()),
        ["record_start", file, finish_key] => call.record_start(file, finish_key, 0).map(|_| ()),
        ["record_stop"] => call.record_stop(),
        ["conf_enter", name] => {
            let conference = session.conference(name)?;
            call.conf_enter(&conference, ConfMode::TalkAndListen)
        }
        ["conf_exit", name] => call.conf_exit(&session.conference(name)?),
        ref other => Err(Error::InvalidArgument(other.join(" "))),
    }
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs(text.parse().unwrap_or_default())
}
