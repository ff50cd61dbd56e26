//! Gives up new versions of plugins whose turns fault too often.
//!
//! The counting and the verdict are `control::probation`'s; here is what all shards share of it, and the task that
//! carries verdicts out: rows first, then the tenant's log, then the shards. A verdict stays until its row is
//! written; there is at most one for each plugin.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use control::probation::{Probations, Verdict};
use model::{LogLevel, LogLine, Now, TenantConfig, TenantId, turn::Fault};
use store::{Store, StoreError};
use tokio::{
    sync::{Notify, oneshot},
    time::sleep,
};

use crate::{clock, metrics::Metrics, publish::Publisher};

/// How long a verdict waits that the store did not take.
const AGAIN: Duration = Duration::from_secs(1);

/// Who is on probation, and which verdicts wait.
#[derive(Default)]
pub struct Judge {
    court: Mutex<Court>,
    verdict: Notify,
}

#[derive(Default)]
struct Court {
    probations: Probations,
    verdicts: BTreeMap<(TenantId, String), Verdict>,
}

impl Court {
    /// A verdict that could not be carried out waits, unless there is a newer one.
    fn again(&mut self, verdict: Verdict) {
        let plugin = (verdict.tenant, verdict.plugin.clone());
        self.verdicts.entry(plugin).or_insert(verdict);
    }
}

impl Judge {
    /// A tenant has this configuration from now on, or is gone.
    pub(super) fn published(&self, tenant: TenantId, config: Option<&TenantConfig>) {
        self.court().probations.publish(tenant, config);
    }

    /// A turn of that version of a plugin has ended.
    pub fn turned(&self, now: Now, whose: (TenantId, &str, u32), fault: Option<Fault>) {
        let mut court = self.court();
        if let Some(verdict) = court.probations.turn(now, whose, fault) {
            let plugin = (verdict.tenant, verdict.plugin.clone());
            court.verdicts.insert(plugin, verdict);
            self.verdict.notify_one();
        }
    }

    /// Carries verdicts out, until it is dropped.
    pub async fn run(&self, store: Store, publisher: Publisher, metrics: Metrics) {
        loop {
            while let Some(verdict) = self.next() {
                match carry_out(&store, &verdict).await {
                    Ok(false) => {}
                    Ok(true) => {
                        // Nobody waits for it.
                        let (done, _) = oneshot::channel();
                        publisher.changed(verdict.tenant, done);
                        metrics.given_up();
                    }
                    Err(error @ StoreError::Unavailable(_)) => {
                        let (tenant, plugin) = (verdict.tenant, verdict.plugin.clone());
                        tracing::warn!(%tenant, plugin, %error, "not given up yet; tried again");
                        self.court().again(verdict);
                        sleep(AGAIN).await;
                    }
                    Err(error) => {
                        let (tenant, plugin) = (verdict.tenant, verdict.plugin);
                        tracing::warn!(%tenant, plugin, %error, "not given up");
                    }
                }
            }
            self.verdict.notified().await;
        }
    }

    fn next(&self) -> Option<Verdict> {
        Some(self.court().verdicts.pop_first()?.1)
    }

    fn court(&self) -> MutexGuard<'_, Court> {
        self.court.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Flips the pointers, and tells the tenant; `false`: somebody has activated another version meanwhile.
async fn carry_out(store: &Store, verdict: &Verdict) -> Result<bool, StoreError> {
    let Verdict {
        tenant,
        plugin,
        judged,
        why,
    } = verdict;
    let (version, at) = (judged.version, clock::unix_ms());
    let given_up = store.give_up(*tenant, plugin, judged, why, at);
    if !given_up.await? {
        return Ok(false);
    }
    tracing::warn!(%tenant, plugin, version, why, "a version was given up");
    let line = LogLine {
        level: LogLevel::Error,
        message: format!(
            "version {version} is given up, new sessions begin with the one before: {why}"
        ),
    };
    let lines = [line];
    let told = store.append_logs(*tenant, plugin, version, None, at, &lines);
    if let Err(error) = told.await {
        tracing::warn!(%tenant, plugin, %error, "its log was not told");
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
