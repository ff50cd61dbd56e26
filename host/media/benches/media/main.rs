//! What the media plane pays for a packet, beside what the kernel takes for it and what tokio would.
//!
//! All relays take the same packets between the same number of sockets, fed by the same load on a
//! thread of its own over loopback, and only the relaying thread's CPU counts. **L** is the limit: the
//! thread knows beforehand which socket has a packet, and does nothing but receive and send. `tokio`
//! is a task per socket on one thread, around the same sans-IO plane. Loopback delivers within the
//! send, so a packet's price includes its way into the receiver's socket; on a network card that part
//! is less. Mixing and recording are the same shard under the same load. What cannot be measured ends
//! the program: a figure is measured or there is none.

mod alone;
mod floor;
mod load;
mod shard;
mod tasks;

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use media::io::Backend;
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

use figure::{Aim, Figure, now, option};
use shard::{Running, Window, Work};

/// An RTP packet of 20 ms of G.711.
const PACKET: usize = 172;
/// Sockets of a call: two here, and two telephones.
const SOCKETS: u64 = 4;
/// Members of the conference that is computed.
const PARTIES: u64 = 1_000;
/// Of the telephones' packets, those that may be lost before a run says nothing.
const MOST_LOST: f64 = 0.1;

/// The table of figures that have an aim; each is a ratio to something measured in the same run.
const TARGETS: &str = "targets";

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
    let time = Duration::from_secs(option("--seconds", 5));
    let pairs = calls as usize * 2;
    let group = format!("{calls} calls, {} packets/s", calls * 100);
    let print = |name: &str, value: f64, note: String| {
        Figure::new(&group, name, value, "µs").note(note).print();
    };

    let bare = floor::measure(pairs, floor::Sockets::Connected, time);
    let named = floor::measure(pairs, floor::Sockets::Named, time);
    let direct = load::direct(pairs, time);
    let tokio = tasks::measure(calls as usize, time);
    let l = bare.micros();
    let note = "receive and send on connected sockets, all cold, no poll";
    print("L", l, note.to_owned());
    print("tokio, a task per socket", tokio.micros(), tokio.loss());
    let plane = alone::relay(calls);
    let measured = Measured::of(calls as usize, time);
    let Measured {
        recorded, mixed, ..
    } = &measured;
    let shard = measured.relayed.micros();
    print("media shard, epoll", shard, measured.relayed.loss());
    let none = String::new();
    print("the same, every call recorded", recorded.micros(), none);
    let note = measured.mixing.loss();
    print("the same, mixed by threes", mixed.micros(), note);
    measured.print_targets(l, tokio.micros());
    let ring = Ring::of(calls as usize, time);
    ring.print(&group, &measured, [tokio.displaced(direct), direct * 1e6]);
    breakdown(l, plane, shard);
    let note = "what connecting a socket saves: a route lookup per packet";
    let saved = named.micros() - l;
    let group = "not paid";
    Figure::new(group, "addresses", saved, "µs")
        .note(note)
        .print();
}

/// The same work by io_uring. Much of what it saves is in other threads' time, where packets are handed
/// over: so it is the whole machine's CPU that counts.
struct Ring {
    relayed: Spent,
    mixing: Spent,
    mixed: Window,
}

impl Ring {
    fn of(calls: usize, time: Duration) -> Self {
        let start = |work| Running::start(calls, work, false, Backend::IoUring);
        let relay = start(Work::Bridged);
        let relayed = relay.watch(time);
        let relayed = relay.end(&relayed);
        let mixing = start(Work::Mixed);
        let mixed = mixing.watch(time);
        let mixing = mixing.end(&mixed);
        Ring {
            relayed,
            mixing,
            mixed,
        }
    }

    fn print(&self, group: &str, epoll: &Measured, [tokio, direct]: [f64; 2]) {
        let print = |name: &str, value: f64, note: String| {
            Figure::new(group, name, value, "µs").note(note).print();
        };
        let Ring {
            relayed,
            mixing,
            mixed,
        } = self;
        print("media shard, io_uring", relayed.micros(), relayed.loss());
        print("the same, mixed by threes", mixing.micros(), mixing.loss());
        let group = "CPU of the whole machine, without the telephones' own";
        let print = |name: &str, value: f64, note: String| {
            Figure::new(group, name, value, "µs").note(note).print();
        };
        let own = |spent: &Spent| spent.displaced(direct / 1e6);
        let note = format!("they take {direct:.2} µs for each packet");
        print("tokio, a task per socket", tokio, note);
        let none = String::new;
        print("media shard, epoll", own(&epoll.relayed), none());
        print("media shard, io_uring", own(relayed), none());
        print("epoll, mixed by threes", own(&epoll.mixing), none());
        print("io_uring, mixed by threes", own(mixing), none());
        let ratio = own(relayed) / tokio;
        let note = "CPU of the whole machine";
        target("io_uring to tokio", ratio, Aim::AtMost(0.4), note);
        punctual("lateness by io_uring, p99 at most", mixed);
    }
}

/// What a media shard did at the three kinds of work, by epoll.
struct Measured {
    relayed: Spent,
    mixing: Spent,
    /// Before and after the recording, of the same shard.
    bridged: Window,
    recorded: Window,
    mixed: Window,
}

impl Measured {
    fn of(calls: usize, time: Duration) -> Self {
        let epoll = Backend::Epoll;
        let relay = Running::start(calls, Work::Bridged, false, epoll);
        let relayed = relay.watch(time);
        let relayed = relay.end(&relayed);
        // What recording adds is little: it is seen against the same shard just before and after.
        let recording = Running::start(calls, Work::Bridged, true, epoll);
        let before = recording.watch(time / 2);
        recording.record();
        let recorded = recording.watch(time);
        recording.stop_recording();
        let bridged = before.and(&recording.watch(time / 2));
        recording.end(&bridged);
        let mixing = Running::start(calls, Work::Mixed, false, epoll);
        let mixed = mixing.watch(time);
        let mixing = mixing.end(&mixed);
        Measured {
            relayed,
            mixing,
            bridged,
            recorded,
            mixed,
        }
    }

    fn print_targets(&self, l: f64, tokio: f64) {
        let (shard, bridged) = (self.relayed.micros(), self.bridged.micros());
        let at_least = Aim::AtLeast(0.65);
        target("L to media shard", l / shard, at_least, "");
        let to_tokio = shard / tokio;
        target("media shard to tokio", to_tokio, Aim::AtMost(0.8), "");
        let mixed = self.mixed.micros() / shard;
        let name = "mixed leg's frame to bridged packet";
        target(
            name,
            mixed,
            Aim::AtMost(1.15),
            "conferences of three, 8 kHz",
        );
        let recording = self.recorded.micros() / bridged - 1.0;
        let note = format!("beside {bridged:.2} µs of the same shard before and after");
        let name = "recording, of a bridged packet";
        target(name, recording, Aim::AtMost(0.05), &note);
        let core = alone::conference(PARTIES);
        let note = format!("of a core; {:.0} ns for each leg and frame", core * 2e4);
        let name = "conference of 1,000, computing";
        target(name, core, Aim::AtMost(0.02), &note);
        punctual("lateness of ticks, p99 at most", &self.mixed);
        self.print_allocations();
    }

    fn print_allocations(&self) {
        let windows = [&self.bridged, &self.recorded, &self.mixed];
        let [relayed, taped, mixed] = windows.map(|it| it.allocations);
        let packets: u64 = windows.iter().map(|it| it.packets).sum();
        let note =
            format!("{relayed}, {taped}, {mixed} while {packets} were relayed, recorded, mixed");
        let each = (relayed + taped + mixed) as f64 / packets as f64;
        let name = "allocations for each packet";
        target(name, each, Aim::AtMost(0.0), &note);
    }
}

/// How late the ticks of a shard were that mixed.
fn punctual(name: &str, mixed: &Window) {
    let (late, share) = mixed.lateness();
    let note = format!("{:.2} % within 200 µs, while mixing", share * 100.0);
    let figure = Figure::new(TARGETS, name, late, "µs");
    figure.aim(Aim::AtMost(200.0)).note(note).print();
}

/// A ratio with its aim.
fn target(name: &str, value: f64, aim: Aim, note: &str) {
    let figure = Figure::new(TARGETS, name, value, "");
    figure.aim(aim).note(note).print();
}

/// Where the shard's microseconds go.
fn breakdown(l: f64, plane: f64, shard: f64) {
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
    // A hundred packets a second, of a million microseconds, in percent.
    let share = shard * 100.0 / 1e6 * 100.0;
    let note = "of one core per call of 100 packets/s";
    Figure::new(group, "CPU", share, "%").note(note).print();
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
