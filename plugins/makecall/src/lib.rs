//! The makecall bridge policy: the platform's main job.
//!
//! A phone user asks over REST that its next call to its private number `caller` be led to `callee`.
//! When that call comes within two minutes it is bridged, and the callee sees `caller`; any other
//! call reaches the number's owner, if it has one, or is refused. It owns the pending requests (one per
//! phone user, under `pending/…` in the tenant's store) and the pairing of the two legs. It knows no
//! tenant, trunk or phone: who may dial what is the platform's. Its settings are in `docs/makecall.md`.

mod dial;
mod owner;
mod pending;
mod refusal;
mod terms;

use jackfield_sdk::{
    Call, CallPhase, Completion, DialReport, Pair, Policy, ReleaseReport, Reply, Request,
    RequestOrigin, Result, pair,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use pending::Pending;
use terms::Terms;

/// The policy.
pub struct MakeCall;

/// What is remembered of a call.
#[derive(Default, Serialize, Deserialize)]
pub struct State {
    pair: Pair,
    /// The cause with which the caller is released once it has heard why.
    refusal: Option<u16>,
    terms: Terms,
}

impl AsMut<Pair> for State {
    fn as_mut(&mut self) -> &mut Pair {
        &mut self.pair
    }
}

/// The session of a call, or of a request.
type Session<'a> = jackfield_sdk::Session<'a, State>;

impl Policy for MakeCall {
    type State = State;

    fn on_incoming(session: &mut Session<'_>, call: &Call, _begin_time: u64) -> Result {
        let (user, number) = (call.from_number(), call.to_number());
        let made = match Pending::of(&user) {
            Ok(Some(request)) if request.is_for_private_number(&number) => {
                // A request that cannot be fulfilled stays: the user may try again while it lasts.
                if dial::connect(session, call, &request)? {
                    pending::remove(&user)?;
                }
                return Ok(());
            }
            // The request stays: it was made for another private number.
            Ok(_) => owner::of(session, &number),
            Err(why) => Err(why),
        };
        match made {
            Ok(Some(owner)) if owner != user => owner::call_back(session, call, &owner),
            Ok(_) => refusal::nothing_pending(session, call),
            Err(why) => refusal::because(session, call, &why, ""),
        }
    }

    fn on_ringing(session: &mut Session<'_>, callee: &Call, early_media: bool) -> Result {
        pair::ringing(session, callee, early_media)
    }

    fn on_dial_completed(session: &mut Session<'_>, callee: &Call, report: DialReport) -> Result {
        if pair::dialled(session, callee, &report)? {
            terms::begin(session)?;
        }
        Ok(())
    }

    fn on_play_completed(
        session: &mut Session<'_>,
        call: &Call,
        _: u32,
        how: Completion,
    ) -> Result {
        match session.state.refusal {
            Some(cause) if call.phase() != CallPhase::Released => return call.release(cause),
            Some(_) => {}
            None => terms::told(session, call, how),
        }
        Ok(())
    }

    fn on_timer(session: &mut Session<'_>, name: String) -> Result {
        terms::due(session, &name)
    }

    fn on_released(session: &mut Session<'_>, call: &Call, report: ReleaseReport) -> Result {
        if pair::released(session, call, &report)? {
            terms::end(session);
        }
        Ok(())
    }

    fn on_transfer_requested(
        session: &mut Session<'_>,
        call: &Call,
        target: String,
        _: Option<String>,
    ) -> Result {
        pair::transfer(session, call, |session, shown| {
            let State { pair, terms, .. } = &session.state;
            dial::dial(session, [shown, &target], pair.user_data(), terms)
        })
    }

    fn on_request(session: &mut Session<'_>, request: Request) -> Result<Reply> {
        match request.verb.as_str() {
            "makecall" => makecall(session, &request),
            "cancelcall" => cancelcall(&request),
            "callin" => callin(session, &request),
            verb => Ok(Reply::unknown_verb(verb)),
        }
    }
}

jackfield_sdk::export!(
    MakeCall,
    optional: [request_events, transfer_events, media_events, timer_events]
);

/// Remembers the request; the last one of a user counts, whatever its numbers.
fn makecall(session: &Session<'_>, request: &Request) -> Result<Reply> {
    Pending::parse(request).map_or_else(Ok, |pending| {
        pending.keep(&request.user)?;
        owner::remember(session, &pending.caller, &request.user)?;
        Ok(Reply::ok(&json!({ "callid": pending.id })))
    })
}

fn cancelcall(request: &Request) -> Result<Reply> {
    if Pending::of(&request.user)?.is_none() {
        let detail = "no call is pending for this user";
        return Ok(Reply::problem(404, "not-pending", detail));
    }
    pending::remove(&request.user)?;
    Ok(Reply::ok(&json!({})))
}

/// What an external CTI server asks: the same decision as for a call of our own, in words.
fn callin(session: &Session<'_>, request: &Request) -> Result<Reply> {
    if request.origin != RequestOrigin::Cti {
        let detail = "callin is for the tenant's own CTI server";
        return Ok(Reply::problem(403, "not-permitted", detail));
    }
    let [from, to] = match request.addresses_and_flags(["from", "to"], []) {
        Ok((numbers, [])) => numbers,
        Err(refusal) => return Ok(refusal),
    };
    Ok(match Pending::of(&from)? {
        Some(pending) if pending.is_for_either(&to) => {
            pending::remove(&from)?;
            let Pending { caller, callee, .. } = pending;
            Reply::ok(&json!({ "action": "bridge", "caller": caller, "callee": callee }))
        }
        _ => Reply::ok(&json!({ "action": "reject", "cause": refusal::cause(session) })),
    })
}
