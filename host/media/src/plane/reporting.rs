//! Which port reports when: the agenda of RTCP, and the way of its packets.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::port::Way;
use super::{Output, Plane, reports};
use crate::command::{Event, Family, PortId};
use crate::limits;

/// When each port has something to do that is not of a tick, soonest first. A port that was closed, or
/// whose time has changed since, is passed over when its turn comes: that is within seconds.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    turns: BinaryHeap<Reverse<(Instant, PortId)>>,
    /// The beginning of the clock that reports tell.
    origin: Option<Instant>,
}

impl Agenda {
    pub(super) fn due(&self) -> Option<Instant> {
        self.turns.peek().map(|Reverse((due, _))| *due)
    }

    fn add(&mut self, due: Instant, port: PortId) {
        self.turns.push(Reverse((due, port)));
    }

    fn next(&mut self, now: Instant) -> Option<(Instant, PortId)> {
        let Reverse(turn) = *self.turns.peek()?;
        (turn.0 <= now).then(|| {
            self.turns.pop();
            turn
        })
    }

    fn ntp(&mut self, now: Instant) -> u64 {
        let origin = *self.origin.get_or_insert(now);
        reports::ntp(now.saturating_duration_since(origin))
    }
}

impl Plane {
    /// Takes a datagram of RTCP.
    pub(super) fn take_rtcp(
        &mut self,
        now: Instant,
        port: PortId,
        from: SocketAddr,
        datagram: &mut [u8],
    ) {
        let way = if port.is_rtcp() {
            Way::Own
        } else {
            Way::Shared
        };
        let ntp = self.agenda.ntp(now);
        if let Some(state) = self.ports.get_mut(&port.rtp()) {
            state.hear_rtcp(now, ntp, from, way, datagram);
        }
    }

    /// A port has an agreement: it begins to report. The second socket, if its peer does not multiplex,
    /// is bound when the first report is due: until then there is nothing to answer, and most calls that
    /// nobody answers, or that are over at once, never need it.
    pub(super) fn begin_reports(&mut self, now: Instant, port: PortId) {
        let Some(state) = self.ports.get_mut(&port) else {
            return;
        };
        if let Some(due) = state.begin_reports(now, &mut self.random) {
            self.agenda.add(due, port);
        }
    }

    /// The driver has bound the second socket of a port, or could not.
    pub(super) fn bound_rtcp(&mut self, port: PortId, bound: bool) {
        match self.ports.get_mut(&port.rtp()) {
            Some(state) => state.got_socket(bound),
            None if bound => self.outputs.push_back(Output::Unbind { port }),
            None => {}
        }
    }

    /// A port tells if its peer falls silent for so long.
    pub(super) fn watch(&mut self, now: Instant, port: PortId, patience: Duration) {
        if let Some(state) = self.ports.get_mut(&port) {
            self.agenda.add(state.watch(now, patience), port);
        }
    }

    /// What is due: reports, and looks at peers that may have fallen silent.
    pub(super) fn report_due(&mut self, now: Instant) {
        while let Some((due, port)) = self.agenda.next(now) {
            let ntp = self.agenda.ntp(now);
            let Some(state) = self.ports.get_mut(&port) else {
                continue;
            };
            if state.watch_due() == Some(due) {
                match state.look(now) {
                    Some(next) => self.agenda.add(next, port),
                    None => self
                        .outputs
                        .push_back(Output::Event(Event::Silent { port })),
                }
            }
            if state.report_due() != Some(due) {
                continue;
            }
            if state.wants_socket() {
                // The driver takes the number above that of the first socket, and so its family.
                let (port, family) = (port.rtcp(), Family::default());
                self.outputs.push_back(Output::Bind { port, family });
                state.report_at(now + limits::SECOND_SOCKET);
            } else {
                state.report(now, ntp, port, false, &mut self.outbox);
                state.report_again(now, &mut self.random);
            }
            if let Some(next) = state.report_due() {
                self.agenda.add(next, port);
            }
        }
    }

    /// The last report of a port that is about to be closed.
    pub(super) fn say_goodbye(&mut self, now: Instant, port: PortId) {
        let ntp = self.agenda.ntp(now);
        let Some(state) = self.ports.get_mut(&port) else {
            return;
        };
        // Whoever has never said anything takes no leave (RFC 3550 §6.3.7).
        if state.has_spoken() {
            state.report(now, ntp, port, true, &mut self.outbox);
        }
        if state.has_socket() {
            let port = port.rtcp();
            self.outputs.push_back(Output::Unbind { port });
        }
    }
}
