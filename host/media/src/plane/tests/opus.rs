//! Ports whose peer speaks Opus: another clock, and packets of any length.

use std::sync::Arc;

use super::playing::play;
use super::*;
use crate::codec::{Decoder, Encoder, LONGEST_SAMPLES, Rate, likeness};
use crate::command::{Mode, Piece};
use crate::prompt::Prompt;
use crate::room::Room;
use crate::tape::Side;
use crate::tone::{self, Tone};

impl Bench {
    /// A port whose leg has that codec.
    fn speaks(&mut self, port: PortId, codec: Codec) {
        let payload_type = codec.payload_type();
        let agreed = Negotiated {
            codec,
            payload_type,
            receive: vec![(payload_type, codec)],
            ..agreed(port)
        };
        self.configure(port, agreed);
    }

    /// A packet of audio of a port's peer; what leaves, by whichever way.
    fn sends(&mut self, port: PortId, codec: Codec, n: u16, payload: &[u8]) -> Option<Sent> {
        let fixed = Fixed {
            payload_type: codec.payload_type(),
            sequence: first(1).sequence.wrapping_add(n),
            timestamp: (u32::MAX - 5_000).wrapping_add(u32::from(n) * 20 * codec.per_ms()),
            ..first(1)
        };
        let at_once = self.packet(port, fixed, payload);
        at_once.or_else(|| self.left().pop())
    }

    /// What the outbox holds.
    fn left(&mut self) -> Vec<Sent> {
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

/// Two seconds of a chirp at 16 kHz.
fn chirp() -> Vec<i16> {
    let mut phase = 0.0_f64;
    let samples = (0..32_000).map(|at| {
        let hz = 1_600.0 - 1_400.0 * (f64::from(at) / 16_000.0 * std::f64::consts::TAU).cos();
        phase += std::f64::consts::TAU * hz / 16_000.0;
        (8_000.0 * phase.sin()) as i16
    });
    samples.collect()
}

/// What a peer of a codec hears of packets, at 16 kHz.
fn heard(codec: Codec, sent: &[Sent]) -> Vec<i16> {
    let mut decoder = Decoder::new(codec, Rate::Wide);
    let mut heard = Vec::new();
    for sent in sent {
        assert_eq!(sent.fixed.payload_type, codec.payload_type());
        let mut samples = [0; LONGEST_SAMPLES];
        let length = decoder.decode(&sent.payload, &mut samples);
        heard.extend_from_slice(&samples[..length]);
    }
    heard
}

/// The payloads of audio of 16 kHz, of 20 ms each.
fn said(codec: Codec, samples: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(codec, Rate::Wide);
    let payloads = samples.chunks_exact(320).map(|frame| {
        let mut payload = [0; 160];
        let length = encoder.encode(frame, &mut payload);
        payload[..length].to_vec()
    });
    payloads.collect()
}

#[test]
fn a_bridge_carries_the_chirp_both_ways_and_each_leg_has_its_own_clock() {
    for (from, to) in [
        (Codec::Pcma, Codec::Opus),
        (Codec::Opus, Codec::Pcma),
        (Codec::G722, Codec::Opus),
        (Codec::Opus, Codec::G722),
    ] {
        let mut bench = Bench::bridged();
        bench.speaks(A, from);
        bench.speaks(B, to);
        let mut sent = Vec::new();
        for (n, payload) in said(from, &chirp()).iter().enumerate() {
            sent.extend(bench.sends(A, from, n as u16, payload));
            bench.pass(20);
        }
        assert_one_stream(&sent, &[20 * to.per_ms(); 99]);
        assert!(sent.iter().all(|it| it.via == B && it.to == remote(B)));
        assert!(sent[0].fixed.marker && !sent[1].fixed.marker);
        let likeness = likeness(&chirp(), &heard(to, &sent));
        assert!(likeness > 0.9, "{from} to {to}: {likeness}");
    }
}

#[test]
fn between_two_of_opus_payloads_are_untouched() {
    let mut bench = Bench::bridged();
    bench.speaks(A, Codec::Opus);
    bench.speaks(B, Codec::Opus);
    let payload: Vec<u8> = (0..77).collect();
    let sent = bench.sends(A, Codec::Opus, 0, &payload).unwrap();
    let next = bench.sends(A, Codec::Opus, 1, &payload).unwrap();
    assert_eq!(sent.payload, payload);
    assert_eq!(
        next.fixed.timestamp.wrapping_sub(sent.fixed.timestamp),
        20 * Codec::Opus.per_ms()
    );
    assert!(bench.left().is_empty());
}

#[test]
fn what_cannot_be_a_packet_of_the_other_codec_is_counted_and_leaves_a_gap() {
    let mut bench = Bench::bridged();
    bench.speaks(A, Codec::Opus);
    let good = said(Codec::Opus, &chirp()).swap_remove(40);
    let before = bench.sends(A, Codec::Opus, 0, &good).unwrap().fixed;
    assert_eq!(bench.sends(A, Codec::Opus, 1, &[0x4b, 63, 1, 2]), None);
    let after = bench.sends(A, Codec::Opus, 2, &good).unwrap().fixed;
    assert_eq!(after.sequence, before.sequence.wrapping_add(2));
    assert_eq!(after.timestamp, before.timestamp.wrapping_add(320));
    assert_eq!(bench.stats(B).packets_dropped, 1);
    // 30 ms of A-law are no packet of Opus, 40 are.
    assert_eq!(bench.sends(B, Codec::Pcma, 0, &[0x55; 240]), None);
    let long = bench.sends(B, Codec::Pcma, 1, &[0x55; 320]).unwrap();
    assert_eq!(Codec::Opus.lasts(&long.payload), 40 * Codec::Opus.per_ms());
    assert_eq!(bench.stats(A).packets_dropped, 1);
}

#[test]
fn a_key_lasts_as_long_by_the_clock_of_the_other_leg() {
    let mut bench = Bench::bridged();
    bench.speaks(B, Codec::Opus);
    let event = |n: u16, duration: u16| {
        let [high, low] = duration.to_be_bytes();
        let fixed = Fixed {
            payload_type: 101,
            ..nth(first(1), n)
        };
        let fixed = Fixed {
            timestamp: 4_000,
            ..fixed
        };
        (fixed, [5, 10, high, low])
    };
    let mut told = Vec::new();
    for (n, duration) in [(0, 160), (1, 800), (2, 16_000)] {
        let (fixed, payload) = event(n, duration);
        let sent = bench.packet(A, fixed, &payload).unwrap();
        told.push(u16::from_be_bytes([sent.payload[2], sent.payload[3]]));
    }
    assert_eq!(told, [960, 4_800, 0xffff]);
}

#[test]
fn keys_that_we_press_and_prompts_that_we_play_go_by_its_clock() {
    let mut bench = Bench::bridged();
    bench.speaks(A, Codec::Opus);
    let prompt = Arc::new(Prompt::new(&chirp(), Rate::Wide));
    assert_eq!(prompt.frames(), 100);
    bench.play(play(1, [Piece::Prompt(prompt)]));
    let sent = bench.ticks(2_100);
    assert_one_stream(&sent, &[960; 99]);
    let likeness = likeness(&chirp(), &heard(Codec::Opus, &sent));
    assert!(likeness > 0.9, "{likeness}");
    bench.command(Command::Key {
        port: A,
        keys: "7".into(),
    });
    let keyed = bench.ticks(200);
    let durations: Vec<u16> = keyed
        .iter()
        .map(|it| u16::from_be_bytes([it.payload[2], it.payload[3]]))
        .collect();
    assert_eq!(durations, [960, 1_920, 2_880, 3_840, 4_800, 4_800, 4_800]);
}

#[test]
fn a_conference_hears_whoever_speaks_opus_and_conceals_what_is_lost() {
    let mut bench = Bench::bridged();
    bench.speaks(A, Codec::Opus);
    bench.speaks(B, Codec::Opus);
    let room = Arc::new(Room::new(1, 1));
    for port in [A, B] {
        let room = Arc::clone(&room);
        let mode = Mode::TalkAndListen;
        bench.command(Command::Confer { port, room, mode });
    }
    let mut tone = vec![0; 100 * 320];
    // The generator counts at 8 kHz: these are 400 Hz.
    Tone::new(200, -12.0).fill(&mut tone);
    let mut sent = Vec::new();
    for (n, payload) in said(Codec::Opus, &tone).iter().enumerate() {
        if n % 20 != 13 {
            assert_eq!(bench.sends(A, Codec::Opus, n as u16, payload), None);
        }
        let turn = bench.ticks(20);
        sent.extend(turn.into_iter().filter(|it| it.via == B));
    }
    assert_eq!(room.rate(), Rate::Wide);
    assert_one_stream(&sent, &vec![960; sent.len() - 1]);
    let heard = heard(Codec::Opus, &sent);
    for (at, block) in heard.chunks(320).enumerate().skip(10) {
        let level = tone::level_of(block, 200);
        assert!((-35.0..-9.0).contains(&level), "{at}: {level}");
    }
}

#[test]
fn a_recording_has_what_came_and_what_left_in_opus() {
    let mut bench = Bench::bridged();
    bench.speaks(A, Codec::Opus);
    bench.command(Command::Record {
        port: A,
        operation: 1,
        file: "x".into(),
    });
    let opus = said(Codec::Opus, &chirp());
    bench.sends(A, Codec::Opus, 0, &opus[50]).unwrap();
    let heard = bench.sends(B, Codec::Pcma, 0, &[0x55; 160]).unwrap();
    bench.command(Command::StopRecord { port: A });
    let mut entries = Vec::new();
    while let Some(output) = bench.plane.poll_output() {
        match output {
            Output::Tape(Word::Begin { rate, .. }) => assert_eq!(rate, Rate::Wide),
            Output::Tape(Word::Block(block)) => entries.extend(block.entries().map(|entry| {
                let Side::Said = entry.side else {
                    return (entry.codec, false, entry.payload.to_vec());
                };
                (entry.codec, true, entry.payload.to_vec())
            })),
            _ => {}
        }
    }
    assert_eq!(
        entries,
        [
            (Codec::Opus, true, opus[50].clone()),
            (Codec::Opus, false, heard.payload)
        ]
    );
}

#[test]
fn a_long_press_is_one_on_the_side_of_another_clock() {
    // RFC 4733 §2.5.1.3: at 48,000 Hz a segment is 1.37 s.
    let mut bench = Bench::bridged();
    bench.speaks(A, Codec::Opus);
    let mut far = crate::dtmf::Presses::default();
    let (mut told, mut lasted, mut begun) = (Vec::new(), 0, Vec::new());
    for n in 1..=200_u32 {
        let segment = (n * 960 - 1) / 0xffff;
        let [high, low] = ((n * 960 - segment * 0xffff) as u16).to_be_bytes();
        let fixed = Fixed {
            marker: n == 1,
            payload_type: 101,
            sequence: n as u16,
            timestamp: 1_000_000 + segment * 0xffff,
            ..first(1)
        };
        let sent = bench.packet(A, fixed, &[5, 10, high, low]).unwrap();
        told.push(far.hear(bench.now, &sent.fixed, &sent.payload));
        begun.push(sent.fixed.timestamp);
        lasted = u16::from_be_bytes([sent.payload[2], sent.payload[3]]);
        bench.pass(20);
    }
    told.retain(|it| *it != crate::dtmf::Heard::Nothing);
    assert_eq!(told, [crate::dtmf::Heard::Press('5')]);
    assert_eq!(lasted, 200 * 160);
    assert!(begun.iter().all(|it| *it == begun[0]));
}

#[test]
fn who_wants_packets_of_another_length_gets_them_from_opus_too() {
    // 60 ms of Opus, and 20.
    for (ms, asked, most) in [
        (60, Some(20), Some(20)),
        (60, None, Some(40)),
        (20, Some(30), None),
    ] {
        let mut bench = Bench::bridged();
        bench.speaks(A, Codec::Opus);
        let packing = crate::sdp::Packing::new(asked, most);
        bench.configure(
            B,
            Negotiated {
                packing,
                ..agreed(B)
            },
        );
        let mut encoder = Encoder::new(Codec::Opus, Rate::Wide);
        let mut sent = Vec::new();
        for (n, frame) in (0_u32..).zip(chirp().chunks_exact(16 * ms)).take(20) {
            let mut payload = [0; 500];
            let length = encoder.encode(frame, &mut payload);
            let fixed = Fixed {
                payload_type: Codec::Opus.payload_type(),
                sequence: n as u16,
                timestamp: (u32::MAX - 5_000).wrapping_add(n * 48 * ms as u32),
                ..first(1)
            };
            assert_eq!(bench.packet(A, fixed, &payload[..length]), None);
            sent.extend(bench.left());
            bench.pass(ms as u64);
        }
        let length = usize::from(asked.unwrap_or(20)) * 8;
        assert!(sent.iter().all(|it| it.payload.len() == length), "{ms}");
        assert_one_stream(&sent, &vec![length as u32; sent.len() - 1]);
        assert!(sent.len() * length >= 19 * ms * 8);
        let heard = heard(Codec::Pcma, &sent);
        let likeness = likeness(&chirp()[..heard.len()], &heard);
        assert!(likeness > 0.9, "{ms}: {likeness}");
    }
}
