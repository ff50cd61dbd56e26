//! What the kernel does with sockets that are connected and disconnected.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::super::PortRange;
use super::super::ports::Ports;
use super::*;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A port's socket as the shard binds it, and its address.
fn bound(address: IpAddr) -> (Socket, SocketAddr) {
    #[allow(clippy::disallowed_methods, reason = "any instant will do")]
    let now = Instant::now();
    let socket = Ports::new(PortRange::ephemeral(address)).bind(now).unwrap();
    let number = socket.local_addr().unwrap().port();
    (Socket::new(socket, 0), SocketAddr::new(LOOPBACK, number))
}

/// Somebody who sends to us.
fn telephone() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((LOOPBACK, 0)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Waits for the kernel to have something to say about a socket.
fn await_report(socket: &Socket) {
    let patience = Timespec::try_from(Duration::from_secs(10)).unwrap();
    let mut reported = [PollFd::new(&socket.udp, PollFlags::IN)];
    assert_eq!(poll(&mut reported, Some(&patience)), Ok(1));
}

/// The next datagram.
fn receive(socket: &mut Socket, tally: &Tally) -> (Vec<u8>, SocketAddr) {
    await_report(socket);
    let mut buffer = [0; 64];
    let (len, from) = socket.receive(&mut buffer, tally).unwrap();
    (buffer[..len].to_vec(), from)
}

#[test]
fn a_connected_socket_hears_only_its_peer_until_it_is_disconnected() {
    let tally = Tally::default();
    let (mut socket, ours) = bound(LOOPBACK);
    let ((peer, peers), (stranger, strangers)) = (telephone(), telephone());
    socket.connect(peers, LOOPBACK).unwrap();
    stranger.send_to(b"strange", ours).unwrap();
    peer.send_to(b"one", ours).unwrap();
    assert_eq!(receive(&mut socket, &tally), (b"one".to_vec(), peers));
    assert_eq!(socket.receive(&mut [0; 64], &tally), None);
    assert_eq!(socket.hears, Hears::Only(peers));
    peer.send_to(b"two", ours).unwrap();
    assert_eq!(receive(&mut socket, &tally), (b"two".to_vec(), peers));

    socket.disconnect().unwrap();
    assert_eq!(
        socket.number().unwrap(),
        ours.port(),
        "it keeps its address"
    );
    stranger.send_to(b"three", ours).unwrap();
    assert_eq!(receive(&mut socket, &tally), (b"three".to_vec(), strangers));
    socket.send(peers, b"four", &tally);
    let mut buffer = [0; 64];
    assert_eq!(peer.recv_from(&mut buffer).unwrap(), (4, ours));
    assert_eq!((tally.snapshot().received, tally.snapshot().sent), (3, 1));
}

#[test]
fn what_waited_before_connecting_is_not_taken_for_the_peers() {
    let tally = Tally::default();
    let (mut socket, ours) = bound(LOOPBACK);
    let ((peer, peers), (stranger, strangers)) = (telephone(), telephone());
    stranger.send_to(b"early", ours).unwrap();
    await_report(&socket);
    socket.connect(peers, LOOPBACK).unwrap();
    peer.send_to(b"one", ours).unwrap();
    assert_eq!(receive(&mut socket, &tally), (b"early".to_vec(), strangers));
    assert_eq!(receive(&mut socket, &tally), (b"one".to_vec(), peers));
    assert!(socket.is_early(), "more may wait");
    assert_eq!(socket.receive(&mut [0; 64], &tally), None);
    assert!(!socket.is_early());
}

#[test]
fn a_socket_bound_everywhere_is_connected_only_at_the_address_that_peers_are_told() {
    let everywhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let (peer, peers) = telephone();
    for (told, connected) in [(LOOPBACK, true), (IpAddr::from([192, 0, 2, 1]), false)] {
        let tally = Tally::default();
        let (mut socket, ours) = bound(everywhere);
        socket.connect(peers, told).unwrap();
        assert_eq!(socket.hears != Hears::Any, connected);
        assert_eq!(socket.number().unwrap(), ours.port());
        let elsewhere = SocketAddr::from(([127, 0, 0, 2], ours.port()));
        let to = if connected { ours } else { elsewhere };
        peer.send_to(b"one", to).unwrap();
        assert_eq!(receive(&mut socket, &tally), (b"one".to_vec(), peers));
    }
}

#[test]
fn a_refusal_is_counted_and_the_next_packet_is_sent_all_the_same() {
    let tally = Tally::default();
    let (mut socket, ours) = bound(LOOPBACK);
    let (gone, peers) = telephone();
    drop(gone);
    socket.connect(peers, LOOPBACK).unwrap();
    socket.send(peers, b"one", &tally);
    await_report(&socket);
    let back = UdpSocket::bind(peers).unwrap();
    back.set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    socket.send(peers, b"two", &tally);
    let mut buffer = [0; 64];
    assert_eq!(back.recv_from(&mut buffer).unwrap(), (3, ours));
    assert_eq!(&buffer[..3], b"two");
    let counters = tally.snapshot();
    assert_eq!((counters.sent, counters.refused), (2, 1));
    assert_eq!(counters.sends_failed, 0);
}
