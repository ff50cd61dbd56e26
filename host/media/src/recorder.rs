//! The recorder: one thread, which turns the tapes of all media shards into files, and one that makes them
//! durable when they are whole.
//!
//! ```text
//!  plane ──Word──▶ queue ──▶ Track (aligned samples) ──▶ Take (WAV file) ──Ended──▶ fsync ──▶ Report
//!    ▲                │
//!    └──Back──────────┘ blocks to be used again, tapes that failed
//! ```
//!
//! Owns the folder and its files. A recording has 16 bits, of 8 kHz or, for a party in wide band, 16. That
//! of a call has two channels: left what its party said, right what it heard; that of a conference has one. What was appended is played whatever happens to the process later than
//! [`limits::TAPE_TOLD`]. A shard never waits for this thread:
//!
//! | queue | full |
//! |---|---|
//! | words, [`limits::TAPE_WORDS`] | a beginning fails its recording; a block is given back, and its packets are counted; an end waits at its shard |
//! | files that are to be made durable, [`limits::TAPE_ENDS`] | the recorder waits for the disk |
//! | blocks and failures, back to the shard | never: there are no more of them than blocks and tapes |

mod channel;
mod ending;
mod file;
#[cfg(test)]
mod tests;
mod track;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use file::mend;

use crate::io::Waker;
use crate::limits;
use crate::tape::{Block, TapeId, Word};
use ending::{End, Ended, Ends};
use file::Take;
use track::Track;

/// What becomes of the file of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its name, as the shard was told.
    pub file: Box<str>,
    /// How it went.
    pub result: Result<Written, String>,
}

/// A file that is whole and durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// How long it plays.
    pub lasts: Duration,
    /// Its size in octets.
    pub octets: u64,
}

/// Takes the reports, on a thread that does nothing else.
pub type Sink = Box<dyn FnMut(Report) + Send>;

/// What the recorder says to a shard.
#[derive(Debug)]
pub(crate) enum Back {
    /// Use it again.
    Block(Block),
    /// This tape cannot go on.
    Failed(TapeId),
}

/// What a shard says to the recorder.
enum Job {
    Join(u32, SyncSender<Back>, Waker),
    Word(u32, Word),
    Stop,
}

/// The way from one shard to the recorder and back.
#[derive(Debug)]
pub struct Line {
    number: u32,
    jobs: SyncSender<Job>,
    back: Receiver<Back>,
    /// For the thread, until it has been given.
    join: Option<SyncSender<Back>>,
    /// Ends that found no room.
    waiting: Vec<Word>,
}

/// What a [`Line`] could not take.
pub(crate) enum Refused {
    /// This recording cannot begin, and its file is not made.
    Begin { tape: TapeId, file: Box<str> },
    /// Nobody writes this block.
    Block(Block),
}

impl Line {
    /// The shard is there, and is woken by this when something comes back.
    pub(crate) fn join(&mut self, waker: Waker) {
        if let Some(back) = self.join.take() {
            // The first word on this line: the queue has room for it.
            let _ = self.jobs.try_send(Job::Join(self.number, back, waker));
        }
    }

    /// Says a word. Never blocks.
    pub(crate) fn say(&mut self, word: Word) -> Result<(), Refused> {
        self.retry();
        match self.jobs.try_send(Job::Word(self.number, word)) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => match job {
                Job::Word(_, Word::Begin { tape, file, .. }) => Err(Refused::Begin { tape, file }),
                Job::Word(_, Word::Block(block)) => Err(Refused::Block(block)),
                // There are no more of them than tapes: none begins meanwhile.
                Job::Word(_, end @ Word::End { .. }) => {
                    self.waiting.push(end);
                    Ok(())
                }
                Job::Join(..) | Job::Stop => Ok(()),
            },
        }
    }

    /// Whether ends wait: somebody has to [`retry`](Self::retry).
    pub(crate) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What came back.
    pub(crate) fn hear(&mut self) -> Option<Back> {
        self.back.try_recv().ok()
    }

    /// Ends that waited go first: what follows them is of other tapes.
    pub(crate) fn retry(&mut self) {
        while let Some(word) = self.waiting.pop() {
            if let Err(TrySendError::Full(Job::Word(_, word))) =
                self.jobs.try_send(Job::Word(self.number, word))
            {
                return self.waiting.push(word);
            }
        }
    }
}

/// The running threads. Dropping it ends every recording and waits until all files are whole and reported.
#[derive(Debug)]
pub struct Recorder {
    jobs: SyncSender<Job>,
    lines: u32,
    threads: Vec<JoinHandle<()>>,
}

impl Recorder {
    /// Starts the threads, which write into this folder. `clock` is the program's one reader of time.
    pub fn start(folder: PathBuf, clock: fn() -> Instant, sink: Sink) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(limits::TAPE_WORDS);
        let (ends, reporter) = ending::start(folder.clone(), sink)?;
        let desk = Desk::new(folder, clock, ends);
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || desk.run(&queue))?;
        Ok(Recorder {
            jobs,
            lines: 0,
            threads: vec![thread, reporter],
        })
    }

    /// A way in, for one shard.
    pub fn line(&mut self) -> Line {
        self.lines += 1;
        let (join, back) = sync_channel(limits::TAPE_BLOCKS + limits::TAPES);
        Line {
            number: self.lines,
            jobs: self.jobs.clone(),
            back,
            join: Some(join),
            waiting: Vec::new(),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // An error: the thread has ended.
        let _ = self.jobs.send(Job::Stop);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("the recorder panicked");
            }
        }
    }
}

/// A tape that is being written: of which line, and which it is there.
type Key = (u32, TapeId);

/// What the thread works with.
struct Desk {
    folder: PathBuf,
    clock: fn() -> Instant,
    ends: Ends,
    lines: BTreeMap<u32, (SyncSender<Back>, Waker)>,
    takes: BTreeMap<Key, Open>,
    buffer: Vec<u8>,
}

/// A recording that runs.
struct Open {
    file: Box<str>,
    take: Take,
    track: Track,
}

impl Desk {
    fn new(folder: PathBuf, clock: fn() -> Instant, ends: Ends) -> Self {
        Desk {
            folder,
            clock,
            ends,
            lines: BTreeMap::new(),
            takes: BTreeMap::new(),
            buffer: Vec::new(),
        }
    }

    /// It looks for words now and then instead of being woken for each: waking it would cost the shards.
    fn run(mut self, jobs: &Receiver<Job>) {
        let mut told = (self.clock)();
        loop {
            let job = if self.takes.is_empty() {
                jobs.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                jobs.try_recv()
            };
            match job {
                Ok(Job::Join(line, back, waker)) => {
                    self.lines.insert(line, (back, waker));
                }
                Ok(Job::Word(line, word)) => self.take_word(line, word),
                Ok(Job::Stop) | Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => std::thread::sleep(limits::TAPE_LOOK),
            }
            let now = (self.clock)();
            if now.saturating_duration_since(told) >= limits::TAPE_TOLD {
                told = now;
                self.tell();
            }
        }
        let open = std::mem::take(&mut self.takes);
        for mut open in open.into_values() {
            let rest = open.track.rest();
            match open.append(rest, &mut self.buffer) {
                Ok(()) => self.close(open),
                Err(error) => self.end(open.file, End::Failed(open.take.fail(error))),
            }
        }
    }

    fn take_word(&mut self, line: u32, word: Word) {
        match word {
            Word::Begin {
                tape,
                file,
                rate,
                channels,
            } => {
                let path = self.folder.join(&*file).with_extension("wav");
                match Take::create(&path, rate, channels) {
                    Ok(take) => {
                        let track = Track::new(rate, channels);
                        self.takes.insert((line, tape), Open { file, take, track });
                    }
                    Err(error) => self.fail((line, tape), file, error),
                }
            }
            Word::Block(block) => {
                self.write((line, block.tape()), &block);
                self.answer(line, Back::Block(block));
            }
            Word::End { tape, lasted } => {
                let Some(mut open) = self.takes.remove(&(line, tape)) else {
                    return; // it failed
                };
                let rest = open.track.samples(lasted) - open.track.written();
                match open.append(rest, &mut self.buffer) {
                    Ok(()) => self.close(open),
                    Err(error) => self.end(open.file, End::Failed(open.take.fail(error))),
                }
            }
        }
    }

    fn write(&mut self, key: Key, block: &Block) {
        let Some(open) = self.takes.get_mut(&key) else {
            return; // it failed
        };
        let written = block.entries().try_for_each(|entry| {
            let ready = open.track.ready(entry.at);
            if ready >= open.track.chunk() {
                open.append(ready, &mut self.buffer)?;
            }
            open.track.put(&entry);
            Ok(())
        });
        if let Err(error) = written {
            self.fail_open(key, error);
        }
    }

    /// Everything that is ready goes into the files, and their headers tell it.
    fn tell(&mut self) {
        let keys: Vec<Key> = self.takes.keys().copied().collect();
        for key in keys {
            let Some(open) = self.takes.get_mut(&key) else {
                continue;
            };
            let ready = open.track.ready(Duration::ZERO);
            let told = open
                .append(ready, &mut self.buffer)
                .and_then(|()| open.take.tell());
            if let Err(error) = told {
                self.fail_open(key, error);
            }
        }
    }

    fn close(&mut self, open: Open) {
        let (late, samples) = (open.track.late(), open.track.written().max(0) as u64);
        let rate = u64::from(open.track.rate());
        if late > 0 {
            tracing::debug!(file = %open.file, late, "packets came too late for a recording");
        }
        let lasts = Duration::from_micros(samples * 1_000_000 / rate);
        self.end(open.file, End::Written(open.take, lasts));
    }

    fn fail_open(&mut self, key: Key, error: io::Error) {
        if let Some(open) = self.takes.remove(&key) {
            self.fail(key, open.file, open.take.fail(error));
        }
    }

    fn fail(&mut self, (line, tape): Key, file: Box<str>, error: io::Error) {
        self.answer(line, Back::Failed(tape));
        self.end(file, End::Failed(error));
    }

    fn end(&self, file: Box<str>, end: End) {
        // Whoever reports it ends behind this thread, unless it panicked.
        let _ = self.ends.send(Ended { file, end });
    }

    fn answer(&self, line: u32, back: Back) {
        let Some((shard, waker)) = self.lines.get(&line) else {
            return;
        };
        let wakes = matches!(back, Back::Failed(_));
        // A shard that has ended wants nothing back.
        if shard.try_send(back).is_ok() && wakes {
            waker.wake();
        }
    }
}

impl Open {
    /// Appends so many samples.
    fn append(&mut self, mut count: i64, buffer: &mut Vec<u8>) -> io::Result<()> {
        while count > 0 {
            buffer.clear();
            self.track.take(count, buffer);
            self.take.append(buffer)?;
            count -= self.track.chunk();
        }
        Ok(())
    }
}
