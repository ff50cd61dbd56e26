use std::time::Duration;

use super::{FRAME_OCTETS, Prompt};
use crate::codec::{Codec, Decoder, Encoder, Rate};
use crate::tone::{Detector, Tone};

/// Those whose payloads are an octet for each 125 µs.
fn even() -> impl Iterator<Item = Codec> {
    Codec::ALL.into_iter().filter(|codec| codec.is_even())
}

fn encoded(codec: Codec, samples: &[i16]) -> Vec<u8> {
    let mut octets = vec![0; samples.len()];
    Encoder::new(codec, Rate::Narrow).encode(samples, &mut octets);
    octets
}

fn tone(samples: usize) -> Vec<i16> {
    let mut audio = vec![0; samples];
    Tone::new(440, -10.0).fill(&mut audio);
    audio
}

#[test]
fn the_frames_of_a_codec_are_its_encoding_of_the_audio() {
    let audio = tone(8_000);
    let prompt = Prompt::from_8khz(&audio);
    assert_eq!(prompt.frames(), 50);
    assert_eq!(prompt.duration(), Duration::from_secs(1));
    for codec in even() {
        let frames = (0..prompt.frames()).map(|at| prompt.frame(codec, at).unwrap());
        let heard: Vec<u8> = frames.flatten().copied().collect();
        assert_eq!(heard, encoded(codec, &audio));
    }
}

#[test]
fn the_last_frame_is_filled_up_with_silence() {
    let mut audio = tone(FRAME_OCTETS + 1);
    let prompt = Prompt::from_8khz(&audio);
    assert_eq!(prompt.frames(), 2);
    audio.resize(2 * FRAME_OCTETS, 0);
    for codec in even() {
        let last = prompt.frame(codec, 1).unwrap();
        assert_eq!(last, &encoded(codec, &audio)[FRAME_OCTETS..]);
    }
}

#[test]
fn there_is_nothing_behind_the_last_frame() {
    let prompt = Prompt::from_8khz(&tone(FRAME_OCTETS));
    assert!(prompt.frame(Codec::Pcma, 0).is_some());
    assert!(prompt.frame(Codec::Pcma, 1).is_none());
    for beyond in [usize::MAX, usize::MAX / FRAME_OCTETS] {
        assert!(prompt.frame(Codec::Pcma, beyond).is_none());
    }
}

#[test]
fn no_audio_is_one_frame_of_silence() {
    let prompt = Prompt::from_8khz(&[]);
    assert_eq!(prompt.frames(), 1);
    assert_eq!(
        prompt.frame(Codec::Pcmu, 0),
        Some(&[0xff; FRAME_OCTETS][..])
    );
}

#[test]
fn audio_of_either_rate_is_the_same_sound_in_every_codec() {
    // The same samples are twice as fast at 16 kHz.
    for (rate, heard) in [(Rate::Narrow, 440), (Rate::Wide, 880)] {
        let prompt = Prompt::new(&tone(rate.hz() as usize), rate);
        assert_eq!(prompt.duration(), Duration::from_secs(1));
        for codec in even() {
            let mut decoder = Decoder::new(codec, Rate::Narrow);
            let mut ear = Detector::new(&[220, 440, 880, 1_760]);
            for at in 0..prompt.frames() {
                let mut samples = [0; FRAME_OCTETS];
                decoder.decode(prompt.frame(codec, at).unwrap(), &mut samples);
                ear.listen(&samples);
            }
            assert_eq!(ear.tone(), Some(heard), "{codec}");
            assert!((ear.level_db() + 13.0).abs() < 0.5, "{}", ear.level_db());
        }
    }
}
