//! The same relay the usual way: a tokio task per socket, on one thread, around the same plane.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use media::{Plane, PortId, plane};
use tokio::net::UdpSocket;
use tokio::task::LocalSet;

use crate::alone::{bridge, open};
use crate::load::{self, Phone};
use crate::{PACKET, Spent, address, cpu, machine, now, socket};

/// As for the shard.
const WARM: Duration = Duration::from_millis(500);

/// What the tasks share.
struct Relay {
    plane: RefCell<Plane>,
    sockets: Vec<UdpSocket>,
    relayed: Cell<u64>,
}

/// Relays that many calls for that time.
pub(crate) fn measure(calls: usize, time: Duration) -> Spent {
    let phones: Vec<_> = (0..calls * 2).map(|_| socket()).collect();
    let ours: Vec<_> = (0..calls * 2).map(|_| socket()).collect();
    let mut plane = Plane::new([3; 32], plane::Limits::default());
    for (port, phone) in phones.iter().enumerate() {
        open(&mut plane, now(), port as u64, address(phone));
    }
    bridge(&mut plane, now(), calls as u64);
    let ports: Vec<SocketAddr> = ours.iter().map(address).collect();
    let phones = phones.into_iter().zip(ports);
    let phones = phones
        .map(|(socket, port)| Phone { socket, port })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime for one thread");
    let tasks = LocalSet::new();
    tasks.block_on(&runtime, async move {
        let sockets = ours.into_iter().map(UdpSocket::from_std);
        let relay = Rc::new(Relay {
            plane: RefCell::new(plane),
            sockets: sockets.collect::<Result<_, _>>().expect("non-blocking"),
            relayed: Cell::new(0),
        });
        let mut set = tokio::task::JoinSet::new();
        for port in 0..relay.sockets.len() {
            set.spawn_local(receive(Rc::clone(&relay), port));
        }
        let load = load::start(phones);
        tokio::time::sleep(WARM).await;
        let before = (cpu(), relay.relayed.get(), machine());
        tokio::time::sleep(time).await;
        let after = (cpu(), relay.relayed.get(), machine());
        // What still comes is relayed, so that nothing counts as lost.
        load.hush();
        tokio::time::sleep(WARM).await;
        let (sent, arrived) = load.end();
        Spent {
            cpu: after.0 - before.0,
            machine: after.2 - before.2,
            packets: after.1 - before.1,
            sent,
            arrived,
        }
    })
}

/// One socket's task.
async fn receive(relay: Rc<Relay>, port: usize) {
    let mut buffer = [0; 2 * PACKET];
    while let Ok((length, from)) = relay.sockets[port].recv_from(&mut buffer).await {
        let datagram = &mut buffer[..length];
        let port = PortId(port as u64);
        let forward = {
            let mut plane = relay.plane.borrow_mut();
            plane.handle_packet(now(), port, from, datagram)
        };
        if let Some(forward) = forward {
            let socket = &relay.sockets[forward.via.0 as usize];
            let sent = socket.send_to(&buffer[..forward.len], forward.to).await;
            relay
                .relayed
                .set(relay.relayed.get() + u64::from(sent.is_ok()));
        }
    }
}
