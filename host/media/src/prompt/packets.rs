//! The frames of a prompt in a codec whose packets are of any length.

use crate::codec::{Codec, Encoder, FRAME_OCTETS, Rate};

/// See the module's header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packets {
    octets: Box<[u8]>,
    /// Where each packet ends.
    ends: Box<[u32]>,
}

impl Packets {
    /// Of whole frames of 20 ms.
    pub(super) fn new(samples: &[i16], rate: Rate) -> Self {
        let mut encoder = Encoder::new(Codec::Opus, rate);
        let (mut octets, mut ends) = (Vec::new(), Vec::new());
        for frame in samples.chunks_exact(rate.frame()) {
            let mut packet = [0; FRAME_OCTETS];
            let length = encoder.encode(frame, &mut packet);
            octets.extend_from_slice(&packet[..length]);
            // Prompts are of hours at most, and an hour is 30 MB at most.
            ends.push(octets.len() as u32);
        }
        Packets {
            octets: octets.into(),
            ends: ends.into(),
        }
    }

    /// The one with that number, from 0.
    pub(super) fn get(&self, number: usize) -> Option<&[u8]> {
        let end = *self.ends.get(number)?;
        let before = number.checked_sub(1).and_then(|it| self.ends.get(it));
        let start = before.copied().unwrap_or(0);
        self.octets.get(start as usize..end as usize)
    }

    /// Octets of memory that they take.
    pub(super) fn octets(&self) -> usize {
        self.octets.len() + self.ends.len() * size_of::<u32>()
    }
}
