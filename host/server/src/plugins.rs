//! The compiled components of this process, by digest.
//!
//! A shard finds its policy here without waiting: whatever is active was compiled before its tenant's
//! snapshot was published. What is no longer active anywhere stays for a while, because live sessions
//! run on with it; should it be gone, it is made anew from its row. Uploads are compiled to be judged, and only
//! what they were compiled to is kept, on disk.

mod judge;
mod kept;
mod shelf;
mod workshop;

use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use anyhow::Context;
use bytes::Bytes;
use judge::Judge;
use model::{Manifest, TenantConfig, TenantId};
use policy::{Engine, Limits, Policy, Refusal};
use shelf::Shelf;
use store::{Store, StoreError};
use tokio::sync::Semaphore;
use workshop::Workshop;

use crate::{clock, config::Config, shard::TURNS};

/// Components made at one time, of uploads and of others each: a compiler takes a core for a while.
const MADE: usize = 1;

/// The compiled components.
pub struct Plugins {
    workshop: Arc<Workshop>,
    store: Store,
    shelf: RwLock<Shelf<Policy>>,
    /// Uploads that are judged.
    judging: Arc<Semaphore>,
    /// What calls need, which does not queue behind uploads.
    making: Arc<Semaphore>,
    judge: Judge,
}

impl Plugins {
    /// None yet.
    pub fn new(config: &Config, store: Store) -> anyhow::Result<Self> {
        let limits = Limits {
            guest_time: config.turn_deadline()?,
            memory: config.turn_memory()?,
            component: config.upload_max()?,
            turns: u32::from(crate::fleet::shard_count()) * TURNS as u32 + 1,
            ..Limits::default()
        };
        let engine = Engine::new(limits, clock::instant).context("plugins")?;
        Ok(Self {
            workshop: Arc::new(Workshop::new(config, engine)?),
            store,
            shelf: RwLock::default(),
            judging: Arc::new(Semaphore::new(MADE)),
            making: Arc::new(Semaphore::new(MADE)),
            judge: Judge::default(),
        })
    }

    /// What runs them.
    pub fn engine(&self) -> &Engine {
        self.workshop.engine()
    }

    /// Who gives up versions that fault.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// The component of that digest, if it is there.
    pub fn get(&self, digest: &str) -> Option<Arc<Policy>> {
        let shelf = self.shelf.read().unwrap_or_else(PoisonError::into_inner);
        shelf.get(digest)
    }

    /// Judges an upload; the refusal is in the words of `plugin check`. Dropped, it leaves the queue
    /// of those who wait for the compiler.
    pub async fn check(&self, bytes: Bytes) -> Result<Manifest, String> {
        let policy = self.make(bytes, &self.judging).await?;
        Ok(policy.manifest().clone())
    }

    /// Compiles what is active for that tenant and not there yet. An error is the store's; a
    /// component that cannot be compiled any more keeps nothing else from being published.
    pub async fn prepare(&self, tenant: &TenantConfig) -> Result<(), StoreError> {
        for plugin in tenant.versions() {
            if self.get(&plugin.digest).is_some() {
                continue;
            }
            let bytes = self.store.component(tenant.id, &plugin.digest).await?;
            match self.make(bytes.into(), &self.making).await {
                Ok(policy) => self.shelve(policy),
                // Its sessions fault as `instance`; the tenant's log says so at each.
                Err(why) => {
                    tracing::warn!(tenant = %tenant.id, plugin = plugin.name, why, "not prepared");
                }
            }
        }
        Ok(())
    }

    /// Every shard has this configuration of the tenant, or knows that the tenant is gone: what
    /// nobody begins a session with any more may go.
    pub fn published(&self, tenant: TenantId, config: Option<&TenantConfig>) {
        self.judge.published(tenant, config);
        let plugins = config.into_iter().flat_map(TenantConfig::versions);
        let digests = plugins.map(|plugin| plugin.digest.clone()).collect();
        self.shelf().activate(tenant, digests);
    }

    /// A component that a live session of the tenant needs and that is no longer there.
    pub async fn fetch(&self, tenant: TenantId, digest: &str) -> Option<Arc<Policy>> {
        let bytes = match self.store.component(tenant, digest).await {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::warn!(%tenant, %error, "a component could not be read");
                return None;
            }
        };
        let policy = self.make(bytes.into(), &self.making).await.ok()?;
        self.shelve(Arc::clone(&policy));
        Some(policy)
    }

    fn shelve(&self, policy: Arc<Policy>) {
        let digest = policy.manifest().digest.clone();
        self.shelf().put(digest, policy);
    }

    fn shelf(&self) -> RwLockWriteGuard<'_, Shelf<Policy>> {
        self.shelf.write().unwrap_or_else(PoisonError::into_inner)
    }

    async fn make(&self, bytes: Bytes, desk: &Arc<Semaphore>) -> Result<Arc<Policy>, String> {
        let ended = |_| "the node ends".to_owned();
        let permit = Arc::clone(desk).acquire_owned().await.map_err(ended)?;
        let manifest = self.engine().validate(&bytes);
        let manifest = manifest.map_err(|why| why.to_string())?;
        if let Some(known) = self.get(&manifest.digest) {
            return Ok(known);
        }
        let workshop = Arc::clone(&self.workshop);
        // It keeps its place though nobody waits for it any more: the child that compiles goes on.
        let made = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            workshop.make(&bytes)
        });
        match made.await {
            Ok(Ok(policy)) => Ok(Arc::new(policy)),
            Ok(Err(refusal)) => {
                if let Refusal::NotCompiled(why) = &refusal {
                    tracing::warn!(digest = manifest.digest, why, "the compiler failed");
                }
                Err(refusal.to_string())
            }
            Err(_) => Err("the compiler failed on it".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
