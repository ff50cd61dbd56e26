//! Comfort noise (RFC 3389): what is heard while a party that suppresses silence is silent.
//!
//! Owns the level that such a packet tells and the noise of it, which is white: what the packet may say of the
//! spectrum is left out, nobody misses it at the level of a quiet room. Knows no stream.

/// The payload type that it has with a clock of 8,000 Hz (RFC 3551 §6).
pub const PAYLOAD_TYPE: u8 = 13;

/// Its clock in Hz; with codecs of another clock it is not used.
pub const CLOCK: u32 = 8_000;

/// Its encoding name in `a=rtpmap`.
pub const NAME: &str = "CN";

/// The level that we tell: that of a quiet room, −65 dBov.
const QUIET: u8 = 65;

/// The payload of silence that we do not send.
pub const PAYLOAD: [u8; 1] = [QUIET];

/// See the module's header. One for each party.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    /// The root of three times its power: the peak of what is evenly spread.
    peak: i32,
    state: u32,
}

impl Noise {
    /// Of the level in a payload, in −dBov; `None` if there is none.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let level = payload.first()? & 0x7f;
        let peak = 32_767.0 * 3_f32.sqrt() * 10_f32.powf(f32::from(level) / -20.0);
        Some(Noise {
            peak: peak as i32,
            state: u32::from(level) | 1,
        })
    }

    /// Writes the next samples, at any rate.
    pub fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            // Numerical Recipes' generator: noise need not be unpredictable.
            self.state = self
                .state
                .wrapping_mul(1_664_525)
                .wrapping_add(1_013_904_223);
            let even = i64::from(self.state as i32);
            let scaled = (even * i64::from(self.peak)) >> 31;
            *sample = scaled.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::level_db;

    #[test]
    fn it_is_as_loud_as_the_packet_says_whatever_else_that_says() {
        // Full scale of a sine is 3 dB below the overload point.
        for level in [20, 40, 65, 78] {
            let mut samples = [0; 8_000];
            Noise::read(&[level | 0x80, 3, 9])
                .unwrap()
                .fill(&mut samples);
            let off = level_db(&samples) + f32::from(level);
            assert!(off.abs() < 1.5, "{level}: {off}");
        }
        let mut samples = [1; 80];
        Noise::read(&[127]).unwrap().fill(&mut samples);
        assert_eq!(samples, [0; 80]);
        Noise::read(&[0]).unwrap().fill(&mut samples);
        assert!(Noise::read(&[]).is_none());
    }
}
