//! The tones of networks (ITU-T E.180, Supplement 2), made as prompts by their rule.
//!
//! Owns frequencies and cadences. One period of a tone is a prompt; whoever plays it says how often. Each
//! is made when it is first wanted, once for the whole process.

#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use crate::codec::Rate;
use crate::prompt::Prompt;
use crate::tone::Tone;

/// What a tone of one frequency is played at; two share it. ITU-T E.182 asks for −10 dBm0, and a full
/// scale is 3 dBm0.
const LEVEL_DB: f32 = -13.0;

/// A tone: what sounds at once, and for how long.
#[derive(Debug)]
pub struct Cadence {
    /// Frequencies in Hz.
    hz: &'static [u16],
    /// Milliseconds of sound and of silence after it, one after another.
    steps: &'static [(u16, u16)],
    made: OnceLock<Arc<Prompt>>,
}

/// The called party rings, in the United States.
pub static RINGBACK_US: Cadence = cadence(&[440, 480], &[(2_000, 4_000)]);
/// In the United Kingdom.
pub static RINGBACK_UK: Cadence = cadence(&[400, 450], &[(400, 200), (400, 2_000)]);
/// In Germany.
pub static RINGBACK_DE: Cadence = cadence(&[425], &[(1_000, 4_000)]);
/// In France.
pub static RINGBACK_FR: Cadence = cadence(&[440], &[(1_500, 3_500)]);
/// The called party is busy, in the United States.
pub static BUSY_US: Cadence = cadence(&[480, 620], &[(500, 500)]);
/// In the United Kingdom.
pub static BUSY_UK: Cadence = cadence(&[400], &[(380, 380)]);
/// In Germany.
pub static BUSY_DE: Cadence = cadence(&[425], &[(480, 480)]);
/// In France.
pub static BUSY_FR: Cadence = cadence(&[440], &[(500, 500)]);
/// The network is, in the United States.
pub static CONGESTION_US: Cadence = cadence(&[480, 620], &[(250, 250)]);
/// In the United Kingdom.
pub static CONGESTION_UK: Cadence = cadence(&[400], &[(400, 350), (225, 525)]);
/// In Germany.
pub static CONGESTION_DE: Cadence = cadence(&[425], &[(240, 240)]);
/// In France.
pub static CONGESTION_FR: Cadence = cadence(&[440], &[(250, 250)]);
/// After it one may speak.
pub static BEEP: Cadence = cadence(&[1_000], &[(200, 0)]);

const fn cadence(hz: &'static [u16], steps: &'static [(u16, u16)]) -> Cadence {
    let made = OnceLock::new();
    Cadence { hz, steps, made }
}

impl Cadence {
    /// One period of it.
    pub fn prompt(&self) -> Arc<Prompt> {
        let make = || Arc::new(Prompt::from_8khz(&self.samples()));
        Arc::clone(self.made.get_or_init(make))
    }

    fn samples(&self) -> Vec<i16> {
        let count = |ms: u16| usize::from(ms) * Rate::Narrow.hz() as usize / 1_000;
        let level = LEVEL_DB - 10.0 * (self.hz.len() as f32).log10();
        let mut samples = Vec::new();
        for &(sound, silence) in self.steps {
            let start = samples.len();
            samples.resize(start + count(sound), 0_i16);
            let mut one = vec![0; count(sound)];
            for &hz in self.hz {
                Tone::new(hz, level).fill(&mut one);
                let sum = samples[start..].iter_mut().zip(&one);
                sum.for_each(|(sample, part)| *sample = sample.saturating_add(*part));
            }
            samples.resize(samples.len() + count(silence), 0);
        }
        samples
    }
}
