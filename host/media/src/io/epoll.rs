//! The epoll backend: level-triggered, one non-blocking socket for each port.
//!
//! Owns the sockets and the one buffer through which all packets go. Level-triggered, so that one packet per
//! report will do: a socket where more wait reports again, after the others had their turn, and none is
//! asked in vain, which would cost as much as a tenth of relaying a packet. After a round that brought several
//! the thread sleeps for as long as a packet may wait, so that one wake-up does for many; after one that brought a single
//! packet it waits for the next one. If it wakes for a tick, that is done first, and what gathered is fetched after it.

use std::io;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use super::Shared;
use super::counters::Tally;
use super::driver::{Came, Net, WAKE};
use super::sockets::{Socket, Sockets};
use crate::command::PortId;
use crate::limits;
use crate::plane::Forward;

/// Sockets reported by one poll: asking a cold one takes 1 to 3 µs, and nothing looks at the clock meanwhile.
const EVENTS: usize = 32;

/// One octet more than a packet may have, so that longer ones are seen to be longer.
const BUFFER: usize = limits::PACKET + 1;

/// What is to be expected of the next wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// Packets come one by one.
    Idle,
    /// Several came since it slept, so that more will soon.
    Busy,
    /// It has slept, and what gathered meanwhile is not fetched yet.
    Slept,
}

/// See the module's header.
pub(super) struct Epoll {
    poll: OwnedFd,
    sockets: Sockets,
    events: Vec<Event>,
    /// Events that were looked at.
    done: usize,
    /// A socket that was just connected and is read on, and how often still.
    again: Option<(PortId, usize)>,
    buffer: Box<[u8; BUFFER]>,
    len: usize,
    mood: Mood,
}

impl Epoll {
    pub(super) fn new(shared: &Shared) -> io::Result<Self> {
        let poll = epoll::create(CreateFlags::CLOEXEC)?;
        let data = EventData::new_u64(WAKE);
        epoll::add(&poll, &shared.wake, data, EventFlags::IN)?;
        Ok(Epoll {
            poll,
            sockets: Sockets::default(),
            events: Vec::with_capacity(EVENTS),
            done: 0,
            again: None,
            buffer: Box::new([0; BUFFER]),
            len: 0,
            mood: Mood::Idle,
        })
    }

    /// A packet of this port, if one waits there: of a socket that was just connected up to
    /// [`limits::RECEIVE_BURST`], to see that none of a stranger waits.
    fn receive(&mut self, port: PortId, left: usize, tally: &Tally) -> Option<Came> {
        // Gone if a command of this very round closed it.
        let socket = self.sockets.get_mut(&port)?;
        let (len, from) = socket.receive(&mut self.buffer[..], tally)?;
        self.len = len;
        let goes_on = socket.is_early() && left > 1;
        self.again = goes_on.then_some((port, left - 1));
        Some(Came::Packet { port, from })
    }
}

impl Net for Epoll {
    fn wait(&mut self, timeout: Option<Duration>, patience: Duration) -> io::Result<()> {
        let more = self.events.len() >= EVENTS;
        self.events.clear();
        self.done = 0;
        let mut timeout = timeout;
        if self.mood == Mood::Busy && !more {
            self.mood = Mood::Slept;
            let left = timeout.unwrap_or(Duration::MAX);
            thread::sleep(patience.min(left));
            if left <= patience {
                return Ok(());
            }
        }
        if self.mood == Mood::Slept || more {
            timeout = Some(Duration::ZERO);
        }
        let timeout = timeout.and_then(|it| Timespec::try_from(it).ok());
        let room = spare_capacity(&mut self.events);
        match epoll::wait(&self.poll, room, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if self.events.len() > 1 {
            self.mood = Mood::Busy;
        } else if self.mood == Mood::Slept {
            self.mood = Mood::Idle;
        }
        Ok(())
    }

    fn next(&mut self, tally: &Tally) -> Option<Came> {
        if let Some((port, left)) = self.again.take()
            && let Some(came) = self.receive(port, left, tally)
        {
            return Some(came);
        }
        while let Some(event) = self.events.get(self.done) {
            self.done += 1;
            let data = event.data.u64();
            if data == WAKE {
                return Some(Came::Word);
            }
            let came = self.receive(PortId(data), limits::RECEIVE_BURST, tally);
            if came.is_some() {
                return came;
            }
        }
        None
    }

    fn ahead(&self) -> impl Iterator<Item = PortId> + Clone {
        let events = self.events.get(self.done..).unwrap_or_default();
        let ports = events.iter().map(|event| PortId(event.data.u64()));
        ports.filter(|port| self.sockets.contains_key(port))
    }

    fn packet(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.len]
    }

    fn forward(&mut self, Forward { via, to, len }: Forward, tally: &Tally) {
        if let Some(socket) = self.sockets.get(&via) {
            socket.send(to, &self.buffer[..len], tally);
        }
    }

    fn send(&mut self, Forward { via, to, .. }: Forward, packet: &[u8], tally: &Tally) {
        if let Some(socket) = self.sockets.get(&via) {
            socket.send(to, packet, tally);
        }
    }

    fn ask(&self, port: PortId) {
        self.sockets.get(&port).inspect(|it| it.ask());
    }

    fn open(&mut self, port: PortId, socket: Socket) -> io::Result<()> {
        let data = EventData::new_u64(port.0);
        epoll::add(&self.poll, socket.udp(), data, EventFlags::IN)?;
        self.sockets.insert(port, socket);
        Ok(())
    }

    fn socket(&self, port: PortId) -> Option<&Socket> {
        self.sockets.get(&port)
    }

    fn change(&mut self, port: PortId) -> Option<&mut Socket> {
        self.sockets.get_mut(&port)
    }

    /// Closing a socket takes it out of the epoll set.
    fn close(&mut self, port: PortId) -> Option<Socket> {
        self.sockets.remove(&port)
    }
}
