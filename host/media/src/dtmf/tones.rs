//! The two tones of a key (ITU-T Q.23).

use crate::tone::Tone;

/// Hz of the rows of the keypad, from above.
pub(super) const ROWS: [u16; 4] = [697, 770, 852, 941];

/// Hz of its columns, from the left.
pub(super) const COLUMNS: [u16; 4] = [1_209, 1_336, 1_477, 1_633];

/// The keys as they stand on it.
pub(super) const PAD: [&[u8; 4]; 4] = [b"123A", b"456B", b"789C", b"*0#D"];

/// The level of each of the two, dB below full scale: −10 dBm0, of which 3.14 are the highest level that
/// G.711 has (ITU-T G.711 table 1).
const LEVEL_DB: f32 = -13.14;

/// So many samples at 8 kHz of the tones of a key; none if there is no such key.
pub(crate) fn of(key: char, samples: usize) -> Vec<i16> {
    let place = (0..16).map(|at| (at / 4, at % 4));
    let mut fitting = place.filter(|&(row, column)| char::from(PAD[row][column]) == key);
    let Some((row, column)) = fitting.next() else {
        return Vec::new();
    };
    let [mut low, mut high] = [ROWS[row], COLUMNS[column]].map(|hz| {
        let mut tone = vec![0; samples];
        Tone::new(hz, LEVEL_DB).fill(&mut tone);
        tone
    });
    // Each has less than a quarter of the range.
    low.iter_mut()
        .zip(high.drain(..))
        .for_each(|(a, b)| *a += b);
    low
}
