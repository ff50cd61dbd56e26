//! Who plays into conferences and records them: how loud it is heard, and when it ends.

use std::sync::Arc;

use super::conferring::{Party, assert_mixed, bench, enter, parties, talk};
use super::*;
use crate::codec::{Decoder, Rate};
use crate::command::{Leaving, Mode, Piece, Play};
use crate::prompt::Prompt;
use crate::room::{Post, Room};
use crate::tape::Channels;
use crate::tone::{self, Tone};

/// The tone of what is played, which no party speaks.
const HZ: u16 = 1_950;
const SPEAKER: PortId = PortId(100);
const RECORDER: PortId = PortId(101);

/// So many seconds of the tone, at −18 dB.
fn announcement(seconds: usize) -> Play {
    let mut samples = vec![0; seconds * 8_000];
    Tone::new(HZ, -18.0).fill(&mut samples);
    Play {
        operation: 7,
        pieces: [Piece::Prompt(Arc::new(Prompt::from_8khz(&samples)))].into(),
        repeat: 1,
    }
}

fn announce(bench: &mut Bench, room: &Arc<Room>, port: PortId, play: Play) {
    room.appoint(Post::Speaker, Some(port));
    let room = Arc::clone(room);
    bench.command(Command::Announce { port, room, play });
}

fn overhear(bench: &mut Bench, room: &Arc<Room>, port: PortId, longest: u64) {
    room.appoint(Post::Recorder, Some(port));
    bench.command(Command::Overhear {
        port,
        room: Arc::clone(room),
        operation: 8,
        file: "room".into(),
        longest: Duration::from_secs(longest),
    });
}

fn met(bench: &mut Bench, parties: &[Party]) -> Arc<Room> {
    let room = Arc::new(Room::new(1, 1));
    for party in parties {
        enter(bench, &room, party.port, Mode::TalkAndListen);
    }
    room
}

/// Who has left, and why; and what is on the tapes, at 8 kHz.
fn heard(bench: &mut Bench) -> (Vec<(PortId, u32, Leaving)>, Vec<i16>, u32) {
    let (mut left, mut samples, mut ends) = (Vec::new(), Vec::new(), 0);
    let mut decoder = None;
    while let Some(output) = bench.plane.poll_output() {
        match output {
            Output::Event(Event::AttendantLeft {
                port,
                operation,
                why,
            }) => left.push((port, operation, why)),
            Output::Tape(Word::Begin { channels, .. }) => assert_eq!(channels, Channels::Heard),
            Output::Tape(Word::Block(block)) => {
                for entry in block.entries() {
                    let new = || Decoder::new(entry.codec, Rate::Narrow);
                    let mut frame = [0; 160];
                    let decoder = decoder.get_or_insert_with(new);
                    let length = decoder.decode(entry.payload, &mut frame);
                    samples.extend(&frame[..length]);
                }
                bench.plane.handle_block(block);
            }
            Output::Tape(Word::End { .. }) => ends += 1,
            _ => {}
        }
    }
    (left, samples, ends)
}

#[test]
fn everybody_hears_what_is_played_as_loud_as_it_is_and_each_other_too() {
    for codecs in [
        [Codec::Pcma, Codec::Pcmu, Codec::Pcma],
        [Codec::Pcma, Codec::G722, Codec::Pcmu],
    ] {
        let mut parties = parties(codecs);
        let mut bench = bench(&parties);
        let room = met(&mut bench, &parties);
        announce(&mut bench, &room, SPEAKER, announcement(2));
        talk(&mut bench, &mut parties, 1_500);
        for party in &parties {
            let level = party.hears(HZ);
            assert!((-19.5..-16.5).contains(&level), "{:?}: {level}", party.port);
        }
        assert_mixed(&parties);
        assert_eq!(heard(&mut bench).0, []);
        talk(&mut bench, &mut parties, 1_500);
        let (left, ..) = heard(&mut bench);
        assert_eq!(left, [(SPEAKER, 7, Leaving::Done)]);
        assert!(parties.iter().all(|it| it.hears(HZ) < -50.0));
    }
}

#[test]
fn all_of_a_prompt_is_heard_to_its_last_frame() {
    let mut parties = parties([Codec::Pcma]);
    let mut bench = bench(&parties);
    let room = met(&mut bench, &parties);
    let samples = [2_000; 160 * 7];
    let play = Play {
        operation: 1,
        pieces: [Piece::Prompt(Arc::new(Prompt::from_8khz(&samples)))].into(),
        repeat: 3,
    };
    announce(&mut bench, &room, SPEAKER, play);
    parties[0].heard.clear();
    talk(&mut bench, &mut parties, 1_000);
    let loud = parties[0].heard.iter().filter(|it| **it > 1_900).count();
    assert_eq!(loud, 160 * 21);
}

#[test]
fn a_recording_holds_all_voices_and_what_is_played() {
    for codecs in [[Codec::Pcma, Codec::Pcmu], [Codec::G722, Codec::Pcma]] {
        let mut parties = parties(codecs);
        let mut bench = bench(&parties);
        let room = met(&mut bench, &parties);
        overhear(&mut bench, &room, RECORDER, 60);
        announce(&mut bench, &room, SPEAKER, announcement(9));
        talk(&mut bench, &mut parties, 2_000);
        let (_, samples, _) = heard(&mut bench);
        let seconds = samples.len() as f32 / 8_000.0;
        assert!((1.75..=2.0).contains(&seconds), "{seconds}");
        let last = &samples[samples.len() - 8_000..];
        for party in &parties {
            let level = tone::level_of(last, party.hz);
            assert!((-13.5..-10.5).contains(&level), "{level}");
        }
        let level = tone::level_of(last, HZ);
        assert!((-19.5..-16.5).contains(&level), "{level}");
        assert_mixed(&parties);
    }
}

#[test]
fn what_is_played_on_one_shard_is_heard_and_recorded_on_another() {
    let (mut near, mut far) = (parties([Codec::Pcma]), parties([Codec::Pcmu]));
    let (mut here, mut there) = (bench(&near), bench(&far));
    there.now = here.now + Duration::from_micros(300);
    let room = Arc::new(Room::new(1, 3));
    enter(&mut here, &room, A, Mode::TalkAndListen);
    enter(&mut there, &room, A, Mode::ListenOnly);
    announce(&mut here, &room, SPEAKER, announcement(9));
    overhear(&mut there, &room, RECORDER, 60);
    let mut recorded = Vec::new();
    for _ in 0..75 {
        talk(&mut here, &mut near, 20);
        talk(&mut there, &mut far, 20);
        recorded.extend(heard(&mut there).1);
    }
    let level = far[0].hears(HZ);
    assert!((-19.5..-16.5).contains(&level), "{level}");
    let last = &recorded[recorded.len() - 4_000..];
    let level = tone::level_of(last, HZ);
    assert!((-19.5..-16.5).contains(&level), "{level}");
}

#[test]
fn all_of_a_prompt_is_heard_on_another_shard_though_nobody_else_is_on_its_own() {
    for odd in 0..5 {
        let mut far = parties([Codec::Pcmu]);
        let (mut here, mut there) = (bench(&[]), bench(&far));
        there.now = here.now + Duration::from_micros(300);
        let room = Arc::new(Room::new(1, 2));
        enter(&mut there, &room, A, Mode::ListenOnly);
        // The last 40 ms are louder than what is before.
        let mut samples = [1_000; 160 * 20];
        samples[160 * 18..].fill(8_000);
        let play = Play {
            operation: 1,
            pieces: [Piece::Prompt(Arc::new(Prompt::from_8khz(&samples)))].into(),
            repeat: 1,
        };
        announce(&mut here, &room, SPEAKER, play);
        far[0].heard.clear();
        let mut left = Vec::new();
        for round in 0..40 {
            // Their order is another in every fifth round: so a shard gets behind.
            if round % 5 == odd {
                talk(&mut there, &mut far, 20);
                talk(&mut here, &mut [], 20);
            } else {
                talk(&mut here, &mut [], 20);
                talk(&mut there, &mut far, 20);
            }
            left.extend(heard(&mut here).0);
        }
        let loud = far[0].heard.iter().filter(|it| **it > 6_000).count();
        assert_eq!(loud, 320, "{odd}");
        assert_eq!(left, [(SPEAKER, 1, Leaving::Done)]);
    }
}

#[test]
fn whoever_loses_its_post_leaves_and_another_goes_on() {
    let mut parties = parties([Codec::Pcma]);
    let mut bench = bench(&parties);
    let room = met(&mut bench, &parties);
    announce(&mut bench, &room, SPEAKER, announcement(9));
    overhear(&mut bench, &room, RECORDER, 9);
    talk(&mut bench, &mut parties, 500);
    let other = PortId(102);
    announce(&mut bench, &room, other, announcement(9));
    talk(&mut bench, &mut parties, 500);
    let (left, _, ends) = heard(&mut bench);
    assert_eq!(
        (&left[..], ends),
        (&[(SPEAKER, 7, Leaving::Relieved)][..], 0)
    );
    assert!(parties[0].hears(HZ) > -30.0);
    for post in [Post::Speaker, Post::Recorder] {
        room.appoint(post, None);
    }
    talk(&mut bench, &mut parties, 600);
    let (mut left, _, ends) = heard(&mut bench);
    left.sort_by_key(|(port, ..)| *port);
    let relieved = [
        (RECORDER, 8, Leaving::Relieved),
        (other, 7, Leaving::Relieved),
    ];
    assert_eq!((&left[..], ends), (&relieved[..], 1));
    assert!(parties[0].hears(HZ) < -50.0);
}

#[test]
fn a_recording_ends_when_it_took_as_long_as_it_may() {
    let mut parties = parties([Codec::Pcma]);
    let mut bench = bench(&parties);
    let room = met(&mut bench, &parties);
    overhear(&mut bench, &room, RECORDER, 1);
    talk(&mut bench, &mut parties, 2_000);
    let (left, samples, ends) = heard(&mut bench);
    assert_eq!(left, [(RECORDER, 8, Leaving::TimedOut)]);
    assert_eq!((samples.len(), ends), (8_000, 1));
}

#[test]
fn when_the_conference_is_over_nobody_stays_behind() {
    let mut parties = parties([Codec::Pcma]);
    let mut bench = bench(&parties);
    let room = met(&mut bench, &parties);
    announce(&mut bench, &room, SPEAKER, announcement(9));
    overhear(&mut bench, &room, RECORDER, 9);
    talk(&mut bench, &mut parties, 500);
    bench.command(Command::Close { port: A });
    assert_eq!(bench.plane.conferences(), 1);
    room.end();
    bench.ticks(20);
    let (mut left, _, ends) = heard(&mut bench);
    left.sort_by_key(|(port, ..)| *port);
    let over = [
        (SPEAKER, 7, Leaving::RoomOver),
        (RECORDER, 8, Leaving::RoomOver),
    ];
    assert_eq!((&left[..], ends), (&over[..], 1));
    let rest = (bench.plane.conferences(), bench.plane.poll_timeout());
    assert_eq!(rest, (0, None));
}

#[test]
fn a_conference_that_cannot_be_recorded_goes_on() {
    let mut parties = parties([Codec::Pcma, Codec::Pcma]);
    let mut bench = bench(&parties);
    let room = met(&mut bench, &parties);
    overhear(&mut bench, &room, RECORDER, 9);
    let tape = TapeId {
        port: RECORDER,
        operation: 8,
    };
    bench.outputs();
    for _ in 0..2 {
        bench.plane.handle_tape_failed(tape);
    }
    let outputs = bench.outputs();
    assert_eq!(outputs.len(), 1, "{outputs:?}");
    assert!(outputs[0].contains("RecordFailed"));
    talk(&mut bench, &mut parties, 1_000);
    assert_mixed(&parties);
    for number in 0..limits::TAPES as u64 {
        let other = Arc::new(Room::new(number + 2, 1));
        overhear(&mut bench, &other, PortId(1_000 + number), 9);
    }
    bench.outputs();
    overhear(&mut bench, &room, RECORDER, 9);
    let outputs = bench.outputs();
    assert!(outputs[0].contains("RecordFailed"), "{outputs:?}");
}
