//! The twin of `plugins/conference-room`: who keys the PIN and `#` is in the conference of the number that
//! it called; there `*` turns its voice off and on. Settings let it be announced, and recorded.

use model::{CallId, Completion, ConfMode, Event, LogLevel};
use serde_json::{Value, json};

use super::{Desk, Handled};

pub(super) fn handle(desk: &mut Desk<'_>, event: &Event) -> Handled {
    match event {
        Event::Incoming { call, .. } => {
            desk.plan.answer(*call, "")?;
            if desk.plan.view().settings.contains_key("pin") {
                return Ok(());
            }
            arrive(desk, *call)
        }
        Event::Digit { call, digit } => {
            let inside = desk
                .plan
                .call(*call)
                .is_some_and(|it| it.conference.is_some());
            if inside {
                turn_voice(desk, *call, *digit)
            } else {
                keyed(desk, *call, *digit)
            }
        }
        Event::Timer { .. } => look(desk),
        Event::CommandFailed { call, command, why } => {
            desk.log(LogLevel::Warn, &format!("{command}: {why}"));
            if *command == "conf-enter" {
                desk.plan.release(*call, 503)?;
            }
            Ok(())
        }
        Event::ConferencePlayCompleted { name, how, .. } => {
            if *how == Completion::Failed {
                desk.log(LogLevel::Warn, &format!("nobody was announced in {name}"));
            }
            Ok(())
        }
        Event::ConferenceRecordCompleted {
            name,
            how,
            duration_ms,
            ..
        } => {
            let seconds = duration_ms / 1_000;
            let line = format!("{seconds} s of {name} were recorded: {how:?}");
            desk.log(LogLevel::Info, &line);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// No twin: who keys anything is let go in the turn that plays into its conference.
pub(super) fn cry(desk: &mut Desk<'_>, event: &Event) -> Handled {
    match event {
        Event::Incoming { call, .. } => {
            desk.plan.answer(*call, "")?;
            enter(desk, *call, ConfMode::TalkAndListen)
        }
        Event::Digit { call, .. } => {
            let prompt = desk.plan.view().settings.get("announce").cloned();
            let conference = desk.plan.conference("2001")?;
            desk.plan
                .conf_play_start(conference, &[prompt.unwrap_or_default()], 1)?;
            desk.plan.release(*call, 200)
        }
        _ => Ok(()),
    }
}

fn keyed(desk: &mut Desk<'_>, call: CallId, digit: char) -> Handled {
    let state = state(desk);
    let keyed = state["keyed"].as_str().unwrap_or_default();
    let wrong = state["wrong"].as_u64().unwrap_or_default();
    if digit != '#' {
        let keyed: String = keyed.chars().chain([digit]).take(16).collect();
        keep(
            desk,
            json!({ "keyed": keyed, "wrong": wrong, "quiet": false }),
        );
        return Ok(());
    }
    let is_right = desk.plan.view().settings.get("pin").map(String::as_str) == Some(keyed);
    if is_right {
        keep(desk, json!({ "keyed": "", "wrong": 0, "quiet": false }));
        return arrive(desk, call);
    }
    if wrong >= 2 {
        return desk.plan.release(call, 403);
    }
    keep(
        desk,
        json!({ "keyed": "", "wrong": wrong + 1, "quiet": false }),
    );
    Ok(())
}

fn turn_voice(desk: &mut Desk<'_>, call: CallId, digit: char) -> Handled {
    if digit != '*' {
        return Ok(());
    }
    let quiet = !state(desk)["quiet"].as_bool().unwrap_or_default();
    keep(desk, json!({ "keyed": "", "wrong": 0, "quiet": quiet }));
    let mode = if quiet {
        ConfMode::ListenOnly
    } else {
        ConfMode::TalkAndListen
    };
    enter(desk, call, mode)
}

fn arrive(desk: &mut Desk<'_>, call: CallId) -> Handled {
    let name = desk.plan.call(call).map(|it| it.to.user().to_owned());
    let name = name.unwrap_or_default();
    let conference = desk.plan.conference(&name)?;
    let is_first = desk
        .plan
        .conference_view(conference)
        .is_some_and(|it| it.size == 0);
    enter(desk, call, ConfMode::TalkAndListen)?;
    let settings = desk.plan.view().settings.clone();
    if let Some(prompt) = settings.get("announce")
        && let Err(why) = desk
            .plan
            .conf_play_start(conference, std::slice::from_ref(prompt), 1)
    {
        desk.log(LogLevel::Warn, &format!("announce: {why}"));
    }
    if settings.get("record").is_none_or(|it| it != "yes") {
        return Ok(());
    }
    if is_first {
        record(desk, &name);
        return Ok(());
    }
    desk.plan.timer_start("look", 100)
}

fn look(desk: &mut Desk<'_>) -> Handled {
    let calls = desk.plan.calls();
    let Some(name) = calls.last().map(|it| it.to.user().to_owned()) else {
        return Ok(());
    };
    let conference = desk.plan.conference(&name)?;
    let view = desk.plan.conference_view(conference);
    if view.is_some_and(|it| it.size == 1) {
        record(desk, &name);
    }
    Ok(())
}

fn record(desk: &mut Desk<'_>, name: &str) {
    let file = format!("conference-{name}");
    let recorded = desk
        .plan
        .conference(name)
        .and_then(|conference| desk.plan.conf_record_start(conference, &file, 0));
    if let Err(why) = recorded {
        desk.log(LogLevel::Warn, &format!("record: {why}"));
    }
}

fn enter(desk: &mut Desk<'_>, call: CallId, mode: ConfMode) -> Handled {
    let name = desk.plan.call(call).map(|it| it.to.user().to_owned());
    let conference = desk.plan.conference(&name.unwrap_or_default())?;
    desk.plan.conf_enter(call, conference, mode)
}

fn state(desk: &Desk<'_>) -> Value {
    serde_json::from_slice(&desk.plan.view().state).unwrap_or_default()
}

fn keep(desk: &mut Desk<'_>, state: Value) {
    desk.state = Some(state.to_string().into_bytes());
}
