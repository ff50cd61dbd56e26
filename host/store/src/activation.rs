//! Which versions of a plugin new sessions begin with.
//!
//! One version is active, and one may be on trial: a share of new sessions begins with it, all others
//! with the active one. Every change is a flip of pointers: no version ever changes.

use std::time::Duration;

use model::{Probation, TenantId};

use crate::db::{Tx, query};
use crate::{Store, StoreError, plugin, shadow, version};

/// Which versions of a plugin new sessions begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// The plugin.
    pub plugin: String,
    /// The active version.
    pub version: u32,
    /// When it became active, Unix milliseconds; 0 if that was before the platform took note.
    pub active_since: u64,
    /// The version that was active before it: what a rollback brings back if none is on trial.
    pub previous: Option<u32>,
    /// The version that was left, by a hand or because its turns faulted, until another is activated for all.
    pub left: Option<u32>,
    /// The version on trial.
    pub trial: Option<OnTrial>,
    /// So many turns of a new version that fault are too many; 0: none are.
    pub max_faults: u32,
    /// Within so many seconds.
    pub fault_window_s: u32,
    /// The version that the platform has given up, unless a hand has activated anything since.
    pub given_up: Option<GivenUp>,
    /// When any of this was changed the last time, Unix milliseconds; 0 if that was before the platform took note.
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
    /// When its trial began, Unix milliseconds.
    pub since: u64,
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
    /// any other. Either way no version runs along any more. What is so already changes nothing.
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
        // First, for it counts as a change.
        shadow::put(&mut tx, tenant, name, None).await?;
        let before = plugin::read(&mut tx, tenant, name).await?.activation;
        version::find(&mut tx, tenant, name, version).await?;
        let on_trial = before.as_ref().and_then(|it| it.trial);
        // Another share is the same trial.
        let same = on_trial.filter(|it| it.version == version);
        let trial = (percent < 100).then_some(OnTrial {
            version,
            percent,
            since: same.map_or(now_ms, |it| it.since),
        });
        let next = match (before, trial) {
            (None, None) => Activation::first(name, version, now_ms),
            (None, Some(_)) => {
                let what = format!("plugin {name} has no active version to try another beside");
                return Err(StoreError::Conflict { what });
            }
            (Some(before), None) => Activation {
                left: None,
                ..before.with(version, now_ms)
            },
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
            (None, Some(previous)) => before.back_to(previous, now_ms),
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

    /// Ends the trial of that version, or brings the version before it back, because its turns fault: as it was
    /// judged, at that time. Tells whether it did: a hand may have been faster, and what it has activated is not what
    /// was judged, though it were the same version.
    pub async fn give_up(
        &self,
        tenant: TenantId,
        name: &str,
        judged: &Probation,
        why: &str,
        at: u64,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db().write().await?;
        let before = active(&mut tx, tenant, name).await?;
        if before.probation().as_ref() != Some(judged) {
            return Ok(false);
        }
        let next = if before.trial.is_some() {
            Activation {
                trial: None,
                ..before
            }
        } else {
            before.back_to(judged.before, at)
        };
        let next = Activation {
            given_up: Some(GivenUp {
                version: judged.version,
                why: why.to_owned(),
                at,
            }),
            ..next
        };
        write(&mut tx, tenant, next, at).await?;
        tx.commit().await?;
        Ok(true)
    }
}

impl Activation {
    /// The version that is new or on trial, and would be given up for the one before; none after one was, until a hand
    /// activates something. What was brought back is not new, nor is it given up for what it was brought back from.
    pub(crate) fn probation(&self) -> Option<Probation> {
        if self.max_faults == 0 || self.given_up.is_some() {
            return None;
        }
        let (version, before, since, until) = if let Some(trial) = self.trial {
            (trial.version, self.version, trial.since, u64::MAX)
        } else {
            let before = self.previous.filter(|before| *before < self.version)?;
            let until = self.active_since + model::limits::PROBATION.as_millis() as u64;
            (self.version, before, self.active_since, until)
        };
        Some(Probation {
            version,
            before,
            faults: self.max_faults,
            within: Duration::from_secs(self.fault_window_s.into()),
            since,
            until,
        })
    }

    fn first(plugin: &str, version: u32, now_ms: u64) -> Self {
        Self {
            plugin: plugin.to_owned(),
            version,
            active_since: now_ms,
            previous: None,
            left: None,
            trial: None,
            max_faults: model::limits::PROBATION_FAULTS,
            fault_window_s: model::limits::PROBATION_WITHIN_S,
            given_up: None,
            activated: 0,
            revision: 0,
        }
    }

    /// With that version, which was active before, in place of the one that is left.
    fn back_to(self, version: u32, now_ms: u64) -> Self {
        Self {
            left: Some(self.version),
            ..self.with(version, now_ms)
        }
    }

    /// With that version for all new sessions.
    fn with(self, version: u32, now_ms: u64) -> Self {
        let next = Self {
            trial: None,
            ..self
        };
        if next.version == version {
            return next;
        }
        Self {
            version,
            active_since: now_ms,
            previous: Some(next.version),
            ..next
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
        None => Activation::first(name, version, now_ms),
        Some(before) => Activation {
            trial: before.trial.filter(|trial| trial.version != version),
            left: None,
            given_up: None,
            ..before.with(version, now_ms)
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
                           given_up_why = $11, given_up_at = $12, active_since = $13,
                           trial_since = $14, left_version = $15, revision = revision + 1
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
    .bind(next.active_since)
    .bind(next.trial.map_or(0, |trial| trial.since))
    .bind(next.left.map(u64::from))
    .run(tx)
    .await?;
    active(tx, tenant, &next.plugin).await
}
