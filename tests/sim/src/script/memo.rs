//! The twin of `plugins/memo`: it answers and records, and its keys start, stop and bridge.

use model::{
    CallDirection, CallId, Completion, Event,
    turn::{CallView, Dial, Phase},
};

use super::{Desk, Handled};

pub(super) fn handle(desk: &mut Desk<'_>, event: &Event) -> Handled {
    match event {
        Event::Incoming { call, .. } => {
            desk.plan.answer(*call, "")?;
            record(desk, *call, 60)
        }
        Event::Digit { call, digit: '1' } => record(desk, *call, 3),
        Event::Digit { call, digit: '*' } => desk.plan.record_stop(*call),
        Event::Digit { digit: 'A', .. } => {
            let dial = Dial {
                from: "2001",
                to: "3001",
                ..Dial::default()
            };
            desk.plan.construct(&dial).map(|_| ())
        }
        Event::DialCompleted { call, report } if report.error.is_none() => {
            let inbound = |it: &&CallView| it.direction == CallDirection::Inbound;
            let caller = desk.plan.calls().find(inbound).map(|it| it.id);
            match caller {
                Some(caller) => desk.plan.bridge_start(caller, *call),
                None => Ok(()),
            }
        }
        Event::RecordCompleted {
            call,
            operation,
            how,
            duration_ms,
        } => {
            let view = desk.plan.call(*call);
            let view = view.filter(|view| view.phase != Phase::Released);
            let Some(told) = view.map(|view| view.user_data.clone()) else {
                return Ok(());
            };
            let seconds = (duration_ms + 500) / 1_000;
            let told = format!("{told}{operation} {} {seconds} s;", word(*how));
            desk.plan.set_user_data(*call, &told)
        }
        Event::Released { .. } => {
            let left: Vec<_> = desk.plan.calls().map(|it| (it.id, it.phase)).collect();
            for (call, phase) in left {
                let cause = if phase == Phase::Answered { 200 } else { 487 };
                desk.plan.release(call, cause)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn record(desk: &mut Desk<'_>, call: CallId, seconds: u32) -> Handled {
    let started = desk.plan.record_start(call, "memo", "#", seconds);
    started.map(|_| ())
}

fn word(how: Completion) -> &'static str {
    match how {
        Completion::Finished => "finished",
        Completion::FinishKey(_) => "key",
        Completion::Timeout => "timeout",
        Completion::Stopped => "stopped",
        Completion::Failed => "failed",
    }
}
