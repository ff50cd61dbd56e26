//! The UDP receiver: one thread per listener, which finds the shard of each datagram.
//!
//! Owns the receive side of the socket. Sending is the shards': each has a clone and never waits.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::Context;
use bytes::Bytes;
use control::placement::Placement;
use rustix::net::{SendFlags, sendto};
use sip::{Flow, Transport};
use tokio::sync::mpsc;

use crate::{
    clock,
    guard::Door,
    shard::{MAILBOX, Mail},
};

/// The largest datagram.
const DATAGRAM: usize = 65_535;
/// How often an idle receiver looks whether it shall stop.
const IDLE: Duration = Duration::from_millis(200);

/// What went through a listener since its start, in datagrams.
#[derive(Debug)]
pub struct Traffic {
    /// The listener's address.
    pub local: SocketAddr,
    /// Read from the socket.
    pub received: AtomicU64,
    /// Read, but their shard's mailbox was full.
    pub dropped: AtomicU64,
    /// Handed to the kernel.
    pub sent: AtomicU64,
    /// Of those that were read, the ones that only keep a path open.
    pub keep_alives: AtomicU64,
    /// Refused by the kernel, as when the socket's send buffer is full.
    pub unsent: AtomicU64,
}

/// A listener and its receiver thread.
pub struct Listener {
    /// The bound address.
    pub local: SocketAddr,
    socket: Arc<UdpSocket>,
    stop: Arc<AtomicBool>,
    traffic: Arc<Traffic>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Binds, but does not receive yet.
    pub fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        let socket = media::io::bind(address)
            .with_context(|| format!("sip.udp: cannot listen on {address}"))?;
        socket.set_read_timeout(Some(IDLE))?;
        let local = socket.local_addr()?;
        Ok(Self {
            local,
            socket: Arc::new(socket),
            stop: Arc::default(),
            traffic: Arc::new(Traffic::new(local)),
            thread: None,
        })
    }

    /// The sending side.
    pub fn sender(&self) -> Sender {
        Sender {
            local: self.local,
            socket: Arc::clone(&self.socket),
            traffic: Arc::clone(&self.traffic),
        }
    }

    /// Starts the thread.
    pub fn receive(
        &mut self,
        placement: Placement,
        shards: Vec<mpsc::Sender<Mail>>,
        door: Arc<Door>,
    ) -> io::Result<()> {
        let receiver = Receiver {
            sender: self.sender(),
            stop: Arc::clone(&self.stop),
            placement,
            shards,
            door,
        };
        let name = format!("udp {}", self.local.port());
        self.thread = Some(
            std::thread::Builder::new()
                .name(name)
                .spawn(move || receiver.run())?,
        );
        Ok(())
    }

    /// What went through it.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// Stops the thread and waits for its end.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a UDP receiver panicked");
        }
    }
}

/// The sending side of a listener.
#[derive(Clone)]
pub struct Sender {
    /// The listener's address.
    pub local: SocketAddr,
    socket: Arc<UdpSocket>,
    traffic: Arc<Traffic>,
}

impl Sender {
    /// Sends, or loses the datagram: SIP repeats what matters.
    pub fn send(&self, bytes: &[u8], remote: SocketAddr) {
        let counter = match sendto(&self.socket, bytes, SendFlags::DONTWAIT, &remote) {
            Ok(_) => &self.traffic.sent,
            Err(error) => {
                tracing::debug!(%error, "datagram not sent");
                &self.traffic.unsent
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Traffic {
    fn new(local: SocketAddr) -> Self {
        Self {
            local,
            received: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            keep_alives: AtomicU64::new(0),
            unsent: AtomicU64::new(0),
        }
    }
}

struct Receiver {
    /// The other side of its socket.
    sender: Sender,
    stop: Arc<AtomicBool>,
    placement: Placement,
    shards: Vec<mpsc::Sender<Mail>>,
    door: Arc<Door>,
}

impl Receiver {
    fn run(self) {
        let mut buffer = vec![0; DATAGRAM];
        while !self.stop.load(Ordering::Relaxed) {
            match self.sender.socket.recv_from(&mut buffer) {
                Ok((length, remote)) => self.post(&buffer[..length], remote),
                // A time-out, or an ICMP error of an earlier datagram.
                Err(error) => tracing::trace!(%error, "nothing received"),
            }
        }
    }

    fn post(&self, datagram: &[u8], remote: SocketAddr) {
        self.sender.traffic.received.fetch_add(1, Ordering::Relaxed);
        if !self.door.lets_in(remote.ip()) {
            return;
        }
        if self.keeps_alive(datagram, remote) {
            self.sender
                .traffic
                .keep_alives
                .fetch_add(1, Ordering::Relaxed);
            return;
        }
        // Without a Call-ID any shard may answer; the first one does.
        let shard = sip::wire::scan_call_id(datagram).map_or(0, |id| self.placement.shard_of(id));
        let flow = Flow {
            transport: Transport::Udp,
            local: self.sender.local,
            remote,
            name: None,
        };
        let mail = Mail::Packet {
            flow,
            bytes: Bytes::copy_from_slice(datagram),
            received: clock::instant(),
        };
        // The last quarter of a mailbox is kept for turns, media and the API: a flood of datagrams
        // must not cost a call its end.
        let mailbox = &self.shards[usize::from(shard)];
        if mailbox.capacity() < MAILBOX / 4 || mailbox.try_send(mail).is_err() {
            self.sender.traffic.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Line ends and the like need no answer, STUN has its own (RFC 5626 §3.5): no shard is bothered.
    fn keeps_alive(&self, datagram: &[u8], remote: SocketAddr) -> bool {
        if sip::stun::is_stun(datagram) {
            if let Some(answer) = sip::stun::answer(datagram, remote) {
                self.sender.send(&answer, remote);
            }
            return true;
        }
        // Some phones send zeros.
        datagram
            .iter()
            .all(|octet| matches!(octet, b'\r' | b'\n' | 0))
    }
}

#[cfg(test)]
mod tests;
