//! The twin of `plugins/voicemail`: greeting, beep, message, two beeps.

use model::{
    CallId, Completion, Event, LogLevel,
    turn::{CallView, CommandError, Phase},
};

use super::{Desk, Handled};

pub(super) fn handle(desk: &mut Desk<'_>, event: &Event) -> Handled {
    match event {
        Event::Incoming { call, .. } => {
            desk.plan.answer(*call, "")?;
            match play(desk, *call, &["greeting", "tone:beep"], 1, "#") {
                Err(CommandError::NotFound(_)) => play(desk, *call, &["tone:beep"], 1, "#"),
                played => played,
            }
        }
        Event::PlayCompleted { call, how, .. } => played(desk, *call, *how),
        Event::RecordCompleted {
            call,
            how,
            duration_ms,
            ..
        } => recorded(desk, *call, *how, *duration_ms),
        _ => Ok(()),
    }
}

fn played(desk: &mut Desk<'_>, id: CallId, how: Completion) -> Handled {
    if !is_live(desk.plan.call(id)) || how == Completion::Stopped {
        return Ok(());
    }
    match &*desk.plan.view().state {
        b"" => {
            desk.state = Some(b"message".to_vec());
            let seconds = desk.plan.view().settings.get("seconds");
            let seconds = seconds.and_then(|it| it.parse().ok()).unwrap_or(120);
            desk.plan.record_start(id, "voicemail", "#", seconds)?;
            Ok(())
        }
        b"kept" => desk.plan.release(id, 200),
        b"lost" => desk.plan.release(id, 500),
        _ => Ok(()),
    }
}

fn recorded(desk: &mut Desk<'_>, id: CallId, how: Completion, duration_ms: u32) -> Handled {
    let is_live = is_live(desk.plan.call(id));
    let from = desk.plan.call(id).map(|it| it.from.user().to_owned());
    let from = from.unwrap_or_default();
    let is_lost = how == Completion::Failed;
    if is_lost {
        let line = format!("the message of {from} could not be recorded");
        desk.log(LogLevel::Warn, &line);
    } else {
        desk.log(
            LogLevel::Info,
            &format!("a message of {from}, {duration_ms} ms"),
        );
    }
    if !is_live {
        return Ok(());
    }
    if is_lost {
        desk.state = Some(b"lost".to_vec());
        return play(desk, id, &["tone:congestion"], 4, "");
    }
    desk.state = Some(b"kept".to_vec());
    let seconds = (duration_ms + 500) / 1_000;
    desk.plan.set_user_data(id, &format!("{seconds} s"))?;
    play(desk, id, &["tone:beep", "silence:200"], 2, "")
}

fn is_live(call: Option<&CallView>) -> bool {
    call.is_some_and(|it| it.phase != Phase::Released)
}

fn play(
    desk: &mut Desk<'_>,
    id: CallId,
    files: &[&str],
    repeat: u32,
    finish_keys: &str,
) -> Handled {
    let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
    desk.plan.play_start(id, &files, repeat, finish_keys)?;
    Ok(())
}
