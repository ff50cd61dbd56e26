//! Ports that come into conferences and leave them.

use std::sync::Arc;
use std::time::Instant;

use super::Plane;
use crate::codec::Codec;
use crate::command::{Mode, PortId};
use crate::room::Room;

impl Plane {
    /// Puts a port into a conference, in place of its route. In one where it is already its mode changes.
    pub(super) fn confer(&mut self, now: Instant, port: PortId, room: &Arc<Room>, mode: Mode) {
        self.unbridge(port);
        let Some(state) = self.ports.get_mut(&port) else {
            return;
        };
        if let Some(member) = state.member()
            && member.is_in(room)
        {
            return member.change(mode);
        }
        let codec = state.codec().unwrap_or(Codec::Pcma);
        let entered = self.mixer.enter(room, mode, codec);
        if let Some(before) = state.seat_member(entered) {
            self.mixer.leave(&before);
        }
        self.sit(now, port);
    }

    /// Gives a member its turn, with others of its conference: whatever else it says by itself it says then.
    fn sit(&mut self, now: Instant, port: PortId) {
        let Some(state) = self.ports.get_mut(&port) else {
            return;
        };
        let (taken, hall) = (state.seat().take(), state.hall());
        if let Some(taken) = taken {
            self.wheel.leave(taken, port);
        }
        let Some(hall) = hall else { return };
        let rows = self.mixer.rows(hall);
        let (row, seat) = match self.wheel.emptiest(rows) {
            Some((row, seat)) => {
                let ports = &self.ports;
                let is_mate =
                    |it: &PortId| ports.get(it).and_then(|it| it.row()) == Some((hall, row));
                self.wheel.join_beside(seat, port, is_mate);
                (Some(row), seat)
            }
            None => (None, self.wheel.join(now, port)),
        };
        if let Some(state) = self.ports.get_mut(&port) {
            *state.seat() = Some(seat);
            if let Some(member) = state.member() {
                self.mixer.sit(member, row, seat);
            }
        }
    }

    /// Takes a port out of its conference, if it is in one.
    pub(super) fn leave(&mut self, now: Instant, port: PortId) {
        if !self.part(port) {
            return;
        }
        self.reseat(now, port);
        // What it still says by itself it says no more in the midst of a row, which must be whole.
        if let Some(seat) = self.ports.get_mut(&port).and_then(|it| *it.seat()) {
            self.wheel.step_back(seat, port);
        }
    }

    /// The same for one that is about to be closed. True if it was in one.
    pub(super) fn part(&mut self, port: PortId) -> bool {
        let state = self.ports.get_mut(&port);
        let Some(member) = state.and_then(|it| it.unseat_member()) else {
            return false;
        };
        self.mixer.leave(&member);
        true
    }

    /// Conferences with a member on this plane.
    pub fn conferences(&self) -> usize {
        self.mixer.halls()
    }
}
