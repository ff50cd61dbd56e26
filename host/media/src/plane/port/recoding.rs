//! A bridge to or from a codec whose packets are of any length: what leaves is another packet.
//!
//! Each packet becomes one that lasts as long, so order, loss and time stay what they were; there is no jitter
//! buffer here either. To a peer that wants packets of another length it goes by the packer. What cannot become one, since it is broken or of a time that the other codec does not have
//! (30 ms are no packet of Opus), is as if it were lost, and is counted.

use super::speech::Taper;
use super::{Arrival, Content, Port, Terms, suited};
use crate::command::PortId;
use crate::limits::PACKET;
use crate::plane::outbox::Outbox;
use crate::plane::packer::PER_MS;
use crate::rtp::Fixed;

impl Port {
    /// Whether what arrived at the other port leaves here as a packet of another length.
    pub(in crate::plane) fn recodes(&self, arrival: &Arrival) -> bool {
        let Some(leg) = &self.leg else {
            return false;
        };
        let to = leg.terms.codec;
        matches!(arrival.content, Content::Audio(from) if from != to && !(from.is_even() && to.is_even()))
    }

    /// As [`Port::send`], by the outbox.
    pub(in crate::plane) fn recode(
        &mut self,
        via: PortId,
        arrival: &Arrival,
        datagram: &[u8],
        outbox: &mut Outbox,
        taper: &mut Taper<'_>,
    ) {
        if self.speaks() {
            return;
        }
        let (Some(leg), Content::Audio(codec)) = (&self.leg, arrival.content) else {
            return;
        };
        let Some(to) = leg.hears() else {
            return;
        };
        let Terms {
            codec: ours,
            packing,
            ..
        } = leg.terms;
        let Some(payload_type) = arrival.sent_as(leg) else {
            self.leave_out(arrival);
            return;
        };
        let theirs = &arrival.packet.fixed;
        let length = arrival.length(datagram);
        let source = arrival.order.stream;
        let octets = (length.units * PER_MS / length.per_ms) as usize;
        let is_packed = ours.is_even() && (self.packs(source) || !packing.takes(octets));
        let slot = if is_packed {
            None
        } else {
            let place = self.outbound.place(taper.0, arrival.order, theirs, length);
            let Some(slot) = place else {
                return;
            };
            Some(slot)
        };
        let switched = slot.map_or(!self.packs(source), |it| it.switched);
        let transcoder = suited(&mut self.transcoder, switched, codec, ours);
        let mut other = [0; PACKET];
        let payload = &datagram[arrival.packet.payload.clone()];
        let octets = transcoder.recode(payload, &mut other);
        if octets == 0 {
            self.counts.packets_dropped += 1;
            return;
        }
        let Some(slot) = slot else {
            let (way, place) = ((via, to), arrival.place());
            self.pack(taper.0, way, place, &other[..octets], outbox, taper);
            return;
        };
        let fixed = Fixed {
            marker: slot.switched || theirs.marker,
            payload_type,
            sequence: slot.sequence,
            timestamp: slot.timestamp,
            ssrc: self.outbound.ssrc(),
        };
        self.counts.packets_sent += 1;
        self.counts.octets_sent += octets as u64;
        outbox.push(via, to, fixed, &other[..octets]);
        self.let_go(outbox, taper);
    }
}
