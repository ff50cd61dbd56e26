//! Recordings of calls: which there are, their audio, and their end.

use axum::{
    Json,
    extract::State as Of,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use model::{Recording, RecordingId, RecordingState};
use serde::Serialize;
use store::RecordingFilter;
use utoipa::ToSchema;

use crate::{
    AudioFile, State,
    audio::Kept,
    auth::{Develops, Reads},
    list::{List, Parameters},
    path::Target,
    problem::{Kind, Problem, ProblemBody},
    time::rfc3339,
};

/// A recording of a call.
#[derive(Serialize, ToSchema)]
#[schema(as = Recording)]
pub(super) struct RecordingBody {
    /// `rec_…`
    id: String,
    /// The call.
    call_id: String,
    /// Its session.
    session_id: String,
    /// What the policy called it; several may have the same name.
    name: String,
    /// When it began.
    begin_time: String,
    /// `open` while it is written, then `ready`, or `failed` if it could not be.
    state: &'static str,
    /// How long it plays; null unless it is ready, as the next.
    duration_ms: Option<u64>,
    /// Octets of the file: WAV of 16 bits at 8 or 16 kHz; left what the party said, right what it heard. Of a
    /// conference: one channel, all that was heard in it.
    size: Option<u64>,
}

/// The recordings, newest first
#[utoipa::path(get, path = "/api/v1/recordings", tag = "calls",
    params(("limit" = Option<u32>, Query, description = "1 to 100; 20 if absent"),
           ("starting_after" = Option<String>, Query, description = "Those older than this `id`"),
           ("call_id" = Option<String>, Query, description = "Of this call"),
           ("session_id" = Option<String>, Query, description = "Of this session's calls"),
           ("name" = Option<String>, Query, description = "With this name"),
           ("state" = Option<String>, Query, description = "`open`, `ready` or `failed`"),
           ("from" = Option<String>, Query, description = "Begun at this time or later"),
           ("to" = Option<String>, Query, description = "Begun before this time")),
    responses((status = 200, body = List<RecordingBody>),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn list(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    mut query: Parameters,
) -> Result<Json<List<RecordingBody>>, Problem> {
    let page = query.page::<RecordingId>();
    let filter = RecordingFilter {
        id: None,
        call: query.take("call_id"),
        session: query.take("session_id"),
        name: query.take("name"),
        state: query.checked("state", |text| match text {
            known if RecordingState::WORDS.contains(&known) => Ok(known.to_owned()),
            _ => Err("is none of open, ready and failed".to_owned()),
        }),
        from: query.time("from"),
        to: query.time("to"),
    };
    query.finish()?;
    let found = state.store().recordings(tenant, &filter, &page).await?;
    Ok(List::of(found))
}

/// One recording
#[utoipa::path(get, path = "/api/v1/recordings/{id}", tag = "calls",
    params(("id" = String, Path, description = "`rec_…`")),
    responses((status = 200, body = RecordingBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn show(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(id): Target<RecordingId>,
) -> Result<Json<RecordingBody>, Problem> {
    Ok(Json(state.store().recording(tenant, id).await?.into()))
}

/// The audio of a recording
///
/// A WAV file (of a call two channels, of a conference one), or a part of it. 409 while it is written; 404 if it has failed.
#[utoipa::path(get, path = "/api/v1/recordings/{id}/audio", tag = "calls",
    params(("id" = String, Path, description = "`rec_…`"),
           ("Range" = Option<String>, Header, description = "`bytes=0-999`; one range only")),
    responses((status = 200, body = String, content_type = "audio/wav", description = "A WAV file"),
              (status = 206, body = String, content_type = "audio/wav", description = "A part of it"),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn audio(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(id): Target<RecordingId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let audio = match state.store().recording(tenant, id).await?.state {
        RecordingState::Ready(audio) => audio,
        RecordingState::Open => {
            let why = "the recording is being written";
            return Err(Problem::new(Kind::Conflict, why));
        }
        RecordingState::Failed => {
            let why = "the recording has failed: it has no audio";
            return Err(Problem::new(Kind::NotFound, why));
        }
    };
    let kept = Kept {
        file: AudioFile::Recording(id),
        octets: audio.octets,
        tag: format!("\"{id}\""),
    };
    kept.answer(state.control(), tenant, &headers).await
}

/// Delete a recording
///
/// It is gone at once; its audio is erased within seconds, or when it can be reached. 409 while it is written.
#[utoipa::path(delete, path = "/api/v1/recordings/{id}", tag = "calls",
    params(("id" = String, Path, description = "`rec_…`")),
    responses((status = 204, description = "It is gone"),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn delete(
    Develops(tenant): Develops,
    Of(state): Of<State>,
    Target(id): Target<RecordingId>,
) -> Result<StatusCode, Problem> {
    state.store().delete_recording(tenant, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Recording> for RecordingBody {
    fn from(recording: Recording) -> Self {
        let audio = recording.state.audio();
        Self {
            id: recording.id.to_string(),
            call_id: recording.call.to_string(),
            session_id: recording.session.to_string(),
            name: recording.name,
            begin_time: rfc3339(recording.begin),
            state: recording.state.as_str(),
            duration_ms: audio.map(|audio| audio.duration_ms),
            size: audio.map(|audio| audio.octets),
        }
    }
}
