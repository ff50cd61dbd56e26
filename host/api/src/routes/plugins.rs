//! Plugins of a tenant: which there are, which version of each is active, and their settings.

use std::collections::BTreeMap;

use axum::{Json, extract::State as Of};
use serde::Serialize;
use store::{Activation, Plugin};
use utoipa::ToSchema;

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

/// Which version of a plugin new sessions begin with.
#[derive(Serialize, ToSchema)]
#[schema(as = Activation)]
pub(super) struct ActivationBody {
    /// The plugin.
    plugin: String,
    /// The version.
    version: u32,
    /// Its share of new sessions.
    percent: u8,
    /// Whether it only runs along, without effects.
    shadow: bool,
    /// What a rollback brings back.
    previous_version: Option<u32>,
    /// Counts the changes.
    revision: u64,
}

/// A version to be active.
#[derive(ToSchema)]
pub(super) struct NewActivation {
    /// A version of the plugin.
    version: u32,
    /// Only 100 today, which is also the default.
    #[allow(dead_code)] // read for its check; there is one share
    percent: Option<u32>,
    /// Only `false` today, which is also the default.
    #[allow(dead_code)] // read for its check; there is one mode
    shadow: Option<bool>,
}

impl Body for NewActivation {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let version = fields.number("version", None);
        let percent = fields.number("percent", Some(100));
        if percent.is_some_and(|percent| percent != 100) {
            fields.refuse::<()>("percent", "is not 100, the only share today");
        }
        let shadow = fields.flag("shadow", false);
        if shadow == Some(true) {
            fields.refuse::<()>("shadow", "is not possible today");
        }
        Some(Self {
            version: version?,
            percent: Some(percent?),
            shadow: Some(shadow?),
        })
    }
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
    Ok(List::of(state.store().plugins(tenant, &page).await?))
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
    Ok(Json(state.store().plugin(tenant, &name).await?.into()))
}

/// What is active
#[utoipa::path(get, path = "/api/v1/plugins/{name}/activation", tag = "policies",
    params(("name" = String, Path, description = "The plugin")),
    responses((status = 200, body = ActivationBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn activation(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(PluginName(name)): Target<PluginName>,
) -> Result<Json<ActivationBody>, Problem> {
    Ok(Json(state.store().activation(tenant, &name).await?.into()))
}

/// Activate a version
///
/// New sessions begin with it; live ones stay with theirs.
#[utoipa::path(put, path = "/api/v1/plugins/{name}/activation", tag = "policies",
    params(("name" = String, Path, description = "The plugin")), request_body = NewActivation,
    responses((status = 200, body = ActivationBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn activate(
    Develops(tenant): Develops,
    Of(state): Of<State>,
    Target(PluginName(name)): Target<PluginName>,
    Checked(new): Checked<NewActivation>,
) -> Result<Json<ActivationBody>, Problem> {
    let activation = state.store().activate(tenant, &name, new.version).await?;
    state.control().tenant_changed(tenant).await?;
    Ok(Json(activation.into()))
}

/// Activate the version before
#[utoipa::path(post, path = "/api/v1/plugins/{name}/rollback", tag = "policies",
    params(("name" = String, Path, description = "The plugin")),
    responses((status = 200, body = ActivationBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn rollback(
    Develops(tenant): Develops,
    Of(state): Of<State>,
    Target(PluginName(name)): Target<PluginName>,
) -> Result<Json<ActivationBody>, Problem> {
    let activation = state.store().rollback(tenant, &name).await?;
    state.control().tenant_changed(tenant).await?;
    Ok(Json(activation.into()))
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

impl From<Plugin> for PluginBody {
    fn from(plugin: Plugin) -> Self {
        Self {
            name: plugin.name,
            newest_version: plugin.versions,
            activation: plugin.activation.map(ActivationBody::from),
        }
    }
}

impl From<Activation> for ActivationBody {
    fn from(activation: Activation) -> Self {
        Self {
            plugin: activation.plugin,
            version: activation.version,
            percent: activation.percent,
            shadow: false,
            previous_version: activation.previous,
            revision: activation.revision,
        }
    }
}
