//! The counters of a media shard: written by its thread, read by anyone.

use std::sync::atomic::{AtomicU64, Ordering};

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
        }
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

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
