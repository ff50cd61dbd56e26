//! State in SQL: tenants and what they own, plugins, the policies' key-value store, CDRs, traces.
//!
//! Owns every row, its spelling and the rules that only a table can keep: what is unique, what is
//! ambiguous, what is kept how long. Knows no clock (callers pass `now`), no HTTP and no Wasm.
//! Every function takes a [`model::TenantId`] first; what reads or writes across tenants is
//! in [`admin`].
#![forbid(unsafe_code)]

pub mod admin;
mod ambiguity;
mod cdr;
mod db;
mod error;
mod key;
mod kv;
pub mod limits;
#[cfg(test)]
mod limits_tests;
mod log;
mod names;
mod number;
mod page;
mod phone;
mod plugin;
mod secret;
mod setting;
mod tenant;
mod trace;
mod trunk;
mod version;

pub use cdr::CdrFilter;
pub use error::StoreError;
pub use key::{ApiKey, NewKey, Scope};
pub use kv::{CommitError, Exclusive};
pub use log::StoredLine;
pub use page::{Listed, Page};
pub use plugin::{Activation, Plugin};
pub use tenant::{BuiltIn, NewTenant, Tenant};
pub use version::{NewVersion, PluginVersion};

use db::Db;

/// The database of a node. Cheap to clone; closes with its last clone.
#[derive(Clone, Debug)]
pub struct Store {
    db: Db,
}

impl Store {
    /// Opens `sqlite://PATH`, creates the file if there is none, and brings its tables up to date.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        let db = Db::open(url).await?;
        Ok(Store { db })
    }

    /// Waits until every connection is closed; later calls are answered with
    /// [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.db.close().await;
    }
}
