//! Tenants: the platform team's own.

use axum::{Json, extract::State as Of, http::StatusCode};
use model::{KeyId, TenantId};
use serde::Serialize;
use store::{NewTenant as StoredTenant, Tenant};
use utoipa::ToSchema;

use crate::{
    State,
    auth::{self, Platform},
    body::{Body, Checked, Fields},
    list::{List, Parameters},
    path::Target,
    problem::{Problem, ProblemBody},
    time::rfc3339,
};

/// A tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = Tenant)]
pub(super) struct TenantBody {
    /// `ten_…`
    id: String,
    /// Its name.
    name: String,
    /// The domain of its bare numbers.
    domain: String,
    /// The plugin that answers requests.
    default_plugin: String,
    /// When it was made.
    created: String,
    /// Its admin key: shown once, in the answer that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// A tenant to be.
#[derive(ToSchema)]
pub(super) struct NewTenant {
    /// Its name.
    #[schema(example = "acme")]
    name: String,
    /// The domain of its bare numbers.
    #[schema(example = "acme.example")]
    domain: String,
}

impl Body for NewTenant {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (name, domain) = (fields.text("name"), fields.text("domain"));
        Some(Self {
            name: name?,
            domain: domain?,
        })
    }
}

/// Make a tenant
///
/// The built-in policy is active in it. Its admin key is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/platform/tenants", tag = "platform", request_body = NewTenant,
    responses((status = 201, body = TenantBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn create(
    Platform: Platform,
    Of(state): Of<State>,
    Checked(new): Checked<NewTenant>,
) -> Result<(StatusCode, Json<TenantBody>), Problem> {
    let secret = auth::new_secret()?;
    let new = StoredTenant {
        id: state.mint(TenantId::mint),
        name: new.name,
        domain: new.domain,
        key: state.mint(KeyId::mint),
        secret: secret.clone(),
    };
    let (store, now) = (state.store(), state.now_ms());
    let tenant = store::admin::create_tenant(store, &new, state.built_in(), now).await?;
    // It is there, and nobody could ask for its key a second time: whatever the shards say, it is told.
    if let Err(error) = state.control().tenant_changed(tenant.id).await {
        tracing::warn!(tenant = %tenant.id, %error, "a new tenant is not published yet");
    }
    let body = TenantBody {
        key: Some(secret),
        ..tenant.into()
    };
    Ok((StatusCode::CREATED, Json(body)))
}

/// The tenants, oldest first
#[utoipa::path(get, path = "/api/platform/tenants", tag = "platform",
    params(("limit" = Option<u32>, Query, description = "1 to 100; 20 if absent"),
           ("starting_after" = Option<String>, Query, description = "The last id before the page")),
    responses((status = 200, body = List<TenantBody>),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn list(
    Platform: Platform,
    Of(state): Of<State>,
    query: Parameters,
) -> Result<Json<List<TenantBody>>, Problem> {
    let page = query.only_page()?;
    Ok(List::of(store::admin::tenants(state.store(), &page).await?))
}

/// One tenant
#[utoipa::path(get, path = "/api/platform/tenants/{id}", tag = "platform",
    params(("id" = String, Path, description = "`ten_…`")),
    responses((status = 200, body = TenantBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn show(
    Platform: Platform,
    Of(state): Of<State>,
    Target(id): Target<TenantId>,
) -> Result<Json<TenantBody>, Problem> {
    Ok(Json(state.store().tenant(id).await?.into()))
}

impl From<Tenant> for TenantBody {
    fn from(tenant: Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            name: tenant.name,
            domain: tenant.domain,
            default_plugin: tenant.default_plugin,
            created: rfc3339(tenant.created),
            key: None,
        }
    }
}
