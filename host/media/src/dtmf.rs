//! The keys of a telephone as packets (RFC 4733): what one says, and which of them are one press.
//!
//! A press is many packets of one timestamp, each of which may be lost, doubled or late. Whatever is
//! left of them, it is told once: nothing here depends on the marker of the first packet or on the
//! end bit of the last three. Only the first report of a packet is read: further ones are of
//! gapless series of events (RFC 4733 §2.5.1.4), which keys are not, and some senders pad.

pub mod inband;
#[cfg(test)]
mod tests;
pub(crate) mod tones;

use std::time::{Duration, Instant};

use crate::limits::{PRESS_SHORTEST, PRESSES_AT_ONCE, PRESSES_KNOWN};
use crate::rtp::Fixed;

/// The events of the keys, in the order of their codes (RFC 4733 §3.2, table 3).
pub(crate) const KEYS: &[u8; 16] = b"0123456789*#ABCD";

/// The longest duration that a report can tell. A longer press goes on as another segment, whose
/// timestamp is later by this (RFC 4733 §2.5.1.3).
pub(crate) const SEGMENT: u32 = 0xffff;

/// What one packet says of a press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The key: `0` to `9`, `*`, `#`, `A` to `D`.
    pub digit: char,
    /// It is over.
    pub ended: bool,
    /// How long it has lasted, in units of the timestamp.
    pub duration: u16,
}

impl Report {
    /// Reads a payload; `None` if it is none, or of an event that is no key.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let [event, flags, high, low] = *payload.first_chunk()?;
        Some(Report {
            digit: char::from(*KEYS.get(usize::from(event))?),
            ended: flags & 0x80 != 0,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    /// The payload; `None` if there is no such key. The level is that of the tones that the plane
    /// would play: −10 dBm0.
    pub fn payload(self) -> Option<[u8; 4]> {
        let event = KEYS.iter().position(|&key| char::from(key) == self.digit)?;
        let [high, low] = self.duration.to_be_bytes();
        // A place in a table of sixteen.
        Some([event as u8, u8::from(self.ended) << 7 | 0x0a, high, low])
    }
}

/// Brings the duration of a payload, and of the segments of its press before, from one clock to another, both in units
/// a millisecond: there the press is one segment. Longer than can be told is told as that: 1.4 s of a clock of 48,000 Hz,
/// 8.2 s of one of 8,000.
pub(crate) fn rescale(payload: &mut [u8], before: u32, from: u32, to: u32) {
    if let Some([_, _, high, low]) = payload.first_chunk_mut() {
        let duration = u32::from(u16::from_be_bytes([*high, *low])).saturating_add(before);
        let other = u64::from(duration) * u64::from(to) / u64::from(from);
        let other = other.min(u64::from(SEGMENT)) as u16;
        [*high, *low] = other.to_be_bytes();
    }
}

/// What a packet of telephone events means to whoever counts presses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A key was pressed that was not told yet.
    Press(char),
    /// The same, but no thumb is so fast.
    Flood,
    /// Nothing new.
    Nothing,
}

/// The presses of one party: which of them are known.
#[derive(Debug, Default)]
pub struct Presses {
    known: [Option<Segment>; PRESSES_KNOWN],
    /// Where the next one goes.
    next: usize,
    /// When the presses so far would be over if each were of the shortest length.
    over: Option<Instant>,
}

/// A press, or a part of a long one.
#[derive(Clone, Copy, Debug)]
struct Segment {
    ssrc: u32,
    timestamp: u32,
    /// What those before it have lasted.
    before: u32,
    digit: char,
}

impl Presses {
    /// Takes a packet of the payload type that was agreed for telephone events.
    pub fn hear(&mut self, now: Instant, fixed: &Fixed, payload: &[u8]) -> Heard {
        let Some(Report { digit, .. }) = Report::parse(payload) else {
            return Heard::Nothing;
        };
        let &Fixed {
            ssrc, timestamp, ..
        } = fixed;
        let mut of_sender = self.known.iter().flatten().filter(|it| it.ssrc == ssrc);
        if of_sender.clone().any(|it| it.timestamp == timestamp) {
            return Heard::Nothing;
        }
        let is_before =
            |it: &&Segment| it.digit == digit && timestamp.wrapping_sub(it.timestamp) == SEGMENT;
        let former = of_sender.find(is_before).filter(|_| !fixed.marker);
        let before = former.map(|it| it.before.saturating_add(SEGMENT));
        self.known[self.next] = Some(Segment {
            ssrc,
            timestamp,
            before: before.unwrap_or_default(),
            digit,
        });
        self.next = (self.next + 1) % PRESSES_KNOWN;
        if before.is_some() {
            Heard::Nothing
        } else if self.has_room(now) {
            Heard::Press(digit)
        } else {
            Heard::Flood
        }
    }

    /// What the segments of its press have lasted before that of a packet which was heard.
    pub(crate) fn before(&self, fixed: &Fixed) -> u32 {
        let is_it = |it: &&Segment| (it.ssrc, it.timestamp) == (fixed.ssrc, fixed.timestamp);
        let known = self.known.iter().flatten().find(is_it);
        known.map_or(0, |it| it.before)
    }

    /// Whether one more press may be told; counts it if so.
    pub(crate) fn has_room(&mut self, now: Instant) -> bool {
        const AHEAD: Duration = PRESS_SHORTEST.saturating_mul(PRESSES_AT_ONCE);
        let begins = self.over.map_or(now, |over| over.max(now));
        let ends = begins + PRESS_SHORTEST;
        if ends.saturating_duration_since(now) > AHEAD {
            return false;
        }
        self.over = Some(ends);
        true
    }
}
