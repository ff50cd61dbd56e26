//! The telephones: one thread that sends every telephone's packet each 20 ms and takes what came.
//!
//! The packets are spread evenly over the 20 ms, as those of strangers are; the thread sleeps between
//! them for as long as the system's timers let it, so that a few come at once.
//!
//! Telephones of one call, or of one conference, are strangers, too: they follow one another by some 8 ms. While they
//! were 17 µs apart, as they were once, each packet of a call left by a socket at which another had just been received,
//! which no pair of telephones brings about: relaying cost 0.3 to 0.5 µs less by epoll, and 0.6 to 1.0 by io_uring. What
//! is mixed leaves at a tick, and costs the same in either order.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::{PACKET, address, machine, now, rtp, socket};

/// The interval of packets of one telephone.
const INTERVAL: Duration = Duration::from_millis(20);
/// The shortest sleep: below it the system's timer costs more than the packets.
const NAP: Duration = Duration::from_micros(100);

/// A telephone: where its sound leaves from, and where it goes to.
pub(crate) struct Phone {
    pub(crate) socket: UdpSocket,
    pub(crate) port: SocketAddr,
}

/// The thread while it runs.
pub(crate) struct Load {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<(u64, u64)>,
}

/// They begin to talk.
pub(crate) fn start(phones: Vec<Phone>) -> Load {
    let mut phones: Vec<_> = phones.into_iter().map(Some).collect();
    let order = strangers(phones.len()).into_iter();
    let phones: Vec<Phone> = order.filter_map(|at| phones[at].take()).collect();
    let ends = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&ends);
    let thread = std::thread::spawn(move || talk(&phones, &told));
    Load { ends, thread }
}

impl Load {
    /// They fall silent within 20 ms.
    pub(crate) fn hush(&self) {
        self.ends.store(true, Ordering::Relaxed);
    }

    /// How many packets they sent and received.
    pub(crate) fn end(self) -> (u64, u64) {
        self.hush();
        self.thread.join().expect("it does not panic")
    }
}

/// What telephones cost by themselves: they send to one another, with nothing between. Seconds of CPU for
/// each packet.
pub(crate) fn direct(phones: usize, time: Duration) -> f64 {
    let sockets: Vec<UdpSocket> = (0..phones).map(|_| socket()).collect();
    let ports: Vec<SocketAddr> = sockets.iter().map(address).collect();
    let to = (0..phones).map(|at| ports[at ^ 1]);
    let phones = sockets.into_iter().zip(to);
    let phones = phones
        .map(|(socket, port)| Phone { socket, port })
        .collect();
    let load = start(phones);
    let (before, begin) = (machine(), now());
    std::thread::sleep(time);
    let (spent, lasted) = (machine() - before, begin.elapsed());
    let (sent, arrived) = load.end();
    assert!(arrived * 10 >= sent * 9, "the machine is too busy");
    spent / (lasted.as_secs_f64() / INTERVAL.as_secs_f64() * ports.len() as f64)
}

fn talk(phones: &[Phone], ends: &AtomicBool) -> (u64, u64) {
    let gap = INTERVAL / phones.len() as u32;
    let mut packet = packet();
    let (mut sent, mut arrived) = (0, 0);
    let begin = now();
    for round in 0.. {
        stamp(&mut packet, round);
        for (at, phone) in phones.iter().enumerate() {
            let due = begin + INTERVAL * round + gap * at as u32;
            let wait = due.saturating_duration_since(now());
            if wait > NAP {
                std::thread::sleep(wait);
            }
            arrived += take(&phone.socket);
            // A full buffer is a lost packet, and the loss is told.
            let _ = phone.socket.send_to(&packet, phone.port);
            sent += 1;
        }
        if ends.load(Ordering::Relaxed) {
            break;
        }
    }
    // What is on its way arrives, and is no loss.
    std::thread::sleep(INTERVAL);
    arrived += phones.iter().map(|phone| take(&phone.socket)).sum::<u64>();
    (sent, arrived)
}

/// All of so many, in an order in which neighbours are far apart.
pub(crate) fn strangers(phones: usize) -> Vec<usize> {
    let apart = phones * 5 / 13;
    // A step that shares no divisor with their number comes to all of them.
    let stride = (apart..=2 * phones).find(|&step| divisor(step, phones) == 1);
    let stride = stride.unwrap_or(1);
    (0..phones).map(|nth| nth * stride % phones).collect()
}

fn divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { divisor(b, a % b) }
}

/// Takes everything that waits in a socket.
pub(crate) fn take(socket: &UdpSocket) -> u64 {
    let mut buffer = [0; 2 * PACKET];
    let mut taken = 0;
    while socket.recv(&mut buffer).is_ok() {
        taken += 1;
    }
    taken
}

/// A packet of noise: silence would be cheaper to mix.
pub(crate) fn packet() -> Vec<u8> {
    let fixed = rtp::Fixed {
        marker: false,
        payload_type: 8,
        sequence: 0,
        timestamp: 0,
        ssrc: 7,
    };
    let mut noise = 1_u32;
    let payload = std::array::from_fn::<u8, 160, _>(|_| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    });
    let packet = rtp::build(fixed, &payload);
    assert_eq!(packet.len(), PACKET);
    packet
}

/// The next packet of a stream.
pub(crate) fn stamp(packet: &mut [u8], round: u32) {
    packet[..2].copy_from_slice(&[0x80, 8]);
    packet[2..4].copy_from_slice(&(round as u16).to_be_bytes());
    packet[4..8].copy_from_slice(&(round.wrapping_mul(160)).to_be_bytes());
    packet[8..12].copy_from_slice(&7_u32.to_be_bytes());
}
