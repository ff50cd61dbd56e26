//! Memory that is about to be needed, asked for before it is.
//!
//! At a thousand legs what a leg keeps is cold at each of its packets and turns, and waiting for it, line by line,
//! costs several times what is done with it. So it is asked for of a few legs before the first of them is served: their
//! lines come at once. Owns which lines; changes nothing, and decides nothing.

use super::Plane;
use super::mixer::Mixer;
use super::port::{Port, Route};
use crate::command::PortId;
use crate::port_map::PortMap;
use crate::tape::Tape;

/// Ports that have their turn and are asked for together: as many as fit the first cache, with all that is asked for
/// of them.
pub(super) const TOGETHER: usize = 8;

/// Packets that are asked for together, at most.
const PACKETS: usize = 16;

impl Plane {
    /// Packets of these ports are about to be handed in, up to 16: worth it if they are several. Tells which ports will
    /// send for it.
    pub fn expect(&self, ports: impl Iterator<Item = PortId>, mut sends: impl FnMut(PortId)) {
        let found = find::<PACKETS>(&self.ports, ports);
        for state in found.iter().flatten() {
            state.ask_member();
            if let Route::Relay(peer) = state.route() {
                self.ports.get(&peer).inspect(|it| it.ask());
                sends(peer);
            }
        }
        found.iter().flatten().for_each(|it| it.ask_place());
        if self.tapes > 0 {
            self.expect_tapes(&found);
        }
    }

    /// What comes is on the tape of its port, or of the port that it leaves by.
    fn expect_tapes(&self, found: &[Option<&Port>]) {
        let peer = |it: &Port| match it.route() {
            Route::Relay(peer) => self.ports.get(&peer).map(Box::as_ref),
            Route::Idle => None,
        };
        let all = found.iter().flatten();
        let both = all.flat_map(|&it| [Some(it), peer(it)]).flatten();
        let tapes = both.filter_map(|it| it.tape.as_deref());
        tapes.clone().for_each(cpu::ask);
        tapes.for_each(Tape::ask_place);
    }
}

/// These ports are about to have their turn, up to [`TOGETHER`].
pub(super) fn expect_turns(all: &PortMap<Box<Port>>, mixer: &Mixer, ports: &[PortId]) {
    let found = find::<TOGETHER>(all, ports.iter().copied());
    found.iter().flatten().for_each(|it| it.ask_member());
    found.iter().flatten().for_each(|it| it.ask_next());
    let mut last = None;
    for hall in found.iter().flatten().filter_map(|it| it.hall()) {
        if last.replace(hall) != Some(hall) {
            mixer.ask(hall);
        }
    }
}

/// The ports themselves, which are asked for first. Where the rest is they tell, and it tells where more is: so there
/// are several rounds, of which each waits once.
fn find<const MOST: usize>(
    all: &PortMap<Box<Port>>,
    ports: impl Iterator<Item = PortId>,
) -> [Option<&Port>; MOST] {
    let mut found = [None; MOST];
    for (place, port) in found.iter_mut().zip(ports) {
        *place = all.get(&port).map(Box::as_ref).inspect(|it| it.ask());
    }
    found
}
