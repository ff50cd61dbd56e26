//! The compiled components of this process, by digest.
//!
//! A shard finds its policy here without waiting: as good as always, whatever is active was loaded before its tenant's
//! snapshot was published. What has to be compiled first is so behind, and no tenant waits for what another needs.
//! What is no longer active anywhere stays for a while, because live sessions
//! run on with it; should it be gone, it is made anew from its row. Uploads are compiled to be judged, and only
//! what they were compiled to is kept, on disk.

mod desk;
mod judge;
mod kept;
mod missing;
mod refused;
mod shelf;
mod workshop;

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use bytes::Bytes;
use desk::{Desk, Owner, Place};
use judge::Judge;
use missing::Missing;
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
    missing: Missing,
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
            missing: Missing::new(),
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
        let place = self.judging.enter(owner).await;
        let made = self.make(place, bytes).await;
        let policy = made.map_err(|refusal| refusal.to_string())?;
        Ok(policy.manifest().clone())
    }

    /// Loads what is active for that tenant and not there yet. What was never compiled, or for another version of the
    /// platform, is compiled behind ([`make_missing`](Self::make_missing)), and waited for so long if it is to be
    /// active from now on. An error is the store's; a component that cannot be compiled any more keeps nothing else
    /// from being published.
    pub async fn prepare(
        &self,
        config: &TenantConfig,
        patience: Duration,
    ) -> Result<(), StoreError> {
        let (tenant, mut new) = (config.id, Vec::new());
        for plugin in config.versions() {
            let digest = &plugin.digest;
            let is_known = self.get(digest).is_some() || self.workshop.refusal(digest).is_some();
            if is_known || self.load(tenant, digest).await? {
                continue;
            }
            self.missing.add(tenant, digest);
            if !self.workshop.is_active(tenant, digest) {
                new.push(digest);
            }
        }
        let made = async {
            for digest in new {
                self.missing.gone(tenant, digest).await;
            }
        };
        if tokio::time::timeout(patience, made).await.is_err() {
            tracing::warn!(%tenant, "published before its components are compiled");
        }
        Ok(())
    }

    /// Puts that on the shelf if nothing has to be compiled for it. Tells whether it did.
    async fn load(&self, tenant: TenantId, digest: &str) -> Result<bool, StoreError> {
        if self.missing.has(tenant, digest) || !self.workshop.has_code(digest) {
            return Ok(false);
        }
        let bytes = self.store.component(tenant, digest).await?.into();
        let workshop = Arc::clone(&self.workshop);
        let loaded = tokio::task::spawn_blocking(move || workshop.load(&bytes)).await;
        Ok(loaded.is_ok_and(|loaded| loaded))
    }

    /// Compiles what calls need and is not there, for ever, one after another and tenants in turn: to be run beside
    /// everything else.
    pub async fn make_missing(&self) {
        loop {
            let (tenant, digest) = self.missing.next().await;
            // Otherwise its sessions fault as `instance`; the tenant's log says so at each.
            if self.get(&digest).is_none()
                && let Err(why) = self.fetch(tenant, &digest).await
            {
                tracing::warn!(%tenant, digest, why, "a component is not there");
            }
            self.missing.ended(tenant, digest);
        }
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
        let refused = |refusal: Refusal| refusal.to_string();
        if let Some(refusal) = self.workshop.refusal(digest) {
            return Err(refused(refusal));
        }
        // Many turns may wait for one component: none holds it before it has the place, and the first one makes it.
        let place = self.making.enter(Some(tenant)).await;
        if let Some(known) = self.get(digest) {
            return Ok(known);
        }
        if let Some(refusal) = self.workshop.refusal(digest) {
            return Err(refused(refusal));
        }
        let bytes = match self.store.component(tenant, digest).await {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::warn!(%tenant, %error, "a component could not be read");
                return Err("it could not be read from the store".to_owned());
            }
        };
        let made = self.make(place, bytes.into()).await;
        match &made {
            Ok(policy) => self.workshop.shelve(policy),
            // Most are known already: this one may have come to nothing in another way.
            Err(refusal) if self.workshop.refusal(digest).is_none() => {
                self.workshop.refuse(digest.to_owned(), refusal.clone());
            }
            Err(_) => {}
        }
        made.map_err(refused)
    }

    async fn make(&self, place: Place, bytes: Bytes) -> Result<Arc<Policy>, Refusal> {
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
