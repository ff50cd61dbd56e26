//! Bindings: where a tenant's phones can be reached. They outlive the process.
//!
//! Knows no rule of the registrar: [`Store::change_bindings`] applies a given one to what is durable,
//! under the writer's lock, so that two REGISTERs of one address of record on two shards come one
//! after the other.

use std::collections::BTreeMap;

use model::{Binding, Hop, Outbound, TenantId};

use crate::db::{Tx, from_json, json_list, parsed, query, record};
use crate::{Store, StoreError};

record! {
    struct Row {
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

impl Store {
    /// Replaces the bindings of a phone by what `change` makes of them; durable when it returns. A
    /// refusal of `change` is handed through, and nothing has changed.
    pub async fn change_bindings<E>(
        &self,
        tenant: TenantId,
        user: &str,
        change: impl FnOnce(&[Binding]) -> Result<Vec<Binding>, E>,
    ) -> Result<Result<Vec<Binding>, E>, StoreError> {
        let mut tx = self.db().write().await?;
        let phone: Option<(i64,)> =
            query("SELECT 1 FROM phone WHERE tenant = $1 AND phone_user = $2 AND address IS NULL")
                .bind(tenant)
                .bind(user)
                .row(&mut tx)
                .await?;
        phone.ok_or(StoreError::NotFound { what: "phone" })?;
        let before = of_phone(&mut tx, tenant, user).await?;
        let after = match change(&before) {
            Ok(after) => after,
            Err(refused) => return Ok(Err(refused)),
        };
        if after != before {
            query("DELETE FROM binding WHERE tenant = $1 AND phone_user = $2")
                .bind(tenant)
                .bind(user)
                .run(&mut tx)
                .await?;
            for (position, binding) in (0..).zip(&after) {
                insert(&mut tx, tenant, user, position, binding).await?;
            }
            tx.commit().await?;
        }
        Ok(Ok(after))
    }
}

/// The bindings of a tenant, by the user of their phone; some may have ended.
pub(crate) async fn all(
    tx: &mut Tx,
    tenant: TenantId,
) -> Result<BTreeMap<String, Vec<Binding>>, StoreError> {
    let rows: Vec<Row> = query(
        "SELECT phone_user, contact, instance, reg_id, path, q, local, transport, remote,
                call_id, cseq, renewed, expires
         FROM binding WHERE tenant = $1 ORDER BY phone_user, position",
    )
    .bind(tenant)
    .rows(tx)
    .await?;
    let mut bindings: BTreeMap<String, Vec<Binding>> = BTreeMap::new();
    for mut row in rows {
        let user = std::mem::take(&mut row.phone_user);
        bindings.entry(user).or_default().push(read(row)?);
    }
    Ok(bindings)
}

async fn of_phone(tx: &mut Tx, tenant: TenantId, user: &str) -> Result<Vec<Binding>, StoreError> {
    let rows: Vec<Row> = query(
        "SELECT phone_user, contact, instance, reg_id, path, q, local, transport, remote,
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
        },
        call_id: row.call_id,
        cseq: row.cseq as u32,
        renewed: row.renewed as u64,
        expires: row.expires as u64,
    })
}
