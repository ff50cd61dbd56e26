//! Media shards: the threads that own sockets and drive a [`Plane`](crate::Plane) with them.
//!
//! Owns the way into such a thread (a bounded queue of commands and a wake-up), the port numbers,
//! and the counters. The loop is `driver`'s; how datagrams come and go in it is one of two backends', `epoll`
//! or `uring` (ADR 17). Decides nothing about packets: that is the plane's, which the simulator runs
//! without any of this.
//!
//! | queue | full |
//! |---|---|
//! | commands, [`limits::COMMANDS`] unless configured | `send` gives the command back as [`Full`] |
//! | events: the sink that was given to `start` | it says `false`; counted as `events_lost` |
//! | a socket's send buffer | the packet is lost; counted as `sends_blocked` |

mod counters;
mod driver;
mod epoll;
mod ports;
mod sockets;
#[cfg(test)]
mod tests;
mod uring;

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::event::{EventfdFlags, eventfd};
use rustix::thread::set_current_timer_slack;

pub use counters::{Counters, LATENESS};
pub use ports::{PortRange, bind};

use crate::command::{Command, Event};
use crate::recorder::Line;
use crate::{limits, plane};
use counters::Tally;
use driver::{Driver, Net};
use epoll::Epoll;
use uring::Uring;

/// Takes the events of a shard, on its thread; must not block. `false`: there was no room.
pub type Sink = Box<dyn FnMut(Event) -> bool + Send>;

/// What a media shard is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The thread's name.
    pub name: String,
    /// Where it binds: one place, or one for each family of addresses.
    pub places: Vec<Place>,
    /// Random octets for SSRCs.
    pub seed: [u8; 32],
    /// Room in the queue of commands.
    pub commands: usize,
    /// What the plane may hold.
    pub limits: plane::Limits,
    /// How datagrams come and go; `None`: by io_uring where the kernel offers it, else by epoll.
    pub backend: Option<Backend>,
}

/// How datagrams come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A poll, and a call of the system for each packet that is received and for each that is sent.
    Epoll,
    /// Requests that stay, and calls for many packets at once. Linux 6.1, where its rules allow it.
    IoUring,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Backend::Epoll => "epoll",
            Backend::IoUring => "io_uring",
        })
    }
}

impl Config {
    /// A configuration with the default limits.
    pub fn new(name: impl Into<String>, places: Vec<Place>, seed: [u8; 32]) -> Self {
        Config {
            name: name.into(),
            places,
            seed,
            commands: limits::COMMANDS,
            limits: plane::Limits::default(),
            backend: None,
        }
    }

    fn check(&self) -> io::Result<()> {
        if self.places.is_empty() {
            let message = "a media shard needs an address";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.places.iter().try_for_each(Place::check)
    }
}

/// An address where sockets are bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The address, and its numbers. Shards must not share numbers: see [`PortRange::split`].
    pub ports: PortRange,
    /// The address for SDP, if peers see another one than the bound one.
    pub external: Option<IpAddr>,
}

impl From<PortRange> for Place {
    fn from(ports: PortRange) -> Self {
        let external = None;
        Place { ports, external }
    }
}

impl Place {
    /// The address that peers are told.
    fn told(&self) -> IpAddr {
        self.external.unwrap_or(self.ports.address)
    }

    fn check(&self) -> io::Result<()> {
        self.ports.check()?;
        if self.told().is_unspecified() {
            let message = format!(
                "media address {} cannot be put into sdp: name an external address",
                self.told()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(())
    }
}

/// The queue of commands was full, or the shard has stopped; here is the command.
#[derive(Debug, thiserror::Error)]
#[error("the media shard takes no more commands")]
pub struct Full(pub Command);

/// The way into a media shard, for as many threads as need one.
#[derive(Clone, Debug)]
pub struct Handle {
    commands: SyncSender<Command>,
    shared: Arc<Shared>,
}

impl Handle {
    /// Queues a command and wakes the shard. Never blocks.
    pub fn send(&self, command: Command) -> Result<(), Full> {
        // Counted first: the shard may have taken it before `try_send` returns.
        self.shared.queued.fetch_add(1, Ordering::Relaxed);
        self.commands.try_send(command).map_err(|refused| {
            self.shared.queued.fetch_sub(1, Ordering::Relaxed);
            match refused {
                TrySendError::Full(command) | TrySendError::Disconnected(command) => Full(command),
            }
        })?;
        self.shared.wake();
        Ok(())
    }

    /// Commands that wait for the shard; for a moment one more per thread that is just refused.
    pub fn queued(&self) -> usize {
        self.shared.queued.load(Ordering::Relaxed)
    }

    /// The counters as they are now.
    pub fn counters(&self) -> Counters {
        self.shared.tally.snapshot()
    }
}

/// A running media shard. Dropping it stops the thread and closes its sockets.
#[derive(Debug)]
pub struct Shard {
    handle: Handle,
    backend: Backend,
    thread: Option<JoinHandle<()>>,
}

impl Shard {
    /// Starts the thread. `clock` is the program's one reader of time.
    /// Without a `recorder`, recordings fail.
    pub fn start(
        config: Config,
        clock: fn() -> Instant,
        sink: Sink,
        recorder: Option<Line>,
    ) -> io::Result<Self> {
        config.check()?;
        let shared = Arc::new(Shared::new()?);
        let (commands, queue) = sync_channel(config.commands);
        let name = config.name.clone();
        let (ready, started) = sync_channel(1);
        let way = Arc::clone(&shared);
        // A ring belongs to the thread that made it, so all of it is made there.
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let waker = Waker(Arc::clone(&way));
            let make = Make {
                config,
                queue,
                shared: way,
                clock,
                sink,
                recorder: recorder.map(|line| (line, waker)),
            };
            make.run(&ready);
        })?;
        let lost = || io::Error::other("the thread of a media shard ended");
        let backend = started.recv().map_err(|_| lost()).flatten();
        let backend = match backend {
            Ok(backend) => backend,
            Err(error) => {
                // It has nothing more to do; a panic has told itself.
                let _ = thread.join();
                return Err(error);
            }
        };
        Ok(Shard {
            handle: Handle { commands, shared },
            backend,
            thread: Some(thread),
        })
    }

    /// How its datagrams come and go.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// A way in.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Stops the thread and waits for its end. Commands that still wait are not carried out.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.handle.shared.stop.store(true, Ordering::Release);
        self.handle.shared.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a media shard panicked");
        }
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a shard's thread begins with.
struct Make {
    config: Config,
    queue: Receiver<Command>,
    shared: Arc<Shared>,
    clock: fn() -> Instant,
    sink: Sink,
    recorder: Option<(Line, Waker)>,
}

impl Make {
    /// Tells which backend it has, or why none, and is the shard until that is stopped.
    fn run(self, ready: &SyncSender<io::Result<Backend>>) {
        let ring = match self.config.backend {
            Some(Backend::Epoll) => None,
            Some(Backend::IoUring) | None => Some(self.ring()),
        };
        if let (None, Some(Err(error))) = (self.config.backend, &ring) {
            tracing::info!(%error, "no io_uring for media: by epoll instead");
        }
        match ring {
            Some(Ok(net)) => self.drive(net, Backend::IoUring, ready),
            Some(Err(error)) if self.config.backend.is_some() => {
                let _ = ready.send(Err(error));
            }
            // It was not asked for by name, or is not to be had.
            None | Some(Err(_)) => match Epoll::new(&self.shared) {
                Ok(net) => self.drive(net, Backend::Epoll, ready),
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            },
        }
    }

    fn ring(&self) -> io::Result<Uring> {
        Uring::new(&self.shared, self.config.limits.ports)
    }

    fn drive(self, net: impl Net, backend: Backend, ready: &SyncSender<io::Result<Backend>>) {
        let Make {
            config,
            queue,
            shared,
            clock,
            sink,
            recorder,
        } = self;
        punctual();
        let mut driver = Driver::new(net, config, queue, shared, clock, sink);
        if let Some((line, waker)) = recorder {
            driver.record_by(line, waker);
        }
        // Nobody waits any more if whoever starts it is gone.
        let _ = ready.send(Ok(backend));
        driver.run();
    }
}

/// This thread's timers are exact. Without this the system lets them be 0.05 ms late, to wake for several at once.
fn punctual() {
    if let Err(error) = set_current_timer_slack(Some(NonZeroU64::MIN)) {
        tracing::info!(%error, "ticks of media are a little late");
    }
}

/// Wakes a shard, which then looks for what was said to it.
#[derive(Clone, Debug)]
pub(crate) struct Waker(Arc<Shared>);

impl Waker {
    /// One of no shard.
    #[cfg(test)]
    pub(crate) fn idle() -> Self {
        Waker(Arc::new(Shared::new().unwrap()))
    }

    #[cfg(test)]
    pub(crate) fn is_woken(&self) -> bool {
        self.0.is_woken.load(Ordering::Acquire)
    }

    pub(crate) fn wake(&self) {
        self.0.wake();
    }
}

/// What the thread and its handles share.
#[derive(Debug)]
struct Shared {
    wake: OwnedFd,
    /// Whether it has been woken and has not looked yet: whoever comes meanwhile need not wake it too.
    is_woken: AtomicBool,
    stop: AtomicBool,
    /// Commands in the queue.
    queued: AtomicUsize,
    tally: Tally,
}

impl Shared {
    fn new() -> io::Result<Self> {
        Ok(Shared {
            wake: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            is_woken: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            queued: AtomicUsize::new(0),
            tally: Tally::default(),
        })
    }

    /// An eventfd refuses a write only when it is about to overflow: then it is awake anyway.
    fn wake(&self) {
        if !self.is_woken.swap(true, Ordering::AcqRel) {
            let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
        }
    }

    /// It is awake, and looks at everything that was said before this.
    fn slept(&self) {
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
        self.is_woken.swap(false, Ordering::AcqRel);
    }
}
