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

/// Ports that have their turn and are looked at together: as many as fit the first cache, with all that is read of
/// them.
pub(super) const TOGETHER: usize = 8;

/// Packets that are looked at together, at most.
const PACKETS: usize = 16;

impl Plane {
    /// Packets of these ports are about to be handed in, up to 16: worth a look if they are several.
    pub fn expect(&self, ports: impl Iterator<Item = PortId>) {
        let found = find::<PACKETS>(&self.ports, ports);
        for state in found.iter().flatten() {
            state.touch_ear();
            if let Route::Relay(peer) = state.route() {
                self.ports.get(&peer).inspect(|it| it.touch());
            }
        }
        found.iter().flatten().for_each(|it| it.touch_place());
    }
}

/// These ports are about to have their turn, up to [`TOGETHER`].
pub(super) fn expect_turns(all: &PortMap<Port>, mixer: &Mixer, ports: &[PortId]) {
    let found = find::<TOGETHER>(all, ports.iter().copied());
    found.iter().flatten().for_each(|it| it.touch_member());
    found.iter().flatten().for_each(|it| it.touch_next(mixer));
}

/// The ports themselves, of which the first look is at what each packet and each turn needs. What the next looks are at
/// is found by what the ones before have read: so there are several, of which each waits once.
fn find<const MOST: usize>(
    all: &PortMap<Port>,
    ports: impl Iterator<Item = PortId>,
) -> [Option<&Port>; MOST] {
    let mut found = [None; MOST];
    for (place, port) in found.iter_mut().zip(ports) {
        *place = all.get(&port).inspect(|it| it.touch());
    }
    found
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
