//! Prompts and silence, whatever else the port does.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::command::{Piece, Play};
use crate::g711::{Law, decode_sample};
use crate::prompt::Prompt;

/// A prompt whose frames differ: the nth is the nth level.
pub(super) fn prompt(frames: i16) -> Piece {
    let samples = (0..frames).flat_map(|n| [256 * (n + 1); 160]);
    Piece::Prompt(Arc::new(Prompt::from_8khz(&samples.collect::<Vec<_>>())))
}

pub(super) fn play(operation: u32, pieces: impl Into<Vec<Piece>>) -> Play {
    Play {
        operation,
        pieces: pieces.into().into(),
        repeat: 1,
    }
}

impl Bench {
    /// Plays to A.
    pub(super) fn play(&mut self, play: Play) {
        self.command(Command::Play { port: A, play });
    }

    /// What ports say by themselves in so many milliseconds.
    pub(super) fn ticks(&mut self, milliseconds: u64) -> Vec<Sent> {
        self.ticks_until(self.now + Duration::from_millis(milliseconds))
    }

    /// The same until then.
    pub(super) fn ticks_until(&mut self, end: Instant) -> Vec<Sent> {
        let mut sent = Vec::new();
        while let Some(due) = self.plane.poll_timeout()
            && due <= end
        {
            self.now = self.now.max(due);
            self.plane.handle_timeout(self.now);
            sent.extend(self.said());
        }
        self.now = end;
        sent
    }

    /// The same, with the time of each packet to a millisecond.
    fn timed(&mut self, milliseconds: u16) -> Vec<(Instant, Sent)> {
        let mut sent = Vec::new();
        for _ in 0..milliseconds {
            let said = self.ticks(1);
            sent.extend(said.into_iter().map(|it| (self.now, it)));
        }
        sent
    }

    pub(super) fn said(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        while let Some((forward, packet)) = self.plane.poll_packet() {
            let read = rtp::parse(packet).unwrap();
            sent.push(Sent {
                via: forward.via,
                to: forward.to,
                payload: packet[read.payload].to_vec(),
                fixed: read.fixed,
            });
        }
        sent
    }
}

/// The levels of what was sent, as `prompt` made them.
fn levels(sent: &[Sent]) -> Vec<i16> {
    let level = |sent: &Sent| decode_sample(Law::A, sent.payload[80]);
    sent.iter().map(|it| (level(it) + 8) / 256).collect()
}

#[test]
fn a_prompt_is_sent_a_frame_each_20_ms_and_its_end_is_told_once() {
    let mut bench = Bench::bridged();
    bench.play(play(7, [prompt(3)]));
    assert_eq!(levels(&bench.ticks(40)), [1, 2]);
    assert!(bench.outputs().is_empty());
    let last = bench.ticks(20);
    assert_eq!(levels(&last), [3]);
    assert_eq!((last[0].via, last[0].to), (A, remote(A)));
    let played = "Event(Played { port: PortId(1), operation: 7 })";
    assert_eq!(bench.outputs(), [played]);
    assert!(bench.ticks(1_000).is_empty() && bench.outputs().is_empty());
    assert_eq!(bench.plane.poll_timeout(), None);
    assert_eq!(bench.stats(A).packets_sent, 3);
}

#[test]
fn prompts_follow_each_other_and_all_of_them_are_repeated() {
    let mut bench = Bench::bridged();
    bench.play(Play {
        repeat: 2,
        ..play(1, [prompt(2), Piece::Silence { frames: 2 }, prompt(1)])
    });
    let sent = bench.ticks(1_000);
    assert_eq!(levels(&sent), [1, 2, 0, 0, 1, 1, 2, 0, 0, 1]);
    assert_one_stream(&sent, &[160; 9]);
    assert!(sent[0].fixed.marker && !sent[1..].iter().any(|it| it.fixed.marker));
}

#[test]
fn what_is_played_covers_the_bridge_for_that_party_and_gives_it_back() {
    let mut bench = Bench::bridged();
    let mut heard = bench.stream(B, first(1), 2);
    bench.play(play(1, [prompt(2)]));
    assert_eq!(bench.packet(B, nth(first(1), 2), &[9; 160]), None);
    assert!(bench.packet(A, first(2), &[9; 160]).is_some());
    heard.extend(bench.ticks(40));
    heard.extend(bench.packet(B, nth(first(1), 4), &[9; 160]));
    assert_one_stream(&heard[..4], &[160, 168, 160]);
    assert!(heard[2].fixed.marker && heard[4].fixed.marker);
    assert_eq!(heard[4].payload, [9; 160]);
}

#[test]
fn another_play_replaces_the_first_which_is_not_told() {
    let mut bench = Bench::bridged();
    bench.play(play(1, [prompt(50)]));
    let mut sent = bench.ticks(100);
    bench.play(play(2, [prompt(2)]));
    sent.extend(bench.ticks(1_000));
    assert_eq!(levels(&sent), [1, 2, 3, 4, 5, 1, 2]);
    assert_one_stream(&sent, &[160; 6]);
    assert!(sent[5].fixed.marker);
    let played = "Event(Played { port: PortId(1), operation: 2 })";
    assert_eq!(bench.outputs(), [played]);
}

#[test]
fn what_is_stopped_or_closed_says_nothing_more() {
    let mut bench = Bench::bridged();
    bench.play(play(1, [prompt(50)]));
    bench.ticks(40);
    bench.command(Command::StopPlay { port: A });
    bench.command(Command::StopPlay { port: B });
    assert!(bench.ticks(100).is_empty() && bench.outputs().is_empty());
    assert!(bench.packet(B, first(1), &[0; 160]).is_some());
    bench.play(play(2, [prompt(50)]));
    bench.command(Command::Close { port: A });
    assert!(bench.ticks(100).is_empty());
    assert_eq!(bench.plane.poll_timeout(), None);
}

#[test]
fn who_cannot_hear_misses_nothing() {
    let mut bench = Bench::new();
    bench.open(A);
    bench.play(play(1, [prompt(4)]));
    assert!(bench.ticks(200).is_empty(), "nobody knows where A is");
    bench.configure(A, agreed(A));
    let mut sent = bench.ticks(40);
    let held = Negotiated {
        direction: Direction::RecvOnly,
        ..agreed(A)
    };
    bench.configure(A, held);
    assert!(bench.ticks(10_000).is_empty());
    bench.configure(A, agreed(A));
    sent.extend(bench.ticks(40));
    assert_eq!(levels(&sent), [1, 2, 3, 4]);
    assert_one_stream(&sent, &[160, 160 + 80_000, 160]);
    assert!(sent[2].fixed.marker);
}

#[test]
fn a_party_of_another_codec_hears_the_same_prompt_in_its_own() {
    let mut bench = Bench::bridged();
    let other = Negotiated {
        codec: Codec::Pcmu,
        payload_type: 0,
        ..agreed(A)
    };
    bench.configure(A, other);
    bench.play(play(1, [prompt(1), Piece::Silence { frames: 1 }]));
    let sent = bench.ticks(40);
    let decoded = |n: usize| decode_sample(Law::U, sent[n].payload[80]);
    assert_eq!((sent[0].fixed.payload_type, decoded(1)), (0, 0));
    assert!((decoded(0) - 256).abs() < 16);
}

#[test]
fn what_is_late_is_made_up_for_within_bounds_and_keeps_its_time() {
    let mut bench = Bench::bridged();
    bench.play(play(1, [prompt(100)]));
    let mut sent = bench.ticks(20);
    bench.pass(60);
    bench.plane.handle_timeout(bench.now);
    sent.extend(bench.said());
    assert_one_stream(&sent, &[160; 3]);
    bench.pass(1_000);
    bench.plane.handle_timeout(bench.now);
    let late = bench.said();
    assert_eq!(late.len(), usize::try_from(limits::LATE_TICKS).unwrap());
    assert_eq!(bench.plane.ticks_left_out(), 40);
    sent.extend(late);
    // Left out is time and not audio.
    assert_one_stream(&sent[3..6], &[41 * 160, 160]);
    assert_eq!(levels(&sent), (1..=14).collect::<Vec<_>>());
}

#[test]
fn twenty_ports_that_begin_at_once_have_a_turn_each_millisecond() {
    let mut bench = Bench::new();
    for n in 1..=40 {
        let port = PortId(n);
        bench.open(port);
        bench.configure(port, agreed(port));
        let play = play(1, [prompt(1)]);
        bench.command(Command::Play { port, play });
    }
    for _ in 0..20 {
        assert_eq!(bench.ticks(1).len(), 2);
    }
    assert!(bench.ticks(100).is_empty());
}

/// By how many units of 8 kHz timestamps are at most ahead of the clock, and behind it.
fn off(sent: &[(Instant, Sent)]) -> (i64, i64) {
    let (begin, begun) = (sent[0].0, sent[0].1.fixed.timestamp);
    let off = sent.iter().map(|(at, it)| {
        let told = i64::from(it.fixed.timestamp.wrapping_sub(begun));
        told - (*at - begin).as_micros() as i64 / 125
    });
    (off.clone().max().unwrap(), -off.min().unwrap())
}

#[test]
fn plays_one_behind_another_or_cut_short_do_not_run_ahead_of_the_clock() {
    for turn in [0, 1, 2, 5, 10] {
        for cut in [None, Some(30)] {
            let mut bench = Bench::bridged();
            let mut sent = Vec::new();
            for n in 0..30 {
                bench.play(play(n, [prompt(3)]));
                for _ in 0..cut.unwrap_or(100) {
                    sent.extend(bench.timed(1));
                    if bench.outputs().iter().any(|it| it.contains("Played")) {
                        break;
                    }
                }
                bench.command(Command::StopPlay { port: A });
                sent.extend(bench.timed(turn));
            }
            assert!(sent.len() >= 30, "{turn} {cut:?}: {}", sent.len());
            let (ahead, behind) = off(&sent);
            assert!(
                ahead <= 8 && behind <= 8,
                "{turn} {cut:?}: {ahead} {behind}"
            );
        }
    }
}

/// What a port may be told between packets of its bridge.
#[derive(Clone, Debug)]
enum Step {
    Relay(u8),
    Play(i16),
    Stop,
    Bridge(bool),
    Hold(bool),
    Silence(u16),
    /// Milliseconds.
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..20_u8).prop_map(Step::Relay),
        (1..20_i16).prop_map(Step::Play),
        Just(Step::Stop),
        any::<bool>().prop_map(Step::Bridge),
        any::<bool>().prop_map(Step::Hold),
        (1..40_u16).prop_map(Step::Silence),
        (1..20_u16).prop_map(Step::Wait),
    ]
}

proptest! {
    /// Trap 1: whatever feeds it, a peer hears one stream.
    #[test]
    fn every_switch_of_source_goes_on_with_one_stream(steps in prop::collection::vec(step(), 1..40)) {
        let mut bench = Bench::bridged();
        let mut sent: Vec<(Instant, Sent)> = Vec::new();
        // Of B's own stream: packets that it sent, milliseconds that have passed.
        let (mut said, mut passed) = (0, 0);
        for step in steps {
            match step {
                Step::Relay(packets) => for _ in 0..packets {
                    let timestamp = first(1).timestamp.wrapping_add(8 * passed);
                    let fixed = Fixed { timestamp, marker: true, ..nth(first(1), said) };
                    let packet = bench.packet(B, fixed, &[1; 160]);
                    sent.extend(packet.map(|it| (bench.now, it)));
                    (said, passed) = (said + 1, passed + 20);
                    sent.extend(bench.timed(20));
                },
                Step::Play(frames) => bench.play(play(1, [prompt(frames)])),
                Step::Stop => bench.command(Command::StopPlay { port: A }),
                Step::Bridge(true) => bench.command(Command::Bridge { a: A, b: B }),
                Step::Bridge(false) => bench.command(Command::Unbridge { port: A }),
                Step::Hold(held) => {
                    let direction = if held { Direction::RecvOnly } else { Direction::SendRecv };
                    bench.configure(A, Negotiated { direction, ..agreed(A) });
                }
                Step::Silence(frames) => {
                    passed += 20 * u32::from(frames);
                    sent.extend(bench.timed(20 * frames));
                }
                Step::Wait(ms) => {
                    passed += u32::from(ms);
                    sent.extend(bench.timed(ms));
                }
            }
        }
        let Some((begin, begun)) = sent.first() else { return Ok(()) };
        for pair in sent.windows(2) {
            let (before, after) = (pair[0].1.fixed, pair[1].1.fixed);
            prop_assert_eq!(after.ssrc, before.ssrc);
            prop_assert_eq!(after.sequence, before.sequence.wrapping_add(1));
            let step = after.timestamp.wrapping_sub(before.timestamp);
            prop_assert!(step >= 160, "time goes on by {}", step);
            // A marker is where there was a silence, or where another source begins.
            prop_assert!(step == 160 || after.marker);
        }
        // A switch is never less than a packet: a bridge that comes sooner brings it before the clock, nothing else does.
        let mut before = 8;
        for pair in sent.windows(2) {
            let [(sooner, _), (later, it)] = pair else { break };
            let passed = (*later - *sooner).as_micros() as u32 / 125;
            before += if it.payload == [1; 160] { 160_u32.saturating_sub(passed) } else { 0 };
        }
        for (at, it) in &sent {
            let told = it.fixed.timestamp.wrapping_sub(begun.fixed.timestamp);
            let passed = (*at - *begin).as_micros() as u32 / 125;
            prop_assert!(told + 320 >= passed, "{} told, {} passed", told, passed);
            prop_assert!(told <= passed + before, "{} told, {} passed", told, passed);
        }
    }
}
