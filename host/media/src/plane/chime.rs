//! The tones by which a conference hears that somebody came or left.
//!
//! Two short tones, upwards or downwards, softer than speech. Owns their samples at both rates; who
//! hears them is the mixer's to say.

use crate::codec::Rate;
use crate::tone::Tone;

/// The tones in Hz, in the order for whoever comes.
const TONES: [u16; 2] = [600, 800];

/// How loud they are: in dB below full scale, as a peak.
const LEVEL_DB: f32 = -24.0;

/// How long each is: 80 ms.
const FRAMES: usize = 4;

/// Samples of 8 kHz over which a tone swells and fades, so that it does not click: 5 ms.
const RAMP: usize = 40;

/// A chime that is being heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chime {
    upwards: bool,
    /// Frames of 20 ms that were heard.
    heard: usize,
}

impl Chime {
    /// Somebody came.
    pub(super) fn joined() -> Self {
        Chime {
            upwards: true,
            heard: 0,
        }
    }

    /// Somebody left.
    pub(super) fn left() -> Self {
        Chime {
            upwards: false,
            heard: 0,
        }
    }
}

/// See the module's header.
#[derive(Debug)]
pub(super) struct Chimes {
    /// By rate, and within that by tone.
    narrow: [Vec<i16>; 2],
    wide: [Vec<i16>; 2],
}

impl Default for Chimes {
    fn default() -> Self {
        Chimes {
            narrow: TONES.map(|hz| tone(Rate::Narrow, hz)),
            wide: TONES.map(|hz| tone(Rate::Wide, hz)),
        }
    }
}

impl Chimes {
    /// Adds the next 20 ms of it to a frame. False if that was the last of it.
    pub(super) fn ring(&self, chime: &mut Chime, rate: Rate, frame: &mut [i16]) -> bool {
        let tones = match rate {
            Rate::Narrow => &self.narrow,
            Rate::Wide => &self.wide,
        };
        let (tone, at) = (chime.heard / FRAMES, chime.heard % FRAMES);
        let tone = if chime.upwards { tone } else { 1 - tone.min(1) };
        let samples = tones.get(tone).and_then(|it| it.get(at * rate.frame()..));
        for (place, &sample) in frame.iter_mut().zip(samples.unwrap_or_default()) {
            *place = place.saturating_add(sample);
        }
        chime.heard += 1;
        chime.heard < TONES.len() * FRAMES
    }
}

fn tone(rate: Rate, hz: u16) -> Vec<i16> {
    let times = rate.frame() / Rate::Narrow.frame();
    let mut samples = vec![0; FRAMES * rate.frame()];
    // The generator counts at 8 kHz.
    Tone::new(hz / times as u16, LEVEL_DB).fill(&mut samples);
    let (length, ramp) = (samples.len(), RAMP * times);
    for (at, sample) in samples.iter_mut().enumerate() {
        let edge = at.min(length - 1 - at).min(ramp);
        *sample = (i32::from(*sample) * edge as i32 / ramp as i32) as i16;
    }
    samples
}
