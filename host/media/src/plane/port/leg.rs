//! What a port has agreed on with its peer, and where the peer is.
//!
//! Owns what follows from that for each packet: what it carries, and whether and where the peer hears us.

use std::net::SocketAddr;

use super::Content;
use crate::plane::latch::Latch;
use crate::sdp::{Codec, Direction, Negotiated, Packing, Types};

/// The agreement with the peer, and where the peer is believed to be.
#[derive(Debug)]
pub(in crate::plane) struct Leg {
    pub(in crate::plane) terms: Terms,
    pub(super) latch: Latch,
    /// All of it, which most packets need not: it is far away in memory.
    pub(in crate::plane) agreed: Box<Negotiated>,
}

/// What each packet needs of an agreement.
#[derive(Clone, Copy, Debug)]
pub(in crate::plane) struct Terms {
    pub(super) direction: Direction,
    /// What is sent, and as what.
    pub(in crate::plane) codec: Codec,
    pub(in crate::plane) payload_type: u8,
    pub(super) telephone_event: Option<Types>,
    pub(super) noise: Option<Types>,
    pub(super) packing: Packing,
    /// The first of what the peer may send, which is what it mostly does.
    pub(super) usual: Option<(u8, Codec)>,
    /// It has named an address.
    pub(super) is_somewhere: bool,
}

impl From<&Negotiated> for Terms {
    fn from(agreed: &Negotiated) -> Self {
        Terms {
            direction: agreed.direction,
            codec: agreed.codec,
            payload_type: agreed.payload_type,
            telephone_event: agreed.telephone_event,
            noise: agreed.noise,
            packing: agreed.packing,
            usual: agreed.receive.first().copied(),
            is_somewhere: !agreed.remote.ip().is_unspecified(),
        }
    }
}

impl Leg {
    pub(super) fn new(agreed: Box<Negotiated>, latch: Latch) -> Self {
        Leg {
            terms: Terms::from(&*agreed),
            latch,
            agreed,
        }
    }

    /// What a packet of this type carries.
    pub(super) fn content(&self, payload_type: u8) -> Content {
        let is_it = |(of, _): &&(u8, Codec)| *of == payload_type;
        let usual = self.terms.usual.as_ref().filter(is_it);
        if let Some(&(_, codec)) = usual.or_else(|| self.agreed.receive.iter().find(is_it)) {
            return Content::Audio(codec);
        }
        match self.terms.telephone_event {
            Some(event) if event.receive == payload_type => Content::TelephoneEvent,
            _ => match self.terms.noise {
                Some(noise) if noise.receive == payload_type => Content::Noise,
                _ => Content::Unknown,
            },
        }
    }

    /// Where the peer hears us; `None` while it does not.
    pub(super) fn hears(&self) -> Option<SocketAddr> {
        self.target().filter(|_| self.terms.direction.sends())
    }

    /// Where it is; `None` if it has named no address.
    pub(super) fn target(&self) -> Option<SocketAddr> {
        Some(self.latch.remote()).filter(|_| self.terms.is_somewhere)
    }
}
