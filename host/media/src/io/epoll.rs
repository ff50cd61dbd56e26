//! The epoll backend: one thread, level-triggered, one non-blocking socket per port.
//!
//! Owns sockets and the order of work: what the poll reports, then what the plane wants. A packet
//! is received into the one buffer, rewritten there by the plane and sent from there; nothing is
//! allocated on that way. A poll lasts until the next tick at most. Level-triggered, so that one packet per report will do: a socket where
//! more wait reports again, after the others had their turn, and none is asked in vain.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;

use super::ports::{self, Ports};
use super::sockets::{Socket, Sockets};
use super::{Config, Place, Shared, Sink, Waker};
use crate::command::{Command, Family, PortId};
use crate::limits;
use crate::plane::{Output, Plane};
use crate::recorder::{Back, Line, Refused};
use crate::tape::Word;

/// Marks the wake-up among the ids of ports.
const WAKE: u64 = u64::MAX;

/// Sockets reported by one poll.
const EVENTS: usize = 256;

/// Packets that are served before it is seen whether a tick is due: 0.1 ms of them.
const AT_ONCE: usize = 16;

/// One octet more than a packet may have, so that longer ones are seen to be longer.
const BUFFER: usize = limits::PACKET + 1;

/// See the module's header.
pub(super) struct Driver {
    epoll: OwnedFd,
    plane: Plane,
    sockets: Sockets,
    /// With those that are free at each.
    places: Vec<(Place, Ports)>,
    config: Config,
    commands: Receiver<Command>,
    shared: Arc<Shared>,
    clock: fn() -> Instant,
    sink: Sink,
    recorder: Option<Line>,
    buffer: Box<[u8; BUFFER]>,
}

impl Driver {
    pub(super) fn new(
        config: Config,
        commands: Receiver<Command>,
        shared: Arc<Shared>,
        clock: fn() -> Instant,
        sink: Sink,
    ) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(
            &epoll,
            &shared.wake,
            EventData::new_u64(WAKE),
            EventFlags::IN,
        )?;
        let all = config.places.clone().into_iter();
        let places = all.map(|place| (place, Ports::new(place.ports)));
        Ok(Driver {
            epoll,
            plane: Plane::new(config.seed, config.limits),
            sockets: Sockets::default(),
            places: places.collect(),
            config,
            commands,
            shared,
            clock,
            sink,
            recorder: None,
            buffer: Box::new([0; BUFFER]),
        })
    }

    /// Tapes go there.
    pub(super) fn record_by(&mut self, mut line: Line, waker: Waker) {
        line.join(waker);
        self.recorder = Some(line);
    }

    pub(super) fn run(mut self) {
        let mut events = Vec::with_capacity(EVENTS);
        while !self.shared.stop.load(Ordering::Acquire) {
            let timeout = self.timeout();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), timeout.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => {
                    tracing::error!(%error, "a media shard cannot poll and ends");
                    return;
                }
            }
            let mut now = (self.clock)();
            for (at, event) in (1..).zip(events.drain(..)) {
                match event.data.u64() {
                    WAKE => self.take_commands(now),
                    port => self.receive(now, PortId(port)),
                }
                if at % AT_ONCE == 0 {
                    now = (self.clock)();
                    self.tick(now);
                }
            }
            self.tick(now);
            if self.shared.tally.tape_lost.set(self.plane.tape_lost()) {
                // No block was free: perhaps one came back.
                self.hear_recorder();
            }
        }
    }

    /// What ports say by themselves. How late a tick is counts from when it is done: packets that came
    /// may have been served first.
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

    fn timeout(&self) -> Option<Timespec> {
        let due = self.plane.poll_timeout()?;
        let wait = due.saturating_duration_since((self.clock)());
        Timespec::try_from(wait).ok()
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

    /// One packet: it is rare that more wait, and asking in vain costs as much as a tenth of
    /// relaying one.
    fn receive(&mut self, now: Instant, port: PortId) {
        let tally = &self.shared.tally;
        for _ in 0..limits::RECEIVE_BURST {
            // Gone if a command of this very round closed it.
            let Some(socket) = self.sockets.get_mut(&port) else {
                return;
            };
            let Some((len, from)) = socket.receive(&mut self.buffer[..], tally) else {
                return;
            };
            let is_early = socket.is_early();
            let datagram = &mut self.buffer[..len];
            if let Some(forward) = self.plane.handle_packet(now, port, from, datagram)
                && let Some(socket) = self.sockets.get(&forward.via)
            {
                socket.send(forward.to, &datagram[..forward.len], tally);
            }
            if !is_early {
                return;
            }
        }
    }

    fn drain(&mut self, now: Instant) {
        while let Some((forward, packet)) = self.plane.poll_packet() {
            if let Some(socket) = self.sockets.get(&forward.via) {
                socket.send(forward.to, packet, &self.shared.tally);
            }
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
        let tape = match &word {
            Word::Begin { tape, .. } => Some(*tape),
            Word::Block(_) | Word::End { .. } => None,
        };
        let refused = match (&mut self.recorder, tape) {
            (Some(line), _) => line.say(word).err(),
            (None, tape) => tape.map(Refused::Begin),
        };
        match refused {
            None => {}
            Some(Refused::Begin(tape)) => self.plane.handle_tape_failed(tape),
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
        let data = EventData::new_u64(port.0);
        if let Err(error) = epoll::add(&self.epoll, &socket, data, EventFlags::IN) {
            ports.release(now, number);
            return Err(error.into());
        }
        let told = place.told();
        self.sockets.insert(port, Socket::new(socket, at));
        Ok(SocketAddr::new(told, number))
    }

    /// The number above that of a port's first socket. It is not taken from the numbers of the place:
    /// these are even, and each stands for itself and the one above.
    fn bind_second(&mut self, port: PortId) -> io::Result<SocketAddr> {
        let first = self.sockets.get(&port.rtp()).filter(|_| port.0 != WAKE);
        let first = first.ok_or_else(no_socket)?;
        let at = first.place();
        let (place, _) = self.places.get(at).ok_or_else(no_socket)?;
        let number = first.number()?.checked_add(1).ok_or_else(no_socket)?;
        let socket = ports::bind(SocketAddr::new(place.ports.address, number))?;
        socket.set_nonblocking(true)?;
        let data = EventData::new_u64(port.0);
        epoll::add(&self.epoll, &socket, data, EventFlags::IN)?;
        let told = place.told();
        self.sockets.insert(port, Socket::new(socket, at));
        Ok(SocketAddr::new(told, number))
    }

    /// Closing a socket takes it out of the epoll set.
    fn unbind(&mut self, now: Instant, port: PortId) {
        if let Some(socket) = self.sockets.remove(&port)
            && !port.is_rtcp()
            && let Ok(number) = socket.number()
            && let Some((_, ports)) = self.places.get_mut(socket.place())
        {
            ports.release(now, number);
        }
    }

    /// What fails here costs CPU and no packet: the plane judges every sender itself.
    fn connect(&mut self, port: PortId, peer: SocketAddr) {
        let Some(socket) = self.sockets.get_mut(&port) else {
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
        let socket = self.sockets.get_mut(&port);
        if let Some(Err(error)) = socket.map(Socket::disconnect) {
            tracing::error!(%error, "a media socket hears only the peer that it had");
        }
    }
}

fn no_socket() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "no such socket")
}
