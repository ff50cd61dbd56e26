use std::{cell::Cell, f64::consts::TAU};

use super::{Audio, AudioError, Rate, limits};

const CHIRP_WAV: &[u8] = include_bytes!("../../../tests/corpus/audio/chirp.wav");
const CHIRP_ALAW: &[u8] = include_bytes!("../../../tests/corpus/audio/chirp-alaw.wav");
const CHIRP_FLAC: &[u8] = include_bytes!("../../../tests/corpus/audio/chirp.flac");
const CHIRP_MP3: &[u8] = include_bytes!("../../../tests/corpus/audio/chirp.mp3");
const CHIRP_OGG: &[u8] = include_bytes!("../../../tests/corpus/audio/chirp.ogg");

fn decode(file: &[u8]) -> Result<Audio, AudioError> {
    Audio::decode(file, &|| true)
}

/// What the files of the corpus were made from: 300 to 3,000 Hz in two seconds, swelling and fading.
fn chirp(rate: Rate) -> Vec<f64> {
    let hz = f64::from(rate.hz());
    let sample = |at| {
        let t = f64::from(at) / hz;
        let swell = (TAU / 4.0 * t).sin().max(0.0).sqrt();
        0.5 * 32_767.0 * (TAU * (300.0 * t + 675.0 * t * t)).sin() * swell
    };
    (0..2 * rate.hz()).map(sample).collect()
}

fn correlation(a: &[f64], b: &[i16]) -> f64 {
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let b = f64::from(*b);
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    ab / (aa * bb).sqrt()
}

fn level_db(samples: &[i16]) -> f64 {
    let power: f64 = samples.iter().map(|&it| f64::from(it).powi(2)).sum();
    10.0 * (power / samples.len() as f64 / 32_768_f64.powi(2)).log10()
}

/// One second, at a peak of −1 dB.
fn sine(from: u32, hz: f64) -> Vec<i16> {
    let sample = |at| (TAU * hz * f64::from(at) / f64::from(from)).sin() * 29_204.0;
    (0..from).map(|at| sample(at) as i16).collect()
}

/// A WAV file of that format (1: PCM, 3: floating point), its samples as they are.
fn wav(format: u16, channels: u16, hz: u32, bits: u16, samples: &[u8]) -> Vec<u8> {
    let frame = channels * bits / 8;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + samples.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([format, channels].map(u16::to_le_bytes).concat());
    file.extend([hz, hz * u32::from(frame)].map(u32::to_le_bytes).concat());
    file.extend([frame, bits].map(u16::to_le_bytes).concat());
    file.extend(b"data");
    file.extend((samples.len() as u32).to_le_bytes());
    file.extend(samples);
    file
}

fn pcm(channels: u16, hz: u32, samples: &[i16]) -> Vec<u8> {
    let octets: Vec<u8> = samples.iter().flat_map(|it| it.to_le_bytes()).collect();
    wav(1, channels, hz, 16, &octets)
}

#[test]
fn every_format_gives_the_audio_that_it_was_made_from() {
    for (name, file, rate) in [
        ("wav", CHIRP_WAV, Rate::Wide),
        ("alaw", CHIRP_ALAW, Rate::Narrow),
        ("flac", CHIRP_FLAC, Rate::Wide),
        ("mp3", CHIRP_MP3, Rate::Wide),
        ("ogg", CHIRP_OGG, Rate::Wide),
    ] {
        let audio = decode(file).unwrap();
        assert_eq!(audio.rate, rate, "{name}");
        assert_eq!(audio.duration_ms(), 2_000, "{name}");
        // Not shifted either: a sample more or less would leave 0.8 of it.
        let alike = correlation(&chirp(rate), &audio.samples);
        assert!(alike > 0.97, "{name}: {alike}");
        // Nor louder; LAME makes everything 0.45 dB quieter.
        let made: Vec<i16> = chirp(rate).iter().map(|&it| it as i16).collect();
        let louder = level_db(&audio.samples) - level_db(&made);
        assert!(louder.abs() < 0.5, "{name}: {louder} dB");
    }
}

#[test]
fn what_lies_above_the_band_does_not_fold_into_it() {
    for from in [22_050, 32_000, 44_100, 48_000, 96_000] {
        for hz in [8_200.0, 9_000.0, 10_500.0, 11_000.0, 15_500.0, 20_000.0] {
            if hz < f64::from(from) / 2.0 {
                let audio = decode(&pcm(1, from, &sine(from, hz))).unwrap();
                // Its beginning and end are steps, which have all frequencies.
                let folded = level_db(&audio.samples[800..15_200]);
                assert!(folded < -65.0, "{hz} Hz at {from}: {folded} dB");
            }
        }
    }
}

#[test]
fn what_lies_in_the_band_keeps_its_level() {
    for from in [6_000, 11_025, 22_050, 44_100, 48_000, 96_000] {
        for hz in [200.0, 1_000.0, 2_500.0, 3_400.0, 5_000.0, 7_000.0] {
            if hz < f64::from(from) * 0.44 {
                let audio = decode(&pcm(1, from, &sine(from, hz))).unwrap();
                let rate = audio.rate.hz() as usize;
                assert_eq!(audio.samples.len(), rate);
                let level = level_db(&audio.samples[rate / 20..rate - rate / 20]);
                assert!((level + 4.01).abs() < 0.1, "{hz} Hz at {from}: {level} dB");
            }
        }
    }
}

#[test]
fn channels_are_averaged() {
    let stereo = |left, right| [left, right].repeat(800);
    let alike = decode(&pcm(2, 8_000, &stereo(1_000, 1_000))).unwrap();
    assert_eq!(alike.samples, vec![1_000; 800]);
    let apart = decode(&pcm(2, 8_000, &stereo(1_000, 3_000))).unwrap();
    assert_eq!(apart.samples, vec![2_000; 800]);
}

#[test]
fn what_is_louder_than_full_scale_is_clipped() {
    let samples = [1.5_f32, -1.5, 0.5].map(f32::to_le_bytes).concat();
    let audio = decode(&wav(3, 1, 8_000, 32, &samples)).unwrap();
    assert_eq!(audio.samples, [32_767, -32_768, 16_384]);
}

#[test]
fn a_kept_file_is_read_back_unchanged() {
    for file in [CHIRP_ALAW, CHIRP_MP3] {
        let audio = decode(file).unwrap();
        assert_eq!(decode(&audio.to_wav()).unwrap(), audio);
    }
}

#[test]
fn a_wav_file_of_an_unknown_length_is_read_to_its_end() {
    let mut file = CHIRP_WAV.to_vec();
    // As programs write it that do not know yet how much follows.
    file[4..8].copy_from_slice(&[0xff; 4]);
    file[40..44].copy_from_slice(&[0xff; 4]);
    assert_eq!(decode(&file).unwrap().duration_ms(), 2_000);
}

#[test]
fn a_refusal_names_the_fault() {
    let refused = |file: &[u8]| decode(file).unwrap_err().to_string();
    let no_audio = "the file is no WAV, FLAC, MP3 or Ogg Vorbis";
    for (file, why) in [
        (&b""[..], no_audio),
        (b"hello, world", no_audio),
        (&[0; 4_096], no_audio),
        (&pcm(1, 8_000, &[]), "the file has no audio in it"),
        (
            &pcm(1, 3_999, &[1; 10]),
            "the audio has 3999 samples per second, not 4000 to 96000",
        ),
        (
            &pcm(1, 96_001, &[1; 10]),
            "the audio has 96001 samples per second, not 4000 to 96000",
        ),
        (
            &pcm(9, 8_000, &[1; 90]),
            "the audio has 9 channels, not 1 to 8",
        ),
        (
            &wav(0x55, 1, 8_000, 16, &[0; 20]),
            "the file cannot be decoded here: wav: unsupported wave format",
        ),
    ] {
        assert_eq!(refused(file), why);
    }
}

/// A chunk of a WAV file, padded to an even length.
fn chunk(name: &[u8], body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_le_bytes();
    let padding = &[0][..body.len() % 2];
    [name, &length, body, padding].concat()
}

/// A WAV file of these chunks.
fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let chunks = chunks.concat();
    let length = (chunks.len() as u32 + 4).to_le_bytes();
    [&b"RIFF"[..], &length, b"WAVE", &chunks].concat()
}

/// The body of a format chunk of 8 kHz: `tag`, channels, bits, and what follows.
fn format(tag: u16, channels: u16, bits: u16, more: &[u8]) -> Vec<u8> {
    let frame = channels * bits / 8;
    let mut body = [tag, channels].map(u16::to_le_bytes).concat();
    body.extend(
        [8_000, 8_000 * u32::from(frame)]
            .map(u32::to_le_bytes)
            .concat(),
    );
    body.extend([frame, bits].map(u16::to_le_bytes).concat());
    body.extend(more);
    body
}

/// What follows in a format of WAVE_FORMAT_EXTENSIBLE that is PCM.
fn extension(bits: u16, mask: u32) -> Vec<u8> {
    let mut more = [22, bits].map(u16::to_le_bytes).concat();
    more.extend(mask.to_le_bytes());
    more.extend([
        1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71,
    ]);
    more
}

#[test]
fn whatever_loudspeakers_its_channels_are_for_a_wav_file_is_decoded() {
    let samples = chunk(b"data", &[0, 16].repeat(1_600));
    for mask in [0, 3, 0x3_ffff, 0x4_0000, 0x8000_0000, u32::MAX] {
        let format = format(0xfffe, 2, 16, &extension(16, mask));
        let file = riff(&[chunk(b"fmt ", &format), samples.clone()]);
        assert_eq!(decode(&file).unwrap().samples, [4_096; 800], "{mask:x}");
    }
}

#[test]
fn a_format_that_hides_where_none_is_read_is_not_read() {
    let panics = format(0xfffe, 2, 16, &extension(16, 0x8000_0000));
    let hidden = chunk(b"fmt ", &panics);
    let behind = |body: Vec<u8>| [body, hidden.clone()].concat();
    let samples = chunk(b"data", &[0x55; 1_600]);
    let a_law = chunk(b"fmt ", &format(6, 1, 8, &[0, 0]));
    let mut adpcm = format(2, 1, 4, &[32, 0, 0, 0]);
    adpcm[12] = 64; // octets of a block
    for (how, chunks) in [
        (
            "in the samples, behind octets that A-law promises",
            vec![
                chunk(b"fmt ", &format(6, 1, 8, &8_u16.to_le_bytes())),
                chunk(b"data", &behind(Vec::new())),
            ],
        ),
        (
            "behind an extensible format that is longer than it may be",
            vec![
                chunk(b"fmt ", &behind(format(0xfffe, 1, 16, &extension(16, 4)))),
                samples.clone(),
            ],
        ),
        (
            "behind a list of an odd length",
            vec![
                a_law.clone(),
                chunk(b"LIST", b"adtl?"),
                [&[0][..], &hidden].concat(),
                samples.clone(),
            ],
        ),
        (
            "in the samples, behind octets that ADPCM promises",
            vec![chunk(b"fmt ", &adpcm), chunk(b"data", &behind(vec![0; 22]))],
        ),
        ("in another file", vec![hidden.clone(), samples.clone()]),
    ] {
        let mut file = riff(&chunks);
        if how == "in another file" {
            file = [b"RIFF\x04\0\0\0FILE".to_vec(), file].concat();
        }
        if let Err(error) = decode(&file) {
            let refused = matches!(error, AudioError::Unsupported(_) | AudioError::Damaged(_));
            assert!(refused, "{how}: {error}");
        }
    }
}

#[test]
fn a_file_that_was_cut_off_is_refused_or_played_to_where_it_ends() {
    for file in [CHIRP_WAV, CHIRP_FLAC, CHIRP_MP3, CHIRP_OGG] {
        for part in (1..16).step_by(3) {
            if let Ok(audio) = decode(&file[..file.len() * part / 16]) {
                assert!((1..=2_000).contains(&audio.duration_ms()));
            }
        }
    }
}

#[test]
fn a_file_whose_audio_was_changed_is_refused_where_a_checksum_tells() {
    let mut file = CHIRP_FLAC.to_vec();
    let middle = file.len() / 2;
    for octet in &mut file[middle..middle + 64] {
        *octet ^= 0x5a;
    }
    assert!(matches!(decode(&file), Err(AudioError::Damaged(_))));
}

#[test]
fn a_file_has_no_more_octets_than_it_may() {
    let octets = limits::FILE + 1;
    let error = decode(&vec![0; octets]).unwrap_err();
    assert_eq!(error, AudioError::TooLarge { octets });
}

#[test]
fn audio_is_no_longer_than_it_may_be() {
    let most = limits::SECONDS as usize * 4_000;
    assert!(decode(&wav(1, 1, 4_000, 8, &vec![128; most])).is_ok());
    let error = decode(&wav(1, 1, 4_000, 8, &vec![128; most + 1])).unwrap_err();
    assert_eq!(error, AudioError::TooLong);
}

#[test]
fn whoever_decodes_may_give_up_at_any_time() {
    let asked = Cell::new(0);
    let count = || {
        asked.set(asked.get() + 1);
        true
    };
    Audio::decode(CHIRP_FLAC, &count).unwrap();
    let all = asked.get();
    assert!(all > 10, "{all}");
    for patience in (0..all).step_by(7) {
        asked.set(0);
        let enough = || {
            asked.set(asked.get() + 1);
            asked.get() <= patience
        };
        let refused = Audio::decode(CHIRP_FLAC, &enough);
        assert_eq!(refused, Err(AudioError::GivenUp));
    }
}
