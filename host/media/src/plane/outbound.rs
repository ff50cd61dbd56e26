//! What a port sends: one SSRC for its whole life, whatever feeds it.
//!
//! Owns the mapping from a source's sequence numbers and timestamps to ours: offsets per source,
//! never the peer's own values. At a switch of source the sequence goes on without
//! a gap, the timestamp advances by the time that really passed, and the marker is set. Where that is less than
//! the packet before lasts, the timestamp is ahead of the clock from then on, until a later switch has room to
//! take it off. Where the clock of a source is not that of our stream its timestamps are brought to ours.
//! Within a source gaps stay gaps and late packets stay late, so that the peer's jitter buffer and
//! loss concealment see what happened.

#[cfg(test)]
mod tests;

use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::inbound::Order;
use crate::codec::Codec;
use crate::rtp::Fixed;

/// The stream of what a port says by itself; those that it receives are counted from 1.
pub(super) const OWN: u64 = 0;

/// Milliseconds of an ordinary packet.
const FRAME: u32 = 20;

/// The values of a packet in our stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    /// It is the first packet of its source.
    pub(super) switched: bool,
}

/// How long a packet of a source lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Length {
    /// Units of the source's clock in a millisecond.
    pub(super) per_ms: u32,
    /// In those units.
    pub(super) units: u32,
}

impl Length {
    /// Of 20 ms by the clock of a codec.
    pub(super) fn of_frame(codec: Codec) -> Self {
        let per_ms = codec.per_ms();
        Length {
            per_ms,
            units: FRAME * per_ms,
        }
    }
}

/// See the module's header.
#[derive(Debug)]
pub(super) struct Outbound {
    ssrc: u32,
    /// Units of the clock of our stream in a millisecond.
    per_ms: u32,
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
        /// By how much switches have brought it before the clock.
        ahead: u32,
    },
}

#[derive(Debug)]
struct Source {
    stream: u64,
    /// Added to its index gives our extended sequence number.
    sequence_offset: i64,
    /// Units of its clock in a millisecond.
    per_ms: u32,
    /// One of its timestamps, and what it is in our stream.
    theirs: u32,
    ours: u32,
    /// Indices below have no place of their own in our sequence.
    floor: i64,
}

impl Outbound {
    pub(super) fn new(random: &mut ChaCha8Rng) -> Self {
        Outbound {
            ssrc: random.next_u32(),
            per_ms: Codec::ALL[0].per_ms(),
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

    /// Our stream goes on with a clock of so many units a millisecond.
    pub(super) fn set_clock(&mut self, per_ms: u32) {
        if let Pace::Running { length, ahead, .. } = &mut self.pace {
            *length = *length / self.per_ms * per_ms;
            *ahead = *ahead / self.per_ms * per_ms;
        }
        self.per_ms = per_ms;
    }

    /// Units of the clock of our stream in a millisecond.
    pub(super) fn per_ms(&self) -> u32 {
        self.per_ms
    }

    /// The timestamp of what would be said now.
    pub(super) fn timestamp(&self, now: Instant) -> u32 {
        match self.pace {
            Pace::Silent { first } => first,
            Pace::Running {
                timestamp, sent, ..
            } => timestamp.wrapping_add(self.passed(now, sent)),
        }
    }

    /// Whether another source would speak before 20 ms of the last packet have passed.
    pub(super) fn is_early(&self, now: Instant) -> bool {
        match self.pace {
            Pace::Running { sent, .. } if self.source.is_none() => {
                self.passed(now, sent) < FRAME * self.per_ms
            }
            _ => false,
        }
    }

    /// The next packet is of another source, even if its stream has the same number.
    pub(super) fn switch(&mut self) {
        self.source = None;
    }

    /// The place of a packet; `None` if it comes too late to have one.
    pub(super) fn place(
        &mut self,
        now: Instant,
        order: Order,
        fixed: &Fixed,
        length: Length,
    ) -> Option<Slot> {
        let same = |it: &Source| it.stream == order.stream && it.per_ms == length.per_ms;
        let switched = !self.source.as_ref().is_some_and(same);
        if switched {
            self.source = Some(Source {
                stream: order.stream,
                sequence_offset: self.next - order.index,
                per_ms: length.per_ms,
                theirs: fixed.timestamp,
                ours: self.switched(now),
                floor: order.index,
            });
        }
        let source = self.source.as_mut()?;
        if order.index < source.floor {
            return None;
        }
        let sequence = order.index + source.sequence_offset;
        let timestamp = source.ours(fixed.timestamp, self.per_ms);
        self.next = self.next.max(sequence + 1);
        let units = if length.per_ms == self.per_ms {
            length.units
        } else {
            length.units * self.per_ms / length.per_ms
        };
        self.pace
            .advance(now, timestamp, units.max(FRAME * self.per_ms));
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

    /// The timestamp of a packet of another source that is sent now.
    fn switched(&mut self, now: Instant) -> u32 {
        let Pace::Running {
            timestamp,
            sent,
            length,
            ahead,
        } = self.pace
        else {
            return self.timestamp(now);
        };
        let passed = self.passed(now, sent);
        let step = passed.saturating_sub(ahead).max(length);
        if let Pace::Running { ahead, .. } = &mut self.pace {
            *ahead = (*ahead + step).saturating_sub(passed);
        }
        timestamp.wrapping_add(step)
    }

    /// Units of our clock since then.
    fn passed(&self, now: Instant, since: Instant) -> u32 {
        let micros = now.saturating_duration_since(since).as_micros();
        (micros * u128::from(self.per_ms) / 1_000) as u32
    }
}

impl Source {
    /// A timestamp of this source in our stream.
    fn ours(&mut self, timestamp: u32, per_ms: u32) -> u32 {
        let step = timestamp.wrapping_sub(self.theirs) as i32;
        if per_ms == self.per_ms {
            return self.ours.wrapping_add(step as u32);
        }
        let (many, few) = (i64::from(per_ms), i64::from(self.per_ms));
        let scaled = i64::from(step) * many;
        let ours = self.ours.wrapping_add((scaled / few) as u32);
        // The pair moves on, so that it is never half of all timestamps away.
        if step > 0 && scaled % few == 0 {
            (self.theirs, self.ours) = (timestamp, ours);
        }
        ours
    }
}

impl Pace {
    /// Late packets, and those of an event after its first, do not move it.
    fn advance(&mut self, now: Instant, timestamp: u32, length: u32) {
        let ahead = match *self {
            Pace::Silent { .. } => 0,
            Pace::Running {
                timestamp: last,
                ahead,
                ..
            } if timestamp.wrapping_sub(last) as i32 > 0 => ahead,
            Pace::Running { .. } => return,
        };
        *self = Pace::Running {
            timestamp,
            sent: now,
            length,
            ahead,
        };
    }
}
