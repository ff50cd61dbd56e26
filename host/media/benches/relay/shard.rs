//! The media shard as the server runs it: `media::io`, its thread, its epoll loop.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use media::io::{Config, PortRange, Shard};
use media::{Command, Event, Family, PortId};

use crate::load::{self, Phone};
use crate::{Spent, address, configure, now, socket, threads};

/// The thread's name, by which its CPU is found.
const NAME: &str = "bench media";
/// The kernel counts a thread's time when it stops running; the first packets warm everything up.
const WARM: Duration = Duration::from_millis(500);

/// Relays that many calls for that time.
pub(crate) fn measure(calls: usize, time: Duration) -> Spent {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let config = Config::new(NAME, vec![PortRange::ephemeral(loopback).into()], [3; 32]);
    let (sender, events) = sync_channel(64);
    let sink = Box::new(move |event| sender.try_send(event).is_ok());
    let shard = Shard::start(config, now, sink, None).expect("a shard starts");
    let handle = shard.handle();
    let send = |command| handle.send(command).expect("the queue has room");
    let sockets: Vec<UdpSocket> = (0..calls * 2).map(|_| socket()).collect();
    let mut phones = Vec::new();
    for (at, socket) in sockets.into_iter().enumerate() {
        let port = PortId(at as u64);
        send(Command::Open {
            port,
            family: Family::V4,
        });
        let ours = opened(&events, port);
        send(configure(port, address(&socket)));
        if at % 2 == 1 {
            let a = PortId(port.0 - 1);
            send(Command::Bridge { a, b: port });
        }
        phones.push(Phone { socket, port: ours });
    }
    let load = load::start(phones, WARM + time);
    std::thread::sleep(WARM);
    let before = (spent(), handle.counters());
    std::thread::sleep(time);
    let after = (spent(), handle.counters());
    let (sent, arrived) = load.join().expect("it does not panic");
    shard.stop();
    Spent {
        cpu: after.0 - before.0,
        packets: after.1.sent - before.1.sent,
        sent,
        arrived,
    }
}

fn spent() -> f64 {
    let threads = threads::of(std::process::id());
    let ours = threads.values().find(|(name, _)| name == NAME);
    ours.map_or(0.0, |(_, seconds)| *seconds)
}

fn opened(events: &Receiver<Event>, port: PortId) -> SocketAddr {
    match events.recv_timeout(Duration::from_secs(10)) {
        Ok(Event::Opened { port: opened, addr }) if opened == port => addr,
        other => panic!("{other:?}"),
    }
}
