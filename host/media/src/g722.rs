//! G.722 at 64 kbit/s (ITU-T G.722, mode 1): 16 kHz audio in one octet for each pair of samples.
//!
//! ```text
//!            ┌ low band:  6 bits ┐                       ┌ low ┐
//!  x ─ QMF ──┤                   ├─ hh llllll (octet) ───┤     ├── QMF ─ x
//!            └ high band: 2 bits ┘                       └ high┘
//! ```
//!
//! Two filters split the band in halves of 8,000 samples per second each; each half is told as the
//! difference to what an adaptive predictor expects (§3, §4). Coder and decoder keep the same [`Band`]
//! from the codes alone, so what is lost is forgotten soon. Our own, because the crate that there is
//! allocates with every frame (ADR 14). Names in brackets are the blocks of §6.2.

#[cfg(test)]
mod tests;

/// The coefficients of the filters that split the band, each used twice (§6.1.1.1, table 11).
const QMF: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// Samples that the filters look back at, beyond the pair that is new.
const HISTORY: usize = 22;

/// Octets that are coded in one go: 20 ms.
const CHUNK: usize = 160;

/// The decision levels of the low band, without the first, which is 0 (table 14).
const LOW_LEVELS: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023,
    1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
];

/// What six bits of the low band stand for (table 17, QM6).
const LOW_VALUES: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
    -9360, -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776,
    -2400, -2032, -1688, -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280,
    11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776,
    2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];

/// What the upper four of them stand for, by which both sides adapt (table 17, QM4).
const LOW_ADAPTING: [i32; 16] = [
    0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584,
    1200, 0,
];

/// How much they move the logarithm of the step (tables 18 and 19, RL42 and WL).
const LOW_STEPS: [i32; 16] = [
    -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
];

/// What the two bits of the high band stand for (table 20, QM2).
const HIGH_VALUES: [i32; 4] = [-7408, -1616, 7408, 1616];

/// How much they move the logarithm of the step (tables 21 and 22, RH2 and WH).
const HIGH_STEPS: [i32; 4] = [798, -214, 798, -214];

/// The only decision level of the high band (table 16).
const HIGH_LEVEL: i32 = 564;

/// The antilogarithm of a step (table 15, ILB).
const ANTILOG: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// Turns samples into octets. One for each stream: it has a memory.
#[derive(Clone, Debug)]
pub struct Encoder {
    low: Band,
    high: Band,
    history: [i32; HISTORY],
}

/// Turns octets into samples. One for each stream: it has a memory.
#[derive(Clone, Debug)]
pub struct Decoder {
    low: Band,
    high: Band,
    history: [i32; HISTORY],
}

impl Default for Encoder {
    fn default() -> Self {
        Encoder {
            low: Band::low(),
            high: Band::high(),
            history: [0; HISTORY],
        }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder {
            low: Band::low(),
            high: Band::high(),
            history: [0; HISTORY],
        }
    }
}

impl Encoder {
    /// Codes pairs of 16 kHz samples into an octet each; returns how many octets. What has no room, and
    /// an odd last sample, is left out.
    pub fn encode(&mut self, samples: &[i16], octets: &mut [u8]) -> usize {
        let length = octets.len().min(samples.len() / 2);
        let pairs = samples[..2 * length].chunks(2 * CHUNK);
        for (octets, samples) in octets[..length].chunks_mut(CHUNK).zip(pairs) {
            let mut line = [0; HISTORY + 2 * CHUNK];
            let line = &mut line[..HISTORY + samples.len()];
            line[..HISTORY].copy_from_slice(&self.history);
            for (place, &sample) in line[HISTORY..].iter_mut().zip(samples) {
                *place = i32::from(sample);
            }
            for (at, octet) in octets.iter_mut().enumerate() {
                let (odd, even) = filtered(&line[2 * at..]);
                *octet = self.code((even + odd) >> 14, (even - odd) >> 14);
            }
            self.history.copy_from_slice(&line[samples.len()..]);
        }
        length
    }

    fn code(&mut self, low: i32, high: i32) -> u8 {
        let error = saturate(low - self.low.expected);
        let size = magnitude(error);
        let step = self.low.step;
        let level = 1 + LOW_LEVELS.partition_point(|it| (it * step) >> 12 <= size) as i32;
        let low = match (error < 0, level) {
            (true, 1 | 2) => 64 - level,
            (true, _) => 34 - level,
            (false, _) => 62 - level,
        };
        self.low.take_low(low >> 2);

        let error = saturate(high - self.high.expected);
        let is_small = magnitude(error) < (HIGH_LEVEL * self.high.step) >> 12;
        let high = if error < 0 { 0 } else { 2 } + i32::from(is_small);
        self.high.take_high(high);
        (high << 6 | low) as u8
    }
}

impl Decoder {
    /// Expands octets into a pair of 16 kHz samples each; returns how many samples. What has no room
    /// is left out.
    pub fn decode(&mut self, octets: &[u8], samples: &mut [i16]) -> usize {
        let length = octets.len().min(samples.len() / 2);
        let pairs = samples[..2 * length].chunks_mut(2 * CHUNK);
        for (octets, samples) in octets[..length].chunks(CHUNK).zip(pairs) {
            let mut line = [0; HISTORY + 2 * CHUNK];
            let line = &mut line[..HISTORY + samples.len()];
            line[..HISTORY].copy_from_slice(&self.history);
            for (at, &octet) in octets.iter().enumerate() {
                let (low, high) = self.expand(i32::from(octet));
                line[HISTORY + 2 * at] = low + high;
                line[HISTORY + 2 * at + 1] = low - high;
            }
            for (at, pair) in samples.chunks_exact_mut(2).enumerate() {
                let (odd, even) = filtered(&line[2 * at..]);
                pair[0] = saturate(even >> 11) as i16;
                pair[1] = saturate(odd >> 11) as i16;
            }
            self.history.copy_from_slice(&line[samples.len()..]);
        }
        2 * length
    }

    fn expand(&mut self, octet: i32) -> (i32, i32) {
        let (low, high) = (octet & 0x3f, octet >> 6);
        let band = &mut self.low;
        let heard = band.expected + ((band.step * LOW_VALUES[low as usize]) >> 15);
        band.take_low(low >> 2);
        let low = heard.clamp(-16384, 16383);

        let band = &mut self.high;
        let heard = band.expected + ((band.step * HIGH_VALUES[high as usize]) >> 15);
        band.take_high(high);
        (low, heard.clamp(-16384, 16383))
    }
}

/// Both halves of the filter over the 24 samples that begin here.
fn filtered(line: &[i32]) -> (i32, i32) {
    let (pairs, _) = line[..2 * QMF.len()].as_chunks::<2>();
    let (mut odd, mut even) = (0, 0);
    for (at, &[first, second]) in pairs.iter().enumerate() {
        odd += first * QMF[at];
        even += second * QMF[QMF.len() - 1 - at];
    }
    (odd, even)
}

/// What a half band is expected to be, and how large the steps are by which it is told otherwise.
#[derive(Clone, Debug)]
struct Band {
    /// (DETL, DETH)
    step: i32,
    /// Its logarithm (NBL, NBH).
    log_step: i32,
    /// The next sample, if nothing new happens (SL, SH).
    expected: i32,
    /// The part of it that the differences say (SZL, SZH).
    by_differences: i32,
    /// The last two samples as they were heard (RLT, RH).
    heard: [i32; 2],
    /// What weighs them (AL, AH).
    poles: [i32; 2],
    /// Signs of the last two samples without the part of the poles (PLT, PH).
    partial: [i32; 2],
    /// The last six differences (DLT, DH).
    differences: [i32; 6],
    /// What weighs them (BL, BH).
    zeros: [i32; 6],
}

impl Band {
    fn low() -> Self {
        Band::of_step(32)
    }

    fn high() -> Self {
        Band::of_step(8)
    }

    fn of_step(step: i32) -> Self {
        Band {
            step,
            log_step: 0,
            expected: 0,
            by_differences: 0,
            heard: [0; 2],
            poles: [0; 2],
            partial: [0; 2],
            differences: [0; 6],
            zeros: [0; 6],
        }
    }

    /// Takes the upper four bits of a code of the low band.
    fn take_low(&mut self, code: i32) {
        let difference = (self.step * LOW_ADAPTING[code as usize]) >> 15;
        self.rescale(LOW_STEPS[code as usize], 18_432, 8);
        self.adapt(difference);
    }

    /// Takes the code of the high band.
    fn take_high(&mut self, code: i32) {
        let difference = (self.step * HIGH_VALUES[code as usize]) >> 15;
        self.rescale(HIGH_STEPS[code as usize], 22_528, 10);
        self.adapt(difference);
    }

    /// The next step (LOGSCL, SCALEL, LOGSCH, SCALEH).
    fn rescale(&mut self, by: i32, highest: i32, exponent: i32) {
        self.log_step = (((self.log_step * 127) >> 7) + by).clamp(0, highest);
        let mantissa = ANTILOG[(self.log_step >> 6 & 31) as usize];
        let shift = exponent - (self.log_step >> 11);
        let step = if shift < 0 {
            mantissa << -shift
        } else {
            mantissa >> shift
        };
        self.step = step << 2;
    }

    /// What a difference means for the weights and for the next sample (RECONS, PARREC, UPPOL2, UPPOL1,
    /// UPZERO, FILTEP, FILTEZ, PREDIC).
    fn adapt(&mut self, difference: i32) {
        let heard = saturate(self.expected + difference);
        let partial = saturate(self.by_differences + difference) >> 15;
        self.move_poles(partial);
        self.move_zeros(difference);

        self.partial = [partial, self.partial[0]];
        self.heard = [heard, self.heard[0]];
        self.differences.copy_within(..5, 1);
        self.differences[0] = difference;

        let weighed = |(weight, value): (&i32, &i32)| (weight * saturate(2 * value)) >> 15;
        let poles: i32 = self.poles.iter().zip(&self.heard).map(weighed).sum();
        let zeros = self.zeros.iter().zip(&self.differences).map(weighed);
        self.by_differences = saturate(zeros.sum());
        self.expected = saturate(saturate(poles) + self.by_differences);
    }

    fn move_poles(&mut self, partial: i32) {
        let [first, second] = self.poles;
        let agrees = [partial == self.partial[0], partial == self.partial[1]];
        let pulled = saturate(first << 2);
        let pulled = if agrees[0] { -pulled } else { pulled }.min(32_767);
        let second = (pulled >> 7) + signed(128, agrees[1]) + ((second * 32_512) >> 15);
        let second = second.clamp(-12_288, 12_288);
        let first = saturate(signed(192, agrees[0]) + ((first * 32_640) >> 15));
        let limit = saturate(15_360 - second);
        self.poles = [first.clamp(-limit, limit), second];
    }

    fn move_zeros(&mut self, difference: i32) {
        let by = if difference == 0 { 0 } else { 128 };
        for (weight, before) in self.zeros.iter_mut().zip(&self.differences) {
            let agrees = before >> 15 == difference >> 15;
            *weight = saturate(signed(by, agrees) + ((*weight * 32_640) >> 15));
        }
    }
}

fn signed(value: i32, positive: bool) -> i32 {
    if positive { value } else { -value }
}

/// The one's complement of what is negative.
fn magnitude(value: i32) -> i32 {
    if value < 0 { !value } else { value }
}

fn saturate(value: i32) -> i32 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}
