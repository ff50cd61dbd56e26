//! Audio that is played: made once, encoded once for each codec, then only read and shared.
//!
//! Owns the frames; where they come from (a tenant's file, the rule of a tone) it refuses to know. A
//! prompt is behind an `Arc` with whoever plays it, so one that is replaced meanwhile plays on to its
//! end, and no packet of it costs an encoder.

#[cfg(feature = "opus")]
mod packets;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use crate::codec::FRAME_OCTETS;
use crate::codec::{Codec, Encoder, Rate};

/// How long a frame of a prompt is.
pub const FRAME: Duration = Duration::from_millis(20);

/// Audio in 20 ms frames, of at least one.
#[derive(Debug, PartialEq, Eq)]
pub struct Prompt {
    pcma: Box<[u8]>,
    pcmu: Box<[u8]>,
    g722: Box<[u8]>,
    #[cfg(feature = "opus")]
    opus: packets::Packets,
}

impl Prompt {
    /// From samples at 8 kHz.
    pub fn from_8khz(samples: &[i16]) -> Self {
        Self::new(samples, Rate::Narrow)
    }

    /// From samples at that rate. The last frame is filled up with silence.
    pub fn new(samples: &[i16], rate: Rate) -> Self {
        let mut whole = samples.to_vec();
        whole.resize(
            samples.len().div_ceil(rate.frame()).max(1) * rate.frame(),
            0,
        );
        let encoded = |codec| {
            let mut octets = vec![0; whole.len() / rate.frame() * FRAME_OCTETS].into_boxed_slice();
            Encoder::new(codec, rate).encode(&whole, &mut octets);
            octets
        };
        Self {
            pcma: encoded(Codec::Pcma),
            pcmu: encoded(Codec::Pcmu),
            g722: encoded(Codec::G722),
            #[cfg(feature = "opus")]
            opus: packets::Packets::new(&whole, rate),
        }
    }

    /// How many frames there are, at least one.
    pub fn frames(&self) -> usize {
        self.pcma.len() / FRAME_OCTETS
    }

    /// The payload of the frame with that number, from 0: of an even codec always [`FRAME_OCTETS`]. `None`
    /// behind the last.
    pub fn frame(&self, codec: Codec, number: usize) -> Option<&[u8]> {
        let octets = match codec {
            Codec::Pcma => &self.pcma,
            Codec::Pcmu => &self.pcmu,
            Codec::G722 => &self.g722,
            #[cfg(feature = "opus")]
            Codec::Opus => return self.opus.get(number),
        };
        let begin = number.checked_mul(FRAME_OCTETS)?;
        octets.get(begin..)?.get(..FRAME_OCTETS)
    }

    /// How long it plays: whole frames.
    pub fn duration(&self) -> Duration {
        FRAME * self.frames() as u32
    }

    /// Octets of memory that its frames take.
    pub fn octets(&self) -> usize {
        let even = self.pcma.len() + self.pcmu.len() + self.g722.len();
        #[cfg(feature = "opus")]
        let even = even + self.opus.octets();
        even
    }
}
