//! What the media plane pays for a packet, beside what the kernel takes for it and what tokio would.
//!
//! All relays take the same packets between the same number of sockets, fed by the same load on a
//! thread of its own over loopback, and only the relaying thread's CPU counts. **L** is the limit: the
//! thread knows beforehand which socket has a packet, and does nothing but receive and send. `tokio`
//! is a task per socket on one thread, around the same sans-IO plane. Loopback delivers within the
//! send, so a packet's price includes its way into the receiver's socket; on a network card that part
//! is less. Mixing and recording are the same shard under the same load. What cannot be measured ends
//! the program: a figure is measured or there is none.
//!
//! A virtual machine is now faster and now slower, by a fifth within minutes. So all of it is measured in several short
//! rounds, what is compared right after one another, and of each figure the median is told, with the least and the most.

mod alone;
mod floor;
mod load;
mod median;
mod round;
mod shard;
mod tasks;
mod timer;

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use media::sdp::{Codec, Direction, Negotiated};
use media::{Command, PortId, rtp};
use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

#[path = "../../tests/it/counting.rs"]
mod counting;
#[path = "../../../xtask/src/bench/figure.rs"]
mod figure;
#[path = "../../../xtask/src/bench/threads.rs"]
mod threads;

use figure::{now, option};

/// An RTP packet of 20 ms of G.711.
const PACKET: usize = 172;
/// Sockets of a call: two here, and two telephones.
const SOCKETS: u64 = 4;
/// Of the telephones' packets, those that may be lost before a run says nothing.
const MOST_LOST: f64 = 0.1;

/// What relaying cost.
#[derive(Debug)]
struct Spent {
    /// CPU of the relaying thread, seconds.
    cpu: f64,
    /// CPU of the whole machine, the telephones' included, seconds.
    machine: f64,
    /// Packets that it relayed meanwhile.
    packets: u64,
    /// Packets that the telephones sent, and that reached them.
    sent: u64,
    arrived: u64,
}

fn main() {
    let calls = calls_within_limit(option("--calls", 600));
    let time = Duration::from_secs(option("--seconds", 2));
    let rounds = option("--rounds", 9).max(1);
    // What telephones cost, and what a relayed packet costs in the plane: not what machines differ by within minutes.
    let fixed = Fixed {
        direct: load::direct(calls as usize * 2, time) * 1e6,
        plane: alone::relay(calls),
    };
    let rounds = (0..rounds).map(|_| round::measure(calls, time, &fixed));
    for figure in median::of(rounds.collect()) {
        figure.print();
    }
}

/// What is measured once, µs for each packet.
struct Fixed {
    /// Two telephones that send to one another, with nothing between.
    direct: f64,
    /// The plane alone.
    plane: f64,
}

impl Spent {
    fn micros(&self) -> f64 {
        self.cpu * 1e6 / self.packets as f64
    }

    /// CPU of the machine for each packet, without what the telephones take, in µs.
    fn displaced(&self, telephones: f64) -> f64 {
        (self.machine / self.packets as f64 - telephones) * 1e6
    }

    /// How much was lost, in words. A run that lost much was not one of so many packets.
    fn loss(&self) -> String {
        let lost = self.sent.saturating_sub(self.arrived);
        let share = lost as f64 / self.sent as f64;
        assert!(
            share <= MOST_LOST,
            "{lost} of {} lost: the machine is too busy",
            self.sent
        );
        format!(
            "{} packets relayed, {lost} of {} lost",
            self.packets, self.sent
        )
    }
}

/// The limit on open files is raised as far as the system allows; below it all calls must fit.
fn calls_within_limit(wanted: u64) -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If it is refused, the old limit counts.
    let _ = setrlimit(Resource::Nofile, limit);
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    // A recording is a file, and so are the program's own.
    let calls = files.saturating_sub(100) / (SOCKETS + 1);
    assert!(
        wanted <= calls,
        "{files} open files allow {calls} calls, not {wanted}"
    );
    wanted
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
        noise: None,
        packing: media::sdp::Packing::default(),
        direction: Direction::SendRecv,
        srtp: None,
    };
    Command::Configure {
        port,
        agreed: Box::new(agreed),
        signalling: peer.ip(),
    }
}

/// CPU seconds of this program and of the kernel's threads that carry packets.
fn machine() -> f64 {
    let all = threads::of(std::process::id());
    let ours: f64 = all.values().map(|(_, seconds)| seconds).sum();
    let theirs: f64 = (1..100)
        .map(threads::of)
        .flat_map(BTreeMap::into_values)
        .filter(|(name, _)| name.starts_with("ksoftirqd"))
        .map(|(_, seconds)| seconds)
        .sum();
    ours + theirs
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
