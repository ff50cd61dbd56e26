use super::*;
use crate::codec::snr_db;
use crate::tone::Tone;

const LAWS: [Law; 2] = [Law::A, Law::U];

/// FNV-1a, so that a whole table is one golden number.
fn digest(octets: impl IntoIterator<Item = u8>) -> u64 {
    octets.into_iter().fold(0xcbf2_9ce4_8422_2325, |h, o| {
        (h ^ u64::from(o)).wrapping_mul(0x100_0000_01b3)
    })
}

fn encode(law: Law, samples: &[i16]) -> Vec<u8> {
    samples.iter().map(|&it| encode_sample(law, it)).collect()
}

fn decode(law: Law, payload: &[u8]) -> Vec<i16> {
    payload.iter().map(|&it| decode_sample(law, it)).collect()
}

fn tone() -> Vec<i16> {
    let mut samples = vec![0; 8_000];
    Tone::new(1_004, -10.0).fill(&mut samples);
    samples
}

#[test]
fn expansion_is_the_tables_of_g711() {
    // Digests of the tables of an independent implementation (Python's audioop).
    let table = |law| (0..=255).flat_map(move |o| decode_sample(law, o).to_le_bytes());
    assert_eq!(digest(table(Law::A)), 0x693a_40ca_62a3_d2a5);
    assert_eq!(digest(table(Law::U)), 0xb91e_65d6_8481_a1a8);
}

#[test]
fn compression_is_the_rule_of_g191() {
    let table = |law| (i16::MIN..=i16::MAX).map(move |s| encode_sample(law, s));
    // The digest of A-law is audioop's too. In µ-law that one negates where G.191 takes the one's
    // complement, so 508 decision values differ; this digest is of the rule, written in Python.
    assert_eq!(digest(table(Law::A)), 0xf030_666e_b780_cf25);
    assert_eq!(digest(table(Law::U)), 0x04ec_1f08_3fd7_8c2d);
}

#[test]
fn any_number_of_samples_is_turned_as_each_alone() {
    let samples = tone();
    for law in [Law::A, Law::U] {
        for count in 0..=100 {
            let samples = &samples[..count];
            let octets = encode(law, samples);
            let each = samples.iter().map(|&it| encode_sample(law, it));
            assert!(octets.iter().copied().eq(each), "{count} samples");
            let each = octets.iter().map(|&it| decode_sample(law, it));
            assert!(decode(law, &octets).into_iter().eq(each), "{count} octets");
        }
        // Who has room for fewer takes fewer.
        let mut room = [0; 40];
        super::encode(law, &samples[..70], &mut room);
        assert_eq!(room[..], encode(law, &samples[..40])[..]);
    }
}

#[test]
fn every_octet_survives_expansion_and_compression() {
    for law in LAWS {
        for octet in 0..=255 {
            let again = encode_sample(law, decode_sample(law, octet));
            // µ-law has two zeros, of which the positive one is written.
            let expected = if law == Law::U && octet == 0x7f {
                0xff
            } else {
                octet
            };
            assert_eq!(again, expected, "{law:?}");
        }
    }
}

#[test]
fn silence_is_the_smallest_octet() {
    assert_eq!(silence(Law::A), encode_sample(Law::A, 0));
    assert_eq!(silence(Law::U), encode_sample(Law::U, 0));
}

#[test]
fn the_digital_milliwatt_is_0_dbm0() {
    // ITU-T G.711 tables 5 and 6: 1 kHz at 0 dBm0. The sine of the largest amplitude, which is 3.01
    // dB below full scale as we count it, stands for 3.14 dBm0 in A-law and 3.17 in µ-law.
    let level = |law, octets: &[u8]| crate::tone::level_db(&decode(law, octets)) + 3.01;
    let a = level(Law::A, &[0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4]);
    let u = level(Law::U, &[0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e]);
    assert!((-3.3..-3.0).contains(&a), "{a}");
    assert!((-3.3..-3.0).contains(&u), "{u}");
}

#[test]
fn a_tone_keeps_35_db_of_distance_to_the_noise() {
    let original = tone();
    for law in LAWS {
        let snr = snr_db(&original, &decode(law, &encode(law, &original)));
        assert!(snr >= 35.0, "{law:?}: {snr}");
    }
}

#[test]
fn a_transcoded_tone_loses_no_more_than_the_second_quantiser_must() {
    // Two quantisers of equal noise in a row cost 3 dB; each alone leaves about 37. At this level no table does better by
    // half a decibel: see the next test.
    let original = tone();
    for (from, to) in [(Law::A, Law::U), (Law::U, Law::A)] {
        let mut payload = encode(from, &original);
        transcode(from, to, &mut payload);
        let snr = snr_db(&original, &decode(to, &payload));
        assert!(snr >= 33.0, "{from:?} to {to:?}: {snr}");
        // Measured from what was received, the step itself keeps the 35 dB of the law.
        let step = snr_db(
            &decode(from, &encode(from, &original)),
            &decode(to, &payload),
        );
        assert!(step >= 35.0, "{from:?} to {to:?}: {step}");
    }
}

#[test]
fn two_laws_in_a_row_keep_35_db_where_two_laws_can() {
    // Where a tone's peak falls into wide steps of both laws no table from octet to octet keeps 35 dB, not even one
    // made for this very tone: −10 dB is such a level. −3, −20 and −26 dB are not.
    for (level, can) in [(-3.0, true), (-10.0, false), (-20.0, true), (-26.0, true)] {
        let mut original = vec![0; 8_000];
        Tone::new(1_004, level).fill(&mut original);
        for (from, to) in [(Law::A, Law::U), (Law::U, Law::A)] {
            let received = encode(from, &original);
            let mut payload = received.clone();
            transcode(from, to, &mut payload);
            let ours = snr_db(&original, &decode(to, &payload));
            let best = snr_db(&original, &decode(to, &best(&original, &received, to)));
            assert_eq!(best >= 35.0, can, "{from:?} to {to:?} at {level}: {best}");
            assert_eq!(ours >= 35.0, can, "{from:?} to {to:?} at {level}: {ours}");
            assert!(ours >= best - 0.5, "{from:?} to {to:?}: {ours} of {best}");
        }
    }
}

/// What was received, by the table with the least noise of all for just this signal.
fn best(original: &[i16], received: &[u8], to: Law) -> Vec<u8> {
    let least = |octet: u8| {
        let said = original.iter().zip(received).filter(|it| *it.1 == octet);
        let said: Vec<f64> = said.map(|it| f64::from(*it.0)).collect();
        // The noise is least at what is nearest to their mean.
        let mean = said.iter().sum::<f64>() / said.len() as f64;
        let far = |into: &u8| (f64::from(decode_sample(to, *into)) - mean).abs();
        (0..=255).min_by(|a, b| far(a).total_cmp(&far(b))).unwrap()
    };
    let mut table = [None; 256];
    let of = |octet: &u8| *table[usize::from(*octet)].get_or_insert_with(|| least(*octet));
    received.iter().map(of).collect()
}

#[test]
fn transcoding_to_the_same_law_changes_nothing() {
    let mut payload: Vec<u8> = (0..=255).collect();
    transcode(Law::A, Law::A, &mut payload);
    assert!(payload.iter().copied().eq(0..=255));
}
