use super::*;

fn heard(samples: &[i16]) -> (Option<u16>, f32) {
    let mut detector = Detector::new(&MARKS);
    detector.listen(samples);
    (detector.tone(), detector.level_db())
}

fn tone(hz: u16, level: f32, milliseconds: usize) -> Vec<i16> {
    let mut samples = vec![0; milliseconds * 8];
    // In frames, since a phase that jumped between them would be a click.
    let mut tone = Tone::new(hz, level);
    samples.chunks_mut(160).for_each(|frame| tone.fill(frame));
    samples
}

#[test]
fn the_level_of_a_tone_is_its_peak_whatever_else_is_heard() {
    let mut samples = vec![0; 8_000];
    Tone::new(425, -20.0).fill(&mut samples);
    let mut other = vec![0; 8_000];
    Tone::new(435, -10.0).fill(&mut other);
    samples
        .iter_mut()
        .zip(other)
        .for_each(|(it, other)| *it += other);
    assert!((level_of(&samples, 425) + 20.0).abs() < 0.1);
    assert!((level_of(&samples, 435) + 10.0).abs() < 0.1);
    assert!(level_of(&samples, 970) < -70.0);
    assert!(level_of(&[], 970) <= -100.0);
}

#[test]
fn every_mark_is_told_from_all_others() {
    for mark in MARKS {
        let (found, level) = heard(&tone(mark, -12.0, 1_000));
        assert_eq!(found, Some(mark));
        assert!((level + 15.0).abs() < 0.1, "{level}"); // 3 dB from peak to mean
    }
}

#[test]
fn silence_noise_and_strange_tones_are_no_mark() {
    assert_eq!(heard(&[0; 8_000]), (None, -100.0));
    assert_eq!(heard(&tone(2_000, -12.0, 1_000)).0, None);
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 18) as i16 - 8_192
    };
    let samples: Vec<i16> = (0..8_000).map(|_| noise()).collect();
    assert_eq!(heard(&samples).0, None);
}

#[test]
fn a_tone_with_pauses_is_still_that_tone() {
    let mut samples = tone(730, -12.0, 500);
    samples.extend(vec![0; 16_000]);
    assert_eq!(heard(&samples).0, Some(730));
}

#[test]
fn two_tones_of_equal_strength_are_neither() {
    let mixed: Vec<i16> = tone(425, -12.0, 1_000)
        .iter()
        .zip(tone(970, -12.0, 1_000))
        .map(|(a, b)| a + b)
        .collect();
    assert_eq!(heard(&mixed).0, None);
}
