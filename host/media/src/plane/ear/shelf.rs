//! Packets that cannot be cut into pieces of 10 ms, while they wait in the jitter buffer.
//!
//! The buffer orders pieces of [`PIECE`] octets and shall know nothing else. So a packet of another kind waits on a
//! shelf, and the buffer gets a *slip* for each 10 ms of it: which packet, and which piece of it. When the first
//! slip comes out the packet is decoded, and its samples are given out piece by piece. Owns also what is heard where
//! no slip comes: the codec's own concealment, for as long as [`Conceal`](crate::conceal::Conceal) would take to
//! fade; or longer, if the sender said that it falls silent (DTX), which is comfort noise and no loss.

use super::super::jitter::PIECE;
use crate::codec::{Decoder, LONGEST_SAMPLES};
use crate::limits::{JITTER_PIECES, PACKET};

/// Pieces of the longest packet, 120 ms.
const PIECES: usize = 12;

/// Pieces that are concealed of what was lost, 60 ms.
const LOST: u32 = 6;

/// The same of what was not sent: senders say every 400 ms that they are silent still.
const SILENT: u32 = 50;

/// Octets of the longest packet of silence (RFC 6716 §2.1.9: the table of contents, and perhaps one more).
const SILENCE: usize = 2;

/// See the module's header.
#[derive(Debug)]
pub(super) struct Shelf {
    packets: Box<[Packet]>,
    /// Of the packet that came last.
    number: u32,
    slips: [u8; PIECES * PIECE],
    /// What is being given out: the packet's number and its samples.
    open: u32,
    samples: [i16; LONGEST_SAMPLES],
    length: usize,
    /// Whether its sender fell silent with it.
    silent: bool,
    /// Pieces concealed since.
    concealed: u32,
}

#[derive(Clone, Copy, Debug)]
struct Packet {
    number: u32,
    length: usize,
    octets: [u8; PACKET],
}

impl Default for Shelf {
    fn default() -> Self {
        let empty = Packet {
            number: 0,
            length: 0,
            octets: [0; PACKET],
        };
        Shelf {
            packets: vec![empty; JITTER_PIECES].into(),
            number: 0,
            slips: [0; PIECES * PIECE],
            open: 0,
            samples: [0; LONGEST_SAMPLES],
            length: 0,
            silent: false,
            concealed: 0,
        }
    }
}

impl Shelf {
    /// Keeps a packet; the slips for it, none if it lasts less than 10 ms.
    pub(super) fn put(&mut self, packet: &[u8]) -> &[u8] {
        let pieces = (crate::opus::lasts(packet) / (10 * crate::opus::PER_MS)) as usize;
        self.number = self.number.wrapping_add(1).max(1);
        let place = &mut self.packets[self.number as usize % JITTER_PIECES];
        // A packet of RTP is never longer.
        let length = packet.len().min(PACKET);
        place.octets[..length].copy_from_slice(&packet[..length]);
        (place.number, place.length) = (self.number, length);
        let slips = self.slips.chunks_exact_mut(PIECE).take(pieces);
        for (nth, slip) in slips.enumerate() {
            slip[..4].copy_from_slice(&self.number.to_le_bytes());
            slip[4] = nth as u8;
        }
        &self.slips[..pieces.min(PIECES) * PIECE]
    }

    /// What a slip stands for.
    pub(super) fn play(&mut self, slip: &[u8], decoder: &mut Decoder, half: &mut [i16]) {
        let number = u32::from_le_bytes([slip[0], slip[1], slip[2], slip[3]]);
        if self.open != number {
            let packet = &self.packets[number as usize % JITTER_PIECES];
            let octets = &packet.octets[..packet.length];
            // So many came since that its place was taken.
            let is_there = packet.number == number;
            self.length = if is_there {
                decoder.decode(octets, &mut self.samples)
            } else {
                0
            };
            self.open = number;
            self.silent = octets.len() <= SILENCE;
            self.concealed = 0;
        }
        let from = usize::from(slip[4]) * half.len();
        match self.samples[..self.length].get(from..from + half.len()) {
            Some(piece) => half.copy_from_slice(piece),
            None => self.conceal(decoder, half),
        }
    }

    /// 10 ms for which there is no slip.
    pub(super) fn conceal(&mut self, decoder: &mut Decoder, half: &mut [i16]) {
        let patience = if self.silent { SILENT } else { LOST };
        if self.concealed >= patience || !decoder.conceal(half) {
            half.fill(0);
        }
        self.concealed = self.concealed.saturating_add(1);
    }
}
