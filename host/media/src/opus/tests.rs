//! The codec in its settings. What is not of speech and telephones is the library's to test.

use super::*;
use crate::codec::likeness;
use crate::limits::PACKET;
use crate::tone::{Tone, level_db};

/// A chirp from 200 Hz to 3 kHz and back, each second.
fn chirp(rate: Rate, frames: usize) -> Vec<i16> {
    let mut phase = 0.0_f64;
    let samples = (0..frames * rate.frame()).map(|at| {
        let second = at as f64 / f64::from(rate.hz());
        let hz = 1_600.0 - 1_400.0 * (std::f64::consts::TAU * second).cos();
        phase += std::f64::consts::TAU * hz / f64::from(rate.hz());
        (8_000.0 * phase.sin()) as i16
    });
    samples.collect()
}

fn packets(rate: Rate, samples: &[i16], ms: usize) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(rate);
    let frames = samples.chunks_exact(rate.frame() / 20 * ms);
    let packets = frames.map(|frame| {
        let mut packet = [0; PACKET];
        let length = encoder.encode(frame, &mut packet);
        packet[..length].to_vec()
    });
    packets.collect()
}

#[test]
fn a_chirp_is_itself_at_either_rate_and_in_every_packet_time() {
    for rate in [Rate::Narrow, Rate::Wide] {
        for ms in [10, 20, 40, 60] {
            let original = chirp(rate, 102);
            let mut decoder = Decoder::new(rate);
            let mut heard = Vec::new();
            for packet in packets(rate, &original, ms) {
                assert_eq!(lasts(&packet), ms as u32 * PER_MS);
                assert!(packet.len() <= ms * 8, "no more than 64 kbit/s");
                let mut samples = [0; LONGEST_SAMPLES];
                let length = decoder.decode(&packet, &mut samples);
                assert_eq!(length, rate.frame() / 20 * ms);
                heard.extend_from_slice(&samples[..length]);
            }
            let likeness = likeness(&original, &heard);
            assert!(likeness > 0.9, "{rate:?} {ms} ms: {likeness}");
        }
    }
}

#[test]
fn a_packet_of_one_rate_is_heard_at_the_other() {
    for (from, to) in [(Rate::Narrow, Rate::Wide), (Rate::Wide, Rate::Narrow)] {
        let mut decoder = Decoder::new(to);
        let mut heard = Vec::new();
        for packet in packets(from, &chirp(from, 100), 20) {
            let mut samples = [0; LONGEST_SAMPLES];
            let length = decoder.decode(&packet, &mut samples);
            heard.extend_from_slice(&samples[..length]);
        }
        assert!(likeness(&chirp(to, 100), &heard) > 0.9, "{from:?} {to:?}");
    }
}

#[test]
fn what_did_not_come_is_concealed_and_what_follows_is_heard() {
    let rate = Rate::Wide;
    let mut original = vec![0; 100 * FRAME_SAMPLES];
    // The generator counts at 8 kHz: these are 400 Hz.
    Tone::new(200, -12.0).fill(&mut original);
    let mut decoder = Decoder::new(rate);
    for (at, packet) in packets(rate, &original, 20).into_iter().enumerate() {
        let mut samples = [0; FRAME_SAMPLES];
        if at % 20 == 7 {
            let (one, two) = samples.split_at_mut(FRAME_SAMPLES / 2);
            decoder.conceal(one);
            decoder.conceal(two);
        } else {
            assert_eq!(decoder.decode(&packet, &mut samples), FRAME_SAMPLES);
        }
        let level = level_db(&samples);
        assert!(at < 5 || (-35.0..-9.0).contains(&level), "{at}: {level}");
    }
}

#[test]
fn lengths_are_read_from_the_first_octets() {
    let rows: [(&[u8], u32); 12] = [
        (&[], 0),
        (&[0x48, 0], 960),         // SILK, wide band, 20 ms
        (&[0x58, 0], 2_880),       // 60 ms
        (&[0x40, 0], 480),         // 10 ms
        (&[0x68, 0], 960),         // hybrid, 20 ms
        (&[0xa0, 0], 120),         // CELT, 2.5 ms
        (&[0xb8, 0], 960),         // CELT, 20 ms
        (&[0x49, 0, 0], 1_920),    // two of them
        (&[0x4a, 1, 0, 0], 1_920), // of two lengths
        (&[0x4b, 6], 5_760),       // six
        (&[0x4b, 7], 0),           // more than 120 ms
        (&[0x4b], 0),              // how many?
    ];
    for (packet, units) in rows {
        assert_eq!(lasts(packet), units, "{packet:x?}");
    }
}

#[test]
fn no_packet_breaks_the_decoder() {
    let mut random = 1_u32;
    let mut next = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 24) as u8
    };
    for rate in [Rate::Narrow, Rate::Wide] {
        let mut decoder = Decoder::new(rate);
        let mut samples = [0; LONGEST_SAMPLES];
        for _ in 0..3_000 {
            let packet: Vec<u8> = (0..next() / 2).map(|_| next()).collect();
            let length = decoder.decode(&packet, &mut samples);
            assert!(length <= 6 * rate.frame());
            if next() < 20 {
                decoder.conceal(&mut samples[..rate.frame() / 2]);
            }
        }
        // And it goes on to hear.
        let original = chirp(rate, 100);
        let mut heard = Vec::new();
        for packet in packets(rate, &original, 20) {
            let length = decoder.decode(&packet, &mut samples);
            heard.extend_from_slice(&samples[..length]);
        }
        assert!(likeness(&original, &heard) > 0.9);
    }
}

#[test]
fn what_has_no_room_or_no_length_of_ours_is_left_out() {
    let mut encoder = Encoder::new(Rate::Wide);
    let mut packet = [0; PACKET];
    for samples in [0, 7, 480, 1_280, 4_000] {
        assert_eq!(
            encoder.encode(&vec![0; samples], &mut packet),
            0,
            "{samples}"
        );
    }
    assert_eq!(encoder.encode(&[0; 320], &mut packet[..1]), 0);
    let length = encoder.encode(&[1_000; 320], &mut packet);
    let mut samples = [0; 100];
    let heard = Decoder::new(Rate::Wide).decode(&packet[..length], &mut samples);
    assert_eq!(heard, 100);
}

/// Not a measure but a bound, so that the figure of docs/benchmarks.md can be repeated:
/// `cargo test -p media --features opus a_frame_costs -- --nocapture`.
#[test]
fn a_frame_costs_less_than_a_tenth_of_its_time() {
    let original = chirp(Rate::Wide, 500);
    let began = clock();
    let packets = packets(Rate::Wide, &original, 20);
    let encoded = clock() - began;
    let mut decoder = Decoder::new(Rate::Wide);
    let began = clock();
    for packet in &packets {
        let mut samples = [0; FRAME_SAMPLES];
        decoder.decode(packet, &mut samples);
    }
    let decoded = clock() - began;
    let octets: usize = packets.iter().map(Vec::len).sum();
    println!(
        "a frame of 20 ms: encode {} ns, decode {} ns, {} octets",
        encoded.as_nanos() / 500,
        decoded.as_nanos() / 500,
        octets / 500
    );
    // Debug builds are slow, and machines are busy.
    let budget = std::time::Duration::from_secs(10);
    assert!(encoded + decoded < budget, "ten seconds of audio");
}

#[allow(clippy::disallowed_methods, reason = "what is measured is time")]
fn clock() -> std::time::Instant {
    std::time::Instant::now()
}
