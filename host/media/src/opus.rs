//! Opus (RFC 6716) as a telephone uses it (RFC 7587): mono, at the rates that the plane has, so that nothing
//! is resampled.
//!
//! Owns the settings of the codec and the reading of a packet's length. Knows no RTP. What a peer sends may be
//! stereo, of any bandwidth and of up to 120 ms: it is heard at our rate and as one channel. Exists with the
//! feature `opus` only: see ADR 16.

#[cfg(test)]
mod tests;

use std::fmt;

use rusty_opus::{Application, OpusDecoder, OpusEncoder};

use crate::codec::{FRAME_SAMPLES, LONGEST_SAMPLES, Rate};

/// Units of the RTP clock in a millisecond, whatever the rate of the samples (RFC 7587 §4.1).
pub const PER_MS: u32 = 48;

/// How hard it looks for the best encoding, 0 to 10. Beyond this a frame costs half as much again, and speech
/// sounds the same.
const COMPLEXITY: i32 = 5;

/// Samples of the longest payload that we make: 60 ms.
const ENCODED: usize = 3 * FRAME_SAMPLES;

/// Bits per second of speech: a little above what RFC 7587 §3.1.1 recommends for narrow band and wide band.
const fn bits(rate: Rate) -> i32 {
    match rate {
        Rate::Narrow => 16_000,
        Rate::Wide => 24_000,
    }
}

/// How long a packet lasts, in units of the RTP clock; 0 if it is none (RFC 6716 §3.1, §3.4).
pub fn lasts(packet: &[u8]) -> u32 {
    let Some(&toc) = packet.first() else {
        return 0;
    };
    let config = usize::from(toc >> 3);
    let frame = match config {
        0..12 => [10, 20, 40, 60][config % 4] * PER_MS,
        12..16 => [10, 20][config % 2] * PER_MS,
        _ => [120, 240, 480, 960][config % 4],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => packet.get(1).map_or(0, |count| u32::from(count & 0x3f)),
    };
    let whole = frame * frames;
    // No packet is longer than 120 ms (R5).
    if whole <= 120 * PER_MS { whole } else { 0 }
}

/// Turns the samples of a stream into packets.
pub struct Encoder(OpusEncoder);

impl Encoder {
    /// For samples of that rate.
    pub fn new(rate: Rate) -> Self {
        let made = OpusEncoder::new(rate.hz() as i32, 1, Application::Voip);
        // It refuses rates and channels that it does not know: these it knows.
        let mut encoder = made.expect("8 or 16 kHz, one channel");
        encoder.bitrate_bps = bits(rate);
        encoder.complexity = COMPLEXITY;
        Encoder(encoder)
    }

    /// Writes the packet of samples and returns its length. They are of 10, 20, 40 or 60 ms: of others, and in
    /// too little room, there is no packet.
    pub fn encode(&mut self, samples: &[i16], packet: &mut [u8]) -> usize {
        let mut floats = [0.0; ENCODED];
        let Some(floats) = floats.get_mut(..samples.len()) else {
            return 0;
        };
        for (float, &sample) in floats.iter_mut().zip(samples) {
            *float = f32::from(sample) / 32_768.0;
        }
        self.0.encode(floats, samples.len(), packet).unwrap_or(0)
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("opus::Encoder")
    }
}

/// Turns the packets of a stream into samples.
pub struct Decoder {
    inner: OpusDecoder,
    rate: Rate,
}

impl Decoder {
    /// For samples of that rate.
    pub fn new(rate: Rate) -> Self {
        let made = OpusDecoder::new(rate.hz() as i32, 1);
        Decoder {
            // As for the encoder.
            inner: made.expect("8 or 16 kHz, one channel"),
            rate,
        }
    }

    /// Writes the samples of a packet and returns how many. What has no room is left out; of what is no packet
    /// there are none.
    pub fn decode(&mut self, packet: &[u8], samples: &mut [i16]) -> usize {
        let mut floats = [0.0; LONGEST_SAMPLES];
        let most = 6 * self.rate.frame();
        // An empty one would be concealed.
        if lasts(packet) == 0 {
            return 0;
        }
        let heard = self.inner.decode(packet, most, &mut floats[..most]);
        write(&floats[..heard.unwrap_or(0).min(most)], samples)
    }

    /// Writes what may have been in a packet that did not come: 10 ms, or 20.
    pub fn conceal(&mut self, samples: &mut [i16]) {
        let mut floats = [0.0; FRAME_SAMPLES];
        let length = samples.len().min(FRAME_SAMPLES);
        let heard = self.inner.decode(&[], length, &mut floats[..length]);
        let written = write(&floats[..heard.unwrap_or(0).min(length)], samples);
        samples[written..].fill(0);
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "opus::Decoder at {:?}", self.rate)
    }
}

fn write(floats: &[f32], samples: &mut [i16]) -> usize {
    for (sample, float) in samples.iter_mut().zip(floats) {
        // `as` cuts what is beyond either end.
        *sample = (float * 32_768.0).round() as i16;
    }
    floats.len().min(samples.len())
}
