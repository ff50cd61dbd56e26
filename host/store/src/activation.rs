//! Which versions of a plugin new sessions begin with.
//!
//! One version is active, and one may be on trial: a share of new sessions begins with it, all others
//! with the active one. Every change is a flip of pointers: no version ever changes.

use model::TenantId;

use crate::db::{Tx, query};
use crate::{Store, StoreError, plugin, version};

/// Which versions of a plugin new sessions begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// The plugin.
    pub plugin: String,
    /// The active version.
    pub version: u32,
    /// The version that was active before it: what a rollback brings back if none is on trial.
    pub previous: Option<u32>,
    /// The version on trial.
    pub trial: Option<OnTrial>,
    /// When it became so, Unix milliseconds; 0 if that was before the platform took note.
    pub activated: u64,
    /// Counts the changes.
    pub revision: u64,
}

/// A version on trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnTrial {
    /// The version.
    pub version: u32,
    /// Its share of new sessions, percent: 1 to 99.
    pub percent: u8,
}

impl Store {
    /// What new sessions of the plugin begin with; not found if nothing was activated yet.
    pub async fn activation(&self, tenant: TenantId, name: &str) -> Result<Activation, StoreError> {
        active(&mut self.db().read().await?, tenant, name).await
    }

    /// Lets that share of new sessions begin with this version, 1 to 100 percent. With 100 it is the
    /// active one, and no other is on trial any more; with less it is on trial beside the active one, in
    /// place of any other. What is so already changes nothing.
    pub async fn activate(
        &self,
        tenant: TenantId,
        name: &str,
        version: u32,
        percent: u8,
        now_ms: u64,
    ) -> Result<Activation, StoreError> {
        let mut tx = self.db().write().await?;
        let before = plugin::read(&mut tx, tenant, name).await?.activation;
        version::find(&mut tx, tenant, name, version).await?;
        let trial = (percent < 100).then_some(OnTrial { version, percent });
        let next = match (before, trial) {
            (None, None) => Activation::first(name, version),
            (None, Some(_)) => {
                let what = format!("plugin {name} has no active version to try another beside");
                return Err(StoreError::Conflict { what });
            }
            (Some(before), None) => before.with(version),
            (Some(before), Some(_)) if before.version == version => {
                let what = format!("version {version} is active: no trial of it is left to make");
                return Err(StoreError::Conflict { what });
            }
            (Some(before), trial) => Activation { trial, ..before },
        };
        let activation = write(&mut tx, tenant, next, now_ms).await?;
        tx.commit().await?;
        Ok(activation)
    }

    /// Ends the trial if there is one; else lets new sessions begin with the version before the active
    /// one, which takes its place.
    pub async fn rollback(
        &self,
        tenant: TenantId,
        name: &str,
        now_ms: u64,
    ) -> Result<Activation, StoreError> {
        let mut tx = self.db().write().await?;
        let nothing = || StoreError::Conflict {
            what: format!("plugin {name} has no version before the active one"),
        };
        let before = plugin::read(&mut tx, tenant, name).await?.activation;
        let before = before.ok_or_else(nothing)?;
        let next = match (before.trial, before.previous) {
            (Some(_), _) => Activation {
                trial: None,
                ..before
            },
            (None, Some(previous)) => before.with(previous),
            (None, None) => return Err(nothing()),
        };
        let activation = write(&mut tx, tenant, next, now_ms).await?;
        tx.commit().await?;
        Ok(activation)
    }
}

impl Activation {
    fn first(plugin: &str, version: u32) -> Self {
        Self {
            plugin: plugin.to_owned(),
            version,
            previous: None,
            trial: None,
            activated: 0,
            revision: 0,
        }
    }

    /// With that version for all new sessions.
    fn with(self, version: u32) -> Self {
        let is_active = self.version == version;
        Self {
            version,
            previous: if is_active {
                self.previous
            } else {
                Some(self.version)
            },
            trial: None,
            ..self
        }
    }
}

/// Makes a build of the platform's own the active version. A trial beside it goes on.
pub(crate) async fn install(
    tx: &mut Tx,
    tenant: TenantId,
    name: &str,
    version: u32,
    now_ms: u64,
) -> Result<(), StoreError> {
    let next = match plugin::read(tx, tenant, name).await?.activation {
        None => Activation::first(name, version),
        Some(before) => Activation {
            trial: before.trial.filter(|trial| trial.version != version),
            ..before.with(version)
        },
    };
    write(tx, tenant, next, now_ms).await?;
    Ok(())
}

async fn active(tx: &mut Tx, tenant: TenantId, name: &str) -> Result<Activation, StoreError> {
    let what = "activation";
    let activation = plugin::read(tx, tenant, name).await?.activation;
    activation.ok_or(StoreError::NotFound { what })
}

/// Writes down what has changed, if anything has.
async fn write(
    tx: &mut Tx,
    tenant: TenantId,
    next: Activation,
    now_ms: u64,
) -> Result<Activation, StoreError> {
    query(
        "UPDATE plugin SET active = $3, previous = $4, trial = $5, percent = $6, activated = $7,
                           revision = revision + 1
         WHERE tenant = $1 AND name = $2
           AND (active IS NULL OR active <> $3 OR coalesce(trial, 0) <> coalesce($5, 0)
                OR percent <> $6)",
    )
    .bind(tenant)
    .bind(&next.plugin)
    .bind(next.version)
    .bind(next.previous.map(u64::from))
    .bind(next.trial.map(|trial| u64::from(trial.version)))
    .bind(next.trial.map_or(100, |trial| u32::from(trial.percent)))
    .bind(now_ms)
    .run(tx)
    .await?;
    active(tx, tenant, &next.plugin).await
}
