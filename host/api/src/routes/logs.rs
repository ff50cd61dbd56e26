//! What a plugin logged: as a stream of server-sent events that replays and follows, or as a list.

use std::{collections::VecDeque, convert::Infallible};

use axum::{
    Json,
    extract::State as Of,
    http::{HeaderMap, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, stream};
use model::TenantId;
use serde::Serialize;
use store::{Listed, Page, StoreError, StoredLine};
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::{
    State,
    auth::ReadsBy,
    limits,
    list::{List, Parameters},
    path::{PluginName, Target},
    problem::{Kind, Problem, ProblemBody},
    state::Following,
    time::rfc3339,
};

/// One line.
#[derive(Serialize, ToSchema)]
#[schema(as = LogLine)]
pub(super) struct LineBody {
    /// Its number in the plugin's log: counts from 1.
    seq: u64,
    /// When it was written.
    at: String,
    /// `debug`, `info`, `warn` or `error`.
    level: &'static str,
    /// The version that wrote it.
    version: u32,
    /// The session that it was written in.
    session_id: Option<String>,
    /// What it says.
    message: String,
}

/// A plugin's log
///
/// Server-sent events: the kept lines, oldest first, then new ones as they come. The id of an event
/// is the line's `seq`; `Last-Event-ID` goes on behind it. With `Accept: application/json`: a list.
#[utoipa::path(get, path = "/api/v1/plugins/{name}/logs", tag = "policies",
    params(("name" = String, Path, description = "The plugin"),
           ("limit" = Option<u32>, Query, description = "Of the list: 1 to 100; 20 if absent"),
           ("starting_after" = Option<u64>, Query, description = "The last `seq` before the page")),
    responses((status = 200, content((List<LineBody> = "application/json"),
                                     (String = "text/event-stream"))),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn follow(
    ReadsBy(tenant, key): ReadsBy,
    Of(state): Of<State>,
    Target(PluginName(plugin)): Target<PluginName>,
    mut query: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let page = query.page::<u64>();
    query.finish()?;
    // Not found is told before the first event, not in a stream that ends.
    state.store().plugin(tenant, &plugin).await?;
    if wants_json(&headers) {
        return Ok(list(&state, tenant, &plugin, &page).await?.into_response());
    }
    let after = match headers.get("last-event-id") {
        None => page.after.unwrap_or(0),
        Some(id) => id
            .to_str()
            .ok()
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| Problem::new(Kind::InvalidQuery, "last-event-id is no number"))?,
    };
    let too_many = || {
        let most = limits::LOG_FOLLOWERS;
        let detail = format!("the key follows {most} logs already");
        Problem::new(Kind::LimitExceeded, detail)
    };
    let following = state.follow(key).ok_or_else(too_many)?;
    let follower = Follower {
        _following: following,
        tenant,
        plugin,
        after,
        waiting: VecDeque::new(),
        draining: state.draining(),
        state,
    };
    let alive = KeepAlive::new().interval(limits::STREAM_ALIVE);
    Ok(Sse::new(events(follower)).keep_alive(alive).into_response())
}

async fn list(
    state: &State,
    tenant: TenantId,
    plugin: &str,
    page: &Page<u64>,
) -> Result<Json<List<LineBody>>, StoreError> {
    let (store, after) = (state.store(), page.after.unwrap_or(0));
    let data = store.logs(tenant, plugin, after, page.limit).await?;
    let has_more = match data.last() {
        Some(last) => !store.logs(tenant, plugin, last.seq, 1).await?.is_empty(),
        None => false,
    };
    Ok(List::of(Listed { data, has_more }))
}

/// Someone who follows a log.
struct Follower {
    _following: Following,
    state: State,
    tenant: TenantId,
    plugin: String,
    after: u64,
    waiting: VecDeque<StoredLine>,
    draining: watch::Receiver<bool>,
}

fn events(follower: Follower) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(follower, |mut follower| async {
        let line = follower.next().await?;
        let event = Event::default().id(line.seq.to_string()).event("log");
        // A line is plain data; if it could not be written the client still gets its id.
        let event = event.json_data(LineBody::from(line)).unwrap_or_default();
        Some((Ok(event), follower))
    })
}

impl Follower {
    /// The next line, as soon as there is one; none when the node drains or the store fails: the
    /// client comes back with its last id.
    async fn next(&mut self) -> Option<StoredLine> {
        loop {
            if let Some(line) = self.waiting.pop_front() {
                self.after = line.seq;
                return Some(line);
            }
            if *self.draining.borrow() {
                return None;
            }
            let store = self.state.store();
            let lines = store.logs(self.tenant, &self.plugin, self.after, limits::LOG_PAGE);
            self.waiting = lines.await.ok()?.into();
            if self.waiting.is_empty() {
                tokio::select! {
                    () = tokio::time::sleep(limits::LOG_POLL) => {}
                    changed = self.draining.changed() => changed.ok()?,
                }
            }
        }
    }
}

/// Whether JSON is asked for, and no event stream.
fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT);
    let accept = accept
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/event-stream")
}

impl From<StoredLine> for LineBody {
    fn from(line: StoredLine) -> Self {
        Self {
            seq: line.seq,
            at: rfc3339(line.at),
            level: line.level.as_str(),
            version: line.version,
            session_id: line.session.map(|session| session.to_string()),
            message: line.message,
        }
    }
}
