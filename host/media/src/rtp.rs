//! RTP packets (RFC 3550 §5): reading, building, and rewriting the fixed header in place.
//!
//! The only place that knows rtp-rs. It parses and builds; it cannot rewrite in place, which a
//! relay must do without allocating, so that is our own. Knows no stream: which sequence number
//! comes next is decided by [`crate::plane`] and [`crate::handset`].

#[cfg(test)]
mod tests;

use std::ops::Range;

use rtp_rs::{RtpPacketBuilder, RtpReader, Seq};

use crate::limits;

/// Octets of the fixed header.
pub const HEADER: usize = 12;

/// The fields of the fixed header that differ from packet to packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// First packet of a talkspurt, of an event or after a switch of source.
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    /// Grows by one per packet.
    pub sequence: u16,
    /// In units of the codec's clock.
    pub timestamp: u32,
    /// The stream.
    pub ssrc: u32,
}

/// A packet that was read: its header, and where in the buffer its payload is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The header.
    pub fixed: Fixed,
    /// The payload, without padding.
    pub payload: Range<usize>,
}

/// Whether a datagram is RTCP on a port shared with RTP (RFC 5761 §4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 192..=223, ..] if first >> 6 == 2)
}

/// Reads a datagram as RTP; `None` if it is none, or longer than [`limits::PACKET`].
#[inline]
pub fn parse(datagram: &[u8]) -> Option<Packet> {
    if datagram.len() > limits::PACKET {
        return None;
    }
    let reader = RtpReader::new(datagram).ok()?;
    let start = reader.payload_offset();
    Some(Packet {
        fixed: Fixed {
            marker: reader.mark(),
            payload_type: reader.payload_type(),
            sequence: reader.sequence_number().into(),
            timestamp: reader.timestamp(),
            ssrc: reader.ssrc(),
        },
        payload: start..start + reader.payload().len(),
    })
}

/// Octets of the header of a packet: the fixed part, contributing sources and the extension (RFC 3550
/// §5.1, §5.3.1). It looks at nothing behind them, which may be encrypted; `None` if it is not RTP.
pub fn header_length(datagram: &[u8]) -> Option<usize> {
    let [first, ..] = *datagram.first_chunk::<HEADER>()?;
    if first >> 6 != 2 {
        return None;
    }
    let mut length = HEADER + usize::from(first & 15) * 4;
    if first & 1 << 4 != 0 {
        let words = datagram.get(length + 2..length + 4)?;
        length += 4 + usize::from(u16::from_be_bytes([words[0], words[1]])) * 4;
    }
    (length <= datagram.len()).then_some(length)
}

/// Writes a packet of this header and payload.
pub fn build(fixed: Fixed, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; HEADER + payload.len()];
    let builder = RtpPacketBuilder::new()
        .marked(fixed.marker)
        .payload_type(fixed.payload_type & 0x7f)
        .sequence(Seq::from(fixed.sequence))
        .timestamp(fixed.timestamp)
        .ssrc(fixed.ssrc)
        .payload(payload);
    // The length is right and the payload type has seven bits, so nothing is left to be checked.
    let length = builder.build_into_unchecked(&mut packet);
    debug_assert_eq!(length, packet.len());
    packet
}

/// Gives a packet in its own buffer a new fixed header and returns its new length. Contributing
/// sources, header extensions and padding are left behind: they were agreed with the other side
/// only. `payload` is the range that [`parse`] reported for this buffer.
pub fn rewrite(buffer: &mut [u8], payload: Range<usize>, fixed: Fixed) -> usize {
    let length = HEADER + payload.len();
    if payload.start != HEADER {
        buffer.copy_within(payload, HEADER);
    }
    buffer[..HEADER].copy_from_slice(&header(fixed));
    length
}

/// A fixed header without contributing sources, extension and padding.
pub fn header(fixed: Fixed) -> [u8; HEADER] {
    let mut octets = [0; HEADER];
    octets[0] = 2 << 6;
    octets[1] = u8::from(fixed.marker) << 7 | fixed.payload_type & 0x7f;
    octets[2..4].copy_from_slice(&fixed.sequence.to_be_bytes());
    octets[4..8].copy_from_slice(&fixed.timestamp.to_be_bytes());
    octets[8..12].copy_from_slice(&fixed.ssrc.to_be_bytes());
    octets
}
