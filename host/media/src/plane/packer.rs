//! Audio in packets of another length than it came in: cut, or gathered, as the peer asked (ptime).
//!
//! For codecs that are eight octets a millisecond and know no frames, so that nothing is decoded. Packets go in
//! in the order of their timestamps; one that is late is left out. A gap stays a gap: what was gathered before
//! it goes out as it is, and the numbers of what is missing are left out too. Owns what is not full yet; which
//! stream it is of is `outbound`'s.

use crate::limits;

/// See the module's header.
#[derive(Debug)]
pub(super) struct Packer {
    /// Octets of a packet.
    size: usize,
    gathered: Vec<u8>,
    /// The source that it is of, and the timestamp behind what is gathered.
    source: Option<(u64, u32)>,
    /// The number of the next packet.
    index: i64,
}

/// A packet that is full.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packed<'a> {
    /// Its number: 0 for the first.
    pub(super) index: i64,
    pub(super) timestamp: u32,
    pub(super) payload: &'a [u8],
}

impl Packer {
    /// Makes packets of so many octets.
    pub(super) fn new(size: usize) -> Self {
        Packer {
            size: size.clamp(1, limits::PACKET),
            gathered: Vec::with_capacity(2 * limits::PACKET),
            source: None,
            index: 0,
        }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Whether what it has is of that source.
    pub(super) fn is_of(&self, source: u64) -> bool {
        self.source.is_some_and(|(stream, _)| stream == source)
    }

    /// Takes audio of a source; every packet that becomes full is handed out.
    pub(super) fn put(
        &mut self,
        source: u64,
        timestamp: u32,
        payload: &[u8],
        mut each: impl FnMut(Packed<'_>),
    ) {
        if !self.is_of(source) {
            self.gathered.clear();
        } else if let Some((_, next)) = self.source {
            let hole = timestamp.wrapping_sub(next) as i32;
            if hole < 0 {
                return;
            }
            if hole > 0 {
                self.flush(&mut each);
                // A talkspurt after a pause of seconds is no loss of hundreds of packets.
                let missing = hole as usize / self.size;
                let is_loss = missing <= usize::from(limits::MAX_MISORDER);
                self.index += if is_loss { missing as i64 } else { 0 };
            }
        }
        let end = timestamp.wrapping_add(payload.len() as u32);
        self.source = Some((source, end));
        self.gathered.extend_from_slice(payload);
        let mut first = end.wrapping_sub(self.gathered.len() as u32);
        let full = self.gathered.len() / self.size * self.size;
        for payload in self.gathered[..full].chunks_exact(self.size) {
            each(Packed {
                index: self.index,
                timestamp: first,
                payload,
            });
            self.index += 1;
            first = first.wrapping_add(self.size as u32);
        }
        self.gathered.drain(..full);
    }

    /// Hands out what is gathered, though it is not full.
    pub(super) fn flush(&mut self, mut each: impl FnMut(Packed<'_>)) {
        let Some((_, end)) = self.source.filter(|_| !self.gathered.is_empty()) else {
            return;
        };
        each(Packed {
            index: self.index,
            timestamp: end.wrapping_sub(self.gathered.len() as u32),
            payload: &self.gathered,
        });
        self.index += 1;
        self.gathered.clear();
    }

    /// The number of a packet that goes between, and is no audio.
    pub(super) fn number(&mut self) -> i64 {
        self.index += 1;
        self.index - 1
    }

    /// Another source follows.
    pub(super) fn forget(&mut self) {
        self.gathered.clear();
        self.source = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Out = Vec<(i64, u32, Vec<u8>)>;

    fn put(packer: &mut Packer, timestamp: u32, payload: &[u8]) -> Out {
        let mut out = Vec::new();
        packer.put(1, timestamp, payload, |it| {
            out.push((it.index, it.timestamp, it.payload.to_vec()));
        });
        out
    }

    #[test]
    fn what_comes_out_is_what_went_in_cut_anew() {
        for (from, to) in [
            (160, 80),
            (160, 240),
            (160, 320),
            (160, 480),
            (240, 160),
            (80, 160),
        ] {
            let mut packer = Packer::new(to);
            let (mut said, mut heard) = (Vec::new(), Vec::new());
            let start = 0xffff_ff00_u32;
            for n in 0..60_u32 {
                let payload: Vec<u8> = (0..from).map(|at| (n * 7 + at) as u8).collect();
                said.extend_from_slice(&payload);
                for (index, timestamp, payload) in
                    put(&mut packer, start.wrapping_add(n * from), &payload)
                {
                    assert_eq!(payload.len(), to);
                    assert_eq!(index as usize * to, heard.len());
                    assert_eq!(timestamp, start.wrapping_add(heard.len() as u32));
                    heard.extend(payload);
                }
            }
            assert_eq!(heard, said[..heard.len()], "{from} to {to}");
            assert!(said.len() - heard.len() < to);
        }
    }

    #[test]
    fn a_gap_stays_one_in_time_and_number_and_nothing_is_heard_twice() {
        let mut packer = Packer::new(320);
        assert_eq!(put(&mut packer, 0, &[1; 160]), []);
        // Two packets of 20 ms are missing.
        assert_eq!(put(&mut packer, 480, &[2; 160]), [(0, 0, vec![1; 160])]);
        assert_eq!(put(&mut packer, 160, &[9; 160]), [], "late");
        assert_eq!(put(&mut packer, 640, &[3; 160]).len(), 1);
        let out = put(&mut packer, 800 + 80_000, &[4; 320]);
        assert_eq!(
            out,
            [(3, 80_800, vec![4; 320])],
            "ten seconds were not sent"
        );
    }

    #[test]
    fn what_is_left_can_be_had_and_another_source_begins_anew() {
        let mut packer = Packer::new(240);
        put(&mut packer, 0, &[1; 160]);
        let mut out = Vec::new();
        packer.flush(|it| out.push((it.index, it.timestamp, it.payload.len())));
        packer.flush(|_| panic!("nothing is left"));
        assert_eq!(out, [(0, 0, 160)]);
        put(&mut packer, 160, &[1; 160]);
        let mut out = Vec::new();
        packer.put(2, 7, &[2; 240], |it| {
            out.push((it.index, it.timestamp, it.payload[0]));
        });
        assert_eq!(out, [(1, 7, 2)]);
    }
}
