//! Ten minutes through a network that loses two packets of a hundred in bursts of two to three: what a member of a
//! conference hears of another one, and what comes through a bridge that transcodes, by a jitter buffer behind it.
//!
//! What is lost is concealed for 60 ms (`conceal`): so a burst of three packets leaves no gap, one of four leaves
//! 20 ms, and a longer one what it has beyond 60 ms, here up to 160 and 220 ms. More cannot be had of audio that
//! never came; what has to hold is that nothing on the way makes any gap longer, or another one.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::conferring::enter;
use super::*;
use crate::codec::{Decoder, Encoder, FRAME_OCTETS, Rate};
use crate::command::Mode;
use crate::plane::ear::Ear;
use crate::room::Room;
use crate::tone::{Tone, level_db};

/// Packets of ten minutes.
const PACKETS: u32 = 10 * 60 * 50;

const FRAME: Duration = Duration::from_millis(20);

/// A packet loss of two states (Gilbert and Elliott), of which one loses everything: bursts of 2.5 packets on
/// average, two in a hundred in all.
struct Network {
    random: ChaCha8Rng,
    is_bad: bool,
}

impl Network {
    fn new(seed: u64) -> Self {
        Network {
            random: ChaCha8Rng::seed_from_u64(seed),
            is_bad: false,
        }
    }

    fn takes(&mut self) -> bool {
        let change = if self.is_bad { 0.4 } else { 0.4 * 0.02 / 0.98 };
        self.is_bad ^= f64::from(self.random.next_u32()) < change * f64::from(u32::MAX);
        self.is_bad
    }

    /// 10 to 30 ms on the way.
    fn delay(&mut self) -> Duration {
        Duration::from_micros(10_000 + u64::from(self.random.next_u32() % 20_000))
    }
}

/// What arrives of a sound in A-law, in that order, and how many packets each burst took.
struct Sound {
    packets: BTreeMap<(Instant, u32), Vec<u8>>,
    bursts: Vec<usize>,
}

/// Sends `sound` from `start` on, by a clock that is so many millionths too fast.
fn send(start: Instant, seed: u64, ppm: u64, mut sound: impl FnMut(&mut [i16])) -> Sound {
    let mut network = Network::new(seed);
    let mut encoder = Encoder::new(Codec::Pcma, Rate::Narrow);
    let frame = Duration::from_nanos(20_000_000 - 20 * ppm);
    let (mut packets, mut bursts, mut row) = (BTreeMap::new(), Vec::new(), 0);
    for n in 0..PACKETS {
        let (mut samples, mut payload) = ([0; FRAME_OCTETS], vec![0; FRAME_OCTETS]);
        sound(&mut samples);
        if network.takes() {
            row += 1;
            continue;
        }
        bursts.extend((row > 0).then_some(row));
        row = 0;
        encoder.encode(&samples, &mut payload);
        packets.insert((start + frame * n + network.delay(), n), payload);
    }
    let lost: usize = bursts.iter().sum();
    let share = lost as f64 / f64::from(PACKETS);
    let mean = lost as f64 / bursts.len() as f64;
    assert!((0.017..0.023).contains(&share), "{share} was lost");
    assert!((2.0..3.0).contains(&mean), "in bursts of {mean}");
    Sound { packets, bursts }
}

fn packet(bench: &mut Bench, n: u32, payload: &[u8]) -> Option<Sent> {
    let first = first(1);
    let fixed = Fixed {
        sequence: first.sequence.wrapping_add(n as u16),
        timestamp: first.timestamp.wrapping_add(160 * n),
        ..first
    };
    bench.packet(A, fixed, payload)
}

/// No gap is longer than what its burst has beyond 60 ms, give or take a slip of the jitter buffer, of 10 ms.
fn assert_no_gap_but_of_bursts(heard: &[i16], rate: Rate, mut bursts: Vec<usize>) {
    let block = rate.frame() / 2;
    // After the first second.
    let blocks = heard[100 * block..].chunks_exact(block);
    let is_silent: Vec<bool> = blocks.map(|block| level_db(block) < -35.0).collect();
    let runs = is_silent.chunk_by(|one, next| one == next);
    let silent = runs.filter(|run| run[0]);
    let mut gaps: Vec<usize> = silent.map(<[bool]>::len).collect();
    gaps.sort_unstable_by(|one, other| other.cmp(one));
    bursts.sort_unstable_by(|one, other| other.cmp(one));
    bursts.retain(|burst| *burst > 3);
    assert!(gaps.len() <= bursts.len(), "{gaps:?} of {bursts:?}");
    for (gap, burst) in gaps.iter().zip(&bursts) {
        assert!(*gap <= 2 * (burst - 3) + 1, "{gaps:?} of {bursts:?}");
    }
    // Without the network's bursts there would be nothing to see.
    assert!(gaps.len() > 20);
}

/// What B hears in a conference of A that sends through such a network, at 8 kHz; from A's begin on.
fn in_a_conference(ppm: u64, sound: impl FnMut(&mut [i16])) -> (Vec<i16>, Vec<usize>) {
    let mut bench = Bench::new();
    let room = Arc::new(Room::new(1, 1));
    for port in [A, B] {
        bench.open(port);
        bench.configure(port, agreed(port));
        enter(&mut bench, &room, port, Mode::TalkAndListen);
    }
    let start = bench.now;
    let sent = send(start, 1, ppm, sound);
    let mut decoder = Decoder::new(Codec::Pcma, Rate::Narrow);
    let mut heard = Vec::new();
    let mut listen = |sent: Vec<Sent>| {
        for sent in sent.into_iter().filter(|it| it.via == B) {
            let mut samples = [0; FRAME_OCTETS];
            assert_eq!(decoder.decode(&sent.payload, &mut samples), FRAME_OCTETS);
            heard.extend(samples);
        }
    };
    for ((arrival, n), payload) in sent.packets {
        listen(bench.ticks_until(arrival));
        packet(&mut bench, n, &payload);
    }
    let frames = (bench.now - start).as_millis() as usize / 20;
    assert!(heard.len().abs_diff(frames * FRAME_OCTETS) <= 2 * FRAME_OCTETS);
    (heard, sent.bursts)
}

#[test]
fn a_member_hears_no_gap_that_is_longer_than_its_burst_less_60_ms() {
    let mut tone = Tone::new(425, -10.0);
    let (heard, bursts) = in_a_conference(0, |samples| tone.fill(samples));
    assert_no_gap_but_of_bursts(&heard, Rate::Narrow, bursts);
}

#[test]
fn a_member_whose_clock_is_100_ppm_too_fast_is_not_heard_later_after_ten_minutes() {
    // A second of tone, then half a second of silence, and so on.
    let (mut tone, mut frames) = (Tone::new(425, -10.0), 0);
    let (heard, _) = in_a_conference(100, |samples| {
        if frames % 75 < 50 {
            tone.fill(samples);
        }
        frames += 1;
    });
    // From the beginning of each word at the sender's until it is heard.
    let delay = |word: usize| {
        let begins = (word as f64 * 12_000.0 * (1.0 - 100.0 / 1e6)) as usize;
        let blocks = heard[begins..].chunks_exact(8);
        blocks.take_while(|block| level_db(block) < -30.0).count()
    };
    // The one in the middle of a hundred: some begin in a burst.
    let middle = |words: std::ops::Range<usize>| {
        let mut delays: Vec<usize> = words.map(delay).collect();
        delays.sort_unstable();
        delays[delays.len() / 2]
    };
    let (early, late) = (middle(5..105), middle(295..395));
    assert!((20..=120).contains(&early), "{early} ms");
    assert!(early.abs_diff(late) < 20, "{early} ms, then {late} ms");
}

#[test]
fn behind_a_bridge_to_g722_no_gap_is_longer_than_its_burst_less_60_ms() {
    let mut bench = Bench::bridged();
    let wide = Negotiated {
        codec: Codec::G722,
        payload_type: 9,
        receive: vec![(9, Codec::G722)],
        ..agreed(B)
    };
    bench.configure(B, wide);
    let start = bench.now;
    let mut tone = Tone::new(425, -10.0);
    let sent = send(start, 2, 0, |samples| tone.fill(samples));
    let mut ear = Ear::new(Rate::Wide);
    let mut heard = Vec::new();
    let mut packets = sent.packets.into_iter().peekable();
    for frame in 0..PACKETS {
        let now = start + FRAME * frame;
        while let Some(((arrival, n), payload)) = packets.next_if(|((at, _), _)| *at <= now) {
            bench.now = arrival;
            let on = packet(&mut bench, n, &payload).expect("it goes on");
            let Fixed {
                ssrc, timestamp, ..
            } = on.fixed;
            ear.put(arrival, ssrc.into(), timestamp, Codec::G722, &on.payload);
        }
        let mut samples = [0; Rate::Wide.frame()];
        ear.take(now, &mut samples);
        heard.extend(samples);
    }
    assert_no_gap_but_of_bursts(&heard, Rate::Wide, sent.bursts);
}
