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
#[cfg(feature = "opus")]
use crate::opus;
use crate::resample::{Doubler, Halver};
pub use transcoder::Transcoder;

/// How many codecs there are.
const COUNT: usize = 3 + cfg!(feature = "opus") as usize;

/// An audio codec of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// G.711 A-law.
    Pcma,
    /// G.711 µ-law.
    Pcmu,
    /// G.722 at 64 kbit/s. Its clock is 8,000 Hz though its samples are of 16,000 (RFC 3551 §4.5.2).
    G722,
    /// Opus, mono, at the rate of whoever hears it.
    #[cfg(feature = "opus")]
    Opus,
}

impl Codec {
    /// All codecs, in our own order of preference.
    pub const ALL: [Codec; COUNT] = [
        Codec::Pcma,
        Codec::Pcmu,
        Codec::G722,
        #[cfg(feature = "opus")]
        Codec::Opus,
    ];

    /// The payload type that we offer it under: the static one of RFC 3551 §6, if it has one.
    pub const fn payload_type(self) -> u8 {
        match self {
            Codec::Pcma => 8,
            Codec::Pcmu => 0,
            Codec::G722 => 9,
            #[cfg(feature = "opus")]
            Codec::Opus => 111,
        }
    }

    /// Its encoding name in `a=rtpmap`.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcma => "PCMA",
            Codec::Pcmu => "PCMU",
            Codec::G722 => "G722",
            #[cfg(feature = "opus")]
            Codec::Opus => "opus",
        }
    }

    /// Its channels in `a=rtpmap`. Of Opus they are always two there, whatever is sent (RFC 7587 §7).
    pub const fn channels(self) -> u8 {
        match self {
            Codec::Pcma | Codec::Pcmu | Codec::G722 => 1,
            #[cfg(feature = "opus")]
            Codec::Opus => 2,
        }
    }

    /// What we say of it in `a=fmtp`: what we can hear, and what we send (RFC 7587 §6.1).
    pub const fn parameters(self) -> Option<&'static str> {
        match self {
            Codec::Pcma | Codec::Pcmu | Codec::G722 => None,
            #[cfg(feature = "opus")]
            Codec::Opus => Some("maxplaybackrate=16000;sprop-maxcapturerate=16000;stereo=0"),
        }
    }

    /// Units of its RTP clock in a millisecond.
    pub const fn per_ms(self) -> u32 {
        match self {
            Codec::Pcma | Codec::Pcmu | Codec::G722 => 8,
            #[cfg(feature = "opus")]
            Codec::Opus => opus::PER_MS,
        }
    }

    /// Its RTP clock in Hz.
    pub const fn clock(self) -> u32 {
        self.per_ms() * 1_000
    }

    /// How long a payload lasts, in units of its RTP clock.
    pub fn lasts(self, payload: &[u8]) -> u32 {
        match self {
            // 64 kbit/s: an octet for each.
            Codec::Pcma | Codec::Pcmu | Codec::G722 => payload.len() as u32,
            #[cfg(feature = "opus")]
            Codec::Opus => opus::lasts(payload),
        }
    }

    /// Whether its payloads are an octet for each unit of its clock, so that they may be cut and joined.
    pub const fn is_even(self) -> bool {
        match self {
            Codec::Pcma | Codec::Pcmu | Codec::G722 => true,
            #[cfg(feature = "opus")]
            Codec::Opus => false,
        }
    }

    /// The rate of its samples.
    pub const fn rate(self) -> Rate {
        match self {
            Codec::Pcma | Codec::Pcmu => Rate::Narrow,
            Codec::G722 => Rate::Wide,
            #[cfg(feature = "opus")]
            Codec::Opus => Rate::Wide,
        }
    }

    /// How it compands, if that is all that it does.
    pub const fn law(self) -> Option<Law> {
        match self {
            Codec::Pcma => Some(Law::A),
            Codec::Pcmu => Some(Law::U),
            Codec::G722 => None,
            #[cfg(feature = "opus")]
            Codec::Opus => None,
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

/// Octets of a frame of 20 ms: of every codec that is even, and at most of any other.
pub const FRAME_OCTETS: usize = 160;

/// Samples of the longest frame of 20 ms.
pub const FRAME_SAMPLES: usize = Rate::Wide.frame();

/// Samples of the longest payload that is one piece: 120 ms.
pub const LONGEST_SAMPLES: usize = 6 * FRAME_SAMPLES;

/// Turns the payloads of one stream into samples of one rate.
#[derive(Debug)]
pub struct Decoder {
    codec: Codec,
    rate: Rate,
    kind: Decoding,
}

#[derive(Debug)]
enum Decoding {
    Law(Law),
    LawDoubled(Law, Box<Doubler>),
    Wide(Box<g722::Decoder>),
    WideHalved(Box<(g722::Decoder, Halver)>),
    #[cfg(feature = "opus")]
    Opus(Box<opus::Decoder>),
}

impl Decoder {
    /// For payloads of this codec and samples of this rate.
    pub fn new(codec: Codec, rate: Rate) -> Self {
        let kind = match (codec.law(), rate) {
            #[cfg(feature = "opus")]
            _ if codec == Codec::Opus => Decoding::Opus(Box::new(opus::Decoder::new(rate))),
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

    /// Whether an octet means the same whatever was before it.
    pub fn forgets(&self) -> bool {
        matches!(self.kind, Decoding::Law(_))
    }

    /// Writes the samples of a payload and returns how many; of an even codec one for each octet at 8 kHz, two
    /// at 16. What has no room is left out.
    pub fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> usize {
        match &mut self.kind {
            #[cfg(feature = "opus")]
            Decoding::Opus(opus) => opus.decode(payload, samples),
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

    /// Tells the samples of a payload of whatever length, a stretch after another.
    pub fn each(&mut self, payload: &[u8], mut heard: impl FnMut(&[i16])) {
        if self.codec.is_even() {
            for octets in payload.chunks(FRAME_OCTETS) {
                let mut samples = [0; FRAME_SAMPLES];
                let length = self.decode(octets, &mut samples);
                heard(&samples[..length]);
            }
        } else {
            let mut samples = [0; LONGEST_SAMPLES];
            let length = self.decode(payload, &mut samples);
            heard(&samples[..length]);
        }
    }

    /// Writes 10 ms in place of what did not come, if the codec knows how. False if it does not.
    #[cfg(feature = "opus")]
    pub fn conceal(&mut self, samples: &mut [i16]) -> bool {
        let Decoding::Opus(opus) = &mut self.kind else {
            return false;
        };
        opus.conceal(samples);
        true
    }
}

/// Turns samples of one rate into payloads of one stream.
#[derive(Debug)]
pub struct Encoder {
    codec: Codec,
    kind: Encoding,
}

#[derive(Debug)]
enum Encoding {
    Law(Law),
    LawHalved(Law, Box<Halver>),
    Wide(Box<g722::Encoder>),
    WideDoubled(Box<(Doubler, g722::Encoder)>),
    #[cfg(feature = "opus")]
    Opus(Box<opus::Encoder>),
}

impl Encoder {
    /// For payloads of this codec and samples of this rate.
    pub fn new(codec: Codec, rate: Rate) -> Self {
        let kind = match (codec.law(), rate) {
            #[cfg(feature = "opus")]
            _ if codec == Codec::Opus => Encoding::Opus(Box::new(opus::Encoder::new(rate))),
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

    /// Writes the payload of samples and returns its length: of an even codec an octet for each sample at
    /// 8 kHz, for each two at 16; what has no room, and an odd last sample, is left out. Of another codec it is
    /// one packet; of what is not of 10, 20, 40 or 60 ms, or has no room, there is none.
    pub fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        match &mut self.kind {
            #[cfg(feature = "opus")]
            Encoding::Opus(opus) => opus.encode(samples, payload),
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
    let length = payload.len().min(samples.len());
    g711::decode(law, &payload[..length], &mut samples[..length]);
    length
}

fn compress(law: Law, samples: &[i16], payload: &mut [u8]) -> usize {
    let length = payload.len().min(samples.len());
    g711::encode(law, &samples[..length], &mut payload[..length]);
    length
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

/// The likeness of what is heard to what was said, at the delay up to 60 ms that fits best: 0 to 1. Of codecs that
/// keep the sound and not the wave.
#[cfg(all(test, feature = "opus"))]
pub(crate) fn likeness(original: &[i16], heard: &[i16]) -> f64 {
    let (from, length) = (original.len() / 4, original.len() / 2);
    let said = &original[from..from + length];
    let at = |delay: usize| {
        let heard = heard[from + delay..].iter();
        let (mut product, mut one, mut other) = (0.0, 0.0, 1.0);
        for (&a, &b) in said.iter().zip(heard) {
            let (a, b) = (f64::from(a), f64::from(b));
            product += a * b;
            one += a * a;
            other += b * b;
        }
        product / f64::sqrt(one * other)
    };
    (0..960).map(at).fold(0.0, f64::max)
}
