//! Memory that is about to be needed, asked for before it is.
//!
//! At a thousand legs what a leg keeps is cold at each of its packets and turns, and waiting for it, line by line,
//! costs several times what is done with it. So a few legs are looked at before the first of them is served: their
//! lines come at once. Owns which lines; changes nothing, and decides nothing.

use std::hint::black_box;

use super::Plane;
use super::mixer::Mixer;
use super::port::{Port, Route};
use crate::command::PortId;
use crate::port_map::PortMap;

/// Ports that are looked at together: as many as fit the first cache, with all that is read of them.
pub(super) const TOGETHER: usize = 8;

impl Plane {
    /// Packets of these ports are about to be handed in: worth a look if they are several.
    pub fn expect(&self, ports: impl Iterator<Item = PortId> + Clone) {
        for port in ports.clone() {
            self.ports.get(&port).inspect(|it| it.touch());
        }
        for port in ports.clone() {
            let Some(state) = self.ports.get(&port) else {
                continue;
            };
            state.touch_ear();
            if let Route::Relay(peer) = state.route() {
                self.ports.get(&peer).inspect(|it| it.touch());
            }
        }
        for port in ports {
            self.ports.get(&port).inspect(|it| it.touch_place());
        }
    }
}

/// These ports are about to have their turn.
pub(super) fn expect_turns(all: &PortMap<Port>, mixer: &Mixer, ports: &[PortId]) {
    for port in ports {
        all.get(port).inspect(|it| it.touch());
    }
    for port in ports {
        all.get(port).inspect(|it| it.touch_member());
    }
    for port in ports {
        all.get(port).inspect(|it| it.touch_next(mixer));
    }
}

/// Octets that come from memory together.
const LINE: usize = 64;

/// Reads something of each line of these.
#[inline]
pub(crate) fn touch_lines<T: Copy>(all: &[T]) {
    for line in all.chunks(const { LINE / size_of::<T>() }) {
        black_box(line[0]);
    }
    black_box(all.last().copied());
}
