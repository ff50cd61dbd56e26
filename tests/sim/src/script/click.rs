//! Calls two parties at a request and joins them when both have answered: a session without an
//! inbound call. No component does this yet.

use model::{
    CallId, Event, Reply,
    turn::{Dial, Phase},
};
use serde_json::{Value, json};

use super::{Desk, Handled};

pub(super) fn handle(desk: &mut Desk<'_>, event: &Event) -> Handled {
    match event {
        Event::Incoming { call, .. } => desk.plan.release(*call, 403),
        Event::Request(request) => {
            let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
            for to in ["caller", "callee"] {
                desk.plan.construct(&Dial {
                    from: "2001",
                    to: body[to].as_str().unwrap_or_default(),
                    max_answer_seconds: 20,
                    max_ring_seconds: 15,
                    ..Dial::default()
                })?;
            }
            desk.reply = Some(Reply {
                status: 200,
                body: json!({}).to_string(),
            });
            Ok(())
        }
        Event::Answered { .. } => match others(desk, None)[..] {
            [(a, Phase::Answered), (b, Phase::Answered)] => desk.plan.bridge_start(a, b),
            _ => Ok(()),
        },
        Event::Released { call, .. } => {
            for (other, _) in others(desk, Some(*call)) {
                desk.plan.release(other, 487)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn others(desk: &Desk<'_>, but: Option<CallId>) -> Vec<(CallId, Phase)> {
    let calls = desk.plan.calls().filter(|call| Some(call.id) != but);
    calls.map(|call| (call.id, call.phase)).collect()
}
