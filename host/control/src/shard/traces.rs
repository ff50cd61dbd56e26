//! What a session's trace is told: its SIP messages, and notes.
//!
//! Owns which message belongs to which call: by its Call-ID, and for a call that is not known yet by
//! waiting until the input that brought it is settled. What a line says is `tracer`'s.

use std::net::SocketAddr;

use model::{CallId, Now, SessionId, TraceItem};

use super::Shard;
use crate::{call::Call, tracer};

impl Shard {
    /// `from`: who sent it; none: we did.
    pub(super) fn trace_message(&mut self, now: Now, bytes: &[u8], from: Option<SocketAddr>) {
        let sent = from.is_none();
        let Some(id) = sip::wire::scan_call_id(bytes) else {
            return;
        };
        let id = String::from_utf8_lossy(id);
        let Some(&owner) = self.by_sip_call_id.get(&*id) else {
            if let Some((line, sdp)) = tracer::summary(bytes) {
                self.unclaimed.push((id.into_owned(), sent, line, sdp));
            }
            return;
        };
        let peer = |call: &Call| from.is_none_or(|from| call.is_from(from.ip()));
        // Whoever has learned a Call-ID could fill the trace of its call.
        let Some(call) = owner.filter(|id| self.calls.get(id).is_some_and(peer)) else {
            return;
        };
        let Some((line, sdp)) = tracer::summary(bytes) else {
            return;
        };
        let item = TraceItem::Sip {
            call,
            sent,
            line,
            sdp,
        };
        self.trace(now, call, item);
    }

    /// Gives a new call its lane, and the messages that came before it was known.
    pub(super) fn claim(&mut self, now: Now, call: &Call) {
        if let Some(session) = self.sessions.get_mut(&call.session) {
            session.trace.join(call.id, call.party());
        }
        if !call.sip_call_id.is_empty() {
            self.claim_messages(now, call.id, call.session, &call.sip_call_id);
        }
    }

    /// The same for a dialog that takes the place of the call's own.
    pub(super) fn claim_id(&mut self, now: Now, call: CallId, session: SessionId, id: String) {
        self.claim_messages(now, call, session, &id);
        if let Some(call) = self.calls.get_mut(&call) {
            call.later_ids.push(id);
        }
    }

    fn claim_messages(&mut self, now: Now, call: CallId, session: SessionId, call_id: &str) {
        let owner = self.by_sip_call_id.entry(call_id.to_owned());
        let owner = owner.or_insert(Some(call));
        if *owner != Some(call) {
            *owner = None;
            return;
        }
        for (id, sent, line, sdp) in std::mem::take(&mut self.unclaimed) {
            if id == call_id {
                let item = TraceItem::Sip {
                    call,
                    sent,
                    line,
                    sdp,
                };
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.note(now.mono, item);
                }
            }
        }
    }

    pub(super) fn trace(&mut self, now: Now, call: CallId, item: TraceItem) {
        let Some(session) = self.calls.get(&call).map(|call| call.session) else {
            return;
        };
        if let Some(session) = self.sessions.get_mut(&session) {
            session.note(now.mono, item);
        }
    }

    pub(super) fn note(&mut self, now: Now, session: SessionId, what: impl Into<String>) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.note(now.mono, TraceItem::Note { what: what.into() });
        }
    }
}
