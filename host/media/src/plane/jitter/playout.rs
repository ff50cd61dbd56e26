//! When a piece of a stream is played, and by how much later or earlier than it was meant to be.
//!
//! Owns where the play-out is and when it is moved; knows no octet.

use std::time::{Duration, Instant};

use super::AHEAD;
use super::margins::Margins;
use crate::limits::{JITTER_MAX, JITTER_START};

/// 10 ms in eighths of a millisecond, in which the play-out counts whatever the RTP clock is.
pub(super) const PIECE_TIME: i64 = 80;

/// Pieces that the first of a stream waits for.
pub(super) const START: i64 = (JITTER_START.as_millis() / 10) as i64;

/// One tick.
const TICK_TIME: i64 = 2 * PIECE_TIME;

/// Below this a packet that comes a little later than usual is heard no more: 10 ms.
const MARGIN_LOW: i64 = PIECE_TIME;

/// Above this packets wait for nothing: 30 ms.
const MARGIN_HIGH: i64 = 3 * PIECE_TIME;

/// Above this 10 ms are left out even while the party speaks: 60 ms.
const MARGIN_FORCED: i64 = 6 * PIECE_TIME;

/// The least time between two slips while the party speaks.
const FORCED_EVERY: Duration = Duration::from_millis(200);

/// When packets have come too late for so long, and so many of them, the sender's clock has jumped.
const LATE_FOR: Duration = Duration::from_millis(100);
const LATE_PACKETS: u32 = 8;

/// What is the newest that was heard before anything was.
const NONE: i64 = i64::MIN;

/// Where a stream is played. Pieces are counted over all streams, so that each has its place behind those before.
#[derive(Debug)]
pub(super) struct Playout {
    /// As [`Order`](crate::plane::inbound::Order) counts them: one for each SSRC.
    pub(super) stream: u64,
    /// Units of its RTP clock in a millisecond.
    pub(super) per_ms: u32,
    /// A packet's timestamp and its piece: the reference for all others.
    timestamp: u32,
    pub(super) piece: i64,
    /// The piece that is next.
    pub(super) next: i64,
    /// The newest that was played.
    pub(super) heard: i64,
    /// When it was taken from last, and moved.
    pub(super) ticked: Instant,
    slipped: Instant,
    pub(super) margins: Margins,
    /// Since when every packet has been late, and how many.
    late: Option<(Instant, u32)>,
}

/// What is done to the play-out at a tick.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Slip {
    None,
    LeaveOut,
    PutIn,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    InTime,
    Late,
    /// It is so far from where the play-out is that it begins anew there.
    Jumped,
}

impl Playout {
    /// Of a stream whose first packet has this timestamp, by a clock of so many units a millisecond. It goes on behind what
    /// was played before, and puts nothing in its place: what it has from before that is late.
    pub(super) fn new(
        now: Instant,
        before: Option<&Playout>,
        stream: u64,
        (timestamp, per_ms): (u32, u32),
    ) -> Self {
        let (next, heard) = before.map_or((0, NONE), |it| (it.next, it.heard));
        Playout {
            stream,
            per_ms,
            timestamp,
            piece: next + START,
            next,
            heard,
            ticked: now,
            slipped: now,
            margins: Margins::new(now),
            late: None,
        }
    }

    /// The piece that a timestamp begins. One that is not a multiple of 10 ms from the others, as after
    /// a pause, shifts all that follow by less than half of that.
    pub(super) fn find(&mut self, timestamp: u32) -> i64 {
        let step = timestamp.wrapping_sub(self.timestamp) as i32;
        let piece = self.per_ms as i32 * 10;
        self.piece += i64::from(step.saturating_add(piece / 2).div_euclid(piece));
        self.timestamp = timestamp;
        self.piece
    }

    /// Whether a piece that came now is heard; it may wait for it.
    pub(super) fn judge(&mut self, now: Instant, piece: i64) -> Verdict {
        if piece - self.next >= AHEAD {
            return Verdict::Jumped;
        }
        let behind = self.next - piece;
        // Waiting for it costs nothing that was heard, if nothing newer was.
        if behind > 0 && piece > self.heard && self.may_wait(behind * PIECE_TIME) {
            self.next = piece;
            self.margins.shift(behind * PIECE_TIME);
        }
        let passed = now.saturating_duration_since(self.ticked).as_micros() as i64 * 8 / 1_000;
        let margin = (piece - self.next) * PIECE_TIME + TICK_TIME - passed.min(TICK_TIME);
        self.margins.note(now, margin);
        if piece >= self.next {
            self.late = None;
            return Verdict::InTime;
        }
        let (since, packets) = self.late.get_or_insert((now, 0));
        *packets += 1;
        let for_long = now.saturating_duration_since(*since) >= LATE_FOR;
        if for_long && *packets >= LATE_PACKETS {
            Verdict::Jumped
        } else {
            Verdict::Late
        }
    }

    /// Whether everything may be played so much later.
    fn may_wait(&self, longer: i64) -> bool {
        let most = self.margins.most().unwrap_or(0).max(0);
        most + longer <= JITTER_MAX.as_millis() as i64 * 8
    }

    /// Whether silence would be used to move it.
    pub(super) fn awaits_silence(&mut self, now: Instant) -> bool {
        let least = self.margins.least(now);
        least.is_some_and(|least| !(MARGIN_LOW..=MARGIN_HIGH).contains(&least))
    }

    /// What is to be done to it.
    pub(super) fn wants(&mut self, now: Instant, quiet: bool) -> Slip {
        let Some(least) = self.margins.least(now) else {
            return Slip::None;
        };
        let rested = || now.saturating_duration_since(self.slipped) >= FORCED_EVERY;
        if least > MARGIN_HIGH && quiet || least > MARGIN_FORCED && rested() {
            Slip::LeaveOut
        } else if least < MARGIN_LOW && quiet && self.may_wait(PIECE_TIME) {
            Slip::PutIn
        } else {
            Slip::None
        }
    }

    /// It was moved by so much.
    pub(super) fn slipped(&mut self, now: Instant, by: i64) {
        self.slipped = now;
        self.margins.shift(by);
    }
}
