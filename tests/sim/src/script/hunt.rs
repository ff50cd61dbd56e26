//! Calls every callee of the town at once; who answers first gets the caller. No component does this
//! yet: it is here because sessions of many calls go other ways than those of two.

use model::{
    CallDirection, CallId, DialReport, Event,
    turn::{Dial, Phase},
};

use super::{Desk, Handled};
use crate::town::CALLEES;

pub(super) fn handle(desk: &mut Desk<'_>, event: &Event) -> Handled {
    match event {
        Event::Incoming { call, .. } => on_incoming(desk, *call),
        Event::Ringing { call, .. } => on_ringing(desk, *call),
        Event::DialCompleted { call, report } => on_dial_completed(desk, *call, report),
        Event::Released { call, .. } => on_released(desk, *call),
        _ => Ok(()),
    }
}

fn on_incoming(desk: &mut Desk<'_>, call: CallId) -> Handled {
    let number = desk.plan.call(call).map(|call| call.to.user().to_owned());
    let from = number.unwrap_or_default();
    for to in CALLEES {
        desk.plan.construct(&Dial {
            from: &from,
            to,
            max_ring_seconds: 20,
            ..Dial::default()
        })?;
    }
    Ok(())
}

/// The one who must not ring is replaced, once.
fn on_ringing(desk: &mut Desk<'_>, callee: CallId) -> Handled {
    let to = desk
        .plan
        .call(callee)
        .map(|call| (call.from.clone(), call.to.user().to_owned()));
    if let Some((from, "3003")) = to.as_ref().map(|(from, to)| (from, to.as_str()))
        && desk.plan.view().state.is_empty()
    {
        desk.state = Some(b"replaced".to_vec());
        desk.plan.release(callee, 487)?;
        let (from, to) = (from.as_str(), "3001");
        return desk
            .plan
            .construct(&Dial {
                from,
                to,
                ..Dial::default()
            })
            .map(|_| ());
    }
    match caller(desk) {
        Some((caller, Phase::Offered)) => desk.plan.ring(caller),
        _ => Ok(()),
    }
}

fn on_dial_completed(desk: &mut Desk<'_>, callee: CallId, report: &DialReport) -> Handled {
    let Some((caller, phase)) = caller(desk) else {
        return Ok(());
    };
    if report.error.is_some()
        || desk
            .plan
            .call(callee)
            .is_none_or(|c| c.phase == Phase::Released)
    {
        let others = callees(desk)
            .into_iter()
            .filter(|other| *other != callee)
            .count();
        let hopeless = others == 0 && phase != Phase::Answered;
        return if hopeless {
            desk.plan.release(caller, 480)
        } else {
            Ok(())
        };
    }
    if phase == Phase::Answered {
        return desk.plan.release(callee, 487);
    }
    desk.plan.answer(caller, "")?;
    desk.plan.bridge_start(callee, caller)?;
    for other in callees(desk) {
        if other != callee {
            desk.plan.release(other, 487)?;
        }
    }
    Ok(())
}

/// When the caller or its partner goes, everybody goes.
fn on_released(desk: &mut Desk<'_>, gone: CallId) -> Handled {
    match caller(desk) {
        Some((caller, Phase::Answered)) if callees(desk).is_empty() => {
            desk.plan.release(caller, 200)
        }
        Some(_) => Ok(()),
        None => {
            for callee in callees(desk) {
                if callee != gone {
                    desk.plan.release(callee, 487)?;
                }
            }
            Ok(())
        }
    }
}

fn caller(desk: &Desk<'_>) -> Option<(CallId, Phase)> {
    let mut calls = desk.plan.calls();
    let caller = calls.find(|call| call.direction == CallDirection::Inbound)?;
    Some((caller.id, caller.phase))
}

fn callees(desk: &Desk<'_>) -> Vec<CallId> {
    let calls = desk.plan.calls();
    let out = calls.filter(|call| call.direction == CallDirection::Outbound);
    out.map(|call| call.id).collect()
}
