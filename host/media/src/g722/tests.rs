use super::*;
use crate::tone::Tone;

/// FNV-1a, so that a whole stream is one golden number.
fn digest(octets: impl IntoIterator<Item = u8>) -> u64 {
    octets.into_iter().fold(0xcbf2_9ce4_8422_2325, |h, o| {
        (h ^ u64::from(o)).wrapping_mul(0x100_0000_01b3)
    })
}

/// Noise of four levels, a second each: every decision of both quantisers is met.
fn noise() -> Vec<i16> {
    let mut state = 1_u32;
    let sample = |at: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 16) as i16) >> [8, 3, 0, 5][at / 8_000 % 4]
    };
    (0..320_000).map(sample).collect()
}

fn encoded(samples: &[i16]) -> Vec<u8> {
    let mut octets = vec![0; samples.len() / 2];
    let length = Encoder::default().encode(samples, &mut octets);
    assert_eq!(length, octets.len());
    octets
}

fn decoded(octets: &[u8]) -> Vec<i16> {
    let mut samples = vec![0; octets.len() * 2];
    let length = Decoder::default().decode(octets, &mut samples);
    assert_eq!(length, samples.len());
    samples
}

#[test]
fn codes_and_samples_are_those_of_another_implementation() {
    // Digests of what the C implementation of SpanDSP makes of the same (as ezk-g722 has it in Rust,
    // with the first steps of 32 and 8 that the Recommendation gives).
    let octets = encoded(&noise());
    assert_eq!(digest(octets.iter().copied()), 0xe28b_cc85_831c_bc5b);
    let samples = decoded(&octets);
    let bytes = samples.iter().flat_map(|it| it.to_le_bytes());
    assert_eq!(digest(bytes), 0xfb37_eb36_96ec_8577);
}

#[test]
fn any_octets_are_decoded_as_by_another_implementation() {
    let mut state = 7_u32;
    let octet = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let octets: Vec<u8> = (0..160_000).map(octet).collect();
    let samples = decoded(&octets);
    let bytes = samples.iter().flat_map(|it| it.to_le_bytes());
    assert_eq!(digest(bytes), 0x7720_34be_489c_2f70);
}

#[test]
fn a_stream_in_pieces_is_the_same_stream() {
    let samples = &noise()[..32_000];
    let whole = encoded(samples);
    let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
    let (mut octets, mut heard) = (Vec::<u8>::new(), Vec::<i16>::new());
    // 10, 20, 30 and 40 ms, and a pair at a time.
    for length in [160, 320, 480, 640, 2].into_iter().cycle() {
        let from = octets.len() * 2;
        if from >= samples.len() {
            break;
        }
        let piece = &samples[from..samples.len().min(from + length)];
        let (mut coded, mut expanded) = ([0; 320], [0; 640]);
        let count = encoder.encode(piece, &mut coded);
        let count = decoder.decode(&coded[..count], &mut expanded);
        octets.extend(&coded[..count / 2]);
        heard.extend(&expanded[..count]);
    }
    assert_eq!(octets, whole);
    assert_eq!(heard, decoded(&whole));
}

#[test]
fn a_tone_of_either_band_keeps_20_db_of_distance_to_the_noise() {
    // A tone of 1,004 Hz at 8,000 samples per second is one of 2,008 at 16,000.
    for (hz, least) in [(502, 30.0), (1_004, 30.0), (2_600, 20.0)] {
        let mut original = vec![0; 32_000];
        Tone::new(hz, -10.0).fill(&mut original);
        let heard = decoded(&encoded(&original));
        // The filters on both sides delay by 22 samples.
        let snr = snr_db(&original[8_000..], &heard[8_022..]);
        assert!(snr >= least, "{} Hz: {snr}", 2 * u32::from(hz));
    }
}

#[test]
fn lost_octets_are_forgotten_within_200_ms() {
    let mut original = vec![0; 32_000];
    Tone::new(502, -10.0).fill(&mut original);
    let mut octets = encoded(&original);
    octets.drain(8_000..8_160);
    let heard = decoded(&octets);
    let snr = snr_db(&original[19_520..], &heard[19_222..]);
    assert!(snr >= 20.0, "{snr}");
}

#[test]
fn what_has_no_room_is_left_out() {
    let mut octets = [0; 3];
    assert_eq!(Encoder::default().encode(&[1_000; 9], &mut octets), 3);
    assert_eq!(Encoder::default().encode(&[1_000; 5], &mut octets), 2);
    let mut samples = [0; 5];
    assert_eq!(Decoder::default().decode(&octets, &mut samples), 4);
    assert_eq!(Decoder::default().decode(&[], &mut samples), 0);
}

fn snr_db(original: &[i16], heard: &[i16]) -> f64 {
    crate::codec::snr_db(original, heard)
}
