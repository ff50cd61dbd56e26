//! The makecall bridge policy: the platform's main job.
//!
//! A phone user asks over REST that its next call to its private number `caller` be led to `callee`.
//! When that call comes within two minutes it is bridged, and the callee sees `caller`; any other
//! call is refused. It owns the pending requests (one per phone user, under `pending/…` in the
//! tenant's store) and the pairing of the two legs. It knows no tenant, trunk or phone: who may
//! dial what is the platform's.

mod pending;
mod transfer;

use std::time::Duration;

use jackfield_sdk::{
    Call, CallPhase, Dial, DialReport, Error, Policy, ReleaseReport, Reply, Request, RequestOrigin,
    Result, Session, store,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use pending::Pending;
use transfer::Transfer;

/// How long a request waits for its call.
const TIME_TO_LIVE: Duration = Duration::from_secs(120);

/// How long the callee may ring, in seconds, unless the setting of that name says otherwise.
const MAX_RING_SECONDS: u64 = 60;

/// The policy.
pub struct MakeCall;

/// The two legs of a session, by call id; empty before there are two. A transfer may have put another in
/// the place of either.
#[derive(Default, Serialize, Deserialize)]
pub struct Legs {
    caller: String,
    callee: String,
    /// The id of the request, which is the `user_data` of both.
    request: String,
    /// Whether their media is joined: early media joins it before the answer does.
    joined: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transfer: Option<Transfer>,
}

impl Legs {
    /// The leg beside that one.
    fn other(&self, leg: &str) -> Option<&str> {
        match leg {
            leg if leg == self.caller => Some(&self.callee),
            leg if leg == self.callee => Some(&self.caller),
            _ => None,
        }
    }

    /// Another takes the place of that one.
    fn replace(&mut self, leg: &str, by: String) {
        if leg == self.caller {
            self.caller = by;
        } else {
            self.callee = by;
        }
    }
}

impl Policy for MakeCall {
    type State = Legs;

    fn on_incoming(session: &mut Session<Legs>, call: &Call, _begin_time: u64) -> Result {
        let user = call.from_number();
        let request = match Pending::of(&user) {
            Ok(Some(request)) if request.is_for_private_number(&call.to_number()) => request,
            // The request stays: it was made for another private number.
            Ok(_) => return call.release(403),
            Err(why) => return refuse(session, call, &why),
        };
        call.set_user_data(&request.id)?;
        let callee = match session.construct(&Dial {
            from: &request.caller,
            to: &request.callee,
            max_ring: max_ring(session),
            user_data: &request.id,
            ..Dial::default()
        }) {
            Ok(callee) => callee,
            // The request stays: the user may try again while it lasts.
            Err(why) => return refuse(session, call, &why),
        };
        store::remove(&pending::key(&user))?;
        session.state = Legs {
            caller: call.id(),
            callee: callee.id(),
            request: request.id,
            joined: false,
            transfer: None,
        };
        Ok(())
    }

    fn on_ringing(session: &mut Session<Legs>, callee: &Call, early_media: bool) -> Result {
        if transfer::is_to(&session.state, callee) {
            return Ok(());
        }
        let Some(caller) = session.call(&session.state.caller) else {
            return Ok(());
        };
        match (early_media, caller.phase()) {
            (true, _) => join(session, &caller, callee),
            (false, CallPhase::Offered) => caller.ring(),
            _ => Ok(()),
        }
    }

    fn on_dial_completed(session: &mut Session<Legs>, callee: &Call, report: DialReport) -> Result {
        if transfer::is_to(&session.state, callee) {
            return transfer::dialled(session, callee, &report);
        }
        let Some(caller) = session.call(&session.state.caller) else {
            return Ok(());
        };
        match report.error {
            Some(cause) => return caller.release_after(cause),
            // It has hung up meanwhile: `on_released` comes next, and is what the caller hears of.
            None if callee.phase() != CallPhase::Answered => return Ok(()),
            None => caller.answer(&session.state.request)?,
        }
        join(session, &caller, callee)
    }

    fn on_released(session: &mut Session<Legs>, call: &Call, report: ReleaseReport) -> Result {
        if transfer::released(session, call, &report)? {
            return Ok(());
        }
        let other = session
            .state
            .other(&call.id())
            .and_then(|id| session.call(id));
        other.map_or(Ok(()), |other| other.release_after(report.cause))
    }

    fn on_transfer_requested(
        session: &mut Session<Legs>,
        call: &Call,
        target: String,
        _replaces: Option<String>,
    ) -> Result {
        transfer::requested(session, call, &target)
    }

    fn on_request(_: &mut Session<Legs>, request: Request) -> Result<Reply> {
        match request.verb.as_str() {
            "makecall" => makecall(&request),
            "cancelcall" => cancelcall(&request),
            "callin" => callin(&request),
            verb => Ok(Reply::unknown_verb(verb)),
        }
    }
}

jackfield_sdk::export!(MakeCall, optional: [request_events, transfer_events]);

/// Remembers the request; the last one of a user counts, whatever its numbers.
fn makecall(request: &Request) -> Result<Reply> {
    let pending = match Pending::parse(request) {
        Ok(pending) => pending,
        Err(refusal) => return Ok(refusal),
    };
    store::put_for(&pending::key(&request.user), &pending, TIME_TO_LIVE)?;
    Ok(Reply::ok(&json!({ "callid": pending.id })))
}

fn cancelcall(request: &Request) -> Result<Reply> {
    if Pending::of(&request.user)?.is_none() {
        let detail = "no call is pending for this user";
        return Ok(Reply::problem(404, "not-pending", detail));
    }
    store::remove(&pending::key(&request.user))?;
    Ok(Reply::ok(&json!({})))
}

/// What an external CTI server asks: the same decision as for a call of our own, in words.
fn callin(request: &Request) -> Result<Reply> {
    if request.origin != RequestOrigin::Cti {
        let detail = "callin is for the tenant's own CTI server";
        return Ok(Reply::problem(403, "not-permitted", detail));
    }
    let [from, to] = match pending::numbers(request, ["from", "to"]) {
        Ok(numbers) => numbers,
        Err(refusal) => return Ok(refusal),
    };
    Ok(match Pending::of(&from)? {
        Some(pending) if pending.is_for_either(&to) => {
            store::remove(&pending::key(&from))?;
            let Pending { caller, callee, .. } = pending;
            Reply::ok(&json!({ "action": "bridge", "caller": caller, "callee": callee }))
        }
        _ => Reply::ok(&json!({ "action": "reject", "cause": 403 })),
    })
}

/// Joins the media of the legs, once.
fn join(session: &mut Session<Legs>, caller: &Call, callee: &Call) -> Result {
    if !session.state.joined {
        caller.bridge_start(callee)?;
        session.state.joined = true;
    }
    Ok(())
}

fn refuse(session: &Session<Legs>, call: &Call, why: &Error) -> Result {
    session.warn(&format!("the call cannot be made: {why}"));
    call.release(why.cause())
}

fn max_ring(session: &Session<Legs>) -> Duration {
    let setting = session.setting("max_ring_seconds");
    let seconds = setting.and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(MAX_RING_SECONDS))
}
