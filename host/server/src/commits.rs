//! Commits what turns read and wrote in their tenants' stores.
//!
//! Only a tenant's own turns write its keys, so one lock per tenant puts its commits in order, and a
//! turn that holds it from before its first read cannot be in conflict. No guest runs while the
//! database is written to. A commit that has begun is never given up: it is the store's, the lock goes
//! with it, and what it came to is waited for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use model::{TenantId, turn::StoreTouch};
use store::{CommitError, Store};
use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    time::timeout_at,
};

/// How long a commit that has begun may take. It takes as long as the disk does; after this nobody
/// knows what it will come to.
const OUTCOME: Duration = Duration::from_secs(10);
/// Locks that are kept beside those in use.
const LOCKS: usize = 1_024;

/// Why a turn's writes are not known to be committed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCommitted {
    /// A key that it read has changed since: run it again.
    #[error("a key that was read has changed")]
    Conflict,
    /// Nothing was written: the tenant's policies keep as much as they may.
    #[error("{0}")]
    Quota(String),
    /// Nothing was written: the tenant's lock was not free in time.
    #[error("the tenant's store is busy")]
    Busy,
    /// Nothing was written: the store is away, or took too long to begin.
    #[error("{0}")]
    Refused(String),
    /// It was begun, and nobody knows what it came to.
    #[error("the store said nothing of the commit")]
    Unknown,
}

/// The lock of one tenant: while it is held nobody else commits for that tenant.
pub struct Held {
    _guard: OwnedMutexGuard<()>,
}

/// Commits for all shards.
pub struct Commits {
    store: Store,
    locks: Mutex<BTreeMap<TenantId, Arc<AsyncMutex<()>>>>,
}

impl Commits {
    /// Commits to that store.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            locks: Mutex::default(),
        }
    }

    /// The tenant's lock, if it is free by then.
    pub async fn lock(&self, tenant: TenantId, until: Instant) -> Option<Held> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            if locks.len() >= LOCKS {
                locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            }
            Arc::clone(locks.entry(tenant).or_default())
        };
        let guard = timeout_at(until.into(), lock.lock_owned()).await.ok()?;
        Some(Held { _guard: guard })
    }

    /// Checks what a turn read and writes what it wrote; `now` is the time of its event. Only the
    /// locks are waited for until `until`: once it has begun, the commit runs to its end.
    pub async fn commit(
        &self,
        tenant: TenantId,
        touch: StoreTouch,
        now: u64,
        held: Option<Held>,
        until: Instant,
    ) -> Result<(), NotCommitted> {
        if touch.writes.is_empty() && touch.reads.len() <= 1 {
            // One read is a view of its own: there is nothing that it could contradict.
            return Ok(());
        }
        let held = match held {
            // Who writes nothing needs no lock: its check has a view of its own.
            None if !touch.writes.is_empty() => {
                let lock = self.lock(tenant, until).await;
                Some(lock.ok_or(NotCommitted::Busy)?)
            }
            held => held,
        };
        let held = held.map(|held| Box::new(held) as _);
        let busy = |_| NotCommitted::Refused("the store is busy".into());
        let begun = self.store.kv_begin(tenant, touch, now, held);
        let begun = timeout_at(until.into(), begun).await.map_err(busy)?;
        let mut commit = begun.map_err(|error| NotCommitted::Refused(error.to_string()))?;
        let committed = match timeout_at(until.into(), commit.outcome()).await {
            Ok(committed) => committed,
            Err(late) if commit.withdraw() => return Err(busy(late)),
            Err(_) => timeout_at((until + OUTCOME).into(), commit.outcome())
                .await
                .map_err(|_| NotCommitted::Unknown)?,
        };
        committed.map_err(|error| match error {
            CommitError::Conflict => NotCommitted::Conflict,
            CommitError::Limit { .. } => NotCommitted::Quota(error.to_string()),
            error @ CommitError::Unavailable(_) => NotCommitted::Refused(error.to_string()),
        })
    }
}

#[cfg(test)]
mod tests;
