//! Keys in the audio of a peer that sends no telephone events: decoded as it comes and listened to.
//!
//! There is no jitter buffer: packets are heard in the order of their timestamps, and one that is late is
//! as if it were lost. What is lost is left out, so that a press with a hole is one press. Costs nothing where
//! nobody listens.

use std::time::Instant;

use super::{Arrival, Content, Leg, Port};
use crate::codec::{Codec, Decoder, Rate};
use crate::dtmf::inband::Detector;

/// Milliseconds that may be lost of a press: after more the next tone is another one.
const HOLE: u32 = 60;

/// The same where a key sounds up to the hole. It takes a pause between two presses of one key with it if that is
/// shorter, which no thumb's is.
const HOLE_IN_TONE: u32 = 120;

/// See the module's header.
#[derive(Debug)]
pub(super) struct Listener {
    decoder: Decoder,
    detector: Detector,
    /// The stream that is heard, and the timestamp that is next.
    next: Option<(u64, u32)>,
}

impl Listener {
    fn new() -> Self {
        Listener {
            decoder: Decoder::new(Codec::Pcma, Rate::Narrow),
            detector: Detector::default(),
            next: None,
        }
    }

    /// Takes a packet of audio; every key that is pressed in it is told.
    fn hear(
        &mut self,
        (stream, timestamp): (u64, u32),
        codec: Codec,
        payload: &[u8],
        mut told: impl FnMut(char),
    ) {
        match self.next {
            Some((same, next)) if same == stream => {
                let hole = timestamp.wrapping_sub(next) as i32;
                if hole < 0 {
                    return;
                }
                let most = if self.detector.sounds() {
                    HOLE_IN_TONE
                } else {
                    HOLE
                };
                if hole as u32 > most * codec.per_ms() {
                    self.detector.forget();
                }
            }
            _ => self.detector.forget(),
        }
        let end = timestamp.wrapping_add(codec.lasts(payload));
        self.next = Some((stream, end));
        if self.decoder.codec() != codec {
            self.decoder = Decoder::new(codec, Rate::Narrow);
        }
        let detector = &mut self.detector;
        self.decoder
            .each(payload, |samples| detector.hear(samples, &mut told));
    }

    /// Whether a key is being pressed.
    fn is_pressed(&self) -> bool {
        self.detector.is_pressed()
    }
}

impl Port {
    /// Whether keys are looked for in what comes.
    pub(in crate::plane) fn listens(&self) -> bool {
        self.listener.is_some()
    }

    /// Keys are looked for from now on, or no more.
    pub(in crate::plane) fn listen(&mut self, to_tones: bool) {
        if to_tones != self.listens() {
            self.listener = to_tones.then(|| Box::new(Listener::new()));
        }
    }

    /// Looks for keys in what came. Those that come faster than any telephone sends them are only counted.
    pub(in crate::plane) fn hear_tones(
        &mut self,
        now: Instant,
        arrival: &mut Arrival,
        datagram: &[u8],
        mut told: impl FnMut(char),
    ) {
        let (Content::Audio(codec), Some(listener)) = (arrival.content, &mut self.listener) else {
            return;
        };
        let place = (arrival.order.stream, arrival.packet.fixed.timestamp);
        let payload = &datagram[arrival.packet.payload.clone()];
        let (presses, counts) = (&mut self.presses, &mut self.counts);
        listener.hear(place, codec, payload, |key| {
            if presses.get_or_insert_default().has_room(now) {
                told(key);
            } else {
                counts.digits_dropped += 1;
            }
        });
        let says_events = |leg: &Leg| leg.terms.telephone_event.is_some();
        arrival.has_tones = listener.is_pressed() && !self.leg.as_ref().is_some_and(says_events);
    }
}
