//! Whether this node lives and takes calls: for load balancers, without a key.

use std::time::Duration;

use axum::{extract::State as Of, http::StatusCode};

use crate::{
    State,
    problem::{Kind, Problem, ProblemBody},
};

/// How long the store may take before the node counts as not ready: a load balancer asks again in
/// seconds and must not be kept waiting as long as a caller of the API.
const STORE_ANSWERS: Duration = Duration::from_secs(1);

/// The process runs.
#[utoipa::path(get, path = "/livez", tag = "node", security(()),
    responses((status = 200, description = "It runs")))]
pub(super) async fn live() -> StatusCode {
    StatusCode::OK
}

/// The node takes calls: its store answers and it does not drain.
#[utoipa::path(get, path = "/readyz", tag = "node", security(()),
    responses((status = 200, description = "It takes calls"),
              (status = 503, description = "It does not", body = ProblemBody)))]
pub(super) async fn ready(Of(state): Of<State>) -> Result<StatusCode, Problem> {
    if *state.draining().borrow() {
        return Err(Problem::new(Kind::Unavailable, "the node drains"));
    }
    // Any small read will do: it needs a connection and a table.
    let read = store::admin::has_platform_key(state.store());
    let Ok(answer) = tokio::time::timeout(STORE_ANSWERS, read).await else {
        return Err(Problem::new(Kind::Unavailable, "the store does not answer"));
    };
    answer?;
    Ok(StatusCode::OK)
}
