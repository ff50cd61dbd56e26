//! The epoll backend: one thread, level-triggered, one unconnected non-blocking socket per port.
//!
//! Owns sockets and the order of work: what the poll reports, then what the plane wants. A packet
//! is received into the one buffer, rewritten there by the plane and sent from there; nothing is
//! allocated on that way. Level-triggered, because a socket with more than its burst of packets
//! then simply reports again, after the others had their turn.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;

use super::ports::Ports;
use super::{Config, Shared, Sink, Tally};
use crate::command::{Command, PortId};
use crate::limits;
use crate::plane::{Forward, Output, Plane};

/// Marks the wake-up among the ids of ports.
const WAKE: u64 = u64::MAX;

/// Sockets reported by one poll.
const EVENTS: usize = 256;

/// One octet more than a packet may have, so that longer ones are seen to be longer.
const BUFFER: usize = limits::PACKET + 1;

/// See the module's header.
pub(super) struct Driver {
    epoll: OwnedFd,
    plane: Plane,
    sockets: BTreeMap<PortId, UdpSocket>,
    ports: Ports,
    config: Config,
    commands: Receiver<Command>,
    shared: Arc<Shared>,
    clock: fn() -> Instant,
    sink: Sink,
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
        Ok(Driver {
            epoll,
            plane: Plane::new(config.seed, config.limits),
            sockets: BTreeMap::new(),
            ports: Ports::new(config.ports),
            config,
            commands,
            shared,
            clock,
            sink,
            buffer: Box::new([0; BUFFER]),
        })
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
            let now = (self.clock)();
            for event in events.drain(..) {
                match event.data.u64() {
                    WAKE => self.take_commands(now),
                    port => self.receive(now, PortId(port)),
                }
            }
            self.plane.handle_timeout(now);
            self.drain(now);
        }
    }

    fn timeout(&self) -> Option<Timespec> {
        let due = self.plane.poll_timeout()?;
        let wait = due.saturating_duration_since((self.clock)());
        Timespec::try_from(wait).ok()
    }

    fn take_commands(&mut self, now: Instant) {
        self.shared.slept();
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

    fn receive(&mut self, now: Instant, port: PortId) {
        // Gone if a command of this very round closed it.
        let Some(socket) = self.sockets.get(&port) else {
            return;
        };
        let tally = &self.shared.tally;
        for _ in 0..limits::RECEIVE_BURST {
            match socket.recv_from(&mut self.buffer[..]) {
                Ok((len, from)) => {
                    tally.received.add_one();
                    let datagram = &mut self.buffer[..len];
                    if let Some(forward) = self.plane.handle_packet(now, port, from, datagram) {
                        transmit(&self.sockets, forward, datagram, tally);
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return,
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::ConnectionRefused => tally.refused.add_one(),
                    _ => {
                        tally.receives_failed.add_one();
                        return;
                    }
                },
            }
        }
    }

    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.plane.poll_output() {
            match output {
                Output::Bind { port } => {
                    let bound = self.bind(now, port).map_err(|error| error.to_string());
                    self.plane.handle_bound(port, bound);
                }
                Output::Unbind { port } => self.unbind(now, port),
                Output::Event(event) => {
                    if !(self.sink)(event) {
                        self.shared.tally.events_lost.add_one();
                    }
                }
            }
        }
    }

    /// Binds a socket; returns the address for SDP.
    fn bind(&mut self, now: Instant, port: PortId) -> io::Result<SocketAddr> {
        if port.0 == WAKE {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "this port id is reserved",
            ));
        }
        let socket = self.ports.bind(now)?;
        let bound = socket.local_addr()?;
        if let Err(error) = epoll::add(
            &self.epoll,
            &socket,
            EventData::new_u64(port.0),
            EventFlags::IN,
        ) {
            self.ports.release(now, bound.port());
            return Err(error.into());
        }
        self.sockets.insert(port, socket);
        Ok(SocketAddr::new(
            self.config.external.unwrap_or(bound.ip()),
            bound.port(),
        ))
    }

    /// Closing a socket takes it out of the epoll set.
    fn unbind(&mut self, now: Instant, port: PortId) {
        if let Some(socket) = self.sockets.remove(&port)
            && let Ok(bound) = socket.local_addr()
        {
            self.ports.release(now, bound.port());
        }
    }
}

fn transmit(
    sockets: &BTreeMap<PortId, UdpSocket>,
    Forward { via, to, len }: Forward,
    datagram: &[u8],
    tally: &Tally,
) {
    let Some(socket) = sockets.get(&via) else {
        return;
    };
    match socket.send_to(&datagram[..len], to) {
        Ok(_) => tally.sent.add_one(),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock => tally.sends_blocked.add_one(),
            io::ErrorKind::ConnectionRefused => tally.refused.add_one(),
            _ => tally.sends_failed.add_one(),
        },
    }
}
