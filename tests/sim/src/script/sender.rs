//! Sends its callers away: answers, asks each to call 3002 instead, in the place of the oldest other call
//! of the session if it has one, and hangs up when that is done. The cause is what it was told.

use model::{
    Event,
    turn::{Dial, Phase},
};

use super::{Desk, Handled};

pub(super) fn handle(desk: &mut Desk<'_>, event: &Event) -> Handled {
    match event {
        Event::Incoming { call, .. } => {
            desk.plan.answer(*call, "")?;
            desk.plan.timer_start("ask", 1_000)
        }
        Event::Timer { name } if name == "ask" => {
            // Whom it shall replace must be there first.
            desk.plan.construct(&Dial {
                from: "2001",
                to: "3002",
                ..Dial::default()
            })?;
            Ok(())
        }
        Event::Answered { call } => {
            let caller = desk.plan.calls().map(|it| it.id).find(|id| id != call);
            match caller {
                Some(caller) => desk.plan.transfer(caller, "3002", Some(*call)),
                None => desk.plan.release(*call, 200),
            }
        }
        Event::TransferCompleted { call, status } => {
            let text = format!("told {status}");
            desk.plan.set_user_data(*call, &text)?;
            desk.plan.release(*call, 200)
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
