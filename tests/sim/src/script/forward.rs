//! Forwards calls as telephones do (RFC 5359 §2.7 to §2.9): those to 2002 always to 3002, those to 2001
//! if 3001 is busy or does not answer. Whom they reach then sees who calls, by Diversion who diverted
//! (RFC 5806), and what History-Info says of the way so far, with one step more (RFC 7044 §9.3).

use model::{
    CallDirection, CallId, Event,
    turn::{CommandError, Dial, Phase},
};

use super::{Desk, Handled};

pub(super) fn handle(desk: &mut Desk<'_>, event: &Event) -> Handled {
    match event {
        Event::Incoming { call, .. } => {
            let to = desk.plan.call(*call).map(|it| it.to.user().to_owned());
            match to.as_deref() {
                Some("2002") => dial(desk, "3002", Some("unconditional")),
                _ => dial(desk, "3001", None),
            }
        }
        Event::Ringing { .. } => match caller(desk) {
            Some((caller, Phase::Offered)) => desk.plan.ring(caller),
            _ => Ok(()),
        },
        Event::DialCompleted { call, report } => {
            let Some((caller, _)) = caller(desk) else {
                return Ok(());
            };
            let callee = desk.plan.call(*call).map(|it| it.to.user().to_owned());
            match (report.error.map(model::Cause::code), callee.as_deref()) {
                (Some(486), Some("3001")) => dial(desk, "3002", Some("user-busy")),
                (Some(408), Some("3001")) => dial(desk, "3002", Some("no-answer")),
                (Some(cause), _) => desk.plan.release(caller, cause),
                (None, _) => {
                    desk.plan.answer(caller, "")?;
                    desk.plan.bridge_start(caller, *call)
                }
            }
        }
        Event::Released { call, report } => {
            let direction = desk.plan.call(*call).map(|it| it.direction);
            let dialled = direction == Some(CallDirection::Outbound) && report.answer.is_none();
            let left: Vec<_> = desk.plan.calls().map(|it| (it.id, it.phase)).collect();
            for (other, phase) in left {
                match phase {
                    // Another is tried instead.
                    _ if dialled => {}
                    Phase::Answered => desk.plan.release(other, 200)?,
                    _ => desk.plan.release(other, 487)?,
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn dial(desk: &mut Desk<'_>, to: &str, reason: Option<&str>) -> Handled {
    let inbound = desk
        .plan
        .calls()
        .find(|it| it.direction == CallDirection::Inbound);
    let inbound = inbound.ok_or(CommandError::WrongState)?;
    let (from, number) = (inbound.from.to_string(), inbound.to.user().to_owned());
    let diversion = |reason| {
        let value = format!("<sip:{number}@acme.example>;reason={reason}");
        ("Diversion".to_owned(), value)
    };
    let past = inbound.headers.iter();
    let past = past.filter(|(name, _)| name.eq_ignore_ascii_case("History-Info"));
    let history = past.map(|(name, value)| {
        let step = format!("{value}, <sip:{to}@acme.example>;index=1.1;mp=1");
        (name.clone(), step)
    });
    let headers: Vec<_> = reason.map(diversion).into_iter().chain(history).collect();
    desk.plan.construct(&Dial {
        from: &from,
        to,
        max_ring_seconds: 5,
        headers: &headers,
        ..Dial::default()
    })?;
    Ok(())
}

fn caller(desk: &Desk<'_>) -> Option<(CallId, Phase)> {
    let mut calls = desk.plan.calls();
    let caller = calls.find(|it| it.direction == CallDirection::Inbound)?;
    Some((caller.id, caller.phase))
}
