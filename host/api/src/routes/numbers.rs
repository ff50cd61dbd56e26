//! Telephone numbers of a tenant, and the plugins that they lead to.

use axum::{Json, extract::State as Of, http::StatusCode};
use model::{Number, NumberId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    State,
    auth::{Administers, Reads},
    body::{Body, Checked, Fields},
    list::{List, Parameters},
    path::{PluginName, Target, Telnum},
    problem::{Problem, ProblemBody},
};

/// A telephone number.
#[derive(Serialize, ToSchema)]
#[schema(as = Number)]
pub(super) struct NumberBody {
    /// `num_…`
    id: String,
    /// The number.
    number: String,
    /// The plugin that its calls lead to.
    plugin: String,
}

/// A number to be.
#[derive(ToSchema)]
pub(super) struct NewNumber {
    /// 1 to 64 of `0-9 A-Z a-z + * # . _ -`.
    #[schema(value_type = String, example = "2001")]
    number: Telnum,
    /// A plugin of the tenant.
    #[schema(value_type = String, example = "makecall")]
    plugin: PluginName,
}

impl Body for NewNumber {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (number, plugin) = (fields.text("number"), fields.text("plugin"));
        Some(Self {
            number: number?,
            plugin: plugin?,
        })
    }
}

/// Add a number
#[utoipa::path(post, path = "/api/v1/numbers", tag = "configuration", request_body = NewNumber,
    responses((status = 201, body = NumberBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn create(
    Administers(tenant): Administers,
    Of(state): Of<State>,
    Checked(new): Checked<NewNumber>,
) -> Result<(StatusCode, Json<NumberBody>), Problem> {
    let number = Number {
        id: state.mint(NumberId::mint),
        number: new.number.0,
        plugin: new.plugin.0,
    };
    let now = state.now_ms();
    state.store().create_number(tenant, &number, now).await?;
    state.control().tenant_changed(tenant).await?;
    Ok((StatusCode::CREATED, Json(number.into())))
}

/// The numbers, oldest first
#[utoipa::path(get, path = "/api/v1/numbers", tag = "configuration",
    params(("limit" = Option<u32>, Query, description = "1 to 100; 20 if absent"),
           ("starting_after" = Option<String>, Query, description = "The last id before the page")),
    responses((status = 200, body = List<NumberBody>),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn list(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    query: Parameters,
) -> Result<Json<List<NumberBody>>, Problem> {
    let page = query.only_page()?;
    Ok(List::of(state.store().numbers(tenant, &page).await?))
}

/// One number
#[utoipa::path(get, path = "/api/v1/numbers/{id}", tag = "configuration",
    params(("id" = String, Path, description = "`num_…`")),
    responses((status = 200, body = NumberBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn show(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(id): Target<NumberId>,
) -> Result<Json<NumberBody>, Problem> {
    Ok(Json(state.store().number(tenant, id).await?.into()))
}

/// Remove a number
#[utoipa::path(delete, path = "/api/v1/numbers/{id}", tag = "configuration",
    params(("id" = String, Path, description = "`num_…`")),
    responses((status = 204, description = "It is gone"),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn delete(
    Administers(tenant): Administers,
    Of(state): Of<State>,
    Target(id): Target<NumberId>,
) -> Result<StatusCode, Problem> {
    state.store().delete_number(tenant, id).await?;
    state.control().tenant_changed(tenant).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Number> for NumberBody {
    fn from(number: Number) -> Self {
        Self {
            id: number.id.to_string(),
            number: number.number,
            plugin: number.plugin,
        }
    }
}
