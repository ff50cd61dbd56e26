//! Bindings: where a tenant's phones can be reached. They outlive the process.
//!
//! Knows no rule of the registrar: [`Store::change_bindings`] applies a given one to what is durable,
//! under the writer's lock, so that two REGISTERs of one address of record on two shards come one
//! after the other.

use std::collections::BTreeSet;

use model::{Binding, Hop, Outbound, TenantId};

use crate::db::{Tx, from_json, json_list, parsed, query, record};
use crate::{Store, StoreError, limits};

record! {
    struct Row {
        tenant: String,
        phone_user: String,
        contact: String,
        instance: Option<String>,
        reg_id: Option<i64>,
        path: String,
        q: i64,
        local: String,
        transport: String,
        remote: String,
        call_id: String,
        cseq: i64,
        renewed: i64,
        expires: i64,
    }
}

/// A change of the bindings of one phone.
pub struct BindingChange<F> {
    /// Whose phone.
    pub tenant: TenantId,
    /// Its user.
    pub user: String,
    /// What it makes of the bindings that there are.
    pub change: F,
}

/// Why the bindings of a phone are not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotChanged<E> {
    /// The tenant has no such phone, or none that registers.
    NoPhone,
    /// The change itself says so.
    Refused(E),
}

/// The bindings of a phone after a change, or why there was none.
pub type Changed<E> = Result<Vec<Binding>, NotChanged<E>>;

impl Store {
    /// Replaces the bindings of phones by what each change makes of them, one after the other in one
    /// transaction: all is durable when it returns. A change that is refused leaves the others alone.
    pub async fn change_bindings<E, F>(
        &self,
        changes: Vec<BindingChange<F>>,
    ) -> Result<Vec<Changed<E>>, StoreError>
    where
        F: FnOnce(&[Binding]) -> Result<Vec<Binding>, E>,
    {
        let mut tx = self.db().write().await?;
        let mut outcomes = Vec::with_capacity(changes.len());
        for change in changes {
            outcomes.push(change_one(&mut tx, change).await?);
        }
        tx.commit().await?;
        Ok(outcomes)
    }
}

async fn change_one<E, F>(
    tx: &mut Tx,
    BindingChange {
        tenant,
        user,
        change,
    }: BindingChange<F>,
) -> Result<Changed<E>, StoreError>
where
    F: FnOnce(&[Binding]) -> Result<Vec<Binding>, E>,
{
    let phone: Option<(i64,)> =
        query("SELECT 1 FROM phone WHERE tenant = $1 AND phone_user = $2 AND address IS NULL")
            .bind(tenant)
            .bind(&user)
            .row(tx)
            .await?;
    if phone.is_none() {
        return Ok(Err(NotChanged::NoPhone));
    }
    let before = of_phone(tx, tenant, &user).await?;
    let after = match change(&before) {
        Ok(after) => after,
        Err(refused) => return Ok(Err(NotChanged::Refused(refused))),
    };
    if after != before {
        query("DELETE FROM binding WHERE tenant = $1 AND phone_user = $2")
            .bind(tenant)
            .bind(&user)
            .run(tx)
            .await?;
        for (position, binding) in (0..).zip(&after) {
            insert(tx, tenant, &user, position, binding).await?;
        }
    }
    Ok(Ok(after))
}

/// Where one phone is: whose it is, its user, its bindings.
pub type Located = (TenantId, String, Vec<Binding>);

/// Where every phone of every tenant is, as far as it is somewhere.
pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Located>, StoreError> {
    let rows: Vec<Row> = query(
        "SELECT tenant, phone_user, contact, instance, reg_id, path, q, local, transport, remote,
                call_id, cseq, renewed, expires
         FROM binding ORDER BY tenant, phone_user, position",
    )
    .rows(tx)
    .await?;
    let mut all: Vec<Located> = Vec::new();
    for mut row in rows {
        let tenant = parsed(&row.tenant)?;
        let user = std::mem::take(&mut row.phone_user);
        let binding = read(row)?;
        match all.last_mut() {
            Some((of, same, bindings)) if *of == tenant && *same == user => bindings.push(binding),
            _ => all.push((tenant, user, vec![binding])),
        }
    }
    Ok(all)
}

/// Removes bindings that have ended, at most [`limits::SWEEP`]; where their phones are now, and how many
/// were removed.
pub(crate) async fn sweep(tx: &mut Tx, now_ms: u64) -> Result<(Vec<Located>, u64), StoreError> {
    let rows: Vec<(String, String)> = query(
        "DELETE FROM binding WHERE (tenant, phone_user, position) IN
         (SELECT tenant, phone_user, position FROM binding WHERE expires <= $1 LIMIT $2)
         RETURNING tenant, phone_user",
    )
    .bind(now_ms)
    .bind(limits::SWEEP)
    .rows(tx)
    .await?;
    let swept = rows.len() as u64;
    let mut left = Vec::new();
    for (tenant, user) in rows.into_iter().collect::<BTreeSet<_>>() {
        let tenant = parsed(&tenant)?;
        let bindings = of_phone(tx, tenant, &user).await?;
        left.push((tenant, user, bindings));
    }
    Ok((left, swept))
}

async fn of_phone(tx: &mut Tx, tenant: TenantId, user: &str) -> Result<Vec<Binding>, StoreError> {
    let rows: Vec<Row> = query(
        "SELECT tenant, phone_user, contact, instance, reg_id, path, q, local, transport, remote,
                call_id, cseq, renewed, expires
         FROM binding WHERE tenant = $1 AND phone_user = $2 ORDER BY position",
    )
    .bind(tenant)
    .bind(user)
    .rows(tx)
    .await?;
    rows.into_iter().map(read).collect()
}

async fn insert(
    tx: &mut Tx,
    tenant: TenantId,
    user: &str,
    position: i64,
    binding: &Binding,
) -> Result<(), StoreError> {
    let outbound = binding.outbound.as_ref();
    query(
        "INSERT INTO binding (tenant, phone_user, position, contact, instance, reg_id, path, q,
                              local, transport, remote, call_id, cseq, renewed, expires)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(tenant)
    .bind(user)
    .bind(position)
    .bind(&binding.contact)
    .bind(outbound.map(|outbound| outbound.instance.clone()))
    .bind(outbound.map(|outbound| i64::from(outbound.reg_id)))
    .bind(json_list(&binding.path))
    .bind(u32::from(binding.q))
    .bind(binding.local.to_string())
    .bind(binding.hop.transport.as_str())
    .bind(binding.hop.address.to_string())
    .bind(&binding.call_id)
    .bind(binding.cseq)
    .bind(binding.renewed)
    .bind(binding.expires)
    .run(tx)
    .await?;
    Ok(())
}

fn read(row: Row) -> Result<Binding, StoreError> {
    let outbound = row.instance.zip(row.reg_id);
    Ok(Binding {
        contact: row.contact,
        outbound: outbound.map(|(instance, reg_id)| Outbound {
            instance,
            reg_id: reg_id as u32,
        }),
        path: from_json(&row.path)?,
        q: row.q as u16,
        local: parsed(&row.local)?,
        hop: Hop {
            transport: parsed(&row.transport)?,
            address: parsed(&row.remote)?,
            name: None,
        },
        call_id: row.call_id,
        cseq: row.cseq as u32,
        renewed: row.renewed as u64,
        expires: row.expires as u64,
    })
}
