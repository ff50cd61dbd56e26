//! The audio of a phone: it speaks a tone or a recording and says what it heard.
//!
//! Owns both ends of one RTP stream as a telephone has them, for the demo, the softphone, the
//! simulator and the tests. Sans-IO like the plane: the caller carries the packets. Knows no SIP,
//! and has no jitter buffer: what arrives is what it judges, in the order of arrival.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::codec::{Codec, Decoder, Encoder, Rate};
use crate::dtmf::{self, Presses, Report, inband};
use crate::limits::{self, LATE_FRAMES, RECORDED_DIGITS, RECORDED_SAMPLES};
use crate::plane::Inbound;
use crate::rtp::{self, Fixed};
use crate::sdp::{self, Negotiated};
use crate::srtp::{self, Context};
use crate::tone::{self, Detector, MARKS, Tone};

/// Audio of one packet.
const FRAME: Duration = Duration::from_millis(sdp::PTIME_MS as u64);

/// Samples of one packet.
const SAMPLES: usize = tone::SAMPLE_RATE as usize / 1_000 * sdp::PTIME_MS as usize;

/// Packets of a key that is pressed for 100 ms, and how many more say that it was.
const PRESS: u16 = 5 + REPEATED_ENDS;
const REPEATED_ENDS: u16 = 2;

/// Packets of speech between two keys.
const PAUSE: u16 = 3;

/// The level at which tones are spoken.
const TONE_DB: f32 = -12.0;

/// What a phone says.
#[derive(Clone, Debug)]
pub enum Speech {
    /// Digital silence, which is sent all the same.
    Silence,
    /// A tone of this frequency in Hz.
    Tone(u16),
    /// These samples once, then silence.
    Samples(Vec<i16>),
}

/// What a handset is made with.
#[derive(Clone, Debug)]
pub struct HandsetConfig {
    /// What was agreed with the other side.
    pub agreed: Negotiated,
    /// The stream's SSRC; its first sequence number and timestamp are derived from it.
    pub ssrc: u32,
    /// What it says.
    pub speech: Speech,
    /// The tones that it can tell apart.
    pub candidates: Vec<u16>,
    /// Whether it keeps what it hears, up to [`RECORDED_SAMPLES`].
    pub record: bool,
}

impl HandsetConfig {
    /// A phone that says this and listens for [`MARKS`].
    pub fn new(agreed: Negotiated, ssrc: u32, speech: Speech) -> Self {
        HandsetConfig {
            agreed,
            ssrc,
            speech,
            candidates: MARKS.to_vec(),
            record: false,
        }
    }
}

/// What a phone heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// Packets of audio.
    pub packets: u64,
    /// Packets missing in the sequence.
    pub lost: u64,
    /// Breaks of the sequence: 1 is a stream without any.
    pub streams: u64,
    /// Milliseconds of audio.
    pub audio_ms: u64,
    /// The tone that prevailed.
    pub tone: Option<u16>,
    /// The level of it all, in dB below full scale.
    pub level_db: f32,
    /// The longest time between two packets.
    pub longest_gap_ms: u64,
}

/// See the module's header.
#[derive(Debug)]
pub struct Handset {
    agreed: Negotiated,
    srtp: Option<Context>,
    mouth: Mouth,
    ear: Ear,
}

#[derive(Debug)]
struct Mouth {
    speech: Playing,
    encoder: Encoder,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// Units of the RTP clock in a packet.
    units: u32,
    /// The next packet is the first after silence on the wire.
    marker: bool,
    /// `None` until the first tick.
    due: Option<Instant>,
    /// Keys that are to be pressed, one after another, instead of speaking.
    keys: VecDeque<char>,
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

#[derive(Debug)]
enum Playing {
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

#[derive(Debug)]
struct Ear {
    inbound: Inbound,
    decoder: Decoder,
    detector: Detector,
    packets: u64,
    samples: u64,
    last_arrival: Option<Instant>,
    longest_gap: Duration,
    recording: Option<Vec<i16>>,
    presses: Presses,
    /// Of what came as tones.
    keys: inband::Detector,
    digits: String,
}

impl Handset {
    /// A handset that begins to speak at its first tick.
    pub fn new(config: HandsetConfig) -> Self {
        let codec = config.agreed.codec;
        let keys = config.agreed.srtp.clone();
        Handset {
            srtp: keys.map(|keys| Context::renewed(None, *keys)),
            agreed: config.agreed,
            mouth: Mouth {
                speech: config.speech.into(),
                encoder: Encoder::new(codec, Rate::Narrow),
                ssrc: config.ssrc,
                sequence: (config.ssrc >> 8) as u16,
                timestamp: config.ssrc.rotate_left(16),
                units: units(codec),
                marker: true,
                due: None,
                keys: VecDeque::new(),
                pressed: None,
            },
            ear: Ear {
                inbound: Inbound::default(),
                decoder: Decoder::new(codec, Rate::Narrow),
                detector: Detector::new(&config.candidates),
                packets: 0,
                samples: 0,
                last_arrival: None,
                longest_gap: Duration::ZERO,
                recording: config.record.then(Vec::new),
                presses: Presses::default(),
                keys: inband::Detector::default(),
                digits: String::new(),
            },
        }
    }

    /// A new agreement in mid-call: codec, payload types, direction.
    pub fn configure(&mut self, agreed: Negotiated) {
        let (keys, before) = (agreed.srtp.clone(), self.srtp.take());
        self.srtp = keys.map(|keys| Context::renewed(before, *keys));
        self.mouth.units = units(agreed.codec);
        self.agreed = agreed;
    }

    /// Where its packets go, and what it may do.
    pub fn agreed(&self) -> &Negotiated {
        &self.agreed
    }

    /// Says that from its next packet on.
    pub fn say(&mut self, speech: Speech) {
        self.mouth.speech = speech.into();
    }

    /// Presses these keys, one after another. What is no key is left out.
    pub fn press(&mut self, keys: &str) {
        self.mouth.keys.extend(keys.chars());
    }

    /// The next packet that is due by `now`; call until `None`. After a pause of the caller's the
    /// missed packets are left out.
    pub fn handle_tick(&mut self, now: Instant) -> Option<Vec<u8>> {
        let mut packet = self.due(now)?;
        if let Some(context) = &mut self.srtp {
            let len = packet.len();
            packet.resize(len + srtp::OVERHEAD, 0);
            let sealed = context.sealer.seal(&mut packet, len)?;
            packet.truncate(sealed);
        }
        Some(packet)
    }

    fn due(&mut self, now: Instant) -> Option<Vec<u8>> {
        let due = *self.mouth.due.get_or_insert(now);
        let late = now.checked_duration_since(due)?;
        if late > FRAME * LATE_FRAMES {
            self.mouth
                .leave_out((late.as_nanos() / FRAME.as_nanos()) as u32);
        }
        let agreed = &self.agreed;
        if !agreed.direction.sends() {
            self.mouth.leave_out(1);
            return None;
        }
        let Some(event) = agreed.telephone_event else {
            let tones = self.mouth.key_tones();
            return Some(self.mouth.speak(agreed.codec, agreed.payload_type, tones));
        };
        if let Some(packet) = self.mouth.key(event.send) {
            return Some(packet);
        }
        Some(self.mouth.speak(agreed.codec, agreed.payload_type, None))
    }

    /// When the next packet is due; `None` before the first tick.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.mouth.due
    }

    /// Listens to a datagram. What is not audio as agreed is ignored.
    pub fn handle_packet(&mut self, now: Instant, datagram: &[u8]) {
        if rtp::is_rtcp(datagram) {
            return;
        }
        let mut buffer = datagram.to_vec();
        if let Some(context) = &mut self.srtp {
            let Ok(len) = context.opener.open(&mut buffer) else {
                return;
            };
            buffer.truncate(len);
        }
        let datagram = &buffer;
        let Some(packet) = rtp::parse(datagram) else {
            return;
        };
        let pt = packet.fixed.payload_type;
        let codec = self
            .agreed
            .receive
            .iter()
            .find(|(accepted, _)| *accepted == pt);
        if self
            .ear
            .inbound
            .register(now, &packet.fixed, codec.map(|&(_, codec)| codec))
            .is_none()
        {
            return;
        }
        let event = self.agreed.telephone_event;
        if let Some(&(_, codec)) = codec {
            let by_tones = event.is_none();
            self.ear
                .decode(now, codec, &datagram[packet.payload], by_tones);
        } else if event.is_some_and(|event| event.receive == pt) {
            self.ear
                .count(now, &packet.fixed, &datagram[packet.payload]);
        }
    }

    /// What it heard so far.
    pub fn heard(&self) -> Heard {
        let ear = &self.ear;
        Heard {
            packets: ear.packets,
            lost: ear.inbound.lost(),
            streams: ear.inbound.streams(),
            audio_ms: ear.samples * 1_000 / u64::from(tone::SAMPLE_RATE),
            tone: ear.detector.tone(),
            level_db: ear.detector.level_db(),
            longest_gap_ms: ear.longest_gap.as_millis() as u64,
        }
    }

    /// The keys that the other side pressed, the first [`RECORDED_DIGITS`] of them: as events if those were
    /// agreed on, else as tones.
    pub fn digits(&self) -> &str {
        &self.ear.digits
    }

    /// The samples that it kept.
    pub fn recording(&self) -> &[i16] {
        self.ear.recording.as_deref().unwrap_or(&[])
    }
}

impl Mouth {
    fn leave_out(&mut self, frames: u32) {
        self.timestamp = self.timestamp.wrapping_add(frames.wrapping_mul(self.units));
        self.due = self.due.map(|due| due + FRAME * frames);
        self.marker = true;
    }

    /// The next packet of the key that is pressed, if one is (RFC 4733 §2.5.1).
    fn key(&mut self, payload_type: u8) -> Option<Vec<u8>> {
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
        self.due = self.due.map(|due| due + FRAME);
    }

    /// The next frame of the tones of the key that is pressed, or of the pause after it.
    fn key_tones(&mut self) -> Option<Vec<i16>> {
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
            return Some(vec![0; SAMPLES]);
        }
        let tone = dtmf::tones::of(digit, usize::from(packets) * SAMPLES);
        Some(tone.get(tone.len().checked_sub(SAMPLES)?..)?.to_vec())
    }

    fn speak(&mut self, codec: Codec, payload_type: u8, tones: Option<Vec<i16>>) -> Vec<u8> {
        let mut frame = [0; SAMPLES];
        match &mut self.speech {
            Playing::Silence => {}
            Playing::Tone(tone) => tone.fill(&mut frame),
            Playing::Samples { samples, at } => {
                let end = samples.len().min(*at + SAMPLES);
                frame[..end - *at].copy_from_slice(&samples[*at..end]);
                *at = end;
            }
        }
        if let Some(tones) = tones {
            frame.copy_from_slice(&tones);
        }
        let fixed = Fixed {
            marker: self.marker,
            payload_type,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.marker = false;
        self.advance();
        if self.encoder.codec() != codec {
            self.encoder = Encoder::new(codec, Rate::Narrow);
        }
        let mut payload = [0; SAMPLES];
        let length = self.encoder.encode(&frame, &mut payload);
        rtp::build(fixed, &payload[..length])
    }
}

/// Units of the RTP clock of a codec in a packet.
fn units(codec: Codec) -> u32 {
    u32::from(sdp::PTIME_MS) * codec.per_ms()
}

impl Ear {
    fn count(&mut self, now: Instant, fixed: &Fixed, payload: &[u8]) {
        if let dtmf::Heard::Press(digit) = self.presses.hear(now, fixed, payload) {
            keep(&mut self.digits, digit);
        }
    }

    fn decode(&mut self, now: Instant, codec: Codec, payload: &[u8], by_tones: bool) {
        if self.decoder.codec() != codec {
            self.decoder = Decoder::new(codec, Rate::Narrow);
        }
        let mut samples = [0; limits::PACKET];
        let length = self.decoder.decode(payload, &mut samples);
        if by_tones {
            let (keys, digits) = (&mut self.keys, &mut self.digits);
            keys.hear(&samples[..length], |digit| keep(digits, digit));
        }
        self.listen(now, &samples[..length]);
    }

    fn listen(&mut self, now: Instant, samples: &[i16]) {
        if let Some(last) = self.last_arrival {
            self.longest_gap = self.longest_gap.max(now.saturating_duration_since(last));
        }
        self.last_arrival = Some(now);
        self.packets += 1;
        self.samples += samples.len() as u64;
        self.detector.listen(samples);
        if let Some(recording) = &mut self.recording {
            let room = RECORDED_SAMPLES.saturating_sub(recording.len());
            recording.extend(&samples[..samples.len().min(room)]);
        }
    }
}

fn keep(digits: &mut String, digit: char) {
    if digits.len() < RECORDED_DIGITS {
        digits.push(digit);
    }
}
