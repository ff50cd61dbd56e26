//! Where in a recording the packets of one direction belong.
//!
//! A packet's place follows from its timestamp: packets come late, some more and some less, but they were
//! said at an even pace. How timestamps and our own time fit together is learned from the packets that
//! came soonest: none comes before it was said. What is off by less than [`NEAR`] is left alone, for a pace that
//! is always corrected is no pace. Clocks that do not run alike are followed one sample a packet, which nobody
//! hears; what is further off is a new beginning. Knows no file and no codec.

/// Samples by which the pace may be off until it is corrected: 5 ms, a quarter of what ears could tell.
const NEAR: i64 = 40;

/// Packets in which a stream is put right at once: the first of them may have waited for somebody, and to
/// follow that one sample a packet would bend seconds of speech.
const BEGINNING: u32 = 10;

/// Samples by which a source that goes on where another one ended may be late until it is placed anew: 10 ms.
const APART: i64 = 80;

/// Samples by which the pace may be off until its packets are placed anew: 60 ms.
const FAR: i64 = 480;

/// Packets in a row that are older than the newest one, and late, until their sender is believed to have set
/// its clock back: a network does not keep the order of those that it has held up for so long.
const SET_BACK: u32 = 3;

/// Samples by which a stream may jump at all: beyond that its timestamps mean nothing. Ten seconds.
const LOST: i64 = 80_000;

/// Samples by which the newest packet may be late until it is placed where it came: its place is not open any
/// more, and a sender that paused without counting on would not be heard.
pub(super) const LATE: i64 = 1_600;

/// Packets of which the soonest is looked for: a second or two.
const WINDOW: u32 = 64;

/// Samples of a millisecond.
const PER_MS: i64 = 8;

/// One direction of a recording. All numbers are samples at 8,000 Hz, since the recording began.
#[derive(Debug, Default)]
pub(super) struct Channel {
    stream: Option<Stream>,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    /// The newest timestamp, and the same counted on beyond 32 bits.
    timestamp: u32,
    extended: i64,
    /// Added to an extended timestamp gives a place.
    offset: i64,
    /// How late the soonest packet of the present window was, and how many were in it.
    soonest: i64,
    seen: u32,
    /// Packets until now, of this source.
    placed: u32,
    /// How many in a row, until now, were as if the sender had set its clock back.
    behind: u32,
    /// By how much the offset is still to grow.
    slip: i64,
}

impl Channel {
    /// The place of a packet that came by at `at`, with that timestamp of a clock of so many units a
    /// millisecond.
    pub(super) fn place(&mut self, ssrc: u32, (timestamp, per_ms): (u32, u32), at: i64) -> i64 {
        if let Some(stream) = self.stream.as_mut().filter(|it| it.ssrc == ssrc)
            && let Some(place) = stream.place(timestamp, per_ms, at)
        {
            return place;
        }
        self.stream = Some(Stream {
            ssrc,
            timestamp,
            extended: 0,
            offset: at,
            soonest: i64::MAX,
            seen: 0,
            placed: 1,
            behind: 0,
            slip: 0,
        });
        at
    }

    /// Another source goes on in this stream. Its packets may come later or sooner than those of the one
    /// before, so it has a beginning of its own.
    pub(super) fn switch(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.placed = 0;
            stream.correct(0);
        }
    }
}

impl Stream {
    /// `None`: it is so far from where it should be, or back, that this is another stream.
    fn place(&mut self, timestamp: u32, per_ms: u32, at: i64) -> Option<i64> {
        let step = i64::from(timestamp.wrapping_sub(self.timestamp) as i32);
        let step = step * PER_MS / i64::from(per_ms);
        let extended = self.extended + step;
        if step > 0 {
            (self.timestamp, self.extended) = (timestamp, extended);
        }
        let late = at - (extended + self.offset);
        if late.abs() > LOST {
            return None;
        }
        self.behind = if step <= 0 && late > FAR {
            self.behind + 1
        } else {
            0
        };
        if self.behind == SET_BACK {
            return None;
        }
        self.soonest = self.soonest.min(late);
        self.seen += 1;
        let most = if self.placed == 0 { APART } else { LATE };
        if step > 0 && late > most {
            self.correct(late);
        } else if late < -FAR || (late < 0 && self.placed < BEGINNING) {
            // It came before it was said: so all before it were late.
            self.correct(late);
        } else if late < -NEAR {
            self.slip = self.slip.min(late);
        }
        self.placed = self.placed.saturating_add(1);
        if self.seen >= WINDOW {
            let soonest = self.soonest;
            (self.soonest, self.seen) = (i64::MAX, 0);
            if soonest > FAR {
                self.correct(soonest);
            } else if soonest.abs() > NEAR {
                self.slip = soonest;
            }
        }
        let slip = self.slip.signum();
        self.slip -= slip;
        self.offset += slip;
        if self.soonest != i64::MAX {
            self.soonest -= slip;
        }
        Some(extended + self.offset)
    }

    fn correct(&mut self, by: i64) {
        self.offset += by;
        (self.soonest, self.seen, self.slip) = (i64::MAX, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of 20 ms whose sender's clock is wrong by so many millionths, each late by so many samples.
    /// Returns how far the last places are from where they belong.
    fn run(packets: i64, ppm: i64, late: impl Fn(i64) -> i64) -> i64 {
        let mut channel = Channel::default();
        let mut worst = 0;
        for n in 0..packets {
            let said = n * 160 + n * 160 * ppm / 1_000_000;
            let timestamp = (u32::MAX - 1_000).wrapping_add((n * 160) as u32);
            let place = channel.place(1, (timestamp, 8), said + late(n));
            if n > packets / 2 {
                worst = worst.max((place - said).abs());
            }
        }
        worst
    }

    #[test]
    fn jitter_moves_nothing() {
        let jitter = |n: i64| if n % 7 == 0 { 0 } else { (n * 7919) % 400 };
        assert!(run(3_000, 0, jitter) <= 8);
    }

    #[test]
    fn a_first_packet_that_was_late_does_not_make_all_the_others_late() {
        for delay in [40, 300, 900, 1_500, 3_000] {
            assert!(
                run(1_000, 0, |n| if n == 0 { delay } else { 0 }) == 0,
                "{delay}"
            );
        }
    }

    #[test]
    fn clocks_that_do_not_run_alike_stay_together_for_an_hour() {
        for ppm in [-200, -50, 50, 200] {
            let off = run(180_000, ppm, |n| (n * 31) % 80);
            assert!(off <= NEAR + 8, "{ppm}: {off}");
        }
    }

    #[test]
    fn places_of_one_stream_are_as_even_as_its_timestamps() {
        let mut channel = Channel::default();
        let mut last = channel.place(1, (0, 8), 1_000);
        for n in 1..2_000 {
            let place = channel.place(
                1,
                (n * 160, 8),
                1_000 + i64::from(n) * 160 + i64::from(n % 5) * 20,
            );
            assert!((place - last - 160).abs() <= 1, "{n}");
            last = place;
        }
    }

    #[test]
    fn a_clock_of_another_pace_finds_the_same_places() {
        let (mut one, mut other) = (Channel::default(), Channel::default());
        for n in 0..5_000_u32 {
            let at = 1_000 + i64::from(n) * 160 + i64::from(n % 5) * 20;
            let place = one.place(1, (n.wrapping_mul(160), 8), at);
            let first = u32::MAX - 1_000_000;
            let timestamp = first.wrapping_add(n * 960);
            assert_eq!(other.place(1, (timestamp, 48), at), place, "{n}");
        }
    }

    #[test]
    fn a_machine_that_is_busy_now_and_then_bends_no_speech() {
        let mut channel = Channel::default();
        let mut places = Vec::new();
        for n in 0..500_u32 {
            // All packets of a second are late by as much, another second by something else.
            let late = i64::from(n / 50 * 7 % 5) * 8;
            let late = if n == 0 { 100 } else { late };
            places.push(channel.place(1, (n * 160, 8), i64::from(n) * 160 + late));
        }
        let steps = places.windows(2).map(|it| it[1] - it[0]);
        let bent = steps.filter(|it| *it != 160).count();
        assert_eq!(bent, 1, "the first packet alone was put right");
    }

    #[test]
    fn a_new_stream_or_a_senseless_jump_begins_where_it_came() {
        let mut channel = Channel::default();
        assert_eq!(channel.place(1, (5_000, 8), 100), 100);
        assert_eq!(channel.place(2, (9, 8), 260), 260, "another stream");
        assert_eq!(
            channel.place(2, (1 << 30, 8), 420),
            420,
            "another stream under the same name"
        );
        assert_eq!(
            channel.place(2, ((1 << 30) + 320, 8), 740),
            740,
            "a gap is a gap"
        );
        assert_eq!(
            channel.place(2, ((1 << 30) + 160, 8), 745),
            580,
            "and a late one goes where it belongs"
        );
    }

    #[test]
    fn a_sender_that_pauses_without_counting_on_is_heard_at_once() {
        let mut channel = Channel::default();
        for n in 0..1_000 {
            // It pauses for half a second each second.
            let at = i64::from(n) * 160 + i64::from(n / 50) * 4_000;
            let place = channel.place(1, (n * 160, 8), at);
            assert!((at - LATE..=at).contains(&place), "{n}");
        }
    }

    /// How far packets of 20 ms are from where they belong, behind five seconds of another source in the same
    /// stream. The first of them wait and come `together`; the stream counts on from its last packet, which was
    /// late by so much.
    fn after_a_switch(late: i64, together: i64) -> Vec<i64> {
        let (mut channel, last, begin) = (Channel::default(), 249, 260 * 160);
        for n in 0..=last {
            let at = n * 160 + if n == last { late } else { 0 };
            channel.place(1, ((n * 160) as u32, 8), at);
        }
        channel.switch();
        let came = |n: i64| begin + (n * 160).max(together * 160);
        let first = came(0) - late;
        let off = (0..300).map(|n| {
            let timestamp = (first + n * 160) as u32;
            channel.place(1, (timestamp, 8), came(n)) - (begin + n * 160)
        });
        off.collect()
    }

    #[test]
    fn a_source_that_goes_on_in_a_stream_is_put_right_at_once() {
        for late in [0, 100, 320, 470] {
            for together in [0, 1, 2] {
                let off = after_a_switch(late, together);
                let worst = off[3..].iter().map(|off| off.abs()).max().unwrap();
                assert!(worst <= APART, "{late}, {together}: {worst}");
            }
        }
    }

    #[test]
    fn a_sender_that_sets_its_clock_back_loses_no_more_than_it_takes_to_see() {
        for back in [800, 6_400, 60_000] {
            let mut channel = Channel::default();
            let mut off = Vec::new();
            for n in 0..200_i64 {
                let timestamp = 100_000 + n * 160 - if n < 100 { 0 } else { back };
                let place = channel.place(1, (timestamp as u32, 8), n * 160);
                off.push((place - n * 160).abs());
            }
            assert_eq!(off.iter().filter(|off| **off > 0).count(), 2, "{back}");
        }
    }

    #[test]
    fn packets_that_were_held_up_and_overtaken_go_where_they_belong() {
        let mut channel = Channel::default();
        for n in 0..100_i64 {
            channel.place(1, ((n * 160) as u32, 8), n * 160);
        }
        // Two came late, behind the newest: their places are their own.
        for n in [90_i64, 91] {
            let place = channel.place(1, ((n * 160) as u32, 8), 100 * 160);
            assert_eq!(place, n * 160);
        }
        let place = channel.place(1, (100 * 160, 8), 100 * 160);
        assert_eq!(place, 100 * 160);
    }
}
