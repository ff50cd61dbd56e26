//! The data of one service session: one run of a policy, its calls, events and trace.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Instant,
};

use media::PortId;
use model::{ActivePlugin, CallId, Event, SessionId, TenantConfig, Trace, TraceItem, turn::Usage};

use crate::Ticket;

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    /// As it was when the session began, but for its prompts: audio that is a prompt no more is kept for
    /// those who are hearing it, and for nobody else.
    pub(crate) tenant: Arc<TenantConfig>,
    /// The version is pinned, unless a later one takes over.
    pub(crate) plugin: ActivePlugin,
    /// The active version that was last thought of to take over; at first the one of its begin.
    pub(crate) asked_version: u32,
    pub(crate) state: Arc<[u8]>,
    /// Oldest first; a call stays until nothing of it can happen any more.
    pub(crate) calls: Vec<CallId>,
    pub(crate) timers: BTreeSet<String>,
    /// How many plays into conferences and recordings of them it has had.
    pub(crate) operations: u32,
    /// Those that are not over.
    pub(crate) attendants: Vec<PortId>,
    /// Events that wait for their turn.
    pub(crate) queue: VecDeque<Event>,
    pub(crate) turn: Option<Out>,
    /// Turns that were begun.
    pub(crate) turns: u32,
    /// The API's ticket, while its request is not answered.
    pub(crate) asked: Option<Ticket>,
    /// The policy faulted and bridges stay up: the first hang-up releases all others.
    pub(crate) keeps_talking: bool,
    pub(crate) began: Instant,
    /// Calls that it has had in all.
    pub(crate) calls_made: usize,
    /// What Max-Forwards its calls may still have: a loop through us must end (RFC 7332).
    pub(crate) max_forwards: u8,
    pub(crate) trace: Trace,
    pub(crate) usage: Usage,
}

/// A turn that is out.
#[derive(Clone, Debug)]
pub(crate) struct Out {
    pub(crate) ticket: Ticket,
    pub(crate) name: &'static str,
    pub(crate) call: Option<CallId>,
    /// It tells the end of that call.
    pub(crate) terminal: bool,
    /// It tells that call's wish to transfer, which must be answered.
    pub(crate) asked: bool,
    /// It asks that version to take the session over.
    pub(crate) to: Option<Box<ActivePlugin>>,
}

impl Session {
    /// The wall clock's time of a moment, counted from the session's begin: what happened to its calls
    /// has one order, however the machine's clock is set meanwhile.
    pub(crate) fn unix_ms(&self, at: Instant) -> u64 {
        self.trace.begin + at.saturating_duration_since(self.began).as_millis() as u64
    }

    pub(crate) fn note(&mut self, now: Instant, item: TraceItem) {
        let at = now.saturating_duration_since(self.began).as_micros() as u64;
        self.trace.push(at, item);
    }

    /// Nothing of it can happen any more.
    pub(crate) fn is_done(&self) -> bool {
        self.calls.is_empty() && self.attendants.is_empty() && self.is_idle()
    }

    /// But for its calls, and what it began in conferences, nothing will happen to it.
    pub(crate) fn is_idle(&self) -> bool {
        self.timers.is_empty() && self.queue.is_empty() && self.turn.is_none()
    }
}
