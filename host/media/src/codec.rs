//! Audio codecs: which there are, and turning their payloads into samples and back.
//!
//! Owns the one noun [`Codec`] and, for each stream, a [`Decoder`] or [`Encoder`] that also brings the
//! audio to the rate that its owner works at. Knows no packet and no clock. Nothing here allocates but
//! the making of a decoder or encoder.

#[cfg(test)]
mod tests;
mod transcoder;

use std::fmt;

use crate::g711::{self, Law};
use crate::g722;
use crate::resample::{Doubler, Halver};
pub use transcoder::Transcoder;

/// An audio codec of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// G.711 A-law.
    Pcma,
    /// G.711 µ-law.
    Pcmu,
    /// G.722 at 64 kbit/s. Its clock is 8,000 Hz though its samples are of 16,000 (RFC 3551 §4.5.2).
    G722,
}

impl Codec {
    /// All codecs, in our own order of preference.
    pub const ALL: [Codec; 3] = [Codec::Pcma, Codec::Pcmu, Codec::G722];

    /// Its static payload type (RFC 3551 §6).
    pub const fn payload_type(self) -> u8 {
        match self {
            Codec::Pcma => 8,
            Codec::Pcmu => 0,
            Codec::G722 => 9,
        }
    }

    /// Its encoding name in `a=rtpmap`.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcma => "PCMA",
            Codec::Pcmu => "PCMU",
            Codec::G722 => "G722",
        }
    }

    /// Units of its RTP clock in a millisecond.
    pub const fn per_ms(self) -> u32 {
        match self {
            Codec::Pcma | Codec::Pcmu | Codec::G722 => 8,
        }
    }

    /// How long a payload lasts, in units of its RTP clock.
    pub fn lasts(self, payload: &[u8]) -> u32 {
        match self {
            // 64 kbit/s: an octet for each.
            Codec::Pcma | Codec::Pcmu | Codec::G722 => payload.len() as u32,
        }
    }

    /// The rate of its samples.
    pub const fn rate(self) -> Rate {
        match self {
            Codec::Pcma | Codec::Pcmu => Rate::Narrow,
            Codec::G722 => Rate::Wide,
        }
    }

    /// How it compands, if that is all that it does.
    pub const fn law(self) -> Option<Law> {
        match self {
            Codec::Pcma => Some(Law::A),
            Codec::Pcmu => Some(Law::U),
            Codec::G722 => None,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Samples per second of audio inside the plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rate {
    /// 8,000: what G.711 carries.
    #[default]
    Narrow,
    /// 16,000.
    Wide,
}

impl Rate {
    /// Samples per second.
    pub const fn hz(self) -> u32 {
        match self {
            Rate::Narrow => 8_000,
            Rate::Wide => 16_000,
        }
    }

    /// Samples of a frame of 20 ms.
    pub const fn frame(self) -> usize {
        self.hz() as usize / 50
    }

    /// Samples for each octet of a payload.
    const fn per_octet(self) -> usize {
        self.frame() / FRAME_OCTETS
    }
}

/// Octets of a frame of 20 ms, of every codec.
pub const FRAME_OCTETS: usize = 160;

/// Samples of the longest frame of 20 ms.
pub const FRAME_SAMPLES: usize = Rate::Wide.frame();

/// Turns the payloads of one stream into samples of one rate.
#[derive(Clone, Debug)]
pub struct Decoder {
    codec: Codec,
    rate: Rate,
    kind: Decoding,
}

#[derive(Clone, Debug)]
enum Decoding {
    Law(Law),
    LawDoubled(Law, Box<Doubler>),
    Wide(Box<g722::Decoder>),
    WideHalved(Box<(g722::Decoder, Halver)>),
}

impl Decoder {
    /// For payloads of this codec and samples of this rate.
    pub fn new(codec: Codec, rate: Rate) -> Self {
        let kind = match (codec.law(), rate) {
            (Some(law), Rate::Narrow) => Decoding::Law(law),
            (Some(law), Rate::Wide) => Decoding::LawDoubled(law, Box::default()),
            (None, Rate::Wide) => Decoding::Wide(Box::default()),
            (None, Rate::Narrow) => Decoding::WideHalved(Box::default()),
        };
        Decoder { codec, rate, kind }
    }

    /// What it decodes.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Writes the samples of a payload and returns how many: one for each octet at 8 kHz, two at 16.
    /// What has no room is left out.
    pub fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> usize {
        match &mut self.kind {
            Decoding::Law(law) => expand(*law, payload, samples),
            Decoding::Wide(wide) => wide.decode(payload, samples),
            Decoding::LawDoubled(law, doubler) => {
                in_frames(self.rate, payload, samples, |octets, samples| {
                    let mut narrow = [0; Rate::Narrow.frame()];
                    let length = expand(*law, octets, &mut narrow);
                    doubler.resample(&narrow[..length], samples)
                })
            }
            Decoding::WideHalved(both) => {
                in_frames(self.rate, payload, samples, |octets, samples| {
                    let mut wide = [0; Rate::Wide.frame()];
                    let length = both.0.decode(octets, &mut wide);
                    both.1.resample(&wide[..length], samples)
                })
            }
        }
    }
}

/// Turns samples of one rate into payloads of one stream.
#[derive(Clone, Debug)]
pub struct Encoder {
    codec: Codec,
    kind: Encoding,
}

#[derive(Clone, Debug)]
enum Encoding {
    Law(Law),
    LawHalved(Law, Box<Halver>),
    Wide(Box<g722::Encoder>),
    WideDoubled(Box<(Doubler, g722::Encoder)>),
}

impl Encoder {
    /// For payloads of this codec and samples of this rate.
    pub fn new(codec: Codec, rate: Rate) -> Self {
        let kind = match (codec.law(), rate) {
            (Some(law), Rate::Narrow) => Encoding::Law(law),
            (Some(law), Rate::Wide) => Encoding::LawHalved(law, Box::default()),
            (None, Rate::Wide) => Encoding::Wide(Box::default()),
            (None, Rate::Narrow) => Encoding::WideDoubled(Box::default()),
        };
        Encoder { codec, kind }
    }

    /// What it encodes.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Writes the payload of samples and returns its length: an octet for each sample at 8 kHz, for
    /// each two at 16. What has no room, and an odd last sample, is left out.
    pub fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        match &mut self.kind {
            Encoding::Law(law) => compress(*law, samples, payload),
            Encoding::Wide(wide) => wide.encode(samples, payload),
            Encoding::LawHalved(law, halver) => {
                let mut length = 0;
                for samples in samples.chunks(Rate::Wide.frame()) {
                    let mut narrow = [0; Rate::Narrow.frame()];
                    let count = halver.resample(samples, &mut narrow);
                    length += compress(*law, &narrow[..count], &mut payload[length..]);
                }
                length
            }
            Encoding::WideDoubled(both) => {
                let mut length = 0;
                for samples in samples.chunks(Rate::Narrow.frame()) {
                    let mut wide = [0; Rate::Wide.frame()];
                    let count = both.0.resample(samples, &mut wide);
                    length += both.1.encode(&wide[..count], &mut payload[length..]);
                }
                length
            }
        }
    }
}

/// Goes through a payload in frames of 20 ms, so that what lies between fits the stack.
fn in_frames(
    rate: Rate,
    payload: &[u8],
    samples: &mut [i16],
    mut each: impl FnMut(&[u8], &mut [i16]) -> usize,
) -> usize {
    let length = payload.len().min(samples.len() / rate.per_octet());
    let frames = payload[..length].chunks(FRAME_OCTETS);
    let places = samples.chunks_mut(rate.frame());
    frames.zip(places).map(|(f, p)| each(f, p)).sum()
}

fn expand(law: Law, payload: &[u8], samples: &mut [i16]) -> usize {
    for (sample, &octet) in samples.iter_mut().zip(payload) {
        *sample = g711::decode_sample(law, octet);
    }
    payload.len().min(samples.len())
}

fn compress(law: Law, samples: &[i16], payload: &mut [u8]) -> usize {
    for (octet, &sample) in payload.iter_mut().zip(samples) {
        *octet = g711::encode_sample(law, sample);
    }
    payload.len().min(samples.len())
}

/// The distance of what is heard from what was said, as a tone would have it.
#[cfg(test)]
pub(crate) fn snr_db(original: &[i16], heard: &[i16]) -> f64 {
    let pairs = original.iter().zip(heard);
    let (mut signal, mut noise) = (0.0, 0.0);
    for (&said, &heard) in pairs {
        signal += f64::from(said).powi(2);
        noise += (f64::from(said) - f64::from(heard)).powi(2);
    }
    10.0 * (signal / noise).log10()
}
