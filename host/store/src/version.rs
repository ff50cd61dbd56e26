//! Plugin versions: immutable, numbered per plugin from 1, their bytes kept once per digest.

use model::TenantId;

use crate::db::{Tx, check_room, from_json, json_list, query};
use crate::{Listed, Page, Store, StoreError, limits, plugin};

type Row = (String, i64, String, i64, String, String, bool, i64);
type InUse = (
    String,
    i64,
    String,
    i64,
    String,
    String,
    bool,
    i64,
    Option<i64>,
);

/// A component that was checked.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// `sha256:…` of its bytes.
    pub digest: String,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
    /// The component.
    pub bytes: Vec<u8>,
}

/// One immutable version of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginVersion {
    /// The plugin.
    pub plugin: String,
    /// Its number, from 1.
    pub version: u32,
    /// `sha256:…` of its bytes.
    pub digest: String,
    /// How many bytes.
    pub size: u64,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// The interfaces that it exports.
    pub exports: Vec<String>,
    /// It came with the platform.
    pub built_in: bool,
    /// When it was uploaded, Unix milliseconds.
    pub created: u64,
}

impl Store {
    /// Adds the next version of a plugin, and the plugin if there is none of that name. Does not
    /// activate it.
    pub async fn create_version(
        &self,
        tenant: TenantId,
        plugin: &str,
        new: &NewVersion,
        now_ms: u64,
    ) -> Result<PluginVersion, StoreError> {
        let mut tx = self.db().write().await?;
        let added = add(&mut tx, tenant, plugin, new, false, now_ms).await?;
        tx.commit().await?;
        Ok(added)
    }

    /// The versions of a plugin, newest first.
    pub async fn versions(
        &self,
        tenant: TenantId,
        plugin: &str,
        page: &Page<u32>,
    ) -> Result<Listed<PluginVersion>, StoreError> {
        let mut tx = self.db().read().await?;
        plugin::read(&mut tx, tenant, plugin).await?;
        let rows = query(
            "SELECT plugin, version, digest, size, imports, exports, built_in, created
             FROM plugin_version
             WHERE tenant = $1 AND plugin = $2 AND version < $3 ORDER BY version DESC LIMIT $4",
        )
        .bind(tenant)
        .bind(plugin)
        .bind(page.after.map_or(i64::MAX, i64::from))
        .bind(page.rows())
        .rows(&mut tx)
        .await?;
        let versions: Result<_, _> = rows.into_iter().map(from_row).collect();
        Ok(page.cut(versions?))
    }

    /// One version of a plugin.
    pub async fn version(
        &self,
        tenant: TenantId,
        plugin: &str,
        version: u32,
    ) -> Result<PluginVersion, StoreError> {
        find(&mut self.db().read().await?, tenant, plugin, version).await
    }

    /// The bytes of a component that the tenant has a version of.
    pub async fn component(&self, tenant: TenantId, digest: &str) -> Result<Vec<u8>, StoreError> {
        let row: Option<(Vec<u8>,)> = query(
            "SELECT bytes FROM component WHERE digest = $2 AND EXISTS
             (SELECT 1 FROM plugin_version WHERE tenant = $1 AND digest = $2)",
        )
        .bind(tenant)
        .bind(digest)
        .row(&mut self.db().read().await?)
        .await?;
        let (bytes,) = row.ok_or(StoreError::NotFound { what: "component" })?;
        Ok(bytes)
    }
}

/// Adds a version. The platform's own are not the tenant's to run out of.
pub(crate) async fn add(
    tx: &mut Tx,
    tenant: TenantId,
    plugin: &str,
    new: &NewVersion,
    built_in: bool,
    now_ms: u64,
) -> Result<PluginVersion, StoreError> {
    plugin::ensure(tx, tenant, plugin, now_ms).await?;
    if !built_in {
        let count = query("SELECT versions FROM plugin WHERE tenant = $1 AND name = $2")
            .bind(tenant)
            .bind(plugin);
        check_room(tx, count, "versions of one plugin", limits::VERSIONS).await?;
    }
    query("INSERT INTO component (digest, bytes) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING")
        .bind(&new.digest)
        .bind(new.bytes.as_slice())
        .run(tx)
        .await?;
    let number: Option<(i64,)> = query(
        "UPDATE plugin SET versions = versions + 1 WHERE tenant = $1 AND name = $2
         RETURNING versions",
    )
    .bind(tenant)
    .bind(plugin)
    .row(tx)
    .await?;
    let (version,) = number.ok_or(StoreError::NotFound { what: "plugin" })?;
    query(
        "INSERT INTO plugin_version
         (tenant, plugin, version, digest, size, imports, exports, built_in, created)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(tenant)
    .bind(plugin)
    .bind(version)
    .bind(&new.digest)
    .bind(new.bytes.len() as u64)
    .bind(json_list(&new.imports))
    .bind(json_list(&new.exports))
    .bind(built_in)
    .bind(now_ms)
    .run(tx)
    .await?;
    find(tx, tenant, plugin, version as u32).await
}

pub(crate) async fn find(
    tx: &mut Tx,
    tenant: TenantId,
    plugin: &str,
    version: u32,
) -> Result<PluginVersion, StoreError> {
    let row = query(
        "SELECT plugin, version, digest, size, imports, exports, built_in, created
         FROM plugin_version WHERE tenant = $1 AND plugin = $2 AND version = $3",
    )
    .bind(tenant)
    .bind(plugin)
    .bind(version)
    .row(tx)
    .await?;
    let what = "plugin version";
    from_row(row.ok_or(StoreError::NotFound { what })?)
}

/// The version that is this build of the platform's own.
pub(crate) async fn built_in(
    tx: &mut Tx,
    tenant: TenantId,
    plugin: &str,
    digest: &str,
) -> Result<Option<u32>, StoreError> {
    let row: Option<(i64,)> = query(
        "SELECT version FROM plugin_version
         WHERE tenant = $1 AND plugin = $2 AND digest = $3 AND built_in = $4
         ORDER BY version DESC LIMIT 1",
    )
    .bind(tenant)
    .bind(plugin)
    .bind(digest)
    .bind(true)
    .row(tx)
    .await?;
    Ok(row.map(|(version,)| version as u32))
}

/// The versions that new sessions begin with, and of each that is on trial the share, percent.
pub(crate) async fn in_use(
    tx: &mut Tx,
    tenant: TenantId,
) -> Result<Vec<(PluginVersion, Option<u8>)>, StoreError> {
    let rows: Vec<InUse> = query(
        "SELECT v.plugin, v.version, v.digest, v.size, v.imports, v.exports, v.built_in, v.created,
                CASE WHEN v.version = p.trial THEN p.percent END
         FROM plugin p
         JOIN plugin_version v ON v.tenant = p.tenant AND v.plugin = p.name
                               AND (v.version = p.active OR v.version = p.trial)
         WHERE p.tenant = $1 ORDER BY p.name",
    )
    .bind(tenant)
    .rows(tx)
    .await?;
    let one = |(a, b, c, d, e, f, g, h, percent): InUse| {
        let version = from_row((a, b, c, d, e, f, g, h))?;
        Ok((version, percent.map(|percent| percent as u8)))
    };
    rows.into_iter().map(one).collect()
}

fn from_row(row: Row) -> Result<PluginVersion, StoreError> {
    let (plugin, version, digest, size, imports, exports, built_in, created) = row;
    Ok(PluginVersion {
        plugin,
        version: version as u32,
        digest,
        size: size as u64,
        imports: from_json(&imports)?,
        exports: from_json(&exports)?,
        built_in,
        created: created as u64,
    })
}
