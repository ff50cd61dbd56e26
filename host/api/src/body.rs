//! Bodies: taken in within their limits, read strictly, every fault named by its pointer.
//!
//! Owns the way from bytes to a checked DTO. A body is read member by member by its own
//! [`Body::read`], so that one answer names all that is wrong with it, unknown members included.

mod fields;
mod strict;
#[cfg(test)]
mod tests;

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use model::TenantId;
use serde_json::Value;
use std::time::Duration;

pub(crate) use fields::Fields;

use crate::{
    State,
    control::UploadPlace,
    fault::{Place, Wrong},
    limits,
    problem::{Kind, Problem},
};

/// A JSON object that a route takes.
pub(crate) trait Body: Sized {
    /// Reads every member. None only if `fields` has noted why.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;
}

/// The checked body of a request.
pub(crate) struct Checked<T>(pub(crate) T);

impl<T: Body> FromRequest<State> for Checked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &State) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(not_json());
        }
        let bytes = take(request, limits::BODY, limits::BODY_TIME).await?;
        parse(&bytes).map(Self)
    }
}

/// The body of a request that a policy answers: the JSON text as it came, checked; or empty.
pub(crate) struct ForPolicy(pub(crate) String);

impl FromRequest<State> for ForPolicy {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &State) -> Result<Self, Problem> {
        let json = is_json(request.headers());
        let bytes = take(request, limits::BODY, limits::BODY_TIME).await?;
        if bytes.is_empty() {
            return Ok(Self(String::new()));
        }
        if !json {
            return Err(not_json());
        }
        strict::value(&bytes)?;
        // `strict::value` has refused what is not UTF-8.
        let text = String::from_utf8(bytes.into());
        text.map(Self)
            .map_err(|_| Problem::new(Kind::InvalidJson, "the body is not UTF-8"))
    }
}

/// The DTO in these bytes.
pub(crate) fn parse<T: Body>(bytes: &[u8]) -> Result<T, Problem> {
    let Value::Object(members) = strict::value(bytes)? else {
        return Err(Problem::invalid(vec![Wrong::new(
            Place::Whole,
            "is not an object",
        )]));
    };
    let mut fields = Fields::of(&members);
    let body = T::read(&mut fields);
    let errors = fields.finish();
    match body {
        Some(body) if errors.is_empty() => Ok(body),
        _ => Err(Problem::invalid(errors)),
    }
}

/// Whether a text is one JSON text, nothing more.
pub(crate) fn is_json_text(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// All bytes of a body, unless they are more than `most` or take longer than `time`.
pub(crate) async fn take(request: Request, most: usize, time: Duration) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Kind::TooLarge, format!("more than {most} octets"));
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    let mut stream = request.into_body().into_data_stream();
    let all = async {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = stream.next().await {
            let broken = |_| Problem::new(Kind::InvalidJson, "the body broke off");
            let chunk = chunk.map_err(broken)?;
            if chunk.len() > most - bytes.len() {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    };
    let late = |_| Problem::new(Kind::TooSlow, "send it faster or make it smaller");
    tokio::time::timeout(time, all).await.map_err(late)?
}

/// A file that is uploaded, with its place among those that are held in memory.
pub(crate) async fn upload(
    state: &State,
    tenant: TenantId,
    request: Request,
    most: usize,
) -> Result<(UploadPlace, Bytes), Problem> {
    let busy = "too many uploads at once: one of a tenant, and a few of all tenants";
    let busy = || Problem::new(Kind::Unavailable, busy);
    let place = state.control().upload(tenant).ok_or_else(busy)?;
    let bytes = take(request, most, limits::UPLOAD_TIME).await?;
    Ok((place, bytes))
}

/// Whether the media type of the body is `wanted`, parameters aside.
pub(crate) fn is_type(headers: &HeaderMap, wanted: &str) -> bool {
    let text = headers.get(header::CONTENT_TYPE);
    let text = text.and_then(|text| text.to_str().ok()).unwrap_or_default();
    let media = text.split(';').next().unwrap_or_default();
    media.trim().eq_ignore_ascii_case(wanted)
}

fn is_json(headers: &HeaderMap) -> bool {
    is_type(headers, "application/json")
}

fn not_json() -> Problem {
    let detail = "content-type must be application/json";
    Problem::new(Kind::UnsupportedMediaType, detail)
}
