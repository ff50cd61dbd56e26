//! The audio of a phone: it speaks a tone or a recording and says what it heard.
//!
//! Owns both ends of one RTP stream as a telephone has them, for the demo, the softphone, the
//! simulator and the tests. Sans-IO like the plane: the caller carries the packets. Knows no SIP,
//! and has no jitter buffer: what arrives is what it judges, in the order of arrival.

mod mouth;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::codec::{Codec, Decoder, Rate};
use crate::dtmf::{self, Presses, inband};
use crate::limits::{self, LATE_FRAMES, RECORDED_DIGITS, RECORDED_SAMPLES};
use crate::plane::Inbound;
use crate::rtp::{self, Fixed};
use crate::sdp::{self, Negotiated};
use crate::srtp::{self, Context};
use crate::tone::{self, Detector, MARKS};
use mouth::Mouth;

/// What a phone says.
#[derive(Clone, Debug)]
pub enum Speech {
    /// Digital silence, which is sent all the same, unless comfort noise was agreed on.
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
    /// Milliseconds of its packets, whatever the other side asks for.
    pub packet_ms: u16,
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
            packet_ms: sdp::PTIME_MS,
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
    /// Milliseconds of the shortest packet and of the longest.
    pub packet_ms: (u64, u64),
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
struct Ear {
    inbound: Inbound,
    decoder: Decoder,
    detector: Detector,
    packets: u64,
    samples: u64,
    last_arrival: Option<Instant>,
    longest_gap: Duration,
    /// Samples of the shortest packet and of the longest.
    lengths: (usize, usize),
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
            mouth: Mouth::new(config.speech, codec, config.ssrc, config.packet_ms),
            ear: Ear {
                inbound: Inbound::default(),
                decoder: Decoder::new(codec, Rate::Narrow),
                detector: Detector::new(&config.candidates),
                packets: 0,
                samples: 0,
                last_arrival: None,
                longest_gap: Duration::ZERO,
                lengths: (usize::MAX, 0),
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
        self.mouth.clock(agreed.codec);
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
        let frame = self.mouth.frame();
        if late > frame * LATE_FRAMES {
            self.mouth
                .leave_out((late.as_nanos() / frame.as_nanos()) as u32);
        }
        let agreed = &self.agreed;
        if !agreed.direction.sends() {
            self.mouth.leave_out(1);
            return None;
        }
        let Some(event) = agreed.telephone_event else {
            let tones = self.mouth.key_tones();
            return self.mouth.speak(agreed, tones);
        };
        if let Some(packet) = self.mouth.key(event.send) {
            return Some(packet);
        }
        self.mouth.speak(agreed, None)
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
            packet_ms: (ear.lengths.0 as u64 / 8, ear.lengths.1 as u64 / 8),
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
        self.lengths = (
            self.lengths.0.min(samples.len()),
            self.lengths.1.max(samples.len()),
        );
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
