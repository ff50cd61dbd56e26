//! A datagram: how it lies in a buffer, and its way in and out of a ring.
//!
//! ```text
//!  0     16      44                2,048
//!  │ head │ name  │ body …          │
//! ```
//!
//! One that comes has its sender's name, which the kernel writes; one that is sent has its addressee's in the
//! same place, if that is named. So the same buffer goes in and out. Requests and answers are the ring's.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use io_uring::types::Fixed;
use io_uring::{cqueue, opcode};

use crate::{Event, Ring, SEND, Seat, pool};

/// What the kernel puts before a datagram: four numbers (`struct io_uring_recvmsg_out`), then its sender.
const HEAD: usize = 16;
/// Octets of a sender: `struct sockaddr_in6`.
pub(crate) const NAME: usize = 28;
/// Where the datagram begins.
const BODY: usize = HEAD + NAME;

/// A datagram on its way out, by its buffer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Letter {
    seat: u32,
    /// Of the socket that it is sent from.
    generation: u32,
    len: u32,
    name: u32,
    again: bool,
}

impl Ring {
    /// The datagram that was told last, until the next is.
    pub fn packet(&mut self) -> &mut [u8] {
        match self.current {
            Some((buffer, len)) => &mut self.pool.octets(buffer)[BODY..BODY + len],
            None => &mut [],
        }
    }

    /// Sends so many octets of that datagram from this socket: to its peer, or to whom is named.
    pub fn forward(&mut self, seat: Seat, to: Option<SocketAddr>, len: usize) {
        if let Some((buffer, held)) = self.current.take() {
            self.post(seat, to, buffer, len.min(held));
        }
    }

    /// Sends a datagram from this socket: to its peer, or to whom is named. False if there is no room, or
    /// it is longer than any.
    #[must_use]
    pub fn send(&mut self, seat: Seat, to: Option<SocketAddr>, packet: &[u8]) -> bool {
        if packet.len() > pool::SIZE - BODY {
            return false;
        }
        let Some(buffer) = self.pool.take() else {
            return false;
        };
        self.pool.octets(buffer)[BODY..BODY + packet.len()].copy_from_slice(packet);
        self.post(seat, to, buffer, packet.len());
        true
    }

    pub(crate) fn received(&mut self, answer: &cqueue::Entry) -> Option<Event> {
        let (number, flags) = (answer.user_data(), answer.flags());
        let buffer = cqueue::buffer_select(flags);
        if let Some(buffer) = buffer {
            self.pool.taken(buffer);
        }
        let seat = number as u32;
        let taken = self.seats.get(seat as usize).copied();
        let taken = taken.filter(|it| it.listens && self.number(seat) == number);
        let ended = !cqueue::more(flags);
        self.staying -= usize::from(ended);
        if let Some(buffer) = buffer {
            self.current = Some((buffer, 0));
        }
        let taken = taken?;
        if ended {
            self.listen(seat);
        }
        if answer.result() < 0 {
            // Without a buffer it waits where it is until there is one.
            let error = io::Error::from_raw_os_error(-answer.result());
            let is_none = error.raw_os_error() == Some(libc::ENOBUFS);
            return (!is_none).then_some(Event::Unreceived(error));
        }
        let len = (answer.result() as usize).checked_sub(BODY)?;
        let octets = self.pool.octets(buffer?);
        let len = len.min(octets.len() - BODY);
        let from = read_name(&octets[HEAD..BODY])?;
        self.current = Some((buffer?, len));
        let key = taken.key;
        Some(Event::Received { key, from, len })
    }

    fn post(&mut self, Seat(seat): Seat, to: Option<SocketAddr>, buffer: u16, len: usize) {
        let octets = self.pool.octets(buffer);
        let name = to.map_or(0, |to| write_name(&mut octets[HEAD..BODY], to));
        let (len, again) = (len as u32, false);
        self.letters[usize::from(buffer)] = Letter {
            seat,
            generation: self.generation(seat),
            len,
            name,
            again,
        };
        self.submit_letter(buffer);
    }

    fn submit_letter(&mut self, buffer: u16) {
        let Letter {
            seat, len, name, ..
        } = self.letters[usize::from(buffer)];
        let start = self.pool.address(buffer);
        let body = start.wrapping_add(BODY);
        let mut request = opcode::Send::new(Fixed(seat), body, len).flags(libc::MSG_DONTWAIT);
        if name > 0 {
            #[expect(
                clippy::cast_ptr_alignment,
                reason = "a buffer is aligned, and so is its 16th octet"
            )]
            let address = start.wrapping_add(HEAD).cast::<libc::sockaddr>();
            request = request.dest_addr(address).dest_addr_len(name);
        }
        let request = request.build().user_data(SEND | u64::from(buffer));
        if self.push(&request) {
            self.sending += 1;
        } else {
            self.pool.give_back(buffer);
        }
    }

    pub(crate) fn sent(&mut self, answer: &cqueue::Entry) -> Event {
        self.sending -= 1;
        let buffer = answer.user_data() as u16;
        if answer.result() >= 0 {
            self.pool.give_back(buffer);
            return Event::Sent;
        }
        let error = io::Error::from_raw_os_error(-answer.result());
        let letter = self.letters[usize::from(buffer)];
        let taken = self.seats.get(letter.seat as usize);
        let is_there = taken.is_some_and(|it| it.listens && it.generation == letter.generation);
        // That was the answer to an earlier packet; this one was not tried. The seat may be another's by now.
        if error.kind() == io::ErrorKind::ConnectionRefused && !letter.again && is_there {
            self.letters[usize::from(buffer)].again = true;
            self.submit_letter(buffer);
            return Event::Refused;
        }
        self.pool.give_back(buffer);
        Event::Unsent(error)
    }
}

/// Reads a `struct sockaddr_in` or `sockaddr_in6`.
pub(crate) fn read_name(name: &[u8]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(*name.first_chunk()?);
    let port = u16::from_be_bytes(*name.get(2..)?.first_chunk()?);
    match i32::from(family) {
        libc::AF_INET => {
            let address: [u8; 4] = *name.get(4..)?.first_chunk()?;
            Some(SocketAddrV4::new(Ipv4Addr::from(address), port).into())
        }
        libc::AF_INET6 => {
            let flow = u32::from_ne_bytes(*name.get(4..)?.first_chunk()?);
            let address: [u8; 16] = *name.get(8..)?.first_chunk()?;
            let scope = u32::from_ne_bytes(*name.get(24..)?.first_chunk()?);
            Some(SocketAddrV6::new(Ipv6Addr::from(address), port, flow, scope).into())
        }
        _ => None,
    }
}

/// Writes one; its length.
pub(crate) fn write_name(name: &mut [u8], to: SocketAddr) -> u32 {
    name.fill(0);
    name[2..4].copy_from_slice(&to.port().to_be_bytes());
    let (family, len) = match to {
        SocketAddr::V4(to) => {
            name[4..8].copy_from_slice(&to.ip().octets());
            (libc::AF_INET, 16)
        }
        SocketAddr::V6(to) => {
            name[4..8].copy_from_slice(&to.flowinfo().to_ne_bytes());
            name[8..24].copy_from_slice(&to.ip().octets());
            name[24..28].copy_from_slice(&to.scope_id().to_ne_bytes());
            (libc::AF_INET6, NAME as u32)
        }
    };
    name[..2].copy_from_slice(&(family as u16).to_ne_bytes());
    len
}
