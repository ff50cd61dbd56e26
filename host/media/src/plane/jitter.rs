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
//! Owns the pieces, never what they sound like: whoever takes them decodes and conceals
//! (see [`Ear`](super::ear::Ear)). Keyed by the timestamp and not by the sequence number: so packets of 10,
//! 20, 30 or 40 ms, silence that was not sent and events between the audio all find their place without
//! further rules.
//!
//! How long a piece waits adapts itself between 20 and 120 ms by the *margin* of packets: how long
//! before its turn each one came. The smallest of the last two seconds is kept between
//! 10 and 30 ms by slips of 10 ms in silence, which also takes up the drift of the
//! two clocks; where it is never silent a slip is made all the same before the delay grows.
//! When each of them is played is `playout`'s to say. Allocates nothing after its construction.

mod margins;
mod playout;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::codec::Codec;
use crate::limits::JITTER_PIECES;
use playout::{PIECE_TIME, Playout, START, Slip, Verdict};

/// Octets of 10 ms.
pub const PIECE: usize = 80;

/// Pieces that are kept when they were played: whoever conceals may want to know what was heard last.
pub const PLAYED: usize = 4;

/// From the next piece on there is room for so many.
const AHEAD: i64 = (JITTER_PIECES - PLAYED) as i64;

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
    /// Far away, so that all the rest is close together.
    pieces: Box<Pieces>,
}

/// Those of 20 ms that begin at an even place fill two lines and a half.
#[derive(Debug)]
#[repr(align(64))]
struct Pieces([[u8; PIECE]; JITTER_PIECES]);

// A bit for each.
const _: () = assert!(JITTER_PIECES == u32::BITS as usize);

impl Default for Jitter {
    fn default() -> Self {
        Jitter {
            playout: None,
            counts: Counts::default(),
            taken: 0,
            codecs: [Codec::Pcma; JITTER_PIECES],
            pieces: Box::new(Pieces([[0; PIECE]; JITTER_PIECES])),
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
        if verdict != Verdict::InTime {
            self.counts.late += 1;
        }
        let mut next = playout.next;
        if verdict == Verdict::Jumped {
            next = self.restart(now, stream, timestamp, per_ms);
            first = next + START;
        }
        for (piece, octets) in (first..).zip(pieces) {
            // A packet of more than the ring holds, or one that is partly too late.
            if !(next..next + AHEAD).contains(&piece) {
                continue;
            }
            let place = place(piece);
            self.taken |= 1 << place;
            self.codecs[place] = codec;
            self.pieces.0[place] = *octets;
        }
    }

    /// Asks for the place where the next packet most likely goes.
    pub(super) fn ask_place(&self) {
        if let Some(playout) = &self.playout {
            self.ask_pieces(playout.piece + 2);
        }
    }

    /// Asks for what the next 20 ms are made of.
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
        self.playout
            .as_mut()
            .is_some_and(|it| it.awaits_silence(now))
    }

    /// The next 20 ms, if they are what they mostly are: all of them there, of that codec and to be decoded as one, and
    /// played as they are. Else nothing has happened: see [`Jitter::take`].
    pub fn take_whole(&mut self, now: Instant, quiet: bool, codec: Codec) -> Option<&[u8]> {
        let playout = self.playout.as_mut()?;
        let place = place(playout.next);
        if together(self.taken, &self.codecs, place) < 2 || self.codecs[place] != codec {
            return None;
        }
        if playout.wants(now, quiet) != Slip::None {
            return None;
        }
        playout.ticked = now;
        playout.next += 2;
        playout.heard = playout.next - 1;
        self.taken &= !(0b11 << place);
        self.counts.played += 2;
        Some(self.pieces.0[place..place + 2].as_flattened())
    }

    /// The last pieces before the next one, up to four: what was played, if so many were played without a gap.
    pub fn last(&self, pieces: usize) -> impl Iterator<Item = &[u8]> {
        let next = self.playout.as_ref().map_or(0, |it| it.next);
        let pieces = pieces.min(PLAYED) as i64;
        (next - pieces..next).map(|piece| &self.pieces.0[place(piece)][..])
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
        match playout.wants(now, quiet) {
            Slip::None => {}
            Slip::LeaveOut => {
                playout.slipped(now, -PIECE_TIME);
                self.taken &= !(1 << place(playout.next));
                playout.next += 1;
                self.counts.left_out += 1;
            }
            Slip::PutIn => {
                playout.slipped(now, PIECE_TIME);
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

    /// Begins anew with a packet, behind what was played. The piece that is next.
    fn restart(&mut self, now: Instant, stream: u64, timestamp: u32, per_ms: u32) -> i64 {
        self.taken = 0;
        let before = self.playout.as_ref();
        let playout = Playout::new(now, before, stream, (timestamp, per_ms));
        let next = playout.next;
        self.playout = Some(playout);
        next
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
