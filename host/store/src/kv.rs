//! The policies' key-value store: per tenant, with a version per key, so that a turn is one
//! transaction.
//!
//! A turn reads what it wants, and commits with the versions that it has seen (absence is version
//! 0). Whoever commits second with a version that changed is in conflict and runs again; the fourth
//! time it runs under the writer's lock, an [`Exclusive`], where nobody can come before it. Expiry
//! is judged by the event's time, so that a turn that runs again sees the same. Policies and their
//! limits live elsewhere; a value is a row of bytes here.

use model::TenantId;
use model::turn::{StoreTouch, Version, Write};

use crate::db::{Tx, query};
use crate::{Store, StoreError};

/// Why a turn was not committed. Nothing of it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A key that it read has changed since: run the turn again.
    #[error("a key that was read has changed")]
    Conflict,
    /// The database is away, busy or full.
    #[error("store unavailable: {0}")]
    Unavailable(String),
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
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
        get(&mut self.db.read_for_turn().await?, tenant, key, now_ms).await
    }

    /// Writes what a turn wrote, if everything that it read is as it was; `now_ms` is the time of
    /// the turn's event.
    pub async fn kv_commit(
        &self,
        tenant: TenantId,
        touch: &StoreTouch,
        now_ms: u64,
    ) -> Result<(), CommitError> {
        if touch.writes.is_empty() {
            // Nothing to make durable: the check needs a consistent view but no lock.
            let mut tx = self.db.read_for_turn().await?;
            return check(&mut tx, tenant, touch, now_ms).await;
        }
        let mut tx = self.db.write().await?;
        commit(&mut tx, tenant, touch, now_ms).await?;
        Ok(tx.commit().await?)
    }

    /// The writer's lock, for a turn that was in conflict too often. While it is held no other
    /// write of any tenant happens; dropped without a commit, nothing has happened.
    pub async fn exclusive(&self, tenant: TenantId) -> Result<Exclusive, StoreError> {
        let tx = self.db.write().await?;
        Ok(Exclusive { tx, tenant })
    }
}

/// The store while nobody else can write to it.
#[derive(Debug)]
pub struct Exclusive {
    tx: Tx,
    tenant: TenantId,
}

impl Exclusive {
    /// As [`Store::kv_get`].
    pub async fn get(
        &mut self,
        key: &str,
        now_ms: u64,
    ) -> Result<Option<(Vec<u8>, Version)>, StoreError> {
        get(&mut self.tx, self.tenant, key, now_ms).await
    }

    /// As [`Store::kv_commit`], and releases the lock. In conflict only if `touch` holds versions
    /// from before the lock.
    pub async fn commit(mut self, touch: &StoreTouch, now_ms: u64) -> Result<(), CommitError> {
        if touch.writes.is_empty() {
            return check(&mut self.tx, self.tenant, touch, now_ms).await;
        }
        commit(&mut self.tx, self.tenant, touch, now_ms).await?;
        Ok(self.tx.commit().await?)
    }
}

async fn get(
    tx: &mut Tx,
    tenant: TenantId,
    key: &str,
    now_ms: u64,
) -> Result<Option<(Vec<u8>, Version)>, StoreError> {
    query(
        "SELECT value, version FROM kv
         WHERE tenant = $1 AND name = $2 AND (expires IS NULL OR expires > $3)",
    )
    .bind(tenant)
    .bind(key)
    .bind(now_ms)
    .row(tx)
    .await
}

async fn check(
    tx: &mut Tx,
    tenant: TenantId,
    touch: &StoreTouch,
    now_ms: u64,
) -> Result<(), CommitError> {
    for (key, seen) in &touch.reads {
        let version: Option<(i64,)> = query(
            "SELECT version FROM kv
             WHERE tenant = $1 AND name = $2 AND (expires IS NULL OR expires > $3)",
        )
        .bind(tenant)
        .bind(key)
        .bind(now_ms)
        .row(tx)
        .await?;
        if version.map_or(0, |(version,)| version) != *seen {
            return Err(CommitError::Conflict);
        }
    }
    Ok(())
}

async fn commit(
    tx: &mut Tx,
    tenant: TenantId,
    touch: &StoreTouch,
    now_ms: u64,
) -> Result<(), CommitError> {
    // The counter first: where writers run side by side, its row is the tenant's lock.
    let version = next_version(tx, tenant).await?;
    check(tx, tenant, touch, now_ms).await?;
    for (key, write) in &touch.writes {
        let statement = match write {
            Write::Put { value, expires } => query(
                "INSERT INTO kv (tenant, name, value, version, expires)
                 VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (tenant, name) DO UPDATE SET
                 value = excluded.value, version = excluded.version, expires = excluded.expires",
            )
            .bind(tenant)
            .bind(key)
            .bind(value.as_slice())
            .bind(version)
            .bind(*expires),
            Write::Remove => query("DELETE FROM kv WHERE tenant = $1 AND name = $2")
                .bind(tenant)
                .bind(key),
        };
        statement.run(tx).await?;
    }
    Ok(())
}

async fn next_version(tx: &mut Tx, tenant: TenantId) -> Result<Version, StoreError> {
    let row: Option<(i64,)> = query(
        "INSERT INTO kv_counter (tenant, value) VALUES ($1, 1)
         ON CONFLICT (tenant) DO UPDATE SET value = kv_counter.value + 1
         RETURNING value",
    )
    .bind(tenant)
    .row(tx)
    .await?;
    let damaged = || StoreError::Damaged("kv_counter returned no row".into());
    row.map(|(value,)| value).ok_or_else(damaged)
}
