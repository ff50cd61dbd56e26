//! Plugins and their activation: which version new sessions begin with, and which one before it.

use model::TenantId;

use crate::db::{Tx, check_room, query};
use crate::{Listed, Page, Store, StoreError, limits, names, version};

type Row = (String, i64, Option<i64>, Option<i64>, i64, i64);

/// A tenant's named policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugin {
    /// Its name.
    pub name: String,
    /// The number of its newest version.
    pub versions: u32,
    /// What new sessions begin with; none: nothing was activated yet.
    pub activation: Option<Activation>,
}

/// Which version of a plugin new sessions begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// The plugin.
    pub plugin: String,
    /// The version.
    pub version: u32,
    /// Its share of new sessions; always 100 today.
    pub percent: u8,
    /// The version before it: what a rollback brings back.
    pub previous: Option<u32>,
    /// Counts the changes.
    pub revision: u64,
}

impl Store {
    /// The plugins, by name.
    pub async fn plugins(
        &self,
        tenant: TenantId,
        page: &Page<String>,
    ) -> Result<Listed<Plugin>, StoreError> {
        let rows: Vec<Row> = query(
            "SELECT name, versions, active, previous, percent, revision FROM plugin
             WHERE tenant = $1 AND name > $2 ORDER BY name LIMIT $3",
        )
        .bind(tenant)
        .bind(page.cursor())
        .bind(page.rows())
        .rows(&mut self.db().read().await?)
        .await?;
        Ok(page.cut(rows.into_iter().map(from_row).collect()))
    }

    /// One plugin.
    pub async fn plugin(&self, tenant: TenantId, name: &str) -> Result<Plugin, StoreError> {
        read(&mut self.db().read().await?, tenant, name).await
    }

    /// What new sessions of the plugin begin with; not found if nothing was activated yet.
    pub async fn activation(&self, tenant: TenantId, name: &str) -> Result<Activation, StoreError> {
        active(self.plugin(tenant, name).await?)
    }

    /// Lets new sessions begin with this version. Activating what is active changes nothing.
    pub async fn activate(
        &self,
        tenant: TenantId,
        name: &str,
        version: u32,
    ) -> Result<Activation, StoreError> {
        let mut tx = self.db().write().await?;
        let activation = activate(&mut tx, tenant, name, version).await?;
        tx.commit().await?;
        Ok(activation)
    }

    /// Lets new sessions begin with the version before the active one, which takes its place.
    pub async fn rollback(&self, tenant: TenantId, name: &str) -> Result<Activation, StoreError> {
        let mut tx = self.db().write().await?;
        let previous = read(&mut tx, tenant, name).await?.activation;
        let previous = previous.and_then(|activation| activation.previous);
        let nothing = || StoreError::Conflict {
            what: format!("plugin {name} has no version before the active one"),
        };
        let activation = activate(&mut tx, tenant, name, previous.ok_or_else(nothing)?).await?;
        tx.commit().await?;
        Ok(activation)
    }
}

pub(crate) async fn activate(
    tx: &mut Tx,
    tenant: TenantId,
    name: &str,
    version: u32,
) -> Result<Activation, StoreError> {
    read(tx, tenant, name).await?;
    version::find(tx, tenant, name, version).await?;
    query(
        "UPDATE plugin SET previous = active, active = $3, percent = 100, revision = revision + 1
         WHERE tenant = $1 AND name = $2 AND (active IS NULL OR active <> $3)",
    )
    .bind(tenant)
    .bind(name)
    .bind(version)
    .run(tx)
    .await?;
    active(read(tx, tenant, name).await?)
}

pub(crate) async fn read(tx: &mut Tx, tenant: TenantId, name: &str) -> Result<Plugin, StoreError> {
    let row = query(
        "SELECT name, versions, active, previous, percent, revision FROM plugin
         WHERE tenant = $1 AND name = $2",
    )
    .bind(tenant)
    .bind(name)
    .row(tx)
    .await?;
    let row: Row = row.ok_or(StoreError::NotFound { what: "plugin" })?;
    Ok(from_row(row))
}

pub(crate) async fn exists(tx: &mut Tx, tenant: TenantId, name: &str) -> Result<bool, StoreError> {
    match read(tx, tenant, name).await {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Makes the plugin if there is none of that name.
pub(crate) async fn ensure(
    tx: &mut Tx,
    tenant: TenantId,
    name: &str,
    now_ms: u64,
) -> Result<(), StoreError> {
    if exists(tx, tenant, name).await? {
        return Ok(());
    }
    names::check_plugin("plugin", name)?;
    let count = query("SELECT count(*) FROM plugin WHERE tenant = $1").bind(tenant);
    check_room(tx, count, "plugins", limits::PLUGINS).await?;
    query(
        "INSERT INTO plugin (tenant, name, versions, percent, revision, log_seq, created)
         VALUES ($1, $2, 0, 100, 0, 0, $3)",
    )
    .bind(tenant)
    .bind(name)
    .bind(now_ms)
    .run(tx)
    .await?;
    Ok(())
}

fn active(plugin: Plugin) -> Result<Activation, StoreError> {
    let what = "activation";
    plugin.activation.ok_or(StoreError::NotFound { what })
}

fn from_row((name, versions, active, previous, percent, revision): Row) -> Plugin {
    let activation = active.map(|version| Activation {
        plugin: name.clone(),
        version: version as u32,
        percent: percent as u8,
        previous: previous.map(|version| version as u32),
        revision: revision as u64,
    });
    Plugin {
        name,
        versions: versions as u32,
        activation,
    }
}
