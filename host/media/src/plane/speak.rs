//! Ports that say something by themselves: who has a turn, and what a turn puts out.

use std::time::{Duration, Instant};

use super::ahead::{TOGETHER, expect_turns};
use super::player::Player;
use super::port::Ended;
use super::wheel::Tick;
use super::{Forward, Plane};
use crate::command::{Event, Play, PortId};
use crate::limits;

impl Plane {
    /// Does what is due by `now`: a frame of each port that says something by itself. Its packets are
    /// drained by [`Plane::poll_packet`]. A relay has no timers: its windows are judged by the packets
    /// that fall into them.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.report_due(now);
        while let Some(tick) = self.wheel.advance(now) {
            self.take_turns(now, tick);
            for at in 0..self.ended.len() {
                match self.ended[at] {
                    (port, Ended::Played(operation)) => {
                        self.stop_play(now, port);
                        self.report(Event::Played { port, operation });
                    }
                    (port, Ended::Keyed) => self.stop_keys(now, port),
                }
            }
            self.ended.clear();
            self.attendants_leave(now);
        }
    }

    /// The turns of a tick. Members of a row follow one another: all of them are heard before the first is sent
    /// anything.
    fn take_turns(&mut self, now: Instant, tick: Tick) {
        let mut at = 0;
        self.expect_turns(tick, at);
        while let Some(&port) = self.wheel.ports(tick).get(at) {
            let Some(row) = self.ports.get(&port).and_then(|it| it.row()) else {
                self.end_turn(now, tick, at, None);
                at += 1;
                self.expect_turns(tick, at);
                continue;
            };
            let from = at;
            self.mixer.begin(tick.due, row);
            while let Some(port) = self.wheel.ports(tick).get(at)
                && let Some(state) = self.ports.get_mut(port)
                && state.row() == Some(row)
            {
                state.speak(tick, &mut self.mixer);
                at += 1;
                self.expect_turns(tick, at);
            }
            self.mixer.gather(row.1);
            (from..at).for_each(|at| self.end_turn(now, tick, at, Some(at - from)));
        }
    }

    /// What a port is sent in its turn. In a conference so many of its row have spoken before it.
    fn end_turn(&mut self, now: Instant, tick: Tick, at: usize, nth: Option<usize>) {
        let port = self.wheel.ports(tick)[at];
        let taper = &mut (now, &mut self.blocks, &mut self.outputs);
        let Some(state) = self.ports.get_mut(&port) else {
            return self.attendants.turn(tick, port, &mut self.mixer, taper);
        };
        if let Some(nth) = nth {
            state.listen_to(tick, (port, nth), &mut self.mixer, &mut self.outbox, taper);
        }
        let ended = state.tick(tick, port, &mut self.outbox, taper);
        self.ended.extend(ended.map(|what| (port, what)));
    }

    /// Looks at some, once for all of them, that are about to have their turn.
    fn expect_turns(&self, tick: Tick, at: usize) {
        if at.is_multiple_of(TOGETHER) {
            let ports = self.wheel.ports(tick).get(at..).unwrap_or_default();
            let next = &ports[..ports.len().min(TOGETHER)];
            expect_turns(&self.ports, &self.mixer, next);
        }
    }

    /// When [`Plane::handle_timeout`] is next due; `None` while nothing is timed.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = [self.wheel.due(), self.agenda.due()];
        due.into_iter().flatten().min()
    }

    /// How long packets may wait for company before they are handed in. One that is sent on waits little; what
    /// only goes to an ear has time until the next tick.
    pub fn patience(&self) -> Duration {
        if self.relays > 0 {
            limits::GATHER_RELAYED
        } else {
            limits::GATHER_HEARD
        }
    }

    /// The next packet that a port says by itself, or that was protected; drain until `None` after
    /// every `handle_*`, before the outputs: the last one of a port comes before its end.
    pub fn poll_packet(&mut self) -> Option<(Forward, &[u8])> {
        self.outbox.pop()
    }

    /// The ports of the packets behind that one.
    pub fn packets_ahead(&self) -> impl Iterator<Item = PortId> {
        self.outbox.ahead()
    }

    /// Turns that were left out because the driver came much too late, about.
    pub fn ticks_left_out(&self) -> u64 {
        self.wheel.left_out()
    }

    pub(super) fn play(&mut self, now: Instant, port: PortId, play: Play) {
        if let Some(state) = self.ports.get_mut(&port) {
            state.play(Some(Player::new(play)));
            self.reseat(now, port);
        }
    }

    pub(super) fn stop_play(&mut self, now: Instant, port: PortId) {
        if let Some(state) = self.ports.get_mut(&port)
            && state.speaks()
        {
            state.play(None);
            self.reseat(now, port);
        }
    }

    /// Keys are to be pressed towards the peer of a port.
    pub(super) fn key(&mut self, now: Instant, port: PortId, keys: &str) {
        if let Some(state) = self.ports.get_mut(&port) {
            let pressed = state.press_keys(keys);
            self.reseat(now, port);
            if !pressed {
                self.report(Event::Unkeyed { port });
            }
        }
    }

    fn stop_keys(&mut self, now: Instant, port: PortId) {
        if let Some(state) = self.ports.get_mut(&port) {
            state.release_keys();
            self.reseat(now, port);
        }
    }

    /// Gives a port a turn if it wants one, and takes it if it does not.
    pub(super) fn reseat(&mut self, now: Instant, port: PortId) {
        let Some(state) = self.ports.get_mut(&port) else {
            return;
        };
        let wants = state.wants_turn();
        let seat = state.seat();
        match *seat {
            None if wants => *seat = Some(self.wheel.join(now, port)),
            Some(taken) if !wants => {
                *seat = None;
                self.wheel.leave(taken, port);
            }
            _ => {}
        }
    }

    /// A port is closed.
    pub(super) fn unseat(&mut self, port: PortId) {
        let state = self.ports.get_mut(&port);
        if let Some(seat) = state.and_then(|state| state.seat().take()) {
            self.wheel.leave(seat, port);
        }
    }
}
