//! How connections end, and what went through them: counted here, shown by the page of metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why a connection is no more, or never came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer ended it, or the network did.
    Peer,
    /// Nothing came for very long.
    Idle,
    /// The first message did not come in time.
    Silent,
    /// The handshake of TLS failed, or was not done in time.
    Handshake,
    /// A message began and did not end in time.
    Slow,
    /// The peer did not take what we sent in time.
    Deaf,
    /// More waited for the peer than may.
    Behind,
    /// What came is no SIP.
    Garbage,
    /// It could not be made.
    Unreachable,
    /// Its source had its share.
    Crowded,
    /// Its source says too much, or is not heard for a while.
    Unwanted,
    /// There were too many, and it had not said anything yet.
    Displaced,
}

impl End {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Peer,
        Self::Idle,
        Self::Silent,
        Self::Handshake,
        Self::Slow,
        Self::Deaf,
        Self::Behind,
        Self::Garbage,
        Self::Unreachable,
        Self::Crowded,
        Self::Unwanted,
        Self::Displaced,
    ];

    /// As the page of metrics says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Idle => "idle",
            Self::Silent => "silent",
            Self::Handshake => "handshake",
            Self::Slow => "slow",
            Self::Deaf => "deaf",
            Self::Behind => "behind",
            Self::Garbage => "garbage",
            Self::Unreachable => "unreachable",
            Self::Crowded => "crowded",
            Self::Unwanted => "unwanted",
            Self::Displaced => "displaced",
        }
    }
}

/// What went through all connections since the start.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Connections that peers made.
    pub accepted: AtomicU64,
    /// Connections that we wanted to make.
    pub opened: AtomicU64,
    /// Messages that came.
    pub received: AtomicU64,
    /// Messages that were handed to the kernel.
    pub sent: AtomicU64,
    ends: [AtomicU64; End::ALL.len()],
}

impl Traffic {
    /// How many ended so.
    pub fn ended(&self, end: End) -> u64 {
        self.ends[end as usize].load(Ordering::Relaxed)
    }

    pub(super) fn count_end(&self, end: End) {
        self.ends[end as usize].fetch_add(1, Ordering::Relaxed);
    }
}
