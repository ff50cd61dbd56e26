//! The twin of `plugins/makecall/src/transfer.rs`.

use model::{
    CallDirection, CallId, Cause, DialReport, LogLevel,
    turn::{CommandError, Dial, Phase},
};
use serde_json::{Value, json};

use super::super::{Desk, Handled};
use super::{MAX_RING, release_after, state, status, text};

/// Dials whom the party wants, if the tenant may.
pub(super) fn requested(desk: &mut Desk<'_>, by: CallId, target: &str) -> Handled {
    let kept = state(desk);
    let other = other(&kept, by).and_then(|id| living(desk, id));
    let Some(other) = other.filter(|_| kept["transfer"].is_null()) else {
        return desk.plan.transfer_refuse(by, 603);
    };
    let calls = [by, other].into_iter().filter_map(|id| desk.plan.call(id));
    let mut outbound = calls.filter(|call| call.direction == CallDirection::Outbound);
    let Some(shown) = outbound.next().map(|call| call.from.clone()) else {
        return desk.plan.transfer_refuse(by, 603);
    };
    desk.plan.transfer_accept(by)?;
    let made = desk.plan.construct(&Dial {
        from: shown.as_str(),
        to: target,
        max_ring_seconds: MAX_RING,
        user_data: text(&kept, "request"),
        ..Dial::default()
    });
    match made {
        Ok(to) => {
            let (by, to) = (by.to_string(), to.to_string());
            keep(desk, kept, json!({ "by": by, "to": to }));
            Ok(())
        }
        Err(why) => {
            let what = format!("a transfer cannot be made: {why}");
            desk.log(LogLevel::Warn, &what);
            desk.plan.transfer_refuse(by, status(&why))
        }
    }
}

/// Whether that call is the one to which somebody is being transferred.
pub(super) fn is_to(desk: &Desk<'_>, call: CallId) -> bool {
    text(&state(desk)["transfer"], "to") == call.to_string()
}

/// Dialling it is over.
pub(super) fn dialled(desk: &mut Desk<'_>, to: CallId, report: &DialReport) -> Handled {
    let mut kept = state(desk);
    let Some(by) = id(&kept["transfer"], "by") else {
        return Ok(());
    };
    let other = other(&kept, by).and_then(|id| living(desk, id));
    let asker = living(desk, by);
    let Some(other) = other else {
        keep(desk, kept, Value::Null);
        return Ok(());
    };
    let phase = |desk: &Desk<'_>, id| desk.plan.call(id).map(|call| call.phase);
    if phase(desk, to) != Some(Phase::Answered) {
        keep(desk, kept, Value::Null);
        let cause = report.error.unwrap_or(Cause::UNAVAILABLE);
        return match (asker, phase(desk, other)) {
            (None, Some(phase)) => release_after(desk, other, phase, cause),
            _ => Ok(()),
        };
    }
    if let Some(asker) = asker {
        desk.plan.release(asker, 200)?;
    }
    desk.plan.bridge_start(other, to)?;
    let leg = if id(&kept, "caller") == Some(by) {
        "caller"
    } else {
        "callee"
    };
    kept[leg] = json!(to.to_string());
    keep(desk, kept, Value::Null);
    Ok(())
}

/// A call is over while a transfer is under way; whether that is all there is to do.
pub(super) fn released(
    desk: &mut Desk<'_>,
    gone: CallId,
    cause: Cause,
) -> Result<bool, CommandError> {
    let kept = state(desk);
    let (by, to) = (id(&kept["transfer"], "by"), id(&kept["transfer"], "to"));
    let Some(to) = to else {
        return Ok(false);
    };
    if by == Some(gone) {
        return Ok(true);
    }
    if gone != to
        && let Some(to) = living(desk, to)
        && let Some(phase) = desk.plan.call(to).map(|call| call.phase)
    {
        release_after(desk, to, phase, cause)?;
    }
    Ok(gone == to)
}

/// The leg beside that one.
pub(super) fn other(kept: &Value, leg: CallId) -> Option<CallId> {
    let (caller, callee) = (id(kept, "caller"), id(kept, "callee"));
    match Some(leg) {
        leg if leg == caller => callee,
        leg if leg == callee => caller,
        _ => None,
    }
}

fn keep(desk: &mut Desk<'_>, mut kept: Value, transfer: Value) {
    kept["transfer"] = transfer;
    desk.state = Some(kept.to_string().into_bytes());
}

fn living(desk: &Desk<'_>, id: CallId) -> Option<CallId> {
    let call = desk.plan.call(id)?;
    (call.phase != Phase::Released).then_some(id)
}

fn id(value: &Value, name: &str) -> Option<CallId> {
    text(value, name).parse().ok()
}
