//! A forwarder with mistakes that only some orders of events show, for the test of `jackfield plugin fuzz`.
//!
//! It calls 3001 for whoever calls, and joins the two when 3001 answers. It takes for granted that the caller
//! is still there then, which a hang-up that crosses the answer disproves. With the setting `mistake` set to
//! `leave` it also forgets the callee when a caller hangs up who has heard no answer yet.

use jackfield_sdk::{
    Call, CallPhase, Dial, DialReport, Error, Policy, ReleaseReport, Result, Session,
};

/// The policy.
pub struct Hasty;

impl Policy for Hasty {
    /// The id of the caller's call.
    type State = String;

    fn on_incoming(session: &mut Session<String>, call: &Call, _begin_time: u64) -> Result {
        session.state = call.id();
        let dial = Dial {
            from: "2001",
            to: "3001",
            ..Dial::default()
        };
        session.construct(&dial).map(|_| ())
    }

    fn on_dial_completed(session: &mut Session<String>, call: &Call, report: DialReport) -> Result {
        let caller = session.call(&session.state.clone());
        if let Some(error) = report.error {
            return caller.map_or(Ok(()), |it| it.release_after(error));
        }
        let caller = caller.ok_or_else(|| Error::NotFound("the caller".to_owned()))?;
        caller.answer("")?;
        caller.bridge_start(call)
    }

    fn on_released(session: &mut Session<String>, call: &Call, _: ReleaseReport) -> Result {
        let forgets = session.setting("mistake").as_deref() == Some("leave");
        for other in session.calls() {
            match other.phase() {
                CallPhase::Answered => other.release(200)?,
                _ if forgets && call.id() == session.state => {}
                _ => other.release(487)?,
            }
        }
        Ok(())
    }
}

jackfield_sdk::export!(Hasty, optional: []);
