//! Keys that are heard as their two tones (ITU-T Q.23, Q.24), of telephones that send no events.
//!
//! ```text
//!            4 blocks of one key in a row
//!   Quiet ────────────────────────────────▶ Pressed(key)
//!     ▲                                         │
//!     └──────── 4 blocks in a row without it ───┘
//! ```
//!
//! A block is 12.75 ms and begins in the middle of the one before, so four of them are two without overlap:
//! 40 ms of a key are always found, 20 ms never, and a break of 10 ms in a press does not make two of it.
//! A block is a key if one tone of each group holds nearly all of its power, alone within its group, the two
//! about as loud as telephones make them; and a press is one if it has no second harmonics, which voices have.
//! Owns samples of 8 kHz only; what was lost on the way is simply not heard.

#[cfg(test)]
mod tests;

use std::f32::consts::TAU;

use super::tones::{COLUMNS, PAD, ROWS};

/// Samples of a block: a filter of 78 Hz, which keeps neighbours apart and lets a tone be off by 1.5 %.
const BLOCK: usize = 102;

/// From one block to the next.
const HOP: usize = BLOCK / 2;

/// Blocks that make a press, and blocks without it that end one.
const HITS: u8 = 4;
const MISSES: u8 = 4;

/// All samples of as many blocks: what harmonics are looked for in.
const SPAN: usize = BLOCK + (HITS as usize - 1) * HOP;

/// The power of both tones together is at least this, the square of a sample: −41 dBm0.
const QUIETEST: f32 = 34_000.0;

/// The share of the power that both tones together hold at least. A block of which less than that is tone is
/// none, so that it also says how short a press may be.
const DOMINANT: f32 = 0.62;

/// Hz between two filters that are as long as a press.
const WIDTH: u16 = (8_000 / SPAN) as u16;

/// By how much a tone is stronger than the others of its group: 6 dB.
const ALONE: f32 = 4.0;

/// By how much the column may be stronger than the row and weaker: 4 dB and 8 dB (ITU-T Q.24), and what a
/// measurement over a block is wrong by.
const TWIST: f32 = 3.5;
const TWIST_REVERSE: f32 = 9.0;

/// The same of all blocks of a press together, where a filter is narrow enough to be strict.
const PURE: f32 = 0.91;

/// By what part a tone may be off: ITU-T Q.24 has 1.5 % accepted and 3.5 % refused.
const OFF: f32 = 0.02;

/// By how much a tone may be stronger in one half of a press than in the other, of which a part may lie
/// before it or behind: 4 dB.
const STEADY: f32 = 2.5;

/// By how much each tone is stronger than its second harmonic: 15 dB.
const HARMONIC: f32 = 32.0;

/// A column that is nearer than this to the second harmonic of a row, in Hz, cannot be told from it.
const APART: u16 = 80;

/// See the module's header. One for each party.
#[derive(Debug)]
pub struct Detector {
    /// What was heard last, the newest at the end.
    heard: [i16; SPAN],
    /// Samples since the last block.
    fresh: usize,
    /// The key of the last blocks, and how many they were.
    run: Option<(u8, u8)>,
    pressed: Option<Pressed>,
}

#[derive(Clone, Copy, Debug)]
struct Pressed {
    code: u8,
    /// Blocks in a row without it.
    misses: u8,
}

impl Default for Detector {
    fn default() -> Self {
        Detector {
            heard: [0; SPAN],
            fresh: 0,
            run: None,
            pressed: None,
        }
    }
}

impl Detector {
    /// Takes the next samples, and tells each press once, as soon as it is sure.
    pub fn hear(&mut self, mut samples: &[i16], mut told: impl FnMut(char)) {
        while !samples.is_empty() {
            let count = samples.len().min(HOP - self.fresh);
            let (now, later) = samples.split_at(count);
            self.heard.copy_within(count.., 0);
            self.heard[SPAN - count..].copy_from_slice(now);
            self.fresh += count;
            samples = later;
            if self.fresh == HOP {
                self.fresh = 0;
                if let Some(code) = self.judge() {
                    told(key(code));
                }
            }
        }
    }

    /// Whether a key is being pressed.
    pub fn is_pressed(&self) -> bool {
        self.pressed.is_some()
    }

    /// Whether it was heard to the end.
    pub(crate) fn sounds(&self) -> bool {
        self.pressed.is_some_and(|it| it.misses == 0)
    }

    /// Nothing was heard for longer than a press may be broken: the next tone is another press.
    pub fn forget(&mut self) {
        *self = Detector::default();
    }

    /// What the newest block is the fourth of.
    fn judge(&mut self) -> Option<u8> {
        let block = self.heard.last_chunk::<BLOCK>();
        let found = block.and_then(find);
        self.run = found.map(|code| match self.run {
            Some((same, times)) if same == code => (code, times.saturating_add(1)),
            _ => (code, 1),
        });
        if let Some(pressed) = &mut self.pressed {
            if found == Some(pressed.code) {
                pressed.misses = 0;
                return None;
            }
            pressed.misses += 1;
            if pressed.misses >= MISSES {
                self.pressed = None;
            }
        }
        let (code, times) = self.run?;
        let is_new = self.pressed.is_none_or(|it| it.code != code);
        if !is_new || times < HITS || !self.is_pure(code) {
            return None;
        }
        self.pressed = Some(Pressed { code, misses: 0 });
        Some(code)
    }

    /// Whether both tones are as loud in one half as in the other.
    fn is_steady(&self, row: u16, column: u16) -> bool {
        const HALF: usize = SPAN / 2;
        let half = |from: usize| {
            let mut samples = [0.0; HALF];
            let heard = self.heard.iter().skip(from);
            let places = samples.iter_mut().zip(heard);
            places.for_each(|(place, &sample)| *place = f32::from(sample));
            powers(&samples, [row, column])
        };
        let halves = half(0).into_iter().zip(half(SPAN - HALF));
        halves
            .map(|(one, other)| (one.min(other), one.max(other)))
            .all(|(least, most)| most < STEADY * least)
    }

    /// Whether all that was heard is the tones of a key and not a voice, of which one block may look like it:
    /// nothing else is loud beside them, their second harmonics least of all.
    fn is_pure(&self, code: u8) -> bool {
        let (row, column) = tones(code);
        let mut shaped = self.heard.map(f32::from);
        for (at, sample) in shaped.iter_mut().enumerate() {
            *sample *= 0.5 - 0.5 * (TAU * at as f32 / SPAN as f32).cos();
        }
        let energy: f32 = shaped.iter().map(|it| it * it).sum();
        // Of a tone that is somewhat off three filters side by side hold all; the shape widens each by a half.
        let around = |hz: u16| powers(&shaped, [hz - WIDTH, hz, hz + WIDTH]);
        let [row_powers, column_powers] = [row, column].map(around);
        let tones: f32 = row_powers.iter().chain(&column_powers).sum();
        if tones / (SPAN as f32 / 2.0) < PURE * energy
            || is_off(row, row_powers)
            || is_off(column, column_powers)
            || !self.is_steady(row, column)
        {
            return false;
        }
        let harmonic = |hz: u16, first: [f32; 3]| {
            let [second] = powers(&shaped, [2 * hz]);
            second * HARMONIC > first.iter().sum()
        };
        let is_apart = (2 * row).abs_diff(column) >= APART;
        !(is_apart && harmonic(row, row_powers) || harmonic(column, column_powers))
    }
}

/// Whether a tone lies further from where it belongs than a telephone's, by the powers below, at and above
/// that: the weight of the three is nearly where the tone is.
fn is_off(hz: u16, [below, at, above]: [f32; 3]) -> bool {
    let weight = (above - below) / (below + at + above);
    weight.abs() * f32::from(WIDTH) > OFF * f32::from(hz)
}

/// The key of a block, as the place on the pad: four to a row.
fn find(block: &[i16; BLOCK]) -> Option<u8> {
    let samples = block.map(f32::from);
    let energy: f32 = samples.iter().map(|it| it * it).sum();
    let tones = std::array::from_fn(|at| match ROWS.get(at) {
        Some(row) => *row,
        None => COLUMNS[at % COLUMNS.len()],
    });
    let powers: [f32; ROWS.len() + COLUMNS.len()] = powers(&samples, tones);
    let (rows, columns) = powers.split_at(ROWS.len());
    let ((row, low), (column, high)) = (strongest(rows)?, strongest(columns)?);
    // A tone of amplitude a has the power (a·n/2)², and brings a²·n/2 to the energy.
    let tones = (low + high) / (BLOCK as f32 / 2.0);
    let is_key = tones > QUIETEST * BLOCK as f32
        && tones > DOMINANT * energy
        && high < low * TWIST
        && low < high * TWIST_REVERSE;
    is_key.then_some((row * COLUMNS.len() + column) as u8)
}

/// The strongest of a group, if it is alone.
fn strongest(group: &[f32]) -> Option<(usize, f32)> {
    let (at, &most) = group.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    let mut others = group.iter().enumerate().filter(|(other, _)| *other != at);
    others
        .all(|(_, &power)| power * ALONE < most)
        .then_some((at, most))
}

/// Goertzel: the powers of some frequencies in samples of 8 kHz.
fn powers<const N: usize, const F: usize>(samples: &[f32; N], hz: [u16; F]) -> [f32; F] {
    let coefficients = hz.map(|hz| 2.0 * (TAU * f32::from(hz) / 8_000.0).cos());
    let (mut last, mut before) = ([0.0; F], [0.0; F]);
    for &sample in samples {
        for at in 0..F {
            let next = sample + coefficients[at] * last[at] - before[at];
            (last[at], before[at]) = (next, last[at]);
        }
    }
    let mut powers = [0.0; F];
    for at in 0..F {
        let (last, before) = (last[at], before[at]);
        powers[at] = last * last + before * before - coefficients[at] * last * before;
    }
    powers
}

fn tones(code: u8) -> (u16, u16) {
    let code = usize::from(code);
    (
        ROWS[code / COLUMNS.len() % ROWS.len()],
        COLUMNS[code % COLUMNS.len()],
    )
}

fn key(code: u8) -> char {
    let code = usize::from(code);
    char::from(PAD[code / COLUMNS.len() % ROWS.len()][code % COLUMNS.len()])
}
