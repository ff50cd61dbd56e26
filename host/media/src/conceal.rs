//! Concealment: what is heard in place of audio that did not come.
//!
//! The last pitch period is repeated and fades to silence within 60 ms, and what comes after it is
//! faded in over it: the idea of ITU-T G.711 Appendix I, without its look-ahead of 3.75 ms. Owns
//! what was heard last; works on 10 ms of samples at 8 or 16 kHz, whatever their codec was.
//! Allocates nothing.

#[cfg(test)]
mod tests;

/// Pieces that are remembered: 40 ms. A pitch of up to 15 ms is looked for within.
pub const PIECES: usize = 4;

/// The same in samples, at 16 kHz.
const HISTORY: usize = PIECES * WIDE;

/// The longest stretch that is repeated, at 16 kHz: 30 ms.
const CYCLE: usize = 480;

/// Samples of 10 ms at 8 kHz and 16 kHz.
const NARROW: usize = 80;
const WIDE: usize = 160;

/// Sums that are made side by side while the pitch is looked for.
const LANES: usize = 8;

/// Quieter than this on average is silence: −50 dBm0 and less, where nobody misses 10 ms.
const QUIET: i32 = 70;

/// Samples whose loudness is looked at together.
pub const STRETCH: usize = 32;

/// Pieces of 10 ms after which nothing is left: 60 ms.
const FADED: u32 = 6;

/// See the module's header.
#[derive(Debug)]
pub struct Conceal {
    /// What was given out last, as a ring: moving all of it for each piece would fetch it from memory
    /// each time. Where the next piece goes, which is where the oldest begins.
    history: [i16; HISTORY],
    at: usize,
    cycle: [i16; CYCLE],
    /// How much of the cycle is one, and where in it we are.
    period: usize,
    phase: usize,
    /// Pieces concealed since the last that was heard.
    lost: u32,
    /// Samples of a piece; 0 before the first.
    piece: usize,
}

impl Default for Conceal {
    fn default() -> Self {
        Conceal {
            history: [0; HISTORY],
            at: 0,
            cycle: [0; CYCLE],
            period: 0,
            phase: 0,
            lost: 0,
            piece: 0,
        }
    }
}

impl Conceal {
    /// Whether the next that is heard is faded in over what stood in its place.
    pub fn mends(&self) -> bool {
        self.lost > 0
    }

    /// 10 ms that were decoded: 80 or 160 samples. After a loss their beginning is faded in over what
    /// stood in their place.
    pub fn heard(&mut self, samples: &mut [i16]) {
        self.fit(samples.len());
        if self.lost > 0 {
            self.blend(samples);
            self.lost = 0;
        }
        self.remember(samples);
    }

    /// Whether the last 20 ms were silence.
    pub fn is_quiet(&self) -> bool {
        let pieces = [PIECES - 2, PIECES - 1].into_iter();
        let starts = pieces.map(|it| (self.at + it * self.piece) % self.held().max(1));
        let stretches = starts.flat_map(|it| self.history[it..][..self.piece].chunks(STRETCH));
        self.piece > 0 && are_quiet(2 * self.piece, stretches.map(loudness))
    }

    /// 10 ms in place of those that did not come: 80 or 160 samples.
    pub fn lost(&mut self, out: &mut [i16]) {
        self.fit(out.len());
        if self.lost == 0 {
            self.find_cycle();
        }
        let (from, to) = (gain(self.lost), gain(self.lost + 1));
        let length = out.len().max(1) as f32;
        for (i, sample) in out.iter_mut().enumerate() {
            let gain = from + (to - from) * i as f32 / length;
            *sample = (f32::from(self.next()) * gain) as i16;
        }
        self.lost = self.lost.saturating_add(1);
        self.remember(out);
    }

    /// Another rate than before: what was heard is of no use.
    fn fit(&mut self, piece: usize) {
        debug_assert!([NARROW, WIDE].contains(&piece));
        if self.piece != piece {
            *self = Conceal {
                piece,
                ..Conceal::default()
            };
        }
    }

    /// Samples that are remembered at this rate.
    fn held(&self) -> usize {
        PIECES * self.piece
    }

    fn remember(&mut self, samples: &[i16]) {
        let place = &mut self.history[self.at..];
        if let (Some(place), Some(samples)) =
            (place.first_chunk_mut(), samples.as_array::<NARROW>())
        {
            *place = *samples;
        } else {
            place[..samples.len()].copy_from_slice(samples);
        }
        self.at += samples.len();
        if self.at >= self.held() {
            self.at = 0;
        }
    }

    /// 4 ms after the first 10 ms lost, 4 more for each further, up to all ten.
    fn blend(&mut self, samples: &mut [i16]) {
        let tenths = (4 * self.lost.min(3)).min(10) as usize;
        let length = self.piece * tenths / 10;
        let faded = gain(self.lost);
        for (i, sample) in samples.iter_mut().take(length).enumerate() {
            let share = (i + 1) as f32 / (length + 1) as f32;
            let stood_in = f32::from(self.next()) * faded;
            *sample = (f32::from(*sample) * share + stood_in * (1.0 - share)) as i16;
        }
    }

    /// The next sample of the cycle.
    fn next(&mut self) -> i16 {
        if self.lost >= FADED || self.period == 0 {
            return 0;
        }
        let sample = self.cycle[self.phase];
        self.phase = (self.phase + 1) % self.period;
        sample
    }

    /// Takes the last period, twice if it is short: a period repeated alone for long buzzes.
    fn find_cycle(&mut self) {
        let held = self.held();
        self.history[..held].rotate_left(self.at);
        self.at = 0;
        let lag = self.pitch();
        let periods = self.piece.div_ceil(lag).max(1);
        let period = (lag * periods).min(CYCLE);
        let start = held - period;
        self.cycle[..period].copy_from_slice(&self.history[start..held]);
        // Its end runs into what was before its beginning, so that it may begin again unheard.
        let joint = lag / 4;
        for i in 0..joint {
            let share = (i + 1) as f32 / (joint + 1) as f32;
            let at = period - joint + i;
            let before = f32::from(self.history[start - joint + i]);
            let blended = f32::from(self.cycle[at]) * (1.0 - share) + before * share;
            self.cycle[at] = blended as i16;
        }
        self.period = period;
        self.phase = 0;
    }

    /// The lag of 5 to 15 ms at which the last 20 ms are most like what was before them. The newest are at
    /// the end.
    fn pitch(&self) -> usize {
        let template = 2 * self.piece;
        let history = &self.history[..self.held()];
        let end = history.len() - template;
        // Every second sample will do: speech has its pitch below 400 Hz. Apart, so that they are gone through at once.
        let mut halves = [[0.0_f32; HISTORY / 2]; 2];
        for (at, pair) in history.chunks_exact(2).enumerate() {
            (halves[0][at], halves[1][at]) = (f32::from(pair[0]), f32::from(pair[1]));
        }
        let newest = &halves[0][end / 2..][..template / 2];
        let likeness = |lag: usize| {
            let from = end - lag;
            let older = &halves[from % 2][from / 2..][..template / 2];
            let (mut products, mut energies) = ([0.0_f32; LANES], [0.0_f32; LANES]);
            let pairs = newest.chunks_exact(LANES).zip(older.chunks_exact(LANES));
            for (newest, older) in pairs {
                for lane in 0..LANES {
                    products[lane] += newest[lane] * older[lane];
                    energies[lane] += older[lane] * older[lane];
                }
            }
            let product: f32 = products.iter().sum();
            product.max(0.0) / (1.0 + energies.iter().sum::<f32>()).sqrt()
        };
        let (shortest, longest) = (self.piece / 2, self.piece * 3 / 2);
        let mut best = (shortest, likeness(shortest));
        for lag in shortest + 1..=longest {
            let found = likeness(lag);
            // A multiple of the period is as like: the shortest of the best.
            if found > best.1 * 1.001 {
                best = (lag, found);
            }
        }
        best.0
    }
}

/// Whether so many samples are silence, by the loudness of one stretch after another: most of what is not shows it at once.
pub fn are_quiet(samples: usize, stretches: impl Iterator<Item = i32>) -> bool {
    let most = samples as i32 * QUIET;
    let mut sum = 0;
    for loudness in stretches {
        sum += loudness;
        if sum >= most {
            return false;
        }
    }
    true
}

/// How loud samples are, all together.
pub fn loudness(samples: &[i16]) -> i32 {
    samples.iter().map(|&it| i32::from(it).abs()).sum()
}

/// The share that is left after so many pieces: 10 ms whole, then a fifth less each.
fn gain(pieces: u32) -> f32 {
    match pieces {
        0 | 1 => 1.0,
        FADED.. => 0.0,
        _ => 1.0 - 0.2 * (pieces - 1) as f32,
    }
}
