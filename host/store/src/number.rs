//! Telephone numbers of a tenant, and the plugin that each leads to.

use model::{Number, NumberId, TenantId};

use crate::db::{Tx, check_room, parsed, query};
use crate::{Listed, Page, Store, StoreError, ambiguity, limits, names, plugin};

type Row = (String, String, String);

impl Store {
    /// Adds a number. Its plugin must be there; no other tenant that cannot be told apart may own
    /// the same number.
    pub async fn create_number(
        &self,
        tenant: TenantId,
        number: &Number,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        names::check_telnum("number", &number.number)?;
        names::check_plugin("plugin", &number.plugin)?;
        let mut tx = self.db().write().await?;
        if !plugin::exists(&mut tx, tenant, &number.plugin).await? {
            let why = format!("no such plugin: {:?}", number.plugin);
            return Err(StoreError::invalid("plugin", why));
        }
        let count = query("SELECT count(*) FROM number WHERE tenant = $1").bind(tenant);
        check_room(&mut tx, count, "numbers", limits::NUMBERS).await?;
        query(
            "INSERT INTO number (id, tenant, number, plugin, created)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(number.id)
        .bind(tenant)
        .bind(&number.number)
        .bind(&number.plugin)
        .bind(now_ms)
        .run(&mut tx)
        .await
        .map_err(|e| e.taken(|| format!("the tenant has the number {} already", number.number)))?;
        ambiguity::check_number(&mut tx, tenant, &number.number).await?;
        tx.commit().await
    }

    /// The numbers, oldest first.
    pub async fn numbers(
        &self,
        tenant: TenantId,
        page: &Page<NumberId>,
    ) -> Result<Listed<Number>, StoreError> {
        let mut tx = self.db().read().await?;
        list(&mut tx, tenant, &page.cursor(), page.rows())
            .await
            .map(|rows| page.cut(rows))
    }

    /// One number.
    pub async fn number(&self, tenant: TenantId, id: NumberId) -> Result<Number, StoreError> {
        let row = query("SELECT id, number, plugin FROM number WHERE tenant = $1 AND id = $2")
            .bind(tenant)
            .bind(id)
            .row(&mut self.db().read().await?)
            .await?;
        read(row.ok_or(StoreError::NotFound { what: "number" })?)
    }

    /// Removes a number.
    pub async fn delete_number(&self, tenant: TenantId, id: NumberId) -> Result<(), StoreError> {
        let mut tx = self.db().write().await?;
        let gone = query("DELETE FROM number WHERE tenant = $1 AND id = $2")
            .bind(tenant)
            .bind(id)
            .run(&mut tx)
            .await?;
        if gone == 0 {
            return Err(StoreError::NotFound { what: "number" });
        }
        tx.commit().await
    }
}

pub(crate) async fn list(
    tx: &mut Tx,
    tenant: TenantId,
    after: &str,
    most: i64,
) -> Result<Vec<Number>, StoreError> {
    let rows = query(
        "SELECT id, number, plugin FROM number
         WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3",
    )
    .bind(tenant)
    .bind(after)
    .bind(most)
    .rows(tx)
    .await?;
    rows.into_iter().map(read).collect()
}

fn read((id, number, plugin): Row) -> Result<Number, StoreError> {
    let id = parsed(&id)?;
    Ok(Number { id, number, plugin })
}
