use super::*;
use crate::tone::Tone;

/// FNV-1a, so that a whole table is one golden number.
fn digest(octets: impl IntoIterator<Item = u8>) -> u64 {
    octets.into_iter().fold(0xcbf2_9ce4_8422_2325, |h, o| {
        (h ^ u64::from(o)).wrapping_mul(0x100_0000_01b3)
    })
}

fn snr_db(original: &[i16], heard: &[i16]) -> f64 {
    let power = |v: f64| v * v;
    let signal: f64 = original.iter().map(|&s| power(f64::from(s))).sum();
    let pairs = original.iter().zip(heard);
    let noise: f64 = pairs
        .map(|(&a, &b)| power(f64::from(a) - f64::from(b)))
        .sum();
    10.0 * (signal / noise).log10()
}

fn tone() -> Vec<i16> {
    let mut samples = vec![0; 8_000];
    Tone::new(1_004, -10.0).fill(&mut samples);
    samples
}

#[test]
fn expansion_is_the_tables_of_g711() {
    // Digests of the tables of an independent implementation (Python's audioop).
    let table = |codec| (0..=255).flat_map(move |o| decode_sample(codec, o).to_le_bytes());
    assert_eq!(digest(table(Codec::Pcma)), 0x693a_40ca_62a3_d2a5);
    assert_eq!(digest(table(Codec::Pcmu)), 0xb91e_65d6_8481_a1a8);
}

#[test]
fn compression_is_the_rule_of_g191() {
    let table = |codec| (i16::MIN..=i16::MAX).map(move |s| encode_sample(codec, s));
    // The digest of A-law is audioop's too. In µ-law that one negates where G.191 takes the one's
    // complement, so 508 decision values differ; this digest is of the rule, written in Python.
    assert_eq!(digest(table(Codec::Pcma)), 0xf030_666e_b780_cf25);
    assert_eq!(digest(table(Codec::Pcmu)), 0x04ec_1f08_3fd7_8c2d);
}

#[test]
fn every_octet_survives_expansion_and_compression() {
    for codec in Codec::ALL {
        for octet in 0..=255 {
            let again = encode_sample(codec, decode_sample(codec, octet));
            // µ-law has two zeros, of which the positive one is written.
            let expected = if codec == Codec::Pcmu && octet == 0x7f {
                0xff
            } else {
                octet
            };
            assert_eq!(again, expected, "{codec}");
        }
    }
}

#[test]
fn silence_is_the_smallest_octet() {
    assert_eq!(silence(Codec::Pcma), encode_sample(Codec::Pcma, 0));
    assert_eq!(silence(Codec::Pcmu), encode_sample(Codec::Pcmu, 0));
}

#[test]
fn the_digital_milliwatt_is_0_dbm0() {
    // ITU-T G.711 tables 5 and 6: 1 kHz at 0 dBm0. The sine of the largest amplitude, which is 3.01
    // dB below full scale as we count it, stands for 3.14 dBm0 in A-law and 3.17 in µ-law.
    let level = |codec, octets: &[u8]| crate::tone::level_db(&decode(codec, octets)) + 3.01;
    let a = level(
        Codec::Pcma,
        &[0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4],
    );
    let u = level(
        Codec::Pcmu,
        &[0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e],
    );
    assert!((-3.3..-3.0).contains(&a), "{a}");
    assert!((-3.3..-3.0).contains(&u), "{u}");
}

#[test]
fn a_tone_keeps_35_db_of_distance_to_the_noise() {
    let original = tone();
    for codec in Codec::ALL {
        let snr = snr_db(&original, &decode(codec, &encode(codec, &original)));
        assert!(snr >= 35.0, "{codec}: {snr}");
    }
}

#[test]
fn a_transcoded_tone_loses_no_more_than_the_second_quantiser_must() {
    // Two quantisers of equal noise in a row cost 3 dB; each alone leaves about 37.
    let original = tone();
    for (from, to) in [(Codec::Pcma, Codec::Pcmu), (Codec::Pcmu, Codec::Pcma)] {
        let mut payload = encode(from, &original);
        transcode(from, to, &mut payload);
        let snr = snr_db(&original, &decode(to, &payload));
        assert!(snr >= 33.0, "{from} to {to}: {snr}");
        // Measured from what was received, the step itself keeps the 35 dB of the codec.
        let step = snr_db(
            &decode(from, &encode(from, &original)),
            &decode(to, &payload),
        );
        assert!(step >= 35.0, "{from} to {to}: {step}");
    }
}

#[test]
fn transcoding_to_the_same_codec_changes_nothing() {
    let mut payload: Vec<u8> = (0..=255).collect();
    transcode(Codec::Pcma, Codec::Pcma, &mut payload);
    assert!(payload.iter().copied().eq(0..=255));
}
