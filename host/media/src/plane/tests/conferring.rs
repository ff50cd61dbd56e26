//! Conferences: who hears whom.

use std::sync::Arc;

use super::*;
use crate::codec::{Decoder, Encoder, Rate};
use crate::command::{Mode, Piece};
use crate::room::Room;
use crate::tone::{self, MARKS, Tone};

/// A telephone that speaks a tone and keeps what it hears, at 8 kHz.
pub(super) struct Party {
    pub(super) port: PortId,
    codec: Codec,
    pub(super) hz: u16,
    tone: Tone,
    encoder: Encoder,
    decoder: Decoder,
    sent: u16,
    pub(super) heard: Vec<i16>,
}

impl Party {
    fn new(port: PortId, codec: Codec) -> Self {
        let hz = MARKS[port.0 as usize - 1];
        Party {
            port,
            codec,
            hz,
            tone: Tone::new(hz, -12.0),
            encoder: Encoder::new(codec, Rate::Narrow),
            decoder: Decoder::new(codec, Rate::Narrow),
            sent: 0,
            heard: Vec::new(),
        }
    }

    /// How loud it hears a tone in the last half second, in dB below full scale.
    pub(super) fn hears(&self, hz: u16) -> f32 {
        tone::level_of(&self.heard[self.heard.len() - 4_000..], hz)
    }

    /// Speaks for 20 ms.
    fn speak(&mut self, bench: &mut Bench) {
        let mut samples = [0; 160];
        self.tone.fill(&mut samples);
        let mut payload = [0; 160];
        self.encoder.encode(&samples, &mut payload);
        let fixed = Fixed {
            payload_type: self.codec.payload_type(),
            ..nth(first(self.port.0 as u32), self.sent)
        };
        self.sent += 1;
        assert_eq!(bench.packet(self.port, fixed, &payload), None);
    }

    fn listen(&mut self, sent: &[Sent]) {
        for sent in sent.iter().filter(|it| it.via == self.port) {
            assert_eq!(sent.fixed.payload_type, self.codec.payload_type());
            let mut samples = [0; 160];
            assert_eq!(self.decoder.decode(&sent.payload, &mut samples), 160);
            self.heard.extend(samples);
        }
    }
}

/// A plane where ports of these codecs are open.
pub(super) fn bench(parties: &[Party]) -> Bench {
    let mut bench = Bench::new();
    for party in parties {
        let payload_type = party.codec.payload_type();
        bench.open(party.port);
        let agreed = Negotiated {
            codec: party.codec,
            payload_type,
            receive: vec![(payload_type, party.codec)],
            ..agreed(party.port)
        };
        bench.configure(party.port, agreed);
    }
    bench
}

pub(super) fn enter(bench: &mut Bench, room: &Arc<Room>, port: PortId, mode: Mode) {
    let room = Arc::clone(room);
    bench.command(Command::Confer { port, room, mode });
}

/// All speak for so many milliseconds.
pub(super) fn talk(bench: &mut Bench, parties: &mut [Party], milliseconds: u64) {
    for _ in 0..milliseconds / 20 {
        for party in parties.iter_mut() {
            party.speak(bench);
        }
        let sent = bench.ticks(20);
        for party in parties.iter_mut() {
            party.listen(&sent);
        }
    }
}

/// Everybody hears everybody else as loud as they speak, and nobody itself.
pub(super) fn assert_mixed(parties: &[Party]) {
    for party in parties {
        let own = party.hears(party.hz);
        assert!(own < -50.0, "{:?} hears itself at {own} dB", party.port);
        for other in parties.iter().filter(|it| it.port != party.port) {
            let level = party.hears(other.hz);
            let pair = (party.port, other.port);
            assert!((-13.5..-10.5).contains(&level), "{pair:?}: {level} dB");
        }
    }
}

pub(super) fn parties<const N: usize>(codecs: [Codec; N]) -> [Party; N] {
    let mut port = 0;
    codecs.map(|codec| {
        port += 1;
        Party::new(PortId(port), codec)
    })
}

#[test]
fn everybody_hears_all_others_and_nobody_itself() {
    let mut parties = parties([Codec::Pcma, Codec::Pcmu, Codec::Pcma]);
    let mut bench = bench(&parties);
    let room = Arc::new(Room::new(1, 1));
    for party in &parties {
        enter(&mut bench, &room, party.port, Mode::TalkAndListen);
    }
    talk(&mut bench, &mut parties, 1_500);
    assert_eq!(room.rate(), Rate::Narrow);
    assert_mixed(&parties);
}

#[test]
fn a_conference_with_a_wide_member_is_mixed_at_16_khz() {
    let mut parties = parties([Codec::Pcma, Codec::G722, Codec::Pcmu, Codec::G722]);
    let mut bench = bench(&parties);
    let room = Arc::new(Room::new(1, 1));
    for party in &parties {
        enter(&mut bench, &room, party.port, Mode::TalkAndListen);
    }
    talk(&mut bench, &mut parties, 1_500);
    assert_eq!(room.rate(), Rate::Wide);
    assert_mixed(&parties);
}

#[test]
fn a_mode_says_who_is_heard_and_who_hears() {
    let mut parties = parties([Codec::Pcma; 4]);
    let mut bench = bench(&parties);
    let room = Arc::new(Room::new(1, 1));
    let modes = [
        Mode::TalkAndListen,
        Mode::ListenOnly,
        Mode::TalkOnly,
        Mode::Silent,
    ];
    for (party, mode) in parties.iter().zip(modes) {
        enter(&mut bench, &room, party.port, mode);
    }
    talk(&mut bench, &mut parties, 1_500);
    for (party, mode) in parties.iter().zip(modes) {
        for (other, said) in parties.iter().zip(modes) {
            let is_heard = mode.hears() && said.talks() && party.port != other.port;
            let level = party.hears(other.hz);
            assert_eq!(level > -50.0, is_heard, "{mode:?} of {said:?}: {level}");
        }
    }
    // One who listened may talk from now on, without leaving.
    enter(&mut bench, &room, B, Mode::TalkAndListen);
    talk(&mut bench, &mut parties, 1_000);
    assert!(parties[0].hears(parties[1].hz) > -13.5);
}

#[test]
fn what_a_port_sends_stays_one_stream_into_a_conference_and_out_of_it() {
    let mut parties = parties([Codec::Pcma; 2]);
    let mut bench = bench(&parties);
    let room = Arc::new(Room::new(1, 1));
    for party in &parties {
        enter(&mut bench, &room, party.port, Mode::TalkAndListen);
    }
    let mut sent = Vec::new();
    for _ in 0..20 {
        for party in &mut parties {
            party.speak(&mut bench);
        }
        sent.extend(bench.ticks(20).into_iter().filter(|it| it.via == A));
    }
    let mixed = sent.len();
    assert!((19..=21).contains(&mixed), "{mixed}");
    bench.command(Command::Bridge { a: A, b: B });
    assert_eq!(bench.plane.conferences(), 0);
    for _ in 0..5 {
        let fixed = nth(first(2), parties[1].sent);
        parties[1].sent += 1;
        sent.extend(bench.packet(B, fixed, &[0x55; 160]));
        assert_eq!(bench.ticks(20), []);
    }
    assert_eq!(sent.len(), mixed + 5);
    for pair in sent.windows(2) {
        assert_eq!(pair[0].fixed.ssrc, pair[1].fixed.ssrc);
        assert_eq!(
            pair[1].fixed.sequence,
            pair[0].fixed.sequence.wrapping_add(1)
        );
    }
    let marked = sent.iter().enumerate().filter(|(_, it)| it.fixed.marker);
    assert_eq!(marked.map(|(at, _)| at).collect::<Vec<_>>(), [0, mixed]);
}

#[test]
fn the_others_hear_who_comes_and_goes() {
    let mut parties = parties([Codec::Pcma; 3]);
    for party in &mut parties {
        party.tone = Tone::new(party.hz, -90.0);
    }
    let mut bench = bench(&parties);
    let room = Arc::new(Room::new(1, 1));
    enter(&mut bench, &room, A, Mode::TalkAndListen);
    let chimed = |bench: &mut Bench, parties: &mut [Party]| {
        talk(bench, parties, 1_000);
        parties
            .iter()
            .map(|it| {
                let late = it.heard.len().saturating_sub(8_000);
                let loudest = it.heard[late..].iter().map(|it| it.unsigned_abs()).max();
                loudest > Some(1_000)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        chimed(&mut bench, &mut parties),
        [false; 3],
        "nobody else is there"
    );
    enter(&mut bench, &room, B, Mode::TalkAndListen);
    assert_eq!(chimed(&mut bench, &mut parties), [true, false, false]);
    enter(&mut bench, &room, C, Mode::ListenOnly);
    assert_eq!(
        chimed(&mut bench, &mut parties),
        [false; 3],
        "who is not heard is not announced"
    );
    bench.command(Command::Leave { port: B });
    talk(&mut bench, &mut parties[..1], 1_000);
    let heard = &parties[0].heard;
    let loudest = heard[heard.len() - 8_000..]
        .iter()
        .map(|it| it.unsigned_abs())
        .max();
    assert!(loudest > Some(1_000));
}

#[test]
fn who_did_not_hear_when_somebody_came_is_not_told_of_it_later() {
    let mut parties = parties([Codec::Pcma; 2]);
    let mut bench = bench(&parties);
    let room = Arc::new(Room::new(1, 1));
    enter(&mut bench, &room, A, Mode::TalkOnly);
    talk(&mut bench, &mut parties[..1], 100);
    enter(&mut bench, &room, B, Mode::TalkAndListen);
    talk(&mut bench, &mut parties[..1], 1_000);
    let before = parties[0].heard.len();
    enter(&mut bench, &room, A, Mode::TalkAndListen);
    talk(&mut bench, &mut parties[..1], 400);
    let since = &parties[0].heard[before..];
    assert_eq!(since.len(), 3_200);
    let loudest = since.iter().map(|it| it.unsigned_abs()).max();
    assert!(loudest < Some(100), "{loudest:?}");
    // But of whoever goes now.
    bench.command(Command::Leave { port: B });
    talk(&mut bench, &mut parties[..1], 400);
    let loudest = parties[0].heard[before + 3_200..]
        .iter()
        .map(|it| it.unsigned_abs())
        .max();
    assert!(loudest > Some(1_000), "{loudest:?}");
}

#[test]
fn members_of_two_shards_hear_one_another() {
    let mut near = parties([Codec::Pcma, Codec::G722]);
    let mut far = [
        Party::new(PortId(3), Codec::Pcmu),
        Party::new(PortId(4), Codec::Pcma),
    ];
    let (mut here, mut there) = (bench(&near), bench(&far));
    there.now = here.now + Duration::from_micros(300);
    let room = Arc::new(Room::new(1, 2));
    for party in &near {
        enter(&mut here, &room, party.port, Mode::TalkAndListen);
    }
    for party in &far {
        enter(&mut there, &room, party.port, Mode::TalkAndListen);
    }
    for _ in 0..75 {
        talk(&mut here, &mut near, 20);
        talk(&mut there, &mut far, 20);
    }
    let all: Vec<Party> = near.into_iter().chain(far).collect();
    assert_mixed(&all);
    for port in [A, B] {
        here.command(Command::Close { port });
    }
    assert_eq!(
        (here.plane.conferences(), there.plane.conferences()),
        (0, 1)
    );
}

#[test]
fn a_party_that_holds_us_is_not_heard() {
    let mut parties = parties([Codec::Pcma; 2]);
    let mut bench = bench(&parties);
    let room = Arc::new(Room::new(1, 1));
    for party in &parties {
        enter(&mut bench, &room, party.port, Mode::TalkAndListen);
    }
    let holding = Negotiated {
        direction: Direction::RecvOnly,
        ..agreed(A)
    };
    bench.configure(A, holding);
    talk(&mut bench, &mut parties, 1_500);
    let level = parties[1].hears(parties[0].hz);
    assert!(level < -50.0, "{level}");
    assert_eq!(parties[0].heard, []);
}

#[test]
fn a_closed_port_leaves_its_conference() {
    let mut parties = parties([Codec::Pcma; 2]);
    let mut bench = bench(&parties);
    let room = Arc::new(Room::new(1, 1));
    for party in &parties {
        enter(&mut bench, &room, party.port, Mode::TalkAndListen);
    }
    talk(&mut bench, &mut parties, 1_000);
    bench.command(Command::Close { port: A });
    assert_eq!(bench.plane.conferences(), 1);
    talk(&mut bench, &mut parties[1..], 1_000);
    let level = parties[1].hears(parties[0].hz);
    assert!(level < -50.0, "{level}");
    bench.command(Command::Close { port: B });
    assert_eq!(
        (bench.plane.conferences(), bench.plane.poll_timeout()),
        (0, None)
    );
}

#[test]
fn members_whose_turns_are_at_different_times_hear_one_another() {
    let mut parties = parties([Codec::Pcma; 2]);
    let mut bench = bench(&parties);
    let room = Arc::new(Room::new(1, 1));
    enter(&mut bench, &room, A, Mode::TalkAndListen);
    for port in (3..=10).map(PortId) {
        bench.open(port);
        bench.configure(port, agreed(port));
        enter(&mut bench, &room, port, Mode::ListenOnly);
    }
    enter(&mut bench, &room, B, Mode::TalkAndListen);
    talk(&mut bench, &mut parties, 1_500);
    assert_mixed(&parties);
    let moments: Vec<usize> = (0..20).map(|_| bench.ticks(1).len()).collect();
    assert!(moments.contains(&8) && moments.contains(&2), "{moments:?}");
}

#[test]
fn a_conference_has_its_turns_together_and_a_large_one_all_the_time() {
    for (members, most) in [(3, 3), (200, 10 + 8)] {
        let mut bench = Bench::new();
        let room = Arc::new(Room::new(1, 1));
        for port in 1..=members {
            let port = PortId(port);
            bench.open(port);
            bench.configure(port, agreed(port));
            enter(&mut bench, &room, port, Mode::TalkAndListen);
        }
        let moments: Vec<usize> = (0..20).map(|_| bench.ticks(1).len()).collect();
        assert_eq!(moments.iter().sum::<usize>() as u64, members);
        assert!(moments.iter().all(|&it| it <= most), "{moments:?}");
        assert!(members > 3 || moments.contains(&3), "{moments:?}");
    }
}

#[test]
fn who_leaves_and_goes_on_to_hear_something_parts_nobody() {
    let mut parties = parties([Codec::Pcma; 3]);
    let mut bench = bench(&parties);
    let room = Arc::new(Room::new(1, 1));
    for party in &parties {
        enter(&mut bench, &room, party.port, Mode::TalkAndListen);
    }
    let play = super::playing::play(1, [Piece::Silence { frames: 500 }]);
    bench.command(Command::Play { port: B, play });
    bench.command(Command::Leave { port: B });
    talk(&mut bench, &mut parties, 1_500);
    let [first, left, last] = &parties;
    assert!(first.hears(last.hz) > -13.5, "{}", first.hears(last.hz));
    assert!(last.hears(first.hz) > -13.5, "{}", last.hears(first.hz));
    assert!(left.hears(first.hz) < -50.0);
}
