//! The twin of `plugins/keypad`: the digits that a caller keys become the user data of its call.

use model::{
    CallId, Completion, Event, LogLevel,
    turn::{CommandError, Dial, Phase},
};

use super::{Desk, Handled};

pub(super) fn handle(desk: &mut Desk<'_>, event: &Event) -> Handled {
    match event {
        Event::Incoming { call, .. } => desk.plan.answer(*call, ""),
        Event::Digit { call, digit: '#' } => desk.plan.release(*call, 200),
        Event::Digit { digit: 'A', .. } => call(desk, "3001"),
        Event::Digit { digit: 'B', .. } => call(desk, "3002"),
        Event::Digit { call, digit: 'C' } => collect(desk, *call),
        Event::DigitsCollected {
            call,
            operation,
            digits,
            how,
        } => {
            let Some(told) = desk.plan.call(*call) else {
                return Ok(());
            };
            if told.phase == Phase::Released {
                return Ok(());
            }
            let told = told.user_data.clone();
            let how = match how {
                Completion::Finished => {
                    collect(desk, *call)?;
                    "finished".to_owned()
                }
                Completion::FinishKey('#') if digits == "1" => {
                    desk.plan.hold(*call)?;
                    return desk.plan.timer_start(&call.to_string(), 2_000);
                }
                Completion::FinishKey('#') if digits == "2" => {
                    return desk.plan.send_digits(*call, "159*D#");
                }
                Completion::FinishKey(key) => {
                    if *key == '*' {
                        collect(desk, *call)?;
                        collect(desk, *call)?;
                        desk.plan.collect_stop(*call)?;
                    }
                    format!("key {key}")
                }
                other => other.as_str().to_owned(),
            };
            let told = format!("{told}[{operation} {digits} {how}]");
            desk.plan.set_user_data(*call, &told)
        }
        Event::Digit { call, digit } => note(desk, *call, &digit.to_string()),
        Event::Timer { name } => {
            let call = desk.plan.calls().find(|call| call.id.to_string() == *name);
            let call = call.map(|call| call.id);
            call.map_or(Ok(()), |call| desk.plan.resume(call))
        }
        Event::CommandFailed { call, command, .. } => {
            note(desk, *call, &format!("({command} failed)"))
        }
        Event::Released { .. } => part(desk),
        Event::Migrate { from: 7 } => {
            desk.log(LogLevel::Warn, "version 7 keyed otherwise");
            Ok(())
        }
        Event::Migrate { from: 8 } => Err(CommandError::NotFound("on purpose".to_owned())),
        Event::Migrate { .. } => {
            desk.state = Some(b"null".to_vec());
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Adds that to the user data of the call.
fn note(desk: &mut Desk<'_>, call: CallId, what: &str) -> Handled {
    let told = desk.plan.call(call).map(|call| call.user_data.clone());
    let told = told.unwrap_or_default() + what;
    desk.plan.set_user_data(call, &told)
}

fn part(desk: &mut Desk<'_>) -> Handled {
    let left: Vec<_> = desk.plan.calls().map(|it| (it.id, it.phase)).collect();
    for (call, phase) in left {
        let cause = if phase == Phase::Answered { 200 } else { 487 };
        desk.plan.release(call, cause)?;
    }
    Ok(())
}

fn collect(desk: &mut Desk<'_>, call: CallId) -> Handled {
    desk.plan.collect_start(call, 4, "#*", 3_000, 1_000)?;
    Ok(())
}

fn call(desk: &mut Desk<'_>, to: &str) -> Handled {
    desk.plan.construct(&Dial {
        from: "2001",
        to,
        ..Dial::default()
    })?;
    Ok(())
}
