//! Recorded turns: which sessions there are, and what each turn was given and did.

use axum::{Json, extract::State as Of};
use model::SessionId;
use serde::Serialize;
use serde_json::Value;
use store::{RecordedFilter, RecordedSession};
use utoipa::ToSchema;

use crate::{
    State,
    auth::Develops,
    list::{List, Parameters},
    path::Target,
    problem::{Kind, Problem, ProblemBody},
    time::rfc3339,
};

/// A session whose turns were recorded.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordedSession)]
pub(super) struct SessionBody {
    /// `ses_…`
    session_id: String,
    /// The plugin.
    plugin: String,
    /// The version that began it.
    version: u32,
    /// The component of that version.
    digest: String,
    /// When its first recorded event was.
    begin_time: String,
    /// How many turns are recorded: 200 at the most.
    turns_recorded: u32,
    /// How long they are: 262,144 octets at the most.
    size: u64,
    /// How many more there were.
    turns_lost: u32,
}

/// A recorded session with its turns.
#[derive(Serialize, ToSchema)]
#[schema(as = RecordedTurns)]
pub(super) struct TurnsBody {
    #[serde(flatten)]
    session: SessionBody,
    /// In order: what each was given and did, as `jackfield plugin replay` reads it.
    turns: Vec<Value>,
}

/// The recorded sessions, newest first
#[utoipa::path(get, path = "/api/v1/sessions", tag = "plugins",
    params(("limit" = Option<u32>, Query, description = "1 to 100; 20 if absent"),
           ("starting_after" = Option<String>, Query, description = "Those older than this `session_id`"),
           ("plugin" = Option<String>, Query, description = "Of this plugin"),
           ("version" = Option<u32>, Query, description = "Begun by this version"),
           ("since" = Option<String>, Query, description = "Begun at this time or later")),
    responses((status = 200, body = List<SessionBody>),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn list(
    Develops(tenant): Develops,
    Of(state): Of<State>,
    mut query: Parameters,
) -> Result<Json<List<SessionBody>>, Problem> {
    let page = query.page::<SessionId>();
    let filter = RecordedFilter {
        session: None,
        plugin: query.take("plugin"),
        version: query.take("version"),
        since: query.time("since"),
    };
    query.finish()?;
    let found = state.store().recorded_sessions(tenant, &filter, &page);
    Ok(List::of(found.await?))
}

/// The recorded turns of a session
///
/// They tell settings, states and digits that were keyed: hence the scope `developer`. The last turns of a
/// session that lives come within a second.
#[utoipa::path(get, path = "/api/v1/sessions/{id}/turns", tag = "plugins",
    params(("id" = String, Path, description = "`ses_…`")),
    responses((status = 200, body = TurnsBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn turns(
    Develops(tenant): Develops,
    Of(state): Of<State>,
    Target(id): Target<SessionId>,
) -> Result<Json<TurnsBody>, Problem> {
    let (session, turns) = state.store().recorded_session(tenant, id).await?;
    let damaged = |_| Problem::new(Kind::Internal, "a recorded turn cannot be read");
    let turns: Result<_, _> = turns.iter().map(|it| serde_json::from_str(it)).collect();
    Ok(Json(TurnsBody {
        session: session.into(),
        turns: turns.map_err(damaged)?,
    }))
}

impl From<RecordedSession> for SessionBody {
    fn from(session: RecordedSession) -> Self {
        Self {
            session_id: session.session.to_string(),
            plugin: session.plugin,
            version: session.version,
            digest: session.digest,
            begin_time: rfc3339(session.begin),
            turns_recorded: session.turns,
            size: session.octets,
            turns_lost: session.lost,
        }
    }
}
