//! A conference's audio between media shards: each tells the sum of its members' voices, and hears the
//! sums of the others.
//!
//! ```text
//!  media 0: members ── sum ──▶ ring 0 ──▶ the mix of the members of 1, 2 …
//!  media 1: members ── sum ──▶ ring 1 ──▶ the mix of the members of 0, 2 …
//! ```
//!
//! So a member stays on the shard where its socket is, whatever other shards the conference has members
//! on (ADR 15). Each ring has one writer and holds the last [`FRAMES`] frames of 20 ms, which are numbered:
//! a reader goes on by one frame each 20 ms, up to two behind the writer. Where there is none yet it hears
//! silence and stays, so that the order of the two threads makes a gap once and never again. Nobody waits
//! for anybody: a frame that is not there, or was written anew meanwhile, is silence, and none is heard
//! twice. Knows no member and no clock.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering, fence};

use crate::codec::{FRAME_SAMPLES, Rate};
use crate::command::PortId;

/// Frames of a ring: the one that is written, two that may be read, and one to spare.
const FRAMES: u64 = 4;

/// Media shards that a conference may have members on.
pub const SHARDS: usize = 64;

/// See the module's header. Shared by the shards behind an `Arc`.
#[derive(Debug)]
pub struct Room {
    id: u64,
    rings: Box<[Ring]>,
    /// A bit for each ring that a shard writes.
    taken: AtomicU64,
    wide: AtomicBool,
    joined: AtomicU32,
    left: AtomicU32,
    /// By post, who holds it: the number of a port, or 0.
    posts: [AtomicU64; 2],
    over: AtomicBool,
}

/// What is done in a conference by one at a time, who is no member of it. Whoever had a post before sees
/// that another has it, and leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Post {
    /// Plays into it.
    Speaker,
    /// Records it.
    Recorder,
}

#[derive(Debug)]
struct Ring {
    /// The number of the newest frame; 0 before the first.
    latest: AtomicU64,
    frames: [Frame; FRAMES as usize],
}

#[derive(Debug)]
struct Frame {
    /// Twice its number, and one more if it is of 16 kHz; 0 while it is written.
    mark: AtomicU64,
    samples: Box<[AtomicI32]>,
}

/// How many came into a conference and left it, of those that may be heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comings {
    /// Came in.
    pub joined: u32,
    /// Left.
    pub left: u32,
}

/// A shard's place in a room: the ring that it writes, and how far it has read the others.
#[derive(Debug)]
pub struct Place {
    ring: usize,
    written: u64,
    /// By ring: the frame that was read last.
    read: Box<[u64]>,
}

impl Room {
    /// A room whose members are on so many media shards at most, of 1 to [`SHARDS`]. Nobody uses an id
    /// again.
    pub fn new(id: u64, shards: usize) -> Self {
        let ring = |_| Ring {
            latest: AtomicU64::new(0),
            frames: std::array::from_fn(|_| Frame {
                mark: AtomicU64::new(0),
                samples: (0..FRAME_SAMPLES).map(|_| AtomicI32::new(0)).collect(),
            }),
        };
        Room {
            id,
            rings: (0..shards.clamp(1, SHARDS)).map(ring).collect(),
            taken: AtomicU64::new(0),
            wide: AtomicBool::new(false),
            joined: AtomicU32::new(0),
            left: AtomicU32::new(0),
            posts: Default::default(),
            over: AtomicBool::new(false),
        }
    }

    /// Its number.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The rate at which it is mixed: 16 kHz once a member could hear that.
    pub fn rate(&self) -> Rate {
        if self.wide.load(Ordering::Relaxed) {
            Rate::Wide
        } else {
            Rate::Narrow
        }
    }

    /// A member hears and speaks at 16 kHz.
    pub fn widen(&self) {
        self.wide.store(true, Ordering::Relaxed);
    }

    /// From now on that one has the post, or nobody.
    pub fn appoint(&self, post: Post, who: Option<PortId>) {
        let number = who.map_or(0, |port| port.0);
        self.posts[post as usize].store(number, Ordering::Relaxed);
    }

    /// It has the post no more, if it still has it: whoever was appointed meanwhile keeps it.
    pub fn vacate(&self, post: Post, by: PortId) {
        let place = &self.posts[post as usize];
        // An error: it is another's.
        let _ = place.compare_exchange(by.0, 0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Whether it has the post.
    pub fn is_held(&self, post: Post, by: PortId) -> bool {
        self.posts[post as usize].load(Ordering::Relaxed) == by.0
    }

    /// The last call has left: nobody comes in any more, and whoever plays or records ends.
    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Somebody who may be heard came in.
    pub fn joined(&self) {
        self.joined.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody who could be heard left.
    pub fn left(&self) {
        self.left.fetch_add(1, Ordering::Relaxed);
    }

    /// All who did so far.
    pub fn comings(&self) -> Comings {
        Comings {
            joined: self.joined.load(Ordering::Relaxed),
            left: self.left.load(Ordering::Relaxed),
        }
    }

    /// A place for a shard that has its first member; `None` if there are more shards than it was made
    /// for.
    pub fn enter(&self) -> Option<Place> {
        let mut taken = self.taken.load(Ordering::Acquire);
        loop {
            let ring = taken.trailing_ones() as usize;
            let read = self
                .rings
                .iter()
                .map(|ring| ring.latest.load(Ordering::Relaxed));
            let written = self.rings.get(ring)?.latest.load(Ordering::Relaxed);
            let new = taken | 1 << ring;
            let swap = (Ordering::AcqRel, Ordering::Acquire);
            match self.taken.compare_exchange(taken, new, swap.0, swap.1) {
                Ok(_) => {
                    let read = read.collect();
                    return Some(Place {
                        ring,
                        written,
                        read,
                    });
                }
                Err(other) => taken = other,
            }
        }
    }

    /// A shard has no member any more.
    pub fn leave(&self, place: Place) {
        self.taken.fetch_and(!(1 << place.ring), Ordering::AcqRel);
    }

    /// Whether other shards have members.
    pub fn is_shared(&self, place: &Place) -> bool {
        self.taken.load(Ordering::Acquire) & !(1 << place.ring) != 0
    }

    /// Once each 20 ms: tells what the members of this shard say together, and writes what those of all
    /// other shards say. False if there are none: then nothing is written.
    pub fn exchange(&self, place: &mut Place, rate: Rate, sum: &[i32], others: &mut [i32]) -> bool {
        let mut rest = self.taken.load(Ordering::Acquire) & !(1 << place.ring);
        if rest == 0 {
            return false;
        }
        if let Some(ring) = self.rings.get(place.ring) {
            place.written += 1;
            ring.write(place.written, rate, sum);
        }
        others.fill(0);
        while rest != 0 {
            let number = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            if let (Some(ring), Some(read)) = (self.rings.get(number), place.read.get_mut(number))
                && let Some(next) = ring.follow(*read)
            {
                *read = next;
                ring.add(next, rate, others);
            }
        }
        true
    }
}

impl Ring {
    fn write(&self, number: u64, rate: Rate, sum: &[i32]) {
        let frame = &self.frames[(number % FRAMES) as usize];
        frame.mark.store(0, Ordering::Relaxed);
        fence(Ordering::Release);
        for (place, &sample) in frame.samples.iter().zip(sum) {
            place.store(sample, Ordering::Relaxed);
        }
        let mark = 2 * number + u64::from(rate == Rate::Wide);
        frame.mark.store(mark, Ordering::Release);
        self.latest.store(number, Ordering::Release);
    }

    /// The frame behind the one that was read last; `None` if it is not written yet: no frame is heard
    /// twice. A reader that is too far behind goes where it has a frame's time on either side.
    fn follow(&self, read: u64) -> Option<u64> {
        let latest = self.latest.load(Ordering::Acquire);
        let next = read + 1;
        if next + 2 < latest {
            Some(latest - 1)
        } else {
            Some(next).filter(|&next| next <= latest)
        }
    }

    fn add(&self, number: u64, rate: Rate, others: &mut [i32]) {
        let frame = &self.frames[(number % FRAMES) as usize];
        let wanted = 2 * number + u64::from(rate == Rate::Wide);
        if frame.mark.load(Ordering::Acquire) != wanted {
            return;
        }
        let mut heard = [0; FRAME_SAMPLES];
        for (place, sample) in heard.iter_mut().zip(&frame.samples) {
            *place = sample.load(Ordering::Relaxed);
        }
        fence(Ordering::Acquire);
        if frame.mark.load(Ordering::Relaxed) == wanted {
            others
                .iter_mut()
                .zip(heard)
                .for_each(|(sum, it)| *sum += it);
        }
    }
}
