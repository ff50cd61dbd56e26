//! API keys of a tenant.

use axum::{Json, extract::State as Of, http::StatusCode};
use model::KeyId;
use serde::Serialize;
use store::{ApiKey, NewKey as StoredKey, Scope};
use utoipa::ToSchema;

use crate::{
    State,
    auth::{self, Administers},
    body::{Body, Checked, Fields},
    list::{List, Parameters},
    path::{Target, Telnum},
    problem::{Problem, ProblemBody},
    time::rfc3339,
};

/// A key, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(super) struct KeyBody {
    /// `key_…`
    id: String,
    /// Its name.
    name: String,
    /// `admin`, `developer`, `phone` or `read`.
    scope: &'static str,
    /// Of a phone key: the only user that it may act for.
    user: Option<String>,
    /// When it was made.
    created: String,
    /// The secret: shown once, in the answer that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// A key to be.
#[derive(ToSchema)]
pub(super) struct NewKey {
    /// Its name.
    name: String,
    /// `admin`, `developer`, `phone` or `read`.
    #[schema(value_type = String, example = "phone")]
    scope: Scope,
    /// Of a phone key: the only user that it may act for.
    user: Option<String>,
}

impl Body for NewKey {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.text("name");
        let scope = fields.checked("scope", |name| {
            Scope::from_name(name).ok_or("is not admin, developer, phone or read")
        });
        let user = fields.optional::<Telnum>("user");
        Some(Self {
            name: name?,
            scope: scope?,
            user: user?.map(|user| user.0),
        })
    }
}

/// Make a key
///
/// The secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/keys", tag = "configuration", request_body = NewKey,
    responses((status = 201, body = KeyBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn create(
    Administers(tenant): Administers,
    Of(state): Of<State>,
    Checked(new): Checked<NewKey>,
) -> Result<(StatusCode, Json<KeyBody>), Problem> {
    let (secret, now) = (auth::new_secret()?, state.now_ms());
    let key = StoredKey {
        id: state.mint(KeyId::mint),
        scope: new.scope,
        name: new.name,
        user: new.user,
        secret: secret.clone(),
    };
    state.store().create_key(tenant, &key, now).await?;
    let body = KeyBody {
        id: key.id.to_string(),
        name: key.name,
        scope: key.scope.as_str(),
        user: key.user,
        created: rfc3339(now),
        key: Some(secret),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

/// The keys, oldest first
#[utoipa::path(get, path = "/api/v1/keys", tag = "configuration",
    params(("limit" = Option<u32>, Query, description = "1 to 100; 20 if absent"),
           ("starting_after" = Option<String>, Query, description = "The last id before the page")),
    responses((status = 200, body = List<KeyBody>),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn list(
    Administers(tenant): Administers,
    Of(state): Of<State>,
    query: Parameters,
) -> Result<Json<List<KeyBody>>, Problem> {
    let page = query.only_page()?;
    Ok(List::of(state.store().keys(tenant, &page).await?))
}

/// Take a key back
///
/// The last admin key of a tenant stays: nobody could make another.
#[utoipa::path(delete, path = "/api/v1/keys/{id}", tag = "configuration",
    params(("id" = String, Path, description = "`key_…`")),
    responses((status = 204, description = "It is gone"),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn delete(
    Administers(tenant): Administers,
    Of(state): Of<State>,
    Target(id): Target<KeyId>,
) -> Result<StatusCode, Problem> {
    state.store().delete_key(tenant, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<ApiKey> for KeyBody {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name,
            scope: key.scope.as_str(),
            user: key.user,
            created: rfc3339(key.created),
            key: None,
        }
    }
}
