//! Port numbers: which are free, which rest, and binding one.
//!
//! RTP takes even numbers, each with the next one for RTCP (RFC 3550 §11). A number rests after use, so
//! that late packets of the old call do not reach the next one, and numbers are taken in turn for the
//! same reason.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Instant;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, sockopt::set_ipv6_v6only};

use crate::limits::{BIND_TRIES, PORT_REST};

/// Where media sockets are bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The local address.
    pub address: IpAddr,
    /// The lowest port number; 0 with `last` 0 leaves the choice to the kernel.
    pub first: u16,
    /// The highest port number.
    pub last: u16,
}

impl PortRange {
    /// Any free port.
    pub fn ephemeral(address: IpAddr) -> Self {
        PortRange {
            address,
            first: 0,
            last: 0,
        }
    }

    /// Whether the kernel chooses.
    pub fn is_ephemeral(&self) -> bool {
        self.first == 0 && self.last == 0
    }

    /// Divides the range among `shards`, which must not share numbers.
    pub fn split(self, shards: u16) -> io::Result<Vec<PortRange>> {
        if self.is_ephemeral() {
            return Ok(vec![self; usize::from(shards)]);
        }
        self.check()?;
        let even: Vec<u16> = self.even().collect();
        let share = even.len() / usize::from(shards.max(1));
        if share == 0 {
            return Err(self.invalid(&format!("fewer pairs than {shards} media shards")));
        }
        let parts = even.chunks_exact(share).take(usize::from(shards));
        Ok(parts
            .map(|part| PortRange {
                first: part[0],
                last: part[share - 1] + 1,
                ..self
            })
            .collect())
    }

    pub(super) fn check(&self) -> io::Result<()> {
        if self.is_ephemeral() || (self.first != 0 && self.even().next().is_some()) {
            return Ok(());
        }
        Err(self.invalid("no pair of an even port and the next one in it"))
    }

    /// The lower ones of its pairs.
    fn even(&self) -> impl Iterator<Item = u16> {
        (self.first..self.last).filter(|port| port % 2 == 0)
    }

    fn invalid(&self, fault: &str) -> io::Error {
        let message = format!("media ports {}-{}: {fault}", self.first, self.last);
        io::Error::new(io::ErrorKind::InvalidInput, message)
    }
}

/// The numbers of one shard.
#[derive(Debug)]
pub(super) struct Ports {
    range: PortRange,
    idle: VecDeque<u16>,
    /// With the end of their rest, soonest first.
    resting: VecDeque<(Instant, u16)>,
}

impl Ports {
    pub(super) fn new(range: PortRange) -> Self {
        let idle = if range.is_ephemeral() {
            VecDeque::new()
        } else {
            range.even().collect()
        };
        Ports {
            range,
            idle,
            resting: VecDeque::new(),
        }
    }

    /// A non-blocking socket on the number that has been free for longest.
    pub(super) fn bind(&mut self, now: Instant) -> io::Result<UdpSocket> {
        let socket = if self.range.is_ephemeral() {
            self.bind_any()
        } else {
            self.bind_next(now)
        }?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    /// A socket was closed.
    pub(super) fn release(&mut self, now: Instant, port: u16) {
        if !self.range.is_ephemeral() {
            self.resting.push_back((now + PORT_REST, port));
        }
    }

    fn bind_next(&mut self, now: Instant) -> io::Result<UdpSocket> {
        while let Some(&(until, port)) = self.resting.front()
            && until <= now
        {
            self.resting.pop_front();
            self.idle.push_back(port);
        }
        for _ in 0..BIND_TRIES {
            let Some(port) = self.idle.pop_front() else {
                break;
            };
            match bind(SocketAddr::new(self.range.address, port)) {
                // Somebody else's: worth another look later.
                Err(e) if e.kind() == io::ErrorKind::AddrInUse => self.release(now, port),
                Err(e) => {
                    self.idle.push_front(port);
                    return Err(e);
                }
                bound => return bound,
            }
        }
        let (first, last) = (self.range.first, self.range.last);
        Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            format!(
                "no free media port in {first}-{last}, {} at rest",
                self.resting.len()
            ),
        ))
    }

    /// The number above the kernel's choice, if that is odd. The choice itself would not do even
    /// where it is even: disconnecting a socket gives up a number that it did not name itself.
    fn bind_any(&self) -> io::Result<UdpSocket> {
        let bind = |port| bind(SocketAddr::new(self.range.address, port));
        for _ in 0..BIND_TRIES {
            let chosen = bind(0)?;
            let port = chosen.local_addr()?.port();
            // 65535 has no neighbour above.
            let above = port.checked_add(1).filter(|above| above % 2 == 0);
            if let Some(socket) = above.and_then(|above| bind(above).ok()) {
                return Ok(socket);
            }
        }
        Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "no even media port to be had",
        ))
    }
}

/// A socket for datagrams. One of IPv6 hears nothing of IPv4, so that both kinds may have the same number
/// and no peer has two addresses.
pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    if address.is_ipv4() {
        return UdpSocket::bind(address);
    }
    let kind = SocketType::DGRAM;
    let socket = socket_with(AddressFamily::INET6, kind, SocketFlags::CLOEXEC, None)?;
    set_ipv6_v6only(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    Ok(socket.into())
}
