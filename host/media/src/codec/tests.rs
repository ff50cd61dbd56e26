use super::*;
use crate::tone::{self, Tone};

fn tone() -> Vec<i16> {
    let mut samples = vec![0; 16_000];
    Tone::new(1_004, -10.0).fill(&mut samples);
    samples
}

fn encoded(codec: Codec, samples: &[i16]) -> Vec<u8> {
    let mut payload = vec![0; samples.len()];
    let length = Encoder::new(codec, Rate::Narrow).encode(samples, &mut payload);
    assert_eq!(length, samples.len());
    payload
}

fn decoded(codec: Codec, payload: &[u8]) -> Vec<i16> {
    let mut samples = vec![0; payload.len()];
    let length = Decoder::new(codec, Rate::Narrow).decode(payload, &mut samples);
    assert_eq!(length, payload.len());
    samples
}

/// Samples of 8 kHz by which a codec delays, in tenths: its own filters and those of its rate.
fn best_snr(original: &[i16], heard: &[i16]) -> f64 {
    (0..64)
        .map(|delay| snr_db(&original[8_000..15_000], &heard[8_000 + delay..]))
        .fold(f64::MIN, f64::max)
}

#[test]
fn every_codec_is_its_own_payload_type_and_name() {
    for codec in Codec::ALL {
        let same =
            |it: &&Codec| it.payload_type() == codec.payload_type() || it.name() == codec.name();
        assert_eq!(Codec::ALL.iter().filter(same).count(), 1);
    }
}

/// Those whose payloads are an octet for each 125 µs.
fn even() -> impl Iterator<Item = Codec> {
    Codec::ALL.into_iter().filter(|codec| codec.is_even())
}

#[test]
fn a_payload_is_an_octet_for_each_125_us_at_either_rate() {
    for codec in even() {
        for rate in [Rate::Narrow, Rate::Wide] {
            for ms in [10, 20, 30, 40] {
                let samples = vec![1_000; rate.hz() as usize / 1_000 * ms];
                let mut payload = vec![0; 1_000];
                let length = Encoder::new(codec, rate).encode(&samples, &mut payload);
                assert_eq!(length, 8 * ms, "{codec} {rate:?} {ms} ms");
                let mut again = vec![0; 2_000];
                let length = Decoder::new(codec, rate).decode(&payload[..length], &mut again);
                assert_eq!(length, samples.len(), "{codec} {rate:?} {ms} ms");
            }
        }
    }
}

#[test]
fn what_has_no_room_is_left_out() {
    for codec in even() {
        for rate in [Rate::Narrow, Rate::Wide] {
            let mut samples = vec![0; 100];
            let length = Decoder::new(codec, rate).decode(&[0x55; 700], &mut samples);
            assert_eq!(length, 100, "{codec} {rate:?}");
            let mut payload = vec![0; 30];
            let length = Encoder::new(codec, rate).encode(&[0; 700], &mut payload);
            assert_eq!(length, 30, "{codec} {rate:?}");
        }
    }
}

#[test]
fn a_tone_keeps_its_distance_to_the_noise_in_every_codec() {
    let original = tone();
    for (codec, least) in [
        (Codec::Pcma, 35.0),
        (Codec::Pcmu, 35.0),
        (Codec::G722, 20.0),
    ] {
        let heard = decoded(codec, &encoded(codec, &original));
        let snr = best_snr(&original, &heard);
        assert!(snr >= least, "{codec}: {snr}");
    }
}

#[test]
fn a_tone_keeps_its_distance_to_the_noise_through_a_transcoder() {
    let original = tone();
    for from in even() {
        for to in even() {
            let mut payload = encoded(from, &original);
            let mut transcoder = Transcoder::new(from, to);
            assert!(transcoder.is_of(from, to));
            payload
                .chunks_mut(160)
                .for_each(|it| transcoder.transcode(it));
            let heard = decoded(to, &payload);
            let snr = best_snr(&original, &heard);
            let wide = [from, to].contains(&Codec::G722);
            // Two quantisers of G.711 in a row leave 33 at least.
            assert!(
                snr >= if wide { 20.0 } else { 33.0 },
                "{from} to {to}: {snr}"
            );
        }
    }
}

#[test]
fn a_transcoder_of_one_codec_changes_nothing() {
    for codec in even() {
        let mut payload: Vec<u8> = (0..=255).collect();
        Transcoder::new(codec, codec).transcode(&mut payload);
        assert!(payload.iter().copied().eq(0..=255), "{codec}");
    }
}

#[test]
fn silence_stays_silent_through_every_pair() {
    for from in even() {
        for to in even() {
            let mut payload = encoded(from, &[0; 8_000]);
            Transcoder::new(from, to).transcode(&mut payload);
            let level = tone::level_db(&decoded(to, &payload)[4_000..]);
            assert!(level < -65.0, "{from} to {to}: {level}");
        }
    }
}
