//! Commits what turns read and wrote in their tenants' stores.
//!
//! Only a tenant's own turns write its keys, so one lock per tenant puts its commits in order, and a
//! turn that holds it from before its first read cannot be in conflict. The database's one writer is
//! taken for the commit alone, never while a guest runs. A commit that has begun is never given up:
//! its task belongs to nobody's turn, and what it came to is waited for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use model::{TenantId, turn::StoreTouch};
use store::{CommitError, Store};
use tokio::{
    runtime::Handle,
    sync::{Mutex as AsyncMutex, OwnedMutexGuard, oneshot},
    task::JoinSet,
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
    /// Nothing was written: the lock was not free in time, or the store is away.
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
    runtime: Handle,
    locks: Mutex<BTreeMap<TenantId, Arc<AsyncMutex<()>>>>,
    /// Those that have begun; no more than there are turns.
    begun: Mutex<JoinSet<()>>,
}

impl Commits {
    /// Made on the main runtime, where the store lives.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            runtime: Handle::current(),
            locks: Mutex::default(),
            begun: Mutex::default(),
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
        let held = match held {
            // Who writes nothing needs no lock: its check has a view of its own.
            None if !touch.writes.is_empty() => {
                let busy = || NotCommitted::Refused("the tenant's store is busy".into());
                Some(self.lock(tenant, until).await.ok_or_else(busy)?)
            }
            held => held,
        };
        let store = self.store.clone();
        let (reply, outcome) = oneshot::channel();
        self.begin(async move {
            let _held = held;
            // The turn may have been given up.
            let _ = reply.send(write(&store, tenant, &touch, now, until).await);
        });
        let outcome = timeout_at((until + OUTCOME).into(), outcome).await;
        outcome.map_or(Err(NotCommitted::Unknown), |outcome| {
            outcome.unwrap_or(Err(NotCommitted::Unknown))
        })
    }

    fn begin(&self, commit: impl Future<Output = ()> + Send + 'static) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        while begun.try_join_next().is_some() {}
        begun.spawn_on(commit, &self.runtime);
    }
}

async fn write(
    store: &Store,
    tenant: TenantId,
    touch: &StoreTouch,
    now: u64,
    until: Instant,
) -> Result<(), NotCommitted> {
    let busy = |_| NotCommitted::Refused("the store is busy".into());
    let committed = if touch.writes.is_empty() {
        let check = store.kv_commit(tenant, touch, now);
        timeout_at(until.into(), check).await.map_err(busy)?
    } else {
        let writer = timeout_at(until.into(), store.exclusive(tenant));
        match writer.await.map_err(busy)? {
            Ok(exclusive) => exclusive.commit(touch, now).await,
            Err(error) => Err(error.into()),
        }
    };
    committed.map_err(|error| match error {
        CommitError::Conflict => NotCommitted::Conflict,
        CommitError::Limit { .. } => NotCommitted::Quota(error.to_string()),
        error @ CommitError::Unavailable(_) => NotCommitted::Refused(error.to_string()),
    })
}

#[cfg(test)]
mod tests;
