//! The counters of a media shard: written by its thread, read by anyone.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bounds in which it is counted how late ticks are: a tick is in the first that it does not pass, or in
/// the one class more.
pub const LATENESS: [Duration; 6] = [
    Duration::from_micros(100),
    Duration::from_micros(200),
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(20),
    Duration::from_millis(100),
];

/// What went through a media shard since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams read.
    pub received: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Datagrams lost because a socket's send buffer was full.
    pub sends_blocked: u64,
    /// Times the peer's host said that nobody listens there.
    pub refused: u64,
    /// Other errors of sending.
    pub sends_failed: u64,
    /// Other errors of receiving.
    pub receives_failed: u64,
    /// Events for which the sink had no room.
    pub events_lost: u64,
    /// Rounds that did a tick, by how late the oldest one was: see [`LATENESS`].
    pub ticks: [u64; LATENESS.len() + 1],
    /// Ticks that were not done at all, since they came much too late.
    pub ticks_left_out: u64,
    /// Packets that are in no recording, because no block was free or the recorder's queue was full.
    pub tape_lost: u64,
}

/// The same as atomics.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) received: Count,
    pub(super) sent: Count,
    pub(super) sends_blocked: Count,
    pub(super) refused: Count,
    pub(super) sends_failed: Count,
    pub(super) receives_failed: Count,
    pub(super) events_lost: Count,
    ticks: [Count; LATENESS.len() + 1],
    pub(super) ticks_left_out: Count,
    pub(super) tape_lost: Count,
}

impl Tally {
    pub(super) fn snapshot(&self) -> Counters {
        Counters {
            received: self.received.get(),
            sent: self.sent.get(),
            sends_blocked: self.sends_blocked.get(),
            refused: self.refused.get(),
            sends_failed: self.sends_failed.get(),
            receives_failed: self.receives_failed.get(),
            events_lost: self.events_lost.get(),
            ticks: std::array::from_fn(|class| self.ticks[class].get()),
            ticks_left_out: self.ticks_left_out.get(),
            tape_lost: self.tape_lost.get(),
        }
    }

    /// A socket could not receive.
    pub(super) fn unreceived(&self, error: &io::Error) {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => self.refused.add_one(),
            _ => self.receives_failed.add_one(),
        }
    }

    /// A packet was not sent.
    pub(super) fn unsent(&self, error: &io::Error) {
        match error.kind() {
            io::ErrorKind::WouldBlock => self.sends_blocked.add_one(),
            io::ErrorKind::ConnectionRefused => self.refused.add_one(),
            _ => self.sends_failed.add_one(),
        }
    }

    /// A tick is done, so late.
    pub(super) fn tick(&self, late: Duration) {
        let class = LATENESS.iter().take_while(|&&bound| late > bound).count();
        self.ticks[class].add_one();
    }
}

/// One counter with one writer.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    /// Only the shard's thread writes, so a plain store does; a locked addition would cost more.
    pub(super) fn add_one(&self) {
        self.0.store(self.get() + 1, Ordering::Relaxed);
    }

    /// Takes over what is counted elsewhere; tells whether that is news.
    pub(super) fn set(&self, count: u64) -> bool {
        let is_news = self.get() != count;
        if is_news {
            self.0.store(count, Ordering::Relaxed);
        }
        is_news
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
