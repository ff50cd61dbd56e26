//! The vectors of a detector: every key, soft and loud, askew and in noise, short and long; and what is none.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::codec::{Codec, Decoder, Encoder, Rate};
use crate::tones as networks;

const KEYS: &str = "123A456B789C*0#D";

/// 0 dBm0 is 3.17 dB below full scale, as a sine of µ-law (ITU-T G.711 table 2).
const FULL_DBM0: f64 = 3.17;

/// Samples of so many milliseconds.
fn ms(milliseconds: usize) -> usize {
    milliseconds * 8
}

/// How a key sounds.
#[derive(Clone, Copy)]
struct Sound {
    /// The power of both tones, dBm0.
    level: f64,
    /// The column over the row, dB.
    twist: f64,
    /// How much both are off: 1 is not at all.
    pitch: f64,
    /// Where in their cycles they begin.
    phase: f64,
}

const PLAIN: Sound = Sound {
    level: -10.0,
    twist: 0.0,
    pitch: 1.0,
    phase: 0.0,
};

fn press(key: char, samples: usize, sound: Sound) -> Vec<i16> {
    let code = KEYS.find(key).unwrap();
    let (row, column) = (ROWS[code / 4], COLUMNS[code % 4]);
    let ratio = 10_f64.powf(sound.twist / 20.0);
    let power = 10_f64.powf((sound.level - FULL_DBM0) / 10.0);
    let low = (power / (1.0 + ratio * ratio)).sqrt() * 32_767.0;
    let step = |hz: u16| std::f64::consts::TAU * f64::from(hz) * sound.pitch / 8_000.0;
    let at = |n: usize| {
        let n = n as f64;
        let row = (step(row) * n + sound.phase).sin();
        let column = (step(column) * n + 2.0 * sound.phase).sin();
        (low * (row + ratio * column)) as i16
    };
    (0..samples).map(at).collect()
}

/// What is told of some samples after a rest and before one, in packets of 20 ms.
fn told(samples: &[i16]) -> String {
    let mut detector = Detector::default();
    let mut told = String::new();
    let rest = [0; 480];
    for packet in [&rest, samples, &rest].concat().chunks(160) {
        detector.hear(packet, |key| told.push(key));
    }
    assert!(!detector.is_pressed());
    told
}

/// The same when they went through G.711.
fn told_companded(codec: Codec, samples: &[i16]) -> String {
    let mut octets = vec![0; samples.len()];
    Encoder::new(codec, Rate::Narrow).encode(samples, &mut octets);
    let mut heard = vec![0; samples.len()];
    Decoder::new(codec, Rate::Narrow).decode(&octets, &mut heard);
    told(&heard)
}

/// White noise of that level, dBm0.
fn noise(random: &mut ChaCha8Rng, level: f64, samples: usize) -> Vec<i16> {
    // The power of a sine of full scale is half of its square, that of what is evenly spread a third.
    let peak = 32_767.0 * (1.5 * 10_f64.powf((level - FULL_DBM0) / 10.0)).sqrt();
    let even = |_| (f64::from(random.next_u32() as i32) / f64::from(i32::MAX) * peak) as i16;
    (0..samples).map(even).collect()
}

fn sum(a: &[i16], b: &[i16]) -> Vec<i16> {
    a.iter().zip(b).map(|(a, b)| a.saturating_add(*b)).collect()
}

#[test]
fn every_key_is_heard_from_minus_35_to_0_dbm0_through_both_laws() {
    for key in KEYS.chars() {
        for level in (-35..=0).step_by(5) {
            let level = f64::from(level);
            let samples = press(key, ms(60), Sound { level, ..PLAIN });
            for codec in [Codec::Pcma, Codec::Pcmu] {
                let told = told_companded(codec, &samples);
                assert_eq!(told, key.to_string(), "{level} dBm0, {codec}");
            }
        }
        let level = -50.0;
        let samples = press(key, ms(60), Sound { level, ..PLAIN });
        assert_eq!(told(&samples), "", "crosstalk of {key}");
    }
}

#[test]
fn forty_milliseconds_are_a_press_and_twenty_are_none_wherever_they_begin() {
    for key in KEYS.chars() {
        for shift in 0..160 {
            let phase = f64::from(shift) * 0.37;
            let shift = vec![0; shift as usize];
            let sound = Sound { phase, ..PLAIN };
            let long = [&shift[..], &press(key, ms(40), sound)].concat();
            assert_eq!(
                told(&long),
                key.to_string(),
                "{} samples later",
                shift.len()
            );
            let short = [&shift[..], &press(key, ms(20), sound)].concat();
            assert_eq!(told(&short), "", "{key}, {} samples later", shift.len());
        }
    }
}

#[test]
fn a_column_may_be_4_db_stronger_and_8_db_weaker_and_no_telephone_is_further_off() {
    for key in KEYS.chars() {
        for (twist, is_key) in [(4.0, true), (-8.0, true), (7.0, false), (-12.0, false)] {
            let samples = press(key, ms(60), Sound { twist, ..PLAIN });
            assert_eq!(
                told(&samples) == key.to_string(),
                is_key,
                "{key} {twist} dB"
            );
        }
    }
}

#[test]
fn a_tone_may_be_off_by_a_hundredth_and_a_half_and_not_by_three_and_a_half() {
    for key in KEYS.chars() {
        for (off, is_key) in [
            (0.015, true),
            (-0.015, true),
            (0.035, false),
            (-0.035, false),
        ] {
            let pitch = 1.0 + off;
            let samples = press(key, ms(60), Sound { pitch, ..PLAIN });
            assert_eq!(told(&samples) == key.to_string(), is_key, "{key} {off}");
        }
    }
}

#[test]
fn noise_15_db_below_hides_no_key_and_makes_none() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for key in KEYS.chars() {
        for _ in 0..20 {
            let clear = press(key, ms(50), PLAIN);
            let noise = noise(&mut random, -25.0, clear.len());
            assert_eq!(told(&sum(&clear, &noise)), key.to_string());
        }
    }
    let alone = noise(&mut random, -10.0, 8_000 * 60);
    assert_eq!(told(&alone), "");
}

#[test]
fn a_long_press_is_one_and_a_break_of_ten_milliseconds_makes_no_other() {
    for key in KEYS.chars() {
        assert_eq!(told(&press(key, ms(3_000), PLAIN)), key.to_string());
        let mut broken = press(key, ms(100), PLAIN);
        for at in ms(20)..ms(60) {
            let mut broken = broken.clone();
            broken[at..at + ms(10)].fill(0);
            assert_eq!(told(&broken), key.to_string(), "broken at {at}");
        }
        broken[ms(40)..ms(80)].fill(0);
        let twice = [&broken[..], &[0; 320], &broken[..ms(40)]].concat();
        assert_eq!(told(&twice), key.to_string().repeat(2));
    }
}

#[test]
fn keys_at_the_pace_of_q_24_are_told_in_order() {
    let pause = vec![0; ms(40)];
    let all: Vec<i16> = (KEYS.chars())
        .flat_map(|key| [press(key, ms(40), PLAIN), pause.clone()].concat())
        .collect();
    assert_eq!(told(&all), KEYS);
    // With no pause between two different keys each is told all the same.
    let all: Vec<i16> = KEYS
        .chars()
        .flat_map(|key| press(key, ms(80), PLAIN))
        .collect();
    assert_eq!(told(&all), KEYS);
}

#[test]
fn one_tone_alone_is_no_key_nor_are_those_of_networks() {
    for hz in ROWS.into_iter().chain(COLUMNS) {
        let mut one = vec![0; ms(500)];
        crate::tone::Tone::new(hz, -10.0).fill(&mut one);
        assert_eq!(told(&one), "", "{hz} Hz");
    }
    let network = [
        &networks::RINGBACK_US,
        &networks::RINGBACK_UK,
        &networks::BUSY_US,
        &networks::CONGESTION_DE,
        &networks::BEEP,
    ];
    for cadence in network {
        let prompt = cadence.prompt();
        let mut heard = Vec::new();
        for n in 0..prompt.frames() {
            let mut samples = [0; 160];
            let frame = prompt.frame(Codec::Pcma, n).unwrap();
            Decoder::new(Codec::Pcma, Rate::Narrow).decode(frame, &mut samples);
            heard.extend(samples);
        }
        assert_eq!(told(&heard), "");
    }
}

#[test]
fn tones_with_second_harmonics_are_a_voice() {
    for key in KEYS.chars().filter(|key| !"26C".contains(*key)) {
        let clear = press(key, ms(60), PLAIN);
        let code = KEYS.find(key).unwrap();
        for hz in [ROWS[code / 4], COLUMNS[code % 4]] {
            let mut harmonic = vec![0; clear.len()];
            crate::tone::Tone::new(2 * hz, -22.0).fill(&mut harmonic);
            assert_eq!(told(&sum(&clear, &harmonic)), "", "{key}: 2 · {hz} Hz");
        }
    }
}

/// A voice of no language: pulses of a throat that glides between 80 and 300 Hz, through three formants that are
/// never at rest either, with hisses and pauses between.
fn babble(random: &mut ChaCha8Rng, seconds: usize) -> Vec<i16> {
    let mut between = |least: f64, most: f64| {
        least + (most - least) * f64::from(random.next_u32()) / f64::from(u32::MAX)
    };
    let mut samples: Vec<f64> = Vec::new();
    let mut formants = [[0.0_f64; 2]; 3];
    let mut at = [500.0, 1_500.0, 2_500.0];
    let (mut throat, mut pitch) = (0.0, 120.0);
    while samples.len() < seconds * 8_000 {
        let glide = between(80.0, 300.0);
        let next = [
            between(250.0, 1_000.0),
            between(700.0, 2_400.0),
            between(1_800.0, 3_500.0),
        ];
        let width = [
            between(50.0, 120.0),
            between(60.0, 160.0),
            between(100.0, 250.0),
        ];
        let (voiced, loud) = (between(0.0, 1.0) < 0.8, between(0.0, 1.0).powi(2) + 0.01);
        let length = between(60.0, 200.0) as usize * 8;
        for n in 0..length {
            pitch += (glide - pitch) / 2_000.0;
            throat += pitch / 8_000.0;
            let mut sample = if voiced { 0.0 } else { between(-0.3, 0.3) };
            if throat >= 1.0 {
                throat -= 1.0;
                sample += f64::from(voiced);
            }
            for at_formant in 0..3 {
                at[at_formant] += (next[at_formant] - at[at_formant]) / 500.0;
                let radius = (-std::f64::consts::PI * width[at_formant] / 8_000.0).exp();
                let turn = (std::f64::consts::TAU * at[at_formant] / 8_000.0).cos();
                let last = &mut formants[at_formant];
                let out = sample + 2.0 * radius * turn * last[0] - radius * radius * last[1];
                *last = [out, last[0]];
                sample = out * (1.0 - radius) * 4.0;
            }
            let edge = (n.min(length - n) as f64 / 160.0).min(1.0);
            samples.push(sample * loud * edge);
        }
    }
    let energy: f64 = samples.iter().map(|it| it * it).sum();
    let gain = 0.15 / (energy / samples.len() as f64).sqrt();
    let spoken = |it: &f64| ((it * gain).tanh() * 32_767.0) as i16;
    samples.iter().map(spoken).collect()
}

/// Nothing that tells tones apart in 40 ms is never wrong: the tapes by which such detectors are judged allow ten
/// in half an hour of the voices that are likest to keys. Nearly half of this one's vowels have their formants
/// where keys have their tones.
#[test]
fn ten_minutes_of_a_voice_are_one_key_at_most() {
    let heard = (0..10).map(|seed| {
        let voice = babble(&mut ChaCha8Rng::seed_from_u64(seed), 60);
        assert!(crate::tone::level_db(&voice) > -22.0, "it is loud");
        told(&voice)
    });
    let heard: String = heard.collect();
    assert!(heard.len() <= 1, "{heard}");
}

#[test]
fn what_was_forgotten_is_another_press() {
    let mut detector = Detector::default();
    let mut told = String::new();
    let samples = press('5', ms(60), PLAIN);
    detector.hear(&samples, |key| told.push(key));
    assert!(detector.is_pressed());
    detector.hear(&samples, |key| told.push(key));
    detector.forget();
    detector.hear(&samples, |key| told.push(key));
    assert_eq!(told, "55");
}
