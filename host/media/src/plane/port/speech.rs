//! What a port says by itself, a frame at each of its turns.

use std::collections::VecDeque;
use std::time::Instant;

use super::packing::Ready;
use super::{Port, Seat};
use crate::codec::Codec;
use crate::command::PortId;
use crate::noise;
use crate::plane::Output;
use crate::plane::inbound::Order;
use crate::plane::outbound::{Length, OWN};
use crate::plane::outbox::Outbox;
use crate::plane::player::Player;
use crate::plane::wheel::Tick;
use crate::tape::Blocks;

/// Milliseconds of a tick.
const FRAME: u32 = 20;

/// Frames of silence that are not sent, from one packet of comfort noise to the next: 200 ms, so that nothing on the
/// way takes the stream for ended.
const NOISE_EVERY: usize = 10;

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
        // Most have nothing to say.
        if !self.speaks() || self.outbound.is_early(tick.due) {
            return None;
        }
        if self.keying.is_some() {
            return self.press(tick, via, outbox, taper);
        }
        let leg = self.leg.as_ref()?;
        let (way, codec, noise) = ((via, leg.hears()?), leg.terms.codec, leg.terms.noise);
        let mut player = self.player.take()?;
        let ended = match (player.silence(), noise) {
            (Some(nth), Some(noise)) => {
                if nth == 0 {
                    self.pause(tick, way, outbox, taper);
                }
                let says = nth.is_multiple_of(NOISE_EVERY);
                if says {
                    let ready = Ready {
                        order: Order {
                            stream: OWN,
                            index: player.index(),
                        },
                        timestamp: clock(tick, codec),
                        length: Length::of_frame(codec),
                        payload_type: noise.send,
                        marker: false,
                        payload: &noise::PAYLOAD,
                    };
                    self.put_out(tick.due, way, &ready, outbox, taper);
                }
                player.advance(says)
            }
            _ => match player.frame(codec) {
                Some((payload, marker)) => {
                    let place = (player.index(), marker);
                    self.say(tick, way, place, payload, outbox, taper);
                    player.advance(true)
                }
                None => true,
            },
        };
        let operation = player.operation();
        self.player = Some(player);
        if ended {
            self.pause(tick, way, outbox, taper);
        }
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

/// What the clock of our stream reads at a tick, in that codec.
pub(in crate::plane) fn clock(tick: Tick, codec: Codec) -> u32 {
    (tick.number as u32).wrapping_mul(FRAME * codec.per_ms())
}
