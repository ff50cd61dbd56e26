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
    /// So many turns of a new version that fault are too many; 0: none are.
    pub max_faults: u32,
    /// Within so many seconds.
    pub fault_window_s: u32,
    /// The version that the platform has given up, unless a hand has activated anything since.
    pub given_up: Option<GivenUp>,
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

/// A version whose turns faulted too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// The version.
    pub version: u32,
    /// Why, in words.
    pub why: String,
    /// When, Unix milliseconds.
    pub at: u64,
}

/// A version that new sessions shall begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewActivation {
    /// The version.
    pub version: u32,
    /// Its share of them, 1 to 100 percent.
    pub percent: u8,
    /// See [`Activation::max_faults`]: at most [`model::limits::PROBATION_FAULTS_MOST`].
    pub max_faults: u32,
    /// See [`Activation::fault_window_s`]: 1 to [`model::limits::PROBATION_WITHIN_MOST_S`].
    pub fault_window_s: u32,
}

impl NewActivation {
    /// With the usual probation.
    pub fn of(version: u32, percent: u8) -> Self {
        Self {
            version,
            percent,
            max_faults: model::limits::PROBATION_FAULTS,
            fault_window_s: model::limits::PROBATION_WITHIN_S,
        }
    }
}

impl Store {
    /// What new sessions of the plugin begin with; not found if nothing was activated yet.
    pub async fn activation(&self, tenant: TenantId, name: &str) -> Result<Activation, StoreError> {
        active(&mut self.db().read().await?, tenant, name).await
    }

    /// Lets that share of new sessions begin with this version. With 100 percent it is the active one,
    /// and no other is on trial any more; with less it is on trial beside the active one, in place of
    /// any other. What is so already changes nothing.
    pub async fn activate(
        &self,
        tenant: TenantId,
        name: &str,
        new: NewActivation,
        now_ms: u64,
    ) -> Result<Activation, StoreError> {
        let NewActivation {
            version,
            percent,
            max_faults,
            fault_window_s,
        } = new;
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
        let next = Activation {
            max_faults,
            fault_window_s,
            given_up: None,
            ..next
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
        let next = Activation {
            given_up: None,
            ..next
        };
        let activation = write(&mut tx, tenant, next, now_ms).await?;
        tx.commit().await?;
        Ok(activation)
    }

    /// Ends the trial of that version, or brings the version before it back, because its turns fault.
    /// Tells whether it did: a hand may have been faster.
    pub async fn give_up(
        &self,
        tenant: TenantId,
        name: &str,
        given_up: GivenUp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db().write().await?;
        let before = active(&mut tx, tenant, name).await?;
        let at = given_up.at;
        let trial = before.trial.map(|trial| trial.version);
        let next = match before.previous {
            _ if trial == Some(given_up.version) => Activation {
                trial: None,
                ..before
            },
            Some(previous) if trial.is_none() && before.version == given_up.version => {
                before.with(previous)
            }
            _ => return Ok(false),
        };
        let next = Activation {
            given_up: Some(given_up),
            ..next
        };
        write(&mut tx, tenant, next, at).await?;
        tx.commit().await?;
        Ok(true)
    }
}

impl Activation {
    fn first(plugin: &str, version: u32) -> Self {
        Self {
            plugin: plugin.to_owned(),
            version,
            previous: None,
            trial: None,
            max_faults: model::limits::PROBATION_FAULTS,
            fault_window_s: model::limits::PROBATION_WITHIN_S,
            given_up: None,
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
            given_up: None,
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
    let before = plugin::read(tx, tenant, &next.plugin).await?.activation;
    if before.as_ref() == Some(&next) {
        return Ok(next);
    }
    let given_up = next.given_up.as_ref();
    query(
        "UPDATE plugin SET active = $3, previous = $4, trial = $5, percent = $6, activated = $7,
                           max_faults = $8, fault_window_s = $9, given_up = $10,
                           given_up_why = $11, given_up_at = $12, revision = revision + 1
         WHERE tenant = $1 AND name = $2",
    )
    .bind(tenant)
    .bind(&next.plugin)
    .bind(next.version)
    .bind(next.previous.map(u64::from))
    .bind(next.trial.map(|trial| u64::from(trial.version)))
    .bind(next.trial.map_or(100, |trial| u32::from(trial.percent)))
    .bind(now_ms)
    .bind(next.max_faults)
    .bind(next.fault_window_s)
    .bind(given_up.map(|it| u64::from(it.version)))
    .bind(given_up.map(|it| it.why.clone()))
    .bind(given_up.map(|it| it.at))
    .run(tx)
    .await?;
    active(tx, tenant, &next.plugin).await
}
