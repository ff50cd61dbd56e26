//! Who guessed too often: a lock for one source and one address of record.
//!
//! Owns the counts of failed authentications. A wrong user and a wrong password count alike, and a
//! lock for one address of record leaves all others of the same source alone, so that one phone with
//! an old password does not silence its office. Each shard counts what all of them see. Refuses to know
//! what is answered to whom.
//!
//! ```text
//!          FAILURES within WINDOW               LOCK is over
//!  counted ──────────────────────▶ locked ───────────────────▶ forgotten
//!     └── success, or WINDOW is over ──────────────────────────────▲
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::{Duration, Instant},
};

use model::TenantId;

use crate::{Guess, guard::network};

/// Failures within [`WINDOW`] that lock: a person who types a password anew three times, on a phone
/// that tries each twice, stays below.
pub const FAILURES: u32 = 10;
/// How long a failure counts: from the first one of a row.
pub const WINDOW: Duration = Duration::from_secs(60);
/// How long a lock holds: 2,880 guesses a day are left to who waits for each.
pub const LOCK: Duration = Duration::from_secs(300);
/// Characters of a user that count: no phone's user is longer, so that all longer ones are one.
const USER: usize = 64;
/// Rows of one shard, locked ones included: about 3 MB.
pub const ROWS: usize = 10_000;

/// One source and one address of record, whether or not there is such a user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Who {
    source: IpAddr,
    tenant: TenantId,
    user: String,
}

#[derive(Clone, Copy, Debug)]
enum Row {
    Counted { failures: u32, until: Instant },
    Locked { until: Instant },
}

impl Row {
    fn until(self) -> Instant {
        match self {
            Self::Counted { until, .. } | Self::Locked { until } => until,
        }
    }
}

/// The failures of one shard.
#[derive(Debug, Default)]
pub struct Lockout {
    rows: BTreeMap<Who, Row>,
    /// The same, as they end. A lock outlives counts, so that these are forgotten before it.
    ends: BTreeSet<(Instant, Who)>,
    locks: u64,
}

impl Lockout {
    /// Whether a request of this source for this user is refused unread.
    pub fn is_locked(&self, source: IpAddr, tenant: TenantId, user: &str, now: Instant) -> bool {
        let who = who(source, tenant, user);
        matches!(self.rows.get(&who), Some(Row::Locked { until }) if now < *until)
    }

    /// Counts a failure; true if it is the one that locks.
    pub fn failed(&mut self, source: IpAddr, tenant: TenantId, user: &str, now: Instant) -> bool {
        let locks = self.count(who(source, tenant, user), now);
        self.locks += u64::from(locks);
        locks
    }

    /// What another shard has seen. The lock is counted by whoever closed it first.
    pub fn heard(&mut self, guess: &Guess, now: Instant) {
        let who = who(guess.source, guess.tenant, &guess.user);
        if guess.right {
            self.forget(&who);
        } else {
            self.count(who, now);
        }
    }

    fn count(&mut self, who: Who, now: Instant) -> bool {
        let row = match self.rows.get(&who) {
            Some(Row::Locked { until }) if now < *until => return false,
            Some(Row::Counted { failures, until }) if now < *until => Row::Counted {
                failures: failures + 1,
                until: *until,
            },
            _ => Row::Counted {
                failures: 1,
                until: now + WINDOW,
            },
        };
        let locks = matches!(row, Row::Counted { failures, .. } if failures >= FAILURES);
        let row = if locks {
            Row::Locked { until: now + LOCK }
        } else {
            row
        };
        self.forget(&who);
        self.make_room();
        self.ends.insert((row.until(), who.clone()));
        self.rows.insert(who, row);
        locks
    }

    /// Who knows the password has not guessed; true if it had looked so.
    pub fn succeeded(&mut self, source: IpAddr, tenant: TenantId, user: &str) -> bool {
        self.forget(&who(source, tenant, user))
    }

    /// Locks since the start.
    pub fn locks(&self) -> u64 {
        self.locks
    }

    fn forget(&mut self, who: &Who) -> bool {
        let row = self.rows.remove(who);
        if let Some(row) = row {
            self.ends.remove(&(row.until(), who.clone()));
        }
        row.is_some()
    }

    /// Forgets, for one more, what is over or will be next.
    fn make_room(&mut self) {
        if self.rows.len() >= ROWS
            && let Some((_, who)) = self.ends.pop_first()
        {
            self.rows.remove(&who);
        }
    }
}

fn who(source: IpAddr, tenant: TenantId, user: &str) -> Who {
    Who {
        source: network(source),
        tenant,
        user: self::user(user),
    }
}

/// What of a user counts.
pub(crate) fn user(user: &str) -> String {
    user.chars().take(USER).collect()
}

#[cfg(test)]
mod tests;
