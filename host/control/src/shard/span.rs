//! Spans of the log: `call` for a session, and in it `leg` for one of its calls.
//!
//! Both are of level `debug`: a node that logs less pays for a look at one flag. Numbers of persons
//! are redacted, whatever the level.

use model::{CallDirection, CallId, Pii, SessionId};
use tracing::{Span, debug_span, span::EnteredSpan};

use super::Shard;
use crate::{TurnRequest, call::Call};

/// Spans that are entered; the fields are left in their order.
pub(super) struct Entered {
    _leg: Option<EnteredSpan>,
    _call: EnteredSpan,
}

impl Shard {
    /// Enters the spans of a call; none if nobody listens.
    pub(super) fn span(&self, call: CallId) -> Option<Entered> {
        if !enabled() {
            return None;
        }
        let call = self.calls.get(&call)?;
        Some(enter(call.session, Some(call)))
    }

    /// Enters the span of a session, and that of one of its calls if there is one.
    pub(super) fn session_span(&self, session: SessionId, call: Option<CallId>) -> Option<Entered> {
        let call = call.and_then(|call| self.calls.get(&call));
        enabled().then(|| enter(session, call))
    }
}

fn enabled() -> bool {
    tracing::span_enabled!(tracing::Level::DEBUG)
}

fn enter(session: SessionId, call: Option<&Call>) -> Entered {
    let of_call = debug_span!("call", %session).entered();
    let leg = call.map(|call| leg(call.id, call.direction, call.party()).entered());
    Entered {
        _leg: leg,
        _call: of_call,
    }
}

fn leg(call: CallId, direction: CallDirection, party: &str) -> Span {
    let direction = match direction {
        CallDirection::Inbound => "inbound",
        CallDirection::Outbound => "outbound",
    };
    debug_span!("leg", %call, direction, party = %Pii(party))
}

impl TurnRequest {
    /// The span in which the turn runs.
    pub fn span(&self) -> Span {
        if !enabled() {
            return Span::none();
        }
        let of_call = debug_span!("call", session = %self.view.session);
        let about = self.event.call();
        let Some(call) = self.view.calls.iter().find(|call| Some(call.id) == about) else {
            return of_call;
        };
        let party = match call.direction {
            CallDirection::Inbound => call.from.user(),
            CallDirection::Outbound => call.to.user(),
        };
        of_call.in_scope(|| leg(call.id, call.direction, party))
    }
}
