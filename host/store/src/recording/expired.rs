//! Recordings that are older than their tenant, or its node, keeps them.

use model::{RecordingId, TenantId};

use crate::db::{Db, parsed, query};
use crate::{StoreError, limits};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// What one sweep came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Recordings that are deleted now.
    pub recordings: u64,
    /// Whether there may be more.
    pub has_more: bool,
}

/// Deletes what is too old, at most [`limits::RECORDINGS_EXPIRED`] of each tenant: the writer is never held
/// long. `most_days`: what a tenant is kept that has set nothing, and the most of those that have.
pub(crate) async fn sweep(
    db: &Db,
    now_ms: u64,
    most_days: Option<u32>,
) -> Result<Expired, StoreError> {
    let mut sum = Expired::default();
    let tenants: Vec<(String, Option<i64>)> =
        query("SELECT id, recordings_days FROM tenant ORDER BY id")
            .rows(&mut db.read().await?)
            .await?;
    for (tenant, own) in tenants {
        let days = [own.map(|days| days as u64), most_days.map(u64::from)];
        let Some(days) = days.into_iter().flatten().min() else {
            continue;
        };
        let before = now_ms.saturating_sub(days.saturating_mul(DAY_MS));
        let deleted = delete_before(db, parsed(&tenant)?, before).await?;
        sum.recordings += deleted;
        sum.has_more |= deleted == limits::RECORDINGS_EXPIRED as u64;
    }
    Ok(sum)
}

/// An id begins with its time, so that the key finds the oldest.
async fn delete_before(db: &Db, tenant: TenantId, before: u64) -> Result<u64, StoreError> {
    const OLD: &str = "tenant = $1 AND id < $2 AND state IN ('ready', 'failed')";
    let first_kept = RecordingId::first_of(before);
    let old = query(format!("SELECT id FROM recording WHERE {OLD} LIMIT 1"))
        .bind(tenant)
        .bind(first_kept)
        .row::<(String,)>(&mut db.read().await?)
        .await?;
    if old.is_none() {
        return Ok(0);
    }
    let mut tx = db.write().await?;
    let deleted = query(format!(
        "UPDATE recording SET state = 'gone' WHERE tenant = $1 AND id IN
         (SELECT id FROM recording WHERE {OLD} ORDER BY id LIMIT $3)"
    ))
    .bind(tenant)
    .bind(first_kept)
    .bind(limits::RECORDINGS_EXPIRED)
    .run(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(deleted)
}
