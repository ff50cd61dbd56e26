//! State in SQL: tenants and what they own, plugins, the policies' key-value store, CDRs, traces.
//!
//! Owns every row, its spelling and the rules that only a table can keep: what is unique, what is
//! ambiguous, what is kept how long. Knows no clock (callers pass `now`), no HTTP and no Wasm.
//! Every function takes a [`model::TenantId`] first; what reads or writes across tenants is
//! in [`admin`].
#![forbid(unsafe_code)]

mod activation;
pub mod admin;
mod ambiguity;
mod binding;
mod cdr;
mod db;
mod error;
mod group;
mod key;
mod kv;
pub mod limits;
#[cfg(test)]
mod limits_tests;
mod log;
mod names;
mod number;
mod owner;
mod page;
mod phone;
mod plugin;
mod prompt;
mod recorded;
mod recording;
mod secret;
mod setting;
mod shadow;
mod tenant;
mod trace;
mod trunk;
mod version;

pub use activation::{Activation, GivenUp, NewActivation, OnTrial};
pub use binding::{BindingChange, Changed, Located, NotChanged};
pub use cdr::CdrFilter;
pub use error::StoreError;
pub use group::Records;
pub use key::{ApiKey, NewKey, Scope};
pub use kv::{Commit, CommitError};
pub use log::StoredLine;
pub use page::{Listed, Page};
pub use plugin::Plugin;
pub use prompt::{KeptAudio, Prompt};
pub use recorded::{RecordedFilter, RecordedSession, RecordedTurn};
pub use recording::{Expired, Place, Placed, RecordingChange, RecordingFilter};
pub use shadow::{Shadow, ShadowTally};
pub use tenant::{BuiltIn, NewTenant, Tenant, settings::TenantSettings};
pub use version::{NewVersion, PluginVersion};

use std::sync::Arc;

use db::Db;
use group::Job;
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
};

/// The database of a node. Cheap to clone; closes with its last clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    db: Db,
    memory: Arc<kv::Memory>,
    keys: key::KnownKeys,
    jobs: mpsc::Sender<Job>,
    /// The group writer; it ends with its last asker.
    writer: Mutex<JoinSet<()>>,
}

impl Store {
    /// Opens `sqlite://PATH`, creates the file if there is none, and brings its tables up to date.
    /// What is written in groups is written by a task on the runtime of this call.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        let (db, pen) = Db::open(url).await?;
        let (jobs, waiting) = mpsc::channel(limits::WRITES);
        let mut writer = JoinSet::new();
        let memory = Arc::<kv::Memory>::default();
        writer.spawn(group::write(pen, waiting, Arc::clone(&memory)));
        let inner = Inner {
            db,
            memory,
            keys: key::KnownKeys::default(),
            jobs,
            writer: Mutex::new(writer),
        };
        Ok(Store {
            inner: Arc::new(inner),
        })
    }

    /// Writes that wait for the group writer.
    pub fn waiting(&self) -> usize {
        self.inner.jobs.max_capacity() - self.inner.jobs.capacity()
    }

    /// Waits until everything is written and every connection is closed; later calls are answered
    /// with [`StoreError::Unavailable`].
    pub async fn close(&self) {
        // An error: it has ended.
        let _ = self.inner.jobs.send(Job::Close).await;
        while self.inner.writer.lock().await.join_next().await.is_some() {}
        self.inner.db.close().await;
    }

    fn db(&self) -> &Db {
        &self.inner.db
    }

    /// What is remembered of the policies' key-value store.
    fn memory(&self) -> &kv::Memory {
        &self.inner.memory
    }

    /// Which API keys are known.
    fn keys_known(&self) -> &key::KnownKeys {
        &self.inner.keys
    }

    async fn write(&self, job: Job) -> Result<(), StoreError> {
        let sent = self.inner.jobs.send(job).await;
        sent.map_err(|_| StoreError::closed())
    }
}
