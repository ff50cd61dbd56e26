//! Packets that a tick puts out, and those that grow because they are protected, until the driver has
//! sent them.
//!
//! One buffer for all of them, which has room from the beginning and keeps what it gets: nothing is allocated
//! per packet.

use std::net::SocketAddr;
use std::ops::Range;

use super::Forward;
use crate::command::PortId;
use crate::rtp::{self, Fixed};
use crate::srtp::{self, Sealer};

/// Packets that there is room for at once: those of ten ticks of 10,000 ports, or of a thousand legs whose driver was
/// 80 ms late. Memory that is not used yet is only promised.
const PACKETS: usize = 5_000;

/// Octets of one, about.
const OCTETS: usize = 200;

/// See the module's header.
#[derive(Debug)]
pub(super) struct Outbox {
    octets: Vec<u8>,
    packets: Vec<Letter>,
    /// Packets that were taken.
    taken: usize,
}

#[derive(Debug)]
struct Letter {
    via: PortId,
    to: SocketAddr,
    place: Range<usize>,
}

impl Default for Outbox {
    fn default() -> Self {
        Outbox {
            octets: Vec::with_capacity(PACKETS * OCTETS),
            packets: Vec::with_capacity(PACKETS),
            taken: 0,
        }
    }
}

impl Outbox {
    /// Adds a packet.
    pub(super) fn push(&mut self, via: PortId, to: SocketAddr, fixed: Fixed, payload: &[u8]) {
        let start = self.octets.len();
        self.octets.extend_from_slice(&rtp::header(fixed));
        self.octets.extend_from_slice(payload);
        let place = start..self.octets.len();
        self.packets.push(Letter { via, to, place });
    }

    /// Adds a packet of which every octet is there.
    pub(super) fn push_whole(&mut self, via: PortId, to: SocketAddr, packet: &[u8]) {
        let start = self.octets.len();
        self.octets.extend_from_slice(packet);
        let place = start..self.octets.len();
        self.packets.push(Letter { via, to, place });
    }

    /// Protects the packet that was added last. One that cannot be is not sent.
    pub(super) fn seal(&mut self, sealer: &mut Sealer) {
        let Some(letter) = self.packets.last_mut() else {
            return;
        };
        let start = letter.place.start;
        let len = letter.place.len();
        self.octets.resize(letter.place.end + srtp::OVERHEAD, 0);
        let sealed = sealer.seal(&mut self.octets[start..], len);
        letter.place.end = start + sealed.unwrap_or(0);
        self.octets.truncate(letter.place.end);
        if sealed.is_none() {
            self.packets.pop();
        }
    }

    /// The packet that was added last.
    pub(super) fn last(&self) -> Option<&[u8]> {
        let letter = self.packets.last()?;
        Some(&self.octets[letter.place.clone()])
    }

    /// The ports of those behind the packet that was taken last.
    pub(super) fn ahead(&self) -> impl Iterator<Item = PortId> {
        let left = self.packets.get(self.taken..).unwrap_or_default();
        left.iter().map(|letter| letter.via)
    }

    /// The next packet; after the last one the buffer is empty again.
    pub(super) fn pop(&mut self) -> Option<(Forward, &[u8])> {
        let Some(letter) = self.packets.get(self.taken) else {
            self.octets.clear();
            self.packets.clear();
            self.taken = 0;
            return None;
        };
        self.taken += 1;
        let packet = &self.octets[letter.place.clone()];
        let forward = Forward {
            via: letter.via,
            to: letter.to,
            len: packet.len(),
        };
        Some((forward, packet))
    }
}
