//! Transfers: a party asks that the other one be led to somebody else.

use serde::{Deserialize, Serialize};

use super::Pair;
use crate::{Call, CallDirection, CallPhase, DialReport, ReleaseReport, Result, Session};

/// A transfer that is under way, by call id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Transfer {
    by: String,
    to: String,
}

/// For `on_transfer_requested`: `dial` calls whom the party wants, and is told what that one may see: the number
/// under which this conversation was begun. One transfer at a time; another is refused with 603.
pub fn transfer<S: AsMut<Pair>>(
    session: &mut Session<'_, S>,
    by: &Call,
    dial: impl FnOnce(&Session<'_, S>, &str) -> Result<Call>,
) -> Result {
    let pair = session.state.as_mut();
    let other = pair.other(&by.id()).filter(|_| pair.transfer.is_none());
    let other = other.map(str::to_owned);
    let Some(other) = other.and_then(|id| session.call(&id)) else {
        return by.transfer_refuse(603);
    };
    let outbound = |call: &&&Call| call.direction() == CallDirection::Outbound;
    let Some(shown) = [by, &other]
        .iter()
        .find(outbound)
        .map(|call| call.from_uri())
    else {
        return by.transfer_refuse(603);
    };
    by.transfer_accept()?;
    match dial(session, &shown) {
        Ok(to) => {
            let (by, to) = (by.id(), to.id());
            session.state.as_mut().transfer = Some(Transfer { by, to });
            Ok(())
        }
        Err(why) => {
            session.warn(&format!("a transfer cannot be made: {why}"));
            by.transfer_refuse(why.cause())
        }
    }
}

/// Whether that call is the one to which somebody is being transferred.
pub(super) fn is_to<S: AsMut<Pair>>(session: &mut Session<'_, S>, call: &Call) -> bool {
    let transfer = session.state.as_mut().transfer.as_ref();
    transfer.map(|transfer| &transfer.to) == Some(&call.id())
}

/// Dialling it is over.
pub(super) fn dialled<S: AsMut<Pair>>(
    session: &mut Session<'_, S>,
    to: &Call,
    report: &DialReport,
) -> Result {
    let pair = session.state.as_mut();
    let Some(Transfer { by, to: id }) = pair.transfer.take() else {
        return Ok(());
    };
    let other = pair.other(&by).map(str::to_owned);
    let other = other.and_then(|id| session.call(&id));
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
    session.state.as_mut().replace(&by, id);
    Ok(())
}

/// A call is over while a transfer is under way; whether that is all there is to do.
pub(super) fn released<S: AsMut<Pair>>(
    session: &mut Session<'_, S>,
    call: &Call,
    report: &ReleaseReport,
) -> Result<bool> {
    let Some(Transfer { by, to }) = session.state.as_mut().transfer.clone() else {
        return Ok(false);
    };
    let gone = call.id();
    if gone == by {
        // The other waits for the answer.
        return Ok(true);
    }
    if gone != to
        && let Some(to) = session.call(&to)
    {
        to.release_after(report.cause)?;
    }
    Ok(gone == to)
}
