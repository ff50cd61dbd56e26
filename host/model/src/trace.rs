//! What happened in a session, in order: SIP messages, turns, media. Drawn as a ladder, kept as one
//! bounded row, replayed as a test.

use crate::{CallId, SessionId, TenantId, brief, limits};

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
    /// How a party was heard, when its media is over. The figures are measured: a ladder shows them
    /// where it shows times.
    Quality {
        /// The call.
        call: CallId,
        /// The figures.
        what: String,
    },
    /// Anything else that a reader should know: a command that was skipped, a limit.
    Note {
        /// The words.
        what: String,
    },
}

impl TraceItem {
    fn shorten(&mut self) {
        let shorten = |text: &mut String| {
            if text.len() > limits::TRACE_TEXT || text.contains(char::is_control) {
                *text = brief(text, limits::TRACE_TEXT);
            }
        };
        match self {
            Self::Sip { line, .. } => shorten(line),
            Self::Turn { decisions, .. } => {
                let more = decisions.len().saturating_sub(limits::TRACE_DECISIONS);
                if more > 0 {
                    decisions.truncate(limits::TRACE_DECISIONS);
                    decisions.push(format!("… and {more} more"));
                }
                decisions.iter_mut().for_each(shorten);
            }
            Self::Media { what, .. } | Self::Quality { what, .. } | Self::Note { what } => {
                shorten(what);
            }
        }
    }
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

    /// Adds a party's lane.
    pub fn join(&mut self, call: CallId, party: &str) {
        let label = brief(party, limits::TRACE_TEXT);
        self.lanes.push(Lane { call, label });
    }

    /// Adds an entry, or counts it when the trace is full. What policies and parties have said in it is
    /// made short.
    pub fn push(&mut self, at_us: u64, mut item: TraceItem) {
        if self.entries.len() < limits::TRACE_ENTRIES {
            item.shorten();
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
    use crate::{CallId, IdSource, SessionId, TenantId, limits};

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

    #[test]
    fn an_entry_is_no_longer_than_a_reader_wants_whatever_it_tells() {
        let mut ids = IdSource::new([1; 32], 0, 0);
        let mut trace = Trace::new(SessionId::mint(&mut ids, 1), TenantId::mint(&mut ids, 1), 1);
        let (call, long) = (CallId::mint(&mut ids, 1), "ä".repeat(90_000));
        trace.join(call, &long);
        let decisions = vec![long.clone(); 256];
        trace.push(
            1,
            TraceItem::Turn {
                event: "on_request".into(),
                call: None,
                decisions,
            },
        );
        trace.push(2, TraceItem::Note { what: long });
        let cut = format!("{}…", "ä".repeat(limits::TRACE_TEXT - 1));
        let mut decisions = vec![cut.clone(); limits::TRACE_DECISIONS];
        decisions.push("… and 224 more".into());
        let TraceItem::Turn {
            decisions: told, ..
        } = &trace.entries[0].item
        else {
            panic!("{:?}", trace.entries);
        };
        assert_eq!(told, &decisions);
        assert_eq!(trace.entries[1].item, TraceItem::Note { what: cut.clone() });
        assert_eq!(trace.label(call), cut);
    }
}
