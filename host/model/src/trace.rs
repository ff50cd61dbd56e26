//! What happened in a session, in order: SIP messages, turns, media. Drawn as a ladder, kept as one
//! bounded row, replayed as a test.

use crate::{CallId, SessionId, TenantId, limits};

/// One party's column in the ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The call that leads to the party.
    pub call: CallId,
    /// What stands above it: the party's number.
    pub label: String,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceItem {
    /// A SIP message.
    Sip {
        /// The call that it belongs to.
        call: CallId,
        /// We sent it.
        sent: bool,
        /// What stands on the arrow: `INVITE 2001`, `180 Ringing`.
        line: String,
        /// It carried SDP.
        sdp: bool,
    },
    /// A turn ended.
    Turn {
        /// The handler.
        event: String,
        /// The call that the event was about.
        call: Option<CallId>,
        /// The commands, or the fault.
        decisions: Vec<String>,
    },
    /// Media of a call changed.
    Media {
        /// The call.
        call: CallId,
        /// What happened.
        what: String,
    },
    /// Anything else that a reader should know: a command that was skipped, a limit.
    Note {
        /// The words.
        what: String,
    },
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEntry {
    /// Microseconds since the session began.
    pub at_us: u64,
    /// What happened.
    pub item: TraceItem,
}

/// What happened in one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The session.
    pub session: SessionId,
    /// Its tenant.
    pub tenant: TenantId,
    /// When it began, Unix milliseconds.
    pub begin: u64,
    /// The parties, in the order in which they came.
    pub lanes: Vec<Lane>,
    /// The entries, in order; at most [`limits::TRACE_ENTRIES`].
    pub entries: Vec<TraceEntry>,
    /// How many more there were.
    pub dropped: u32,
}

impl Trace {
    /// The empty trace of a session that begins.
    pub fn new(session: SessionId, tenant: TenantId, begin: u64) -> Self {
        Self {
            session,
            tenant,
            begin,
            lanes: Vec::new(),
            entries: Vec::new(),
            dropped: 0,
        }
    }

    /// Adds an entry, or counts it when the trace is full.
    pub fn push(&mut self, at_us: u64, item: TraceItem) {
        if self.entries.len() < limits::TRACE_ENTRIES {
            self.entries.push(TraceEntry { at_us, item });
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// What stands above the lane of a call.
    pub fn label(&self, call: CallId) -> &str {
        self.lanes
            .iter()
            .find(|lane| lane.call == call)
            .map_or("?", |lane| lane.label.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Trace, TraceItem};
    use crate::{IdSource, SessionId, TenantId, limits};

    #[test]
    fn a_full_trace_counts_what_it_drops() {
        let mut ids = IdSource::new([1; 32], 0, 0);
        let mut trace = Trace::new(SessionId::mint(&mut ids, 1), TenantId::mint(&mut ids, 1), 1);
        for at in 0..limits::TRACE_ENTRIES as u64 + 3 {
            trace.push(at, TraceItem::Note { what: "x".into() });
        }
        assert_eq!(
            (trace.entries.len(), trace.dropped),
            (limits::TRACE_ENTRIES, 3)
        );
    }
}
