//! The versions that a tenant's new sessions begin with, as its calls need to know them.

use std::{collections::BTreeMap, sync::Arc};

use model::{ActivePlugin, Rollout, TenantId, Trial};

use crate::db::{Tx, query};
use crate::{PluginVersion, StoreError, plugin, shadow, version};

type Settings = BTreeMap<String, Arc<BTreeMap<String, String>>>;

/// The active versions by plugin, and what there is beside them.
pub(super) async fn read(
    tx: &mut Tx,
    tenant: TenantId,
) -> Result<(BTreeMap<String, ActivePlugin>, BTreeMap<String, Rollout>), StoreError> {
    let settings = settings(tx, tenant).await?;
    let mut plugins = BTreeMap::new();
    let mut rollouts: BTreeMap<String, Rollout> = BTreeMap::new();
    for (version, trial) in version::in_use(tx, tenant).await? {
        let name = version.plugin.clone();
        let plugin = in_use(version, settings.get(&name).cloned().unwrap_or_default());
        if let Some(percent) = trial {
            rollouts.entry(name).or_default().trial = Some(Trial { plugin, percent });
        } else {
            plugins.insert(name, plugin);
        }
    }
    for (name, shadow) in shadow::all(tx, tenant).await? {
        let version = version::find(tx, tenant, &name, shadow.version).await?;
        let settings = settings.get(&name).cloned().unwrap_or_default();
        rollouts.entry(name).or_default().shadow = Some(in_use(version, settings));
    }
    for plugin in plugin::all(tx, tenant).await? {
        if let Some(probation) = plugin.activation.and_then(|it| it.probation()) {
            rollouts.entry(plugin.name).or_default().probation = Some(probation);
        }
    }
    Ok((plugins, rollouts))
}

fn in_use(version: PluginVersion, settings: Arc<BTreeMap<String, String>>) -> ActivePlugin {
    ActivePlugin {
        name: version.plugin,
        version: version.version,
        digest: version.digest,
        exports: version.exports.iter().map(|e| short_name(e)).collect(),
        settings,
    }
}

async fn settings(tx: &mut Tx, tenant: TenantId) -> Result<Settings, StoreError> {
    let mut settings: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let rows: Vec<(String, String, String)> =
        query("SELECT plugin, name, value FROM plugin_setting WHERE tenant = $1")
            .bind(tenant)
            .rows(tx)
            .await?;
    for (plugin, name, value) in rows {
        settings.entry(plugin).or_default().insert(name, value);
    }
    let shared = settings
        .into_iter()
        .map(|(plugin, all)| (plugin, all.into()));
    Ok(shared.collect())
}

/// `jackfield:policy/request-events@0.1.0` → `request-events`.
fn short_name(interface: &str) -> String {
    let name = interface.rsplit('/').next().unwrap_or_default();
    name.split('@').next().unwrap_or_default().to_owned()
}
