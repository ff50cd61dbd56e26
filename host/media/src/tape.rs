//! What a plane says to whoever writes recordings: blocks of packets as they were, with their times.
//!
//! A *tape* is one recording of one port, as the plane sees it: payloads are copied into blocks, which are
//! handed over when they are full or old. Nothing is decoded, ordered or aligned here: that is the
//! [`recorder`](crate::recorder)'s, on a thread of its own. Knows no file.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::codec::{Codec, FRAME_OCTETS, Rate};
use crate::command::PortId;
use crate::limits;

/// One recording of one port. Ports and operations are never used again, so it tells all tapes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TapeId {
    /// The port.
    pub port: PortId,
    /// The owner's number of the recording.
    pub operation: u32,
}

/// Which way a packet went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The party said it: received. The left channel.
    Said,
    /// The party was to hear it: sent. The right channel.
    Heard,
}

/// What becomes of the two sides in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// Left what the party said, right what it heard.
    Both,
    /// What was heard, alone.
    Heard,
}

/// What a plane tells of its tapes; of one tape in this order: `Begin`, any number of `Block`s, `End`.
#[derive(Debug)]
pub enum Word {
    /// A tape begins.
    Begin {
        /// Which.
        tape: TapeId,
        /// The name of its file, without folder and ending.
        file: Box<str>,
        /// What its audio is worth.
        rate: Rate,
        /// How many channels the file has, and what is in them.
        channels: Channels,
    },
    /// More of a tape. The block is to be given back by [`Plane::handle_block`](crate::Plane::handle_block).
    Block(Block),
    /// A tape is over.
    End {
        /// Which.
        tape: TapeId,
        /// How long it was.
        lasted: Duration,
    },
}

/// A packet on a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Which way it went.
    pub side: Side,
    /// How its payload is encoded.
    pub codec: Codec,
    /// Its marker: it is the first of its source, or of a talkspurt (RFC 3551 §4.1).
    pub marker: bool,
    /// When it came by, since the tape began.
    pub at: Duration,
    /// Its stream: timestamps of two streams have nothing in common.
    pub ssrc: u32,
    /// Its timestamp, by the RTP clock of its codec.
    pub timestamp: u32,
    /// Its payload.
    pub payload: &'a [u8],
}

/// Octets before each payload: side and marker, codec, length, time in microseconds, SSRC, timestamp.
const HEAD: usize = 1 + 1 + 2 + 8 + 4 + 4;

/// A piece of a tape: packets, one after the other.
#[derive(Debug)]
pub struct Block {
    tape: TapeId,
    /// When its first packet came by.
    began: Duration,
    used: usize,
    octets: Octets,
}

impl Block {
    /// Which tape it is of.
    pub fn tape(&self) -> TapeId {
        self.tape
    }

    /// The packets, in the order in which they came by.
    pub fn entries(&self) -> Entries<'_> {
        Entries {
            rest: &self.octets[..self.used],
        }
    }

    /// Appends a packet; false if there is no room.
    fn put(&mut self, entry: &Entry<'_>) -> bool {
        let end = self.used + HEAD + entry.payload.len();
        let Some(room) = self.octets.get_mut(self.used..end) else {
            return false;
        };
        let (head, payload) = room.split_at_mut(HEAD);
        head[0] = u8::from(entry.side == Side::Heard) | u8::from(entry.marker) << 1;
        head[1] = entry.codec.payload_type();
        head[2..4].copy_from_slice(&(entry.payload.len() as u16).to_le_bytes());
        head[4..12].copy_from_slice(&(entry.at.as_micros() as u64).to_le_bytes());
        head[12..16].copy_from_slice(&entry.ssrc.to_le_bytes());
        head[16..20].copy_from_slice(&entry.timestamp.to_le_bytes());
        payload.copy_from_slice(entry.payload);
        self.used = end;
        true
    }
}

/// The packets of a [`Block`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let (head, rest) = self.rest.split_at_checked(HEAD)?;
        let number =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
        let (payload, rest) = rest.split_at_checked(length)?;
        let codec = Codec::ALL
            .into_iter()
            .find(|codec| codec.payload_type() == head[1])?;
        self.rest = rest;
        let micros = u64::from(number(4)) | u64::from(number(8)) << 32;
        Some(Entry {
            side: if head[0] & 1 == 0 {
                Side::Said
            } else {
                Side::Heard
            },
            codec,
            marker: head[0] & 2 != 0,
            at: Duration::from_micros(micros),
            ssrc: number(12),
            timestamp: number(16),
            payload,
        })
    }
}

/// The octets of a block.
type Octets = Box<[u8; limits::TAPE_BLOCK]>;

/// The blocks of a plane: a fixed number, made as tapes begin, so that a packet rarely has to wait for
/// one to be made.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    free: Vec<Octets>,
    made: usize,
    lost: u64,
}

impl Blocks {
    /// There are so many tapes now: each has its share.
    pub(crate) fn reserve(&mut self, tapes: usize) {
        let wanted = (tapes * limits::TAPE_SHARE).min(limits::TAPE_BLOCKS);
        while self.made < wanted {
            let octets = self.make();
            self.free.push(octets);
        }
    }

    /// One more. All have room among those that are free: so giving one back asks for no memory.
    fn make(&mut self) -> Octets {
        self.made += 1;
        self.free.reserve(self.made - self.free.len());
        Box::new([0; limits::TAPE_BLOCK])
    }

    /// A block is free again.
    pub(crate) fn give_back(&mut self, block: Block) {
        self.free.push(block.octets);
    }

    /// What is in a block is lost; the block is free again.
    pub(crate) fn lose(&mut self, block: Block) {
        self.lost += block.entries().count() as u64;
        self.give_back(block);
    }

    /// Packets that found no block, or whose block was lost.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    fn take(&mut self, tape: TapeId, began: Duration) -> Option<Block> {
        let free = self.free.pop();
        let octets = match free {
            Some(octets) => octets,
            None if self.made < limits::TAPE_BLOCKS => self.make(),
            None => {
                self.lost += 1;
                return None;
            }
        };
        Some(Block {
            tape,
            began,
            used: 0,
            octets,
        })
    }
}

/// What records a port.
#[derive(Debug)]
pub(crate) struct Tape {
    id: TapeId,
    began: Instant,
    block: Option<Block>,
}

impl Tape {
    pub(crate) fn new(id: TapeId, began: Instant) -> Self {
        let block = None;
        Tape { id, began, block }
    }

    pub(crate) fn id(&self) -> TapeId {
        self.id
    }

    /// How long it has run.
    pub(crate) fn lasted(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }

    /// Asks for where the next packet goes, once the tape itself is here.
    pub(crate) fn ask_place(&self) {
        if let Some(block) = &self.block {
            let end = limits::TAPE_BLOCK.min(block.used + HEAD + FRAME_OCTETS);
            cpu::ask(&block.octets[block.used..end]);
        }
    }

    /// Records a packet; returns a block that is full or old.
    pub(crate) fn put(&mut self, blocks: &mut Blocks, entry: &Entry<'_>) -> Option<Block> {
        let is_old = |block: &Block| entry.at >= block.began + limits::TAPE_HELD;
        if let Some(block) = self.block.as_mut().filter(|block| !is_old(block))
            && block.put(entry)
        {
            return None;
        }
        let done = self.block.take();
        self.block = blocks.take(self.id, entry.at);
        // A packet is shorter than a block.
        self.block.as_mut().map(|block| block.put(entry));
        done
    }

    /// What is not handed over yet.
    pub(crate) fn end(self) -> Option<Block> {
        self.block
    }
}
