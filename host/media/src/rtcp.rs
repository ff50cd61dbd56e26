//! RTCP packets (RFC 3550 §6): reading what a peer reports, and writing our own report.
//!
//! Owns the format. A compound packet is read only if all of it holds together (RFC 3550 §A.2): it
//! begins with a report, and the lengths of its parts end where the datagram ends. Knows no stream
//! and no time: what is reported, when and to whom is decided by `plane::reports`.

#[cfg(test)]
mod tests;

use crate::limits;

/// Kinds of packets (RFC 3550 §12.1).
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;

/// The item of a description that names a source across its SSRCs.
const CNAME: u8 = 1;

/// Octets of a header with its SSRC, of what a sender adds, and of a report block.
const HEADER: usize = 8;
const SENDER: usize = 20;
const BLOCK: usize = 24;

/// Octets of a canonical name of ours.
pub const CNAME_OCTETS: usize = 16;

/// Octets of the longest compound packet that we write: a sender report of one source, a description
/// and a goodbye.
pub const LONGEST: usize = HEADER + SENDER + BLOCK + 28 + HEADER;

/// What a sender says of its own stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When this was: seconds above, their fraction below.
    pub ntp: u64,
    /// The same moment on the stream's RTP clock.
    pub rtp: u32,
    /// Packets since the beginning.
    pub packets: u32,
    /// Their payload octets.
    pub octets: u32,
}

/// What a receiver says of one source (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The source.
    pub ssrc: u32,
    /// The share lost since the report before, in 256ths.
    pub fraction: u8,
    /// Packets lost since the beginning; below zero if some came twice. 24 bits.
    pub lost: i32,
    /// The highest sequence number received, with the count of its cycles above.
    pub highest: u32,
    /// Interarrival jitter in units of the RTP clock.
    pub jitter: u32,
    /// The middle 32 bits of the NTP time of the source's last report; 0 if there was none.
    pub last_report: u32,
    /// Since that report, in 65,536ths of a second.
    pub delay: u32,
}

/// A report of ours, and what goes with it.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Our source.
    pub ssrc: u32,
    /// Set if we have sent packets lately: it is a sender report then.
    pub sent: Option<Sent>,
    /// The source that we hear, if there is one.
    pub heard: Option<Block>,
    /// Our canonical name.
    pub cname: &'a [u8; CNAME_OCTETS],
    /// It is the last: a goodbye goes with it.
    pub goodbye: bool,
}

impl Report<'_> {
    /// Writes the compound packet; returns how many octets it has.
    pub fn write(&self, out: &mut [u8; LONGEST]) -> usize {
        let mut writer = Writer { out, length: 0 };
        let blocks = u8::from(self.heard.is_some());
        let length = usize::from(blocks) * BLOCK;
        match &self.sent {
            Some(sent) => {
                writer.header(blocks, SENDER_REPORT, HEADER + SENDER + length, self.ssrc);
                writer.add(&sent.ntp.to_be_bytes());
                writer.word(sent.rtp);
                writer.word(sent.packets);
                writer.word(sent.octets);
            }
            None => writer.header(blocks, RECEIVER_REPORT, HEADER + length, self.ssrc),
        }
        if let Some(block) = &self.heard {
            writer.block(block);
        }
        // An item of two octets and the name, then zeros to the next word, of which one ends the items.
        writer.header(1, DESCRIPTION, HEADER + 2 + CNAME_OCTETS + 2, self.ssrc);
        writer.add(&[CNAME, CNAME_OCTETS as u8]);
        writer.add(self.cname);
        writer.add(&[0; 2]);
        if self.goodbye {
            writer.header(1, GOODBYE, HEADER, self.ssrc);
        }
        writer.length
    }
}

/// Fills a buffer from its beginning. [`LONGEST`] is the sum of all that one report writes.
struct Writer<'a> {
    out: &'a mut [u8; LONGEST],
    length: usize,
}

impl Writer<'_> {
    fn add(&mut self, octets: &[u8]) {
        let end = self.length + octets.len();
        self.out[self.length..end].copy_from_slice(octets);
        self.length = end;
    }

    fn word(&mut self, word: u32) {
        self.add(&word.to_be_bytes());
    }

    /// `count`: blocks or sources; `octets`: of the whole packet.
    fn header(&mut self, count: u8, kind: u8, octets: usize, ssrc: u32) {
        self.add(&[2 << 6 | count, kind]);
        self.add(&((octets / 4 - 1) as u16).to_be_bytes());
        self.word(ssrc);
    }

    fn block(&mut self, block: &Block) {
        self.word(block.ssrc);
        let lost = block.lost.clamp(-(1 << 23), (1 << 23) - 1) as u32 & 0x00ff_ffff;
        self.word(u32::from(block.fraction) << 24 | lost);
        self.word(block.highest);
        self.word(block.jitter);
        self.word(block.last_report);
        self.word(block.delay);
    }
}

/// A compound packet whose parts hold together.
#[derive(Clone, Copy, Debug)]
pub struct Compound<'a>(&'a [u8]);

/// One part of it.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// Of somebody who sends and may receive.
    Sender(u32, Sent, Blocks<'a>),
    /// Of somebody who only receives.
    Receiver(u32, Blocks<'a>),
    /// This source is gone.
    Goodbye(u32),
    /// Descriptions, and what applications and extensions say: nothing that we use.
    Other,
}

/// The report blocks of a part.
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a>(&'a [u8]);

/// Reads a datagram; `None` if it is no compound packet, or longer than [`limits::PACKET`].
pub fn read(datagram: &[u8]) -> Option<Compound<'_>> {
    if datagram.len() > limits::PACKET {
        return None;
    }
    // Padding may be at the end of the last only, and a report comes first.
    let begins =
        matches!(datagram, [first, SENDER_REPORT | RECEIVER_REPORT, ..] if first >> 5 == 4);
    if !begins {
        return None;
    }
    let mut rest = datagram;
    while !rest.is_empty() {
        let (part, tail) = cut(rest)?;
        if part[0] & PADDED != 0 && (!tail.is_empty() || !is_padding(part)) {
            return None;
        }
        rest = tail;
    }
    let compound = Compound(datagram);
    // A part that is shorter than its kind and count demand spoils the whole.
    compound
        .raw()
        .all(|part| understand(part).is_some())
        .then_some(compound)
}

/// The bit of the first octet that says that the packet ends in padding.
const PADDED: u8 = 1 << 5;

/// The last octet counts the padding, itself included: whole words of the packet behind its header.
fn is_padding(part: &[u8]) -> bool {
    let padding = usize::from(part[part.len() - 1]);
    padding > 0 && padding.is_multiple_of(4) && padding + 4 <= part.len()
}

impl<'a> Compound<'a> {
    /// Its parts, in order.
    pub fn parts(self) -> impl Iterator<Item = Part<'a>> {
        self.raw().filter_map(understand)
    }

    fn raw(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (part, tail) = cut(rest)?;
            rest = tail;
            Some(part)
        })
    }
}

impl<'a> Blocks<'a> {
    /// Each of them, in order.
    pub fn each(self) -> impl Iterator<Item = Block> + 'a {
        self.0.chunks_exact(BLOCK).filter_map(|block| {
            let lost = word(block, 4)?;
            Some(Block {
                ssrc: word(block, 0)?,
                fraction: (lost >> 24) as u8,
                // The sign is in the highest of 24 bits.
                lost: (lost << 8) as i32 >> 8,
                highest: word(block, 8)?,
                jitter: word(block, 12)?,
                last_report: word(block, 16)?,
                delay: word(block, 20)?,
            })
        })
    }
}

/// The first packet of a compound, and what follows it.
fn cut(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let [first, _, high, low, ..] = rest else {
        return None;
    };
    if first >> 6 != 2 {
        return None;
    }
    let octets = (usize::from(u16::from_be_bytes([*high, *low])) + 1) * 4;
    rest.split_at_checked(octets)
}

fn understand(part: &[u8]) -> Option<Part<'_>> {
    let count = usize::from(part[0] & 0x1f);
    let blocks = |start: usize| Some(Blocks(part.get(start..start + count * BLOCK)?));
    match part[1] {
        SENDER_REPORT => {
            let sent = Sent {
                ntp: u64::from(word(part, 8)?) << 32 | u64::from(word(part, 12)?),
                rtp: word(part, 16)?,
                packets: word(part, 20)?,
                octets: word(part, 24)?,
            };
            Some(Part::Sender(word(part, 4)?, sent, blocks(HEADER + SENDER)?))
        }
        RECEIVER_REPORT => Some(Part::Receiver(word(part, 4)?, blocks(HEADER)?)),
        // Of several sources, as mixers say goodbye, the first: ours are no mixers.
        GOODBYE if count > 0 => {
            part.get(4..4 + count * 4)?;
            Some(Part::Goodbye(word(part, 4)?))
        }
        _ => Some(Part::Other),
    }
}

fn word(octets: &[u8], at: usize) -> Option<u32> {
    let word = octets.get(at..at + 4)?;
    Some(u32::from_be_bytes(word.try_into().ok()?))
}
