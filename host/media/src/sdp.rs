//! SDP offer and answer for one audio stream (RFC 3264, RFC 8866).
//!
//! Owns what the two sides agree on: [`Negotiated`]. Refuses to know who carries the description
//! (SIP) and what becomes of the packets ([`crate::Plane`]). Only audio over RTP/AVP or, with keys
//! (RFC 4568), RTP/SAVP in our codecs and telephone-event are understood; everything else in an offer is answered with port 0, as
//! RFC 3264 §6 demands, never ignored.

mod audio;
mod crypto;
mod lines;
mod negotiate;
mod numbers;
mod packing;
#[cfg(test)]
mod tests;
mod write;

use std::net::SocketAddr;

pub use crate::codec::Codec;
pub use crypto::Srtp;
pub use negotiate::{
    accept, answer, answer_within, check, family, narrowed, offer_again, offered_codecs,
    offered_direction, offers_noise, redirected,
};
pub use packing::Packing;
pub use write::{offer, offer_with};

use audio::is_open;
use lines::Legible;

use crate::limits;
use crate::srtp::Agreed;

/// The payload type under which we offer telephone-event (RFC 4733) with a clock of 8,000 Hz.
pub const TELEPHONE_EVENT: u8 = 101;

/// The same with another clock.
const OTHER_EVENT: u8 = 110;

/// The first dynamic payload type (RFC 3551 §6).
const DYNAMIC: u8 = 96;

/// Milliseconds of audio per packet that we ask for, and the default of RFC 3551 §4.2.
pub const PTIME_MS: u16 = 20;

/// Which way audio may flow, seen from the side that is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// It sends and does not receive.
    SendOnly,
    /// It receives and does not send.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The direction of a side that may send and receive thus.
    pub const fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// Whether this side may send.
    pub const fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether this side receives.
    pub const fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The same stream seen from the other side.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Direction::of(self.receives(), self.sends())
    }

    /// What both views allow.
    #[must_use]
    pub const fn and(self, other: Direction) -> Self {
        Direction::of(
            self.sends() && other.sends(),
            self.receives() && other.receives(),
        )
    }

    const fn attribute(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }
}

/// What our side of a stream can do: what its offers and answers are made of.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The codecs that it allows, best first.
    pub codecs: &'a [Codec],
    /// Whether packets are protected.
    pub srtp: Srtp<'a>,
    /// Whether it knows telephone-event (RFC 4733).
    pub events: bool,
    /// Whether it knows comfort noise (RFC 3389).
    pub noise: bool,
    /// The milliseconds of a packet that it asks for.
    pub ptime_ms: u16,
}

impl<'a> Side<'a> {
    /// One that knows telephone events and no comfort noise, in packets of 20 ms.
    pub const fn new(codecs: &'a [Codec], srtp: Srtp<'a>) -> Self {
        Side {
            codecs,
            srtp,
            events: true,
            noise: false,
            ptime_ms: PTIME_MS,
        }
    }
}

/// Session id and version of the `o=` line: the id is one per dialog, the version grows by one
/// with each description that differs from the one before (RFC 3264 §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionVersion {
    /// One per dialog.
    pub id: u64,
    /// Grows by one with each new description.
    pub version: u64,
}

/// Payload types of telephone-event (RFC 4733) or of comfort noise (RFC 3389), one for each way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Types {
    /// The peer wants it under this one.
    pub send: u8,
    /// The peer sends it under this one.
    pub receive: u8,
}

/// What offer and answer agreed on, from our point of view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// Where the peer wants RTP. Meaningless while `direction` does not send: a peer on hold may
    /// have named 0.0.0.0.
    pub remote: SocketAddr,
    /// Where the peer wants RTCP: the same address if it is multiplexed (RFC 5761).
    pub remote_rtcp: Option<SocketAddr>,
    /// What we send.
    pub codec: Codec,
    /// The payload type under which the peer wants it.
    pub payload_type: u8,
    /// What the peer may send, by payload type.
    pub receive: Vec<(u8, Codec)>,
    /// Payload types of telephone-event, if both sides know it.
    pub telephone_event: Option<Types>,
    /// Payload types of comfort noise, if both sides know it.
    pub noise: Option<Types>,
    /// How long the packets are that the peer asks for.
    pub packing: Packing,
    /// What *we* may do: `RecvOnly` means that the peer put us on hold and plays its own music.
    pub direction: Direction,
    /// The keys of either way, if packets are protected.
    pub srtp: Option<Box<Agreed>>,
}

/// Why a description is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Not SDP, or a part that we need is not.
    #[error("malformed session description: {0}")]
    Malformed(String),
    /// A limit of [`limits`] is passed.
    #[error("session description has more than {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
    /// No stream of audio.
    #[error("no audio in the session description")]
    NoAudio,
    /// Audio, but over nothing that we speak.
    #[error("no audio over RTP/AVP, peer has `{0}`")]
    Transport(String),
    /// A protected stream, but no keys that we could use.
    #[error("no a=crypto that we understand")]
    NoKeys,
    /// A stream that must be protected, and is not.
    #[error("only protected audio is taken: RTP/SAVP with a=crypto")]
    Unprotected,
    /// No codec that both know.
    #[error("no audio codec in common, peer has `{0}`")]
    NoCodec(String),
    /// An address to which nothing can be sent.
    #[error("unusable media address `{0}`")]
    Address(String),
    /// The answer does not fit the offer (RFC 3264 §6).
    #[error("answer does not fit the offer: {0}")]
    Mismatch(&'static str),
    /// The peer answered our stream with port 0.
    #[error("peer refused the audio stream")]
    Refused,
}

impl SdpError {
    /// The SIP status that answers it: 400 for what cannot be read, 488 for what cannot be agreed.
    pub const fn status(&self) -> u16 {
        match self {
            SdpError::Malformed(_) | SdpError::TooLarge { .. } => 400,
            SdpError::NoAudio
            | SdpError::Transport(_)
            | SdpError::NoKeys
            | SdpError::Unprotected
            | SdpError::NoCodec(_)
            | SdpError::Address(_)
            | SdpError::Mismatch(_)
            | SdpError::Refused => 488,
        }
    }

    /// The code of the Warning header that says so to the peer (RFC 3261 §20.43, §27.2).
    pub const fn warning(&self) -> u16 {
        match self {
            SdpError::Address(_) => 302,
            SdpError::Transport(_) | SdpError::Unprotected => 303,
            SdpError::NoAudio => 304,
            SdpError::NoCodec(_) => 305,
            SdpError::NoKeys => 306,
            SdpError::Malformed(_)
            | SdpError::TooLarge { .. }
            | SdpError::Mismatch(_)
            | SdpError::Refused => 399,
        }
    }
}

/// Whether two descriptions differ in nothing but their `o=` line, so that the later one is no new
/// version (RFC 3264 §8).
pub fn same_session(one: &[u8], other: &[u8]) -> bool {
    let lines = |text| <[u8]>::split(text, |&octet| octet == b'\n');
    let rest = |text| lines(text).filter(|line| !line.starts_with(b"o="));
    rest(one).eq(rest(other))
}

/// Reads a peer's description within the limits; the parser itself has none.
fn parse(description: &[u8]) -> Result<sdp_types::Session, SdpError> {
    let too_large = |what, limit| Err(SdpError::TooLarge { what, limit });
    if description.len() > limits::SDP_BYTES {
        return too_large("octets", limits::SDP_BYTES);
    }
    if description.split(|&b| b == b'\n').count() > limits::SDP_LINES + 1 {
        return too_large("lines", limits::SDP_LINES);
    }
    let legible = Legible::of(description);
    let session = parse_ours(legible.text.as_bytes())?;
    if session.medias.len() > limits::SDP_MEDIA {
        return too_large("media descriptions", limits::SDP_MEDIA);
    }
    match legible.odd {
        Some(odd) if !session.medias.iter().any(is_open) => Err(malformed(&odd)),
        _ => Ok(session),
    }
}

/// The same of a description that we have made: every line of it counts.
fn parse_ours(description: &[u8]) -> Result<sdp_types::Session, SdpError> {
    sdp_types::Session::parse(description).map_err(|e| malformed(&e.to_string()))
}

/// A parser's complaint, cut to the length of a log line and begun as ours are.
fn malformed(complaint: &str) -> SdpError {
    let mut text: String = complaint.chars().take(120).collect();
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_lowercase();
    }
    SdpError::Malformed(text)
}
