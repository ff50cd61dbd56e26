//! Plugins of a tenant: which there are, and their settings.

use std::collections::BTreeMap;

use axum::{Json, extract::State as Of};
use serde::Serialize;
use store::{Plugin, Shadow};
use utoipa::ToSchema;

use super::activation::ActivationBody;
use crate::{
    State,
    auth::{Develops, Reads},
    body::{Body, Checked, Fields},
    list::{List, Parameters},
    path::{PluginName, Target},
    problem::{Problem, ProblemBody},
};

/// A plugin.
#[derive(Serialize, ToSchema)]
#[schema(as = Plugin)]
pub(super) struct PluginBody {
    /// Its name.
    name: String,
    /// The number of its newest version.
    newest_version: u32,
    /// What new sessions begin with; null if nothing was activated yet.
    activation: Option<ActivationBody>,
}

/// The settings of a plugin: any names, texts as values.
#[derive(Serialize, ToSchema)]
pub(super) struct Settings(BTreeMap<String, String>);

impl Body for Settings {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let mut settings = BTreeMap::new();
        for (name, value) in fields.all() {
            match value.as_str() {
                Some(value) => {
                    settings.insert(name.clone(), value.to_owned());
                }
                None => fields.refuse(name, "is not a text").unwrap_or_default(),
            }
        }
        Some(Self(settings))
    }
}

/// The plugins, by name
#[utoipa::path(get, path = "/api/v1/plugins", tag = "policies",
    params(("limit" = Option<u32>, Query, description = "1 to 100; 20 if absent"),
           ("starting_after" = Option<String>, Query, description = "Those behind this name")),
    responses((status = 200, body = List<PluginBody>),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn list(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    query: Parameters,
) -> Result<Json<List<PluginBody>>, Problem> {
    let page = query.only_page()?;
    let plugins = state.store().plugins(tenant, &page).await?;
    let shadows = state.store().shadows(tenant).await?;
    let shown = |plugin| PluginBody::from(plugin).with(&shadows);
    Ok(Json(List {
        data: plugins.data.into_iter().map(shown).collect(),
        has_more: plugins.has_more,
    }))
}

/// One plugin
#[utoipa::path(get, path = "/api/v1/plugins/{name}", tag = "policies",
    params(("name" = String, Path, description = "The plugin")),
    responses((status = 200, body = PluginBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn show(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(PluginName(name)): Target<PluginName>,
) -> Result<Json<PluginBody>, Problem> {
    let plugin = PluginBody::from(state.store().plugin(tenant, &name).await?);
    Ok(Json(plugin.with(&state.store().shadows(tenant).await?)))
}

/// The settings
#[utoipa::path(get, path = "/api/v1/plugins/{name}/settings", tag = "policies",
    params(("name" = String, Path, description = "The plugin")),
    responses((status = 200, body = Settings),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn settings(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(PluginName(name)): Target<PluginName>,
) -> Result<Json<Settings>, Problem> {
    let settings = state.store().settings(tenant, &name).await?;
    Ok(Json(Settings(settings)))
}

/// Replace the settings
#[utoipa::path(put, path = "/api/v1/plugins/{name}/settings", tag = "policies",
    params(("name" = String, Path, description = "The plugin")), request_body = Settings,
    responses((status = 200, body = Settings),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn set(
    Develops(tenant): Develops,
    Of(state): Of<State>,
    Target(PluginName(name)): Target<PluginName>,
    Checked(Settings(settings)): Checked<Settings>,
) -> Result<Json<Settings>, Problem> {
    state.store().set_settings(tenant, &name, &settings).await?;
    state.control().tenant_changed(tenant).await?;
    Ok(Json(Settings(settings)))
}

impl PluginBody {
    fn with(self, shadows: &BTreeMap<String, Shadow>) -> Self {
        Self {
            activation: self.activation.map(|it| it.with(shadows)),
            ..self
        }
    }
}

impl From<Plugin> for PluginBody {
    fn from(plugin: Plugin) -> Self {
        Self {
            name: plugin.name,
            newest_version: plugin.versions,
            activation: plugin.activation.map(ActivationBody::from),
        }
    }
}
