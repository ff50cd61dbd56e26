//! The twin of `plugins/keypad`: the digits that a caller keys become the user data of its call.

use model::{
    Event,
    turn::{Dial, Phase},
};

use super::{Desk, Handled};

pub(super) fn handle(desk: &mut Desk<'_>, event: &Event) -> Handled {
    match event {
        Event::Incoming { call, .. } => desk.plan.answer(*call, ""),
        Event::Digit { call, digit: '#' } => desk.plan.release(*call, 200),
        Event::Digit { digit: 'A', .. } => call(desk, "3001"),
        Event::Digit { digit: 'B', .. } => call(desk, "3002"),
        Event::Digit { call, digit } => {
            let told = desk.plan.call(*call).map(|call| call.user_data.clone());
            let told = format!("{}{digit}", told.unwrap_or_default());
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

fn call(desk: &mut Desk<'_>, to: &str) -> Handled {
    desk.plan.construct(&Dial {
        from: "2001",
        to,
        ..Dial::default()
    })?;
    Ok(())
}
