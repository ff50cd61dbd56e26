//! The loop of a media shard: what came, then what the plane wants.
//!
//! Owns the order of work, the numbers of ports, and the ways to the owner of the calls and to the recorder.
//! How datagrams come and go is its backend's, a [`Net`]; what becomes of them is the plane's. A packet is
//! rewritten where the backend has put it and sent from there; nothing is allocated on that way.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::counters::Tally;
use super::ports::{self, Ports};
use super::sockets::Socket;
use super::{Config, Place, Shared, Sink, Waker};
use crate::command::{Command, Family, PortId};
use crate::limits;
use crate::plane::{Forward, Output, Plane};
use crate::recorder::{Back, Line, Refused};
use crate::tape::Word;

/// An id that no port has: backends mark the wake-up with it.
pub(super) const WAKE: u64 = u64::MAX;

/// Packets that are served before it is seen whether a tick is due: 0.1 ms of them.
const AT_ONCE: usize = 16;

/// What came.
#[derive(Clone, Copy, Debug)]
pub(super) enum Came {
    /// Somebody has woken the shard.
    Word,
    /// A packet, which [`Net::packet`] holds until the next one.
    Packet {
        /// At this port.
        port: PortId,
        /// From there.
        from: SocketAddr,
    },
}

/// How the datagrams of a shard come and go: a backend. It has a socket for each port.
pub(super) trait Net {
    /// Waits until something came, at most so long. What comes may wait for more until `patience` is over:
    /// being woken costs a fifth of relaying a packet, and more than mixing a frame.
    fn wait(&mut self, timeout: Option<Duration>, patience: Duration) -> io::Result<()>;

    /// What came; drain until `None` after every `wait`.
    fn next(&mut self, tally: &Tally) -> Option<Came>;

    /// The ports whose packets come next, as far as that is known: not all of them may.
    fn ahead(&self) -> impl Iterator<Item = PortId> + Clone;

    /// The packet that came last.
    fn packet(&mut self) -> &mut [u8];

    /// Sends what became of it, or counts why not.
    fn forward(&mut self, forward: Forward, tally: &Tally);

    /// Sends a packet of ours, or counts why not.
    fn send(&mut self, forward: Forward, packet: &[u8], tally: &Tally);

    /// Asks for what sending from this port needs: it is about to.
    fn ask(&self, port: PortId);

    /// Listens on a socket from now on.
    fn open(&mut self, port: PortId, socket: Socket) -> io::Result<()>;

    /// The socket of a port.
    fn socket(&self, port: PortId) -> Option<&Socket>;

    /// The same, to change whom it hears: what was sent before leaves before.
    fn change(&mut self, port: PortId) -> Option<&mut Socket>;

    /// Listens no more.
    fn close(&mut self, port: PortId) -> Option<Socket>;
}

/// See the module's header.
pub(super) struct Driver<N> {
    net: N,
    plane: Plane,
    /// With those that are free at each.
    places: Vec<(Place, Ports)>,
    config: Config,
    commands: Receiver<Command>,
    shared: Arc<Shared>,
    clock: fn() -> Instant,
    sink: Sink,
    recorder: Option<Line>,
}

impl<N: Net> Driver<N> {
    pub(super) fn new(
        net: N,
        config: Config,
        commands: Receiver<Command>,
        shared: Arc<Shared>,
        clock: fn() -> Instant,
        sink: Sink,
    ) -> Self {
        let all = config.places.clone().into_iter();
        let places = all.map(|place| (place, Ports::new(place.ports)));
        Driver {
            net,
            plane: Plane::new(config.seed, config.limits),
            places: places.collect(),
            config,
            commands,
            shared,
            clock,
            sink,
            recorder: None,
        }
    }

    /// Tapes go there.
    pub(super) fn record_by(&mut self, mut line: Line, waker: Waker) {
        line.join(waker);
        self.recorder = Some(line);
    }

    pub(super) fn run(mut self) {
        while !self.shared.stop.load(Ordering::Acquire) {
            let timeout = self.timeout();
            if let Err(error) = self.net.wait(timeout, self.plane.patience()) {
                tracing::error!(%error, "a media shard cannot poll and ends");
                return;
            }
            self.serve();
            if let Some(line) = &mut self.recorder {
                line.retry();
            }
            if self.shared.tally.tape_lost.set(self.plane.tape_lost()) {
                // No block was free: perhaps one came back.
                self.hear_recorder();
            }
        }
    }

    /// Everything that came, and the ticks that were due meanwhile.
    fn serve(&mut self) {
        let mut now = (self.clock)();
        let mut served = 0;
        // What came may have been left to gather until now: a tick is not late for that.
        self.tick(now);
        self.expect();
        while let Some(came) = self.net.next(&self.shared.tally) {
            match came {
                Came::Word => self.take_commands(now),
                Came::Packet { port, from } => self.receive(now, port, from),
            }
            served += 1;
            if served % AT_ONCE == 0 {
                now = (self.clock)();
                self.tick(now);
                self.expect();
            }
        }
        self.tick((self.clock)());
    }

    /// The next packets are about to be received, and some of them to be sent on.
    fn expect(&self) {
        let ahead = self.net.ahead().take(AT_ONCE);
        self.plane.expect(ahead, |via| self.net.ask(via));
    }

    fn receive(&mut self, now: Instant, port: PortId, from: SocketAddr) {
        let packet = self.net.packet();
        if let Some(forward) = self.plane.handle_packet(now, port, from, packet) {
            self.net.forward(forward, &self.shared.tally);
        }
    }

    /// What ports say by themselves. How late a tick is counts from when it is done: packets may have been
    /// served first.
    fn tick(&mut self, now: Instant) {
        let tally = &self.shared.tally;
        if let Some(due) = self.plane.poll_timeout()
            && due <= now
        {
            tally.tick((self.clock)().saturating_duration_since(due));
            self.plane.handle_timeout(now);
            tally.ticks_left_out.set(self.plane.ticks_left_out());
        }
        self.drain(now);
    }

    fn timeout(&self) -> Option<Duration> {
        let waits = self.recorder.as_ref().is_some_and(Line::waits);
        let look = waits.then_some(limits::TAPE_LOOK);
        let due = self.plane.poll_timeout();
        let tick = due.map(|due| due.saturating_duration_since((self.clock)()));
        tick.into_iter().chain(look).min()
    }

    fn take_commands(&mut self, now: Instant) {
        self.shared.slept();
        self.hear_recorder();
        for _ in 0..self.config.commands {
            let Ok(command) = self.commands.try_recv() else {
                return;
            };
            self.shared.queued.fetch_sub(1, Ordering::Relaxed);
            self.plane.handle_input(now, command);
            self.drain(now);
        }
        // More may wait, but packets have waited too.
        self.shared.wake();
    }

    fn drain(&mut self, now: Instant) {
        let mut sent = 0;
        while let Some((forward, packet)) = self.plane.poll_packet() {
            self.net.send(forward, packet, &self.shared.tally);
            if sent % AT_ONCE == 0 {
                let next = self.plane.packets_ahead().take(AT_ONCE);
                next.for_each(|port| self.net.ask(port));
            }
            sent += 1;
        }
        while let Some(output) = self.plane.poll_output() {
            match output {
                Output::Bind { port, family } => {
                    let bound = self
                        .bind(now, port, family)
                        .map_err(|error| error.to_string());
                    self.plane.handle_bound(port, bound);
                }
                Output::Unbind { port } => self.unbind(now, port),
                Output::Connect { port, peer } => self.connect(port, peer),
                Output::Disconnect { port } => self.disconnect(port),
                Output::Tape(word) => self.tape(word),
                Output::Event(event) => {
                    if !(self.sink)(event) {
                        self.shared.tally.events_lost.add_one();
                    }
                }
            }
        }
    }

    fn tape(&mut self, word: Word) {
        let refused = match (&mut self.recorder, word) {
            (Some(line), word) => line.say(word).err(),
            (None, Word::Begin { tape, file, .. }) => Some(Refused::Begin { tape, file }),
            (None, Word::Block(_) | Word::End { .. }) => None,
        };
        match refused {
            None => {}
            Some(Refused::Begin { tape, file }) => self.plane.handle_tape_refused(tape, file),
            Some(Refused::Block(block)) => {
                self.plane.handle_block_lost(block);
            }
        }
        self.hear_recorder();
    }

    /// Takes what the recorder gives back.
    fn hear_recorder(&mut self) {
        while let Some(back) = self.recorder.as_mut().and_then(Line::hear) {
            match back {
                Back::Block(block) => self.plane.handle_block(block),
                Back::Failed(tape) => self.plane.handle_tape_failed(tape),
            }
        }
    }

    /// Binds a socket; returns the address for SDP.
    fn bind(&mut self, now: Instant, port: PortId, family: Family) -> io::Result<SocketAddr> {
        if port.is_rtcp() {
            return self.bind_second(port);
        }
        let of_family = |(place, _): &(Place, Ports)| Family::of(place.ports.address) == family;
        let at = self.places.iter().position(of_family).unwrap_or(0);
        let Some((place, ports)) = self.places.get_mut(at) else {
            return Err(no_socket());
        };
        let socket = ports.bind(now)?;
        let number = socket.local_addr()?.port();
        if let Err(error) = self.net.open(port, Socket::new(socket, at)) {
            ports.release(now, number);
            return Err(error);
        }
        let told = place.told();
        Ok(SocketAddr::new(told, number))
    }

    /// The number above that of a port's first socket. It is not taken from the numbers of the place:
    /// these are even, and each stands for itself and the one above.
    fn bind_second(&mut self, port: PortId) -> io::Result<SocketAddr> {
        let first = self.net.socket(port.rtp()).filter(|_| port.0 != WAKE);
        let first = first.ok_or_else(no_socket)?;
        let at = first.place();
        let (place, _) = self.places.get(at).ok_or_else(no_socket)?;
        let number = first.number()?.checked_add(1).ok_or_else(no_socket)?;
        let socket = ports::bind(SocketAddr::new(place.ports.address, number))?;
        socket.set_nonblocking(true)?;
        self.net.open(port, Socket::new(socket, at))?;
        let told = place.told();
        Ok(SocketAddr::new(told, number))
    }

    fn unbind(&mut self, now: Instant, port: PortId) {
        if let Some(socket) = self.net.close(port)
            && !port.is_rtcp()
            && let Ok(number) = socket.number()
            && let Some((_, ports)) = self.places.get_mut(socket.place())
        {
            ports.release(now, number);
        }
    }

    /// What fails here costs CPU and no packet: the plane judges every sender itself.
    fn connect(&mut self, port: PortId, peer: SocketAddr) {
        let Some(socket) = self.net.change(port) else {
            return;
        };
        let Some((place, _)) = self.places.get(socket.place()) else {
            return;
        };
        if let Err(error) = socket.connect(peer, place.told()) {
            tracing::debug!(%error, "a media socket is not connected");
        }
    }

    fn disconnect(&mut self, port: PortId) {
        let socket = self.net.change(port);
        if let Some(Err(error)) = socket.map(Socket::disconnect) {
            tracing::error!(%error, "a media socket hears only the peer that it had");
        }
    }
}

fn no_socket() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "no such socket")
}
