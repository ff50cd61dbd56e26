//! Plugins of a tenant. Which of their versions new sessions begin with: `activation`.

use model::TenantId;

use crate::db::{Tx, check_room, query};
use crate::{Activation, GivenUp, Listed, OnTrial, Page, Store, StoreError, limits, names};

/// What is read of a plugin.
const COLUMNS: &str = "name, versions, active, previous, trial, percent, activated, revision,
                       max_faults, fault_window_s, given_up, given_up_why, given_up_at,
                       active_since, trial_since, left_version";

type Row = (
    String,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    i64,
    i64,
    i64,
    i64,
    i64,
    Option<i64>,
    Option<String>,
    Option<i64>,
    i64,
    i64,
    Option<i64>,
);

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

impl Store {
    /// The plugins, by name.
    pub async fn plugins(
        &self,
        tenant: TenantId,
        page: &Page<String>,
    ) -> Result<Listed<Plugin>, StoreError> {
        let rows: Vec<Row> = query(format!(
            "SELECT {COLUMNS} FROM plugin WHERE tenant = $1 AND name > $2 ORDER BY name LIMIT $3"
        ))
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
}

pub(crate) async fn read(tx: &mut Tx, tenant: TenantId, name: &str) -> Result<Plugin, StoreError> {
    let row = query(format!(
        "SELECT {COLUMNS} FROM plugin WHERE tenant = $1 AND name = $2"
    ))
    .bind(tenant)
    .bind(name)
    .row(tx)
    .await?;
    let row: Row = row.ok_or(StoreError::NotFound { what: "plugin" })?;
    Ok(from_row(row))
}

/// All plugins of a tenant, by name.
pub(crate) async fn all(tx: &mut Tx, tenant: TenantId) -> Result<Vec<Plugin>, StoreError> {
    let rows: Vec<Row> = query(format!(
        "SELECT {COLUMNS} FROM plugin WHERE tenant = $1 ORDER BY name"
    ))
    .bind(tenant)
    .rows(tx)
    .await?;
    Ok(rows.into_iter().map(from_row).collect())
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

fn from_row(row: Row) -> Plugin {
    let (
        name,
        versions,
        active,
        previous,
        trial,
        percent,
        activated,
        revision,
        max,
        window,
        up,
        why,
        at,
        active_since,
        trial_since,
        left,
    ) = row;
    let on_trial = |version| OnTrial {
        version: version as u32,
        percent: percent as u8,
        since: trial_since as u64,
    };
    let given_up = up.map(|version| GivenUp {
        version: version as u32,
        why: why.unwrap_or_default(),
        at: at.unwrap_or_default() as u64,
    });
    let activation = active.map(|version| Activation {
        plugin: name.clone(),
        version: version as u32,
        active_since: active_since as u64,
        previous: previous.map(|version| version as u32),
        left: left.map(|version| version as u32),
        trial: trial.map(on_trial),
        max_faults: max as u32,
        fault_window_s: window as u32,
        given_up,
        activated: activated as u64,
        revision: revision as u64,
    });
    Plugin {
        name,
        versions: versions as u32,
        activation,
    }
}
