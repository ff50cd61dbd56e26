//! Datagrams at both ports of a bridge, from the parties and from strangers.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use media::sdp::{Codec, Direction, Negotiated, Packing, Types};
use media::{Command, Family, Plane, PortId, limits, plane, rtp};

const PORTS: [PortId; 2] = [PortId(1), PortId(2)];

/// Panics where it does not hold. The clock begins at `start`.
pub(crate) fn check(start: Instant, input: &[u8]) {
    let mut plane = Plane::new([7; 32], plane::Limits::default());
    for (port, codec) in PORTS.into_iter().zip(Codec::ALL) {
        plane.handle_input(
            start,
            Command::Open {
                port,
                family: Family::V4,
            },
        );
        plane.handle_bound(port, Ok(address(9, port.0 as u8)));
        let agreed = Box::new(agreed(codec));
        let to_tones = true;
        plane.handle_input(start, Command::Listen { port, to_tones });
        let signalling = Ipv4Addr::new(192, 0, 2, 7).into();
        plane.handle_input(
            start,
            Command::Configure {
                port,
                agreed,
                signalling,
            },
        );
    }
    let [a, b] = PORTS;
    plane.handle_input(start, Command::Bridge { a, b });
    // Each datagram: which port, from whom, how much later, how long; then its octets.
    let mut now = start;
    let mut rest = input;
    while let [port, from, later, length, tail @ ..] = rest {
        let (datagram, tail) = tail.split_at(tail.len().min(usize::from(*length) * 8));
        rest = tail;
        now += Duration::from_millis(u64::from(*later));
        look_at(datagram);
        let mut buffer = datagram.to_vec();
        let (port, from) = (PORTS[usize::from(port % 2)], address(from % 3, 1));
        if let Some(forward) = plane.handle_packet(now, port, from, &mut buffer) {
            assert!(forward.len <= datagram.len(), "it grew");
            assert!(rtp::parse(&buffer[..forward.len]).is_some(), "no RTP");
        }
        while let Some((forward, packet)) = plane.poll_packet() {
            assert_eq!(forward.len, packet.len());
            assert!(rtp::parse(packet).is_some(), "no RTP");
        }
        while plane.poll_output().is_some() {}
    }
    for port in PORTS {
        plane.handle_input(now, Command::Close { port });
    }
    while plane.poll_output().is_some() {}
    assert_eq!(plane.ports(), 0);
}

/// One packet by itself.
fn look_at(datagram: &[u8]) {
    let _ = rtp::is_rtcp(datagram);
    let Some(packet) = rtp::parse(datagram) else {
        return;
    };
    assert!(packet.payload.end <= datagram.len() && datagram.len() <= limits::PACKET);
    let mut buffer = datagram.to_vec();
    let length = rtp::rewrite(&mut buffer, packet.payload.clone(), packet.fixed);
    assert_eq!(
        buffer[..length],
        rtp::build(packet.fixed, &datagram[packet.payload])
    );
}

/// A party that sends from the address of its description, with an event of its own number.
fn agreed(codec: Codec) -> Negotiated {
    Negotiated {
        remote: address(0, 1),
        // One peer multiplexes, the other does not.
        remote_rtcp: (codec == Codec::Pcma).then(|| address(0, 1)),
        codec,
        payload_type: codec.payload_type(),
        receive: vec![(codec.payload_type(), codec)],
        telephone_event: Some(Types {
            send: 101,
            receive: 96 + codec.payload_type(),
        }),
        noise: Some(Types {
            send: 13,
            receive: 13,
        }),
        // One wants longer packets, the other takes all.
        packing: Packing::new((codec == Codec::Pcma).then_some(30), None),
        direction: Direction::SendRecv,
        srtp: None,
    }
}

fn address(host: u8, port: u8) -> SocketAddr {
    (Ipv4Addr::new(192, 0, 2, host), 20_000 + u16::from(port)).into()
}
