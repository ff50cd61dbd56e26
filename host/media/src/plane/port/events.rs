//! Telephone events of the peer (RFC 4733), under the SSRC of its audio or one of their own.

use std::time::Instant;

use super::Port;
use crate::dtmf::Heard;
use crate::plane::inbound::Order;
use crate::rtp::Packet;

impl Port {
    /// The place of a packet of telephone events, the key whose press it is the first word of, and what the segments of that
    /// have lasted before. It is known by its own timestamp, and goes on by that of the audio.
    pub(super) fn take_event(
        &mut self,
        now: Instant,
        packet: &mut Packet,
        datagram: &[u8],
    ) -> Option<(Order, Option<char>, u32)> {
        let said = packet.fixed;
        let order = if self.inbound.is_aside(&said) {
            self.inbound.put_aside(now, &mut packet.fixed)
        } else {
            self.inbound.register(now, &said, None)
        }?;
        let presses = self.presses.get_or_insert_default();
        let digit = match presses.hear(now, &said, &datagram[packet.payload.clone()]) {
            Heard::Press(digit) => Some(digit),
            Heard::Flood => {
                self.counts.digits_dropped += 1;
                None
            }
            Heard::Nothing => None,
        };
        Some((order, digit, presses.before(&said)))
    }
}
