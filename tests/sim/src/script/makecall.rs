//! The twin of `plugins/makecall`: the same decisions in the same order, without its words about
//! requests that make no sense.

mod transfer;

use model::{
    CallId, Cause, DialReport, Event, LogLevel, Origin, Reply, Request,
    turn::{CallView, CommandError, Dial, Phase},
};
use serde_json::{Value, json};

use super::{Desk, Handled};

/// Seconds that a request waits for its call.
const TIME_TO_LIVE: u64 = 120;
/// Seconds that the callee may ring.
const MAX_RING: u32 = 60;

pub(super) fn handle(desk: &mut Desk<'_>, event: &Event) -> Handled {
    match event {
        Event::Incoming { call, .. } => on_incoming(desk, *call),
        Event::Ringing { call, early_media } => on_ringing(desk, *call, *early_media),
        Event::DialCompleted { call, report } => on_dial_completed(desk, *call, report),
        Event::Released { call, report } => on_released(desk, *call, report.cause),
        Event::Request(request) => {
            desk.reply = Some(on_request(desk, request));
            Ok(())
        }
        Event::TransferRequested { call, target, .. } => {
            transfer::requested(desk, *call, target.as_str())
        }
        Event::Answered { .. }
        | Event::Timer { .. }
        | Event::Digit { .. }
        | Event::PlayCompleted { .. }
        | Event::DigitsCollected { .. }
        | Event::CommandFailed { .. }
        | Event::RecordCompleted { .. }
        | Event::ConferencePlayCompleted { .. }
        | Event::ConferenceRecordCompleted { .. }
        | Event::TransferCompleted { .. }
        | Event::Migrate { .. } => Ok(()),
    }
}

fn on_incoming(desk: &mut Desk<'_>, call: CallId) -> Handled {
    let view = desk.plan.call(call).cloned();
    let CallView { from, to, .. } = view.ok_or(CommandError::WrongState)?;
    let pending = pending(desk, from.user());
    let Some(pending) = pending.filter(|p| text(p, "caller") == to.user()) else {
        return desk.plan.release(call, 403);
    };
    desk.plan.set_user_data(call, text(&pending, "id"))?;
    let dial = Dial {
        from: text(&pending, "caller"),
        to: text(&pending, "callee"),
        max_ring_seconds: MAX_RING,
        user_data: text(&pending, "id"),
        ..Dial::default()
    };
    let callee = match desk.plan.construct(&dial) {
        Ok(callee) => callee,
        Err(why) => {
            desk.log(LogLevel::Warn, &format!("the call cannot be made: {why}"));
            return desk.plan.release(call, status(&why));
        }
    };
    desk.remove(&key(from.user()));
    keep(desk, call, callee, text(&pending, "id"), false);
    Ok(())
}

fn on_ringing(desk: &mut Desk<'_>, callee: CallId, early_media: bool) -> Handled {
    if transfer::is_to(desk, callee) {
        return Ok(());
    }
    let Some((caller, phase)) = living(desk, "caller") else {
        return Ok(());
    };
    match (early_media, phase) {
        (true, _) => join(desk, caller, callee),
        (false, Phase::Offered) => desk.plan.ring(caller),
        (false, _) => Ok(()),
    }
}

fn on_dial_completed(desk: &mut Desk<'_>, callee: CallId, report: &DialReport) -> Handled {
    if transfer::is_to(desk, callee) {
        return transfer::dialled(desk, callee, report);
    }
    let Some((caller, phase)) = living(desk, "caller") else {
        return Ok(());
    };
    if let Some(cause) = report.error {
        return release_after(desk, caller, phase, cause);
    }
    let request = text(&state(desk), "request").to_owned();
    desk.plan.answer(caller, &request)?;
    join(desk, caller, callee)
}

fn on_released(desk: &mut Desk<'_>, call: CallId, cause: Cause) -> Handled {
    if transfer::released(desk, call, cause)? {
        return Ok(());
    }
    let other = transfer::other(&state(desk), call);
    let phase = other.and_then(|id| Some(desk.plan.call(id)?.phase));
    match (other, phase) {
        (Some(_), Some(Phase::Released)) | (None, _) | (_, None) => Ok(()),
        (Some(other), Some(phase)) => release_after(desk, other, phase, cause),
    }
}

fn release_after(desk: &mut Desk<'_>, call: CallId, phase: Phase, cause: Cause) -> Handled {
    let cause = match cause.passed_on().code() {
        200..=299 if phase != Phase::Answered => 480,
        cause => cause,
    };
    desk.plan.release(call, cause)
}

fn on_request(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let reply = |status, body: Value| Reply {
        status,
        body: body.to_string(),
    };
    let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
    match request.verb.as_str() {
        "makecall" => {
            let pending = json!({
                "id": request.id.to_string(),
                "caller": text(&body, "caller"),
                "callee": text(&body, "callee"),
            });
            let value = pending.to_string().into_bytes();
            desk.put(&key(&request.user), value, Some(TIME_TO_LIVE));
            reply(200, json!({ "callid": request.id.to_string() }))
        }
        "cancelcall" if pending(desk, &request.user).is_none() => reply(404, json!({})),
        "cancelcall" => {
            desk.remove(&key(&request.user));
            reply(200, json!({}))
        }
        "callin" if request.origin != Origin::Cti => reply(403, json!({})),
        "callin" => {
            let (from, to) = (text(&body, "from"), text(&body, "to"));
            match pending(desk, from) {
                Some(p) if [text(&p, "caller"), text(&p, "callee")].contains(&to) => {
                    desk.remove(&key(from));
                    reply(200, json!({ "action": "bridge" }))
                }
                _ => reply(200, json!({ "action": "reject", "cause": 403 })),
            }
        }
        _ => reply(404, json!({})),
    }
}

fn join(desk: &mut Desk<'_>, caller: CallId, callee: CallId) -> Handled {
    let kept = state(desk);
    if kept["joined"] != json!(true) {
        desk.plan.bridge_start(caller, callee)?;
        keep(desk, caller, callee, text(&kept, "request"), true);
    }
    Ok(())
}

fn pending(desk: &mut Desk<'_>, user: &str) -> Option<Value> {
    serde_json::from_slice(&desk.get(&key(user))?).ok()
}

fn key(user: &str) -> String {
    format!("pending/{user}")
}

fn state(desk: &Desk<'_>) -> Value {
    serde_json::from_slice(&desk.plan.view().state).unwrap_or_default()
}

fn keep(desk: &mut Desk<'_>, caller: CallId, callee: CallId, request: &str, joined: bool) {
    let state = json!({
        "caller": caller.to_string(),
        "callee": callee.to_string(),
        "request": request,
        "joined": joined,
    });
    desk.state = Some(state.to_string().into_bytes());
}

/// The leg of that name, if it is not released.
fn living(desk: &Desk<'_>, leg: &str) -> Option<(CallId, Phase)> {
    let id = text(&state(desk), leg).parse().ok()?;
    let call = desk.plan.call(id)?;
    (call.phase != Phase::Released).then_some((id, call.phase))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The cause with which a caller is released whose call cannot be made (`Error::cause` of the SDK).
fn status(why: &CommandError) -> u16 {
    match why {
        CommandError::NotPermitted(_) => 603,
        CommandError::NotFound(_) => 404,
        CommandError::Unsupported(_) => 488,
        CommandError::LimitExceeded(_) | CommandError::Unavailable(_) => 503,
        CommandError::WrongState
        | CommandError::WrongDirection
        | CommandError::InvalidArgument(_) => 500,
    }
}
