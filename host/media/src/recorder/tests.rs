use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use super::*;
use crate::codec::{Codec, Rate};
use crate::command::{Command, Event, Family, PortId};
use crate::io::{Config, PortRange, Shard};
use crate::tape::{Blocks, Channels, Entry, Side, Tape};
use crate::wav;

const PATIENCE: Duration = Duration::from_secs(10);

#[expect(clippy::disallowed_methods, reason = "the tests' own clock")]
fn clock() -> Instant {
    Instant::now()
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("jackfield-recorder-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const TAPE: TapeId = TapeId {
    port: PortId(1),
    operation: 1,
};

fn begin(tape: TapeId, file: &str) -> Word {
    let file = file.into();
    let rate = Rate::Narrow;
    Word::Begin {
        tape,
        file,
        rate,
        channels: Channels::Both,
    }
}

fn end(tape: TapeId, seconds: u64) -> Word {
    let lasted = Duration::from_secs(seconds);
    Word::End { tape, lasted }
}

/// So many seconds in which both sides say something, in blocks.
fn talk(blocks: &mut Blocks, id: TapeId, seconds: u32) -> Vec<Block> {
    let mut tape = Tape::new(id, clock());
    let mut done = Vec::new();
    for n in 0..seconds * 50 {
        for (side, octet) in [(Side::Said, 0xaa), (Side::Heard, 0x2a)] {
            let entry = Entry {
                side,
                codec: Codec::Pcma,
                marker: false,
                at: Duration::from_millis(20) * n,
                ssrc: 1,
                timestamp: n * 160,
                payload: &[octet; 160],
            };
            done.extend(tape.put(blocks, &entry));
        }
    }
    done.extend(tape.end());
    done
}

/// A recorder, a line to it, and its reports.
fn started(folder: &Path) -> (Recorder, Line, mpsc::Receiver<Report>) {
    let (reports, reported) = mpsc::sync_channel(16);
    let sink = Box::new(move |report| reports.send(report).unwrap());
    let mut recorder = Recorder::start(folder.to_owned(), clock, sink).unwrap();
    let line = recorder.line();
    (recorder, line, reported)
}

/// What writes, and what it has ended.
fn desk(folder: &Path) -> (Desk, mpsc::Receiver<Ended>) {
    let (ends, ended) = mpsc::sync_channel(16);
    (Desk::new(folder.to_owned(), clock, ends), ended)
}

/// What the header promises, and what is there, in pairs of samples.
fn pairs(path: &Path) -> (usize, usize) {
    let file = fs::read(path).unwrap();
    let promised = u32::from_le_bytes(file[40..44].try_into().unwrap());
    (promised as usize / 4, (file.len() - wav::HEADER) / 4)
}

#[test]
fn a_tape_becomes_a_file_of_two_channels_and_its_blocks_come_back() {
    let folder = Folder::new();
    let (recorder, mut line, reports) = started(&folder.0);
    let waker = Waker::idle();
    line.join(waker.clone());
    let mut blocks = Blocks::default();
    let talk = talk(&mut blocks, TAPE, 2);
    let count = talk.len();
    assert!(line.say(begin(TAPE, "one")).is_ok());
    for block in talk {
        assert!(line.say(Word::Block(block)).is_ok());
    }
    assert!(line.say(end(TAPE, 3)).is_ok());
    let report = reports.recv_timeout(PATIENCE).unwrap();
    let written = Written {
        lasts: Duration::from_secs(3),
        octets: 44 + 3 * 32_000,
    };
    assert_eq!((&*report.file, report.result), ("one", Ok(written)));
    let path = folder.0.join("one.wav");
    assert_eq!(pairs(&path), (24_000, 24_000));
    let file = fs::read(&path).unwrap();
    let sample = |at: usize| i16::from_le_bytes([file[at], file[at + 1]]);
    let loud = (44..file.len())
        .step_by(4)
        .filter(|at| sample(*at) > 0 && sample(at + 2) < 0);
    assert_eq!(
        loud.count(),
        16_000,
        "two seconds of both sides, one of silence"
    );
    drop(recorder);
    let back = std::iter::from_fn(|| line.hear());
    assert_eq!(
        back.filter(|it| matches!(it, Back::Block(_))).count(),
        count
    );
    assert!(!waker.is_woken(), "nobody is woken for a block");
}

#[test]
fn a_recorder_that_ends_makes_all_files_whole() {
    let folder = Folder::new();
    let (recorder, mut line, reports) = started(&folder.0);
    let mut blocks = Blocks::default();
    assert!(line.say(begin(TAPE, "one")).is_ok());
    for block in talk(&mut blocks, TAPE, 5) {
        assert!(line.say(Word::Block(block)).is_ok());
    }
    drop(recorder);
    let report = reports.recv_timeout(PATIENCE).unwrap();
    assert!(report.result.is_ok());
    let (promised, there) = pairs(&folder.0.join("one.wav"));
    assert_eq!(promised, there);
    assert!(promised >= 5 * 8_000 - 1_000, "{promised}");
}

#[test]
fn a_file_that_cannot_be_made_fails_its_recording_and_wakes_the_shard() {
    let folder = Folder::new();
    File::create(folder.0.join("there.wav")).unwrap();
    let (recorder, mut line, reports) = started(&folder.0);
    let waker = Waker::idle();
    line.join(waker.clone());
    assert!(
        line.say(begin(TAPE, "there")).is_ok(),
        "a name that is taken"
    );
    let report = reports.recv_timeout(PATIENCE).unwrap();
    assert!(report.result.is_err());
    assert!(matches!(line.hear(), Some(Back::Failed(TAPE))));
    assert!(waker.is_woken());
    assert!(line.say(end(TAPE, 1)).is_ok());
    drop(recorder);
    assert!(reports.recv().is_err(), "one report, no more");
}

#[test]
fn a_full_disk_fails_its_recording_and_no_other() {
    let folder = Folder::new();
    let (mut desk, ended) = desk(&folder.0);
    let other = TapeId {
        operation: 2,
        ..TAPE
    };
    for (tape, file) in [(TAPE, "full"), (other, "fine")] {
        desk.take_word(1, begin(tape, file));
    }
    let full = desk.takes.get_mut(&(1, TAPE)).unwrap();
    full.take = Take::onto(
        File::options().write(true).open("/dev/full").unwrap(),
        Rate::Narrow,
        Channels::Both,
    );
    let mut blocks = Blocks::default();
    for tape in [TAPE, other] {
        for block in talk(&mut blocks, tape, 2) {
            desk.take_word(1, Word::Block(block));
        }
    }
    desk.tell();
    let failed = ended.try_recv().unwrap().report(&folder.0);
    assert_eq!(&*failed.file, "full");
    assert!(failed.result.unwrap_err().contains("No space left"));
    desk.take_word(1, end(TAPE, 2));
    desk.take_word(1, end(other, 2));
    let fine = ended.try_recv().unwrap().report(&folder.0);
    assert_eq!((&*fine.file, fine.result.is_ok()), ("fine", true));
    assert!(ended.try_recv().is_err());
}

#[test]
fn without_room_a_beginning_is_refused_a_block_comes_back_and_an_end_waits() {
    let (jobs, queue) = sync_channel(1);
    let (join, back) = sync_channel(1);
    let mut line = Line {
        number: 1,
        jobs,
        back,
        join: Some(join),
        waiting: Vec::new(),
    };
    let block = || talk(&mut Blocks::default(), TAPE, 1).remove(0);
    assert!(line.say(begin(TAPE, "one")).is_ok());
    assert!(matches!(
        line.say(begin(TAPE, "two")),
        Err(Refused::Begin { tape: TAPE, .. })
    ));
    assert!(matches!(
        line.say(Word::Block(block())),
        Err(Refused::Block(_))
    ));
    assert!(line.say(end(TAPE, 1)).is_ok());
    assert!(matches!(
        queue.try_recv(),
        Ok(Job::Word(1, Word::Begin { .. }))
    ));
    assert!(
        matches!(line.say(Word::Block(block())), Err(Refused::Block(_))),
        "the end was first"
    );
    assert!(matches!(
        queue.try_recv(),
        Ok(Job::Word(1, Word::End { .. }))
    ));
}

#[test]
fn the_file_of_a_recording_that_failed_halfway_tells_it_whoever_finds_it() {
    let folder = Folder::new();
    let path = folder.0.join("half.wav");
    let mut take = Take::create(&path, Rate::Narrow, Channels::Both).unwrap();
    let second = vec![7; 4 * 8_000];
    take.append(&second).unwrap();
    take.tell().unwrap();
    take.append(&second).unwrap();
    let full = take.fail(io::ErrorKind::StorageFull.into());
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    assert_eq!(mend(&path).unwrap(), None);
    assert_eq!(pairs(&path), (16_000, 16_000), "and what is there plays");
}

#[test]
fn a_file_that_was_cut_off_anywhere_is_mended() {
    let folder = Folder::new();
    let path = folder.0.join("cut.wav");
    let cuts = [0_usize, 43, 44, 45, 48, 44 + 4 * 8_000 + 3];
    for octets in cuts {
        let mut file = wav::header(2, 8_000, 7).to_vec();
        file.resize(octets.max(44), 1);
        file.truncate(octets);
        fs::write(&path, &file).unwrap();
        let whole = octets.saturating_sub(44) / 4;
        let mended = mend(&path).unwrap();
        if whole == 0 {
            assert_eq!(mended, None);
            assert_eq!(fs::read(&path).unwrap(), file, "nothing is lost of it");
            continue;
        }
        let (size, lasts) = mended.unwrap();
        assert_eq!(size, 44 + 4 * whole as u64);
        assert_eq!(lasts.as_millis(), whole as u128 / 8);
        assert_eq!(pairs(&path), (whole, whole));
    }
    // That of a conference has one channel.
    let mut file = wav::header(1, 8_000, 7).to_vec();
    file.resize(44 + 2 * 8_000 + 1, 1);
    fs::write(&path, &file).unwrap();
    let (size, lasts) = mend(&path).unwrap().unwrap();
    assert_eq!((size, lasts), (44 + 2 * 8_000, Duration::from_secs(1)));
    assert_eq!(wav::decode(&fs::read(&path).unwrap()).unwrap().len(), 8_000);
}

#[test]
fn a_conference_is_one_channel_of_what_was_heard() {
    let folder = Folder::new();
    let (mut desk, ended) = desk(&folder.0);
    let (tape, channels) = (TAPE, Channels::Heard);
    desk.take_word(
        1,
        Word::Begin {
            tape,
            file: "room".into(),
            rate: Rate::Narrow,
            channels,
        },
    );
    for block in talk(&mut Blocks::default(), tape, 2) {
        desk.take_word(1, Word::Block(block));
    }
    desk.take_word(1, end(tape, 2));
    let written = ended.try_recv().unwrap().report(&folder.0).result.unwrap();
    assert_eq!(written.lasts, Duration::from_secs(2));
    let file = fs::read(folder.0.join("room.wav")).unwrap();
    assert_eq!(file.len() as u64, written.octets);
    let heard = crate::g711::decode_sample(crate::g711::Law::A, 0x2a);
    let samples = wav::decode(&file).unwrap();
    assert_eq!(samples.len(), 16_000);
    assert!(samples.iter().filter(|it| **it == heard).count() > 15_000);
}

#[test]
fn others_are_recorded_while_a_file_is_made_durable() {
    let folder = Folder::new();
    let (reports, reported) = mpsc::sync_channel(16);
    let (disk, is_slow) = mpsc::sync_channel::<()>(1);
    // A disk that is not done with the first file until the test is.
    let sink = Box::new(move |report| {
        reports.send(report).unwrap();
        let _ = is_slow.recv();
    });
    let mut recorder = Recorder::start(folder.0.clone(), clock, sink).unwrap();
    // Gone before the recorder, which waits for it.
    let disk = disk;
    let mut line = recorder.line();
    line.join(Waker::idle());
    let tapes = [1, 2, 3].map(|operation| TapeId { operation, ..TAPE });
    for (tape, file) in tapes.into_iter().zip(["one", "two", "three"]) {
        assert!(line.say(begin(tape, file)).is_ok());
    }
    assert!(line.say(end(tapes[0], 1)).is_ok());
    assert_eq!(&*reported.recv_timeout(PATIENCE).unwrap().file, "one");
    assert!(line.say(end(tapes[1], 1)).is_ok());
    let talk = talk(&mut Blocks::default(), tapes[2], 2);
    let count = talk.len();
    for block in talk {
        assert!(line.say(Word::Block(block)).is_ok());
    }
    for _ in 0..count {
        let back = line.back.recv_timeout(PATIENCE).unwrap();
        assert!(matches!(back, Back::Block(_)), "it was written");
    }
    assert!(reported.try_recv().is_err(), "the disk is not done");
    drop(disk);
    drop(recorder);
    let files = reported.into_iter().map(|it| (it.file, it.result.is_ok()));
    let files: Vec<_> = files.collect();
    assert_eq!(files, [("two".into(), true), ("three".into(), true)]);
}

#[test]
fn an_end_that_found_no_room_is_told_although_its_shard_says_nothing_more() {
    let (jobs, queue) = sync_channel(2);
    let (join, back) = sync_channel(1);
    let line = Line {
        number: 1,
        jobs,
        back,
        join: Some(join),
        waiting: Vec::new(),
    };
    let (sender, events) = mpsc::sync_channel(16);
    let sink = Box::new(move |event| sender.try_send(event).is_ok());
    let places = vec![PortRange::ephemeral(Ipv4Addr::LOCALHOST.into()).into()];
    let config = Config::new("waits", places, [1; 32]);
    let shard = Shard::start(config, clock, sink, Some(line)).unwrap();
    let (port, operation, family) = (TAPE.port, TAPE.operation, Family::V4);
    let file = "one".into();
    let record = Command::Record {
        port,
        operation,
        file,
    };
    let last = Command::Open {
        port: PortId(2),
        family,
    };
    let commands = [
        Command::Open { port, family },
        record,
        Command::StopRecord { port },
        last,
    ];
    for command in commands {
        shard.handle().send(command).unwrap();
    }
    for _ in 0..2 {
        let event = events.recv_timeout(PATIENCE).unwrap();
        assert!(matches!(event, Event::Opened { .. }), "{event:?}");
    }
    // The queue is full of these.
    assert!(matches!(queue.try_recv(), Ok(Job::Join(..))));
    assert!(matches!(
        queue.try_recv(),
        Ok(Job::Word(_, Word::Begin { .. }))
    ));
    assert!(matches!(
        queue.recv_timeout(PATIENCE),
        Ok(Job::Word(_, Word::End { tape: TAPE, .. }))
    ));
    shard.stop();
}
