//! The timers of RFC 3261 §17 (Table 4), of RFC 6026, and of the user agent above them.
//!
//! Owns their names, their values and the queue that orders them. Knows neither what a timer does
//! when it fires nor what time it is. The queue is exact: a timer that was stopped is gone, so that
//! an endpoint at rest has none and [`TimerQueue::next`] never wakes its owner for nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::event::DialogId;

/// The base values of RFC 3261 §17.1.1.1; every other timer is computed from them (Table 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerConfig {
    /// The estimate of the round-trip time: 500 ms.
    pub t1: Duration,
    /// The longest interval between retransmissions: 4 s.
    pub t2: Duration,
    /// The longest time that a message stays in the network: 5 s.
    pub t4: Duration,
    /// How long an unanswered INVITE goes before its 1xx is said again (RFC 3261 §13.3.1.1): 60 s.
    pub progress: Duration,
}

impl Default for TimerConfig {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            progress: Duration::from_secs(60),
        }
    }
}

impl TimerConfig {
    /// 64·T1: how long anything is tried (Timers B, F, H, J, L, M).
    pub(crate) fn patience(&self) -> Duration {
        self.t1 * 64
    }

    /// Timer D: "at least 32 s" on UDP, whatever T1 is (RFC 3261 §17.1.1.2).
    pub(crate) fn d(&self) -> Duration {
        self.patience().max(Duration::from_secs(32))
    }

    /// The next interval of a retransmission that doubles up to T2 (Timers E, G, the 2xx).
    pub(crate) fn backoff(&self, interval: Duration) -> Duration {
        (interval * 2).min(self.t2)
    }
}

/// A timer, named as in the RFC where the RFC names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// INVITE request retransmission.
    A,
    /// INVITE transaction timeout.
    B,
    /// Wait for retransmitted responses to an INVITE.
    D,
    /// Non-INVITE request retransmission.
    E,
    /// Non-INVITE transaction timeout.
    F,
    /// INVITE response retransmission.
    G,
    /// Wait for the ACK of a refusal.
    H,
    /// Wait for retransmitted ACKs.
    I,
    /// Wait for retransmitted non-INVITE requests.
    J,
    /// Wait for retransmitted responses to a non-INVITE request.
    K,
    /// Wait for retransmitted INVITEs that were accepted (RFC 6026).
    L,
    /// Wait for retransmitted 2xx and those of forks (RFC 6026).
    M,
    /// The user agent: send the 2xx again (RFC 3261 §13.3.1.4).
    Retransmit2xx,
    /// The user agent: no ACK came (RFC 3261 §13.3.1.4).
    AckWait,
    /// The user agent: no final response after CANCEL (RFC 3261 §9.1).
    CancelWait,
    /// The user agent: the INVITE has expired (RFC 3261 §13.3.1).
    Expires,
    /// The user agent: send the reliable 1xx again (RFC 3262 §3).
    Retransmit1xx,
    /// The user agent: no PRACK came (RFC 3262 §3).
    PrackWait,
    /// The user agent: no final answer to a re-INVITE of ours.
    ReinviteWait,
    /// The user agent: the session wants a refresh of ours (RFC 4028 §7.2).
    Refresh,
    /// The user agent: the session was not refreshed (RFC 4028 §10).
    SessionExpires,
    /// The user agent: a transfer that the peer asked for has taken too long.
    Referral,
    /// The user agent: the peer did not tell how a transfer went.
    Transfer,
    /// The user agent: what of an ended call is still in the network has come by now.
    Quiet,
    /// The user agent: say the 1xx again (RFC 3261 §13.3.1.1).
    Progress,
}

/// The handle of a transaction. Unique in one endpoint, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TransactionId(pub(crate) u64);

/// Whose timer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    Transaction(TransactionId),
    Usage(DialogId),
}

/// Every running timer of one endpoint, in the order in which they fire; at the same instant, in
/// the order in which they were started.
#[derive(Debug, Default)]
pub(crate) struct TimerQueue {
    by_time: BTreeMap<(Instant, u64), (Owner, Timer)>,
    by_owner: BTreeMap<(Owner, Timer), (Instant, u64)>,
    started: u64,
}

impl TimerQueue {
    /// Starts a timer, or starts it again.
    pub(crate) fn start(&mut self, owner: Owner, timer: Timer, at: Instant) {
        let slot = (at, self.started);
        self.started += 1;
        if let Some(old) = self.by_owner.insert((owner, timer), slot) {
            self.by_time.remove(&old);
        }
        self.by_time.insert(slot, (owner, timer));
    }

    pub(crate) fn stop(&mut self, owner: Owner, timer: Timer) {
        if let Some(slot) = self.by_owner.remove(&(owner, timer)) {
            self.by_time.remove(&slot);
        }
    }

    /// Stops every timer of an owner that ends.
    pub(crate) fn stop_all(&mut self, owner: Owner) {
        let timers: Vec<Timer> = self.running(owner).collect();
        for timer in timers {
            self.stop(owner, timer);
        }
    }

    /// The timers that an owner has running.
    pub(crate) fn running(&self, owner: Owner) -> impl Iterator<Item = Timer> + '_ {
        self.by_owner
            .range((owner, Timer::A)..=(owner, Timer::Progress))
            .map(|((_, timer), _)| *timer)
    }

    /// When the next timer fires.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.by_time.keys().next().map(|(at, _)| *at)
    }

    /// Takes the next timer that is due.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Owner, Timer)> {
        let (slot, entry) = self.by_time.first_key_value().map(|(k, v)| (*k, *v))?;
        if slot.0 > now {
            return None;
        }
        self.by_time.remove(&slot);
        self.by_owner.remove(&entry);
        Some(entry)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_time.len()
    }
}
