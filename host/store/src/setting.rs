//! A tenant's settings for a plugin: texts by name, which its turns can read.

use std::collections::BTreeMap;

use model::TenantId;

use crate::db::query;
use crate::{Store, StoreError, limits, plugin};

impl Store {
    /// The settings of a plugin.
    pub async fn settings(
        &self,
        tenant: TenantId,
        plugin: &str,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let mut tx = self.db().read().await?;
        plugin::read(&mut tx, tenant, plugin).await?;
        let rows: Vec<(String, String)> =
            query("SELECT name, value FROM plugin_setting WHERE tenant = $1 AND plugin = $2")
                .bind(tenant)
                .bind(plugin)
                .rows(&mut tx)
                .await?;
        Ok(rows.into_iter().collect())
    }

    /// Replaces all settings of a plugin.
    pub async fn set_settings(
        &self,
        tenant: TenantId,
        plugin: &str,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        check(settings)?;
        let mut tx = self.db().write().await?;
        plugin::read(&mut tx, tenant, plugin).await?;
        query("DELETE FROM plugin_setting WHERE tenant = $1 AND plugin = $2")
            .bind(tenant)
            .bind(plugin)
            .run(&mut tx)
            .await?;
        for (name, value) in settings {
            query(
                "INSERT INTO plugin_setting (tenant, plugin, name, value)
                 VALUES ($1, $2, $3, $4)",
            )
            .bind(tenant)
            .bind(plugin)
            .bind(name)
            .bind(value)
            .run(&mut tx)
            .await?;
        }
        tx.commit().await
    }
}

fn check(settings: &BTreeMap<String, String>) -> Result<(), StoreError> {
    let invalid = |why: String| Err(StoreError::invalid("settings", why));
    if settings.len() > limits::SETTINGS {
        return invalid(format!("more than {}", limits::SETTINGS));
    }
    for (name, value) in settings {
        if name.is_empty() || name.len() > limits::SETTING_NAME {
            return invalid(format!(
                "a name is not 1 to {} octets",
                limits::SETTING_NAME
            ));
        }
        if value.len() > limits::SETTING_VALUE {
            let most = limits::SETTING_VALUE;
            return invalid(format!(
                "the value of {name:?} is longer than {most} octets"
            ));
        }
    }
    Ok(())
}
