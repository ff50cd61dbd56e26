//! What reads or writes across tenants: the platform team, start-up, and the writers of records.
//! Nothing that serves one tenant belongs here.

use std::collections::BTreeSet;

use model::{KeyId, RecordingId, TenantConfig, TenantId};
use tokio::sync::oneshot;

use crate::db::{Tx, parsed, query};
use crate::group::Job;
use crate::key::{self, ApiKey, NewKey, Scope};
use crate::{
    BuiltIn, Expired, Listed, Located, NewTenant, Page, Placed, Records, Store, StoreError, Tenant,
    binding, cdr, kv, limits, recorded, recording, secret, tenant,
};

/// Makes a tenant with its admin key and the active built-in policy, or nothing of it.
pub async fn create_tenant(
    store: &Store,
    new: &NewTenant,
    built_in: &BuiltIn,
    now_ms: u64,
) -> Result<Tenant, StoreError> {
    let mut tx = store.db().write().await?;
    let tenant = tenant::create(&mut tx, new, built_in, now_ms).await?;
    tx.commit().await?;
    Ok(tenant)
}

/// The tenants, oldest first.
pub async fn tenants(store: &Store, page: &Page<TenantId>) -> Result<Listed<Tenant>, StoreError> {
    let rows = query(
        "SELECT id, name, domain, default_plugin, fault_policy, created FROM tenant
         WHERE id > $1 ORDER BY id LIMIT $2",
    )
    .bind(page.cursor())
    .bind(page.rows())
    .rows(&mut store.db().read().await?)
    .await?;
    let tenants: Result<_, _> = rows.into_iter().map(tenant::from_row).collect();
    Ok(page.cut(tenants?))
}

/// The snapshots of all tenants, at one moment.
pub async fn tenant_configs(store: &Store) -> Result<Vec<TenantConfig>, StoreError> {
    let mut tx = store.db().read().await?;
    let ids: Vec<(String,)> = query("SELECT id FROM tenant ORDER BY id")
        .rows(&mut tx)
        .await?;
    let mut configs = Vec::with_capacity(ids.len());
    for (id,) in ids {
        configs.push(tenant::config(&mut tx, parsed(&id)?).await?);
    }
    Ok(configs)
}

/// The audio of prompts that is needed, by tenant and digest: all other files may go.
pub async fn prompt_audio(store: &Store) -> Result<BTreeSet<(TenantId, String)>, StoreError> {
    let rows: Vec<(String, String)> = query("SELECT tenant, digest FROM prompt")
        .rows(&mut store.db().read().await?)
        .await?;
    rows.into_iter()
        .map(|(tenant, digest)| Ok((parsed(&tenant)?, digest)))
        .collect()
}

/// What [`install_built_in`] came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// The tenants that have the version now and had another before.
    pub changed: Vec<TenantId>,
    /// The tenants that stay with the version that they had, and why.
    pub failed: Vec<(TenantId, StoreError)>,
}

/// Brings every tenant whose active version of the policy came with the platform to this one. A
/// tenant that activated a version of its own keeps it, and one that has left this build, by a hand's rollback or
/// because it was given up, stays with the one before. Each tenant is a commit of its own: one that
/// cannot be brought there holds up no other.
pub async fn install_built_in(
    store: &Store,
    built_in: &BuiltIn,
    now_ms: u64,
) -> Result<Installed, StoreError> {
    let rows: Vec<(String,)> = query(
        "SELECT p.tenant FROM plugin p
         JOIN plugin_version v ON v.tenant = p.tenant AND v.plugin = p.name AND v.version = p.active
         WHERE p.name = $1 AND v.built_in = $2 AND v.digest <> $3
           AND NOT EXISTS (SELECT 1 FROM plugin_version g
                           WHERE g.tenant = p.tenant AND g.plugin = p.name
                             AND g.version = p.left_version AND g.digest = $3)
         ORDER BY p.tenant",
    )
    .bind(&built_in.name)
    .bind(true)
    .bind(&built_in.component.digest)
    .rows(&mut store.db().read().await?)
    .await?;
    let mut installed = Installed::default();
    // A database that is away or full is so for every tenant: the others are not tried one by one.
    let mut away: Option<StoreError> = None;
    for (id,) in rows {
        let tenant = parsed(&id)?;
        let done = match &away {
            Some(why) => Err(why.clone()),
            None => install_in(store, tenant, built_in, now_ms).await,
        };
        match done {
            Ok(()) => installed.changed.push(tenant),
            Err(why) => {
                away = matches!(why, StoreError::Unavailable(_)).then(|| why.clone());
                installed.failed.push((tenant, why));
            }
        }
    }
    Ok(installed)
}

async fn install_in(
    store: &Store,
    tenant: TenantId,
    built_in: &BuiltIn,
    now_ms: u64,
) -> Result<(), StoreError> {
    let mut tx = store.db().write().await?;
    tenant::install(&mut tx, tenant, built_in, now_ms).await?;
    tx.commit().await
}

/// The key with that secret: who a bearer is.
pub async fn key_of(store: &Store, secret: &str) -> Result<Option<ApiKey>, StoreError> {
    let hash = secret::key_hash(secret);
    let since = match store.keys_known().recall(&hash) {
        Ok(key) => return Ok(Some(key)),
        Err(since) => since,
    };
    let found = key::find(&mut store.db().look().await?, &hash).await?;
    if let Some(key) = &found {
        store.keys_known().remember(hash, key.clone(), since);
    }
    Ok(found)
}

/// Whether the platform team has a key.
pub async fn has_platform_key(store: &Store) -> Result<bool, StoreError> {
    let row: Option<(i64,)> = query("SELECT count(*) FROM api_key WHERE tenant IS NULL")
        .row(&mut store.db().read().await?)
        .await?;
    Ok(row.is_some_and(|(count,)| count > 0))
}

/// Adds a key of the platform team. The same secret again changes nothing; a secret that a tenant's
/// key has is a conflict.
pub async fn create_platform_key(
    store: &Store,
    id: KeyId,
    secret: &str,
    now_ms: u64,
) -> Result<(), StoreError> {
    let mut tx = store.db().write().await?;
    add_platform_key(&mut tx, "platform", id, secret, now_ms).await?;
    tx.commit().await
}

/// Makes this the platform team's preset key: the one that was preset before it opens nothing any
/// more, whoever has seen it.
pub async fn preset_platform_key(
    store: &Store,
    id: KeyId,
    secret: &str,
    now_ms: u64,
) -> Result<(), StoreError> {
    let mut tx = store.db().write().await?;
    query("DELETE FROM api_key WHERE tenant IS NULL AND name = $1 AND hash <> $2")
        .bind(PRESET)
        .bind(secret::key_hash(secret))
        .run(&mut tx)
        .await?;
    add_platform_key(&mut tx, PRESET, id, secret, now_ms).await?;
    tx.commit_then(|| store.keys_known().forget_all()).await
}

/// The name of the platform key that comes from outside.
const PRESET: &str = "preset";

async fn add_platform_key(
    tx: &mut Tx,
    name: &str,
    id: KeyId,
    secret: &str,
    now_ms: u64,
) -> Result<(), StoreError> {
    let there = key::find(tx, &secret::key_hash(secret)).await?;
    if there.is_some_and(|key| key.tenant.is_none()) {
        return Ok(());
    }
    let new = NewKey {
        id,
        scope: Scope::Admin,
        name: name.into(),
        user: None,
        secret: secret.to_owned(),
    };
    key::insert(tx, None, &new, now_ms).await
}

/// Removes recorded sessions that are older than [`limits::RECORDED_KEPT`], at most [`limits::SWEEP`] of
/// them; tells how many.
pub async fn sweep_recorded(store: &Store, now_ms: u64) -> Result<u64, StoreError> {
    recorded::sweep(store, now_ms).await
}

/// Writes records of calls and sessions, all of them or none, and returns when they are durable.
pub async fn record(store: &Store, records: impl Into<Records>) -> Result<(), StoreError> {
    let (reply, outcome) = oneshot::channel();
    store.write(Job::Records(records.into(), reply)).await?;
    outcome.await.map_err(|_| StoreError::closed())?
}

/// Closes, at start, the records that the last run left open, as `node-lost`; tells how many.
pub async fn close_open_cdrs(store: &Store) -> Result<u64, StoreError> {
    let mut tx = store.db().write().await?;
    let closed = cdr::close_open(&mut tx).await?;
    tx.commit().await?;
    Ok(closed)
}

/// The recordings that the last run left open, at most [`limits::OPEN_RECORDINGS`].
pub async fn open_recordings(store: &Store) -> Result<Vec<RecordingId>, StoreError> {
    recording::open(&mut store.db().read().await?).await
}

/// Which of these recordings have no row, not even one that was deleted.
pub async fn unknown_recordings(
    store: &Store,
    ids: Vec<RecordingId>,
) -> Result<Vec<RecordingId>, StoreError> {
    recording::unknown(&mut store.db().read().await?, ids).await
}

/// The recordings that were deleted and whose audio may still be there, at most
/// [`limits::RECORDINGS_AT_ONCE`], behind that one.
pub async fn gone_recordings(
    store: &Store,
    after: Option<RecordingId>,
) -> Result<Vec<Placed>, StoreError> {
    recording::placed::gone(&mut store.db().read().await?, after).await
}

/// Deletes recordings that are too old, some at a time; `most_days`: those of tenants that have set nothing, and
/// the most of those that have.
pub async fn expire_recordings(
    store: &Store,
    now_ms: u64,
    most_days: Option<u32>,
) -> Result<Expired, StoreError> {
    recording::expired::sweep(store.db(), now_ms, most_days).await
}

/// The recordings that are whole and whose audio is not in the archive alone, likewise.
pub async fn waiting_recordings(
    store: &Store,
    after: Option<RecordingId>,
) -> Result<Vec<Placed>, StoreError> {
    recording::placed::waiting(&mut store.db().read().await?, after).await
}

/// Removes keys of the policies' store that expired long enough ago that no event can still ask for
/// them; at most [`limits::SWEEP`]. Tells how many, so that the caller goes on while it is full.
pub async fn sweep_expired(store: &Store, now_ms: u64) -> Result<u64, StoreError> {
    let mut tx = store.db().write().await?;
    let grace = limits::SWEEP_GRACE.as_millis() as u64;
    let swept = kv::sweep(&mut tx, now_ms.saturating_sub(grace)).await?;
    // The next one who writes knows it, however this ends.
    tx.commit_then(|| {
        for (tenant, name) in &swept {
            store.memory().forget(*tenant, name);
        }
    })
    .await?;
    Ok(swept.len() as u64)
}

/// Where the phones of all tenants are that registered; some bindings may have ended.
pub async fn bindings(store: &Store) -> Result<Vec<Located>, StoreError> {
    binding::all(&mut store.db().read().await?).await
}

/// Removes bindings that have ended, at most [`limits::SWEEP`]; tells where their phones are now, and
/// how many there were, so that the caller goes on while it is full.
pub async fn sweep_bindings(store: &Store, now_ms: u64) -> Result<(Vec<Located>, u64), StoreError> {
    let mut tx = store.db().write().await?;
    let swept = binding::sweep(&mut tx, now_ms).await?;
    tx.commit().await?;
    Ok(swept)
}
