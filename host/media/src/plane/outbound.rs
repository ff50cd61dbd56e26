//! What a port sends: one SSRC for its whole life, whatever feeds it.
//!
//! Owns the mapping from a source's sequence numbers and timestamps to ours: offsets per source,
//! never the peer's own values. At a switch of source the sequence goes on without
//! a gap, the timestamp advances by the time that really passed, and the marker is set.
//! Within a source gaps stay gaps and late packets stay late, so that the peer's jitter buffer and
//! loss concealment see what happened.

use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::inbound::Order;
use crate::rtp::Fixed;

/// The stream of what a port says by itself; those that it receives are counted from 1.
pub(super) const OWN: u64 = 0;

/// Timestamp units of an ordinary packet: 20 ms at 8,000 Hz.
const FRAME: u32 = 160;

/// The values of a packet in our stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    /// It is the first packet of its source.
    pub(super) switched: bool,
}

/// See the module's header.
#[derive(Debug)]
pub(super) struct Outbound {
    ssrc: u32,
    /// One more than the highest sequence number sent, extended to 64 bits.
    next: i64,
    pace: Pace,
    source: Option<Source>,
}

/// Where the timestamps have come to.
#[derive(Debug)]
enum Pace {
    /// Nothing was sent; this is the first timestamp.
    Silent { first: u32 },
    /// The newest timestamp, when it was sent, and how much audio it stood for.
    Running {
        timestamp: u32,
        sent: Instant,
        length: u32,
    },
}

#[derive(Debug)]
struct Source {
    stream: u64,
    /// Added to its index gives our extended sequence number.
    sequence_offset: i64,
    /// Added to its timestamp gives ours.
    timestamp_offset: u32,
    /// Indices below have no place of their own in our sequence.
    floor: i64,
}

impl Outbound {
    pub(super) fn new(random: &mut ChaCha8Rng) -> Self {
        Outbound {
            ssrc: random.next_u32(),
            // Of the lower half, so that SRTP agrees on how often it began anew if the first are lost
            // (RFC 3711 §3.3.1).
            next: i64::from(random.next_u32() as u16 >> 1),
            pace: Pace::Silent {
                first: random.next_u32(),
            },
            source: None,
        }
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The timestamp of what would be said now.
    pub(super) fn timestamp(&self, now: Instant) -> u32 {
        match self.pace {
            Pace::Silent { first } => first,
            Pace::Running {
                timestamp, sent, ..
            } => timestamp.wrapping_add(passed(now, sent)),
        }
    }

    /// The next packet is of another source, even if its stream has the same number.
    pub(super) fn switch(&mut self) {
        self.source = None;
    }

    /// The place of a packet of `octets` of payload; `None` if it comes too late to have one.
    pub(super) fn place(
        &mut self,
        now: Instant,
        order: Order,
        fixed: &Fixed,
        octets: usize,
    ) -> Option<Slot> {
        let switched = self
            .source
            .as_ref()
            .is_none_or(|s| s.stream != order.stream);
        if switched {
            self.source = Some(Source {
                stream: order.stream,
                sequence_offset: self.next - order.index,
                timestamp_offset: self.pace.due(now).wrapping_sub(fixed.timestamp),
                floor: order.index,
            });
        }
        let source = self.source.as_ref()?;
        if order.index < source.floor {
            return None;
        }
        let sequence = order.index + source.sequence_offset;
        let timestamp = fixed.timestamp.wrapping_add(source.timestamp_offset);
        self.next = self.next.max(sequence + 1);
        self.pace.advance(now, timestamp, octets as u32);
        Some(Slot {
            sequence: sequence as u16,
            timestamp,
            switched,
        })
    }

    /// A packet of the source that the peer does not get: it leaves no gap, which the peer would
    /// take for loss.
    pub(super) fn skip(&mut self, order: Order) {
        let Some(source) = self.source.as_mut().filter(|s| s.stream == order.stream) else {
            return;
        };
        let is_new = order.index + source.sequence_offset >= self.next;
        if is_new && order.index >= source.floor {
            source.sequence_offset -= 1;
            source.floor = order.index + 1;
        }
    }
}

impl Pace {
    /// The timestamp of a packet of another source that is sent now.
    fn due(&self, now: Instant) -> u32 {
        match *self {
            Pace::Silent { first } => first,
            Pace::Running {
                timestamp,
                sent,
                length,
            } => timestamp.wrapping_add(passed(now, sent).max(length)),
        }
    }

    /// Late packets, and those of an event after its first, do not move it.
    fn advance(&mut self, now: Instant, timestamp: u32, length: u32) {
        let newer = match *self {
            Pace::Silent { .. } => true,
            Pace::Running {
                timestamp: last, ..
            } => timestamp.wrapping_sub(last) as i32 > 0,
        };
        if newer {
            *self = Pace::Running {
                timestamp,
                sent: now,
                length: length.max(FRAME),
            };
        }
    }
}

/// Units of the RTP clock since then.
fn passed(now: Instant, since: Instant) -> u32 {
    (now.saturating_duration_since(since).as_micros() * 8 / 1_000) as u32
}
