//! API keys: what a bearer may do, and for whom. Only the hash of the secret is kept.

mod known;

use model::{KeyId, TenantId};

use crate::db::{Tx, check_room, parsed, query};
use crate::{Listed, Page, Store, StoreError, limits, names, secret};

pub(crate) use known::KnownKeys;

type Row = (String, Option<String>, String, String, Option<String>, i64);

/// What the bearer of a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything within its tenant, or, without a tenant, within the platform.
    Admin,
    /// Policies and what happened.
    Developer,
    /// `/api/user/…`.
    Phone,
    /// Look.
    Read,
}

impl Scope {
    /// The word that the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Developer => "developer",
            Self::Phone => "phone",
            Self::Read => "read",
        }
    }

    /// The scope of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Admin, Self::Developer, Self::Phone, Self::Read]
            .into_iter()
            .find(|scope| scope.as_str() == name)
    }
}

/// A key to be.
#[derive(Clone)]
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// What its bearer may do.
    pub scope: Scope,
    /// What people call it.
    pub name: String,
    /// The only phone user that a phone key may act for.
    pub user: Option<String>,
    /// The whole secret, `jf_…`; its hash is stored.
    pub secret: String,
}

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// Its tenant; none: a key of the platform team.
    pub tenant: Option<TenantId>,
    /// What its bearer may do.
    pub scope: Scope,
    /// What people call it.
    pub name: String,
    /// The only phone user that it may act for.
    pub user: Option<String>,
    /// When it was made, Unix milliseconds.
    pub created: u64,
}

impl Store {
    /// Adds a key of a tenant.
    pub async fn create_key(
        &self,
        tenant: TenantId,
        key: &NewKey,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let mut tx = self.db().write().await?;
        let count = query("SELECT count(*) FROM api_key WHERE tenant = $1").bind(tenant);
        check_room(&mut tx, count, "keys", limits::KEYS).await?;
        insert(&mut tx, Some(tenant), key, now_ms).await?;
        tx.commit().await
    }

    /// The keys of a tenant, oldest first.
    pub async fn keys(
        &self,
        tenant: TenantId,
        page: &Page<KeyId>,
    ) -> Result<Listed<ApiKey>, StoreError> {
        let rows = query(
            "SELECT id, tenant, scope, name, phone_user, created FROM api_key
             WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3",
        )
        .bind(tenant)
        .bind(page.cursor())
        .bind(page.rows())
        .rows(&mut self.db().read().await?)
        .await?;
        let keys: Result<_, _> = rows.into_iter().map(read).collect();
        Ok(page.cut(keys?))
    }

    /// Removes a key. A tenant keeps its last admin key: nobody could make it another.
    pub async fn delete_key(&self, tenant: TenantId, id: KeyId) -> Result<(), StoreError> {
        let mut tx = self.db().write().await?;
        let gone = query("DELETE FROM api_key WHERE tenant = $1 AND id = $2")
            .bind(tenant)
            .bind(id)
            .run(&mut tx)
            .await?;
        if gone == 0 {
            return Err(StoreError::NotFound { what: "key" });
        }
        let left: Option<(i64,)> =
            query("SELECT count(*) FROM api_key WHERE tenant = $1 AND scope = $2")
                .bind(tenant)
                .bind(Scope::Admin.as_str())
                .row(&mut tx)
                .await?;
        if left == Some((0,)) {
            let what = "it is the tenant's last admin key".into();
            return Err(StoreError::Conflict { what });
        }
        tx.commit_then(|| self.keys_known().forget_all()).await
    }
}

pub(crate) async fn insert(
    tx: &mut Tx,
    tenant: Option<TenantId>,
    key: &NewKey,
    now_ms: u64,
) -> Result<(), StoreError> {
    names::check_name("name", &key.name)?;
    if let Some(user) = &key.user {
        names::check_telnum("user", user)?;
        if key.scope != Scope::Phone {
            return Err(StoreError::invalid(
                "user",
                "only a phone key is bound to a user",
            ));
        }
    }
    query(
        "INSERT INTO api_key (id, tenant, scope, name, phone_user, hash, created)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(key.id)
    .bind(tenant.map(|tenant| tenant.to_string()))
    .bind(key.scope.as_str())
    .bind(&key.name)
    .bind(key.user.clone())
    .bind(secret::key_hash(&key.secret))
    .bind(now_ms)
    .run(tx)
    .await
    .map_err(|e| e.taken(|| "this key is there already".into()))?;
    Ok(())
}

/// The key whose secret has that hash.
pub(crate) async fn find(tx: &mut Tx, hash: &str) -> Result<Option<ApiKey>, StoreError> {
    let row =
        query("SELECT id, tenant, scope, name, phone_user, created FROM api_key WHERE hash = $1")
            .bind(hash)
            .row(tx)
            .await?;
    row.map(read).transpose()
}

fn read((id, tenant, scope, name, user, created): Row) -> Result<ApiKey, StoreError> {
    let damaged = || StoreError::Damaged(format!("no scope: {scope:?}"));
    Ok(ApiKey {
        id: parsed(&id)?,
        tenant: tenant.as_deref().map(parsed).transpose()?,
        scope: Scope::from_name(&scope).ok_or_else(damaged)?,
        name,
        user,
        created: created as u64,
    })
}
