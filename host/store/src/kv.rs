//! The policies' key-value store: per tenant, with a version per key, so that a turn is one
//! transaction.
//!
//! A turn reads what it wants, and commits with the versions that it has seen (absence is version
//! 0). Whoever commits second with a version that changed is in conflict and runs again; how often,
//! and under which lock the last time, is the server's. An [`Exclusive`] is the writer while it is
//! held. Expiry is judged by the event's time, so that a turn that runs again sees the same. Policies and their
//! limits live elsewhere; a value is a row of bytes here.

use std::collections::BTreeMap;

use model::TenantId;
use model::turn::{StoreTouch, Version, Write};

use crate::db::{Tx, parsed, query};
use crate::{Store, StoreError, limits};

#[cfg(test)]
mod tests;

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

    /// The writer's lock, taken for a commit only: no guest runs while it is held, because no other
    /// write of any tenant happens meanwhile. Dropped without a commit, nothing has happened.
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
    let mut grown = Kept::default();
    for (key, write) in &touch.writes {
        let before = kept(tx, tenant, key).await?;
        grown.keys -= before.keys;
        grown.octets -= before.octets;
        let statement = match write {
            Write::Put { value, expires } => {
                grown.keys += 1;
                grown.octets += (key.len() + value.len()) as i64;
                query(
                    "INSERT INTO kv (tenant, name, value, version, expires)
                     VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value,
                     version = excluded.version, expires = excluded.expires",
                )
                .bind(tenant)
                .bind(key)
                .bind(value.as_slice())
                .bind(version)
                .bind(*expires)
            }
            Write::Remove => query("DELETE FROM kv WHERE tenant = $1 AND name = $2")
                .bind(tenant)
                .bind(key),
        };
        statement.run(tx).await?;
    }
    let total = charge(tx, tenant, grown).await?;
    check_quota(grown, total)
}

/// How much is kept, or how much more.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    keys: i64,
    octets: i64,
}

async fn kept(tx: &mut Tx, tenant: TenantId, key: &str) -> Result<Kept, StoreError> {
    let row: Option<(i64,)> = query(
        "SELECT octet_length(name) + octet_length(value) FROM kv WHERE tenant = $1 AND name = $2",
    )
    .bind(tenant)
    .bind(key)
    .row(tx)
    .await?;
    Ok(row.map_or_else(Kept::default, |(octets,)| Kept { keys: 1, octets }))
}

/// Counts what came or went, and tells what is there now.
async fn charge(tx: &mut Tx, tenant: TenantId, grown: Kept) -> Result<Kept, StoreError> {
    let row: Option<(i64, i64)> = query(
        "UPDATE kv_counter SET keys = keys + $2, octets = octets + $3 WHERE tenant = $1
         RETURNING keys, octets",
    )
    .bind(tenant)
    .bind(grown.keys)
    .bind(grown.octets)
    .row(tx)
    .await?;
    let damaged = || StoreError::Damaged("a tenant with keys has no kv_counter".into());
    let (keys, octets) = row.ok_or_else(damaged)?;
    Ok(Kept { keys, octets })
}

/// Whoever shrinks is never refused: that is the way out.
fn check_quota(grown: Kept, total: Kept) -> Result<(), CommitError> {
    let most = limits::KV_KEYS;
    if grown.keys > 0 && total.keys > most {
        return Err(CommitError::Limit { what: "keys", most });
    }
    let most = limits::KV_OCTETS;
    if grown.octets > 0 && total.octets > most {
        let what = "octets";
        return Err(CommitError::Limit { what, most });
    }
    Ok(())
}

/// Removes at most [`limits::SWEEP`] keys of any tenant that expired by then; tells how many.
pub(crate) async fn sweep(tx: &mut Tx, expired_ms: u64) -> Result<u64, StoreError> {
    let rows: Vec<(String, i64)> = query(
        "DELETE FROM kv WHERE (tenant, name) IN
         (SELECT tenant, name FROM kv WHERE expires <= $1 ORDER BY expires LIMIT $2)
         RETURNING tenant, octet_length(name) + octet_length(value)",
    )
    .bind(expired_ms)
    .bind(limits::SWEEP)
    .rows(tx)
    .await?;
    let swept = rows.len() as u64;
    let mut freed: BTreeMap<String, Kept> = BTreeMap::new();
    for (tenant, octets) in rows {
        let freed = freed.entry(tenant).or_default();
        freed.keys -= 1;
        freed.octets -= octets;
    }
    for (tenant, freed) in freed {
        charge(tx, parsed(&tenant)?, freed).await?;
    }
    Ok(swept)
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
