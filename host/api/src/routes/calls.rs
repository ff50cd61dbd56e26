//! Calls: the live ones, one of them, a new one through the policy, the end of one.

use axum::{Extension, Json, extract::State as Of, http::StatusCode, response::Response};
use model::{
    Answer, Ask, CallId, Cause, Cdr, LiveCall, Origin, Request, RequestId, TenantId, turn::Phase,
};
use serde::Serialize;
use store::Page;
use utoipa::ToSchema;

use super::requests::{ask_policy, unexpected};
use crate::{
    State,
    auth::{Develops, Reads},
    body::{Body, Checked, Fields},
    list::{List, Parameters},
    path::{self, Target, Telnum},
    problem::{Problem, ProblemBody},
    time::rfc3339,
};

/// One call.
#[derive(Serialize, ToSchema)]
#[schema(as = Call)]
pub(super) struct CallBody {
    /// `call_…`
    id: String,
    /// `ses_…`
    session_id: String,
    /// `inbound` or `outbound`, seen from the platform.
    direction: &'static str,
    /// `offered`, `dialling`, `ringing`, `answered` or `released`.
    phase: &'static str,
    /// The calling party.
    from_uri: String,
    /// The called party.
    to_uri: String,
    /// When it began.
    begin_time: String,
    /// When it was answered.
    answer_time: Option<String>,
    /// When it ended.
    end_time: Option<String>,
    /// The policy's text.
    user_data: String,
}

/// A request to the default plugin, with the tenant's own authority.
#[derive(ToSchema)]
#[schema(as = NewCall)]
pub(super) struct NewCall {
    /// What is asked for: a verb that the policy answers.
    #[schema(example = "construct")]
    verb: String,
    /// The phone user that it is about.
    user: Option<String>,
    /// Whatever the policy wants to know.
    #[schema(value_type = Option<serde_json::Value>)]
    body: String,
}

impl Body for NewCall {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let verb = fields.checked("verb", path::verb);
        let user = fields.optional::<Telnum>("user");
        let body = fields.any("body").map(ToString::to_string);
        Some(Self {
            verb: verb?,
            user: user?.map(|user| user.0),
            body: body.unwrap_or_default(),
        })
    }
}

/// The live calls, newest first
#[utoipa::path(get, path = "/api/v1/calls", tag = "calls",
    params(("limit" = Option<u32>, Query, description = "1 to 100; 20 if absent"),
           ("starting_after" = Option<String>, Query, description = "The last id before the page")),
    responses((status = 200, body = List<CallBody>),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn list(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    query: Parameters,
) -> Result<Json<List<CallBody>>, Problem> {
    let Page { limit, after } = query.only_page::<CallId>()?;
    let mut calls = live(&state, tenant).await?;
    calls.sort_by_key(|call| std::cmp::Reverse(call.call));
    calls.retain(|call| after.is_none_or(|after| call.call < after));
    let has_more = calls.len() > limit as usize;
    calls.truncate(limit as usize);
    let data = calls.into_iter().map(CallBody::from).collect();
    Ok(Json(List { data, has_more }))
}

/// Ask the default plugin for a call
///
/// The request reaches the policy's `on-request` with origin `tenant`; the reply is the policy's.
#[utoipa::path(post, path = "/api/v1/calls", tag = "calls", request_body = NewCall,
    responses((status = 200, description = "The policy's reply", body = serde_json::Value),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn create(
    Develops(tenant): Develops,
    Of(state): Of<State>,
    Extension(id): Extension<RequestId>,
    Checked(call): Checked<NewCall>,
) -> Result<Response, Problem> {
    let request = Request {
        id,
        origin: Origin::Tenant,
        user: call.user.unwrap_or_default(),
        verb: call.verb,
        body: call.body,
    };
    ask_policy(&state, tenant, request).await
}

/// One call, live or over
#[utoipa::path(get, path = "/api/v1/calls/{id}", tag = "calls",
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 200, body = CallBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn show(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(id): Target<CallId>,
) -> Result<Json<CallBody>, Problem> {
    if let Some(call) = find_live(&state, tenant, id).await? {
        return Ok(Json(call.into()));
    }
    Ok(Json(state.store().cdr(tenant, id).await?.into()))
}

/// End a live call
///
/// An answered call ends with cause 200, any other with 480.
#[utoipa::path(delete, path = "/api/v1/calls/{id}", tag = "calls",
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 204, description = "It ends"),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn release(
    Develops(tenant): Develops,
    Of(state): Of<State>,
    Target(id): Target<CallId>,
) -> Result<StatusCode, Problem> {
    let live = find_live(&state, tenant, id).await?;
    let cause = match live.ok_or_else(Problem::not_found)?.phase {
        Phase::Answered => Cause::NORMAL,
        _ => Cause::UNAVAILABLE,
    };
    match state
        .control()
        .ask(tenant, Ask::Release { call: id, cause })
        .await?
    {
        Answer::Done => Ok(StatusCode::NO_CONTENT),
        Answer::Refused(refusal) => Err(refusal.into()),
        _ => Err(unexpected()),
    }
}

/// The tenant's live call of that id.
pub(super) async fn find_live(
    state: &State,
    tenant: TenantId,
    id: CallId,
) -> Result<Option<LiveCall>, Problem> {
    let calls = live(state, tenant).await?;
    Ok(calls.into_iter().find(|call| call.call == id))
}

async fn live(state: &State, tenant: TenantId) -> Result<Vec<LiveCall>, Problem> {
    match state.control().ask(tenant, Ask::Calls).await? {
        Answer::Calls(calls) => Ok(calls),
        Answer::Refused(refusal) => Err(refusal.into()),
        _ => Err(unexpected()),
    }
}

impl From<LiveCall> for CallBody {
    fn from(call: LiveCall) -> Self {
        let phase = match call.phase {
            Phase::Offered => "offered",
            Phase::Dialling => "dialling",
            Phase::Ringing => "ringing",
            Phase::Answered => "answered",
            Phase::Released => "released",
        };
        Self {
            id: call.call.to_string(),
            session_id: call.session.to_string(),
            direction: call.direction.as_str(),
            phase,
            from_uri: call.from.to_string(),
            to_uri: call.to.to_string(),
            begin_time: rfc3339(call.begin),
            answer_time: call.answer.map(rfc3339),
            end_time: None,
            user_data: call.user_data,
        }
    }
}

impl From<Cdr> for CallBody {
    fn from(cdr: Cdr) -> Self {
        Self {
            id: cdr.call.to_string(),
            session_id: cdr.session.to_string(),
            direction: cdr.direction.as_str(),
            phase: "released",
            from_uri: cdr.from.to_string(),
            to_uri: cdr.to.to_string(),
            begin_time: rfc3339(cdr.begin),
            answer_time: cdr.answer.map(rfc3339),
            end_time: cdr.end.map(rfc3339),
            user_data: cdr.user_data,
        }
    }
}
