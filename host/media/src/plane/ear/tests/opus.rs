//! An ear that hears Opus.

use super::super::*;
use super::start;
use crate::codec::{Encoder, FRAME_SAMPLES, likeness};
use crate::tone::{self, Tone};

const FRAME: std::time::Duration = std::time::Duration::from_millis(20);

fn tone(frames: usize) -> Vec<i16> {
    let mut samples = vec![0; frames * FRAME_SAMPLES];
    // The generator counts at 8 kHz.
    Tone::new(200, -12.0).fill(&mut samples);
    samples
}

/// Sends packets of so many milliseconds, without those of these numbers, and what is heard at 16 kHz.
fn heard(samples: &[i16], ms: usize, lost: &[usize]) -> (Vec<i16>, Ear) {
    let (mut encoder, mut ear) = (Encoder::new(Codec::Opus, Rate::Wide), Ear::new(Rate::Wide));
    let start = start();
    let mut packets = samples.chunks_exact(16 * ms).enumerate().peekable();
    let mut heard = Vec::new();
    for turn in 0..samples.len() / FRAME_SAMPLES {
        let now = start + FRAME * turn as u32;
        while let Some((n, frame)) = packets.next_if(|(n, _)| n * ms <= turn * 20) {
            let mut packet = [0; 400];
            let length = encoder.encode(frame, &mut packet);
            if !lost.contains(&n) {
                let timestamp = (u32::MAX - 20_000).wrapping_add((n * ms * 48) as u32);
                ear.put(now, 1, timestamp, Codec::Opus, &packet[..length]);
            }
        }
        let mut frame = [0; FRAME_SAMPLES];
        ear.take(now, &mut frame);
        heard.extend(frame);
    }
    (heard, ear)
}

#[test]
fn packets_of_every_time_are_heard_whole() {
    for ms in [10, 20, 40, 60] {
        let (heard, ear) = heard(&tone(150), ms, &[]);
        assert_eq!(ear.jitter().counts().late, 0, "{ms} ms");
        for (block, samples) in heard.chunks(FRAME_SAMPLES).enumerate().skip(10) {
            let level = tone::level_db(samples);
            assert!((-17.0..-13.0).contains(&level), "{ms} ms, {block}: {level}");
        }
    }
}

#[test]
fn what_is_lost_is_concealed_by_the_codec_and_then_silent() {
    let all: Vec<usize> = (0..150).collect();
    let (whole, _) = heard(&tone(150), 20, &[]);
    let (one, _) = heard(&tone(150), 20, &[60]);
    assert!(likeness(&whole, &one) > 0.95);
    let (ended, _) = heard(&tone(150), 20, &all[60..]);
    let after = &ended[70 * FRAME_SAMPLES..];
    assert!(after.iter().all(|it| *it == 0), "60 ms after the last");
}

#[test]
fn a_sender_that_falls_silent_is_not_lost() {
    let start = start();
    let (mut encoder, mut ear) = (Encoder::new(Codec::Opus, Rate::Wide), Ear::new(Rate::Wide));
    let mut random = 1_u32;
    let mut noise = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 16) as i16 / 64
    };
    let mut levels = Vec::new();
    for turn in 0..70_u32 {
        let now = start + FRAME * turn;
        let mut packet = [0; 400];
        let frame: Vec<i16> = (0..FRAME_SAMPLES).map(|_| noise()).collect();
        let mut length = encoder.encode(&frame, &mut packet);
        if turn == 50 {
            length = 1; // its table of contents alone: DTX
        }
        if turn <= 50 {
            ear.put(now, 1, turn * 960, Codec::Opus, &packet[..length]);
        }
        let mut frame = [0; FRAME_SAMPLES];
        ear.take(now, &mut frame);
        levels.push(tone::level_db(&frame));
    }
    let silent = &levels[60..68];
    assert!(
        silent.iter().all(|it| *it > -90.0),
        "comfort noise: {silent:?}"
    );
}

#[test]
fn a_packet_that_is_none_or_too_short_breaks_nothing() {
    let start = start();
    let mut ear = Ear::new(Rate::Wide);
    let packets: [&[u8]; 5] = [&[], &[0xa0, 1, 2], &[0x4b, 63], &[0x4b, 0], &[0xff; 1_500]];
    for (n, packet) in packets.into_iter().cycle().take(100).enumerate() {
        let now = start + FRAME * n as u32;
        ear.put(now, 1, n as u32 * 960, Codec::Opus, packet);
        let mut frame = [0; FRAME_SAMPLES];
        ear.take(now, &mut frame);
    }
    assert!(ear.jitter().counts().short >= 60);
}
