//! The telephone-control API: requests that the tenant's default plugin answers.
//!
//! Owns who may ask and what a request looks like on its way to the policy. Refuses to know what
//! `makecall` means: any verb reaches the policy, and its reply goes back as it is, refusals completed.

use axum::{
    Extension,
    extract::State as Of,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use model::{Answer, Ask, Origin, Refusal, Reply, Request, RequestId, TenantId};
use utoipa::ToSchema;

use crate::{
    State,
    auth::{ActsAsUser, Develops},
    body::{self, ForPolicy},
    path::{Target, Telnum, UserVerb},
    problem::{self, Kind, Problem, ProblemBody},
};

/// What a user asks for before calling the private number.
#[derive(ToSchema)]
#[allow(dead_code)] // the policy reads it; here it is only documented
struct MakeCall {
    /// The private number that the user will call, and that the callee sees.
    #[schema(example = "2001")]
    caller: String,
    /// Who is to be called.
    #[schema(example = "3001")]
    callee: String,
    /// Whether the call is to be recorded; `false` if absent. The recording has the request's id as its name.
    record: Option<bool>,
}

/// A request that is pending.
#[derive(ToSchema)]
#[allow(dead_code)] // the policy writes it; here it is only documented
struct MadeCall {
    /// The request's id: the `user_data` of both calls' CDRs, and the name of a recording.
    callid: String,
}

/// A call at an external CTI server.
#[derive(ToSchema)]
#[allow(dead_code)] // the policy reads it; here it is only documented
struct CallIn {
    /// Who calls.
    from: String,
    /// The private number, or the pending callee.
    to: String,
}

/// What to do with that call.
#[derive(ToSchema)]
#[allow(dead_code)] // the policy writes it; here it is only documented
struct CallInDecision {
    /// `bridge`, `reject` or `redirect`.
    action: String,
    /// Of `bridge`: who the callee is to see.
    caller: Option<String>,
    /// Of `bridge`: who is to be called.
    callee: Option<String>,
    /// Of `reject`: the SIP status.
    cause: Option<u16>,
    /// Of `redirect`: where to.
    uri: Option<String>,
}

/// A phone user announces a call
///
/// For 120 s a call from `telnum` to `caller` is bridged to `callee`. The last request counts.
#[utoipa::path(post, path = "/api/user/{telnum}/makecall", tag = "phone users",
    params(("telnum" = String, Path, description = "The user's telephone number")),
    request_body = MakeCall,
    responses((status = 200, description = "The request is pending", body = MadeCall),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn makecall(
    state: Of<State>,
    key: ActsAsUser,
    id: Extension<RequestId>,
    Target(user): Target<Telnum>,
    body: ForPolicy,
) -> Result<Response, Problem> {
    let path = UserVerb {
        user,
        verb: "makecall".into(),
    };
    of_user(state, key, id, path, body).await
}

/// A phone user takes the announcement back
#[utoipa::path(post, path = "/api/user/{telnum}/cancelcall", tag = "phone users",
    params(("telnum" = String, Path, description = "The user's telephone number")),
    responses((status = 200, description = "Nothing is pending any more"),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn cancelcall(
    state: Of<State>,
    key: ActsAsUser,
    id: Extension<RequestId>,
    Target(user): Target<Telnum>,
    body: ForPolicy,
) -> Result<Response, Problem> {
    let path = UserVerb {
        user,
        verb: "cancelcall".into(),
    };
    of_user(state, key, id, path, body).await
}

/// Any other verb that the tenant's policy answers
#[utoipa::path(post, path = "/api/user/{telnum}/{verb}", tag = "phone users",
    params(("telnum" = String, Path, description = "The user's telephone number"),
           ("verb" = String, Path, description = "What is asked for")),
    request_body = serde_json::Value,
    responses((status = 200, description = "The policy's reply", body = serde_json::Value),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn other_verb(
    state: Of<State>,
    key: ActsAsUser,
    id: Extension<RequestId>,
    path: UserVerb,
    body: ForPolicy,
) -> Result<Response, Problem> {
    of_user(state, key, id, path, body).await
}

/// What to do with a call at an external CTI server
///
/// Consumes the pending request as a call would.
#[utoipa::path(post, path = "/api/cti/callin", tag = "phone users", request_body = CallIn,
    responses((status = 200, description = "The decision", body = CallInDecision),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn callin(
    Of(state): Of<State>,
    Develops(tenant): Develops,
    Extension(id): Extension<RequestId>,
    ForPolicy(body): ForPolicy,
) -> Result<Response, Problem> {
    let request = Request {
        id,
        origin: Origin::Cti,
        user: String::new(),
        verb: "callin".into(),
        body,
    };
    ask_policy(&state, tenant, request).await
}

async fn of_user(
    Of(state): Of<State>,
    key: ActsAsUser,
    Extension(id): Extension<RequestId>,
    path: UserVerb,
    ForPolicy(body): ForPolicy,
) -> Result<Response, Problem> {
    key.check(&path.user.0)?;
    let request = Request {
        id,
        origin: Origin::User,
        user: path.user.0,
        verb: path.verb,
        body,
    };
    ask_policy(&state, key.0, request).await
}

/// The policy's reply to a request, as it is.
pub(super) async fn ask_policy(
    state: &State,
    tenant: TenantId,
    request: Request,
) -> Result<Response, Problem> {
    let id = request.id;
    let ask = Ask::Request(Box::new(request));
    match state.control().ask(tenant, ask).await? {
        Answer::Reply(reply) => pass_on(reply, id),
        Answer::Refused(refusal) => Err(refusal.into()),
        _ => Err(unexpected()),
    }
}

/// Status 200 to 499 and a JSON text, or it is the policy's fault. A refusal with a `code` becomes
/// problem details; any other reply goes back as it is.
fn pass_on(reply: Reply, id: RequestId) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(reply.status).ok();
    let status = status.filter(|_| (200..500).contains(&reply.status));
    let status = status.ok_or_else(|| {
        let detail = format!("the policy's status {} is not 200 to 499", reply.status);
        Problem::new(Kind::InvalidReply, detail)
    })?;
    if reply.body.is_empty() {
        return Ok(status.into_response());
    }
    if !body::is_json_text(&reply.body) {
        let detail = "the policy's body is not a JSON text";
        return Err(Problem::new(Kind::InvalidReply, detail));
    }
    if status.is_client_error()
        && let Some(problem) = problem::of_policy(&reply.body, status, id)
    {
        return Ok(problem);
    }
    let json = HeaderValue::from_static("application/json");
    Ok((status, [(header::CONTENT_TYPE, json)], reply.body).into_response())
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal {
            Refusal::NotFound => return Problem::not_found(),
            Refusal::NoHandler => Kind::NotFound,
            Refusal::Fault(_) => Kind::PolicyFault,
            Refusal::Unavailable(_) => Kind::Unavailable,
        };
        Problem::new(kind, refusal.to_string())
    }
}

/// The shard answered another question: ours is the fault.
pub(super) fn unexpected() -> Problem {
    Problem::new(Kind::Internal, "the node answered another question")
}
