//! Whoever else is on the network: sources that are no telephone of anybody's.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use control::guard;

use super::{Happening, World};
use crate::town::NODE;

impl World {
    /// Anybody sends the node these messages, one after the other, evenly over that time from now on.
    pub fn flood(&mut self, from: SocketAddr, messages: Vec<Bytes>, over: Duration) {
        let gap = over / messages.len().max(1) as u32;
        for (nth, bytes) in (0..).zip(messages) {
            let at = self.now + gap * nth;
            let to = NODE;
            self.agenda.enter(at, Happening::Arrive { from, to, bytes });
        }
    }

    /// What the node's door-keeper did.
    pub fn guarded(&self) -> &guard::Counts {
        self.node.guard.counts()
    }
}
