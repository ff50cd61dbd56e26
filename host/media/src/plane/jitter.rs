//! The jitter buffer of a port whose audio is decoded: packets go in as they come, 20 ms come out
//! at each tick.
//!
//! ```text
//!            late, and nothing newer was heard: the play-out waits for it
//!         ┌──────────────────────────────┐      quiet, and all packets come too early: 10 ms are left out
//!  put ───┴─▶ ring of 10 ms pieces ──────┴───▶ take
//!                                              quiet, and some come too late: 10 ms are put in
//! ```
//!
//! Owns when a piece is played, never what it sounds like: whoever takes it decodes and conceals
//! (see [`Ear`](super::ear::Ear)). Keyed by the timestamp and not by the sequence number: so packets of 10,
//! 20, 30 or 40 ms, silence that was not sent and events between the audio all find their place without
//! further rules.
//!
//! How long a piece waits adapts itself between 20 and 120 ms by the *margin* of packets: how long
//! before its turn each one came. The smallest of the last two seconds is kept between
//! [`MARGIN_LOW`] and [`MARGIN_HIGH`] by slips of 10 ms in silence, which also takes up the drift of the
//! two clocks; where it is never silent a slip is made all the same before the delay grows.
//! Allocates nothing after its construction.

mod margins;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::codec::Codec;
use crate::limits::{JITTER_MAX, JITTER_PIECES, JITTER_START};
use margins::Margins;

/// Octets of 10 ms.
pub const PIECE: usize = 80;

/// 10 ms in eighths of a millisecond, in which the play-out counts whatever the RTP clock is.
const PIECE_TIME: i64 = 80;

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

/// What became of packets and pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets that came after their turn.
    pub late: u64,
    /// Packets of less than 10 ms, which nobody agrees to.
    pub short: u64,
    /// Pieces that were played.
    pub played: u64,
    /// Pieces that were not there at their turn.
    pub missing: u64,
    /// Pieces left out so that the delay shrinks.
    pub left_out: u64,
    /// Pieces put in so that the delay grows.
    pub put_in: u64,
}

/// See the module's header.
#[derive(Debug)]
pub struct Jitter {
    playout: Option<Playout>,
    counts: Counts,
    /// A bit for each place that has a piece: one of those from the next one on, of which each has its place.
    taken: u32,
    codecs: [Codec; JITTER_PIECES],
    /// Those of 20 ms that begin at an even place fill two lines and a half.
    pieces: Pieces,
}

#[derive(Debug)]
#[repr(align(64))]
struct Pieces([[u8; PIECE]; JITTER_PIECES]);

// A bit for each.
const _: () = assert!(JITTER_PIECES == u32::BITS as usize);

/// Where a stream is played. Pieces are counted from its first packet.
#[derive(Debug)]
struct Playout {
    /// As [`Order`](super::inbound::Order) counts them: one for each SSRC.
    stream: u64,
    /// Units of its RTP clock in a millisecond.
    per_ms: u32,
    /// A packet's timestamp and its piece: the reference for all others.
    timestamp: u32,
    piece: i64,
    /// The piece that is next.
    next: i64,
    /// The newest that was played.
    heard: i64,
    ticked: Instant,
    slipped: Instant,
    margins: Margins,
    /// Since when every packet has been late, and how many.
    late: Option<(Instant, u32)>,
}

/// What is done to the play-out at a tick.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slip {
    None,
    LeaveOut,
    PutIn,
}

impl Default for Jitter {
    fn default() -> Self {
        Jitter {
            playout: None,
            counts: Counts::default(),
            taken: 0,
            codecs: [Codec::Pcma; JITTER_PIECES],
            pieces: Pieces([[0; PIECE]; JITTER_PIECES]),
        }
    }
}

impl Jitter {
    /// Takes a packet. `stream` grows with each new SSRC or restarted sender, which begins anew;
    /// `timestamp` is the packet's own.
    pub fn put(&mut self, now: Instant, stream: u64, timestamp: u32, codec: Codec, payload: &[u8]) {
        if payload.len() < PIECE {
            self.counts.short += 1;
            return;
        }
        let per_ms = codec.per_ms();
        let same = |it: &Playout| it.stream == stream && it.per_ms == per_ms;
        if !self.playout.as_ref().is_some_and(same) {
            self.restart(now, stream, timestamp, per_ms);
        }
        let Some(playout) = &mut self.playout else {
            return;
        };
        let (pieces, _) = payload.as_chunks::<PIECE>();
        let mut first = playout.find(timestamp);
        let before = playout.next;
        let verdict = playout.judge(now, first);
        // If it waits, what it waits for has those places; what is furthest ahead may be in them if nothing was taken
        // for long.
        for piece in playout.next..before {
            self.taken &= !(1 << place(piece));
        }
        self.counts.late += u64::from(verdict != Verdict::InTime);
        if verdict == Verdict::Jumped {
            self.restart(now, stream, timestamp, per_ms);
            first = 0;
        }
        let Some(playout) = &self.playout else {
            return;
        };
        for (piece, octets) in (first..).zip(pieces) {
            // A packet of more than the ring holds, or one that is partly too late.
            if piece < playout.next || piece - playout.next >= JITTER_PIECES as i64 {
                continue;
            }
            let place = place(piece);
            self.taken |= 1 << place;
            self.codecs[place] = codec;
            self.pieces.0[place] = *octets;
        }
    }

    /// Asks for what the next packet needs.
    pub(super) fn ask(&self) {
        cpu::ask(&self.playout);
        cpu::ask(&self.counts);
        cpu::ask(&self.codecs);
        cpu::ask(&self.taken);
    }

    /// Asks for the place where it most likely goes, once the former is here.
    pub(super) fn ask_place(&self) {
        if let Some(playout) = &self.playout {
            self.ask_pieces(playout.piece + 2);
        }
    }

    /// Asks for what the next 20 ms are made of, likewise.
    pub(super) fn ask_next(&self) {
        if let Some(playout) = &self.playout {
            self.ask_pieces(playout.next);
        }
    }

    fn ask_pieces(&self, from: i64) {
        for piece in [from, from + 1] {
            cpu::ask(&self.pieces.0[place(piece)]);
        }
    }

    /// Whether silence would be used to make the delay shorter or longer.
    pub fn awaits_silence(&mut self, now: Instant) -> bool {
        let least = self.playout.as_mut().and_then(|it| it.margins.least(now));
        least.is_some_and(|least| !(MARGIN_LOW..=MARGIN_HIGH).contains(&least))
    }

    /// The next 20 ms: `each` is called with 10 ms of payload, or without where there is none, and again with the
    /// others; or once with all of them, if they may be decoded as one. `quiet`: what was heard last was silence.
    pub fn take(
        &mut self,
        now: Instant,
        quiet: bool,
        mut each: impl FnMut(Option<(Codec, &[u8])>),
    ) {
        let Some(playout) = &mut self.playout else {
            each(None);
            each(None);
            return;
        };
        playout.ticked = now;
        let mut left = 2;
        match playout.slip(now, quiet) {
            Slip::None => {}
            Slip::LeaveOut => {
                self.taken &= !(1 << place(playout.next));
                playout.next += 1;
                self.counts.left_out += 1;
            }
            Slip::PutIn => {
                each(None);
                left = 1;
                self.counts.put_in += 1;
            }
        }
        while left > 0 {
            let place = place(playout.next);
            let pieces = together(self.taken, &self.codecs, place).min(left);
            playout.next += pieces.max(1) as i64;
            left -= pieces.max(1);
            if pieces == 0 {
                self.counts.missing += 1;
                each(None);
                continue;
            }
            self.taken &= !(((1 << pieces) - 1) << place);
            playout.heard = playout.next - 1;
            self.counts.played += pieces as u64;
            let octets = self.pieces.0[place..place + pieces].as_flattened();
            each(Some((self.codecs[place], octets)));
        }
    }

    /// How long a packet that came now, on time, would wait; `None` before the first. At most two
    /// seconds old.
    pub fn delay(&self) -> Option<Duration> {
        let most = self.playout.as_ref()?.margins.most()?;
        Some(Duration::from_micros(most.max(0) as u64 * 125))
    }

    /// What has happened until now.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn restart(&mut self, now: Instant, stream: u64, timestamp: u32, per_ms: u32) {
        self.taken = 0;
        self.playout = Some(Playout {
            stream,
            per_ms,
            timestamp,
            piece: 0,
            next: -((JITTER_START.as_millis() / 10) as i64),
            heard: NONE,
            ticked: now,
            slipped: now,
            margins: Margins::new(now),
            late: None,
        });
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    InTime,
    Late,
    /// It is so far from where the play-out is that it begins anew there.
    Jumped,
}

impl Playout {
    /// The piece that a timestamp begins. One that is not a multiple of 10 ms from the others, as after
    /// a pause, shifts all that follow by less than half of that.
    fn find(&mut self, timestamp: u32) -> i64 {
        let step = i64::from(timestamp.wrapping_sub(self.timestamp) as i32);
        let piece = i64::from(self.per_ms) * 10;
        self.piece += (step + piece / 2).div_euclid(piece);
        self.timestamp = timestamp;
        self.piece
    }

    fn judge(&mut self, now: Instant, piece: i64) -> Verdict {
        if piece - self.next >= JITTER_PIECES as i64 {
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

    fn slip(&mut self, now: Instant, quiet: bool) -> Slip {
        let Some(least) = self.margins.least(now) else {
            return Slip::None;
        };
        let rested = || now.saturating_duration_since(self.slipped) >= FORCED_EVERY;
        let slip = if least > MARGIN_HIGH && quiet || least > MARGIN_FORCED && rested() {
            Slip::LeaveOut
        } else if least < MARGIN_LOW && quiet && self.may_wait(PIECE_TIME) {
            Slip::PutIn
        } else {
            return Slip::None;
        };
        self.slipped = now;
        self.margins.shift(match slip {
            Slip::PutIn => PIECE_TIME,
            _ => -PIECE_TIME,
        });
        slip
    }
}

/// How many pieces there are from this place on that may be decoded as one, up to two.
fn together(taken: u32, codecs: &[Codec; JITTER_PIECES], place: usize) -> usize {
    match taken >> place & 0b11 {
        0b11 if codecs[place] == codecs[place + 1] && codecs[place].is_even() => 2,
        0b11 | 0b01 => 1,
        _ => 0,
    }
}

fn place(piece: i64) -> usize {
    piece.rem_euclid(JITTER_PIECES as i64) as usize
}
