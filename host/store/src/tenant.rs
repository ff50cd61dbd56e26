//! Tenants, and the snapshot of everything that a tenant's calls need to know.

pub(crate) mod settings;
mod versions;

use model::{FaultPolicy, KeyId, TenantConfig, TenantId};

use crate::db::{Tx, parsed, query};
use crate::key::{self, NewKey, Scope};
use crate::{
    NewVersion, Store, StoreError, activation, limits, names, number, phone, prompt, trunk, version,
};

pub(crate) type Row = (String, String, String, String, String, i64);

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// The domain of its bare numbers, in lower case.
    pub domain: String,
    /// The plugin that answers requests.
    pub default_plugin: String,
    /// What happens to the calls of a session whose policy faulted.
    pub fault_policy: FaultPolicy,
    /// When it was made, Unix milliseconds.
    pub created: u64,
}

/// A tenant to be, with its first key, an admin key named `admin`.
#[derive(Clone)]
pub struct NewTenant {
    /// Its id.
    pub id: TenantId,
    /// Its name.
    pub name: String,
    /// Its domain.
    pub domain: String,
    /// The id of its key.
    pub key: KeyId,
    /// The secret of its key, `jf_…`.
    pub secret: String,
}

/// A policy that comes with the platform, and that every new tenant begins with.
#[derive(Clone, Debug)]
pub struct BuiltIn {
    /// The name of the plugin.
    pub name: String,
    /// Its component.
    pub component: NewVersion,
}

impl Store {
    /// One tenant.
    pub async fn tenant(&self, tenant: TenantId) -> Result<Tenant, StoreError> {
        read(&mut self.db().read().await?, tenant).await
    }

    /// Everything that the tenant's calls need to know, at one moment.
    pub async fn tenant_config(&self, tenant: TenantId) -> Result<TenantConfig, StoreError> {
        config(&mut self.db().read().await?, tenant).await
    }
}

pub(crate) async fn create(
    tx: &mut Tx,
    new: &NewTenant,
    built_in: &BuiltIn,
    now_ms: u64,
) -> Result<Tenant, StoreError> {
    names::check_name("name", &new.name)?;
    let domain = names::checked_domain("domain", &new.domain)?;
    query(
        "INSERT INTO tenant (id, name, domain, default_plugin, fault_policy, created)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(new.id)
    .bind(&new.name)
    .bind(domain)
    .bind(&built_in.name)
    .bind(fault_policy_name(FaultPolicy::default()))
    .bind(now_ms)
    .run(tx)
    .await?;
    let admin = NewKey {
        id: new.key,
        scope: Scope::Admin,
        name: "admin".into(),
        user: None,
        secret: new.secret.clone(),
    };
    key::insert(tx, Some(new.id), &admin, now_ms).await?;
    install(tx, new.id, built_in, now_ms).await?;
    read(tx, new.id).await
}

/// Makes the built-in policy the tenant's active version. A build that the tenant had before takes
/// its number again: going back and forth between releases adds nothing.
pub(crate) async fn install(
    tx: &mut Tx,
    tenant: TenantId,
    built_in: &BuiltIn,
    now_ms: u64,
) -> Result<(), StoreError> {
    let (name, component) = (&built_in.name, &built_in.component);
    let there = version::built_in(tx, tenant, name, &component.digest).await?;
    let version = if let Some(version) = there {
        version
    } else {
        let added = version::add(tx, tenant, name, component, true, now_ms).await?;
        added.version
    };
    activation::install(tx, tenant, name, version, now_ms).await
}

pub(crate) async fn read(tx: &mut Tx, tenant: TenantId) -> Result<Tenant, StoreError> {
    let row = query(
        "SELECT id, name, domain, default_plugin, fault_policy, created FROM tenant
         WHERE id = $1",
    )
    .bind(tenant)
    .row(tx)
    .await?;
    from_row(row.ok_or(StoreError::NotFound { what: "tenant" })?)
}

pub(crate) fn from_row(row: Row) -> Result<Tenant, StoreError> {
    let (id, name, domain, default_plugin, fault_policy, created) = row;
    Ok(Tenant {
        id: parsed(&id)?,
        name,
        domain,
        default_plugin,
        fault_policy: fault_policy_named(&fault_policy)?,
        created: created as u64,
    })
}

pub(crate) async fn config(tx: &mut Tx, tenant: TenantId) -> Result<TenantConfig, StoreError> {
    let row = read(tx, tenant).await?;
    let numbers = number::list(tx, tenant, "", limits::NUMBERS).await?;
    let phones = phone::list(tx, tenant, "", limits::PHONES).await?;
    let (plugins, rollouts) = versions::read(tx, tenant).await?;
    let settings = settings::read(tx, tenant).await?;
    Ok(TenantConfig {
        id: tenant,
        name: row.name,
        domain: row.domain,
        numbers: numbers.into_iter().map(|n| (n.number.clone(), n)).collect(),
        trunks: trunk::list(tx, tenant, "", limits::TRUNKS).await?,
        phones: phones.into_iter().map(|p| (p.user.clone(), p)).collect(),
        secrets: phone::secrets(tx, tenant).await?,
        plugins,
        rollouts,
        prompts: prompt::files(tx, tenant).await?,
        default_plugin: row.default_plugin,
        fault_policy: row.fault_policy,
        media_timeout: settings.media_timeout(),
        records_turns: settings.records_turns,
    })
}

fn fault_policy_name(policy: FaultPolicy) -> &'static str {
    match policy {
        FaultPolicy::Release => "release",
        FaultPolicy::KeepTalking => "keep-talking",
    }
}

fn fault_policy_named(name: &str) -> Result<FaultPolicy, StoreError> {
    match name {
        "release" => Ok(FaultPolicy::Release),
        "keep-talking" => Ok(FaultPolicy::KeepTalking),
        _ => Err(StoreError::Damaged(format!("no fault policy: {name:?}"))),
    }
}
