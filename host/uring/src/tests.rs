//! Datagrams over loopback, by the kernel's own ring. Where it has none there is nothing to test, and
//! whoever runs the tests is told.

use std::net::UdpSocket;

use super::*;
use crate::datagram::{read_name, write_name};

const PATIENCE: Duration = Duration::from_secs(10);

fn ring(sockets: u32) -> Option<Ring> {
    let ring = Ring::new(sockets);
    if let Err(error) = &ring {
        eprintln!("this machine has no io_uring, which is not tested: {error}");
    }
    ring.ok()
}

fn socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// The next thing that is no success of sending.
fn next(ring: &mut Ring) -> Event {
    for _ in 0..1_000 {
        match ring.poll() {
            Some(Event::Sent) => {}
            Some(event) => return event,
            None => ring.wait(Some(PATIENCE / 1_000), Duration::ZERO).unwrap(),
        }
    }
    panic!("nothing comes");
}

#[test]
fn a_packet_is_changed_where_it_lies_and_sent_from_there() {
    let Some(mut ring) = ring(8) else { return };
    let [(a, to_a), (b, to_b), (peer, to_peer)] = [(); 3].map(|()| socket());
    let seats = [ring.add(1, &a).unwrap(), ring.add(2, &b).unwrap()];
    b.connect(to_peer).unwrap();
    for named in [None, Some(to_peer)] {
        let via = usize::from(named.is_none());
        // More than there are buffers, and each buffer many times.
        for n in 0..2_000_u16 {
            peer.send_to(&[0, n as u8, 7], [to_b, to_a][usize::from(via == 0)])
                .unwrap();
            let Event::Received { key, from, len } = next(&mut ring) else {
                panic!("a packet was sent");
            };
            assert_eq!(
                (key, from, len),
                ([2, 1][usize::from(via == 0)], to_peer, 3)
            );
            let packet = ring.packet();
            assert_eq!(packet, [0, n as u8, 7]);
            packet[0] = 9;
            ring.forward(seats[via], named, 2);
            ring.flush();
            let mut buffer = [0; 10];
            let (len, from) = peer.recv_from(&mut buffer).unwrap();
            assert_eq!(
                (&buffer[..len], from),
                (&[9, n as u8][..], [to_a, to_b][via])
            );
        }
    }
}

#[test]
fn all_that_came_at_once_is_told_though_there_are_fewer_buffers() {
    let Some(mut ring) = ring(8) else { return };
    // The kernel keeps some 270 packets for a socket.
    let [(a, to_a), (b, to_b), (peer, _)] = [(); 3].map(|()| socket());
    ring.add(0, &a).unwrap();
    ring.add(1, &b).unwrap();
    ring.wait(Some(Duration::ZERO), Duration::ZERO).unwrap();
    let each = LENT / 2 + 50;
    for n in 0..each {
        peer.send_to(&n.to_be_bytes(), to_a).unwrap();
        peer.send_to(&n.to_be_bytes(), to_b).unwrap();
    }
    let mut told = [0; 2];
    while told != [each; 2] {
        if let Event::Received { key, .. } = next(&mut ring) {
            let count = &mut told[key as usize];
            assert_eq!(ring.packet(), count.to_be_bytes());
            *count += 1;
        }
    }
}

#[test]
fn a_socket_that_was_removed_is_heard_no_more_and_its_seat_is_used_again() {
    let Some(mut ring) = ring(1) else { return };
    let (peer, _) = socket();
    for key in 0..20 {
        let (ours, to) = socket();
        let seat = ring.add(key, &ours).unwrap();
        assert!(ring.add(99, &peer).is_err(), "there is one seat");
        peer.send_to(b"to be told", to).unwrap();
        assert!(matches!(next(&mut ring), Event::Received { key: told, .. } if told == key));
        // This one waits in the queue of answers and is of nobody any more.
        peer.send_to(b"too late", to).unwrap();
        ring.wait(Some(PATIENCE), Duration::ZERO).unwrap();
        ring.remove(seat);
        assert!(ring.poll().is_none());
    }
}

#[test]
fn a_ring_that_is_dropped_frees_its_sockets() {
    let Some(mut ring) = ring(8) else { return };
    let (ours, to) = socket();
    ring.add(1, &ours).unwrap();
    ring.wait(Some(Duration::ZERO), Duration::ZERO).unwrap();
    drop(ours);
    assert!(UdpSocket::bind(to).is_err(), "the ring has it");
    drop(ring);
    assert!(UdpSocket::bind(to).is_ok());
}

#[test]
fn a_socket_is_free_when_it_was_removed_whatever_else_waits() {
    let Some(mut ring) = ring(64) else { return };
    let (peer, _) = socket();
    let busy: Vec<_> = (0..60).map(|_| socket()).collect();
    for (socket, _) in &busy {
        ring.add(1, socket).unwrap();
    }
    let (ours, to) = socket();
    let seat = ring.add(2, &ours).unwrap();
    ring.wait(Some(Duration::ZERO), Duration::ZERO).unwrap();
    for (_, to) in &busy {
        peer.send_to(b"to be told", to).unwrap();
    }
    drop(ours);
    ring.remove(seat);
    assert!(UdpSocket::bind(to).is_ok());
}

#[test]
fn a_ring_of_thousands_of_sockets_is_idle_when_it_has_given_them_up() {
    const SOCKETS: u32 = 5_000;
    let Some(mut ring) = ring(SOCKETS) else {
        return;
    };
    // Few sockets, each of which has many seats.
    let few: Vec<_> = (0..8).map(|_| socket().0).collect();
    for key in 0..SOCKETS as usize {
        ring.add(key as u64, &few[key % few.len()]).unwrap();
    }
    ring.wait(Some(Duration::ZERO), Duration::ZERO).unwrap();
    assert_eq!(ring.staying, SOCKETS as usize);
    assert!(ring.give_up(), "{} of them are left", ring.staying);
}

/// Sends a packet through the ring from a socket whose peer is gone, which an earlier packet has found out:
/// the refusal waits to be told.
fn refused(ring: &mut Ring, packet: &[u8]) -> (Seat, SocketAddr) {
    let [(ours, _), (peer, to_peer)] = [(); 2].map(|()| socket());
    ours.connect(to_peer).unwrap();
    drop(peer);
    let seat = ring.add(1, &ours).unwrap();
    ring.wait(Some(Duration::ZERO), Duration::ZERO).unwrap();
    ours.send(b"is anybody there").unwrap();
    // Nothing is received before it is waited for: so this is what meets the answer.
    assert!(ring.send(seat, None, packet));
    ring.flush();
    (seat, to_peer)
}

#[test]
fn a_packet_that_met_the_refusal_of_an_earlier_one_is_sent_once_more() {
    let Some(mut ring) = ring(8) else { return };
    let (_, to_peer) = refused(&mut ring, b"once more");
    let peer = UdpSocket::bind(to_peer).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(matches!(next(&mut ring), Event::Refused));
    ring.flush();
    assert!(matches!(ring.poll(), Some(Event::Sent)));
    let mut buffer = [0; 10];
    let (len, _) = peer.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..len], b"once more");
}

#[test]
fn a_packet_of_a_socket_that_was_removed_is_not_sent_by_the_next_of_its_seat() {
    let Some(mut ring) = ring(1) else { return };
    let (seat, _) = refused(&mut ring, b"for whom is gone");
    ring.remove(seat);
    let [(other, _), (peer, to_peer)] = [(); 2].map(|()| socket());
    other.connect(to_peer).unwrap();
    assert_eq!(ring.add(2, &other).unwrap(), seat);
    let Event::Unsent(error) = next(&mut ring) else {
        panic!("it is not sent");
    };
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    ring.flush();
    peer.set_nonblocking(true).unwrap();
    let error = peer.recv(&mut [0; 20]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn whoever_writes_the_descriptor_wakes_it_each_time() {
    let Some(mut ring) = ring(8) else { return };
    let (reader, mut writer) = std::io::pipe().unwrap();
    ring.wake_by(&reader).unwrap();
    for _ in 0..3 {
        ring.wait(Some(Duration::ZERO), Duration::ZERO).unwrap();
        assert!(ring.poll().is_none());
        std::io::Write::write_all(&mut writer, b"x").unwrap();
        assert!(matches!(next(&mut ring), Event::Woken));
    }
}

#[test]
fn names_read_back_as_they_were_written() {
    let mut name = [0xee; NAME];
    for text in ["192.0.2.7:4000", "[2001:db8::7]:65535", "[fe80::1%3]:1"] {
        let address: SocketAddr = text.parse().unwrap();
        write_name(&mut name, address);
        assert_eq!(read_name(&name), Some(address));
    }
    assert_eq!(read_name(&[0; NAME]), None);
}

/// When each of more sockets than there are answers was refused a buffer at once, the kernel takes no request for a while.
#[test]
fn sockets_that_had_to_wait_for_a_buffer_are_all_heard_again() {
    let sockets = ANSWERS + 500;
    let Some(mut ring) = ring(sockets) else {
        return;
    };
    // The ring keeps each open; here are not as many files as that.
    let ours: Vec<_> = (0..u64::from(sockets))
        .map(|key| {
            let (socket, to) = socket();
            ring.add(key, &socket).unwrap();
            to
        })
        .collect();
    ring.wait(Some(Duration::ZERO), Duration::ZERO).unwrap();
    let (peer, _) = socket();
    for round in 1..=3 {
        for to in &ours {
            peer.send_to(&[round], to).unwrap();
            peer.send_to(&[round], to).unwrap();
        }
        let mut heard = vec![0; ours.len()];
        while heard.iter().any(|&it| it < 2) {
            let Event::Received { key, .. } = next(&mut ring) else {
                continue;
            };
            assert_eq!(ring.packet(), [round]);
            heard[key as usize] += 1;
        }
    }
}
