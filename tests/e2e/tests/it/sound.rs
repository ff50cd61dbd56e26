//! Sounds that can be told from all others, and found again in what was heard.

use std::f64::consts::TAU;

use media::wav;
use serde_json::Value;

use crate::handset::Audio;
use crate::rest::Rest;
use crate::stopwatch::wait_for;

/// Samples per second.
const RATE: usize = 8_000;

/// What the search compares first.
const PIECE: usize = 800;

/// Where a sound was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// Its first sample.
    pub(crate) at: usize,
    /// Their correlation: 1 is the sound itself.
    pub(crate) likeness: f64,
}

/// What the files of `tests/corpus/audio` hold: 300 to 3,000 Hz in two seconds.
pub(crate) fn chirp(rate: f64) -> Vec<i16> {
    sweep(rate, 300.0, 1_350.0)
}

/// The same downwards.
pub(crate) fn falling() -> Vec<i16> {
    sweep(RATE as f64, 3_000.0, -1_350.0)
}

/// Two seconds from `from` Hz, at `slope` Hz per second.
fn sweep(rate: f64, from: f64, slope: f64) -> Vec<i16> {
    let length = (2.0 * rate) as usize;
    let sample = |at: usize| {
        let t = at as f64 / rate;
        let swell = (TAU / 4.0 * t).sin().max(0.0).sqrt();
        let angle = TAU * (from * t + slope / 2.0 * t * t);
        (angle.sin() * swell * 8_000.0) as i16
    };
    (0..length).map(sample).collect()
}

/// How alike two sounds are, sample by sample.
pub(crate) fn likeness(one: &[i16], other: &[i16]) -> f64 {
    let (mut both, mut ones, mut others) = (0.0, 0.0, 0.0);
    for (&one, &other) in one.iter().zip(other) {
        let (one, other) = (f64::from(one), f64::from(other));
        both += one * other;
        ones += one * one;
        others += other * other;
    }
    both / (ones * others).sqrt().max(1.0)
}

/// Where `sound` is in `heard`, by a piece of its middle; the whole of it is then compared there.
pub(crate) fn find(sound: &[i16], heard: &[i16]) -> Found {
    let middle = (sound.len() - PIECE) / 2;
    let piece = &sound[middle..middle + PIECE];
    let last = heard.len().saturating_sub(sound.len());
    let alike = |at: usize| likeness(piece, heard.get(at + middle..).unwrap_or_default());
    let all = (0..=last).map(|at| (at, alike(at)));
    let best = all.max_by(|(_, one), (_, other)| one.total_cmp(other));
    let at = best.map_or(0, |(at, _)| at);
    let likeness = likeness(sound, heard.get(at..).unwrap_or_default());
    Found { at, likeness }
}

/// Panics unless this phone has heard all of that sound.
pub(crate) fn assert_heard(what: &str, sound: &[i16], heard: &[i16]) -> Found {
    let found = find(sound, heard);
    let seconds = heard.len() as f64 / RATE as f64;
    assert!(found.likeness > 0.95, "{what}: {found:?} in {seconds} s");
    found
}

/// Waits until a phone has heard for so long, in milliseconds.
pub(crate) fn wait_to_hear(audio: &Audio, ms: u64) {
    let patience = std::time::Duration::from_millis(2 * ms + 5_000);
    wait_for(&format!("{ms} ms of audio"), patience, || {
        let heard = audio.heard()?;
        (heard.audio_ms >= ms).then_some(())
    });
}

/// Uploads a prompt.
pub(crate) fn upload(rest: &Rest, name: &str, samples: &[i16]) -> Value {
    let path = format!("/api/v1/prompts?name={name}");
    rest.post_bytes(&path, "audio/wav", wav::encode(samples))
        .expect(201)
}

/// The samples of the party and of the other side, of a recording of two channels.
pub(crate) fn channels(file: &[u8]) -> [Vec<i16>; 2] {
    assert_eq!(file[22..24], [2, 0], "two channels");
    assert_eq!(file[24..28], 8_000_u32.to_le_bytes(), "8 kHz");
    let pairs = file[44..].chunks_exact(4);
    let side = |from: usize| {
        let sample = |it: &[u8]| i16::from_le_bytes([it[from], it[from + 1]]);
        pairs.clone().map(sample).collect()
    };
    [side(0), side(2)]
}

#[test]
fn a_sound_is_found_where_it_is_and_nowhere_else() {
    let mut heard = vec![0; 3_000];
    heard.extend(falling().iter().map(|it| it & !0x7f));
    let found = find(&falling(), &heard);
    assert!(found.at == 3_000 && found.likeness > 0.99, "{found:?}");
    assert!(find(&chirp(8_000.0), &heard).likeness < 0.3);
}
