//! One media port: the agreement with its peer, and both directions of its traffic.
//!
//! Owns what is believed and counted on the way in and what leaves on the way out. Refuses to know
//! the other port of a bridge: [`Port::receive`] hands out an [`Arrival`], [`Port::send`] of the
//! other port takes it.

mod conferring;
mod counting;
mod events;
mod leg;
mod listening;
mod packing;
mod pressing;
#[cfg(feature = "opus")]
mod recoding;
mod reporting;
mod speech;
mod watching;

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

pub(super) use speech::{Ended, Taper, clock};

use rand_chacha::ChaCha8Rng;

use super::inbound::{Inbound, Order};
use super::keying::Keying;
use super::latch::{Latch, Verdict};
use super::mixer::Member;
use super::outbound::{Length, Outbound, Slot};
use super::packer::{Packer, Place};
use super::player::Player;
use super::wheel::Seat;
use crate::codec::Transcoder;
use crate::command::PortId;
use crate::dtmf::{self, Presses};
use crate::rtp::{self, Fixed, Packet};
use crate::sdp::{Codec, Negotiated};
use crate::srtp::{Agreed, Context, Sealer};
use crate::tape::Tape;
use counting::Counts;
pub(super) use leg::{Leg, Terms};
use listening::Listener;
use reporting::Rtcp;
pub(super) use reporting::Way;
use watching::Watch;

/// Where the packets of a port go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Idle,
    Relay(PortId),
}

/// A packet that was believed, and what it carries.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) packet: Packet,
    order: Order,
    pub(super) content: Content,
    /// Units of its clock in a millisecond.
    per_ms: u32,
    /// Set by the packet that showed where the peer is.
    pub(super) found: Option<Found>,
    /// Set by the first packet of a press.
    pub(super) digit: Option<char>,
    /// What the segments of a press have lasted before this one.
    before: u32,
    /// It is audio with the tones of a key in it, which come no other way.
    pub(super) has_tones: bool,
}

impl Arrival {
    /// How long it lasts. `datagram` is what it came in.
    fn length(&self, datagram: &[u8]) -> Length {
        let payload = &datagram[self.packet.payload.clone()];
        let units = match self.content {
            Content::Audio(codec) => codec.lasts(payload),
            Content::TelephoneEvent | Content::Noise | Content::Unknown => 0,
        };
        Length {
            per_ms: self.per_ms,
            units,
        }
    }

    /// Where it belongs for a packer.
    fn place(&self) -> Place {
        Place {
            order: self.order,
            timestamp: self.packet.fixed.timestamp,
            per_ms: self.per_ms,
            marker: self.packet.fixed.marker,
        }
    }

    /// Its header for a peer with a clock of so many units a millisecond. If that is another one a press has no segments
    /// there: all have the timestamp of the first, and the payload tells what they lasted together.
    fn rescaled(&self, per_ms: u32, payload: &mut [u8]) -> Fixed {
        let mut fixed = self.packet.fixed;
        if self.content == Content::TelephoneEvent && self.per_ms != per_ms {
            dtmf::rescale(payload, self.before, self.per_ms, per_ms);
            fixed.timestamp = fixed.timestamp.wrapping_sub(self.before);
        }
        fixed
    }

    /// The payload type under which a peer gets it; `None` if it does not.
    fn sent_as(&self, leg: &Leg) -> Option<u8> {
        match self.content {
            // The key itself is sent as an event.
            Content::Audio(_) if self.has_tones && leg.terms.telephone_event.is_some() => None,
            Content::Audio(_) => Some(leg.terms.payload_type),
            Content::TelephoneEvent => leg.terms.telephone_event.map(|t| t.send),
            Content::Noise => leg.terms.noise.map(|it| it.send),
            Content::Unknown => None,
        }
    }
}

/// Where the peer was found; from now on only that address is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Where we sent already.
    Here,
    /// At another address, which its SDP did not say.
    Elsewhere,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Audio(Codec),
    TelephoneEvent,
    /// Silence that is not sent (RFC 3389).
    Noise,
    /// A payload type that nobody agreed to: it keeps its place in the sequence, and ends here.
    Unknown,
}

/// See the module's header. It begins with a line of the processor's caches, so that it lies in no more of them than
/// it must.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Port {
    /// `None` until offer and answer are done: packets are dropped until then.
    pub(super) leg: Option<Leg>,
    route: Route,
    inbound: Inbound,
    outbound: Outbound,
    /// Where the peer wants packets of another length.
    packer: Option<Box<Packer>>,
    /// Of the source that feeds it, where that has another codec.
    transcoder: Option<Transcoder>,
    /// What is played to the peer, which covers the route.
    player: Option<Box<Player>>,
    /// Its part in a conference.
    member: Option<Box<Member>>,
    /// Keys that are pressed towards the peer, which cover that too.
    keying: Option<Box<Keying>>,
    /// Its turn, while it says something by itself.
    seat: Option<Seat>,
    /// While keys are looked for in its peer's audio.
    listener: Option<Box<Listener>>,
    /// Once the peer has keyed something: most never do.
    presses: Option<Box<Presses>>,
    /// From its first agreement on.
    rtcp: Option<Box<Rtcp>>,
    watch: Option<Watch>,
    /// If packets are protected.
    srtp: Option<Box<Context>>,
    /// While it is recorded.
    pub(super) tape: Option<Box<Tape>>,
    counts: Counts,
}

impl Port {
    pub(super) fn new(random: &mut ChaCha8Rng) -> Self {
        Port {
            leg: None,
            route: Route::Idle,
            inbound: Inbound::default(),
            outbound: Outbound::new(random),
            packer: None,
            transcoder: None,
            player: None,
            member: None,
            keying: None,
            seat: None,
            listener: None,
            presses: None,
            rtcp: None,
            watch: None,
            srtp: None,
            tape: None,
            counts: Counts::default(),
        }
    }

    /// A new agreement. Both directions begin a new source: a hold may lie between. True if only
    /// the peer's address was heard until now: that is over. A refresh, which changes nothing, is none.
    pub(super) fn configure(
        &mut self,
        now: Instant,
        mut agreed: Box<Negotiated>,
        signalling: IpAddr,
    ) -> bool {
        let keys = agreed.srtp.take();
        if self.is_refresh(&agreed, keys.as_deref(), signalling) {
            return false;
        }
        if self.may_be_silent() {
            self.excuse(now);
        }
        let before = self.srtp.take().map(|context| *context);
        self.srtp = keys.map(|keys| Box::new(Context::renewed(before, *keys)));
        let places = |agreed: &Negotiated| (agreed.remote, agreed.remote_rtcp);
        let is_there = |leg: &Leg| places(&leg.agreed) == places(&agreed);
        if !self.leg.as_ref().is_some_and(is_there) {
            self.unlearn();
        }
        let was_locked = self.leg.as_ref().is_some_and(|leg| leg.latch.is_locked());
        let latch = match self.leg.take() {
            Some(leg) => leg.latch.rearmed(now, agreed.remote, signalling),
            None => Latch::new(agreed.remote, signalling),
        };
        self.outbound.set_clock(agreed.codec.per_ms());
        self.leg = Some(Leg::new(agreed, latch));
        self.inbound.restart();
        self.switch();
        was_locked
    }

    /// Whether this is what was agreed on already.
    fn is_refresh(&self, agreed: &Negotiated, keys: Option<&Agreed>, signalling: IpAddr) -> bool {
        let has = |leg: &Leg| *leg.agreed == *agreed && leg.latch.is_told_from(signalling);
        let are_kept = match (&self.srtp, keys) {
            (Some(context), Some(keys)) => context.is_under(keys),
            (context, keys) => context.is_none() && keys.is_none(),
        };
        are_kept && self.leg.as_ref().is_some_and(has)
    }

    /// Asks for all of it that packets and turns need.
    pub(super) fn ask(&self) {
        cpu::ask(self);
    }

    pub(super) fn route(&self) -> Route {
        self.route
    }

    pub(super) fn set_route(&mut self, route: Route) {
        self.route = route;
        self.switch();
    }

    /// Judges a datagram; `None` if it is dropped.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &mut [u8],
    ) -> Option<Arrival> {
        let arrival = self.believe(now, from, datagram);
        match &arrival {
            Some(believed) if believed.content != Content::Unknown => {
                self.heard(now);
                self.counts.packets_received += 1;
                self.counts.octets_received += believed.packet.payload.len() as u64;
            }
            _ => self.counts.packets_dropped += 1,
        }
        arrival
    }

    fn believe(&mut self, now: Instant, from: SocketAddr, datagram: &mut [u8]) -> Option<Arrival> {
        let leg = self.leg.as_mut()?;
        if !leg.terms.direction.receives() {
            return None;
        }
        let mut packet = match &mut self.srtp {
            None => rtp::parse(datagram)?,
            Some(context) => {
                // Whoever cannot be the peer costs no look at its packets.
                let opened = leg
                    .latch
                    .considers(from)
                    .then(|| context.opener.open(datagram));
                rtp::parse(&datagram[..opened?.ok()?])?
            }
        };
        let content = leg.content(packet.fixed.payload_type);
        let known = content != Content::Unknown;
        let found = match leg.latch.judge(now, from, &packet.fixed, known) {
            Verdict::Stranger => return None,
            Verdict::Believed => None,
            Verdict::Confirmed => Some(Found::Here),
            Verdict::Latched => {
                self.inbound.restart();
                Some(Found::Elsewhere)
            }
        };
        let audio = match content {
            Content::Audio(codec) => Some(codec),
            Content::TelephoneEvent | Content::Noise | Content::Unknown => None,
        };
        // The clock of events is that of the audio beside them (RFC 4733 §2.1).
        let per_ms = audio.unwrap_or(leg.terms.codec).per_ms();
        let (order, digit, before) = if content == Content::TelephoneEvent {
            self.take_event(now, &mut packet, datagram)?
        } else {
            (self.inbound.register(now, &packet.fixed, audio)?, None, 0)
        };
        Some(Arrival {
            packet,
            order,
            content,
            per_ms,
            found,
            digit,
            before,
            has_tones: false,
        })
    }

    /// Protects what leaves here, if it is to be.
    pub(super) fn sealer(&mut self) -> Option<&mut Sealer> {
        Some(&mut self.srtp.as_mut()?.sealer)
    }

    /// Rewrites what arrived at the other port for this port's peer, in place. Returns where it
    /// goes and its length; `None` if this peer is not to have it.
    pub(super) fn send(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        datagram: &mut [u8],
    ) -> Option<(SocketAddr, usize)> {
        if self.speaks() {
            return None;
        }
        let leg = self.leg.as_ref()?;
        let to = leg.hears()?;
        let ours = leg.terms.codec;
        let Some(payload_type) = arrival.sent_as(leg) else {
            self.outbound.skip(arrival.order);
            return None;
        };
        let payload = arrival.packet.payload.clone();
        let length = arrival.length(datagram);
        let theirs = &arrival.rescaled(ours.per_ms(), &mut datagram[payload.clone()]);
        let Slot {
            sequence,
            timestamp,
            switched,
        } = self.outbound.place(now, arrival.order, theirs, length)?;
        if let Content::Audio(codec) = arrival.content
            && codec != ours
        {
            suited(&mut self.transcoder, switched, codec, ours)
                .transcode(&mut datagram[payload.clone()]);
        }
        self.counts.packets_sent += 1;
        self.counts.octets_sent += payload.len() as u64;
        let fixed = Fixed {
            marker: switched || arrival.packet.fixed.marker,
            payload_type,
            sequence,
            timestamp,
            ssrc: self.outbound.ssrc(),
        };
        Some((to, rtp::rewrite(datagram, payload, fixed)))
    }
}

/// The transcoder between these two: another one after a switch, and where one of them has changed.
fn suited(
    place: &mut Option<Transcoder>,
    switched: bool,
    from: Codec,
    to: Codec,
) -> &mut Transcoder {
    let kept = place.take().filter(|it| !switched && it.is_of(from, to));
    place.insert(kept.unwrap_or_else(|| Transcoder::new(from, to)))
}
