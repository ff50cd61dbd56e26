//! What happened in a session: as data, as a picture, as text. Live sessions are asked, ended ones
//! are read.

use axum::{
    Json,
    extract::State as Of,
    http::{HeaderName, HeaderValue, header},
};
use model::{Answer, Ask, CallId, Refusal, SessionId, TenantId, Trace, TraceItem};
use serde::Serialize;
use store::StoreError;
use utoipa::ToSchema;

use super::{calls, requests::unexpected};
use crate::{
    State,
    auth::Reads,
    path::Target,
    problem::{Problem, ProblemBody},
    time::rfc3339,
};

/// What happened in a session, in order.
#[derive(Serialize, ToSchema)]
#[schema(as = Trace)]
pub(super) struct TraceBody {
    /// `ses_…`
    session_id: String,
    /// When the session began.
    begin_time: String,
    /// The parties, in the order in which they came.
    lanes: Vec<LaneBody>,
    /// What happened, in order.
    entries: Vec<EntryBody>,
    /// How many more entries there were.
    dropped: u32,
}

/// One party.
#[derive(Serialize, ToSchema)]
#[schema(as = Lane)]
pub(super) struct LaneBody {
    /// The call that leads to the party.
    call_id: String,
    /// The party's number.
    label: String,
}

/// One entry.
#[derive(Serialize, ToSchema)]
#[schema(as = TraceEntry)]
pub(super) struct EntryBody {
    /// Microseconds since the session began.
    at_us: u64,
    /// What happened.
    #[serde(flatten)]
    item: ItemBody,
}

/// What happened, by its `kind`.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[schema(as = TraceItem)]
pub(super) enum ItemBody {
    /// A SIP message.
    Sip {
        /// The call that it belongs to.
        call_id: String,
        /// The platform sent it.
        sent: bool,
        /// `INVITE 2001`, `180 Ringing`.
        line: String,
        /// It carried SDP.
        sdp: bool,
    },
    /// The policy handled an event.
    Turn {
        /// The handler.
        event: String,
        /// The call that the event was about.
        call_id: Option<String>,
        /// The commands, or the fault.
        decisions: Vec<String>,
    },
    /// Media of a call changed.
    Media {
        /// The call.
        call_id: String,
        /// What happened.
        what: String,
    },
    /// How a party was heard, when its media is over.
    Quality {
        /// The call.
        call_id: String,
        /// Loss, jitter, what the party missed, round trip, estimated MOS.
        what: String,
    },
    /// Anything else.
    Note {
        /// The words.
        what: String,
    },
}

/// The trace of a call's session
#[utoipa::path(get, path = "/api/v1/calls/{id}/trace", tag = "calls",
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 200, body = TraceBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn of_call(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(id): Target<CallId>,
) -> Result<Json<TraceBody>, Problem> {
    Ok(Json(find(&state, tenant, id).await?.into()))
}

/// The trace of a session
#[utoipa::path(get, path = "/api/v1/sessions/{id}/trace", tag = "calls",
    params(("id" = String, Path, description = "`ses_…`")),
    responses((status = 200, body = TraceBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn of_session(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(id): Target<SessionId>,
) -> Result<Json<TraceBody>, Problem> {
    if let Some(trace) = live(&state, tenant, id).await? {
        return Ok(Json(trace.into()));
    }
    Ok(Json(
        state.store().trace_of_session(tenant, id).await?.into(),
    ))
}

/// The ladder of a call's session as a picture
#[utoipa::path(get, path = "/api/v1/calls/{id}/ladder.svg", tag = "calls",
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 200, body = String, content_type = "image/svg+xml"),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn svg(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(id): Target<CallId>,
) -> Result<([(HeaderName, HeaderValue); 2], String), Problem> {
    let trace = find(&state, tenant, id).await?;
    // A picture that is opened by itself must not run anything.
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("image/svg+xml"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(policy),
        ),
    ];
    Ok((headers, model::draw_ladder_svg(&trace)))
}

/// The ladder of a call's session as text
#[utoipa::path(get, path = "/api/v1/calls/{id}/ladder.txt", tag = "calls",
    params(("id" = String, Path, description = "`call_…`")),
    responses((status = 200, body = String, content_type = "text/plain"),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn text(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(id): Target<CallId>,
) -> Result<String, Problem> {
    let trace = find(&state, tenant, id).await?;
    Ok(model::draw_ladder(&trace, true))
}

/// The trace of a call's session: until now while it is in memory, else the one that was kept. A session
/// outlives its calls by the time that their last SIP transactions linger.
async fn find(state: &State, tenant: TenantId, id: CallId) -> Result<Trace, Problem> {
    let session = match state.store().cdr(tenant, id).await {
        Ok(cdr) => Some(cdr.session),
        // Its first row may be on its way.
        Err(StoreError::NotFound { .. }) => {
            let call = calls::find_live(state, tenant, id).await?;
            call.map(|call| call.session)
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(session) = session
        && let Some(trace) = live(state, tenant, session).await?
    {
        return Ok(trace);
    }
    Ok(state.store().trace_of_call(tenant, id).await?)
}

async fn live(
    state: &State,
    tenant: TenantId,
    session: SessionId,
) -> Result<Option<Trace>, Problem> {
    match state.control().ask(tenant, Ask::Trace(session)).await? {
        // The shard checks the tenant; a second look costs nothing.
        Answer::Trace(trace) if trace.tenant == tenant => Ok(Some(*trace)),
        Answer::Trace(_) | Answer::Refused(Refusal::NotFound) => Ok(None),
        Answer::Refused(refusal) => Err(refusal.into()),
        _ => Err(unexpected()),
    }
}

impl From<Trace> for TraceBody {
    fn from(trace: Trace) -> Self {
        let lanes = trace.lanes.into_iter().map(|lane| LaneBody {
            call_id: lane.call.to_string(),
            label: lane.label,
        });
        let entries = trace.entries.into_iter().map(|entry| EntryBody {
            at_us: entry.at_us,
            item: entry.item.into(),
        });
        Self {
            session_id: trace.session.to_string(),
            begin_time: rfc3339(trace.begin),
            lanes: lanes.collect(),
            entries: entries.collect(),
            dropped: trace.dropped,
        }
    }
}

impl From<TraceItem> for ItemBody {
    fn from(item: TraceItem) -> Self {
        match item {
            TraceItem::Sip {
                call,
                sent,
                line,
                sdp,
            } => Self::Sip {
                call_id: call.to_string(),
                sent,
                line,
                sdp,
            },
            TraceItem::Turn {
                event,
                call,
                decisions,
            } => Self::Turn {
                event,
                call_id: call.map(|call| call.to_string()),
                decisions,
            },
            TraceItem::Media { call, what } => Self::Media {
                call_id: call.to_string(),
                what,
            },
            TraceItem::Quality { call, what } => Self::Quality {
                call_id: call.to_string(),
                what,
            },
            TraceItem::Note { what } => Self::Note { what },
        }
    }
}
