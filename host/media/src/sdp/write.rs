//! Writing descriptions: our offer, and the parts that an answer shares with it.

use std::net::SocketAddr;

use sdp_types::{Attribute, Connection, Media, Origin, Session};

use super::crypto::{Line, Srtp};
use super::numbers::Numbers;
use super::{Codec, Direction, SessionVersion, Side};
use crate::noise;

/// An offer of one audio stream at `local`: `codecs` in this order, telephone-event and comfort noise.
pub fn offer(local: SocketAddr, codecs: &[Codec], session: SessionVersion) -> Vec<u8> {
    offer_with(local, &Side::new(codecs, Srtp::Off), session)
}

/// The same of all that a side can do.
pub fn offer_with(local: SocketAddr, side: &Side<'_>, session: SessionVersion) -> Vec<u8> {
    let srtp = side.srtp;
    let mut numbers = Numbers::default();
    let formats = side.codecs.iter().map(|&c| (numbers.codec(c), c));
    let formats: Vec<(u8, Codec)> = formats.collect();
    let codecs = if side.events { side.codecs } else { &[] };
    let stream = Stream {
        proto: srtp.proto(),
        formats: &formats,
        events: &numbers.events(codecs),
        noise: side.noise.then_some(noise::PAYLOAD_TYPE),
        ptime_ms: side.ptime_ms,
        direction: Direction::SendRecv,
        // No RTCP socket exists beside the RTP socket, so say so (RFC 5761 §5.1.1).
        rtcp_mux: true,
        crypto: &srtp.lines(),
    };
    let mut description = description(local, session);
    description.medias.push(stream.media(local.port()));
    bytes(&description)
}

/// An empty description of ours.
pub(super) fn description(local: SocketAddr, version: SessionVersion) -> Session {
    let origin = Origin::with_ip_addr(version.id, version.version, local.ip());
    let mut session = Session::new(origin, "-");
    session.set_connection(Connection::from_ip_addr(local.ip()));
    session
}

pub(super) fn direction_attribute(direction: Direction) -> Attribute {
    Attribute {
        attribute: direction.attribute().to_owned(),
        value: None,
    }
}

pub(super) fn bytes(session: &Session) -> Vec<u8> {
    session.to_string().into_bytes()
}

/// Our side of an audio stream.
pub(super) struct Stream<'a> {
    pub(super) proto: &'a str,
    pub(super) formats: &'a [(u8, Codec)],
    /// Payload types of telephone-event, each with its clock in Hz.
    pub(super) events: &'a [(u8, u32)],
    /// The payload type of comfort noise.
    pub(super) noise: Option<u8>,
    pub(super) ptime_ms: u16,
    pub(super) direction: Direction,
    pub(super) rtcp_mux: bool,
    /// Our keys.
    pub(super) crypto: &'a [Line],
}

impl Stream<'_> {
    pub(super) fn media(&self, port: u16) -> Media {
        let numbers = self
            .formats
            .iter()
            .map(|&(pt, _)| pt)
            .chain(self.events.iter().map(|&(pt, _)| pt))
            .chain(self.noise);
        let fmt: Vec<String> = numbers.map(|pt| pt.to_string()).collect();
        let mut media = empty("audio", port, self.proto, &fmt.join(" "));
        let mut attribute = |name: &str, value: Option<String>| {
            media.attributes.push(Attribute {
                attribute: name.to_owned(),
                value,
            });
        };
        for (pt, codec) in self.formats {
            let (clock, channels) = (codec.clock(), codec.channels());
            let channels = if channels == 1 {
                String::new()
            } else {
                format!("/{channels}")
            };
            attribute("rtpmap", Some(format!("{pt} {codec}/{clock}{channels}")));
            if let Some(parameters) = codec.parameters() {
                attribute("fmtp", Some(format!("{pt} {parameters}")));
            }
        }
        for (pt, clock) in self.events {
            attribute("rtpmap", Some(format!("{pt} telephone-event/{clock}")));
            attribute("fmtp", Some(format!("{pt} 0-16")));
        }
        if let Some(pt) = self.noise {
            attribute("rtpmap", Some(format!("{pt} {}/8000", noise::NAME)));
        }
        attribute("ptime", Some(self.ptime_ms.to_string()));
        attribute(self.direction.attribute(), None);
        if self.rtcp_mux {
            attribute("rtcp-mux", None);
        }
        let crypto = self.crypto.iter().map(Line::attribute);
        media.attributes.extend(crypto);
        media
    }
}

/// An offered stream that we do not take: same media, protocol and formats, port 0.
pub(super) fn refused(offered: &Media) -> Media {
    empty(&offered.media, 0, &offered.proto, &offered.fmt)
}

fn empty(media: &str, port: u16, proto: &str, fmt: &str) -> Media {
    Media {
        media: media.to_owned(),
        port,
        num_ports: None,
        proto: proto.to_owned(),
        fmt: fmt.to_owned(),
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}
