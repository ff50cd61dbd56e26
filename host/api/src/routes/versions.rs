//! Versions of a plugin: a component goes in, is checked, and never changes again.

use axum::{
    Json,
    extract::{Request, State as Of},
    http::StatusCode,
};
use serde::Serialize;
use store::{NewVersion, PluginVersion, StoreError};
use utoipa::ToSchema;

use crate::{
    State,
    auth::{Develops, Reads},
    body,
    fault::{Place, Wrong},
    list::{List, Parameters},
    path::{PluginName, Target},
    problem::{Kind, Problem, ProblemBody},
    time::rfc3339,
};

const WASM: &str = "application/wasm";

/// One version of a plugin.
#[derive(Serialize, ToSchema)]
#[schema(as = PluginVersion)]
pub(super) struct VersionBody {
    /// The plugin's name.
    plugin: String,
    /// Its number, from 1.
    version: u32,
    /// `sha256:…` of the component.
    digest: String,
    /// Octets of the component.
    size: u64,
    /// The interfaces that it imports.
    imports: Vec<String>,
    /// The interfaces that it exports.
    exports: Vec<String>,
    /// It came with the platform.
    built_in: bool,
    /// When it was uploaded.
    created: String,
}

/// A version that was uploaded.
#[derive(Serialize, ToSchema)]
#[schema(as = UploadedVersion)]
pub(super) struct UploadedBody {
    #[serde(flatten)]
    version: VersionBody,
    /// What it can do otherwise than the active version; absent if none is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Difference>,
}

/// By which interfaces two versions differ.
#[derive(Serialize, ToSchema)]
struct Difference {
    /// The version that it is compared with.
    version: u32,
    /// Imported by the new one only.
    imports_gained: Vec<String>,
    /// Imported by the other only.
    imports_lost: Vec<String>,
    /// Exported by the new one only.
    exports_gained: Vec<String>,
    /// Exported by the other only.
    exports_lost: Vec<String>,
}

impl Difference {
    fn of(new: &PluginVersion, old: &PluginVersion) -> Self {
        let only = |one: &[String], other: &[String]| {
            let own = one.iter().filter(|name| !other.contains(name));
            own.cloned().collect()
        };
        Self {
            version: old.version,
            imports_gained: only(&new.imports, &old.imports),
            imports_lost: only(&old.imports, &new.imports),
            exports_gained: only(&new.exports, &old.exports),
            exports_lost: only(&old.exports, &new.exports),
        }
    }
}

/// Upload a version
///
/// The body is the component. It is checked and kept, but not activated.
#[utoipa::path(post, path = "/api/v1/plugins/{name}/versions", tag = "policies",
    params(("name" = String, Path, description = "The plugin; it is made if there is none")),
    request_body(content = String, content_type = "application/wasm"),
    responses((status = 201, body = UploadedBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn upload(
    Develops(tenant): Develops,
    Of(state): Of<State>,
    Target(name): Target<String>,
    request: Request,
) -> Result<(StatusCode, Json<UploadedBody>), Problem> {
    let PluginName(name) = name
        .parse()
        .map_err(|why: String| Wrong::new(Place::Whole, &format!("name: {why}")))
        .map_err(|wrong| Problem::invalid(vec![wrong]))?;
    if !body::is_type(request.headers(), WASM) {
        let detail = format!("content-type must be {WASM}");
        return Err(Problem::new(Kind::UnsupportedMediaType, detail));
    }
    let (_place, bytes) = body::upload(&state, tenant, request, state.upload_max()).await?;
    let checked = state.control().check_plugin(tenant, bytes.clone()).await?;
    let manifest = checked.map_err(|why| Problem::new(Kind::PluginRefused, why))?;
    let new = NewVersion {
        digest: manifest.digest,
        imports: manifest.imports,
        exports: manifest.exports,
        bytes: bytes.into(),
    };
    let now = state.now_ms();
    let version = state
        .store()
        .create_version(tenant, &name, &new, now)
        .await?;
    let difference = match state.store().activation(tenant, &name).await {
        Ok(active) => {
            let active = state.store().version(tenant, &name, active.version);
            Some(Difference::of(&version, &active.await?))
        }
        Err(StoreError::NotFound { .. }) => None,
        Err(why) => return Err(why.into()),
    };
    let version = version.into();
    let uploaded = UploadedBody {
        version,
        difference,
    };
    Ok((StatusCode::CREATED, Json(uploaded)))
}

/// The versions of a plugin, newest first
#[utoipa::path(get, path = "/api/v1/plugins/{name}/versions", tag = "policies",
    params(("name" = String, Path, description = "The plugin"),
           ("limit" = Option<u32>, Query, description = "1 to 100; 20 if absent"),
           ("starting_after" = Option<u32>, Query, description = "Those below this version")),
    responses((status = 200, body = List<VersionBody>),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn list(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(PluginName(name)): Target<PluginName>,
    query: Parameters,
) -> Result<Json<List<VersionBody>>, Problem> {
    let page = query.only_page()?;
    Ok(List::of(
        state.store().versions(tenant, &name, &page).await?,
    ))
}

impl From<PluginVersion> for VersionBody {
    fn from(version: PluginVersion) -> Self {
        Self {
            plugin: version.plugin,
            version: version.version,
            digest: version.digest,
            size: version.size,
            imports: version.imports,
            exports: version.exports,
            built_in: version.built_in,
            created: rfc3339(version.created),
        }
    }
}
