//! The compiled components of this process, by digest.
//!
//! A shard finds its policy here without waiting: whatever is active was compiled before its tenant's
//! snapshot was published. What is no longer active anywhere stays for a while, because live sessions
//! run on with it; should it be gone, it is made anew from its row. Uploads are compiled to be judged, and only
//! what they were compiled to is kept, on disk.

mod desk;
mod judge;
mod kept;
mod refused;
mod shelf;
mod workshop;

use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use desk::{Desk, Owner};
use judge::Judge;
use model::{Manifest, TenantConfig, TenantId};
use policy::{Engine, Limits, Policy, Refusal};
use store::{Store, StoreError};
use workshop::Workshop;

use crate::{clock, config::Config, shard::TURNS};

/// The compiled components.
pub struct Plugins {
    workshop: Arc<Workshop>,
    store: Store,
    /// Uploads that are judged.
    judging: Arc<Desk>,
    /// What calls need, which does not queue behind uploads.
    making: Arc<Desk>,
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
            judging: Desk::new(),
            making: Desk::new(),
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
        self.workshop.get(digest)
    }

    /// Judges an upload; the refusal is in the words of `plugin check`. Dropped, it leaves the queue
    /// of those who wait for the compiler.
    pub async fn check(&self, owner: Owner, bytes: Bytes) -> Result<Manifest, String> {
        let made = self.make(owner, bytes, &self.judging).await;
        let policy = made.map_err(|refusal| refusal.to_string())?;
        Ok(policy.manifest().clone())
    }

    /// Compiles what is active for that tenant and not there yet. An error is the store's; a
    /// component that cannot be compiled any more keeps nothing else from being published.
    pub async fn prepare(&self, tenant: &TenantConfig) -> Result<(), StoreError> {
        for plugin in tenant.versions() {
            let digest = &plugin.digest;
            if self.get(digest).is_some() || self.workshop.refusal(digest).is_some() {
                continue;
            }
            let bytes = self.store.component(tenant.id, digest).await?;
            // Otherwise its sessions fault as `instance`; the tenant's log says so at each.
            let made = self.make_for_calls(tenant.id, digest, bytes.into());
            if let Err(why) = made.await {
                tracing::warn!(tenant = %tenant.id, plugin = plugin.name, %why, "not prepared");
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
        self.workshop.activate(tenant, digests);
    }

    /// A component that a live session of the tenant needs and that is no longer there; or why it cannot be had,
    /// for the tenant's log.
    pub async fn fetch(&self, tenant: TenantId, digest: &str) -> Result<Arc<Policy>, String> {
        if let Some(refusal) = self.workshop.refusal(digest) {
            return Err(refusal.to_string());
        }
        let bytes = match self.store.component(tenant, digest).await {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::warn!(%tenant, %error, "a component could not be read");
                return Err("it could not be read from the store".to_owned());
            }
        };
        let made = self.make_for_calls(tenant, digest, bytes.into()).await;
        made.map_err(|refusal| refusal.to_string())
    }

    /// Makes what calls need, and puts it on the shelf.
    async fn make_for_calls(
        &self,
        tenant: TenantId,
        digest: &str,
        bytes: Bytes,
    ) -> Result<Arc<Policy>, Refusal> {
        let made = self.make(Some(tenant), bytes, &self.making).await;
        match &made {
            Ok(policy) => self.workshop.shelve(policy),
            // Most are known already: this one may have come to nothing in another way.
            Err(refusal) if self.workshop.refusal(digest).is_none() => {
                self.workshop.refuse(digest.to_owned(), refusal.clone());
            }
            Err(_) => {}
        }
        made
    }

    async fn make(
        &self,
        owner: Owner,
        bytes: Bytes,
        desk: &Arc<Desk>,
    ) -> Result<Arc<Policy>, Refusal> {
        let place = desk.enter(owner).await;
        let workshop = Arc::clone(&self.workshop);
        // It keeps its place though nobody waits for it any more: the child that compiles goes on.
        let made = tokio::task::spawn_blocking(move || {
            let _place = place;
            workshop.make(&bytes)
        });
        let failed = |_| Err(Refusal::NotCompiled("the compiler failed on it".into()));
        made.await.unwrap_or_else(failed)
    }
}

#[cfg(test)]
mod tests;
