//! Prompts of a tenant: audio files go in, are decoded once, and are played by their names.

use axum::{
    Json,
    extract::{Request, State as Of},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use model::TenantId;
use serde::Serialize;
use store::{KeptAudio, Prompt};
use utoipa::ToSchema;

use crate::{
    AudioFile, State,
    audio::Kept,
    auth::{Develops, Reads},
    body,
    fault::{Place, Wrong},
    limits,
    list::{List, Parameters},
    path::{PromptName, Target},
    problem::{Kind, Problem, ProblemBody},
    time::rfc3339,
};

/// What a body may be called; what it is, is seen in it.
const TYPES: [&str; 2] = ["application/ogg", "application/octet-stream"];

/// A prompt.
#[derive(Serialize, ToSchema)]
#[schema(as = Prompt)]
pub(super) struct PromptBody {
    /// Its name.
    name: String,
    /// How long it plays.
    duration_ms: u64,
    /// Octets of the file that is kept: mono WAV of 16 bits at 8 or 16 kHz.
    size: u64,
    /// `sha256:…` of that file.
    digest: String,
    /// When its audio was uploaded.
    created: String,
}

/// Upload a prompt
///
/// The body is a WAV, FLAC, MP3 or Ogg Vorbis file of at most 20 MiB and five minutes. It is decoded once.
#[utoipa::path(post, path = "/api/v1/prompts", tag = "configuration",
    params(("name" = String, Query, description = "1 to 64 of `0-9 A-Z a-z . _ -`")),
    request_body(content = String, content_type = "audio/*"),
    responses((status = 201, body = PromptBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn create(
    Develops(tenant): Develops,
    Of(state): Of<State>,
    mut query: Parameters,
    request: Request,
) -> Result<(StatusCode, Json<PromptBody>), Problem> {
    let name = query.take::<PromptName>("name");
    query.finish()?;
    let missing = || vec![Wrong::new(Place::member("name"), "is missing")];
    let PromptName(name) = name.ok_or_else(|| Problem::wrong(Kind::InvalidQuery, missing()))?;
    let audio = keep(&state, tenant, request).await?;
    let (store, now) = (state.store(), state.now_ms());
    let made = store.create_prompt(tenant, &name, &audio, now).await?;
    state.control().tenant_changed(tenant).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// The prompts, by name
#[utoipa::path(get, path = "/api/v1/prompts", tag = "configuration",
    params(("limit" = Option<u32>, Query, description = "1 to 100; 20 if absent"),
           ("starting_after" = Option<String>, Query, description = "Those behind this name")),
    responses((status = 200, body = List<PromptBody>),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn list(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    query: Parameters,
) -> Result<Json<List<PromptBody>>, Problem> {
    let page = query.only_page()?;
    Ok(List::of(state.store().prompts(tenant, &page).await?))
}

/// One prompt
#[utoipa::path(get, path = "/api/v1/prompts/{name}", tag = "configuration",
    params(("name" = String, Path, description = "The prompt")),
    responses((status = 200, body = PromptBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn show(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(PromptName(name)): Target<PromptName>,
) -> Result<Json<PromptBody>, Problem> {
    Ok(Json(state.store().prompt(tenant, &name).await?.into()))
}

/// The audio of a prompt
///
/// As it is kept: a mono WAV file, or a part of it.
#[utoipa::path(get, path = "/api/v1/prompts/{name}/audio", tag = "configuration",
    params(("name" = String, Path, description = "The prompt"),
           ("Range" = Option<String>, Header, description = "`bytes=0-999`; one range only")),
    responses((status = 200, body = String, content_type = "audio/wav", description = "A WAV file"),
              (status = 206, body = String, content_type = "audio/wav", description = "A part of it"),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn audio(
    Reads(tenant): Reads,
    Of(state): Of<State>,
    Target(PromptName(name)): Target<PromptName>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let audio = state.store().prompt(tenant, &name).await?.audio;
    let kept = Kept {
        octets: audio.octets,
        tag: format!("\"{}\"", audio.digest),
        file: AudioFile::Prompt(audio.digest),
    };
    kept.answer(state.control(), tenant, &headers).await
}

/// Replace the audio of a prompt
///
/// As an upload. What plays the former audio plays it to its end.
#[utoipa::path(put, path = "/api/v1/prompts/{name}/audio", tag = "configuration",
    params(("name" = String, Path, description = "The prompt")),
    request_body(content = String, content_type = "audio/*"),
    responses((status = 200, body = PromptBody),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn replace(
    Develops(tenant): Develops,
    Of(state): Of<State>,
    Target(PromptName(name)): Target<PromptName>,
    request: Request,
) -> Result<Json<PromptBody>, Problem> {
    let (store, now) = (state.store(), state.now_ms());
    // Nobody uploads megabytes to be told that there is no such prompt.
    store.prompt(tenant, &name).await?;
    let audio = keep(&state, tenant, request).await?;
    let made = store.replace_prompt(tenant, &name, &audio, now).await?;
    state.control().tenant_changed(tenant).await?;
    Ok(Json(made.into()))
}

/// Remove a prompt
///
/// What plays it plays it to its end.
#[utoipa::path(delete, path = "/api/v1/prompts/{name}", tag = "configuration",
    params(("name" = String, Path, description = "The prompt")),
    responses((status = 204, description = "It is gone"),
              (status = "default", description = "Not done", body = ProblemBody)))]
pub(super) async fn delete(
    Develops(tenant): Develops,
    Of(state): Of<State>,
    Target(PromptName(name)): Target<PromptName>,
) -> Result<StatusCode, Problem> {
    state.store().delete_prompt(tenant, &name).await?;
    state.control().tenant_changed(tenant).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes an audio file in, and has it decoded and kept.
async fn keep(state: &State, tenant: TenantId, request: Request) -> Result<KeptAudio, Problem> {
    if !is_audio(request.headers()) {
        let detail = "content-type must be audio/wav, audio/flac, audio/mpeg, audio/ogg or such";
        return Err(Problem::new(Kind::UnsupportedMediaType, detail));
    }
    let (_place, bytes) = body::upload(state, tenant, request, limits::AUDIO).await?;
    let kept = state.control().keep_audio(tenant, bytes).await?;
    Ok(kept?)
}

fn is_audio(headers: &HeaderMap) -> bool {
    let text = headers.get(header::CONTENT_TYPE);
    let text = text.and_then(|text| text.to_str().ok()).unwrap_or_default();
    let is_audio = text
        .get(..6)
        .is_some_and(|it| it.eq_ignore_ascii_case("audio/"));
    is_audio || TYPES.iter().any(|it| body::is_type(headers, it))
}

impl From<Prompt> for PromptBody {
    fn from(prompt: Prompt) -> Self {
        Self {
            name: prompt.name,
            duration_ms: prompt.audio.duration_ms,
            size: prompt.audio.octets,
            digest: prompt.audio.digest,
            created: rfc3339(prompt.created),
        }
    }
}
