//! Recording: which packets go onto a tape, and when it ends.

use std::sync::Arc;

use super::playing::{play, prompt};
use super::*;
use crate::command::Mode;
use crate::room::Room;
use crate::tape::{Entry, Side};

/// A tape, put together from what the plane said: its file, its packets as (side, timestamp, payload), and
/// how long it was, once it is over.
#[derive(Debug, Default, PartialEq)]
struct Taped {
    file: String,
    said: Vec<(u32, Vec<u8>)>,
    heard: Vec<(u32, Vec<u8>)>,
    /// Timestamps of what was heard with a marker.
    marked: Vec<u32>,
    lasted: Option<Duration>,
}

impl Bench {
    fn record(&mut self, port: PortId, operation: u32) {
        self.command(Command::Record {
            port,
            operation,
            file: format!("{}-{operation}", port.0).into(),
        });
    }

    /// What came of the tapes, in the order in which they began; blocks go back.
    fn tapes(&mut self) -> Vec<Taped> {
        let mut tapes: Vec<(TapeId, Taped)> = Vec::new();
        while let Some(output) = self.plane.poll_output() {
            let Output::Tape(word) = output else { continue };
            let of = |tapes: &mut Vec<(TapeId, Taped)>, tape| {
                tapes.iter().position(|(it, _)| *it == tape).unwrap()
            };
            match word {
                Word::Begin { tape, file, .. } => {
                    let file = file.into();
                    tapes.push((
                        tape,
                        Taped {
                            file,
                            ..Taped::default()
                        },
                    ));
                }
                Word::Block(block) => {
                    let at = of(&mut tapes, block.tape());
                    let tape = &mut tapes[at].1;
                    assert_eq!(tape.lasted, None, "nothing after the end");
                    for entry in block.entries() {
                        let Entry {
                            timestamp, payload, ..
                        } = entry;
                        assert_eq!(entry.codec, Codec::Pcma);
                        let side = match entry.side {
                            Side::Said => &mut tape.said,
                            Side::Heard => &mut tape.heard,
                        };
                        if entry.marker && entry.side == Side::Heard {
                            tape.marked.push(timestamp);
                        }
                        side.push((timestamp, payload.to_vec()));
                    }
                    self.plane.handle_block(block);
                }
                Word::End { tape, lasted } => {
                    let at = of(&mut tapes, tape);
                    assert_eq!(tapes[at].1.lasted.replace(lasted), None);
                }
            }
        }
        tapes.into_iter().map(|(_, heard)| heard).collect()
    }
}

#[test]
fn both_sides_of_a_bridge_are_recorded_while_it_is_relayed() {
    let mut bench = Bench::bridged();
    bench.record(A, 1);
    let mut sent = Vec::new();
    for n in 0..50 {
        sent.extend(bench.packet(A, nth(first(1), n), &[1; 160]));
        sent.extend(bench.packet(B, nth(first(2), n), &[2; 160]));
        bench.pass(20);
    }
    assert_eq!(sent.len(), 100, "the relay goes on");
    bench.command(Command::StopRecord { port: A });
    let tapes = bench.tapes();
    let [tape] = &tapes[..] else {
        panic!("{tapes:?}")
    };
    assert_eq!(
        (&*tape.file, tape.lasted),
        ("1-1", Some(Duration::from_secs(1)))
    );
    let said = (0..50).map(|n| (nth(first(1), n).timestamp, vec![1; 160]));
    assert_eq!(tape.said, said.collect::<Vec<_>>());
    let to_a = sent.iter().filter(|it| it.via == A);
    let heard = to_a.map(|it| (it.fixed.timestamp, it.payload.clone()));
    assert_eq!(tape.heard, heard.collect::<Vec<_>>());
    bench.packet(A, nth(first(1), 50), &[1; 160]);
    assert_eq!(bench.tapes(), []);
}

#[test]
fn a_port_without_a_route_records_what_its_party_says_and_no_keys() {
    let mut bench = Bench::bridged();
    bench.record(C, 1);
    bench.packet(C, first(3), &[3; 160]);
    let key = Fixed {
        payload_type: 101,
        ..nth(first(3), 1)
    };
    bench.packet(C, key, &[5, 10, 0, 160]);
    let unknown = Fixed {
        payload_type: 96,
        ..nth(first(3), 2)
    };
    bench.packet(C, unknown, &[9; 160]);
    bench.datagram(C, remote(B), &rtp::build(nth(first(4), 3), &[6; 160]));
    bench.command(Command::Close { port: C });
    let tapes = bench.tapes();
    assert_eq!(tapes[0].said, [(first(3).timestamp, vec![3; 160])]);
    assert_eq!((tapes[0].heard.len(), tapes.len()), (0, 1));
    assert!(tapes[0].lasted.is_some(), "closing the port ends it");
}

#[test]
fn a_second_recording_of_a_port_ends_the_first() {
    let mut bench = Bench::bridged();
    bench.record(A, 1);
    bench.packet(A, first(1), &[1; 160]);
    bench.pass(20);
    bench.record(A, 2);
    bench.packet(A, nth(first(1), 1), &[2; 160]);
    bench.command(Command::StopRecord { port: A });
    bench.command(Command::StopRecord { port: A });
    let tapes = bench.tapes();
    assert_eq!([&*tapes[0].file, &*tapes[1].file], ["1-1", "1-2"]);
    assert_eq!((tapes[0].said.len(), tapes[1].said.len()), (1, 1));
    assert!(tapes[0].lasted.is_some() && tapes[1].lasted.is_some());
}

#[test]
fn a_tape_that_failed_is_told_once_and_the_call_goes_on() {
    let mut bench = Bench::bridged();
    bench.record(A, 1);
    bench.packet(A, first(1), &[1; 160]);
    let tape = TapeId {
        port: A,
        operation: 1,
    };
    bench.outputs();
    bench.plane.handle_tape_failed(tape);
    bench.plane.handle_tape_failed(tape);
    let outputs = bench.outputs();
    assert_eq!(outputs.len(), 1, "{outputs:?}");
    assert!(outputs[0].contains("RecordFailed"));
    assert!(outputs[0].contains("unwritten: None"), "the recorder tells");
    assert!(bench.packet(A, nth(first(1), 1), &[1; 160]).is_some());
    bench.command(Command::Close { port: A });
    assert_eq!(bench.tapes(), [], "its end is not told");
}

#[test]
fn a_plane_records_as_many_ports_as_the_limit_and_the_next_one_fails() {
    let mut bench = Bench::new();
    for number in 1..=limits::TAPES as u64 + 1 {
        bench.open(PortId(number));
        bench.record(PortId(number), 1);
    }
    let failed = bench.outputs();
    let last = failed.last().unwrap();
    assert!(last.contains("RecordFailed"), "{last}");
    assert!(
        last.contains("unwritten: Some("),
        "nobody else tells: {last}"
    );
    bench.command(Command::Close { port: PortId(1) });
    bench.outputs();
    bench.record(PortId(limits::TAPES as u64 + 1), 2);
    let outputs = bench.outputs();
    assert!(outputs[0].contains("Begin"), "one has ended: {outputs:?}");
}

#[test]
fn what_is_played_to_a_party_is_recorded_as_what_it_heard() {
    let mut bench = Bench::bridged();
    bench.record(A, 1);
    bench.play(play(9, [prompt(25)]));
    let sent = bench.ticks(1_000);
    bench.command(Command::StopRecord { port: A });
    let tapes = bench.tapes();
    let sent = sent.into_iter().map(|it| (it.fixed.timestamp, it.payload));
    assert_eq!((tapes[0].said.len(), tapes[0].heard.len()), (0, 25));
    assert_eq!(tapes[0].heard, sent.collect::<Vec<_>>());
}

#[test]
fn what_a_party_hears_in_a_conference_is_recorded_and_so_are_keys_that_are_tones() {
    let mut bench = Bench::bridged();
    let room = Arc::new(Room::new(1, 1));
    for port in [A, B] {
        bench.command(Command::Confer {
            port,
            room: Arc::clone(&room),
            mode: Mode::TalkAndListen,
        });
    }
    bench.record(A, 1);
    let mut sent = bench.ticks(1_000);
    bench.command(Command::Leave { port: A });
    // No telephone events were agreed on with the party.
    bench.configure(
        A,
        Negotiated {
            telephone_event: None,
            ..agreed(A)
        },
    );
    let keys = "1".into();
    bench.command(Command::Key { port: A, keys });
    sent.extend(bench.ticks(500));
    bench.command(Command::StopRecord { port: A });
    let tapes = bench.tapes();
    let sent = sent.into_iter().filter(|it| it.via == A);
    let sent: Vec<_> = sent.map(|it| (it.fixed.timestamp, it.payload)).collect();
    assert!(sent.len() > 50, "{}", sent.len());
    assert_eq!(tapes[0].heard, sent);
}

#[test]
fn a_tape_tells_where_another_source_goes_on() {
    let mut bench = Bench::bridged();
    bench.record(A, 1);
    bench.stream(B, first(2), 5);
    bench.play(play(9, [prompt(5)]));
    let played = bench.ticks(200)[0].fixed.timestamp;
    let again = bench.packet(B, nth(first(2), 20), &[2; 160]).unwrap();
    bench.command(Command::StopRecord { port: A });
    let tape = bench.tapes().remove(0);
    let begin = tape.heard[0].0;
    assert_eq!(tape.marked, [begin, played, again.fixed.timestamp]);
}
