//! The sockets of a shard: which there are, and whom each one hears.
//!
//! ```text
//!        connect               nothing waits          Early, Only: the kernel drops what others
//!   Any ─────────▶ Early(peer) ─────────▶ Only(peer)  send, and sending looks no route up.
//!    ▲               │                      │         Early: what waits may still be of others
//!    └───────────────┴──────────────────────┘ disconnect
//! ```
//!
//! Owns the file descriptors, and what sending and receiving count. Decides nothing: the plane
//! says who is to be heard, and refuses strangers itself where a socket cannot be connected.

#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use super::Tally;
use crate::port_map::PortMap;

/// Every socket, by its port.
pub(super) type Sockets = PortMap<Socket>;

/// A port's socket; see the module's header.
#[derive(Debug)]
pub(super) struct Socket {
    udp: UdpSocket,
    hears: Hears,
    place: usize,
}

/// See the module's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hears {
    Any,
    Early(SocketAddr),
    Only(SocketAddr),
}

impl Socket {
    /// One that hears everybody. It must have been bound to a number of its own, not to the
    /// kernel's choice: that would be lost by `disconnect`. `place`: where that number is from.
    pub(super) fn new(socket: UdpSocket, place: usize) -> Self {
        Socket {
            udp: socket,
            place,
            hears: Hears::Any,
        }
    }

    /// Where its number is from.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// The number that it is bound to.
    pub(super) fn number(&self) -> io::Result<u16> {
        self.udp.local_addr().map(|bound| bound.port())
    }

    /// Hears only this peer. A socket that is bound to every address takes one by this, which is
    /// right only if it is the one that peers are `told`; else it goes on hearing everybody.
    pub(super) fn connect(&mut self, peer: SocketAddr, told: IpAddr) -> io::Result<()> {
        let was_everywhere = self.udp.local_addr()?.ip().is_unspecified();
        self.udp.connect(peer)?;
        self.hears = Hears::Early(peer);
        if was_everywhere && self.udp.local_addr()?.ip() != told {
            self.disconnect()?;
        }
        Ok(())
    }

    /// Hears everybody again, at the same address.
    pub(super) fn disconnect(&mut self) -> io::Result<()> {
        if self.hears != Hears::Any {
            rustix::net::connect_unspec(&self.udp)?;
            self.hears = Hears::Any;
        }
        Ok(())
    }

    /// Whether it has to be read until nothing waits.
    pub(super) fn is_early(&self) -> bool {
        matches!(self.hears, Hears::Early(_))
    }

    /// One datagram, and who sent it; `None` if nothing waits.
    pub(super) fn receive(
        &mut self,
        buffer: &mut [u8],
        tally: &Tally,
    ) -> Option<(usize, SocketAddr)> {
        let received = match self.hears {
            Hears::Only(peer) => self.udp.recv(buffer).map(|len| (len, peer)),
            Hears::Any | Hears::Early(_) => self.udp.recv_from(buffer),
        };
        let error = match received {
            Ok(received) => {
                tally.received.add_one();
                return Some(received);
            }
            Err(error) => error,
        };
        match error.kind() {
            io::ErrorKind::WouldBlock => {
                if let Hears::Early(peer) = self.hears {
                    self.hears = Hears::Only(peer);
                }
            }
            // The poll reports the socket again if something waits.
            io::ErrorKind::Interrupted => {}
            _ => tally.unreceived(&error),
        }
        None
    }

    /// Sends a datagram, or counts why not.
    pub(super) fn send(&self, to: SocketAddr, datagram: &[u8], tally: &Tally) {
        let mut sent = self.try_send(to, datagram);
        if let Err(error) = &sent
            && error.kind() == io::ErrorKind::ConnectionRefused
        {
            // That was the answer to an earlier packet; this one was not tried.
            tally.refused.add_one();
            sent = self.try_send(to, datagram);
        }
        match sent {
            Ok(_) => tally.sent.add_one(),
            Err(error) => tally.unsent(&error),
        }
    }

    /// The address that sending there has to name: none if it is the one that is heard.
    pub(super) fn names(&self, to: SocketAddr) -> Option<SocketAddr> {
        match self.hears {
            Hears::Early(peer) | Hears::Only(peer) if peer == to => None,
            _ => Some(to),
        }
    }

    /// Asks for what sending needs of it.
    pub(super) fn ask(&self) {
        cpu::ask(self);
    }

    /// What the system knows it by.
    pub(super) fn udp(&self) -> &UdpSocket {
        &self.udp
    }

    fn try_send(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<usize> {
        match self.names(to) {
            None => self.udp.send(datagram),
            Some(to) => self.udp.send_to(datagram, to),
        }
    }
}
