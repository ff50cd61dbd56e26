//! Packets of the length that the peer asked for: what a bridge brings, and what a port says by itself.
//!
//! What fits goes the short way, with the numbers of its source. What does not is numbered anew, which makes it a
//! source of its own.

use std::net::SocketAddr;
use std::time::Instant;

use super::speech::{Taper, clock};
use super::{Arrival, Content, Port, Terms, suited};
use crate::command::PortId;
use crate::plane::inbound::Order;
use crate::plane::outbound::{Length, OWN, Slot};
use crate::plane::outbox::Outbox;
use crate::plane::packer::{PER_MS, Packer, Place};
use crate::plane::wheel::Tick;
use crate::rtp::Fixed;

/// Set in the number of a stream that is packed anew.
const PACKED: u64 = 1 << 63;

/// A packet that is ready but for its place in our stream.
pub(super) struct Ready<'a> {
    /// Of which source, and its number and timestamp there.
    pub(super) order: Order,
    pub(super) timestamp: u32,
    pub(super) length: Length,
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    pub(super) payload: &'a [u8],
}

impl Port {
    /// Another source feeds the peer.
    pub(super) fn change_source(&mut self) {
        self.outbound.switch();
        if let Some(packer) = &mut self.packer {
            packer.forget();
        }
    }

    /// Whether what arrived at the other port goes to this peer in packets of another length.
    pub(in crate::plane) fn repacks(&self, arrival: &Arrival) -> bool {
        if self.packs(arrival.order.stream) {
            return true;
        }
        let (Content::Audio(codec), Some(leg)) = (arrival.content, &self.leg) else {
            return false;
        };
        let octets = arrival.packet.payload.len();
        let can = codec.is_even() && leg.terms.codec.is_even();
        can && !leg.terms.packing.takes(octets)
    }

    /// Sends it so.
    pub(in crate::plane) fn repack(
        &mut self,
        arrival: &Arrival,
        datagram: &mut [u8],
        via: PortId,
        outbox: &mut Outbox,
        taper: &mut Taper<'_>,
    ) -> Option<()> {
        if self.speaks() {
            return None;
        }
        let leg = self.leg.as_ref()?;
        let way = (via, leg.hears()?);
        let Some(payload_type) = arrival.sent_as(leg) else {
            self.leave_out(arrival);
            return None;
        };
        let codec = leg.terms.codec;
        let (now, source) = (taper.0, arrival.order.stream);
        let payload = &mut datagram[arrival.packet.payload.clone()];
        let mut place = arrival.place();
        if let Content::Audio(from) = arrival.content {
            if from != codec {
                let switched = !self.packs(source);
                suited(&mut self.transcoder, switched, from, codec).transcode(payload);
            }
            return self.pack(now, way, place, payload, outbox, taper);
        }
        place.timestamp = arrival.rescaled(PER_MS, payload).timestamp;
        let mut packer = self.take_packer()?;
        self.flush(&mut packer, source, now, way, outbox, taper);
        let ready = Ready {
            timestamp: packer.ours(place),
            order: order(source, packer.number(arrival.order)),
            length: length(&[]),
            payload_type,
            marker: place.marker,
            payload,
        };
        self.put_out(now, way, &ready, outbox, taper);
        self.packer = Some(packer);
        Some(())
    }

    /// The peer does not get it, and is not to miss it.
    pub(super) fn leave_out(&mut self, arrival: &Arrival) {
        self.outbound.skip(arrival.order);
        if let Some(packer) = &mut self.packer {
            packer.skip(arrival.order);
        }
    }

    /// Whether a source goes to this peer in packets of another length.
    pub(super) fn packs(&self, source: u64) -> bool {
        self.packer.as_ref().is_some_and(|it| it.is_of(source))
    }

    /// Puts audio into the packer, and out what becomes full.
    pub(super) fn pack(
        &mut self,
        now: Instant,
        way: (PortId, SocketAddr),
        place: Place,
        payload: &[u8],
        outbox: &mut Outbox,
        taper: &mut Taper<'_>,
    ) -> Option<()> {
        let payload_type = self.leg.as_ref()?.terms.payload_type;
        let mut packer = self.take_packer()?;
        packer.put(place, payload, |packed| {
            let ready = Ready {
                order: order(place.order.stream, packed.index),
                timestamp: packed.timestamp,
                length: length(packed.payload),
                payload_type,
                marker: packed.marker,
                payload: packed.payload,
            };
            self.put_out(now, way, &ready, outbox, taper);
        });
        self.packer = Some(packer);
        Some(())
    }

    /// Says 20 ms of audio by itself, in packets of the length that is asked for; `index`: the number of a packet
    /// of 20 ms.
    pub(super) fn say(
        &mut self,
        tick: Tick,
        way: (PortId, SocketAddr),
        (index, marker): (i64, bool),
        payload: &[u8],
        outbox: &mut Outbox,
        taper: &mut Taper<'_>,
    ) -> Option<()> {
        let Terms {
            codec,
            payload_type,
            packing,
            ..
        } = self.leg.as_ref()?.terms;
        if !codec.is_even() || packing.takes(payload.len()) {
            let ready = Ready {
                order: Order { stream: OWN, index },
                timestamp: clock(tick, codec),
                length: Length::of_frame(codec),
                payload_type,
                marker,
                payload,
            };
            return self.put_out(tick.due, way, &ready, outbox, taper);
        }
        let place = Place {
            order: Order { stream: OWN, index },
            timestamp: clock(tick, codec),
            per_ms: codec.per_ms(),
            marker,
        };
        self.pack(tick.due, way, place, payload, outbox, taper)
    }

    /// What the port says by itself pauses or ends: what is not a whole packet goes out as it is.
    pub(super) fn pause(
        &mut self,
        tick: Tick,
        way: (PortId, SocketAddr),
        outbox: &mut Outbox,
        taper: &mut Taper<'_>,
    ) {
        if let Some(mut packer) = self.packer.take() {
            if packer.is_of(OWN) {
                self.flush(&mut packer, OWN, tick.due, way, outbox, taper);
            }
            self.packer = Some(packer);
        }
    }

    /// Puts a packet out, at its place in our stream. `None` if it has none.
    pub(super) fn put_out(
        &mut self,
        now: Instant,
        (via, to): (PortId, SocketAddr),
        ready: &Ready<'_>,
        outbox: &mut Outbox,
        taper: &mut Taper<'_>,
    ) -> Option<()> {
        let fixed = Fixed {
            marker: ready.marker,
            payload_type: ready.payload_type,
            sequence: 0,
            timestamp: ready.timestamp,
            ssrc: self.outbound.ssrc(),
        };
        let octets = ready.payload.len();
        let Slot {
            sequence,
            timestamp,
            switched,
        } = self
            .outbound
            .place(now, ready.order, &fixed, ready.length)?;
        let fixed = Fixed {
            marker: fixed.marker || switched,
            sequence,
            timestamp,
            ..fixed
        };
        self.counts.packets_sent += 1;
        self.counts.octets_sent += octets as u64;
        outbox.push(via, to, fixed, ready.payload);
        self.let_go(outbox, taper);
        Some(())
    }

    fn flush(
        &mut self,
        packer: &mut Packer,
        source: u64,
        now: Instant,
        way: (PortId, SocketAddr),
        outbox: &mut Outbox,
        taper: &mut Taper<'_>,
    ) -> Option<()> {
        let payload_type = self.leg.as_ref()?.terms.payload_type;
        packer.flush(|packed| {
            let ready = Ready {
                order: order(source, packed.index),
                timestamp: packed.timestamp,
                length: length(packed.payload),
                payload_type,
                marker: packed.marker,
                payload: packed.payload,
            };
            self.put_out(now, way, &ready, outbox, taper);
        });
        Some(())
    }

    /// Takes the packer, made anew if the peer asks for another length. It is to be put back.
    fn take_packer(&mut self) -> Option<Box<Packer>> {
        let size = self.leg.as_ref()?.terms.packing.octets();
        if self.packer.as_ref().is_none_or(|it| it.size() != size) {
            self.packer = Some(Box::new(Packer::new(size)));
        }
        self.packer.take()
    }
}

/// How long a packet that was packed anew is.
fn length(payload: &[u8]) -> Length {
    Length {
        per_ms: PER_MS,
        units: payload.len() as u32,
    }
}

fn order(source: u64, index: i64) -> Order {
    let stream = source | PACKED;
    Order { stream, index }
}
