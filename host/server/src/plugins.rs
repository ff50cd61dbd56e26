//! The compiled components of this process, by digest.
//!
//! A shard finds its policy here without waiting: whatever is active was prepared before its tenant's
//! snapshot was published.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use anyhow::Context;
use bytes::Bytes;
use model::{Manifest, TenantConfig};
use policy::{Engine, Limits, Policy};
use store::{Store, StoreError};
use tokio::sync::Semaphore;

use crate::{clock, config::Config, shard::TURNS};

/// Components compiled at one time: each takes a core for a while.
const COMPILING: usize = 1;

/// The compiled components.
pub struct Plugins {
    engine: Engine,
    store: Store,
    compiled: RwLock<BTreeMap<String, Arc<Policy>>>,
    compiling: Semaphore,
}

impl Plugins {
    /// None yet.
    pub fn new(config: &Config, store: Store) -> anyhow::Result<Self> {
        let limits = Limits {
            guest_time: config.turn_deadline()?,
            memory: config.turn_memory()?,
            component: config.upload_max()?,
            turns: u32::from(crate::fleet::shard_count()) * TURNS as u32,
            ..Limits::default()
        };
        Ok(Self {
            engine: Engine::new(limits, clock::instant).context("plugins")?,
            store,
            compiled: RwLock::default(),
            compiling: Semaphore::new(COMPILING),
        })
    }

    /// What runs them.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The component of that digest, if it was prepared.
    pub fn get(&self, digest: &str) -> Option<Arc<Policy>> {
        self.compiled
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(digest)
            .cloned()
    }

    /// Judges an upload, compiles and keeps it; the refusal is in the words of `plugin check`.
    pub async fn check(&self, bytes: Bytes) -> Result<Manifest, String> {
        let policy = self.compile(bytes).await?;
        Ok(policy.manifest().clone())
    }

    /// Compiles what is active for that tenant and not there yet. An error is the store's; a
    /// component that cannot be compiled any more keeps nothing else from being published.
    pub async fn prepare(&self, tenant: &TenantConfig) -> Result<(), StoreError> {
        for plugin in tenant.plugins.values() {
            if self.get(&plugin.digest).is_some() {
                continue;
            }
            let bytes = self.store.component(tenant.id, &plugin.digest).await?;
            if let Err(why) = self.compile(bytes.into()).await {
                // Its sessions fault as `instance`; the tenant's log says so at each.
                tracing::warn!(tenant = %tenant.id, plugin = plugin.name, why, "not prepared");
            }
        }
        Ok(())
    }

    async fn compile(&self, bytes: Bytes) -> Result<Arc<Policy>, String> {
        let ended = |_| "the node ends".to_owned();
        let _permit = self.compiling.acquire().await.map_err(ended)?;
        let engine = self.engine.clone();
        // Off the runtime's threads: it is pure computation.
        let compiled = tokio::task::spawn_blocking(move || engine.compile(&bytes)).await;
        let policy = match compiled {
            Ok(Ok(policy)) => Arc::new(policy),
            Ok(Err(refusal)) => return Err(refusal.to_string()),
            Err(_) => return Err("the compiler failed on it".to_owned()),
        };
        let digest = policy.manifest().digest.clone();
        let mut kept = self
            .compiled
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        kept.insert(digest, Arc::clone(&policy));
        Ok(policy)
    }
}
