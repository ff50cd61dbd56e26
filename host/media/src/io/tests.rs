//! Port numbers and the queue; packets over real sockets are in `tests/it`.

use std::net::Ipv4Addr;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use super::driver::Net;
use super::epoll::Epoll;
use super::ports::Ports;
use super::sockets::Socket;
use super::uring::Uring;
use super::*;
use crate::command::{Family, PortId};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[allow(clippy::disallowed_methods, reason = "the tests' own clock")]
fn clock() -> Instant {
    Instant::now()
}

fn range(first: u16, last: u16) -> PortRange {
    PortRange {
        address: LOOPBACK,
        first,
        last,
    }
}

/// A range of this many even ports that were free a moment ago.
fn free_range(count: u16) -> PortRange {
    loop {
        let socket = Ports::new(PortRange::ephemeral(LOOPBACK))
            .bind(clock())
            .unwrap();
        let first = socket.local_addr().unwrap().port();
        let Some(last) = first.checked_add(2 * count - 1) else {
            continue;
        };
        drop(socket);
        let mut ports = (first..=last).step_by(2);
        if ports.all(|port| std::net::UdpSocket::bind((LOOPBACK, port)).is_ok()) {
            return range(first, last);
        }
    }
}

#[test]
fn only_even_ports_are_bound_and_in_turn() {
    let range = free_range(3);
    let mut ports = Ports::new(range);
    let now = clock();
    let sockets: Vec<_> = (0..3).map(|_| ports.bind(now).unwrap()).collect();
    let numbers: Vec<u16> = sockets
        .iter()
        .map(|s| s.local_addr().unwrap().port())
        .collect();
    assert_eq!(numbers, [range.first, range.first + 2, range.first + 4]);
    assert!(
        ports
            .bind(now)
            .unwrap_err()
            .to_string()
            .starts_with("no free media port in ")
    );
}

#[test]
fn a_port_rests_before_it_is_used_again() {
    let mut ports = Ports::new(free_range(1));
    let now = clock();
    let socket = ports.bind(now).unwrap();
    let number = socket.local_addr().unwrap().port();
    drop(socket);
    ports.release(now, number);
    let soon = now + limits::PORT_REST.saturating_sub(Duration::from_millis(1));
    assert!(
        ports
            .bind(soon)
            .unwrap_err()
            .to_string()
            .ends_with("1 at rest")
    );
    let again = ports.bind(now + limits::PORT_REST).unwrap();
    assert_eq!(again.local_addr().unwrap().port(), number);
}

#[test]
fn ports_of_others_are_passed_over() {
    let range = free_range(2);
    let _theirs = std::net::UdpSocket::bind((LOOPBACK, range.first)).unwrap();
    let socket = Ports::new(range).bind(clock()).unwrap();
    assert_eq!(socket.local_addr().unwrap().port(), range.first + 2);
}

#[test]
fn both_families_may_have_the_same_number() {
    let wildcards = ["0.0.0.0", "::"].map(|text| text.parse::<IpAddr>().unwrap());
    let range = free_range(1);
    let sockets = wildcards.map(|address| {
        let mut ports = Ports::new(PortRange { address, ..range });
        ports.bind(clock()).unwrap()
    });
    let numbers = sockets.map(|socket| socket.local_addr().unwrap().port());
    assert_eq!(numbers, [range.first; 2]);
}

#[test]
fn ports_of_the_kernels_choice_are_even() {
    let mut ports = Ports::new(PortRange::ephemeral(LOOPBACK));
    for _ in 0..20 {
        assert_eq!(
            ports.bind(clock()).unwrap().local_addr().unwrap().port() % 2,
            0
        );
    }
}

#[test]
fn a_range_is_divided_without_overlap() {
    const NO_PAIR: &str = "no pair of an even port and the next one in it";
    let parts = range(20_001, 20_013).split(3).unwrap();
    assert_eq!(
        parts,
        [
            range(20_002, 20_005),
            range(20_006, 20_009),
            range(20_010, 20_013)
        ]
    );
    assert_eq!(range(0, 0).split(2).unwrap(), [range(0, 0), range(0, 0)]);
    for (first, last, shards, fault) in [
        (20_001, 20_004, 2, "fewer pairs than 2 media shards"),
        (20_000, 20_000, 1, NO_PAIR),
        (20_001, 20_002, 1, NO_PAIR),
        (20_003, 20_001, 1, NO_PAIR),
    ] {
        let error = range(first, last).split(shards).unwrap_err();
        let expect = format!("media ports {first}-{last}: {fault}");
        assert_eq!(error.to_string(), expect);
    }
}

/// RFC 3550 §11.
#[test]
fn the_number_above_each_is_in_the_range_too() {
    let free = free_range(3);
    // Without the last one there are two pairs.
    for (last, pairs) in [(free.last, 3), (free.last - 1, 2)] {
        let parts = PortRange { last, ..free }.split(pairs).unwrap();
        let each = parts.into_iter().map(|part| {
            let mut ports = Ports::new(part);
            let bound = ports.bind(clock()).unwrap();
            assert!(ports.bind(clock()).is_err());
            bound.local_addr().unwrap().port()
        });
        let numbers: Vec<u16> = each.collect();
        assert_eq!(numbers.len(), usize::from(pairs));
        assert!(
            numbers.iter().all(|&number| number < last),
            "{numbers:?} {last}"
        );
    }
}

#[test]
fn an_address_that_means_nothing_in_sdp_is_refused() {
    let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let mut config = Config::new(
        "media",
        vec![PortRange::ephemeral(unspecified).into()],
        [0; 32],
    );
    assert!(config.check().is_err());
    config.places[0].external = Some(LOOPBACK);
    assert!(config.check().is_ok());
}

#[test]
fn timers_of_a_shards_thread_have_no_slack() {
    let slack = || rustix::thread::current_timer_slack().unwrap();
    let thread = std::thread::spawn(move || {
        set_current_timer_slack(NonZeroU64::new(50_000)).unwrap();
        let before = slack();
        punctual();
        (before, slack())
    });
    assert_eq!(thread.join().unwrap(), (50_000, 1));
}

#[test]
fn a_full_queue_gives_the_command_back() {
    let (commands, _queue) = sync_channel(1);
    let shared = Arc::new(Shared::new().unwrap());
    let handle = Handle { commands, shared };
    let open = |id| Command::Open {
        port: PortId(id),
        family: Family::V4,
    };
    handle.send(open(1)).unwrap();
    let Full(back) = handle.send(open(2)).unwrap_err();
    assert!(matches!(
        back,
        Command::Open {
            port: PortId(2),
            ..
        }
    ));
    assert_eq!(handle.queued(), 1, "what was given back does not wait");
}

#[test]
fn events_without_room_are_counted() {
    let config = Config::new(
        "media",
        vec![PortRange::ephemeral(LOOPBACK).into()],
        [0; 32],
    );
    let (called, calls) = sync_channel(1);
    let refuse = move |_| {
        called.send(()).unwrap();
        false
    };
    let shard = Shard::start(config, clock, Box::new(refuse), None).unwrap();
    let handle = shard.handle();
    handle
        .send(Command::Open {
            port: PortId(1),
            family: Family::V4,
        })
        .unwrap();
    calls.recv_timeout(Duration::from_secs(10)).unwrap();
    shard.stop();
    assert_eq!(handle.counters().events_lost, 1);
    assert!(
        handle
            .send(Command::Open {
                port: PortId(2),
                family: Family::V4
            })
            .is_err(),
        "the shard has stopped"
    );
}

#[test]
fn packets_of_a_port_keep_their_order_when_there_are_more_than_buffers() {
    // Ports, and what each sends in one go: less than a socket keeps, and more together than there are buffers.
    const PORTS: usize = 4;
    const EACH: u16 = 220;
    let shared = Shared::new().unwrap();
    let mut net = match Uring::new(&shared, PORTS) {
        Ok(net) => net,
        Err(error) => {
            return eprintln!("this machine has no io_uring, which is not tested: {error}");
        }
    };
    let mut ports = Ports::new(PortRange::ephemeral(LOOPBACK));
    let tally = Tally::default();
    let peers = [(); PORTS].map(|()| std::net::UdpSocket::bind((LOOPBACK, 0)).unwrap());
    for via in 0..PORTS {
        let socket = ports.bind(clock()).unwrap();
        net.open(PortId(via as u64), Socket::new(socket, 0))
            .unwrap();
    }
    for n in 0..EACH {
        for (via, peer) in peers.iter().enumerate() {
            let forward = plane::Forward {
                via: PortId(via as u64),
                to: peer.local_addr().unwrap(),
                len: 2,
            };
            net.send(forward, &n.to_be_bytes(), &tally);
        }
    }
    net.wait(Some(Duration::ZERO), Duration::ZERO).unwrap();
    for peer in &peers {
        peer.set_nonblocking(true).unwrap();
        let mut packet = [0; 2];
        for n in 0..EACH {
            assert_eq!(peer.recv(&mut packet).unwrap(), 2);
            assert_eq!(u16::from_be_bytes(packet), n);
        }
    }
}

/// How many packets a wait brings. It may take so long, and what comes may wait for as long.
fn brings(net: &mut Epoll, longest: Duration) -> usize {
    net.wait(Some(longest), longest).unwrap();
    std::iter::from_fn(|| net.next(&Tally::default())).count()
}

#[test]
fn by_epoll_the_tick_comes_before_what_gathered_and_nothing_waits_where_little_comes() {
    const PORTS: usize = 40;
    // Of a wait that must not be one, and of one that ends with a tick.
    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(1);
    let shared = Shared::new().unwrap();
    let mut net = Epoll::new(&shared).unwrap();
    let mut ports = Ports::new(PortRange::ephemeral(LOOPBACK));
    let peer = std::net::UdpSocket::bind((LOOPBACK, 0)).unwrap();
    let mut places = Vec::new();
    for port in 0..PORTS as u64 {
        let socket = ports.bind(clock()).unwrap();
        places.push(socket.local_addr().unwrap());
        net.open(PortId(port), Socket::new(socket, 0)).unwrap();
    }
    let send = |packets: usize| {
        for place in &places[..packets] {
            peer.send_to(&[0], place).unwrap();
        }
    };
    let begin = clock();
    send(PORTS);
    assert_eq!([brings(&mut net, LONG), brings(&mut net, LONG)], [32, 8]);
    // Several came: it sleeps, and wakes for the tick.
    send(2);
    assert_eq!([brings(&mut net, SHORT), brings(&mut net, LONG)], [0, 2]);
    assert_eq!([brings(&mut net, SHORT), brings(&mut net, LONG)], [0, 0]);
    // Nothing came, and then a single one twice.
    for _ in 0..2 {
        send(1);
        assert_eq!(brings(&mut net, LONG), 1);
    }
    assert!(
        begin.elapsed() < LONG,
        "it slept where it had something to do"
    );
}
