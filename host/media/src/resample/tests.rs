use super::*;
use crate::codec::snr_db;
use crate::tone::{self, Tone};

/// A tone as 16 kHz hear it: the generator counts at 8 kHz, so it is told half of the frequency.
fn wide_tone(hz: u16) -> Vec<i16> {
    let mut samples = vec![0; 32_000];
    Tone::new(hz / 2, -10.0).fill(&mut samples);
    samples
}

fn narrow_tone(hz: u16) -> Vec<i16> {
    let mut samples = vec![0; 16_000];
    Tone::new(hz, -10.0).fill(&mut samples);
    samples
}

fn halved(wide: &[i16]) -> Vec<i16> {
    let mut narrow = vec![0; wide.len() / 2];
    assert_eq!(Halver::default().resample(wide, &mut narrow), narrow.len());
    narrow
}

fn doubled(narrow: &[i16]) -> Vec<i16> {
    let mut wide = vec![0; narrow.len() * 2];
    assert_eq!(Doubler::default().resample(narrow, &mut wide), wide.len());
    wide
}

#[test]
fn what_a_telephone_carries_survives_both_ways() {
    for hz in [300, 1_004, 2_600, 3_400] {
        let original = narrow_tone(hz);
        let again = halved(&doubled(&original));
        // Both filters delay by 31 samples of 16 kHz: together 31 of 8 kHz.
        let snr = snr_db(&original[8_000..], &again[8_000 + DELAY..]);
        assert!(snr >= 50.0, "{hz} Hz: {snr}");
    }
}

#[test]
fn what_8_khz_cannot_carry_is_60_db_down() {
    for hz in [4_600, 5_200, 6_000, 7_000, 7_800] {
        let level = tone::level_db(&halved(&wide_tone(hz))[1_000..]);
        // A sine of −10 dB has a level of −13.
        assert!(level < -73.0, "{hz} Hz: {level}");
    }
}

#[test]
fn doubling_adds_no_images() {
    for hz in [300, 1_004, 3_400] {
        let wide = doubled(&narrow_tone(hz));
        let mut mirrored: Vec<i16> = wide;
        // Every other sample negated turns the spectrum round: images come where the tone was.
        mirrored
            .iter_mut()
            .skip(1)
            .step_by(2)
            .for_each(|it| *it = -*it);
        let level = tone::level_db(&halved(&mirrored)[1_000..]);
        assert!(level < -70.0, "{hz} Hz: {level}");
    }
}

#[test]
fn a_stream_in_pieces_is_the_same_stream() {
    let original = narrow_tone(1_004);
    let (mut doubler, mut halver) = (Doubler::default(), Halver::default());
    let (mut wide, mut narrow) = (Vec::new(), Vec::<i16>::new());
    for length in [80, 160, 240, 1, 700].into_iter().cycle() {
        let at = narrow.len();
        if at == original.len() {
            break;
        }
        let piece = &original[at..original.len().min(at + length)];
        let (mut two, mut one) = ([0; 1_400], [0; 700]);
        let count = doubler.resample(piece, &mut two);
        let back = halver.resample(&two[..count], &mut one);
        assert_eq!((count, back), (2 * piece.len(), piece.len()));
        wide.extend(&two[..count]);
        narrow.extend(&one[..back]);
    }
    assert_eq!(wide, doubled(&original));
    assert_eq!(narrow, halved(&wide));
}

#[test]
fn the_loudest_samples_do_not_turn_over() {
    // A square wave at full scale overshoots behind any such filter: it is cut, never wrapped.
    let square: Vec<i16> = (0..800)
        .map(|at| if at / 20 % 2 == 0 { i16::MAX } else { i16::MIN })
        .collect();
    for (at, pair) in doubled(&square).chunks_exact(2).enumerate().skip(40) {
        let kept = square[at - 15];
        assert_eq!(pair[1], kept);
        let before = square[at - 16];
        if kept == before {
            assert_eq!(pair[0] > 0, kept > 0, "{at}");
        }
    }
}
