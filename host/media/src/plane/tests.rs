//! The plane as its driver sees it. Facts about ports and relays are here; those about keys, playing,
//! switching sources and latching in the files beside.

mod attending;
mod bursts;
mod conferring;
mod digits;
mod keying;
mod latching;
mod listening;
#[cfg(feature = "opus")]
mod opus;
mod packing;
mod playing;
mod protected;
mod relaying;
mod reporting;
mod sources;
mod strangers;
mod switching;
mod taping;
mod watching;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::*;
use crate::command::Stats;
use crate::rtp::Fixed;
use crate::sdp::{Codec, Direction, Negotiated, Types};

const A: PortId = PortId(1);
const B: PortId = PortId(2);
const C: PortId = PortId(3);

/// A plane with a clock of its own.
struct Bench {
    plane: Plane,
    now: Instant,
}

/// What a port sent.
#[derive(Debug, PartialEq)]
struct Sent {
    via: PortId,
    to: SocketAddr,
    fixed: Fixed,
    payload: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        #[allow(
            clippy::disallowed_methods,
            reason = "any instant will do; it is never read again"
        )]
        let now = Instant::now();
        Bench {
            plane: Plane::new([7; 32], Limits::default()),
            now,
        }
    }

    /// A and B open, configured for A-law and bridged; C open and configured.
    fn bridged() -> Self {
        let mut bench = Bench::new();
        for port in [A, B, C] {
            bench.open(port);
            bench.configure(port, agreed(port));
        }
        bench.command(Command::Bridge { a: A, b: B });
        bench
    }

    fn command(&mut self, command: Command) {
        self.plane.handle_input(self.now, command);
    }

    fn open(&mut self, port: PortId) {
        self.command(Command::Open {
            port,
            family: Family::V4,
        });
        self.plane.handle_bound(port, Ok(local(port)));
        self.outputs();
    }

    fn configure(&mut self, port: PortId, agreed: Negotiated) {
        let signalling = agreed.remote.ip();
        self.command(Command::Configure {
            port,
            agreed: Box::new(agreed),
            signalling,
        });
    }

    fn pass(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
    }

    fn outputs(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.plane.poll_output())
            .map(|o| format!("{o:?}"))
            .collect()
    }

    fn datagram(&mut self, port: PortId, from: SocketAddr, datagram: &[u8]) -> Option<Sent> {
        let mut buffer = datagram.to_vec();
        let forward = self
            .plane
            .handle_packet(self.now, port, from, &mut buffer)?;
        let packet = rtp::parse(&buffer[..forward.len]).unwrap();
        Some(Sent {
            via: forward.via,
            to: forward.to,
            payload: buffer[packet.payload].to_vec(),
            fixed: packet.fixed,
        })
    }

    /// The peer of a port sends, from the address of its SDP.
    fn packet(&mut self, port: PortId, fixed: Fixed, payload: &[u8]) -> Option<Sent> {
        self.datagram(port, remote(port), &rtp::build(fixed, payload))
    }

    /// The same every 20 ms; what went out.
    fn stream(&mut self, port: PortId, first: Fixed, packets: u16) -> Vec<Sent> {
        let mut sent = Vec::new();
        for i in 0..packets {
            sent.extend(self.packet(port, nth(first, i), &[i as u8; 160]));
            self.pass(20);
        }
        sent
    }

    fn stats(&mut self, port: PortId) -> Stats {
        self.plane.ports[&port].stats()
    }
}

fn local(port: PortId) -> SocketAddr {
    SocketAddr::new(IpAddr::from([192, 0, 2, 1]), 20_000 + 2 * port.0 as u16)
}

fn remote(port: PortId) -> SocketAddr {
    SocketAddr::new(IpAddr::from([198, 51, 100, port.0 as u8]), 4_000)
}

fn agreed(port: PortId) -> Negotiated {
    Negotiated {
        remote: remote(port),
        remote_rtcp: None,
        codec: Codec::Pcma,
        payload_type: 8,
        receive: vec![(8, Codec::Pcma)],
        telephone_event: Some(Types {
            send: 101,
            receive: 101,
        }),
        noise: None,
        packing: crate::sdp::Packing::default(),
        direction: Direction::SendRecv,
        srtp: None,
    }
}

/// The first packet of a stream of A-law.
fn first(ssrc: u32) -> Fixed {
    Fixed {
        marker: false,
        payload_type: 8,
        sequence: 65_530,
        timestamp: 0xffff_ff00,
        ssrc,
    }
}

/// Its nth packet, at 20 ms each.
fn nth(first: Fixed, n: u16) -> Fixed {
    Fixed {
        sequence: first.sequence.wrapping_add(n),
        timestamp: first.timestamp.wrapping_add(160 * u32::from(n)),
        ..first
    }
}

/// One SSRC, sequence numbers without gap, timestamps that grow by `steps`.
fn assert_one_stream(sent: &[Sent], steps: &[u32]) {
    assert_eq!(sent.len(), steps.len() + 1);
    for (pair, &step) in sent.windows(2).zip(steps) {
        let (before, after) = (pair[0].fixed, pair[1].fixed);
        assert_eq!(after.ssrc, before.ssrc);
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        assert_eq!(after.timestamp, before.timestamp.wrapping_add(step));
    }
}

#[test]
fn open_binds_and_reports_the_address() {
    let mut bench = Bench::new();
    bench.command(Command::Open {
        port: A,
        family: Family::V4,
    });
    assert_eq!(bench.outputs(), ["Bind { port: PortId(1), family: V4 }"]);
    bench.plane.handle_bound(A, Ok(local(A)));
    assert_eq!(
        bench.outputs(),
        ["Event(Opened { port: PortId(1), addr: 192.0.2.1:20002 })"]
    );
}

#[test]
fn a_port_that_cannot_be_bound_has_failed_and_is_gone() {
    let mut bench = Bench::new();
    bench.command(Command::Open {
        port: A,
        family: Family::V4,
    });
    bench.outputs();
    bench.plane.handle_bound(A, Err("no port".into()));
    assert_eq!(
        bench.outputs(),
        ["Event(Failed { port: PortId(1), reason: \"no port\" })"]
    );
    assert_eq!(bench.plane.ports(), 0);
}

#[test]
fn close_unbinds_and_reports_the_counters() {
    let mut bench = Bench::bridged();
    bench.stream(A, first(1), 3);
    bench.outputs();
    bench.command(Command::Close { port: A });
    let outputs = bench.outputs();
    assert_eq!(outputs[0], "Unbind { port: PortId(1) }");
    assert!(outputs[1].contains("Closed") && outputs[1].contains("packets_received: 3"));
    assert_eq!(bench.packet(B, first(2), &[0; 160]), None);
    bench.command(Command::Close { port: A });
    assert!(bench.outputs().is_empty());
}

#[test]
fn a_port_closed_while_it_is_bound_leaves_no_socket() {
    let mut bench = Bench::new();
    bench.command(Command::Open {
        port: A,
        family: Family::V4,
    });
    bench.command(Command::Close { port: A });
    bench.outputs();
    bench.plane.handle_bound(A, Ok(local(A)));
    assert_eq!(bench.outputs(), ["Unbind { port: PortId(1) }"]);
}

#[test]
fn the_port_beyond_the_limit_fails() {
    let mut bench = Bench::new();
    bench.plane = Plane::new([7; 32], Limits { ports: 2 });
    bench.open(A);
    bench.open(B);
    bench.command(Command::Open {
        port: C,
        family: Family::V4,
    });
    let reason = "all 2 media ports are in use";
    assert_eq!(
        bench.outputs(),
        [format!(
            "Event(Failed {{ port: PortId(3), reason: {reason:?} }})"
        )]
    );
}

#[test]
fn commands_for_unknown_ports_are_ignored() {
    let mut bench = Bench::bridged();
    let unknown = PortId(9);
    bench.configure(unknown, agreed(A));
    bench.command(Command::Bridge { a: A, b: unknown });
    bench.command(Command::Bridge { a: A, b: A });
    bench.command(Command::Unbridge { port: unknown });
    bench.command(Command::Close { port: unknown });
    assert!(bench.outputs().is_empty());
    assert!(bench.packet(A, first(1), &[0; 160]).is_some());
    assert_eq!(bench.packet(unknown, first(1), &[0; 160]), None);
}

#[test]
fn the_same_seed_gives_the_same_packets() {
    let run = || Bench::bridged().stream(A, first(1), 3);
    assert_eq!(run(), run());
}

#[test]
fn packets_gather_longer_where_none_is_relayed() {
    let mut bench = Bench::bridged();
    assert_eq!(bench.plane.patience(), limits::GATHER_RELAYED);
    bench.command(Command::Unbridge { port: A });
    assert_eq!(bench.plane.patience(), limits::GATHER_HEARD);
    bench.command(Command::Bridge { a: A, b: B });
    bench.command(Command::Close { port: B });
    assert_eq!(bench.plane.patience(), limits::GATHER_HEARD);
}
