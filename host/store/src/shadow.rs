//! A version of a plugin that runs along, and what it has shown.

use std::collections::BTreeMap;

use model::TenantId;

use crate::db::{Tx, query};
use crate::{Store, StoreError, plugin, version};

/// A version that runs along on events of new sessions, without effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// The version.
    pub version: u32,
    /// What it has shown.
    pub tally: ShadowTally,
}

/// What a shadow has shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShadowTally {
    /// Sessions that it followed from their first turn.
    pub sessions: u64,
    /// Turns that it ran.
    pub turns: u64,
    /// Sessions in which it decided otherwise.
    pub differ: u64,
    /// Sessions of which nothing more can be told: it read another key, or a turn was lost.
    pub unknown: u64,
}

impl Store {
    /// The versions that run along, by plugin.
    pub async fn shadows(&self, tenant: TenantId) -> Result<BTreeMap<String, Shadow>, StoreError> {
        all(&mut self.db().read().await?, tenant).await
    }

    /// Lets that version run along with new sessions, or none; what was counted of another is gone.
    pub async fn set_shadow(
        &self,
        tenant: TenantId,
        name: &str,
        shadow: Option<u32>,
    ) -> Result<(), StoreError> {
        let mut tx = self.db().write().await?;
        let activation = plugin::read(&mut tx, tenant, name).await?.activation;
        let conflict = |what| Err(StoreError::Conflict { what });
        if let Some(version) = shadow {
            version::find(&mut tx, tenant, name, version).await?;
            match activation {
                None => {
                    let what = "has no active version beside which another could run along";
                    return conflict(format!("plugin {name} {what}"));
                }
                Some(active) if active.version == version => {
                    return conflict(format!("version {version} is active and its own shadow"));
                }
                Some(_) => {}
            }
        }
        put(&mut tx, tenant, name, shadow).await?;
        tx.commit().await
    }

    /// Adds what a shadow has shown, if it still runs along.
    pub async fn add_shadow(
        &self,
        tenant: TenantId,
        name: &str,
        version: u32,
        more: ShadowTally,
    ) -> Result<(), StoreError> {
        let mut tx = self.db().write().await?;
        query(
            "UPDATE plugin SET shadow_sessions = shadow_sessions + $4, shadow_turns = shadow_turns + $5,
                               shadow_differ = shadow_differ + $6, shadow_unknown = shadow_unknown + $7
             WHERE tenant = $1 AND name = $2 AND shadow = $3",
        )
        .bind(tenant)
        .bind(name)
        .bind(version)
        .bind(more.sessions)
        .bind(more.turns)
        .bind(more.differ)
        .bind(more.unknown)
        .run(&mut tx)
        .await?;
        tx.commit().await
    }
}

/// That version runs along from here on, or none.
pub(crate) async fn put(
    tx: &mut Tx,
    tenant: TenantId,
    name: &str,
    shadow: Option<u32>,
) -> Result<(), StoreError> {
    query(
        "UPDATE plugin SET shadow = $3, shadow_sessions = 0, shadow_turns = 0, shadow_differ = 0,
                           shadow_unknown = 0, revision = revision + 1
         WHERE tenant = $1 AND name = $2 AND coalesce(shadow, 0) <> coalesce($3, 0)",
    )
    .bind(tenant)
    .bind(name)
    .bind(shadow.map(u64::from))
    .run(tx)
    .await?;
    Ok(())
}

/// The shadows of a tenant.
pub(crate) async fn all(
    tx: &mut Tx,
    tenant: TenantId,
) -> Result<BTreeMap<String, Shadow>, StoreError> {
    let rows: Vec<(String, i64, i64, i64, i64, i64)> = query(
        "SELECT name, shadow, shadow_sessions, shadow_turns, shadow_differ, shadow_unknown
         FROM plugin WHERE tenant = $1 AND shadow IS NOT NULL ORDER BY name",
    )
    .bind(tenant)
    .rows(tx)
    .await?;
    let one =
        |(name, version, sessions, turns, differ, unknown): (String, i64, i64, i64, i64, i64)| {
            let tally = ShadowTally {
                sessions: sessions as u64,
                turns: turns as u64,
                differ: differ as u64,
                unknown: unknown as u64,
            };
            let version = version as u32;
            (name, Shadow { version, tally })
        };
    Ok(rows.into_iter().map(one).collect())
}
