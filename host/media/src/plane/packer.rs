//! Audio in packets of another length than it came in: cut, or gathered, as the peer asked (ptime).
//!
//! For codecs that are eight octets a millisecond and know no frames, so that nothing is decoded. Packets go in
//! in the order of their numbers and timestamps; one that is late is left out. A gap in time stays one: what was
//! gathered before it goes out as it is. Only where numbers are missing are as many of ours left out: a pause, or a
//! key between, is no loss (RFC 3550 §5.1). Owns what is not full yet; which stream it is of is `outbound`'s.

use super::inbound::Order;
use crate::limits;

/// Octets in a millisecond, and units of our clock.
pub(super) const PER_MS: u32 = 8;

/// See the module's header.
#[derive(Debug)]
pub(super) struct Packer {
    /// Octets of a packet.
    size: usize,
    gathered: Vec<u8>,
    /// The source that it is of.
    source: Option<Source>,
    /// Where it began anew, with what goes out next.
    marker: bool,
    /// The number of the next packet.
    index: i64,
}

/// What comes next of a source if nothing is missing.
#[derive(Clone, Copy, Debug)]
struct Source {
    stream: u64,
    index: i64,
    /// By our clock, and by the source's.
    timestamp: u32,
    theirs: u32,
}

/// Where a packet that goes in belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) order: Order,
    /// By a clock of so many units a millisecond.
    pub(super) timestamp: u32,
    pub(super) per_ms: u32,
    pub(super) marker: bool,
}

/// A packet that is full.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packed<'a> {
    /// Its number: 0 for the first.
    pub(super) index: i64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) payload: &'a [u8],
}

impl Packer {
    /// Makes packets of so many octets.
    pub(super) fn new(size: usize) -> Self {
        Packer {
            size: size.clamp(1, limits::PACKET),
            gathered: Vec::with_capacity(2 * limits::PACKET),
            source: None,
            marker: false,
            index: 0,
        }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Whether what it has is of that source.
    pub(super) fn is_of(&self, source: u64) -> bool {
        self.source.is_some_and(|it| it.stream == source)
    }

    /// Takes audio of a source; every packet that becomes full is handed out.
    pub(super) fn put(&mut self, place: Place, payload: &[u8], mut each: impl FnMut(Packed<'_>)) {
        let order = place.order;
        let timestamp = self.ours(place);
        match self.source.filter(|it| it.stream == order.stream) {
            None => self.forget(),
            Some(next) => {
                let missing = order.index - next.index;
                let hole = timestamp.wrapping_sub(next.timestamp) as i32;
                if missing < 0 || hole < 0 {
                    return self.skip(order);
                }
                if hole > 0 {
                    self.flush(&mut each);
                    let lost = i64::from(hole).min(missing * payload.len() as i64);
                    self.leave_out(lost / self.size as i64);
                }
            }
        }
        let end = timestamp.wrapping_add(payload.len() as u32);
        self.source = Some(Source {
            stream: order.stream,
            index: order.index + 1,
            timestamp: end,
            theirs: place
                .timestamp
                .wrapping_add(payload.len() as u32 * place.per_ms / PER_MS),
        });
        self.marker |= place.marker;
        self.gathered.extend_from_slice(payload);
        let mut first = end.wrapping_sub(self.gathered.len() as u32);
        let full = self.gathered.len() / self.size * self.size;
        for payload in self.gathered[..full].chunks_exact(self.size) {
            each(Packed {
                index: self.index,
                timestamp: first,
                marker: std::mem::take(&mut self.marker),
                payload,
            });
            self.index += 1;
            first = first.wrapping_add(self.size as u32);
        }
        self.gathered.drain(..full);
    }

    /// A timestamp by our clock.
    pub(super) fn ours(&self, place: Place) -> u32 {
        let known = self.source.filter(|it| it.stream == place.order.stream);
        known.map_or(place.timestamp, |next| {
            let step = place.timestamp.wrapping_sub(next.theirs) as i32;
            let step = i64::from(step) * i64::from(PER_MS) / i64::from(place.per_ms);
            next.timestamp.wrapping_add(step as u32)
        })
    }

    /// Hands out what is gathered, though it is not full.
    pub(super) fn flush(&mut self, mut each: impl FnMut(Packed<'_>)) {
        let Some(next) = self.source.filter(|_| !self.gathered.is_empty()) else {
            return;
        };
        each(Packed {
            index: self.index,
            timestamp: next.timestamp.wrapping_sub(self.gathered.len() as u32),
            marker: std::mem::take(&mut self.marker),
            payload: &self.gathered,
        });
        self.index += 1;
        self.gathered.clear();
    }

    /// The number of a packet that goes between, and is no audio.
    pub(super) fn number(&mut self, order: Order) -> i64 {
        if let Some(next) = &mut self.source {
            let missing = (order.index - next.index).max(0);
            next.index += missing;
            self.leave_out(missing);
        }
        self.skip(order);
        self.index += 1;
        self.index - 1
    }

    /// A packet of the source that does not go out: it is not missing.
    pub(super) fn skip(&mut self, order: Order) {
        if let Some(next) = &mut self.source
            && next.stream == order.stream
            && order.index >= next.index
        {
            next.index += 1;
        }
    }

    /// So many packets were lost. What would look like another beginning to the peer is told to be no more than it may.
    fn leave_out(&mut self, packets: i64) {
        self.index += packets.min(i64::from(limits::MAX_DROPOUT) - 1);
    }

    /// Another source follows.
    pub(super) fn forget(&mut self) {
        self.gathered.clear();
        self.source = None;
        self.marker = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Out = Vec<(i64, u32, Vec<u8>)>;

    fn nth(index: i64) -> Order {
        Order { stream: 1, index }
    }

    fn at(order: Order, timestamp: u32, marker: bool) -> Place {
        Place {
            order,
            timestamp,
            per_ms: PER_MS,
            marker,
        }
    }

    fn put(packer: &mut Packer, index: i64, timestamp: u32, payload: &[u8]) -> Out {
        let mut out = Vec::new();
        packer.put(at(nth(index), timestamp, false), payload, |it| {
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
                for (index, timestamp, payload) in put(
                    &mut packer,
                    i64::from(n),
                    start.wrapping_add(n * from),
                    &payload,
                ) {
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
        assert_eq!(put(&mut packer, 0, 0, &[1; 160]), []);
        // Two packets of 20 ms are missing.
        assert_eq!(put(&mut packer, 3, 480, &[2; 160]), [(0, 0, vec![1; 160])]);
        assert_eq!(put(&mut packer, 1, 160, &[9; 160]), [], "late");
        assert_eq!(put(&mut packer, 4, 640, &[3; 160]).len(), 1);
        let out = put(&mut packer, 5, 800 + 80_000, &[4; 320]);
        assert_eq!(
            out,
            [(3, 80_800, vec![4; 320])],
            "ten seconds were not sent"
        );
    }

    #[test]
    fn what_is_left_can_be_had_and_another_source_begins_anew() {
        let mut packer = Packer::new(240);
        put(&mut packer, 0, 0, &[1; 160]);
        let mut out = Vec::new();
        packer.flush(|it| out.push((it.index, it.timestamp, it.payload.len())));
        packer.flush(|_| panic!("nothing is left"));
        assert_eq!(out, [(0, 0, 160)]);
        put(&mut packer, 1, 160, &[1; 160]);
        let mut out = Vec::new();
        let other = Order {
            stream: 2,
            index: 9,
        };
        packer.put(at(other, 7, false), &[2; 240], |it| {
            out.push((it.index, it.timestamp, it.payload[0]));
        });
        assert_eq!(out, [(1, 7, 2)]);
    }

    #[test]
    fn only_what_is_missing_leaves_numbers_out_and_a_marker_stays_with_its_audio() {
        let mut packer = Packer::new(240);
        put(&mut packer, 0, 0, &[1; 160]);
        // A key of five packets, one of which is lost, then a pause of which nothing is sent, then one that ends here.
        let keys = [1, 2, 3, 5].map(|index| packer.number(nth(index)));
        assert_eq!(keys, [0, 1, 2, 4]);
        packer.skip(nth(6));
        let mut out = Vec::new();
        let mut note = |it: Packed<'_>| out.push((it.index, it.timestamp, it.marker));
        packer.put(at(nth(7), 8_000, true), &[2; 160], &mut note);
        packer.put(at(nth(8), 8_160, false), &[2; 320], &mut note);
        // Three are lost in front of a pause: 480 octets, two packets of ours.
        packer.put(at(nth(12), 80_000, true), &[3; 160], &mut note);
        packer.put(at(nth(13), 80_160, false), &[3; 80], &mut note);
        assert_eq!(
            out,
            [
                (5, 0, false),
                (6, 8_000, true),
                (7, 8_240, false),
                (10, 80_000, true)
            ]
        );
    }

    #[test]
    fn a_source_of_another_clock_is_brought_to_ours_over_its_wrap() {
        let mut packer = Packer::new(240);
        let mut out = Vec::new();
        for n in 0..6_u32 {
            let place = Place {
                per_ms: 48,
                ..at(
                    nth(n.into()),
                    (u32::MAX - 2_000).wrapping_add(n * 960),
                    false,
                )
            };
            packer.put(place, &[n as u8; 160], |it| {
                out.push((it.index, it.timestamp));
            });
        }
        let first = out[0].1;
        let steps = out
            .iter()
            .map(|(index, it)| (*index, it.wrapping_sub(first)));
        assert!(steps.eq([(0, 0), (1, 240), (2, 480), (3, 720)]));
    }
}
