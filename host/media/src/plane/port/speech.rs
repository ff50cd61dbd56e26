//! What a port says by itself, a frame at each of its turns.

use super::{Port, Seat};
use crate::command::PortId;
use crate::plane::inbound::Order;
use crate::plane::outbound::{OWN, Slot};
use crate::plane::outbox::Outbox;
use crate::plane::player::Player;
use crate::plane::wheel::Tick;
use crate::prompt::FRAME_OCTETS;
use crate::rtp::Fixed;

/// Units of the RTP clock in a tick. Every codec of ours has a clock of 8,000 Hz.
const FRAME: u32 = FRAME_OCTETS as u32;

impl Port {
    /// Plays to the peer; `None` ends what is played. Either way another source begins.
    pub(in crate::plane) fn play(&mut self, player: Option<Player>) {
        self.player = player.map(Box::new);
        self.outbound.switch();
    }

    /// Whether it says something by itself, and so wants its turn.
    pub(in crate::plane) fn speaks(&self) -> bool {
        self.player.is_some()
    }

    /// Its place among the ports that have a turn, which is given away or taken.
    pub(in crate::plane) fn seat(&mut self) -> &mut Option<Seat> {
        &mut self.seat
    }

    /// Says what is due. The operation that this was the end of, if it was one.
    pub(in crate::plane) fn tick(
        &mut self,
        tick: Tick,
        via: PortId,
        outbox: &mut Outbox,
    ) -> Option<u32> {
        let leg = self.leg.as_ref()?;
        let to = leg.hears()?;
        let player = self.player.as_mut()?;
        let operation = player.operation();
        let Some(payload) = player.frame(leg.agreed.codec) else {
            return Some(operation);
        };
        let fixed = Fixed {
            marker: false,
            payload_type: leg.agreed.payload_type,
            sequence: 0,
            timestamp: (tick.number as u32).wrapping_mul(FRAME),
            ssrc: self.outbound.ssrc(),
        };
        let order = Order {
            stream: OWN,
            index: player.index(),
        };
        let Slot {
            sequence,
            timestamp,
            switched,
        } = self
            .outbound
            .place(tick.due, order, &fixed, payload.len())?;
        let fixed = Fixed {
            marker: switched,
            sequence,
            timestamp,
            ..fixed
        };
        self.stats.packets_sent += 1;
        self.stats.octets_sent += payload.len() as u64;
        outbox.push(via, to, fixed, payload);
        if let Some(context) = &mut self.srtp {
            outbox.seal(&mut context.sealer);
        }
        player.advance().then_some(operation)
    }
}
