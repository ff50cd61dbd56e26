//! The door of the node: every message from the network passes it before anybody reads it.
//!
//! Owns the lock around the one [`Guard`], its clock and what is said of it in the log; the rules are
//! `control`'s. The lock is held for a look at one row.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use control::guard::{Counts, Guard, Known, Noted, Settings, Verdict};
use model::{TenantConfig, TenantId};
use sip::Conduct;

use crate::{clock, setup::random};

/// One for all listeners and shards.
pub struct Door {
    guard: Mutex<Guard>,
    tenants: Mutex<BTreeMap<TenantId, Arc<TenantConfig>>>,
}

impl Door {
    /// It has heard nobody yet.
    pub fn new(settings: Settings) -> anyhow::Result<Self> {
        Ok(Self {
            guard: Mutex::new(Guard::new(settings, random()?, clock::instant())),
            tenants: Mutex::default(),
        })
    }

    /// Whether a message of this source is to be read.
    pub fn lets_in(&self, source: IpAddr) -> bool {
        match lock(&self.guard).judge(clock::instant(), source) {
            Verdict::Pass => true,
            Verdict::Drop { why, tell } => {
                if tell {
                    tracing::warn!(%source, ?why, "its messages are dropped");
                }
                false
            }
        }
    }

    /// Takes what a source has shown itself to be.
    pub fn note(&self, source: IpAddr, conduct: Conduct) {
        let noted = lock(&self.guard).note(clock::instant(), source, conduct);
        if noted == (Noted::Silenced { tell: true }) {
            tracing::warn!(%source, last = ?conduct, "it is not heard for a while");
        }
    }

    /// Takes whom a tenant names now; nobody, if it is gone.
    pub fn tenant(&self, id: TenantId, config: Option<&Arc<TenantConfig>>) {
        let mut tenants = lock(&self.tenants);
        match config {
            Some(config) => tenants.insert(id, Arc::clone(config)),
            None => tenants.remove(&id),
        };
        // Messages go on while this is gathered.
        let known = Known::of(tenants.values());
        lock(&self.guard).know(known);
    }

    /// Takes whom all tenants name.
    pub fn tenants(&self, all: impl Iterator<Item = Arc<TenantConfig>>) {
        let mut tenants = lock(&self.tenants);
        *tenants = all.map(|config| (config.id, config)).collect();
        let known = Known::of(tenants.values());
        lock(&self.guard).know(known);
    }

    /// What it did.
    pub fn counts(&self) -> Counts {
        lock(&self.guard).counts().clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub mod tests {
    use std::sync::Arc;

    use control::guard::Settings;

    use super::Door;

    /// One that nobody's burst reaches.
    pub fn wide() -> Arc<Door> {
        burst(1_000_000)
    }

    /// One that hears so many messages of a stranger at once, and then one a second.
    pub fn burst(stranger_burst: u32) -> Arc<Door> {
        let settings = Settings {
            stranger_rate: 1,
            stranger_burst,
            ..Settings::default()
        };
        Arc::new(Door::new(settings).unwrap())
    }
}
