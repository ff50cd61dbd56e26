//! Packets whose octets say when they were sent, and what is played of them.

use super::*;
use crate::limits::JITTER_MAX;

/// A buffer with its clock, in milliseconds since the beginning.
struct Bench {
    jitter: Jitter,
    start: Instant,
    stream: u64,
}

/// A piece that was played, by the octet that its packet was filled with.
type Played = Vec<Option<u8>>;

impl Bench {
    fn new() -> Self {
        #[allow(
            clippy::disallowed_methods,
            reason = "any instant will do; it is never read again"
        )]
        let start = Instant::now();
        Bench {
            jitter: Jitter::default(),
            start,
            stream: 1,
        }
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    /// A packet of 20 ms that was the `n`th to be sent.
    fn put(&mut self, ms: u64, n: u32) {
        self.put_long(ms, n * 160, &[n as u8; 160]);
    }

    fn put_long(&mut self, ms: u64, timestamp: u32, payload: &[u8]) {
        let now = self.at(ms);
        let timestamp = timestamp.wrapping_add(u32::MAX - 1_000);
        self.jitter
            .put(now, self.stream, timestamp, Codec::Pcma, payload);
    }

    fn take(&mut self, ms: u64) -> Played {
        self.take_when(ms, false)
    }

    fn take_when(&mut self, ms: u64, quiet: bool) -> Played {
        let now = self.at(ms);
        let mut played = Vec::new();
        self.jitter.take(now, quiet, |pieces| match pieces {
            Some((_, octets)) => played.extend(octets.chunks(PIECE).map(|it| Some(it[0]))),
            None => played.push(None),
        });
        assert_eq!(played.len(), 2);
        played
    }

    /// Packets `n` of this range, each 20 ms after the other, each followed by a tick 10 ms later.
    fn run(&mut self, range: std::ops::Range<u32>, quiet: bool) -> Vec<Played> {
        let each = |n: u32| {
            self.put(u64::from(n) * 20, n);
            self.take_when(u64::from(n) * 20 + 10, quiet)
        };
        range.map(each).collect()
    }
}

fn whole(n: u8) -> Played {
    vec![Some(n); 2]
}

const NOTHING: [Option<u8>; 2] = [None; 2];

#[test]
fn what_is_waited_for_has_its_places_for_itself() {
    let mut bench = Bench::new();
    bench.put(0, 0);
    // As far ahead as there is room for.
    bench.put(20, 11);
    // Nothing is taken for so long that this is forgotten; then an older one comes.
    bench.put(3_000, 0);
    bench.put_long(3_001, 0_u32.wrapping_sub(6 * 160), &[99; 160]);
    assert_eq!(bench.take(3_010), [Some(99); 2]);
    for ms in [3_030, 3_050, 3_070, 3_090, 3_110] {
        assert_eq!(bench.take(ms), [None; 2], "at {ms}");
    }
    assert_eq!(bench.take(3_130), [Some(0); 2]);
}

#[test]
fn the_first_packet_waits_40_ms_and_the_others_follow_without_a_gap() {
    let mut bench = Bench::new();
    let played = bench.run(0..300, false);
    assert_eq!(played[..2], [NOTHING, NOTHING]);
    for (n, played) in (0..).zip(&played[2..]) {
        assert_eq!(*played, whole(n as u8));
    }
}

#[test]
fn packets_in_another_order_are_played_in_that_of_their_timestamps_and_once() {
    let mut bench = Bench::new();
    for n in [0, 2, 1, 1, 2] {
        bench.put(5, n);
    }
    let played: Vec<Played> = (0..6).map(|n| bench.take(10 + 20 * n)).collect();
    let [a, b, c] = [whole(0), whole(1), whole(2)];
    assert_eq!(
        played,
        [NOTHING.into(), NOTHING.into(), a, b, c, NOTHING.into()]
    );
}

#[test]
fn packets_of_10_and_30_and_40_ms_are_played_as_20_ms() {
    for pieces in [1, 3, 4] {
        let mut bench = Bench::new();
        let octets: Vec<u8> = (0..12).flat_map(|n| [n; PIECE]).collect();
        for (n, payload) in (0..).zip(octets.chunks(pieces * PIECE)) {
            bench.put_long(0, n * (pieces * PIECE) as u32, payload);
        }
        let played = (0..8).flat_map(|n| bench.take(20 * n));
        let expected: Vec<Option<u8>> = (0..12).map(Some).collect();
        assert_eq!(played.skip(4).collect::<Vec<_>>(), expected, "{pieces}0 ms");
    }
}

#[test]
fn a_lost_packet_is_missing_and_delays_no_other() {
    let mut bench = Bench::new();
    bench.run(0..10, false);
    bench.take(210);
    let played: Vec<Played> = bench.run(11..15, false);
    assert_eq!(played, [whole(9), NOTHING.into(), whole(11), whole(12)]);
    assert_eq!(bench.jitter.counts().missing, 6);
}

#[test]
fn when_nothing_comes_the_next_packet_is_waited_for_and_none_is_lost_of_those_behind_it() {
    let mut bench = Bench::new();
    bench.run(0..10, false);
    for n in 10..15 {
        bench.take(n * 20 + 10);
    }
    // All at once: the network had held them up for 80 ms.
    for n in 10..15 {
        bench.put(311, n);
    }
    let played: Vec<Played> = (0..5).map(|n| bench.take(315 + 20 * n)).collect();
    assert_eq!(played, [10, 11, 12, 13, 14].map(whole));
    assert_eq!(bench.jitter.counts().late, 0);
}

#[test]
fn a_packet_that_was_overtaken_by_what_is_heard_already_is_late() {
    let mut bench = Bench::new();
    bench.run(0..10, false);
    bench.take(210);
    bench.run(11..15, false);
    bench.put(300, 10);
    assert_eq!(bench.jitter.counts().late, 1);
    assert_eq!(bench.take(310), whole(13));
}

#[test]
fn nobody_is_made_to_wait_longer_than_120_ms() {
    let mut bench = Bench::new();
    bench.run(0..10, false);
    // From now on every second packet is 150 ms behind.
    for n in 10..400 {
        if n % 2 == 0 {
            bench.put(u64::from(n) * 20, n);
        } else if n > 20 {
            bench.put(u64::from(n) * 20, n - 8);
        }
        bench.take(u64::from(n) * 20 + 10);
        let delay = bench.jitter.delay().expect("packets have come");
        assert!(delay <= JITTER_MAX + Duration::from_millis(20), "{delay:?}");
    }
    assert!(bench.jitter.counts().late > 100);
}

#[test]
fn a_new_stream_begins_anew_wherever_its_timestamps_are() {
    let mut bench = Bench::new();
    bench.run(0..10, false);
    bench.stream = 2;
    bench.put_long(200, 0x4000_0000, &[77; 160]);
    let played: Vec<Played> = (0..3).map(|n| bench.take(210 + 20 * n)).collect();
    assert_eq!(played, [NOTHING.into(), NOTHING.into(), whole(77)]);
}

#[test]
fn a_jump_of_the_timestamps_is_followed_ahead_at_once_and_back_after_100_ms() {
    for jump in [100_000_u32, 0_u32.wrapping_sub(100_000)] {
        let mut bench = Bench::new();
        bench.run(0..10, false);
        let mut heard = 0;
        for n in 10..40 {
            let timestamp = jump.wrapping_add(n * 160);
            bench.put_long(u64::from(n) * 20, timestamp, &[200; 160]);
            let played = bench.take(u64::from(n) * 20 + 10);
            heard += played.iter().flatten().filter(|it| **it == 200).count();
        }
        assert!(heard >= 2 * (30 - 10), "{heard} pieces");
    }
}

#[test]
fn what_waits_for_nothing_is_left_out_in_silence_only() {
    for (quiet, left_out) in [(false, 0), (true, 1)] {
        let mut bench = Bench::new();
        bench.run(0..300, quiet);
        // 40 ms at the beginning are more than a network without jitter needs.
        let counts = bench.jitter.counts();
        assert_eq!(counts.left_out.min(1), left_out, "{counts:?}");
        assert_eq!(counts.put_in, 0);
    }
}

#[test]
fn a_burst_of_more_than_the_buffer_holds_overwrites_nothing_that_was_not_played() {
    let mut bench = Bench::new();
    let pieces = AHEAD as u32;
    for n in 0..pieces / 2 - 2 {
        bench.put(0, n);
    }
    // A packet longer than what is left: its head fits.
    let long: Vec<u8> = (0..8).flat_map(|n| [100 + n; PIECE]).collect();
    bench.put_long(0, (pieces / 2 - 3) * 160, &long);
    let mut played = Vec::new();
    for n in 0..u64::from(pieces) {
        played.extend(bench.take(10 + 20 * n).into_iter().flatten());
    }
    let whole = (0..pieces as u8 / 2 - 3).flat_map(|n| [n; 2]);
    let expected: Vec<u8> = whole.chain(100..102).collect();
    assert_eq!(played[..expected.len()], expected);
}

#[test]
fn packets_of_less_than_10_ms_are_counted_and_not_played() {
    let mut bench = Bench::new();
    bench.put_long(0, 0, &[1; PIECE - 1]);
    assert_eq!(bench.jitter.counts().short, 1);
    assert_eq!(bench.take(10), NOTHING);
}

#[test]
fn what_was_played_last_is_kept_whatever_another_stream_brings() {
    for older in [0, 40, 60, 100] {
        let mut bench = Bench::new();
        let played = bench.run(0..50, false);
        assert_eq!(played[48..], [whole(46), whole(47)]);
        bench.stream = 2;
        bench.put_long(1_000, 7_000, &[100; 160]);
        bench.put_long(1_001, 7_000 - older * 8, &[101; 160]);
        let last: Vec<u8> = bench.jitter.last(4).map(|it| it[0]).collect();
        assert_eq!(last, [46, 46, 47, 47], "{older} ms before");
        let late = u64::from(older > 40);
        assert_eq!(bench.jitter.counts().late, late, "{older} ms before");
    }
}
