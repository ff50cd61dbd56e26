//! The sockets of a shard: which there are, and whom each one hears.
//!
//! ```text
//!           connect                       Only(peer): the kernel drops what others send, and knows
//!   Any ───────────────▶ Only(peer)       the way to the peer, so sending looks no route up
//!    ▲                      │
//!    └──────────────────────┘ disconnect
//! ```
//!
//! Owns the file descriptors, found by a dense number that the poll reports, and what sending and
//! receiving count. Decides nothing: the plane says who is to be heard, and refuses strangers
//! itself where a socket cannot be connected.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use super::Tally;
use crate::command::PortId;

/// The place of a socket; used again once the socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(pub(super) usize);

/// A port's socket.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) port: PortId,
    socket: UdpSocket,
    hears: Hears,
}

/// See the module's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hears {
    Any,
    Only(SocketAddr),
}

/// See the module's header.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    slots: Vec<Option<Socket>>,
    free: Vec<usize>,
    by_port: BTreeMap<PortId, usize>,
}

impl Sockets {
    /// Takes a socket in, unless it cannot be `watched`.
    pub(super) fn insert(
        &mut self,
        port: PortId,
        socket: UdpSocket,
        watch: impl FnOnce(Slot, &UdpSocket) -> io::Result<()>,
    ) -> io::Result<()> {
        let slot = self.free.last().copied().unwrap_or(self.slots.len());
        watch(Slot(slot), &socket)?;
        let taken = Some(Socket {
            port,
            socket,
            hears: Hears::Any,
        });
        match self.free.pop() {
            Some(slot) => self.slots[slot] = taken,
            None => self.slots.push(taken),
        }
        self.by_port.insert(port, slot);
        Ok(())
    }

    /// Closes the socket of a port; the number that it was bound to.
    pub(super) fn remove(&mut self, port: PortId) -> Option<u16> {
        let slot = self.by_port.remove(&port)?;
        let closed = self.slots.get_mut(slot)?.take()?;
        self.free.push(slot);
        closed.socket.local_addr().ok().map(|bound| bound.port())
    }

    pub(super) fn get(&self, Slot(slot): Slot) -> Option<&Socket> {
        self.slots.get(slot)?.as_ref()
    }

    pub(super) fn of(&self, port: PortId) -> Option<&Socket> {
        self.get(Slot(*self.by_port.get(&port)?))
    }

    pub(super) fn of_mut(&mut self, port: PortId) -> Option<&mut Socket> {
        self.slots.get_mut(*self.by_port.get(&port)?)?.as_mut()
    }
}

impl Socket {
    /// Hears only this peer. A socket that is bound to every address gets one by this, which is
    /// right only if it is the one that the peer was told; else it stays as it is.
    pub(super) fn connect(&mut self, peer: SocketAddr, told: IpAddr) -> io::Result<()> {
        let was_any = self.socket.local_addr()?.ip().is_unspecified();
        self.socket.connect(peer)?;
        self.hears = Hears::Only(peer);
        if was_any && self.socket.local_addr()?.ip() != told {
            self.disconnect()?;
        }
        Ok(())
    }

    /// Hears everybody.
    pub(super) fn disconnect(&mut self) -> io::Result<()> {
        if self.hears != Hears::Any {
            rustix::net::connect_unspec(&self.socket)?;
            self.hears = Hears::Any;
        }
        Ok(())
    }

    /// One datagram, and who sent it; `None` if there was none.
    pub(super) fn receive(&self, buffer: &mut [u8], tally: &Tally) -> Option<(usize, SocketAddr)> {
        match self.socket.recv_from(buffer) {
            Ok(received) => {
                tally.received.add_one();
                return Some(received);
            }
            Err(error) => match error.kind() {
                // The poll reports the socket again if there is something.
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
                io::ErrorKind::ConnectionRefused => tally.refused.add_one(),
                _ => tally.receives_failed.add_one(),
            },
        }
        None
    }

    /// Sends a datagram, or counts why not.
    pub(super) fn send(&self, to: SocketAddr, datagram: &[u8], tally: &Tally) {
        let mut sent = self.try_send(to, datagram);
        if let Err(error) = &sent
            && error.kind() == io::ErrorKind::ConnectionRefused
        {
            // It is about an earlier packet; this one has not been tried.
            tally.refused.add_one();
            sent = self.try_send(to, datagram);
        }
        match sent {
            Ok(_) => tally.sent.add_one(),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => tally.sends_blocked.add_one(),
                io::ErrorKind::ConnectionRefused => tally.refused.add_one(),
                _ => tally.sends_failed.add_one(),
            },
        }
    }

    fn try_send(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<usize> {
        if self.hears == Hears::Only(to) {
            self.socket.send(datagram)
        } else {
            self.socket.send_to(datagram, to)
        }
    }
}
