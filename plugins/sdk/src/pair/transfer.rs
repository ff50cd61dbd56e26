//! Transfers: a party asks that the other one be led to somebody else.
//!
//! ```text
//!  by ══ other          by asks: `to` is dialled, and `by` hears how that goes
//!  by ══ other   to     `to` answers: `by` is released, the others are joined
//!        other ══ to    `to` does not: nothing has changed, unless `by` has hung up
//! ```

use jackfield_sdk::{
    Call, CallDirection, CallPhase, Dial, DialReport, ReleaseReport, Result, Session,
};
use serde::{Deserialize, Serialize};

use crate::{Legs, max_ring};

/// A transfer that is under way, by call id.
#[derive(Serialize, Deserialize)]
pub(crate) struct Transfer {
    by: String,
    to: String,
}

/// Dials whom the party wants, if the tenant may.
pub(crate) fn requested(session: &mut Session<Legs>, by: &Call, target: &str) -> Result {
    let other = session
        .state
        .other(&by.id())
        .and_then(|id| session.call(id));
    let Some(other) = other.filter(|_| session.state.transfer.is_none()) else {
        return by.transfer_refuse(603);
    };
    // The number under which this conversation was begun is the only one that is shown.
    let outbound = |call: &&&Call| call.direction() == CallDirection::Outbound;
    let Some(shown) = [by, &other]
        .iter()
        .find(outbound)
        .map(|call| call.from_uri())
    else {
        return by.transfer_refuse(603);
    };
    by.transfer_accept()?;
    let made = session.construct(&Dial {
        from: &shown,
        to: target,
        max_ring: max_ring(session),
        user_data: &session.state.request,
        ..Dial::default()
    });
    match made {
        Ok(to) => {
            let (by, to) = (by.id(), to.id());
            session.state.transfer = Some(Transfer { by, to });
            Ok(())
        }
        Err(why) => {
            session.warn(&format!("a transfer cannot be made: {why}"));
            by.transfer_refuse(why.cause())
        }
    }
}

/// Whether that call is the one to which somebody is being transferred.
pub(crate) fn is_to(legs: &Legs, call: &Call) -> bool {
    let to = legs.transfer.as_ref().map(|transfer| &transfer.to);
    to == Some(&call.id())
}

/// Dialling it is over.
pub(crate) fn dialled(session: &mut Session<Legs>, to: &Call, report: &DialReport) -> Result {
    let Some(Transfer { by, to: id }) = session.state.transfer.take() else {
        return Ok(());
    };
    let other = session.state.other(&by).and_then(|id| session.call(id));
    let asker = session.call(&by);
    let Some(other) = other else {
        // It has gone, and with it the reason to call anybody.
        return Ok(());
    };
    if to.phase() != CallPhase::Answered {
        // Who asked for it has the other back, unless there is nobody any more.
        let cause = report.error.unwrap_or(480);
        return asker.map_or_else(|| other.release_after(cause), |_| Ok(()));
    }
    if let Some(asker) = asker {
        asker.release(200)?;
    }
    other.bridge_start(to)?;
    session.state.replace(&by, id);
    Ok(())
}

/// A call is over while a transfer is under way; whether that is all there is to do.
pub(crate) fn released(
    session: &Session<Legs>,
    call: &Call,
    report: &ReleaseReport,
) -> Result<bool> {
    let Some(Transfer { by, to }) = &session.state.transfer else {
        return Ok(false);
    };
    let gone = call.id();
    if gone == *by {
        // The other waits for the answer.
        return Ok(true);
    }
    if gone != *to
        && let Some(to) = session.call(to)
    {
        to.release_after(report.cause)?;
    }
    Ok(gone == *to)
}
