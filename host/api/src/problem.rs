//! Errors as RFC 9457 problem details, every one in one place.
//!
//! Owns the codes, which outside tools rely on, and the way an error is written. A handler returns
//! a [`Problem`]; [`finish`] gives it the request's id and turns it into bytes, so that errors that
//! axum itself answers look the same.

use std::borrow::Cow;

use axum::{
    Extension, Json,
    extract::{Request, State as Of},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use model::RequestId;
use serde::Serialize;
use serde_json::{Map, Value};
use store::StoreError;
use utoipa::ToSchema;

use crate::{
    State,
    fault::{Place, Wrong},
    limits,
};

/// What a problem's type begins with; its code follows.
const TYPE: &str = "urn:jackfield:problem:";
/// The media type of problem details (RFC 9457 §3).
const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong, as a word that never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    InvalidJson,
    InvalidQuery,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    TooSlow,
    Conflict,
    LimitExceeded,
    TooLarge,
    UnsupportedMediaType,
    RangeNotSatisfiable,
    InvalidBody,
    PluginRefused,
    AudioRefused,
    Internal,
    PolicyFault,
    InvalidReply,
    Unavailable,
    NoAnswer,
}

impl Kind {
    /// Status, code and title: the table that `docs/` repeats.
    fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::InvalidJson => (400, "invalid-json", "The body is not the JSON it should be"),
            Self::InvalidQuery => (400, "invalid-query", "The query has a wrong parameter"),
            Self::Unauthorized => (401, "unauthorized", "A valid key is needed"),
            Self::Forbidden => (403, "forbidden", "The key may not do this"),
            Self::NotFound => (404, "not-found", "There is no such thing"),
            Self::MethodNotAllowed => (405, "method-not-allowed", "This method does not work here"),
            Self::TooSlow => (408, "too-slow", "The body did not arrive in time"),
            Self::Conflict => (409, "conflict", "It is in conflict with what exists"),
            Self::LimitExceeded => (409, "limit-exceeded", "A limit is used up"),
            Self::TooLarge => (413, "too-large", "The body is too large"),
            Self::UnsupportedMediaType => {
                (415, "unsupported-media-type", "The body has another type")
            }
            Self::RangeNotSatisfiable => (416, "range-not-satisfiable", "There are no such octets"),
            Self::InvalidBody => (422, "invalid-body", "The body has wrong members"),
            Self::PluginRefused => (422, "plugin-refused", "The component is no policy"),
            Self::AudioRefused => (422, "audio-refused", "The file cannot be played"),
            Self::Internal => (500, "internal", "The platform failed"),
            Self::PolicyFault => (502, "policy-fault", "The policy faulted"),
            Self::InvalidReply => (502, "invalid-reply", "The policy's reply is not JSON"),
            Self::Unavailable => (503, "unavailable", "The platform cannot do this now"),
            Self::NoAnswer => (504, "no-answer", "The platform did not answer in time"),
        }
    }

    fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// An error answer.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    errors: Vec<Wrong>,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// Unknown or another tenant's: nobody can tell which.
    pub(crate) fn not_found() -> Self {
        Self::new(Kind::NotFound, "there is no such thing in this tenant")
    }

    /// A body with wrong members.
    pub(crate) fn invalid(errors: Vec<Wrong>) -> Self {
        Self::wrong(Kind::InvalidBody, errors)
    }

    /// A body, or a query, with wrong members; the first one is also the detail.
    pub(crate) fn wrong(kind: Kind, errors: Vec<Wrong>) -> Self {
        let first = errors.first();
        let detail = first.map_or_else(String::new, |e| format!("{}: {}", e.pointer, e.detail));
        Self {
            kind,
            detail: detail.into(),
            errors,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.kind.status(), Extension(self)).into_response()
    }
}

/// The members of an error answer (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// `urn:jackfield:problem:` and the code.
    r#type: String,
    /// What the code means.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened this time.
    detail: String,
    /// A word that never changes.
    code: &'static str,
    /// The request's id, also in the header `X-Request-Id`.
    request_id: String,
    /// Wrong members of the body or the query, each by its pointer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Wrong>,
}

/// Gives every request an id, writes every problem, and adds the headers of every answer.
pub(crate) async fn finish(Of(state): Of<State>, mut request: Request, next: Next) -> Response {
    let id = state.mint_request();
    request.extensions_mut().insert(id);
    let method = request.method().clone();
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        if problem.kind.status().is_server_error() {
            tracing::warn!(request = %id, %method, detail = %problem.detail, "request failed");
        }
        let headers = std::mem::take(response.headers_mut());
        response = write(problem, id);
        for name in [header::ALLOW, header::CONTENT_RANGE] {
            if let Some(value) = headers.get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    let fresh = HeaderValue::from_static("no-store");
    headers.entry(header::CACHE_CONTROL).or_insert(fresh);
    response
}

fn write(problem: Problem, id: RequestId) -> Response {
    let (status, code, title) = problem.kind.row();
    let body = Json(ProblemBody {
        r#type: format!("{TYPE}{code}"),
        title,
        status,
        detail: problem.detail.into_owned(),
        code,
        request_id: id.to_string(),
        errors: problem.errors,
    });
    let mut response = (problem.kind.status(), body).into_response();
    let headers = response.headers_mut();
    let problem_json = HeaderValue::from_static(PROBLEM_JSON);
    headers.insert(header::CONTENT_TYPE, problem_json);
    match problem.kind {
        Kind::Unauthorized => {
            let bearer = HeaderValue::from_static("Bearer realm=\"jackfield\"");
            headers.insert(header::WWW_AUTHENTICATE, bearer);
        }
        Kind::Unavailable => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}

/// A policy's refusal as problem details: what it said, with what the platform knows. None if it is no
/// object with a `code`; that is the policy's own way to refuse, and goes back as it is.
pub(crate) fn of_policy(body: &str, status: StatusCode, id: RequestId) -> Option<Response> {
    let mut members: Map<String, Value> = serde_json::from_str(body).ok()?;
    let code = members.get("code")?.as_str().filter(|code| is_code(code))?;
    let r#type = format!("{TYPE}{code}");
    let title = "The policy refused";
    let mut complete = |name: &str, value: &str| {
        if !members.get(name).is_some_and(Value::is_string) {
            members.insert(name.to_owned(), value.into());
        }
    };
    complete("type", &r#type);
    complete("title", title);
    complete("detail", title);
    // Both are facts, whatever the policy says.
    members.insert("status".into(), status.as_u16().into());
    members.insert("request_id".into(), id.to_string().into());
    let problem = [(header::CONTENT_TYPE, PROBLEM_JSON)];
    Some((status, problem, Value::Object(members).to_string()).into_response())
}

/// A word as our own codes are: it becomes part of a URI.
fn is_code(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=limits::NAME).contains(&text.len()) && text.bytes().all(allowed)
}

/// No route has this path.
pub(crate) async fn unknown_route() -> Problem {
    Problem::new(Kind::NotFound, "there is no such path")
}

/// The path has a route, but not for this method.
pub(crate) async fn unknown_method() -> Problem {
    Problem::new(Kind::MethodNotAllowed, "see the header allow")
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { .. } => Self::not_found(),
            StoreError::Conflict { what } => Self::new(Kind::Conflict, what),
            StoreError::Invalid { field, why } => {
                Self::invalid(vec![Wrong::new(Place::member(field), &why)])
            }
            StoreError::Limit { .. } => Self::new(Kind::LimitExceeded, error.to_string()),
            // What a database says is for operators.
            StoreError::Unavailable(why) => {
                tracing::warn!(%why, "the store is unavailable");
                Self::new(Kind::Unavailable, "the store cannot answer now")
            }
            StoreError::Damaged(why) => {
                tracing::error!(%why, "a row is damaged");
                Self::new(Kind::Internal, "a row cannot be read")
            }
        }
    }
}
