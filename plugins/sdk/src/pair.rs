//! Two parties who are led to each other: ringing, answer, early media, hang-up and transfer.
//!
//! Most policies bring two calls together at some time, and then the same has to happen: the caller hears ringing
//! when the callee rings, is answered when the callee answers, and whoever is left is released. Put a [`Pair`]
//! into the state, give it out by [`AsMut`], and let these functions answer the events; what else is to happen is yours.
//!
//! ```text
//!  construct ── ringing ── dialled: both are answered and joined ── released: so is the other
//!                             by asks: `to` is dialled, and `by` hears how that goes
//!                  by ══ other   to     `to` answers: `by` is released, the others are joined
//!                        other ══ to    `to` does not: nothing has changed, unless `by` has hung up
//! ```
//!
//! ```
//! use jackfield_sdk::{Call, Dial, DialReport, Pair, Policy, ReleaseReport, Result, Session, pair};
//!
//! /// Leads every call to 3001.
//! struct Forward;
//!
//! impl Policy for Forward {
//!     type State = Pair;
//!
//!     fn on_incoming(session: &mut Session<Pair>, call: &Call, _: u64) -> Result {
//!         let from = call.from_uri();
//!         let callee = session.construct(&Dial { from: &from, to: "3001", ..Dial::default() })?;
//!         session.state = Pair::new(call, &callee, "");
//!         Ok(())
//!     }
//!
//!     fn on_ringing(session: &mut Session<Pair>, callee: &Call, early_media: bool) -> Result {
//!         pair::ringing(session, callee, early_media)
//!     }
//!
//!     fn on_dial_completed(session: &mut Session<Pair>, callee: &Call, report: DialReport) -> Result {
//!         pair::dialled(session, callee, &report).map(|_| ())
//!     }
//!
//!     fn on_released(session: &mut Session<Pair>, call: &Call, report: ReleaseReport) -> Result {
//!         pair::released(session, call, &report).map(|_| ())
//!     }
//! }
//!
//! jackfield_sdk::export!(Forward, optional: []);
//! # fn main() {}
//! ```

use serde::{Deserialize, Serialize};

use crate::{Call, CallPhase, DialReport, ReleaseReport, Result, Session};

mod transfer;

use transfer::Transfer;
pub use transfer::transfer;

/// A caller and whom it is led to, by call id; empty before there are two. A transfer may have put another in
/// the place of either.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    caller: String,
    callee: String,
    /// What the caller is answered with.
    user_data: String,
    /// Whether their media is joined: early media joins it before the answer does.
    joined: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transfer: Option<Transfer>,
}

impl AsMut<Pair> for Pair {
    fn as_mut(&mut self) -> &mut Pair {
        self
    }
}

impl Pair {
    /// These two. `user_data`: the text for the caller's CDR once it is answered.
    pub fn new(caller: &Call, callee: &Call, user_data: &str) -> Self {
        Self {
            caller: caller.id(),
            callee: callee.id(),
            user_data: user_data.to_owned(),
            ..Self::default()
        }
    }

    /// The id of the caller's call, or of what is in its place; empty if there is none.
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// The same of the callee's.
    pub fn callee(&self) -> &str {
        &self.callee
    }

    /// The text that both have for their CDRs.
    pub fn user_data(&self) -> &str {
        &self.user_data
    }

    /// The calls of both that are answered, the caller's first.
    pub fn answered<S>(&self, session: &Session<'_, S>) -> [Option<Call>; 2] {
        let answered = |call: &Call| call.phase() == CallPhase::Answered;
        [&self.caller, &self.callee].map(|id| session.call(id).filter(answered))
    }

    /// The party beside that one; none if that is not of the pair.
    pub fn other(&self, call: &str) -> Option<&str> {
        match call {
            call if call == self.caller => Some(&self.callee),
            call if call == self.callee => Some(&self.caller),
            _ => None,
        }
    }

    /// Another takes the place of that one.
    fn replace(&mut self, call: &str, by: String) {
        if call == self.caller {
            self.caller = by;
        } else {
            self.callee = by;
        }
    }
}

/// For `on_ringing`: the caller hears it, or what the callee's network says meanwhile.
pub fn ringing<S: AsMut<Pair>>(
    session: &mut Session<'_, S>,
    callee: &Call,
    early_media: bool,
) -> Result {
    if transfer::is_to(session, callee) {
        return Ok(());
    }
    let Some(caller) = caller(session) else {
        return Ok(());
    };
    match (early_media, caller.phase()) {
        (true, _) => join(session, &caller, callee),
        (false, CallPhase::Offered) => caller.ring(),
        _ => Ok(()),
    }
}

/// For `on_dial_completed`: the caller is answered and joined, or released as the callee was
/// ([`passed_on`](crate::passed_on)). Whether the two have begun to talk.
pub fn dialled<S: AsMut<Pair>>(
    session: &mut Session<'_, S>,
    callee: &Call,
    report: &DialReport,
) -> Result<bool> {
    if transfer::is_to(session, callee) {
        return transfer::dialled(session, callee, report).map(|()| false);
    }
    let Some(caller) = caller(session) else {
        return Ok(false);
    };
    match report.error {
        Some(cause) => return caller.release_after(cause).map(|()| false),
        // It has hung up meanwhile: `on_released` comes next, and is what the caller hears of.
        None if callee.phase() != CallPhase::Answered => return Ok(false),
        None => caller.answer(&session.state.as_mut().user_data)?,
    }
    join(session, &caller, callee)?;
    Ok(true)
}

/// For `on_released`: the other one is released as well. Whether this was the end of the conversation; what a
/// transfer leaves behind is not.
pub fn released<S: AsMut<Pair>>(
    session: &mut Session<'_, S>,
    call: &Call,
    report: &ReleaseReport,
) -> Result<bool> {
    if transfer::released(session, call, report)? {
        return Ok(false);
    }
    let other = session.state.as_mut().other(&call.id()).map(str::to_owned);
    let Some(other) = other else {
        return Ok(false);
    };
    if let Some(other) = session.call(&other) {
        other.release_after(report.cause)?;
    }
    Ok(true)
}

/// Joins their media, once.
fn join<S: AsMut<Pair>>(session: &mut Session<'_, S>, caller: &Call, callee: &Call) -> Result {
    let pair = session.state.as_mut();
    if !pair.joined {
        caller.bridge_start(callee)?;
        pair.joined = true;
    }
    Ok(())
}

fn caller<S: AsMut<Pair>>(session: &mut Session<'_, S>) -> Option<Call> {
    let caller = session.state.as_mut().caller.clone();
    session.call(&caller)
}

#[cfg(test)]
mod tests {
    use super::Pair;

    fn pair() -> Pair {
        Pair {
            caller: "call_a".to_owned(),
            callee: "call_b".to_owned(),
            ..Pair::default()
        }
    }

    #[test]
    fn each_has_the_other_and_nobody_else_has_one() {
        assert_eq!(pair().other("call_a"), Some("call_b"));
        assert_eq!(pair().other("call_b"), Some("call_a"));
        assert_eq!(pair().other("call_c"), None);
        assert_eq!(Pair::default().other("call_a"), None);
    }

    #[test]
    fn another_takes_the_place_of_either() {
        let mut pair = pair();
        pair.replace("call_a", "call_c".to_owned());
        assert_eq!((pair.caller(), pair.callee()), ("call_c", "call_b"));
        pair.replace("call_b", "call_d".to_owned());
        assert_eq!((pair.caller(), pair.callee()), ("call_c", "call_d"));
    }
}
