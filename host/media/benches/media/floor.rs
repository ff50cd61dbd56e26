//! L: receiving and sending alone.
//!
//! Another thread puts one packet into each socket; this one then goes through all of them, in the order in which
//! telephones talk, which finds every socket as cold as the calls of a shard are.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use crate::{PACKET, Spent, address, cpu, load, now, socket};

/// Whether sockets know their peer, or are told it with each packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sockets {
    Connected,
    Named,
}

/// Relays over that many pairs of sockets for that time.
pub(crate) fn measure(pairs: usize, sockets: Sockets, time: Duration) -> Spent {
    let sources: Vec<UdpSocket> = (0..pairs).map(|_| socket()).collect();
    let ours: Vec<(UdpSocket, SocketAddr)> = sources
        .iter()
        .map(|source| (socket(), address(source)))
        .collect();
    // As in a call, the packet of one socket leaves from the next one, to that one's telephone.
    let ports: Vec<SocketAddr> = ours.iter().map(|(socket, _)| address(socket)).collect();
    if sockets == Sockets::Connected {
        for (socket, peer) in &ours {
            socket.connect(peer).expect("loopback can be reached");
        }
    }
    let (fill, filling) = sync_channel::<()>(1);
    let (filled, full) = sync_channel::<()>(1);
    let telephones = std::thread::spawn(move || {
        let packet = load::packet();
        let (mut sent, mut arrived) = (0, 0);
        while filling.recv().is_ok() {
            for (source, port) in sources.iter().zip(&ports) {
                arrived += load::take(source);
                sent += u64::from(source.send_to(&packet, port).is_ok());
            }
            if filled.send(()).is_err() {
                break;
            }
        }
        (sent, arrived + sources.iter().map(load::take).sum::<u64>())
    });
    let order = load::strangers(ours.len());
    let (mut spent, mut packets) = (0.0, 0);
    let begin = now();
    while begin.elapsed() < time {
        if fill.send(()).is_err() || full.recv().is_err() {
            break;
        }
        let before = cpu();
        packets += walk(&ours, &order, sockets);
        spent += cpu() - before;
    }
    drop(fill);
    let (sent, arrived) = telephones.join().expect("it does not panic");
    Spent {
        cpu: spent,
        // It waits for the telephones each time: nothing is displaced meanwhile.
        machine: spent,
        packets,
        sent,
        arrived,
    }
}

/// One packet of every socket to its neighbour's telephone.
fn walk(ours: &[(UdpSocket, SocketAddr)], order: &[usize], sockets: Sockets) -> u64 {
    let mut buffer = [0; 2 * PACKET];
    let mut relayed = 0;
    for &at in order {
        let (from, to) = (&ours[at], &ours[at ^ 1]);
        let done = match sockets {
            Sockets::Connected => {
                let received = from.0.recv(&mut buffer);
                received.and_then(|length| to.0.send(&buffer[..length]))
            }
            Sockets::Named => {
                let received = from.0.recv_from(&mut buffer);
                received.and_then(|(length, _)| to.0.send_to(&buffer[..length], to.1))
            }
        };
        relayed += u64::from(done.is_ok());
    }
    relayed
}
