//! Counts calls, and times the set-up of inbound ones: from the INVITE at the socket to our 200.
//!
//! Seen from a shard's inputs and outputs alone: a core is handed its time and cannot know how long a
//! datagram waited in the mailbox. The first row of an inbound call comes while its INVITE is handled;
//! the row with an answer time names the ticket after whose `Durable` the 200 goes out. The last row
//! may come again until it is durable, and counts once.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use control::{Output, Ticket};
use model::{CallDirection, CallId, Cdr};

use super::Metrics;
use crate::clock;

/// The calls of one shard that have begun and not ended.
pub struct Calls {
    metrics: Metrics,
    live: BTreeMap<CallId, Begun>,
    tickets: BTreeMap<Ticket, CallId>,
    /// When the datagram that is being handled was received.
    received: Option<Instant>,
    /// The INVITE to which the next message is the 200: its answer has just become durable.
    due: Option<Instant>,
}

#[derive(Default)]
struct Begun {
    /// When its INVITE was received; none for outbound calls and for those that were answered.
    invited: Option<Instant>,
    /// That of the row with its answer time.
    ticket: Option<Ticket>,
}

impl Calls {
    pub(super) fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            live: BTreeMap::new(),
            tickets: BTreeMap::new(),
            received: None,
            due: None,
        }
    }

    /// A datagram that was received then is handled next.
    pub fn packet(&mut self, received: Instant) {
        self.received = Some(received);
    }

    /// The row of that ticket is durable, and the shard is told next.
    pub fn durable(&mut self, ticket: Ticket) {
        let call = self.tickets.remove(&ticket);
        let begun = call.and_then(|call| self.live.get_mut(&call));
        self.due = begun.and_then(|begun| begun.invited.take());
    }

    /// The shard puts this out.
    pub fn output(&mut self, output: &Output) {
        match output {
            Output::Cdr { ticket, cdr } => self.row(*ticket, cdr),
            // If the call had ended meanwhile, nothing would be sent and nothing counted.
            Output::Transmit { .. } => {
                if let Some(invited) = self.due.take() {
                    self.metrics.set_up(since(invited));
                }
            }
            _ => {}
        }
    }

    /// The input has settled.
    pub fn settled(&mut self) {
        self.received = None;
        self.due = None;
    }

    fn row(&mut self, ticket: Ticket, cdr: &Cdr) {
        if let Some(reason) = cdr.end_reason {
            let Some(begun) = self.live.remove(&cdr.call) else {
                return;
            };
            if let Some(ticket) = begun.ticket {
                self.tickets.remove(&ticket);
            }
            self.metrics.sound().ended(cdr);
            return self.metrics.ended(cdr.direction, reason, cdr.cause, 1);
        }
        let inbound = cdr.direction == CallDirection::Inbound;
        if cdr.answer.is_some() {
            if let Some(begun) = self.live.get_mut(&cdr.call) {
                begun.ticket = Some(ticket);
                self.tickets.insert(ticket, cdr.call);
            }
        } else if !self.live.contains_key(&cdr.call) {
            let begun = Begun {
                invited: self.received.filter(|_| inbound),
                ticket: None,
            };
            self.live.insert(cdr.call, begun);
            self.metrics.begun(cdr.direction, 1);
        }
    }
}

fn since(then: Instant) -> Duration {
    clock::instant().saturating_duration_since(then)
}
