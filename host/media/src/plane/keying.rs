//! Keys that a port presses towards its peer: as events (RFC 4733 §2.5.1) where both sides agreed on
//! them, else as the tones themselves.
//!
//! Owns the schedule: 100 ms of tone and 60 ms of pause, in frames of 20 ms. An event has one timestamp,
//! that of its first packet, which alone is marked; its end is said three times, twice of them in the
//! pause. Knows no stream: which sequence number is next, and what its timestamps begin at, is `outbound`'s.

use std::collections::VecDeque;
use std::sync::OnceLock;

use crate::codec::Codec;
use crate::dtmf::{KEYS, Report, tones};
use crate::limits;
use crate::prompt::{FRAME_OCTETS, Prompt};

/// Frames of the tone of a key, 100 ms: of both sides of ITU-T Q.24 the safe one.
const TONE: usize = 5;

/// Frames of the pause behind it, 60 ms.
const PAUSE: usize = 3;

/// Milliseconds of a frame.
const FRAME: u16 = 20;

/// The frame from which on nothing is said of an event: its end is said again in two of the pause.
const AFTER_ENDS: usize = TONE + 2;

/// See the module's header.
#[derive(Debug, Default)]
pub(super) struct Keying {
    keys: VecDeque<char>,
    /// Of the key at the front.
    frame: usize,
    /// The clock's reading at its first frame.
    began: u32,
    /// Packets that were sent.
    sent: i64,
}

/// What is said in one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A packet of an event that began then.
    Event { payload: [u8; 4], began: u32 },
    /// 20 ms of audio.
    Tone(&'static [u8]),
    /// Nothing.
    Pause {
        /// And no key waits.
        last: bool,
    },
}

impl Keying {
    /// Presses these keys after those that wait. False if there is no room for all of them: then none is.
    pub(super) fn press(&mut self, keys: &str) -> bool {
        let fits = self.keys.len() + keys.chars().count() <= limits::KEYS_WAITING;
        if fits {
            self.keys.extend(keys.chars());
        }
        fits
    }

    /// The number of the next packet, from 0.
    pub(super) fn index(&self) -> i64 {
        self.sent
    }

    /// What is said at a reading of the clock, as events or in that codec; `None` if no key waits.
    pub(super) fn frame(&mut self, clock: u32, events: bool, codec: Codec) -> Option<Said> {
        let key = *self.keys.front()?;
        if self.frame == 0 {
            self.began = clock;
        }
        let frame = self.frame;
        self.frame += 1;
        if self.frame == TONE + PAUSE {
            self.frame = 0;
            self.keys.pop_front();
        }
        let said = match (events, frame) {
            (true, AFTER_ENDS..) | (false, TONE..) => None,
            (true, _) => {
                let lasted = (frame + 1).min(TONE);
                let report = Report {
                    digit: key,
                    ended: lasted == TONE,
                    // At most five frames.
                    duration: lasted as u16 * FRAME * codec.per_ms() as u16,
                };
                report.payload().map(|payload| Said::Event {
                    payload,
                    began: self.began,
                })
            }
            (false, _) => tone(key)
                .and_then(|tone| tone.frame(codec, frame))
                .map(Said::Tone),
        };
        self.sent += i64::from(said.is_some());
        let last = self.keys.is_empty();
        Some(said.unwrap_or(Said::Pause { last }))
    }
}

/// The tones of a key: made once, when first they are wanted.
fn tone(key: char) -> Option<&'static Prompt> {
    static TONES: [OnceLock<Prompt>; KEYS.len()] = [const { OnceLock::new() }; KEYS.len()];
    let code = KEYS.iter().position(|&it| char::from(it) == key)?;
    Some(TONES[code].get_or_init(|| Prompt::from_8khz(&tones::of(key, TONE * FRAME_OCTETS))))
}
