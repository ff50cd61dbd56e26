//! A port in a conference: what comes goes to its ear, and each turn it is sent what the others say.

use std::time::Instant;

use super::speech::Taper;
use super::{Arrival, Content, Port};
use crate::command::PortId;
use crate::plane::mixer::{Member, Mixer};
use crate::plane::outbox::Outbox;
use crate::plane::wheel::Tick;
use crate::sdp::Codec;

impl Port {
    /// Its part in a conference.
    pub(in crate::plane) fn member(&mut self) -> Option<&mut Member> {
        self.member.as_deref_mut()
    }

    /// Gives it a part in a conference. The one that it had.
    pub(in crate::plane) fn seat_member(&mut self, member: Member) -> Option<Box<Member>> {
        self.switch();
        self.member.replace(Box::new(member))
    }

    /// Takes it.
    pub(in crate::plane) fn unseat_member(&mut self) -> Option<Box<Member>> {
        let member = self.member.take()?;
        self.switch();
        Some(member)
    }

    /// Asks for its part.
    pub(in crate::plane) fn ask_member(&self) {
        if let Some(member) = &self.member {
            member.ask();
        }
    }

    /// Asks for where the next packet goes, once the former is here.
    pub(in crate::plane) fn ask_place(&self) {
        if let Some(member) = &self.member {
            member.ask_place();
        }
    }

    /// Asks for what a turn needs of its audio.
    pub(in crate::plane) fn ask_next(&self) {
        if let Some(member) = &self.member {
            member.ask_next();
        }
    }

    /// What was agreed to be sent.
    pub(in crate::plane) fn codec(&self) -> Option<Codec> {
        self.leg.as_ref().map(|leg| leg.terms.codec)
    }

    /// Keeps what came for the next turn, if it is in a conference.
    pub(in crate::plane) fn hear(&mut self, now: Instant, arrival: &Arrival, datagram: &[u8]) {
        let Some(member) = &mut self.member else {
            return;
        };
        let payload = &datagram[arrival.packet.payload.clone()];
        match arrival.content {
            Content::Audio(codec) => {
                let timestamp = arrival.packet.fixed.timestamp;
                let stream = arrival.order.stream;
                member.ear().put(now, stream, timestamp, codec, payload);
            }
            Content::Noise => member.ear().put_noise(payload),
            Content::TelephoneEvent | Content::Unknown => {}
        }
    }

    /// The hall of its conference, if it is in one.
    pub(in crate::plane) fn hall(&self) -> Option<usize> {
        self.member.as_ref().map(|member| member.hall())
    }

    /// That, and its row in it.
    pub(in crate::plane) fn row(&self) -> Option<(usize, usize)> {
        self.member.as_ref()?.row()
    }

    /// The first part of its turn in a conference: it is heard.
    pub(in crate::plane) fn speak(&mut self, tick: Tick, mixer: &mut Mixer) {
        if let Some(member) = &mut self.member {
            let leg = self.leg.as_ref();
            // Who holds us plays music, which is not for the others.
            let is_held = leg.is_some_and(|leg| !leg.terms.direction.sends());
            let codec = leg.map(|leg| leg.terms.codec);
            mixer.speak(tick.due, member, codec, is_held);
        }
    }

    /// The second, once all have been: it is sent the others, unless something is played or keyed. `nth`: so many
    /// spoke before it.
    pub(in crate::plane) fn listen_to(
        &mut self,
        tick: Tick,
        (via, nth): (PortId, usize),
        mixer: &mut Mixer,
        outbox: &mut Outbox,
        taper: &mut Taper<'_>,
    ) {
        let waits = self.speaks() || self.outbound.is_early(tick.due);
        let (Some(member), Some(leg)) = (&mut self.member, &self.leg) else {
            return;
        };
        let codec = leg.terms.codec;
        mixer.hear(nth, member);
        let Some(to) = leg.hears().filter(|_| !waits) else {
            return;
        };
        let payload = mixer.tell(member, codec);
        let place = (member.sent, false);
        member.sent += 1;
        self.say(tick, (via, to), place, payload, outbox, taper);
    }
}
