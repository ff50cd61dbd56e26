//! Reading one audio stream out of a parsed description.
//!
//! Owns the defaults of RFC 8866 and RFC 3551: static payload types, session-level attributes,
//! addresses, the old hold of `c=0.0.0.0`. Knows nothing of the other side's description.

use std::net::{IpAddr, SocketAddr};

use sdp_types::{Attribute, Media, NetType, Session};

use super::crypto::{AVP, Crypto, SAVP};
use super::{Codec, DYNAMIC, Direction, Packing, SdpError};
use crate::noise;

/// An audio stream as one side described it.
pub(super) struct Audio {
    /// Audio formats that we know, in the order of the `m=` line.
    pub(super) formats: Vec<(u8, Codec)>,
    /// Payload types of telephone-event, each with its clock in Hz.
    pub(super) events: Vec<(u8, u32)>,
    /// Seen from the describing side, with the old hold worked in.
    pub(super) direction: Direction,
    pub(super) noise: Option<u8>,
    pub(super) packing: Packing,
    pub(super) remote: SocketAddr,
    pub(super) remote_rtcp: Option<SocketAddr>,
    pub(super) rtcp_mux: bool,
    pub(super) crypto: Crypto,
}

/// Whether a stream is of audio, and not refused.
pub(super) fn is_open(media: &Media) -> bool {
    is_audio(&media.media) && media.port != 0
}

/// Whether streams of this kind are of audio.
pub(super) fn is_audio(kind: &str) -> bool {
    kind.eq_ignore_ascii_case("audio")
}

/// Whether a stream is one that we could carry.
pub(super) fn is_usable(media: &Media) -> bool {
    let known = |it: &&str| media.proto.eq_ignore_ascii_case(it);
    is_open(media) && [AVP, SAVP].iter().any(known)
}

impl Audio {
    pub(super) fn read(session: &Session, media: &Media) -> Result<Self, SdpError> {
        let ip = connection(session, media)?;
        let remote = SocketAddr::new(ip, media.port);
        let rtcp_mux = find(&media.attributes, "rtcp-mux").is_some();
        Ok(Audio {
            formats: formats(media),
            events: events(media),
            direction: direction(session, media, ip),
            noise: noise(media),
            packing: packing(media),
            remote,
            remote_rtcp: if rtcp_mux {
                Some(remote)
            } else {
                rtcp(media, remote)
            },
            rtcp_mux,
            crypto: Crypto::read(media),
        })
    }

    /// The payload type of telephone-event beside that codec: its clock must be the codec's (RFC 4733 §2.1).
    pub(super) fn event(&self, codec: Codec) -> Option<u8> {
        let fits = self
            .events
            .iter()
            .find(|(_, clock)| *clock == codec.clock());
        fits.map(|&(pt, _)| pt)
    }

    /// The same of comfort noise.
    pub(super) fn noise(&self, codec: Codec) -> Option<u8> {
        self.noise.filter(|_| codec.clock() == noise::CLOCK)
    }

    /// Whether media may be sent to its address, over a socket of the family of `local` if there is one already.
    pub(super) fn check_reachable(&self, local: Option<IpAddr>) -> Result<(), SdpError> {
        let ip = self.remote.ip();
        let on_hold = ip.is_unspecified();
        let is_other = local.is_some_and(|local| ip.is_ipv4() != local.is_ipv4());
        if ip.is_multicast() || (is_other && !on_hold) {
            return Err(SdpError::Address(ip.to_string()));
        }
        Ok(())
    }
}

fn connection(session: &Session, media: &Media) -> Result<IpAddr, SdpError> {
    let connection = media
        .connections
        .first()
        .or(session.connection.as_ref())
        .ok_or_else(|| SdpError::Malformed("no c= line for the audio stream".into()))?;
    let unusable = || SdpError::Address(connection.connection_address.chars().take(64).collect());
    if connection.nettype != NetType::In {
        return Err(unusable());
    }
    connection
        .connection_address
        .parse()
        .map_err(|_| unusable())
}

fn formats(media: &Media) -> Vec<(u8, Codec)> {
    let codec_of = |pt: u8| match rtpmap(media, pt) {
        Some(map) => Codec::ALL
            .into_iter()
            .find(|c| map.is(c.name(), c.clock(), c.channels())),
        // Static payload types need no rtpmap (RFC 3551 §6).
        None => Codec::ALL
            .into_iter()
            .find(|c| c.payload_type() == pt && pt < DYNAMIC),
    };
    payload_types(media)
        .filter_map(|pt| Some((pt, codec_of(pt)?)))
        .collect()
}

/// Only with the clocks of our codecs.
fn events(media: &Media) -> Vec<(u8, u32)> {
    let clock_of = |pt: u8| {
        let map = rtpmap(media, pt)?;
        let mut clocks = Codec::ALL.into_iter().map(Codec::clock);
        clocks.find(|&clock| map.is("telephone-event", clock, 1))
    };
    payload_types(media)
        .filter_map(|pt| Some((pt, clock_of(pt)?)))
        .collect()
}

/// Its payload type is static (RFC 3389 §4), but some name it.
fn noise(media: &Media) -> Option<u8> {
    payload_types(media).find(|&pt| match rtpmap(media, pt) {
        Some(map) => map.is(noise::NAME, noise::CLOCK, 1),
        None => pt == noise::PAYLOAD_TYPE,
    })
}

/// 64 to 95 are left out: with the marker bit they look like RTCP on a shared port (RFC 5761 §4).
fn payload_types(media: &Media) -> impl Iterator<Item = u8> {
    let numbers = media
        .fmt
        .split_ascii_whitespace()
        .filter_map(|s| s.parse::<u8>().ok());
    numbers.filter(|pt| *pt < 128 && !(64..96).contains(pt))
}

/// The value of an `a=rtpmap`: `PCMA/8000`, `PCMA/8000/1` or `opus/48000/2`.
struct RtpMap<'a> {
    name: &'a str,
    clock: &'a str,
    channels: &'a str,
}

impl RtpMap<'_> {
    fn is(&self, name: &str, clock: u32, channels: u8) -> bool {
        self.name.eq_ignore_ascii_case(name)
            && self.clock.parse() == Ok(clock)
            && self.channels.parse() == Ok(channels)
    }
}

fn rtpmap(media: &Media, wanted: u8) -> Option<RtpMap<'_>> {
    let maps = media.attributes.iter().filter(|a| a.attribute == "rtpmap");
    maps.filter_map(|a| a.value.as_deref()?.split_once(' '))
        .find_map(|(pt, map)| {
            if pt.parse() != Ok(wanted) {
                return None;
            }
            let mut parts = map.trim().split('/');
            Some(RtpMap {
                name: parts.next()?,
                clock: parts.next()?,
                channels: parts.next().unwrap_or("1"),
            })
        })
}

fn direction(session: &Session, media: &Media, ip: IpAddr) -> Direction {
    let stated = stated_direction(&media.attributes)
        .or_else(|| stated_direction(&session.attributes))
        .unwrap_or_default();
    // The hold of RFC 2543, still to be understood (RFC 3264 §8.4): nothing is to be sent there.
    if ip.is_unspecified() {
        Direction::of(stated.sends(), false)
    } else {
        stated
    }
}

fn stated_direction(attributes: &[Attribute]) -> Option<Direction> {
    attributes.iter().find_map(|a| match a.attribute.as_str() {
        "sendrecv" => Some(Direction::SendRecv),
        "sendonly" => Some(Direction::SendOnly),
        "recvonly" => Some(Direction::RecvOnly),
        "inactive" => Some(Direction::Inactive),
        _ => None,
    })
}

/// Whether an attribute says which way audio flows.
pub(super) fn is_direction(name: &str) -> bool {
    ["sendrecv", "sendonly", "recvonly", "inactive"].contains(&name)
}

fn packing(media: &Media) -> Packing {
    let stated = |name| {
        let value = find(&media.attributes, name).and_then(|a| a.value.as_deref());
        value.and_then(|it| it.trim().parse().ok())
    };
    Packing::new(stated("ptime"), stated("maxptime"))
}

/// `a=rtcp:53020` or `a=rtcp:53020 IN IP4 126.16.64.4` (RFC 3605), else the next higher port.
fn rtcp(media: &Media, remote: SocketAddr) -> Option<SocketAddr> {
    let default = remote
        .port()
        .checked_add(1)
        .map(|port| SocketAddr::new(remote.ip(), port));
    let Some(value) = find(&media.attributes, "rtcp").and_then(|a| a.value.as_deref()) else {
        return default;
    };
    let mut parts = value.split_ascii_whitespace();
    let port = parts.next()?.parse().ok()?;
    let ip = match parts.nth(2) {
        Some(ip) => ip.parse().ok()?,
        None => remote.ip(),
    };
    Some(SocketAddr::new(ip, port))
}

fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes.iter().find(|a| a.attribute == name)
}
