//! The twin of `plugins/ivr`: greeting, menu, announcements, an operator.

use model::{
    CallId, Completion, Event,
    turn::{Dial, Phase},
};

use super::{Desk, Handled};

pub(super) fn handle(desk: &mut Desk<'_>, event: &Event) -> Handled {
    match event {
        Event::Incoming { call, .. } => play(desk, *call, "welcome", &["welcome"], 1, "#"),
        Event::PlayCompleted { call, how, .. } => played(desk, *call, *how),
        Event::DigitsCollected {
            call, digits, how, ..
        } => collected(desk, *call, digits, *how),
        Event::DialCompleted { call, report } => {
            for caller in others(desk, *call) {
                if report.error.is_none() {
                    desk.plan.play_stop(caller)?;
                    desk.plan.bridge_start(caller, *call)?;
                } else {
                    play(desk, caller, "goodbye", &["tone:busy/uk"], 3, "")?;
                }
            }
            Ok(())
        }
        Event::Released { call, report } => {
            let told = desk.plan.call(*call).map(|it| it.user_data.is_empty());
            if told.unwrap_or(true) && report.answer.is_none() {
                return Ok(());
            }
            for other in others(desk, *call) {
                let cause = match desk.plan.call(other).map(|it| it.phase) {
                    Some(Phase::Answered) => 200,
                    _ => 487,
                };
                desk.plan.release(other, cause)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn played(desk: &mut Desk<'_>, id: CallId, how: Completion) -> Handled {
    let Some(call) = desk.plan.call(id).filter(|it| it.phase != Phase::Released) else {
        return Ok(());
    };
    let stage = call.user_data.clone();
    match (how, &*stage) {
        (Completion::Stopped, _) => Ok(()),
        (Completion::Failed, stage) if stage != "welcome" => desk.plan.release(id, 500),
        (_, "welcome") => {
            desk.plan.answer(id, "")?;
            menu(desk, id)
        }
        (_, "hours") => menu(desk, id),
        (_, "goodbye") => desk.plan.release(id, 200),
        (_, "operator") => {
            let called = others(desk, id).into_iter();
            let mut called = called.map(|it| desk.plan.release(it, 487));
            called.try_for_each(|it| it)
        }
        _ => Ok(()),
    }
}

fn collected(desk: &mut Desk<'_>, id: CallId, digits: &str, how: Completion) -> Handled {
    let call = desk.plan.call(id);
    if call.is_none_or(|it| it.phase == Phase::Released) {
        return Ok(());
    }
    match (digits, how) {
        (_, Completion::Timeout) | ("9", _) => {
            play(desk, id, "goodbye", &["goodbye", "silence:200"], 1, "")
        }
        ("1", _) => play(desk, id, "hours", &["hours", "tone:beep"], 1, "*"),
        ("0", _) => {
            let from = desk.plan.call(id).map(|it| it.to.user().to_owned());
            desk.plan.construct(&Dial {
                from: &from.unwrap_or_default(),
                to: "3001",
                ..Dial::default()
            })?;
            play(desk, id, "operator", &["tone:ringback/uk"], 20, "")
        }
        _ => menu(desk, id),
    }
}

fn menu(desk: &mut Desk<'_>, id: CallId) -> Handled {
    play(desk, id, "menu", &["menu"], 2, "0123456789*#")?;
    desk.plan.collect_start(id, 1, "", 5_000, 1_000)?;
    Ok(())
}

fn play(
    desk: &mut Desk<'_>,
    id: CallId,
    what: &str,
    files: &[&str],
    repeat: u32,
    finish_keys: &str,
) -> Handled {
    let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
    desk.plan.play_start(id, &files, repeat, finish_keys)?;
    desk.plan.set_user_data(id, what)
}

fn others(desk: &Desk<'_>, id: CallId) -> Vec<CallId> {
    let calls = desk.plan.calls().map(|it| it.id);
    calls.filter(|other| *other != id).collect()
}
