//! Packets of the length that a peer asks for, and comfort noise.

use std::sync::Arc;

use super::playing::{play, prompt};
use super::*;
use crate::command::{Mode, Piece};
use crate::room::Room;
use crate::sdp::{Packing, Types};

fn wants(port: PortId, asked: Option<u16>, most: Option<u16>) -> Negotiated {
    Negotiated {
        packing: Packing::new(asked, most),
        ..agreed(port)
    }
}

fn hushes(port: PortId) -> Negotiated {
    let noise = Types {
        send: 13,
        receive: 13,
    };
    Negotiated {
        noise: Some(noise),
        ..agreed(port)
    }
}

impl Bench {
    /// The peer of A sends packets of so many octets, each with other content; what goes to B.
    fn talks(&mut self, octets: u32, packets: u32) -> (Vec<u8>, Vec<Sent>) {
        let (mut said, mut sent) = (Vec::new(), Vec::new());
        for n in 0..packets {
            let payload: Vec<u8> = (0..octets).map(|at| (n * octets + at) as u8).collect();
            let fixed = Fixed {
                sequence: first(1).sequence.wrapping_add(n as u16),
                timestamp: first(1).timestamp.wrapping_add(n * octets),
                ..first(1)
            };
            sent.extend(self.packet(A, fixed, &payload));
            sent.extend(self.said());
            said.extend(payload);
            self.pass(u64::from(octets / 8));
        }
        (said, sent)
    }
}

#[test]
fn a_bridge_carries_packets_of_every_length_to_who_asks_for_another() {
    for (octets, asked) in [
        (80, 20),
        (160, 10),
        (160, 30),
        (160, 40),
        (240, 20),
        (160, 60),
        (320, 30),
    ] {
        let mut bench = Bench::bridged();
        bench.configure(B, wants(B, Some(asked), None));
        let (said, sent) = bench.talks(octets, 60);
        let heard: Vec<u8> = sent.iter().flat_map(|it| it.payload.clone()).collect();
        assert_eq!(heard, said[..heard.len()], "{octets} to {asked}");
        assert!(said.len() - heard.len() < usize::from(asked) * 8);
        let length = u32::from(asked) * 8;
        assert_one_stream(&sent, &vec![length; sent.len() - 1]);
        assert!(
            sent.iter()
                .all(|it| it.payload.len() == length as usize && it.via == B)
        );
        assert_eq!(sent.iter().filter(|it| it.fixed.marker).count(), 1);
        assert_eq!(bench.stats(B).packets_sent, sent.len() as u64);
    }
}

#[test]
fn who_asks_for_nothing_or_just_that_has_packets_as_they_came() {
    for packing in [(None, None), (Some(30), None), (None, Some(30))] {
        let mut bench = Bench::bridged();
        bench.configure(B, wants(B, packing.0, packing.1));
        let fixed = first(1);
        let sent = bench.packet(A, fixed, &[1; 240]);
        assert_eq!(
            sent.unwrap().payload.len(),
            240,
            "{packing:?}: it went the short way"
        );
    }
    let mut bench = Bench::bridged();
    bench.configure(B, wants(B, None, Some(20)));
    assert_eq!(
        bench.packet(A, first(1), &[1; 240]),
        None,
        "more than it takes"
    );
    assert_eq!(bench.said()[0].payload.len(), 160);
}

#[test]
fn lengths_and_codecs_may_differ_at_once() {
    let mut bench = Bench::bridged();
    let other = Negotiated {
        codec: Codec::Pcmu,
        payload_type: 0,
        ..wants(B, Some(40), None)
    };
    bench.configure(B, other);
    let (said, sent) = bench.talks(160, 10);
    let mut expected = said;
    crate::g711::transcode(crate::g711::Law::A, crate::g711::Law::U, &mut expected);
    let heard: Vec<u8> = sent.iter().flat_map(|it| it.payload.clone()).collect();
    assert_eq!(heard, expected);
    assert!(
        sent.iter()
            .all(|it| it.payload.len() == 320 && it.fixed.payload_type == 0)
    );
}

#[test]
fn loss_is_loss_on_the_other_side_and_events_keep_their_time() {
    let mut bench = Bench::bridged();
    bench.configure(B, wants(B, Some(40), None));
    let mut sent = bench.talks(160, 4).1;
    // Two are lost, one comes alone, then a key.
    bench.pass(40);
    for n in [6_u16, 7, 8] {
        sent.extend(bench.packet(A, nth(first(1), n), &[0; 160]));
        sent.extend(bench.said());
        bench.pass(20);
    }
    let mut event = Fixed {
        marker: true,
        payload_type: 101,
        ..nth(first(1), 9)
    };
    for sequence in 9..12 {
        event.sequence = first(1).sequence.wrapping_add(sequence);
        assert_eq!(bench.packet(A, event, &[5, 10, 0, 160]), None);
        sent.extend(bench.said());
        event.marker = false;
    }
    let start = sent[0].fixed;
    let place = |it: &Sent| {
        let fixed = it.fixed;
        let since = fixed.timestamp.wrapping_sub(start.timestamp) / 160;
        (
            fixed.sequence.wrapping_sub(start.sequence),
            since,
            it.payload.len(),
        )
    };
    let places: Vec<_> = sent.iter().map(place).collect();
    let audio = [(0, 0, 320), (1, 2, 320), (3, 6, 320)];
    let rest = [(4, 8, 160), (5, 9, 4), (6, 9, 4), (7, 9, 4)];
    assert_eq!(places, [&audio[..], &rest].concat());
}

#[test]
fn a_bridge_of_other_lengths_goes_on_when_a_clock_goes_back() {
    let mut bench = Bench::bridged();
    bench.configure(B, wants(B, Some(30), None));
    let mut sent = Vec::new();
    for n in 0..150_u16 {
        let fixed = nth(first(1), n);
        let back = if n < 75 { 0 } else { 80_000 };
        let timestamp = fixed.timestamp.wrapping_sub(back);
        bench.packet(A, Fixed { timestamp, ..fixed }, &[0; 160]);
        sent.extend(bench.said());
        bench.pass(20);
    }
    let mut steps = [240; 99];
    // The second packet of the new clock fills the first of ours: 40 ms after the last.
    steps[49] = 320;
    assert_one_stream(&sent, &steps);
    assert!(sent[50].fixed.marker);
}

#[test]
fn keys_and_pauses_are_no_loss_where_packets_have_another_length() {
    // RFC 3550 §5.1: a sequence number grows by one for each packet that is sent.
    let mut bench = Bench::bridged();
    bench.configure(B, wants(B, Some(30), None));
    let (mut said, mut passed, mut sent) = (0, 0, Vec::new());
    let mut say = |payload_type, frames: u16, marker, payload: &[u8]| {
        let fixed = Fixed {
            marker,
            payload_type,
            timestamp: nth(first(1), passed).timestamp,
            ..nth(first(1), said)
        };
        (said, passed) = (said + 1, passed + frames);
        bench.packet(A, fixed, payload);
        sent.extend(bench.said());
        bench.pass(20);
    };
    (0..7).for_each(|_| say(8, 1, false, &[1; 160]));
    (0..10).for_each(|n| say(101, n / 9 * 10, n == 0, &[5, 10, 0, 160]));
    (0..7).for_each(|n| say(8, 1 + n / 6 * 50, false, &[1; 160]));
    (0..7).for_each(|n| say(8, 1, n == 0, &[1; 160]));
    let numbers = sent
        .windows(2)
        .map(|it| it[1].fixed.sequence.wrapping_sub(it[0].fixed.sequence));
    assert!(numbers.into_iter().all(|it| it == 1), "{sent:?}");
    let since = |it: &Sent| it.fixed.timestamp.wrapping_sub(sent[0].fixed.timestamp);
    let marked: Vec<_> = sent
        .iter()
        .filter(|it| it.fixed.marker)
        .map(since)
        .collect();
    // The first of all, of the key, and after the pause.
    assert_eq!(marked, [0, 7 * 160, (7 + 10 + 7 + 50) * 160]);
}

#[test]
fn what_is_played_keyed_and_mixed_has_the_length_that_is_asked_for() {
    for (asked, lengths) in [
        (10, vec![80; 10]),
        (30, [vec![240; 3], vec![80]].concat()),
        (40, vec![320, 320, 160]),
        (60, vec![480, 320]),
    ] {
        let mut bench = Bench::bridged();
        bench.configure(A, wants(A, Some(asked), None));
        bench.play(play(1, [prompt(5)]));
        let sent = bench.ticks(200);
        let found: Vec<_> = sent.iter().map(|it| it.payload.len()).collect();
        assert_eq!(found, lengths, "{asked}: 100 ms are played whole");
        let steps: Vec<u32> = lengths[..lengths.len() - 1]
            .iter()
            .map(|it| *it as u32)
            .collect();
        assert_one_stream(&sent, &steps);
        let plain = Negotiated {
            telephone_event: None,
            ..wants(A, Some(asked), None)
        };
        bench.configure(A, plain);
        bench.command(Command::Key {
            port: A,
            keys: "5".into(),
        });
        let keyed: Vec<_> = bench.ticks(300).iter().map(|it| it.payload.len()).collect();
        assert_eq!(keyed, lengths, "{asked}: a key is 100 ms");
        bench.command(Command::Confer {
            port: A,
            room: Arc::new(Room::new(7, 1)),
            mode: Mode::TalkAndListen,
        });
        let mixed = bench.ticks(601);
        let octets: usize = mixed.iter().map(|it| it.payload.len()).sum();
        assert!((560 * 8..=620 * 8).contains(&octets), "{asked}: {octets}");
        assert!(
            mixed
                .iter()
                .all(|it| it.payload.len() == usize::from(asked) * 8)
        );
    }
}

#[test]
fn comfort_noise_crosses_a_bridge_to_who_knows_it_and_leaves_no_gap_for_others() {
    for knows in [true, false] {
        let mut bench = Bench::bridged();
        bench.configure(A, hushes(A));
        if knows {
            bench.configure(B, hushes(B));
        }
        let mut sent = bench.stream(A, first(1), 2);
        let hush = Fixed {
            payload_type: 13,
            ..nth(first(1), 2)
        };
        let noise = bench.packet(A, hush, &[60]);
        assert_eq!(
            noise.as_ref().map(|it| it.fixed.payload_type),
            knows.then_some(13)
        );
        sent.extend(noise);
        bench.pass(1_000);
        let again = Fixed {
            sequence: first(1).sequence.wrapping_add(3),
            ..nth(first(1), 52)
        };
        sent.extend(bench.packet(A, again, &[1; 160]));
        let steps: &[u32] = if knows {
            &[160, 160, 8_000]
        } else {
            &[160, 8_160]
        };
        assert_one_stream(&sent, steps);
        let stats = bench.stats(A);
        assert_eq!(
            (
                stats.packets_received,
                stats.packets_lost,
                stats.packets_dropped
            ),
            (4, 0, 0)
        );
    }
}

#[test]
fn a_peer_that_only_hushes_is_not_silent() {
    let mut bench = Bench::bridged();
    bench.configure(A, hushes(A));
    let patience = Duration::from_secs(1);
    bench.command(Command::Watch { port: A, patience });
    bench.stream(A, first(1), 3);
    bench.outputs();
    let mut told = Vec::new();
    for n in 0..20_u16 {
        let hush = Fixed {
            payload_type: 13,
            sequence: first(1).sequence.wrapping_add(3 + n),
            ..nth(first(1), 3 + 25 * n)
        };
        bench.packet(A, hush, &[60]);
        bench.ticks(500);
        told.extend(bench.outputs());
    }
    assert_eq!(told, [""; 0]);
    bench.ticks(1_500);
    assert!(bench.outputs()[0].contains("Silent"));
}

#[test]
fn silence_is_told_where_comfort_noise_was_agreed_on_and_sent_elsewhere() {
    let pieces = || [prompt(2), Piece::Silence { frames: 25 }, prompt(2)];
    let mut bench = Bench::bridged();
    bench.play(play(1, pieces()));
    let sent = bench.ticks(600);
    assert_eq!(sent.len(), 29);
    assert_one_stream(&sent, &[160; 28]);

    let mut bench = Bench::bridged();
    bench.configure(A, hushes(A));
    bench.play(play(1, pieces()));
    let sent = bench.ticks(600);
    let kinds: Vec<_> = sent
        .iter()
        .map(|it| (it.fixed.payload_type, it.fixed.marker))
        .collect();
    let [audio, noise] = [(8, false), (13, false)];
    let expected = [(8, true), audio, noise, noise, noise, (8, true), audio];
    assert_eq!(kinds, expected);
    assert_one_stream(&sent, &[160, 160, 1_600, 1_600, 800, 160]);
    assert_eq!(sent[2].payload, [65]);
    assert!(bench.outputs().iter().any(|it| it.contains("Played")));
}

#[test]
fn a_conference_hears_the_noise_of_who_hushes_and_then_the_voice() {
    let mut bench = Bench::bridged();
    bench.configure(A, hushes(A));
    let room = Arc::new(Room::new(7, 1));
    for port in [A, B] {
        bench.command(Command::Confer {
            port,
            room: Arc::clone(&room),
            mode: Mode::TalkAndListen,
        });
    }
    let level = |sent: &[Sent]| {
        let to_b = sent.iter().filter(|it| it.via == B);
        let octets: Vec<u8> = to_b.flat_map(|it| it.payload.clone()).collect();
        let sample = |it: &u8| crate::g711::decode_sample(crate::g711::Law::A, *it);
        crate::tone::level_db(&octets.iter().map(sample).collect::<Vec<_>>())
    };
    let mut loud = vec![0; 160];
    crate::codec::Encoder::new(Codec::Pcma, crate::codec::Rate::Narrow)
        .encode(&[8_000; 160], &mut loud);
    let speak = |bench: &mut Bench, from: u16, packets: u16| {
        let mut sent = Vec::new();
        for n in from..from + packets {
            bench.packet(A, nth(first(1), n), &loud);
            sent.extend(bench.ticks(20));
        }
        sent
    };
    bench.ticks(1_000); // the chimes are over
    let spoken = speak(&mut bench, 0, 20);
    assert!(
        (level(&spoken[20..]) + 12.2).abs() < 1.0,
        "{}",
        level(&spoken[20..])
    );
    let hush = Fixed {
        payload_type: 13,
        ..nth(first(1), 20)
    };
    bench.packet(A, hush, &[40]);
    bench.ticks(100);
    let hushed = bench.ticks(400);
    assert!((level(&hushed) + 40.0).abs() < 2.0, "{}", level(&hushed));
    let again = speak(&mut bench, 45, 20);
    assert!(
        (level(&again[20..]) + 12.2).abs() < 1.0,
        "{}",
        level(&again[20..])
    );
}
