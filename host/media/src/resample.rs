//! From 8 to 16 kHz and back: one half-band filter, which is all that our codecs need.
//!
//! Flat to 3.4 kHz, 6 dB down at 4 kHz, 67 dB down from 4.6 kHz on. Every other coefficient of such a
//! filter is zero, so a sample of 16 kHz costs 16 multiplications. It delays by [`DELAY`] samples of
//! 16 kHz, 2 ms. Other ratios are for whoever reads files.

#[cfg(test)]
mod tests;

/// A sine over an angle, windowed after Kaiser (β 6.2), for the odd distances 1, 3 … 31 from the middle;
/// in units of 1/32,768. Their sum is a quarter, that of both sides together with the middle one.
const TAPS: [i32; 16] = [
    10_404, -3_392, 1_946, -1_299, 922, -672, 493, -360, 260, -183, 126, -83, 52, -31, 16, -7,
];

/// Samples of 16 kHz by which the filter delays.
pub const DELAY: usize = 2 * TAPS.len() - 1;

/// Samples of one parity that the filter looks back at, beyond the new one.
const HISTORY: usize = 2 * TAPS.len() - 1;

/// Samples of 8 kHz that are made or taken in one go: 20 ms.
const CHUNK: usize = 160;

/// From 8 to 16 kHz. One for each stream: it has a memory.
#[derive(Clone, Debug, Default)]
pub struct Doubler {
    history: [i16; HISTORY],
}

/// From 16 to 8 kHz. One for each stream: it has a memory.
#[derive(Clone, Debug, Default)]
pub struct Halver {
    /// The first samples of the pairs before, and their second ones.
    first: [i16; HISTORY],
    second: [i16; HISTORY],
}

impl Doubler {
    /// Writes two samples for each; returns how many. What has no room is left out.
    pub fn resample(&mut self, narrow: &[i16], wide: &mut [i16]) -> usize {
        let length = narrow.len().min(wide.len() / 2);
        let pairs = wide[..2 * length].chunks_mut(2 * CHUNK);
        for (narrow, wide) in narrow[..length].chunks(CHUNK).zip(pairs) {
            let mut line = [0; HISTORY + CHUNK];
            let line = &mut line[..HISTORY + narrow.len()];
            line[..HISTORY].copy_from_slice(&self.history);
            line[HISTORY..].copy_from_slice(narrow);
            for (at, pair) in wide.chunks_exact_mut(2).enumerate() {
                // Half of the gain is lost with the zeros between the samples.
                pair[0] = rounded(sides(&line[at..]), 14);
                pair[1] = line[at + TAPS.len()];
            }
            self.history.copy_from_slice(&line[narrow.len()..]);
        }
        2 * length
    }
}

impl Halver {
    /// Writes one sample for each two; returns how many. What has no room, and an odd last one, is
    /// left out.
    pub fn resample(&mut self, wide: &[i16], narrow: &mut [i16]) -> usize {
        let length = narrow.len().min(wide.len() / 2);
        let pairs = wide[..2 * length].chunks(2 * CHUNK);
        for (narrow, wide) in narrow[..length].chunks_mut(CHUNK).zip(pairs) {
            let mut first = [0; HISTORY + CHUNK];
            let mut second = [0; HISTORY + CHUNK];
            first[..HISTORY].copy_from_slice(&self.first);
            second[..HISTORY].copy_from_slice(&self.second);
            for (at, pair) in wide.chunks_exact(2).enumerate() {
                first[HISTORY + at] = pair[0];
                second[HISTORY + at] = pair[1];
            }
            for (at, sample) in narrow.iter_mut().enumerate() {
                let middle = i32::from(second[at + TAPS.len() - 1]) << 14;
                *sample = rounded(sides(&first[at..]) + middle, 15);
            }
            self.first
                .copy_from_slice(&first[narrow.len()..][..HISTORY]);
            self.second
                .copy_from_slice(&second[narrow.len()..][..HISTORY]);
        }
        length
    }
}

/// The 32 samples that begin here, by their distance from the middle between the 16th and the 17th. The
/// taps are 20,246 without their signs, so whatever the samples are, 32 bits hold the sum.
fn sides(line: &[i16]) -> i32 {
    let (before, after) = line[..2 * TAPS.len()].split_at(TAPS.len());
    let pairs = before.iter().rev().zip(after);
    let weighed =
        |(tap, (&one, &other)): (&i32, (&i16, &i16))| tap * (i32::from(one) + i32::from(other));
    TAPS.iter().zip(pairs).map(weighed).sum()
}

fn rounded(sum: i32, bits: u32) -> i16 {
    let value = (sum + (1 << (bits - 1))) >> bits;
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}
