//! The io_uring backend: a request to receive that stays at each socket, and sends that are handed over together.
//!
//! Owns the sockets and the ring. A packet is told with its sender, whether its socket is connected or
//! not. What is sent is counted when the kernel has answered, a wait later.

use std::io;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use uring::{Event, Ring, Seat};

use super::Shared;
use super::counters::Tally;
use super::driver::{Came, Net};
use super::sockets::Socket;
use crate::command::PortId;
use crate::limits;
use crate::plane::Forward;
use crate::port_map::PortMap;

/// The longest that packets may gather: they are received when the wait is over, all in one go, and more of them would
/// make a tick late.
const GATHER: Duration = Duration::from_micros(200);

/// See the module's header.
pub(super) struct Uring {
    ring: Ring,
    sockets: PortMap<(Socket, Seat)>,
}

impl Uring {
    /// For a plane of so many ports. An error where there is no such ring.
    pub(super) fn new(shared: &Shared, ports: usize) -> io::Result<Self> {
        // No more than there may be open, or the kernel refuses its table.
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let sockets = files.min(limits::descriptors(ports) as u64);
        let mut ring = Ring::new(u32::try_from(sockets).unwrap_or(u32::MAX))?;
        ring.wake_by(&shared.wake)?;
        let sockets = PortMap::default();
        Ok(Uring { ring, sockets })
    }
}

impl Net for Uring {
    fn wait(&mut self, timeout: Option<Duration>, patience: Duration) -> io::Result<()> {
        let patience = patience.min(GATHER);
        self.ring.wait(timeout, patience)
    }

    fn next(&mut self, tally: &Tally) -> Option<Came> {
        loop {
            match self.ring.poll()? {
                Event::Woken => return Some(Came::Word),
                Event::Received { key, from, .. } => {
                    tally.received.add_one();
                    let port = PortId(key);
                    return Some(Came::Packet { port, from });
                }
                Event::Sent => tally.sent.add_one(),
                Event::Refused => tally.refused.add_one(),
                Event::Unreceived(error) => tally.unreceived(&error),
                Event::Unsent(error) => tally.unsent(&error),
            }
        }
    }

    fn ahead(&self) -> impl Iterator<Item = PortId> + Clone {
        self.ring.ahead().map(PortId)
    }

    fn packet(&mut self) -> &mut [u8] {
        self.ring.packet()
    }

    fn forward(&mut self, Forward { via, to, len }: Forward, _: &Tally) {
        if let Some((socket, seat)) = self.sockets.get(&via) {
            self.ring.forward(*seat, socket.names(to), len);
        }
    }

    fn send(&mut self, Forward { via, to, .. }: Forward, packet: &[u8], tally: &Tally) {
        if let Some((socket, seat)) = self.sockets.get(&via)
            && !self.ring.send(*seat, socket.names(to), packet)
        {
            // No buffer is free. What waits for the next wait is older, perhaps of this very port.
            self.ring.flush();
            socket.send(to, packet, tally);
        }
    }

    fn ask(&self, port: PortId) {
        if let Some((socket, seat)) = self.sockets.get(&port) {
            socket.ask();
            cpu::ask(seat);
        }
    }

    fn open(&mut self, port: PortId, socket: Socket) -> io::Result<()> {
        let seat = self.ring.add(port.0, socket.udp())?;
        self.sockets.insert(port, (socket, seat));
        Ok(())
    }

    fn socket(&self, port: PortId) -> Option<&Socket> {
        self.sockets.get(&port).map(|(socket, _)| socket)
    }

    fn change(&mut self, port: PortId) -> Option<&mut Socket> {
        self.ring.flush();
        self.sockets.get_mut(&port).map(|(socket, _)| socket)
    }

    fn close(&mut self, port: PortId) -> Option<Socket> {
        let (socket, seat) = self.sockets.remove(&port)?;
        self.ring.remove(seat);
        Some(socket)
    }
}
