//! What a port says by itself, a frame at each of its turns.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Leg, Port, Seat};
use crate::codec::Codec;
use crate::command::PortId;
use crate::plane::Output;
use crate::plane::inbound::Order;
use crate::plane::outbound::{Length, OWN, Outbound, Slot};
use crate::plane::outbox::Outbox;
use crate::plane::player::Player;
use crate::plane::wheel::Tick;
use crate::rtp::Fixed;
use crate::tape::Blocks;

/// Milliseconds of a tick.
const FRAME: u32 = 20;

/// Where what a port says by itself is recorded: when, with what blocks, and who carries full ones away.
pub(in crate::plane) type Taper<'a> = (Instant, &'a mut Blocks, &'a mut VecDeque<Output>);

/// What came to its end in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plane) enum Ended {
    /// The play of this number.
    Played(u32),
    /// All keys.
    Keyed,
}

impl Port {
    /// Plays to the peer; `None` ends what is played. Either way another source begins.
    pub(in crate::plane) fn play(&mut self, player: Option<Player>) {
        self.player = player.map(Box::new);
        self.switch();
    }

    /// Whether something is played to its peer.
    pub(in crate::plane) fn speaks(&self) -> bool {
        self.player.is_some() || self.keying.is_some()
    }

    /// Whether it has something to do at each turn.
    pub(in crate::plane) fn wants_turn(&self) -> bool {
        self.speaks() || self.member.is_some()
    }

    /// Its place among the ports that have a turn, which is given away or taken.
    pub(in crate::plane) fn seat(&mut self) -> &mut Option<Seat> {
        &mut self.seat
    }

    /// Says what is due: of keys, else of what is played, which goes onto its tape, if there is one. What
    /// this was the end of, if it was one.
    pub(in crate::plane) fn tick(
        &mut self,
        tick: Tick,
        via: PortId,
        outbox: &mut Outbox,
        taper: &mut Taper<'_>,
    ) -> Option<Ended> {
        if self.keying.is_some() {
            return self.press(tick, via, outbox, taper);
        }
        let leg = self.leg.as_ref()?;
        let to = leg.hears()?;
        let player = self.player.as_mut()?;
        let operation = player.operation();
        let Some(payload) = player.frame(leg.agreed.codec) else {
            return Some(Ended::Played(operation));
        };
        let index = player.index();
        let fixed = leg.own(&mut self.outbound, tick, index)?;
        self.stats.packets_sent += 1;
        self.stats.octets_sent += payload.len() as u64;
        outbox.push(via, to, fixed, payload);
        let ended = player.advance();
        self.let_go(outbox, taper);
        ended.then_some(Ended::Played(operation))
    }

    /// The last thing before a packet that the port says by itself leaves: it goes onto its tape, if there
    /// is one, and is protected, if its leg is.
    pub(super) fn let_go(&mut self, outbox: &mut Outbox, (now, blocks, outputs): &mut Taper<'_>) {
        if self.is_taped()
            && let Some(packet) = outbox.last()
        {
            outputs.extend(self.tape_heard(*now, packet, blocks));
        }
        if let Some(context) = &mut self.srtp {
            outbox.seal(&mut context.sealer);
        }
    }
}

impl Leg {
    /// The header of a packet of 20 ms that the port says by itself: the one of that number of its source.
    /// `None` if there is no place for it.
    pub(super) fn own(&self, outbound: &mut Outbound, tick: Tick, index: i64) -> Option<Fixed> {
        let codec = self.agreed.codec;
        let fixed = Fixed {
            marker: false,
            payload_type: self.agreed.payload_type,
            sequence: 0,
            timestamp: clock(tick, codec),
            ssrc: outbound.ssrc(),
        };
        let order = Order { stream: OWN, index };
        let Slot {
            sequence,
            timestamp,
            switched,
        } = outbound.place(tick.due, order, &fixed, Length::of_frame(codec))?;
        Some(Fixed {
            marker: switched,
            sequence,
            timestamp,
            ..fixed
        })
    }
}

/// What the clock of our stream reads at a tick, in that codec.
pub(super) fn clock(tick: Tick, codec: Codec) -> u32 {
    (tick.number as u32).wrapping_mul(FRAME * codec.per_ms())
}
