//! Several SSRCs of one peer: one after another, at once, and such that only press keys.

use std::sync::Arc;

use super::conferring::{bench as conference, enter, parties};
use super::*;
use crate::codec::{Encoder, Rate};
use crate::command::Mode;
use crate::dtmf::{Heard, Presses};
use crate::room::Room;
use crate::sdp::Packing;
use crate::tone::{Tone, level_db};

/// The nth packet of an SSRC.
fn of(ssrc: u32, n: u16) -> Fixed {
    nth(first(ssrc), n)
}

/// A packet of an event of another SSRC, which has a clock of its own.
fn event(n: u16, timestamp: u32) -> Fixed {
    Fixed {
        marker: n == 0,
        payload_type: 101,
        sequence: 7_000 + n,
        timestamp,
        ssrc: 2,
    }
}

fn report(key: u8, duration: u16) -> [u8; 4] {
    let [high, low] = duration.to_be_bytes();
    [key, 10, high, low]
}

#[test]
fn a_new_ssrc_is_heard_from_its_second_packet_and_does_not_change_ours() {
    let mut bench = Bench::bridged();
    let mut sent = bench.stream(A, first(1), 2);
    bench.pass(40);
    let other = Fixed {
        sequence: 9,
        timestamp: 9,
        ..first(2)
    };
    sent.extend(bench.stream(A, other, 3));
    assert_one_stream(&sent, &[160, 160 + 320 + 160, 160]);
    assert!(sent[2].fixed.marker && !sent[3].fixed.marker);
    let stats = bench.stats(A);
    assert_eq!((stats.packets_lost, stats.packets_dropped), (0, 1));
}

#[test]
fn a_new_ssrc_that_follows_without_a_pause_loses_two_packets() {
    let mut bench = Bench::bridged();
    let mut sent = bench.stream(A, first(1), 2);
    sent.extend(bench.stream(A, first(2), 4));
    assert_one_stream(&sent, &[160, 3 * 160, 160]);
}

#[test]
fn the_first_packet_after_an_agreement_is_heard_whatever_its_ssrc() {
    let mut bench = Bench::bridged();
    let mut sent = bench.stream(A, first(1), 2);
    // One that changes something: it was on hold, and is no more.
    for direction in [Direction::Inactive, Direction::SendRecv] {
        let agreed = agreed(A);
        bench.configure(
            A,
            Negotiated {
                direction,
                ..agreed
            },
        );
    }
    sent.extend(bench.stream(A, first(2), 2));
    assert_one_stream(&sent, &[160, 160, 160]);
}

#[test]
fn a_late_packet_of_the_ssrc_before_changes_nothing() {
    let mut bench = Bench::bridged();
    let mut sent = bench.stream(A, first(1), 2);
    bench.pass(100);
    sent.extend(bench.stream(A, first(2), 3));
    assert_eq!(bench.packet(A, of(1, 2), &[0; 160]), None);
    sent.extend(bench.packet(A, of(2, 3), &[0; 160]));
    assert_one_stream(&sent, &[160, 160 + 800 + 160, 160, 160]);
}

#[test]
fn of_two_that_send_at_once_one_is_heard_until_it_ends() {
    let mut bench = Bench::bridged();
    let mut sent = Vec::new();
    for n in 0..50 {
        for ssrc in [1, 2] {
            sent.extend(bench.packet(A, of(ssrc, n), &[ssrc as u8; 160]));
            bench.pass(10);
        }
    }
    assert_one_stream(&sent, &[160; 49]);
    assert!(sent.iter().all(|it| it.payload == [1; 160]));
    let more = bench.stream(A, of(2, 50), 4);
    assert_eq!(more.len(), 2, "two came 20 and 40 ms behind the other");
}

#[test]
fn a_conference_hears_one_of_two_that_send_at_once() {
    let parties = parties([Codec::Pcma, Codec::Pcma]);
    let mut bench = conference(&parties);
    let room = Arc::new(Room::new(7, 1));
    enter(&mut bench, &room, A, Mode::TalkAndListen);
    enter(&mut bench, &room, B, Mode::TalkAndListen);
    bench.ticks(1_000); // the chimes are over
    let (mut tone, mut encoder) = (
        Tone::new(425, -12.0),
        Encoder::new(Codec::Pcma, Rate::Narrow),
    );
    let mut levels = Vec::new();
    for n in 0..100 {
        let (mut samples, mut loud) = ([0; 160], [0; 160]);
        tone.fill(&mut samples);
        encoder.encode(&samples, &mut loud);
        bench.packet(A, of(1, n), &loud);
        if n > 30 {
            bench.packet(A, of(2, n), &[0xd5; 160]);
        }
        for sent in bench.ticks(20).iter().filter(|it| it.via == B) {
            let sample = |it: &u8| crate::g711::decode_sample(crate::g711::Law::A, *it);
            levels.push(level_db(
                &sent.payload.iter().map(sample).collect::<Vec<_>>(),
            ));
        }
    }
    let wrong = levels[20..].iter().filter(|it| (**it + 15.0).abs() > 0.5);
    assert_eq!(wrong.count(), 0, "{levels:?}");
}

/// Audio goes on, and beside it a key is pressed under another SSRC, as long as `ms` says; what goes to B, and
/// which keys are told here and there.
fn keyed_beside(bench: &mut Bench, ms: &[u32], audio: bool) -> (Vec<Sent>, usize, Vec<Heard>) {
    let (mut sent, mut told, mut far) = (Vec::new(), 0, Vec::new());
    let mut presses = Presses::default();
    // Of the audio: packets that were sent, frames that have passed.
    let (mut said, mut passed) = (10, 10);
    let (mut events, mut clock) = (0, 77_000);
    sent.extend(bench.stream(A, first(1), 10));
    for &ms in ms {
        for lasted in (1..=ms / 20).map(|it| it * 160) {
            let timestamp = of(1, passed).timestamp;
            if audio {
                let fixed = Fixed {
                    timestamp,
                    ..of(1, said)
                };
                sent.extend(bench.packet(A, fixed, &[0; 160]));
                said += 1;
            }
            passed += 1;
            let segment = (lasted - 1) / 0xffff;
            let fixed = event(events, clock + segment * 0xffff);
            let fixed = Fixed {
                marker: lasted == 160,
                ..fixed
            };
            let payload = report(5, (lasted - segment * 0xffff) as u16);
            sent.extend(bench.packet(A, fixed, &payload));
            events += 1;
            sent.extend(bench.said());
            bench.pass(20);
            told += bench
                .outputs()
                .iter()
                .filter(|it| it.contains("Digit"))
                .count();
        }
        clock += 8 * ms + 800;
        let timestamp = of(1, passed).timestamp;
        let fixed = Fixed {
            timestamp,
            ..of(1, said)
        };
        sent.extend(bench.stream(A, fixed, 10));
        sent.extend(bench.said());
        (said, passed) = (said + 10, passed + 10);
    }
    for it in sent.iter().filter(|it| it.fixed.payload_type == 101) {
        far.push(presses.hear(bench.now, &it.fixed, &it.payload));
    }
    far.retain(|it| *it != Heard::Nothing);
    (sent, told, far)
}

#[test]
fn keys_of_an_ssrc_of_their_own_are_told_once_on_both_sides() {
    // RFC 4733 §2.5.1.3: 9 s are two segments.
    for (ms, audio) in [([200, 200], true), ([200, 200], false), ([9_000, 40], true)] {
        let mut bench = Bench::bridged();
        let (sent, told, far) = keyed_beside(&mut bench, &ms, audio);
        assert_eq!(told, 2, "{ms:?} {audio}");
        assert_eq!(far, [Heard::Press('5'); 2], "{ms:?} {audio}");
        for pair in sent.windows(2) {
            let (before, after) = (pair[0].fixed, pair[1].fixed);
            assert_eq!(after.sequence, before.sequence.wrapping_add(1));
            assert_eq!(after.ssrc, before.ssrc);
        }
        let audio: Vec<_> = sent
            .iter()
            .filter(|it| it.fixed.payload_type == 8)
            .collect();
        assert!(audio[1..].iter().all(|it| !it.fixed.marker), "no switch");
        let events = sent.iter().position(|it| it.fixed.payload_type == 101);
        let begun = sent[events.unwrap()].fixed.timestamp;
        assert_eq!(begun.wrapping_sub(sent[0].fixed.timestamp), 10 * 160);
        let stats = bench.stats(A);
        assert_eq!((stats.packets_lost, stats.packets_dropped), (0, 0));
    }
}

#[test]
fn such_keys_are_told_once_also_where_packets_have_other_lengths() {
    let mut bench = Bench::bridged();
    let packing = Packing::new(Some(30), None);
    bench.configure(
        B,
        Negotiated {
            packing,
            ..agreed(B)
        },
    );
    let (_, told, far) = keyed_beside(&mut bench, &[200, 200], true);
    assert_eq!((told, far), (2, vec![Heard::Press('5'); 2]));
}

#[test]
fn a_late_word_of_such_a_key_is_not_another_press() {
    let mut bench = Bench::bridged();
    bench.stream(A, first(1), 3);
    let mut far = Presses::default();
    let mut told = 0;
    for (n, timestamp) in [
        (0, 70_000),
        (1, 70_000),
        (3, 70_800),
        (2, 70_000),
        (4, 70_800),
    ] {
        if let Some(sent) = bench.packet(A, event(n, timestamp), &report(5, 160)) {
            let heard = far.hear(bench.now, &sent.fixed, &sent.payload);
            told += usize::from(heard != Heard::Nothing);
        }
        bench.pass(20);
    }
    assert_eq!(told, 2);
}

#[test]
fn an_ssrc_that_pressed_keys_first_is_heard_when_it_speaks() {
    let mut bench = Bench::bridged();
    bench.stream(A, first(1), 5);
    bench.pass(100);
    for n in 0..5 {
        assert!(bench.packet(A, event(n, 70_000), &report(5, 160)).is_some());
        bench.pass(20);
    }
    let sent = bench.stream(A, of(2, 5), 3);
    assert_eq!(sent.len(), 2);
    assert!(sent[0].fixed.marker);
}
