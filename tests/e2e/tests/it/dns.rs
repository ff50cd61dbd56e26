//! A DNS server of the tests' own: one zone, over UDP.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What one name has: its kind as a number of the registry, and the data as on the wire.
type Entry = (&'static str, u16, Vec<u8>);

/// See the module's header. It ends with the process.
pub(crate) struct Dns {
    /// Where it answers.
    pub(crate) address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
}

/// What there is, and what was asked for.
#[derive(Default)]
struct Zone {
    entries: Vec<Entry>,
    asked: Vec<(String, u16)>,
}

/// The data of an SRV record.
pub(crate) fn srv(priority: u16, port: u16, target: &str) -> Vec<u8> {
    let head = [priority, 1, port].map(u16::to_be_bytes);
    [&head.concat()[..], &wire(target)].concat()
}

/// The data of a NAPTR record that leads to a service, such as `SIP+D2U`.
pub(crate) fn naptr(kind: &str, service: &str) -> Vec<u8> {
    let head = b"\0\x0a\0\x0a\x01s";
    let length = [kind.len() as u8];
    [&head[..], &length, kind.as_bytes(), b"\0", &wire(service)].concat()
}

fn wire(name: &str) -> Vec<u8> {
    let labels = name.split('.').flat_map(|label| {
        let length = label.len() as u8;
        std::iter::once(length).chain(label.bytes())
    });
    labels.chain([0]).collect()
}

impl Dns {
    /// One that knows nothing yet.
    pub(crate) fn serve() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let zone = Arc::default();
        let shared = Arc::clone(&zone);
        thread::spawn(move || answer(&socket, &shared));
        Self { address, zone }
    }

    /// From now on there is this.
    pub(crate) fn know(&self, entries: impl IntoIterator<Item = Entry>) {
        let mut zone = self.zone.lock().unwrap_or_else(PoisonError::into_inner);
        zone.entries.extend(entries);
    }

    /// Whether that was asked for.
    pub(crate) fn was_asked(&self, name: &str, kind: u16) -> bool {
        let zone = self.zone.lock().unwrap_or_else(PoisonError::into_inner);
        zone.asked.contains(&(name.to_owned(), kind))
    }
}

fn answer(socket: &UdpSocket, zone: &Mutex<Zone>) {
    let mut buffer = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        let query = &buffer[..length];
        let Some((name, kind, end)) = question(query) else {
            continue;
        };
        let mut zone = zone.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = || zone.entries.iter().filter(|(of, ..)| *of == name);
        let found: Vec<&Entry> = entries().filter(|(_, is, _)| *is == kind).collect();
        let status = if entries().next().is_some() { 0 } else { 3 };
        let count = found.len() as u8;
        let mut answer = query[..2].to_vec();
        answer.extend([0x84, status, 0, 1, 0, count, 0, 0, 0, 0]);
        answer.extend(&query[12..end]);
        for (_, kind, data) in found {
            answer.extend([0xc0, 12]);
            answer.extend(kind.to_be_bytes());
            answer.extend([0, 1, 0, 0, 0, 60]);
            answer.extend((data.len() as u16).to_be_bytes());
            answer.extend(data);
        }
        // Whoever is gone needs no answer.
        let _ = socket.send_to(&answer, from);
        zone.asked.push((name, kind));
    }
}

/// The name and the kind that a query asks for, and where its question ends.
fn question(query: &[u8]) -> Option<(String, u16, usize)> {
    let mut at = 12;
    let mut labels = Vec::new();
    while *query.get(at)? > 0 {
        let next = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8_lossy(query.get(at + 1..next)?).to_lowercase());
        at = next;
    }
    let kind = u16::from_be_bytes([*query.get(at + 1)?, *query.get(at + 2)?]);
    Some((labels.join("."), kind, at + 5))
}
