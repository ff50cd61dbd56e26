//! Keys that a port presses towards its peer, which cover all else that feeds it.

use super::Port;
use super::packing::Ready;
use super::speech::{Ended, Taper, clock};
use crate::command::PortId;
use crate::plane::inbound::Order;
use crate::plane::keying::Said;
use crate::plane::outbound::{Length, OWN};
use crate::plane::outbox::Outbox;
use crate::plane::wheel::Tick;

impl Port {
    /// Presses keys towards the peer after those that wait. False if too many do: then none is.
    pub(in crate::plane) fn press_keys(&mut self, keys: &str) -> bool {
        self.switch();
        self.keying.get_or_insert_default().press(keys)
    }

    /// All keys were pressed.
    pub(in crate::plane) fn release_keys(&mut self) {
        self.keying = None;
        self.change_source();
    }

    /// Another source feeds the peer, unless keys are pressed: they cover it, and each of them has one
    /// timestamp whatever happens meanwhile.
    pub(super) fn switch(&mut self) {
        if self.keying.is_none() {
            self.change_source();
        }
    }

    /// Says what is due of the keys.
    pub(super) fn press(
        &mut self,
        tick: Tick,
        via: PortId,
        outbox: &mut Outbox,
        taper: &mut Taper<'_>,
    ) -> Option<Ended> {
        let leg = self.leg.as_ref()?;
        let (to, terms) = (leg.hears()?, leg.terms);
        let keying = self.keying.as_mut()?;
        let events = terms.telephone_event.map(|event| event.send);
        let (stream, index) = (OWN, keying.index());
        let codec = terms.codec;
        let clock = clock(tick, codec);
        let said = keying.frame(clock, events.is_some(), codec);
        let (payload_type, timestamp, payload) = match &said {
            Some(Said::Event { payload, began }) => (events?, *began, &payload[..]),
            Some(Said::Tone(payload)) => (terms.payload_type, clock, *payload),
            Some(Said::Pause { last: false }) => {
                self.pause(tick, (via, to), outbox, taper);
                return None;
            }
            Some(Said::Pause { last: true }) | None => {
                self.pause(tick, (via, to), outbox, taper);
                return Some(Ended::Keyed);
            }
        };
        if let Some(Said::Tone(payload)) = said {
            self.say(tick, (via, to), (index, false), payload, outbox, taper);
            return None;
        }
        let first = matches!(said, Some(Said::Event { began, .. }) if began == clock);
        let ready = Ready {
            order: Order { stream, index },
            timestamp,
            length: Length::of_frame(codec),
            payload_type,
            marker: first,
            payload,
        };
        self.put_out(tick.due, (via, to), &ready, outbox, taper);
        None
    }
}
