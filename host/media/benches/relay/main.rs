//! What the media shard pays for a packet, beside what the kernel takes for it and what tokio would.
//!
//! All three relay the same packets between the same number of sockets, fed by the same load on a
//! thread of its own over loopback, and only the relaying thread's CPU counts. **L** is the limit: the
//! thread knows beforehand which socket has a packet, and does nothing but receive and send. `tokio`
//! is a task per socket on one thread, around the same sans-IO plane. Loopback delivers within the
//! send, so a packet's price includes its way into the receiver's socket; on a network card that part
//! is less.

mod floor;
mod load;
mod shard;
mod tasks;

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use media::sdp::{Codec, Direction, Negotiated};
use media::{Command, Family, PortId, plane, rtp};
use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

#[path = "../../../xtask/src/bench/figure.rs"]
mod figure;
#[path = "../../../xtask/src/bench/threads.rs"]
mod threads;

use figure::{Aim, Figure, now, option};

/// An RTP packet of 20 ms of G.711.
const PACKET: usize = 172;
/// Sockets of a call: two here, and two telephones.
const SOCKETS: u64 = 4;

/// What relaying cost.
#[derive(Debug)]
struct Spent {
    /// CPU of the relaying thread, seconds.
    cpu: f64,
    /// Packets that it relayed meanwhile.
    packets: u64,
    /// Packets that the telephones sent, and that reached them.
    sent: u64,
    arrived: u64,
}

fn main() {
    let calls = calls_within_limit(option("--calls", 600));
    let time = Duration::from_secs(option("--seconds", 5));
    let group = format!("{calls} calls, {} packets/s", calls * 100);
    let pairs = calls as usize * 2;

    let bare = floor::measure(pairs, floor::Sockets::Connected, time);
    let named = floor::measure(pairs, floor::Sockets::Named, time);
    let ours = shard::measure(calls as usize, time);
    let tokio = tasks::measure(calls as usize, time);
    let plane = plane_alone(calls);

    let (l, shard, tokio_us) = (bare.micros(), ours.micros(), tokio.micros());
    let note = "receive and send on connected sockets, all cold, no poll";
    Figure::new(&group, "L", l, "µs").note(note).print();
    let figure = Figure::new(&group, "media shard", shard, "µs");
    figure.note(ours.loss()).print();
    let figure = Figure::new(&group, "tokio, a task per socket", tokio_us, "µs");
    figure.note(tokio.loss()).print();
    Figure::new(&group, "L to media shard", l / shard, "")
        .aim(Aim::AtLeast(0.65))
        .print();
    Figure::new(&group, "media shard to tokio", shard / tokio_us, "")
        .aim(Aim::AtMost(0.8))
        .print();
    breakdown(l, plane, shard, &ours);
    let note = "what connecting a socket saves: a route lookup per packet";
    let saved = named.micros() - l;
    let group = "not paid";
    Figure::new(group, "addresses", saved, "µs")
        .note(note)
        .print();
}

/// Where the shard's microseconds go.
fn breakdown(l: f64, plane: f64, shard: f64, ours: &Spent) {
    let group = "media shard: what a packet is made of";
    let rest = shard - l - plane;
    for (name, value, note) in [
        ("L", l, "receive and send"),
        ("plane", plane, "header, latch, route, rewrite; warm"),
        (
            "loop",
            rest,
            "epoll, finding sockets, clock, wake-ups, caches shared with the sender",
        ),
    ] {
        Figure::new(group, name, value, "µs").note(note).print();
    }
    let share = ours.cpu / ours.packets as f64 * 100.0 * 100.0;
    let note = "of one core per call of 100 packets/s";
    Figure::new(group, "CPU", share, "%").note(note).print();
}

impl Spent {
    fn micros(&self) -> f64 {
        self.cpu * 1e6 / self.packets.max(1) as f64
    }

    fn loss(&self) -> String {
        let lost = self.sent.saturating_sub(self.arrived);
        format!(
            "{} packets relayed, {lost} of {} lost",
            self.packets, self.sent
        )
    }
}

/// The limit on open files is raised as far as the system allows; the calls are what fits below it.
fn calls_within_limit(wanted: u64) -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If it is refused, the old limit counts.
    let _ = setrlimit(Resource::Nofile, limit);
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let calls = wanted.min(files.saturating_sub(100) / SOCKETS).max(1);
    if calls < wanted {
        println!("{files} open files allow {calls} calls, not {wanted}");
    }
    calls
}

/// The plane without sockets, µs per packet: every port in turn.
fn plane_alone(calls: u64) -> f64 {
    const ROUNDS: u32 = 200;
    let mut plane = media::Plane::new([1; 32], plane::Limits::default());
    let peer = |port: u64| SocketAddr::from(([192, 0, 2, 1], 10_000 + port as u16));
    let ports: Vec<u64> = (0..calls * 2).collect();
    let begin = now();
    for &port in &ports {
        open(&mut plane, begin, port, peer(port));
    }
    bridge(&mut plane, begin, calls);
    let mut packet = load::packet();
    let before = cpu();
    for round in 0..ROUNDS {
        for &port in &ports {
            load::stamp(&mut packet, round);
            let now = begin + Duration::from_millis(20) * round;
            let forward = plane.handle_packet(now, PortId(port), peer(port), &mut packet);
            assert!(forward.is_some(), "it is bridged");
        }
    }
    (cpu() - before) * 1e6 / (f64::from(ROUNDS) * ports.len() as f64)
}

/// Opens a port of a plane that has no driver, and agrees with its peer.
fn open(plane: &mut media::Plane, now: Instant, port: u64, peer: SocketAddr) {
    let port = PortId(port);
    plane.handle_input(
        now,
        Command::Open {
            port,
            family: Family::V4,
        },
    );
    while plane.poll_output().is_some() {}
    plane.handle_bound(port, Ok(SocketAddr::from(([127, 0, 0, 1], 20_000))));
    plane.handle_input(now, configure(port, peer));
    while plane.poll_output().is_some() {}
}

/// Bridges port 0 to 1, 2 to 3, and so on.
fn bridge(plane: &mut media::Plane, now: Instant, calls: u64) {
    for call in 0..calls {
        let (a, b) = (PortId(2 * call), PortId(2 * call + 1));
        plane.handle_input(now, Command::Bridge { a, b });
    }
    while plane.poll_output().is_some() {}
}

fn configure(port: PortId, peer: SocketAddr) -> Command {
    let codec = Codec::Pcma;
    let agreed = Negotiated {
        remote: peer,
        remote_rtcp: None,
        codec,
        payload_type: codec.payload_type(),
        receive: vec![(codec.payload_type(), codec)],
        telephone_event: None,
        ptime_ms: 20,
        direction: Direction::SendRecv,
        srtp: None,
    };
    Command::Configure {
        port,
        agreed: Box::new(agreed),
        signalling: peer.ip(),
    }
}

/// CPU seconds of this thread.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A socket of a telephone or of ours.
fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.set_nonblocking(true).expect("sockets can be that");
    socket
}

fn address(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("it is bound")
}
