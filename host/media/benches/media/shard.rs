//! The media shard as the server runs it: `media::io`, its thread, its loop, under the telephones' load.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use media::io::{Backend, Config, Counters, Handle, LATENESS, PortRange, Shard};
use media::recorder::Recorder;
use media::room::Room;
use media::{Command, Event, Family, Mode, PortId};

use crate::counting::allocations;
use crate::load::{self, Load, Phone};
use crate::{Spent, address, configure, machine, now, socket, threads};

/// The thread's name, by which its CPU is found.
const NAME: &str = "bench media";
/// The kernel counts a thread's time when it stops running; the first packets warm everything up.
const WARM: Duration = Duration::from_millis(500);
/// Members of each conference.
const PARTIES: usize = 3;
/// Commands that are sent at once.
const BURST: usize = 100;
/// Media shards that a conference may have members on.
const SHARDS: usize = 2;

/// What the ports of the shard do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Every two are a call.
    Bridged,
    /// Every three are a conference.
    Mixed,
}

/// A shard with its telephones talking.
pub(crate) struct Running {
    shard: Shard,
    handle: Handle,
    load: Load,
    ports: usize,
    recorder: Option<(Recorder, PathBuf)>,
}

/// What was counted between two looks.
pub(crate) struct Window {
    /// CPU of the shard's thread, seconds.
    pub(crate) cpu: f64,
    /// CPU of all threads of this program, and of the kernel's that carry packets, seconds.
    pub(crate) machine: f64,
    pub(crate) packets: u64,
    /// How often the shard's thread asked for memory.
    pub(crate) allocations: u64,
    /// As [`Counters::ticks`].
    pub(crate) ticks: [u64; LATENESS.len() + 1],
}

/// How often the shard's thread had asked for memory when it last read its clock.
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// Recordings that are whole.
static WRITTEN: AtomicUsize = AtomicUsize::new(0);

fn clock() -> Instant {
    ALLOCATIONS.store(allocations(), Ordering::Relaxed);
    now()
}

impl Running {
    /// With that many calls, or the same number of ports in conferences. It can record if it is to.
    pub(crate) fn start(calls: usize, work: Work, records: bool, backend: Backend) -> Self {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let place = PortRange::ephemeral(loopback).into();
        let mut config = Config::new(NAME, vec![place], [3; 32]);
        config.backend = Some(backend);
        let (sender, events) = sync_channel(64);
        let sink = Box::new(move |event| sender.try_send(event).is_ok());
        let mut recorder = records.then(recorder);
        let line = recorder.as_mut().map(|(recorder, _)| recorder.line());
        let shard = Shard::start(config, clock, sink, line).expect("a shard starts");
        let handle = shard.handle();
        let sockets: Vec<UdpSocket> = (0..calls * 2).map(|_| socket()).collect();
        let mut phones = Vec::new();
        let mut room = Arc::new(Room::new(0, SHARDS));
        for (at, socket) in sockets.into_iter().enumerate() {
            let port = PortId(at as u64);
            let family = Family::V4;
            send(&handle, Command::Open { port, family });
            let ours = opened(&events, port);
            send(&handle, configure(port, address(&socket)));
            if work == Work::Mixed {
                if at % PARTIES == 0 {
                    room = Arc::new(Room::new(port.0, SHARDS));
                }
                let (room, mode) = (Arc::clone(&room), Mode::TalkAndListen);
                send(&handle, Command::Confer { port, room, mode });
            } else if at % 2 == 1 {
                let a = PortId(port.0 - 1);
                send(&handle, Command::Bridge { a, b: port });
            }
            phones.push(Phone { socket, port: ours });
        }
        let ports = phones.len();
        let load = load::start(phones);
        std::thread::sleep(WARM);
        Running {
            shard,
            handle,
            load,
            ports,
            recorder,
        }
    }

    /// Looks, waits, and looks again.
    pub(crate) fn watch(&self, time: Duration) -> Window {
        let look = || (spent(), self.handle.counters(), asked(), machine());
        let before = look();
        std::thread::sleep(time);
        let after = look();
        let ticks = |counters: &Counters, class: usize| counters.ticks[class];
        Window {
            cpu: after.0 - before.0,
            machine: after.3 - before.3,
            packets: after.1.sent - before.1.sent,
            allocations: after.2 - before.2,
            ticks: std::array::from_fn(|class| ticks(&after.1, class) - ticks(&before.1, class)),
        }
    }

    /// Records every call, both ways: one of its ports is enough.
    pub(crate) fn record(&self) {
        for (operation, port) in (0..self.ports as u64).step_by(2).enumerate() {
            let record = Command::Record {
                port: PortId(port),
                operation: operation as u32,
                file: format!("{port}").into(),
            };
            send(&self.handle, record);
            self.breathe();
        }
        std::thread::sleep(WARM);
    }

    /// Ends that, and waits until every file is whole: the disk is quiet again.
    pub(crate) fn stop_recording(&self) {
        let ports = (0..self.ports as u64).step_by(2);
        let files = self.ports.div_ceil(2);
        for port in ports {
            let port = PortId(port);
            send(&self.handle, Command::StopRecord { port });
            self.breathe();
        }
        while WRITTEN.load(Ordering::Relaxed) < files {
            std::thread::sleep(WARM);
        }
    }

    /// The queue has room for a burst, not for all calls.
    fn breathe(&self) {
        while self.handle.queued() > BURST {
            std::thread::yield_now();
        }
    }

    /// They stop; what was counted of that window, with what the telephones say of all of it.
    pub(crate) fn end(self, window: &Window) -> Spent {
        let (sent, arrived) = self.load.end();
        let lost = self.handle.counters().tape_lost;
        assert_eq!(lost, 0, "every packet is on its tape");
        self.shard.stop();
        if let Some((recorder, folder)) = self.recorder {
            drop(recorder);
            // Whether it can be cleared away changes no figure.
            let _ = std::fs::remove_dir_all(folder);
        }
        Spent {
            cpu: window.cpu,
            machine: window.machine,
            packets: window.packets,
            sent,
            arrived,
        }
    }
}

impl Window {
    /// Both together.
    pub(crate) fn and(self, other: &Window) -> Window {
        Window {
            cpu: self.cpu + other.cpu,
            machine: self.machine + other.machine,
            packets: self.packets + other.packets,
            allocations: self.allocations + other.allocations,
            ticks: std::array::from_fn(|class| self.ticks[class] + other.ticks[class]),
        }
    }

    /// Of the shard's thread, for each packet.
    pub(crate) fn micros(&self) -> f64 {
        self.cpu * 1e6 / self.packets as f64
    }

    /// The bound, in µs, that 99 of 100 ticks did not pass, and how many of all did not pass 200 µs.
    pub(crate) fn lateness(&self) -> (f64, f64) {
        let all: u64 = self.ticks.iter().sum();
        let until = |class: usize| self.ticks[..=class].iter().sum::<u64>() as f64 / all as f64;
        let p99 = (0..LATENESS.len()).find(|&class| until(class) >= 0.99);
        let bound = p99.map_or(f64::INFINITY, |class| LATENESS[class].as_secs_f64() * 1e6);
        (bound, until(1))
    }
}

fn send(handle: &Handle, command: Command) {
    handle.send(command).expect("the queue has room");
}

/// One that writes into a folder of its own.
fn recorder() -> (Recorder, PathBuf) {
    let name = format!("bench-media-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("a folder for recordings");
    let sink = Box::new(|report: media::recorder::Report| {
        assert!(report.result.is_ok(), "{report:?}");
        WRITTEN.fetch_add(1, Ordering::Relaxed);
    });
    let recorder = Recorder::start(folder.clone(), now, sink).expect("a recorder starts");
    (recorder, folder)
}

fn asked() -> u64 {
    ALLOCATIONS.load(Ordering::Relaxed)
}

fn spent() -> f64 {
    let threads = threads::of(std::process::id());
    let ours = threads.values().find(|(name, _)| name == NAME);
    ours.map_or(f64::NAN, |(_, seconds)| *seconds)
}

fn opened(events: &Receiver<Event>, port: PortId) -> SocketAddr {
    match events.recv_timeout(Duration::from_secs(10)) {
        Ok(Event::Opened { port: opened, addr }) if opened == port => addr,
        other => panic!("{other:?}"),
    }
}
