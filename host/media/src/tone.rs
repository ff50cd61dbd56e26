//! Tones: making one, and telling which one is heard.
//!
//! Owns the sine and the Goertzel filter by which phones of the demo, the simulator and the
//! end-to-end tests prove that audio went through. Knows no codec and no packet. Levels are in dB
//! below full scale of a 16-bit sample.

#[cfg(test)]
mod tests;

use std::f64::consts::TAU;

/// Samples per second of all audio here.
pub const SAMPLE_RATE: u32 = 8_000;

/// Samples of one analysis: 50 ms, so a filter is 20 Hz wide.
const BLOCK: usize = 400;

/// Blocks below this are silence.
const SILENCE_DB: f32 = -50.0;

/// The share of a block's power that a tone must hold.
const DOMINANT: f64 = 0.6;

/// Filters that are run side by side.
const LANES: usize = 8;

/// Tones that phones use to be told apart: none is another's multiple or sum with a third.
pub const MARKS: [u16; 6] = [425, 580, 730, 970, 1_230, 1_610];

/// A sine that goes on from call to call.
#[derive(Clone, Debug)]
pub struct Tone {
    /// Cosine and sine of where it is, and of one step.
    at: (f64, f64),
    step: (f64, f64),
    amplitude: f64,
}

impl Tone {
    /// A tone of `hz` (below 4,000) at `level_db` (its peak, at most 0).
    pub fn new(hz: u16, level_db: f32) -> Self {
        let amplitude = f64::from(i16::MAX) * 10_f64.powf(f64::from(level_db.min(0.0)) / 20.0);
        let (sine, cosine) = (TAU * f64::from(hz) / f64::from(SAMPLE_RATE)).sin_cos();
        Tone {
            at: (1.0, 0.0),
            step: (cosine, sine),
            amplitude,
        }
    }

    /// Writes the next samples.
    pub fn fill(&mut self, samples: &mut [i16]) {
        let (cosine, sine) = self.step;
        for sample in samples {
            let (x, y) = self.at;
            *sample = (y * self.amplitude) as i16;
            self.at = (x * cosine - y * sine, x * sine + y * cosine);
        }
        // Rounding makes it longer or shorter, by some 1e-16 a sample.
        let length = self.at.0.hypot(self.at.1);
        self.at = (self.at.0 / length, self.at.1 / length);
    }
}

/// The level of samples; −100 for digital silence.
pub fn level_db(samples: &[i16]) -> f32 {
    decibels(
        samples.iter().map(|&s| f64::from(s).powi(2)).sum(),
        samples.len(),
    )
}

/// The level of a sine within samples of 8 kHz, as its peak; −100 if there is none. Half a second and more,
/// and a whole number of milliseconds and of Hz, tell tones apart that differ by a few Hz.
pub fn level_of(samples: &[i16], hz: u16) -> f32 {
    let step = TAU * f64::from(hz) / f64::from(SAMPLE_RATE);
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (at, &sample) in samples.iter().enumerate() {
        let angle = step * at as f64;
        sine += f64::from(sample) * angle.sin();
        cosine += f64::from(sample) * angle.cos();
    }
    let peak = 2.0 * sine.hypot(cosine) / samples.len().max(1) as f64;
    let level = 20.0 * (peak / f64::from(i16::MAX)).log10();
    level.max(-100.0) as f32
}

fn decibels(energy: f64, samples: usize) -> f32 {
    if energy <= 0.0 || samples == 0 {
        return -100.0;
    }
    (10.0 * (energy / samples as f64 / f64::from(i16::MAX).powi(2)).log10()) as f32
}

/// Tells which of some candidates is the tone that is heard.
#[derive(Clone, Debug)]
pub struct Detector {
    filters: Vec<Filter>,
    block: Vec<i16>,
    /// Blocks that were not silent.
    sounding: u64,
    energy: f64,
    samples: usize,
}

#[derive(Clone, Debug)]
struct Filter {
    hz: u16,
    coefficient: f64,
    /// Blocks in which it held most of the power.
    blocks: u64,
}

impl Detector {
    /// Listens for these frequencies, which should lie 40 Hz or more apart.
    pub fn new(candidates: &[u16]) -> Self {
        let filter = |&hz: &u16| Filter {
            hz,
            coefficient: 2.0 * (TAU * f64::from(hz) / f64::from(SAMPLE_RATE)).cos(),
            blocks: 0,
        };
        Detector {
            filters: candidates.iter().map(filter).collect(),
            block: Vec::with_capacity(BLOCK),
            sounding: 0,
            energy: 0.0,
            samples: 0,
        }
    }

    /// Takes the next samples.
    pub fn listen(&mut self, samples: &[i16]) {
        for &sample in samples {
            self.energy += f64::from(sample).powi(2);
            self.block.push(sample);
            if self.block.len() == BLOCK {
                self.analyse();
                self.block.clear();
            }
        }
        self.samples += samples.len();
    }

    /// The candidate that held most of the power in most of the time that was not silent.
    pub fn tone(&self) -> Option<u16> {
        let strongest = self.filters.iter().max_by_key(|f| f.blocks)?;
        (strongest.blocks * 2 > self.sounding).then_some(strongest.hz)
    }

    /// The level of all that was heard, pauses included.
    pub fn level_db(&self) -> f32 {
        decibels(self.energy, self.samples)
    }

    fn analyse(&mut self) {
        let energy: f64 = self.block.iter().map(|&s| f64::from(s).powi(2)).sum();
        if decibels(energy, BLOCK) < SILENCE_DB {
            return;
        }
        self.sounding += 1;
        // A sine of this frequency alone gives |X|² = energy · BLOCK / 2.
        let whole = energy * BLOCK as f64 / 2.0;
        for filters in self.filters.chunks_mut(LANES) {
            let coefficient = |lane| filters.get(lane).map_or(0.0, |it: &Filter| it.coefficient);
            let powers = powers(&self.block, std::array::from_fn(coefficient));
            for (filter, power) in filters.iter_mut().zip(powers) {
                filter.blocks += u64::from(power > DOMINANT * whole);
            }
        }
    }
}

/// Goertzel: the powers of some frequencies in a block. Side by side: each step of one waits for the step before.
fn powers(block: &[i16], coefficients: [f64; LANES]) -> [f64; LANES] {
    let (mut last, mut before) = ([0.0; LANES], [0.0; LANES]);
    for &sample in block {
        for lane in 0..LANES {
            let next = f64::from(sample) + coefficients[lane] * last[lane] - before[lane];
            (last[lane], before[lane]) = (next, last[lane]);
        }
    }
    std::array::from_fn(|lane| {
        let (last, before) = (last[lane], before[lane]);
        last * last + before * before - coefficients[lane] * last * before
    })
}
