//! What a handset says: audio, keys and silence, in packets of one length.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Speech;
use crate::codec::{Codec, Encoder, Rate};
use crate::dtmf::{self, Report};
use crate::noise;
use crate::rtp::{self, Fixed};
use crate::sdp::Negotiated;
use crate::tone::{self, Tone};

/// Packets of a key that is pressed for 100 ms, and how many more say that it was.
pub(super) const PRESS: u16 = 5 + REPEATED_ENDS;
const REPEATED_ENDS: u16 = 2;

/// Packets of speech between two keys.
pub(super) const PAUSE: u16 = 3;

/// Packets of silence that are not sent, from one of comfort noise to the next.
const NOISE_EVERY: u32 = 10;

/// The level at which tones are spoken.
const TONE_DB: f32 = -12.0;

/// See the module's header.
#[derive(Debug)]
pub(super) struct Mouth {
    pub(super) speech: Playing,
    encoder: Encoder,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// Samples of a packet, and units of the RTP clock.
    samples: usize,
    units: u32,
    /// Packets of silence since there was audio.
    silent: u32,
    /// The next packet is the first after silence on the wire.
    marker: bool,
    /// `None` until the first tick.
    pub(super) due: Option<Instant>,
    /// Keys that are to be pressed, one after another, instead of speaking.
    pub(super) keys: VecDeque<char>,
    pressed: Option<Pressed>,
}

/// A key that is being pressed, or a pause after it.
#[derive(Debug)]
struct Pressed {
    digit: char,
    timestamp: u32,
    /// Packets so far.
    packets: u16,
}

/// What is said, and how far.
#[derive(Debug)]
pub(super) enum Playing {
    Silence,
    Tone(Tone),
    Samples { samples: Vec<i16>, at: usize },
}

impl From<Speech> for Playing {
    fn from(speech: Speech) -> Self {
        match speech {
            Speech::Silence => Playing::Silence,
            Speech::Tone(hz) => Playing::Tone(Tone::new(hz, TONE_DB)),
            Speech::Samples(samples) => Playing::Samples { samples, at: 0 },
        }
    }
}

impl Mouth {
    /// One that begins at its first tick; its packets have so many milliseconds.
    pub(super) fn new(speech: Speech, codec: Codec, ssrc: u32, packet_ms: u16) -> Self {
        let mut mouth = Mouth {
            speech: speech.into(),
            encoder: Encoder::new(codec, Rate::Narrow),
            ssrc,
            sequence: (ssrc >> 8) as u16,
            timestamp: ssrc.rotate_left(16),
            samples: tone::SAMPLE_RATE as usize / 1_000 * usize::from(packet_ms),
            units: 0,
            silent: 0,
            marker: true,
            due: None,
            keys: VecDeque::new(),
            pressed: None,
        };
        mouth.clock(codec);
        mouth
    }

    /// It goes on in that codec.
    pub(super) fn clock(&mut self, codec: Codec) {
        self.units = self.samples as u32 / 8 * codec.per_ms();
    }

    /// How long a packet is.
    pub(super) fn frame(&self) -> Duration {
        Duration::from_micros(self.samples as u64 * 125)
    }

    pub(super) fn leave_out(&mut self, frames: u32) {
        self.timestamp = self.timestamp.wrapping_add(frames.wrapping_mul(self.units));
        self.due = self.due.map(|due| due + self.frame() * frames);
        self.marker = true;
    }

    /// The next packet of the key that is pressed, if one is (RFC 4733 §2.5.1).
    pub(super) fn key(&mut self, payload_type: u8) -> Option<Vec<u8>> {
        if let Some(over) = self.pressed.as_mut().filter(|it| it.packets >= PRESS) {
            self.marker = over.packets == PRESS;
            over.packets += 1;
            if over.packets == PRESS + PAUSE {
                self.pressed = None;
            }
            return None;
        }
        if self.pressed.is_none() {
            self.pressed = Some(Pressed {
                digit: self.keys.pop_front()?,
                timestamp: self.timestamp,
                packets: 0,
            });
        }
        let press = self.pressed.as_mut()?;
        press.packets += 1;
        let lasted = press.packets.min(PRESS - REPEATED_ENDS);
        let report = Report {
            digit: press.digit,
            ended: lasted == PRESS - REPEATED_ENDS,
            duration: lasted * self.units as u16,
        };
        let fixed = Fixed {
            marker: press.packets == 1,
            payload_type,
            sequence: self.sequence,
            timestamp: press.timestamp,
            ssrc: self.ssrc,
        };
        let Some(payload) = report.payload() else {
            self.pressed = None;
            return None;
        };
        self.advance();
        Some(rtp::build(fixed, &payload))
    }

    fn advance(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.units);
        self.due = self.due.map(|due| due + self.frame());
    }

    /// The next frame of the tones of the key that is pressed, or of the pause after it.
    pub(super) fn key_tones(&mut self) -> Option<Vec<i16>> {
        const TONE: u16 = PRESS - REPEATED_ENDS;
        if self.pressed.is_none() {
            self.pressed = Some(Pressed {
                digit: self.keys.pop_front()?,
                timestamp: self.timestamp,
                packets: 0,
            });
        }
        let press = self.pressed.as_mut()?;
        press.packets += 1;
        let (digit, packets) = (press.digit, press.packets);
        if packets == TONE + PAUSE {
            self.pressed = None;
        }
        if packets > TONE {
            return Some(vec![0; self.samples]);
        }
        let tone = dtmf::tones::of(digit, usize::from(packets) * self.samples);
        Some(tone.get(tone.len().checked_sub(self.samples)?..)?.to_vec())
    }

    /// The next packet of what it says, or of those tones; `None` while it is silent and that need not be said.
    pub(super) fn speak(
        &mut self,
        agreed: &Negotiated,
        tones: Option<Vec<i16>>,
    ) -> Option<Vec<u8>> {
        let mut frame = vec![0; self.samples];
        let is_silent = match (&mut self.speech, tones) {
            (_, Some(tones)) => {
                frame.copy_from_slice(&tones);
                false
            }
            (Playing::Silence, None) => true,
            (Playing::Tone(tone), None) => {
                tone.fill(&mut frame);
                false
            }
            (Playing::Samples { samples, at }, None) => {
                let end = samples.len().min(*at + frame.len());
                frame[..end - *at].copy_from_slice(&samples[*at..end]);
                *at = end;
                false
            }
        };
        if let Some(noise) = agreed.noise.filter(|_| is_silent) {
            let says = self.silent.is_multiple_of(NOISE_EVERY);
            self.silent += 1;
            self.marker = true;
            let packet = says.then(|| self.packet(noise.send, false, &noise::PAYLOAD));
            self.timestamp = self.timestamp.wrapping_add(self.units);
            self.due = self.due.map(|due| due + self.frame());
            self.sequence = self.sequence.wrapping_add(u16::from(says));
            return packet;
        }
        self.silent = 0;
        if self.encoder.codec() != agreed.codec {
            self.encoder = Encoder::new(agreed.codec, Rate::Narrow);
        }
        let mut payload = vec![0; self.samples];
        let length = self.encoder.encode(&frame, &mut payload);
        let marker = std::mem::take(&mut self.marker);
        let packet = self.packet(agreed.payload_type, marker, &payload[..length]);
        self.advance();
        Some(packet)
    }

    fn packet(&self, payload_type: u8, marker: bool, payload: &[u8]) -> Vec<u8> {
        let fixed = Fixed {
            marker,
            payload_type,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        rtp::build(fixed, payload)
    }
}
