//! One round: everything measured once, what is compared right after one another, and told as figures.

use std::time::Duration;

use media::io::Backend;

use crate::figure::{Aim, Figure, now, percentile};
use crate::shard::{Running, Window, Work};
use crate::{Fixed, Spent, alone, floor, tasks, threads, timer};

/// Members of the conference that is computed, and how often in a round.
const PARTIES: u64 = 1_000;
const CONFERENCES: usize = 5;

/// The table of figures that have an aim; each is a ratio to something measured in the same round.
const TARGETS: &str = "targets";

/// All figures of a round, in the order in which they are shown.
pub(crate) fn measure(calls: u64, time: Duration, fixed: &Fixed) -> Vec<Figure> {
    let (pairs, others) = (calls as usize * 2, threads::stolen());
    let begin = now();
    let tokio = tasks::measure(calls as usize, time);
    let bare = floor::measure(pairs, floor::Sockets::Connected, time);
    let epoll = Shard::of(calls as usize, time, Backend::Epoll);
    let ring = Shard::of(calls as usize, time, Backend::IoUring);
    let tape = Tape::of(calls as usize, time);
    let named = floor::measure(pairs, floor::Sockets::Named, time);
    let mut told = Told::default();
    let l = bare.micros();
    let group = format!("{calls} calls, {} packets/s", calls * 100);
    let mut micros = |name, value, note: &str| told.micros(&group, name, value, note);
    let note = "receive and send on connected sockets, all cold, no poll";
    micros("L", l, note);
    micros("tokio, a task per socket", tokio.micros(), &tokio.loss());
    let [relayed, mixed] = [epoll.relayed.micros(), epoll.mixed.micros()];
    micros("media shard, epoll", relayed, &epoll.relayed.loss());
    micros("epoll, every call recorded", tape.recorded.micros(), "");
    micros("epoll, mixed by threes", mixed, &epoll.mixing.loss());
    let [relayed, mixed] = [ring.relayed.micros(), ring.mixed.micros()];
    micros("media shard, io_uring", relayed, &ring.relayed.loss());
    micros("io_uring, mixed by threes", mixed, &ring.mixing.loss());
    told.targets(l, &tokio, &epoll, &tape);
    told.ring(fixed.direct, &tokio, &epoll, &ring);
    told.breakdown(l, fixed.plane, epoll.relayed.micros());
    let note = "a thread that only sleeps, with timers as exact, nothing else running";
    let bare = timer::lateness(time / 2);
    told.micros(TARGETS, "lateness of a bare timer, p99", bare, note);
    let note = "what connecting a socket saves: a route lookup per packet";
    told.micros("not paid", "addresses", named.micros() - l, note);
    told.stolen(threads::stolen() - others, begin.elapsed());
    told.0
}

/// What a shard does at relaying and mixing.
struct Shard {
    relayed: Spent,
    mixing: Spent,
    mixed: Window,
}

impl Shard {
    fn of(calls: usize, time: Duration, backend: Backend) -> Self {
        let relay = Running::start(calls, Work::Bridged, false, backend);
        let relayed = relay.watch(time);
        let relayed = relay.end(&relayed);
        let mixing = Running::start(calls, Work::Mixed, false, backend);
        let mixed = mixing.watch(time);
        let mixing = mixing.end(&mixed);
        Shard {
            relayed,
            mixing,
            mixed,
        }
    }
}

/// What recording adds to relaying, by epoll: it is little, so it is seen against the same shard just before and after.
struct Tape {
    bridged: Window,
    recorded: Window,
}

impl Tape {
    fn of(calls: usize, time: Duration) -> Self {
        let recording = Running::start(calls, Work::Bridged, true, Backend::Epoll);
        let before = recording.watch(time / 2);
        recording.record();
        let recorded = recording.watch(time);
        recording.stop_recording();
        let bridged = before.and(&recording.watch(time / 2));
        recording.end(&bridged);
        Tape { bridged, recorded }
    }
}

/// The figures of a round.
#[derive(Default)]
struct Told(Vec<Figure>);

impl Told {
    fn micros(&mut self, group: &str, name: &str, value: f64, note: &str) {
        self.0
            .push(Figure::new(group, name, value, "µs").note(note));
    }

    /// A ratio with its aim.
    fn target(&mut self, name: &str, value: f64, aim: Aim, note: &str) {
        self.0
            .push(Figure::new(TARGETS, name, value, "").aim(aim).note(note));
    }

    fn targets(&mut self, l: f64, tokio: &Spent, epoll: &Shard, tape: &Tape) {
        let shard = epoll.relayed.micros();
        self.target("L to media shard", l / shard, Aim::AtLeast(0.65), "");
        let to_tokio = shard / tokio.micros();
        self.target("media shard to tokio", to_tokio, Aim::AtMost(0.8), "");
        let mixed = epoll.mixed.micros() / shard;
        let name = "mixed leg's frame to bridged packet";
        let note = "conferences of three, 8 kHz";
        self.target(name, mixed, Aim::AtMost(1.15), note);
        let bridged = tape.bridged.micros();
        let recording = tape.recorded.micros() / bridged - 1.0;
        let note = "beside the same shard before and after";
        let name = "recording, of a bridged packet";
        self.target(name, recording, Aim::AtMost(0.05), note);
        let mut cores: Vec<f64> = (0..CONFERENCES)
            .map(|_| alone::conference(PARTIES))
            .collect();
        let core = percentile(&mut cores, 0.5);
        let note = format!("of a core; {:.0} ns for each leg and frame", core * 2e4);
        let name = "conference of 1,000, computing";
        self.target(name, core, Aim::AtMost(0.02), &note);
        self.punctual("lateness of ticks, p99 at most", &epoll.mixed);
        self.allocations([&tape.bridged, &tape.recorded, &epoll.mixed]);
    }

    fn allocations(&mut self, windows: [&Window; 3]) {
        let allocations: u64 = windows.iter().map(|it| it.allocations).sum();
        let packets: u64 = windows.iter().map(|it| it.packets).sum();
        let note = format!("while {packets} were relayed, recorded, mixed, in each round");
        let each = allocations as f64 / packets as f64;
        let name = "allocations for each packet";
        self.target(name, each, Aim::AtMost(0.0), &note);
    }

    /// How late the ticks of a shard were that mixed.
    fn punctual(&mut self, name: &str, mixed: &Window) {
        let (late, share) = mixed.lateness();
        let note = format!("{:.2} % within 200 µs, while mixing", share * 100.0);
        let figure = Figure::new(TARGETS, name, late, "µs");
        self.0.push(figure.aim(Aim::AtMost(200.0)).note(note));
    }

    /// Much of what io_uring saves is in other threads' time, where packets are handed over: so it is the whole
    /// machine's CPU that counts.
    fn ring(&mut self, direct: f64, tokio: &Spent, epoll: &Shard, ring: &Shard) {
        let own = |spent: &Spent| spent.displaced(direct / 1e6);
        let group = "CPU of the whole machine, without the telephones' own";
        let note = format!("they take {direct:.2} µs for each packet");
        let to = own(tokio);
        self.micros(group, "tokio, a task per socket", to, &note);
        self.micros(group, "media shard, epoll", own(&epoll.relayed), "");
        let relayed = own(&ring.relayed);
        self.micros(group, "media shard, io_uring", relayed, "");
        self.micros(group, "epoll, mixed by threes", own(&epoll.mixing), "");
        self.micros(group, "io_uring, mixed by threes", own(&ring.mixing), "");
        let note = "CPU of the whole machine";
        self.target("io_uring to tokio", relayed / to, Aim::AtMost(0.4), note);
        let mixed = ring.mixed.micros() / ring.relayed.micros();
        let name = "mixed leg's frame to bridged packet, io_uring";
        self.target(name, mixed, Aim::AtMost(1.15), "");
        self.punctual("lateness by io_uring, p99 at most", &ring.mixed);
    }

    fn stolen(&mut self, seconds: f64, of: Duration) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let share = seconds / of.as_secs_f64() / cores as f64;
        let (group, name) = ("this machine", "taken by others");
        let note =
            "of the machine's CPU, by other guests of its host: of this come the latest ticks";
        let figure = Figure::new(group, name, share * 100.0, "%");
        self.0.push(figure.note(note));
    }

    /// Where the shard's microseconds go.
    fn breakdown(&mut self, l: f64, plane: f64, shard: f64) {
        let group = "media shard: what a packet is made of";
        self.micros(group, "L", l, "receive and send");
        let note = "header, latch, route, rewrite; warm";
        self.micros(group, "plane", plane, note);
        let note = "epoll, finding sockets, clock, wake-ups, caches shared with the sender";
        self.micros(group, "loop", shard - l - plane, note);
        // A hundred packets a second, of a million microseconds, in percent.
        let share = shard * 100.0 / 1e6 * 100.0;
        let note = "of one core per call of 100 packets/s";
        self.0
            .push(Figure::new(group, "CPU", share, "%").note(note));
    }
}
