//! Tones with pieces missing, at both rates.

use super::*;
use crate::tone::{Tone, level_db};

/// So many pieces of a tone of 425 Hz at 8 kHz, or of 850 Hz at 16 kHz: the same samples at half the pitch.
fn tone(piece: usize, pieces: usize) -> Vec<i16> {
    let mut samples = vec![0; piece * pieces];
    Tone::new(425, -10.0).fill(&mut samples);
    samples
}

/// What is heard when these pieces are missing.
fn heard(piece: usize, sent: &[i16], missing: std::ops::Range<usize>) -> Vec<i16> {
    let mut conceal = Conceal::default();
    let mut heard = sent.to_vec();
    for (n, samples) in heard.chunks_exact_mut(piece).enumerate() {
        if missing.contains(&n) {
            conceal.lost(samples);
        } else {
            conceal.heard(samples);
        }
    }
    heard
}

#[test]
fn ten_milliseconds_lost_of_a_tone_are_as_loud_as_the_tone() {
    for piece in [NARROW, WIDE] {
        let sent = tone(piece, 20);
        let heard = heard(piece, &sent, 10..11);
        let lost = 10 * piece..11 * piece;
        let difference = level_db(&heard[lost.clone()]) - level_db(&sent[lost]);
        assert!(difference.abs() < 1.5, "{difference} dB");
    }
}

#[test]
fn no_step_at_either_end_is_twice_as_high_as_those_of_the_tone() {
    let step = |samples: &[i16]| {
        let steps = samples
            .windows(2)
            .map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
        steps.max().expect("there are samples")
    };
    for lost in 1..=8 {
        let sent = tone(NARROW, 30);
        let heard = heard(NARROW, &sent, 10..10 + lost);
        assert!(step(&heard) < 2 * step(&sent), "{lost}: {}", step(&heard));
    }
}

#[test]
fn it_fades_and_is_silent_after_60_ms() {
    let sent = tone(NARROW, 30);
    let heard = heard(NARROW, &sent, 10..20);
    let levels: Vec<f32> = heard.chunks_exact(NARROW).map(level_db).collect();
    assert!(levels[10..16].is_sorted_by(|a, b| a > b), "{levels:?}");
    assert!(levels[14] > -35.0, "{levels:?}");
    assert_eq!(heard[16 * NARROW..20 * NARROW], [0; 4 * NARROW]);
    assert!(
        levels[22] > -14.0,
        "what comes afterwards is whole: {levels:?}"
    );
}

#[test]
fn what_was_not_lost_is_not_touched() {
    let sent = tone(WIDE, 10);
    assert_eq!(heard(WIDE, &sent, 0..0), sent);
}

#[test]
fn before_anything_was_heard_and_after_a_change_of_rate_there_is_silence() {
    let mut conceal = Conceal::default();
    let mut samples = [1; WIDE];
    conceal.lost(&mut samples);
    assert_eq!(samples, [0; WIDE]);
    conceal.heard(&mut [1_000; WIDE]);
    let mut samples = [1; NARROW];
    conceal.lost(&mut samples);
    assert_eq!(samples, [0; NARROW]);
}
