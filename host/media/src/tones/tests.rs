//! Each tone is heard as it is written down.

use super::*;
use crate::g711::{Law, decode_sample};
use crate::prompt::FRAME_OCTETS;
use crate::sdp::Codec;
use crate::tone::{Detector, level_db};

const ALL: [&Cadence; 13] = [
    &RINGBACK_US,
    &RINGBACK_UK,
    &RINGBACK_DE,
    &RINGBACK_FR,
    &BUSY_US,
    &BUSY_UK,
    &BUSY_DE,
    &BUSY_FR,
    &CONGESTION_US,
    &CONGESTION_UK,
    &CONGESTION_DE,
    &CONGESTION_FR,
    &BEEP,
];

fn heard(cadence: &Cadence) -> Vec<i16> {
    let prompt = cadence.prompt();
    let frames = (0..prompt.frames()).filter_map(|n| prompt.frame(Codec::Pcma, n));
    let octets = frames.flatten();
    octets.map(|&it| decode_sample(Law::A, it)).collect()
}

#[test]
fn a_tone_has_its_frequency_its_cadence_and_its_level() {
    for cadence in ALL {
        let samples = heard(cadence);
        let period: u16 = cadence.steps.iter().map(|(on, off)| on + off).sum();
        let whole = usize::from(period) * 8;
        assert_eq!(samples.len(), whole.div_ceil(FRAME_OCTETS) * FRAME_OCTETS);
        let mut at = 0;
        for &(on, off) in cadence.steps {
            let (on, off) = (usize::from(on) * 8, usize::from(off) * 8);
            let level = level_db(&samples[at..at + on]);
            assert!((-17.5..-15.0).contains(&level), "{:?}: {level}", cadence.hz);
            if let [hz] = cadence.hz {
                let mut detector = Detector::new(&[*hz, hz + 60, hz - 60]);
                detector.listen(&samples[at..at + on]);
                assert_eq!(detector.tone(), Some(*hz));
            }
            let silence = level_db(&samples[at + on..at + on + off]);
            assert!(silence < -60.0, "{:?}: {silence}", cadence.hz);
            at += on + off;
        }
    }
}

#[test]
fn two_frequencies_sound_at_once() {
    // A whole second holds whole periods of both, so one is found by correlation with a sine of its own.
    let samples = &heard(&RINGBACK_US)[..8_000];
    for (hz, sounds) in [(440, true), (480, true), (620, false)] {
        let mut sine = vec![0; samples.len()];
        let mut cosine = vec![0; samples.len() + 8_000 / (4 * usize::from(hz))];
        Tone::new(hz, 0.0).fill(&mut sine);
        Tone::new(hz, 0.0).fill(&mut cosine);
        let with = |other: &[i16]| {
            let products = samples
                .iter()
                .zip(other)
                .map(|(a, b)| f64::from(*a) * f64::from(*b));
            products.sum::<f64>() / 8_000.0 / f64::from(i16::MAX)
        };
        let shifted = &cosine[cosine.len() - samples.len()..];
        let amplitude = with(&sine).hypot(with(shifted)) * 2.0;
        assert_eq!(amplitude > 2_000.0, sounds, "{hz}: {amplitude}");
    }
}

#[test]
fn a_tone_is_made_once() {
    assert!(Arc::ptr_eq(&BEEP.prompt(), &BEEP.prompt()));
}
