//! Who is connected: finds the queue of a flow, and decides who gets a seat.
//!
//! There are so many seats, a quarter of them for one source. Who has said nothing whole yet holds a
//! seat on sufferance: when there is none left, the one that has been silent for longest gives way, of
//! the same source if that has its share. So a crowd of silent connections keeps nobody out who speaks.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

use bytes::Bytes;
use sip::Flow;
use tokio::sync::{mpsc, oneshot};

use super::{End, QUEUE, Traffic};
use crate::rest::source;

/// See the module's header. The lock is held for moments, and never while anybody waits.
pub(super) struct Table {
    seats: Mutex<Seats>,
    traffic: Traffic,
    most: usize,
}

#[derive(Default)]
struct Seats {
    by_flow: BTreeMap<Flow, Entry>,
    by_source: BTreeMap<IpAddr, Guests>,
    /// By age.
    silent: BTreeMap<u64, Flow>,
    last: u64,
}

struct Entry {
    id: u64,
    queue: mpsc::Sender<Bytes>,
    /// Ends it from outside.
    cut: Option<oneshot::Sender<End>>,
}

/// Those of one source that connected to us.
#[derive(Default)]
struct Guests {
    count: usize,
    silent: BTreeSet<u64>,
}

/// The place of one connection.
pub(super) struct Seat {
    pub(super) flow: Flow,
    pub(super) id: u64,
    /// What is to be sent.
    pub(super) queue: mpsc::Receiver<Bytes>,
    /// Says when somebody else ends it.
    pub(super) cut: oneshot::Receiver<End>,
}

/// What became of a message to be sent.
pub(super) enum Sent {
    /// It waits for its peer.
    Queued,
    /// It waits for a connection that somebody must make.
    Open(Seat),
    /// It is lost.
    Refused,
}

impl Table {
    pub(super) fn new(most: usize) -> Self {
        Self {
            seats: Mutex::default(),
            traffic: Traffic::default(),
            most,
        }
    }

    pub(super) fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// All, and those that are silent.
    pub(super) fn count(&self) -> (usize, usize) {
        let seats = self.lock();
        (seats.by_flow.len(), seats.silent.len())
    }

    /// A seat for a connection that a peer made.
    pub(super) fn admit(&self, flow: Flow) -> Option<Seat> {
        self.traffic.accepted.fetch_add(1, Ordering::Relaxed);
        let mut seats = self.lock();
        let place = source(flow.remote.ip());
        let share = (self.most / 4).max(1);
        let guests = seats.by_source.get(&place);
        let crowd = guests.filter(|guests| guests.count >= share);
        let has_room = match crowd {
            Some(guests) => guests.silent.first().copied().map(|id| seats.displace(id)),
            None if seats.by_flow.len() >= self.most => seats.displace_oldest(),
            None => Some(()),
        };
        if has_room.is_none() {
            self.traffic.count_end(End::Crowded);
            return None;
        }
        let seat = seats.sit(flow);
        let guests = seats.by_source.entry(place).or_default();
        guests.count += 1;
        guests.silent.insert(seat.id);
        seats.silent.insert(seat.id, flow);
        Some(seat)
    }

    /// Counts a connection of somebody who is not heard.
    pub(super) fn refuse(&self) {
        self.traffic.accepted.fetch_add(1, Ordering::Relaxed);
        self.traffic.count_end(End::Unwanted);
    }

    /// Queues a message for the connection of a flow; if there is none, a seat for a new one.
    pub(super) fn send(&self, flow: Flow, bytes: Bytes) -> Sent {
        let mut seats = self.lock();
        let bytes = match seats.by_flow.get_mut(&flow) {
            Some(entry) => match entry.queue.try_send(bytes) {
                Ok(()) => return Sent::Queued,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    if let Some(cut) = entry.cut.take() {
                        // It may have ended by itself.
                        let _ = cut.send(End::Behind);
                    }
                    return Sent::Refused;
                }
                // It ends this moment: what comes now needs another.
                Err(mpsc::error::TrySendError::Closed(bytes)) => bytes,
            },
            None => bytes,
        };
        if flow.transport.is_inbound_only() {
            // Nobody can be reached so who is not there.
            self.traffic.count_end(End::Unreachable);
            return Sent::Refused;
        }
        if seats.by_flow.len() >= self.most && seats.displace_oldest().is_none() {
            self.traffic.count_end(End::Crowded);
            return Sent::Refused;
        }
        self.traffic.opened.fetch_add(1, Ordering::Relaxed);
        let seat = seats.sit(flow);
        let entry = seats.by_flow.get(&flow);
        // A new queue has room.
        if entry.is_some_and(|entry| entry.queue.try_send(bytes).is_ok()) {
            Sent::Open(seat)
        } else {
            Sent::Refused
        }
    }

    /// Puts something of our own behind the messages of a connection.
    pub(super) fn queue(&self, flow: Flow) -> Option<mpsc::Sender<Bytes>> {
        let seats = self.lock();
        seats.by_flow.get(&flow).map(|entry| entry.queue.clone())
    }

    /// A connection has said something whole.
    pub(super) fn speaks(&self, flow: Flow, id: u64) {
        self.lock().hear(source(flow.remote.ip()), id);
    }

    /// A connection has ended.
    pub(super) fn leave(&self, flow: Flow, id: u64, end: End) {
        self.traffic.count_end(end);
        let mut seats = self.lock();
        if seats.by_flow.get(&flow).is_some_and(|entry| entry.id == id) {
            seats.by_flow.remove(&flow);
        }
        seats.hear(source(flow.remote.ip()), id);
    }

    /// A connection that a peer made has ended, beside what [`leave`](Self::leave) does.
    pub(super) fn free(&self, flow: Flow) {
        let place = source(flow.remote.ip());
        let mut seats = self.lock();
        if let Some(guests) = seats.by_source.get_mut(&place) {
            guests.count -= 1;
            if guests.count == 0 {
                seats.by_source.remove(&place);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    fn sit(&mut self, flow: Flow) -> Seat {
        self.last += 1;
        let id = self.last;
        let (queue, queued) = mpsc::channel(QUEUE);
        let (cut, is_cut) = oneshot::channel();
        let cut = Some(cut);
        self.by_flow.insert(flow, Entry { id, queue, cut });
        Seat {
            flow,
            id,
            queue: queued,
            cut: is_cut,
        }
    }

    /// Ends the connection that has been silent for longest, if one is.
    fn displace_oldest(&mut self) -> Option<()> {
        let id = *self.silent.keys().next()?;
        self.displace(id);
        Some(())
    }

    /// Ends a silent connection; its seat is free at once.
    fn displace(&mut self, id: u64) {
        let Some(flow) = self.silent.get(&id).copied() else {
            return;
        };
        self.hear(source(flow.remote.ip()), id);
        if let Some(entry) = self.by_flow.remove(&flow)
            && let Some(cut) = entry.cut
        {
            // It may have ended by itself.
            let _ = cut.send(End::Displaced);
        }
    }

    /// It is silent no more.
    fn hear(&mut self, source: IpAddr, id: u64) {
        self.silent.remove(&id);
        if let Some(guests) = self.by_source.get_mut(&source) {
            guests.silent.remove(&id);
        }
    }
}
