//! The policies' key-value store: per tenant, with a version per key, so that a turn is one
//! transaction.
//!
//! A turn reads what it wants, and commits with the versions that it has seen (absence is version
//! 0). Whoever commits second with a version that changed is in conflict and runs again; how often,
//! and under which lock the last time, is the server's. Expiry is judged by the event's time, so that a
//! turn that runs again sees the same. Rows in use are remembered ([`memory`]). Policies and their limits live elsewhere; a value is a row of
//! bytes here.

use std::{
    any::Any,
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use model::TenantId;
use model::turn::{StoreTouch, Version};
use tokio::sync::oneshot;

use crate::db::{Tx, parsed, query};
use crate::group::{Job, TurnJob};
use crate::{Store, StoreError, limits};

mod memory;
mod sheet;
#[cfg(test)]
mod tests;

pub(crate) use memory::Memory;
pub(crate) use sheet::{Sheet, listed};

use memory::{Kept, Known, Recall};

/// Why a turn was not committed. Nothing of it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A key that it read has changed since: run the turn again.
    #[error("a key that was read has changed")]
    Conflict,
    /// The tenant's policies keep as much as they may. Running the turn again would not help.
    #[error("the tenant's policies may keep no more than {most} {what}")]
    Limit {
        /// The noun, plural.
        what: &'static str,
        /// The limit.
        most: i64,
    },
    /// The database is away, busy or full.
    #[error("store unavailable: {0}")]
    Unavailable(String),
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// A commit on its way. It goes on whether or not anybody waits for its outcome.
#[derive(Debug)]
pub struct Commit {
    settled: Arc<AtomicBool>,
    outcome: oneshot::Receiver<Result<(), CommitError>>,
}

impl Commit {
    /// Waits for its outcome; may be given up and waited for again.
    pub async fn outcome(&mut self) -> Result<(), CommitError> {
        let closed = |_| Err(StoreError::closed().into());
        (&mut self.outcome).await.unwrap_or_else(closed)
    }

    /// Takes it back, and nothing of it is ever written. `false`: it has begun.
    pub fn withdraw(&self) -> bool {
        !self.settled.swap(true, Ordering::AcqRel)
    }
}

impl Store {
    /// The value of a key at the time of the event, and its version; none: version 0.
    pub async fn kv_get(
        &self,
        tenant: TenantId,
        key: &str,
        now_ms: u64,
    ) -> Result<Option<(Vec<u8>, Version)>, StoreError> {
        let known = match self.memory().recall(tenant, key) {
            Recall::Known(known) => known,
            Recall::Unknown(mark) => {
                let known = self.kv_look(tenant, key).await?;
                self.memory().answer(tenant, key, &mark, known.clone());
                known
            }
        };
        let kept = known.filter(|kept| kept.expires.is_none_or(|expires| expires > now_ms));
        Ok(kept.map(|kept| (kept.value.clone(), kept.version)))
    }

    /// The row as the database has it, expired or not.
    async fn kv_look(&self, tenant: TenantId, key: &str) -> Result<Known, StoreError> {
        let row: Option<(Vec<u8>, Version, Option<i64>)> =
            query("SELECT value, version, expires FROM kv WHERE tenant = $1 AND name = $2")
                .bind(tenant)
                .bind(key)
                .row(&mut self.db().look_for_turn().await?)
                .await?;
        Ok(row.map(|(value, version, expires)| {
            Arc::new(Kept {
                value,
                version,
                expires: expires.map(|at| at as u64),
            })
        }))
    }

    /// Writes what a turn wrote, if everything that it read is as it was; `now_ms` is the time of
    /// the turn's event.
    pub async fn kv_commit(
        &self,
        tenant: TenantId,
        touch: &StoreTouch,
        now_ms: u64,
    ) -> Result<(), CommitError> {
        let commit = self.kv_begin(tenant, touch.clone(), now_ms, None);
        commit.await?.outcome().await
    }

    /// As [`kv_commit`](Self::kv_commit), for those who may not wait to the end. `held` is kept until
    /// the outcome is known.
    pub async fn kv_begin(
        &self,
        tenant: TenantId,
        touch: StoreTouch,
        now_ms: u64,
        held: Option<Box<dyn Any + Send + Sync>>,
    ) -> Result<Commit, StoreError> {
        let (reply, outcome) = oneshot::channel();
        let settled = Arc::new(AtomicBool::new(false));
        let commit = Commit {
            settled: Arc::clone(&settled),
            outcome,
        };
        self.write(Job::Turn(TurnJob {
            tenant,
            touch,
            now_ms,
            reply,
            settled,
            held,
        }))
        .await?;
        Ok(commit)
    }
}

/// How much came or went.
#[derive(Clone, Copy, Debug, Default)]
struct Grown {
    keys: i64,
    octets: i64,
}

/// Rows that were swept.
pub(crate) type Swept = Vec<(TenantId, String)>;

/// Removes at most [`limits::SWEEP`] keys of any tenant that expired by then; tells which.
pub(crate) async fn sweep(tx: &mut Tx, expired_ms: u64) -> Result<Swept, StoreError> {
    let rows: Vec<(String, String, i64)> = query(
        "DELETE FROM kv WHERE (tenant, name) IN
         (SELECT tenant, name FROM kv WHERE expires <= $1 ORDER BY expires LIMIT $2)
         RETURNING tenant, name, octet_length(name) + octet_length(value)",
    )
    .bind(expired_ms)
    .bind(limits::SWEEP)
    .rows(tx)
    .await?;
    let mut swept = Swept::new();
    let mut freed: BTreeMap<TenantId, Grown> = BTreeMap::new();
    for (tenant, name, octets) in rows {
        let tenant = parsed(&tenant)?;
        let freed = freed.entry(tenant).or_default();
        freed.keys -= 1;
        freed.octets -= octets;
        swept.push((tenant, name));
    }
    for (tenant, freed) in freed {
        charge(tx, tenant, freed).await?;
    }
    Ok(swept)
}

async fn charge(tx: &mut Tx, tenant: TenantId, grown: Grown) -> Result<(), StoreError> {
    query("UPDATE kv_counter SET keys = keys + $2, octets = octets + $3 WHERE tenant = $1")
        .bind(tenant)
        .bind(grown.keys)
        .bind(grown.octets)
        .run(tx)
        .await
        .map(drop)
}
