//! Conferences: those that there are now.

use axum::{Json, extract::State as Of};
use model::{Answer, Ask, ConferenceId, ConferenceView};
use serde::Serialize;
use store::Page;
use utoipa::ToSchema;

use super::requests::unexpected;
use crate::{
    State,
    auth::Reads,
    list::{List, Parameters},
    problem::{Problem, ProblemBody},
};

/// A conference with at least one call in it.
#[derive(Serialize, ToSchema)]
#[schema(as = Conference)]
pub(super) struct ConferenceBody {
    /// `conf_…`
    id: String,
    /// The name that policies know it by.
    name: String,
    /// The calls in it.
    size: u32,
}

/// The conferences that there are, newest first
#[utoipa::path(get, path = "/api/v1/conferences", tag = "calls",
    params(("limit" = Option<u32>, Query, description = "1 to 100; 20 if absent"),
           ("starting_after" = Option<String>, Query, description = "The last id before the page")),
    responses((status = 200, body = List<ConferenceBody>),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn list(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    query: Parameters,
) -> Result<Json<List<ConferenceBody>>, Problem> {
    let Page { limit, after } = query.only_page::<ConferenceId>()?;
    let mut all = match state.control().ask(tenant, Ask::Conferences).await? {
        Answer::Conferences(all) => all,
        Answer::Refused(refusal) => return Err(refusal.into()),
        _ => return Err(unexpected()),
    };
    all.sort_by_key(|it| std::cmp::Reverse(it.id));
    all.retain(|it| after.is_none_or(|after| it.id < after));
    let has_more = all.len() > limit as usize;
    all.truncate(limit as usize);
    let data = all.into_iter().map(ConferenceBody::from).collect();
    Ok(Json(List { data, has_more }))
}

impl From<ConferenceView> for ConferenceBody {
    fn from(it: ConferenceView) -> Self {
        Self {
            id: it.id.to_string(),
            name: it.name,
            size: it.size,
        }
    }
}
