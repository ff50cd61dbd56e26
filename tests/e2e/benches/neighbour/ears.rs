//! Calls with audio, and how late the audio of each party reaches the other.
//!
//! Every packet says when it was sent, on the clock of this process; the codec of both parties is the same, so that the
//! node relays what it says as it is.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::figure::now;
use crate::node::Node;
use crate::office::Office;
use crate::phones::Sipp;

/// Milliseconds of a packet, octets of its header and of its audio.
const PACKET: Duration = Duration::from_millis(20);
const HEADER: usize = 12;
const AUDIO: usize = 160;
/// A-law, as the payload types of RFC 3551 number it.
const PCMA: u8 = 8;
/// Calls, each of a tenant of its own.
const CALLS: usize = 8;
/// How much longer each call is than it is listened to.
const MARGIN: Duration = Duration::from_secs(6);

/// Tenants whose calls are listened to.
pub(crate) struct Ears(Vec<Office>);

/// Calls that are listened to.
pub(crate) struct Listening {
    sipp: Vec<[Sipp; 2]>,
    sockets: Vec<Arc<UdpSocket>>,
    /// Whom each socket sends to.
    peers: Vec<SocketAddr>,
}

/// Sockets that send and hear.
pub(crate) struct Hearing {
    stop: Arc<AtomicBool>,
    sender: JoinHandle<u64>,
    receivers: Vec<JoinHandle<Vec<f64>>>,
}

/// What was heard.
#[derive(Default)]
pub(crate) struct Heard {
    /// How late each packet was, ms.
    pub(crate) late: Vec<f64>,
    /// Packets that never came.
    pub(crate) lost: u64,
}

impl Ears {
    /// Makes the tenants.
    pub(crate) fn of(node: &Node) -> Self {
        Self(
            (0..CALLS)
                .map(|n| Office::open(node, &format!("ear{n}")))
                .collect(),
        )
    }

    /// Sets every call up; each lasts for so long and a little.
    pub(crate) fn call(&self, talk: Duration) -> Listening {
        let talk = (talk + MARGIN).as_millis();
        let mut listening = Listening {
            sipp: Vec::new(),
            sockets: Vec::new(),
            peers: Vec::new(),
        };
        for office in &self.0 {
            office.makecall("2001", "3001");
            let [near, far] = [(); 2].map(|()| socket());
            let callee = office.is_called("uas-answers").with("rtp", port(&far));
            let callee = callee.start();
            let user = office.calls("uac-answered", "2001").with("talk", talk);
            let user = user.with("rtp", port(&near)).start();
            listening.peers.extend([user.media(), callee.media()]);
            listening.sockets.extend([near, far]);
            listening.sipp.push([user, callee]);
        }
        listening
    }
}

impl Listening {
    /// Begins to talk and to listen.
    pub(crate) fn begin(&self) -> Hearing {
        let (begin, stop) = (now(), Arc::new(AtomicBool::new(false)));
        let receivers = self.sockets.iter().map(|socket| {
            let (socket, stop) = (Arc::clone(socket), Arc::clone(&stop));
            std::thread::spawn(move || listen(&socket, begin, &stop))
        });
        let receivers = receivers.collect();
        let lines = self.sockets.iter().cloned().zip(self.peers.clone());
        let (lines, ends) = (lines.collect::<Vec<_>>(), Arc::clone(&stop));
        Hearing {
            sender: std::thread::spawn(move || talk(&lines, begin, &ends)),
            receivers,
            stop,
        }
    }

    /// Waits until every call has ended as it should.
    pub(crate) fn finish(mut self) {
        for party in self.sipp.iter_mut().flatten() {
            party.finish();
        }
    }
}

impl Hearing {
    /// Falls silent.
    pub(crate) fn end(self) -> Heard {
        self.stop.store(true, Ordering::Relaxed);
        let sent = self.sender.join().expect("it can send");
        let late = self.receivers.into_iter();
        let late = late.flat_map(|it| it.join().expect("it can hear"));
        let late: Vec<f64> = late.collect();
        let lost = sent.saturating_sub(late.len() as u64);
        Heard { late, lost }
    }
}

fn socket() -> Arc<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let patience = Some(Duration::from_millis(100));
    socket.set_read_timeout(patience).expect("a socket option");
    Arc::new(socket)
}

fn port(socket: &UdpSocket) -> u16 {
    socket.local_addr().expect("it is bound").port()
}

/// One packet of each line in each packet's time, evenly; how many were sent.
fn talk(lines: &[(Arc<UdpSocket>, SocketAddr)], begin: Instant, stop: &AtomicBool) -> u64 {
    let pause = PACKET / lines.len() as u32;
    let (mut sent, mut due) = (0, begin);
    while !stop.load(Ordering::Relaxed) {
        let at = sent as usize % lines.len();
        let (socket, peer) = &lines[at];
        let number = sent / lines.len() as u64;
        due += pause;
        std::thread::sleep(due.saturating_duration_since(now()));
        let mut packet = [0x55; HEADER + AUDIO];
        packet[..2].copy_from_slice(&[0x80, PCMA]);
        packet[2..4].copy_from_slice(&(number as u16).to_be_bytes());
        packet[4..8].copy_from_slice(&(number as u32 * AUDIO as u32).to_be_bytes());
        packet[8..HEADER].copy_from_slice(&(at as u32 + 1).to_be_bytes());
        let nanoseconds = begin.elapsed().as_nanos() as u64;
        packet[HEADER..HEADER + 8].copy_from_slice(&nanoseconds.to_be_bytes());
        // What cannot be sent is lost, and missed by who listens.
        let _ = socket.send_to(&packet, peer);
        sent += 1;
    }
    sent
}

/// How late each packet was that came, ms.
fn listen(socket: &UdpSocket, begin: Instant, stop: &AtomicBool) -> Vec<f64> {
    let mut late = Vec::new();
    let mut packet = [0; 2_048];
    let mut quiet = false;
    // What is on its way when all fall silent is heard.
    while !(quiet && stop.load(Ordering::Relaxed)) {
        let received = socket.recv(&mut packet);
        let arrived = begin.elapsed();
        quiet = received.is_err();
        if received.is_ok_and(|length| length == HEADER + AUDIO) && packet[1] & 0x7f == PCMA {
            let sent = packet[HEADER..]
                .first_chunk()
                .map(|it| u64::from_be_bytes(*it));
            let sent = Duration::from_nanos(sent.unwrap_or_default());
            late.push(arrived.saturating_sub(sent).as_secs_f64() * 1e3);
        }
    }
    late
}
