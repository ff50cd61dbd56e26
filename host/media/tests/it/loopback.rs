//! The shard with real sockets: two phones, two ports, one bridge.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use media::handset::{Handset, HandsetConfig, Heard, Speech};
use media::io::{Backend, Config, Handle, PortRange, Shard};
use media::limits::SSRC_HEARD;
use media::rtp::{self, Fixed};
use media::sdp::Codec;
use media::{Command, Event, Family, PortId};

use crate::{agreed, clock};

pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A handset with a socket.
struct Phone {
    socket: UdpSocket,
    handset: Handset,
    port: SocketAddr,
}

impl Phone {
    fn new(socket: UdpSocket, port: SocketAddr, codec: Codec, hz: u16) -> Self {
        let config = HandsetConfig::new(agreed(port, codec), u32::from(hz), Speech::Tone(hz));
        Phone {
            socket,
            handset: Handset::new(config),
            port,
        }
    }

    fn turn(&mut self, now: Instant) {
        while let Some(packet) = self.handset.handle_tick(now) {
            self.socket.send_to(&packet, self.port).unwrap();
        }
        let mut buffer = [0; 2_048];
        loop {
            match self.socket.recv_from(&mut buffer) {
                Ok((len, from)) => {
                    assert_eq!(from, self.port, "symmetric RTP");
                    self.handset.handle_packet(now, &buffer[..len]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// The same with each way of datagrams that there is on this machine.
pub(crate) fn each(test: impl Fn(Backend)) {
    for backend in [Backend::Epoll, Backend::IoUring] {
        let mut config = Config::new(
            "media-test",
            vec![PortRange::ephemeral(LOOPBACK).into()],
            [3; 32],
        );
        config.backend = Some(backend);
        match Shard::start(config, clock, Box::new(|_| true), None) {
            Ok(shard) => assert_eq!(shard.backend(), backend),
            Err(error) if backend == Backend::IoUring => {
                eprintln!("this machine has no io_uring, which is not tested: {error}");
                continue;
            }
            Err(error) => panic!("{error}"),
        }
        test(backend);
    }
}

fn start(backend: Backend) -> (Shard, Handle, Receiver<Event>) {
    start_with(backend, clock)
}

pub(crate) fn start_with(
    backend: Backend,
    clock: fn() -> Instant,
) -> (Shard, Handle, Receiver<Event>) {
    start_config(
        backend,
        Config::new(
            "media-test",
            vec![PortRange::ephemeral(LOOPBACK).into()],
            [3; 32],
        ),
        clock,
    )
}

fn start_config(
    backend: Backend,
    mut config: Config,
    clock: fn() -> Instant,
) -> (Shard, Handle, Receiver<Event>) {
    config.backend = Some(backend);
    let (sender, events) = sync_channel(64);
    let shard = Shard::start(
        config,
        clock,
        Box::new(move |event| sender.try_send(event).is_ok()),
        None,
    )
    .unwrap();
    let handle = shard.handle();
    (shard, handle, events)
}

pub(crate) fn open(handle: &Handle, events: &Receiver<Event>, port: PortId) -> SocketAddr {
    open_for(handle, events, port, Family::V4)
}

fn open_for(handle: &Handle, events: &Receiver<Event>, port: PortId, family: Family) -> SocketAddr {
    handle.send(Command::Open { port, family }).unwrap();
    match events.recv_timeout(PATIENCE) {
        Ok(Event::Opened { port: opened, addr }) if opened == port => addr,
        other => panic!("{other:?}"),
    }
}

fn configure(handle: &Handle, port: PortId, declared: SocketAddr, codec: Codec) {
    let agreed = Box::new(agreed(declared, codec));
    handle
        .send(Command::Configure {
            port,
            agreed,
            signalling: LOOPBACK,
        })
        .unwrap();
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((LOOPBACK, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

/// Two peers of one bridged call, each with the port that it sends to.
pub(crate) fn call(handle: &Handle, events: &Receiver<Event>) -> [(UdpSocket, SocketAddr); 2] {
    let (a, b) = (PortId(1), PortId(2));
    let peers = [a, b].map(|port| {
        let ours = open(handle, events, port);
        let peer = UdpSocket::bind((LOOPBACK, 0)).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        configure(handle, port, peer.local_addr().unwrap(), Codec::Pcma);
        (peer, ours)
    });
    handle.send(Command::Bridge { a, b }).unwrap();
    peers
}

/// The packets of these numbers, each way, one after the other.
pub(crate) fn relay(peers: &[(UdpSocket, SocketAddr); 2], numbers: std::ops::Range<u16>) {
    let mut packet = rtp::build(header(1), &[0xd5; 160]);
    let mut buffer = [0; 2_048];
    for number in numbers {
        packet[2..4].copy_from_slice(&number.to_be_bytes());
        for (from, to) in [(0, 1), (1, 0)] {
            let (peer, port) = &peers[from];
            peer.send_to(&packet, port).unwrap();
            assert_eq!(peers[to].0.recv(&mut buffer).unwrap(), packet.len());
        }
    }
}

/// The first packet of a stream.
fn header(ssrc: u32) -> Fixed {
    Fixed {
        marker: false,
        payload_type: Codec::Pcma.payload_type(),
        sequence: 0,
        timestamp: 0,
        ssrc,
    }
}

/// Lets both talk until each heard a second, or patience ends.
fn converse(phones: &mut [Phone; 2]) -> [Heard; 2] {
    let end = clock() + PATIENCE;
    loop {
        let now = clock();
        for phone in &mut *phones {
            phone.turn(now);
        }
        let heard = [phones[0].handset.heard(), phones[1].handset.heard()];
        if heard.iter().all(|h| h.audio_ms >= 1_000) || now > end {
            return heard;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// Waits until the shard has taken whatever was sent to both ports, for the first time or once more: two packets each
/// way.
fn flush(phones: &[Phone; 2], again: bool) {
    // What was said just before keeps another stream out.
    std::thread::park_timeout(SSRC_HEARD + Duration::from_millis(10));
    for (from, to) in [(0, 1), (1, 0)] {
        let mark = [0xa5; 160];
        // A stream of its own, so that any sequence number will do; of which the second packet is believed.
        let ssrc = phones[to].socket.local_addr().unwrap().port();
        let first = 2 * u16::from(again);
        for sequence in [first, first + 1] {
            let fixed = Fixed {
                sequence,
                ..header(ssrc.into())
            };
            let packet = rtp::build(fixed, &mark);
            let socket = &phones[from].socket;
            socket.send_to(&packet, phones[from].port).unwrap();
        }
        let end = clock() + PATIENCE;
        let mut buffer = [0; 2_048];
        loop {
            let received = phones[to].socket.recv(&mut buffer);
            if received.is_ok_and(|len| buffer[..len].ends_with(&mark)) {
                break;
            }
            assert!(clock() < end, "the packet is lost");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
}

#[test]
fn both_phones_hear_each_other_through_a_transcoding_bridge() {
    each(|backend| {
        let (shard, handle, events) = start(backend);
        let (a, b) = (PortId(1), PortId(2));
        let (port_a, port_b) = (open(&handle, &events, a), open(&handle, &events, b));
        assert!(port_a.port() % 2 == 0 && port_b.port() % 2 == 0);
        let (socket_a, socket_b) = (socket(), socket());
        configure(&handle, a, socket_a.local_addr().unwrap(), Codec::Pcma);
        // B's SDP names a port where nobody is: it must be latched.
        let absent = socket().local_addr().unwrap();
        configure(&handle, b, absent, Codec::Pcmu);
        handle.send(Command::Bridge { a, b }).unwrap();

        let mut phones = [
            Phone::new(socket_a, port_a, Codec::Pcma, 425),
            Phone::new(socket_b, port_b, Codec::Pcmu, 970),
        ];
        let [heard_by_a, heard_by_b] = converse(&mut phones);
        assert_eq!((heard_by_a.tone, heard_by_b.tone), (Some(970), Some(425)));
        assert_eq!((heard_by_a.lost, heard_by_b.lost), (0, 0));
        assert_eq!((heard_by_a.streams, heard_by_b.streams), (1, 1));

        for port in [a, b] {
            handle.send(Command::Close { port }).unwrap();
        }
        let mut seen = Vec::new();
        while seen.len() < 3 {
            match events.recv_timeout(PATIENCE).unwrap() {
                Event::Latched { port, from } => {
                    assert_eq!(from, phones[1].socket.local_addr().unwrap());
                    seen.push(("latched", port));
                }
                Event::Closed { port, stats } => {
                    assert!(
                        stats.packets_received >= 48 && stats.packets_lost == 0,
                        "{stats:?}"
                    );
                    seen.push(("closed", port));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(seen, [("latched", b), ("closed", a), ("closed", b)]);
        let counters = handle.counters();
        assert!(
            counters.received >= 98 && counters.sent >= 96,
            "{counters:?}"
        );
        assert_eq!((counters.sends_blocked, counters.sends_failed), (0, 0));
        shard.stop();
    });
}

#[test]
fn a_peer_that_moves_with_a_new_agreement_is_heard_and_strangers_stay_outside() {
    each(|backend| {
        let (shard, handle, events) = start(backend);
        let (a, b) = (PortId(1), PortId(2));
        let (port_a, port_b) = (open(&handle, &events, a), open(&handle, &events, b));
        let (socket_a, socket_b) = (socket(), socket());
        configure(&handle, a, socket_a.local_addr().unwrap(), Codec::Pcma);
        configure(&handle, b, socket_b.local_addr().unwrap(), Codec::Pcma);
        handle.send(Command::Bridge { a, b }).unwrap();
        let mut phones = [
            Phone::new(socket_a, port_a, Codec::Pcma, 425),
            Phone::new(socket_b, port_b, Codec::Pcma, 970),
        ];
        let [heard_by_a, _] = converse(&mut phones);
        assert_eq!(heard_by_a.tone, Some(970));

        // Both sockets are connected by now: a stranger does not get as far as the counters.
        flush(&phones, false);
        let before = handle.counters().received;
        let stranger = socket();
        for _ in 0..100 {
            stranger.send_to(&[0x80; 172], port_a).unwrap();
            stranger.send_to(&[0x80; 172], port_b).unwrap();
        }
        flush(&phones, true);
        assert_eq!(handle.counters().received, before + 4);

        let moved = socket();
        configure(&handle, b, moved.local_addr().unwrap(), Codec::Pcma);
        phones[0] = Phone::new(
            phones[0].socket.try_clone().unwrap(),
            port_a,
            Codec::Pcma,
            425,
        );
        phones[1] = Phone::new(moved, port_b, Codec::Pcma, 1_610);
        let [heard_by_a, heard_by_b] = converse(&mut phones);
        assert_eq!((heard_by_a.tone, heard_by_b.tone), (Some(1_610), Some(425)));
        assert_eq!(handle.counters().sends_failed, 0);
        shard.stop();
    });
}

#[test]
fn a_port_has_the_family_of_its_peer_if_there_is_a_place_for_it_and_both_are_bridged() {
    each(|backend| {
        let ours = IpAddr::V6(Ipv6Addr::LOCALHOST);
        let places = [LOOPBACK, ours].map(|address| PortRange::ephemeral(address).into());
        let config = Config::new("media-test", places.into(), [3; 32]);
        let (shard, handle, events) = start_config(backend, config, clock);
        let (a, b) = (PortId(1), PortId(2));
        let port_a = open_for(&handle, &events, a, Family::V4);
        let port_b = open_for(&handle, &events, b, Family::V6);
        assert_eq!((port_a.ip(), port_b.ip()), (LOOPBACK, ours));
        let theirs = UdpSocket::bind((ours, 0)).unwrap();
        theirs.set_nonblocking(true).unwrap();
        let mut phones = [
            Phone::new(socket(), port_a, Codec::Pcma, 425),
            Phone::new(theirs, port_b, Codec::Pcma, 1_610),
        ];
        for (port, phone) in [a, b].into_iter().zip(&phones) {
            let at = phone.socket.local_addr().unwrap();
            configure(&handle, port, at, Codec::Pcma);
        }
        handle.send(Command::Bridge { a, b }).unwrap();
        let [heard_by_a, heard_by_b] = converse(&mut phones);
        assert_eq!((heard_by_a.tone, heard_by_b.tone), (Some(1_610), Some(425)));
        shard.stop();
        // A shard with one place has nothing else to offer.
        let (_shard, handle, events) = start(backend);
        assert!(open_for(&handle, &events, a, Family::V6).is_ipv4());
    });
}

#[test]
fn a_stopped_shard_frees_its_sockets() {
    each(|backend| {
        let (shard, handle, events) = start(backend);
        let addr = open(&handle, &events, PortId(1));
        assert!(UdpSocket::bind(addr).is_err());
        drop(shard);
        assert!(UdpSocket::bind(addr).is_ok());
    });
}

#[test]
fn the_reserved_port_id_fails() {
    each(|backend| {
        let (_shard, handle, events) = start(backend);
        handle
            .send(Command::Open {
                port: PortId(u64::MAX),
                family: Family::V4,
            })
            .unwrap();
        assert!(matches!(
            events.recv_timeout(PATIENCE).unwrap(),
            Event::Failed { .. }
        ));
    });
}
