//! The epoll shard with real sockets: two phones, two ports, one bridge.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use media::handset::{Handset, HandsetConfig, Heard, Speech};
use media::io::{Config, Handle, PortRange, Shard};
use media::sdp::Codec;
use media::{Command, Event, PortId};

use crate::{agreed, clock};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PATIENCE: Duration = Duration::from_secs(10);

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

fn start() -> (Shard, Handle, Receiver<Event>) {
    let config = Config::new("media-test", PortRange::ephemeral(LOOPBACK), [3; 32]);
    let (sender, events) = sync_channel(64);
    let shard = Shard::start(
        config,
        clock,
        Box::new(move |event| sender.try_send(event).is_ok()),
    )
    .unwrap();
    let handle = shard.handle();
    (shard, handle, events)
}

fn open(handle: &Handle, events: &Receiver<Event>, port: PortId) -> SocketAddr {
    handle.send(Command::Open { port }).unwrap();
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

#[test]
fn both_phones_hear_each_other_through_a_transcoding_bridge() {
    let (shard, handle, events) = start();
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
}

#[test]
fn a_stopped_shard_frees_its_sockets() {
    let (shard, handle, events) = start();
    let addr = open(&handle, &events, PortId(1));
    assert!(UdpSocket::bind(addr).is_err());
    drop(shard);
    assert!(UdpSocket::bind(addr).is_ok());
}

#[test]
fn the_reserved_port_id_fails() {
    let (_shard, handle, events) = start();
    handle
        .send(Command::Open {
            port: PortId(u64::MAX),
        })
        .unwrap();
    assert!(matches!(
        events.recv_timeout(PATIENCE).unwrap(),
        Event::Failed { .. }
    ));
}
