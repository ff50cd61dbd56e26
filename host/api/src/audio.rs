//! Audio as an answer: a file or a part of it (RFC 9110 §13, §14).
//!
//! Owns what a client may ask of a file: one range, and only if the file is still the one that it knows.
//! Several ranges, other units and what cannot be read are answered with the whole file, as the RFC
//! allows. Reads nothing itself: pieces come from the node as the client takes them.

#[cfg(test)]
mod tests;

use std::ops::Range;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use model::TenantId;

use crate::{
    AudioFile, Control,
    problem::{Kind, Problem},
};

/// How audio is kept, whatever it was made from.
const WAV: &str = "audio/wav";

/// A file of audio that never changes.
pub(crate) struct Kept {
    /// Which.
    pub(crate) file: AudioFile,
    /// How long it is.
    pub(crate) octets: u64,
    /// A strong entity tag: another one means other octets.
    pub(crate) tag: String,
}

/// What is asked of a file.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(Range<u64>),
    /// Nothing: the client has it.
    Nothing,
    /// A part that there is not.
    Beyond,
}

impl Kept {
    /// What the client asked for of it.
    pub(crate) async fn answer(
        self,
        control: &Control,
        tenant: TenantId,
        headers: &HeaderMap,
    ) -> Result<Response, Problem> {
        let octets = self.octets;
        let (status, part) = match asked(headers, octets, &self.tag) {
            Asked::Whole => (StatusCode::OK, 0..octets),
            Asked::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
            Asked::Nothing => {
                let tag = [(header::ETAG, value(self.tag))];
                return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
            }
            Asked::Beyond => {
                let problem = Problem::new(
                    Kind::RangeNotSatisfiable,
                    format!("the file has {octets} octets"),
                );
                let range = [(header::CONTENT_RANGE, value(format!("bytes */{octets}")))];
                return Ok((range, problem).into_response());
            }
        };
        let audio = control.audio(tenant, self.file, part.clone()).await?;
        let away = || Problem::new(Kind::Unavailable, "the audio cannot be read now");
        let audio = audio.ok_or_else(away)?;
        let mut response = (status, Body::from_stream(audio.0)).into_response();
        let told = response.headers_mut();
        let mut tell = |name: HeaderName, text: String| told.insert(name, value(text));
        tell(header::CONTENT_TYPE, WAV.to_owned());
        tell(header::ACCEPT_RANGES, "bytes".to_owned());
        tell(header::ETAG, self.tag);
        tell(header::CONTENT_LENGTH, (part.end - part.start).to_string());
        if status == StatusCode::PARTIAL_CONTENT {
            let range = format!("bytes {}-{}/{octets}", part.start, part.end - 1);
            tell(header::CONTENT_RANGE, range);
        }
        Ok(response)
    }
}

/// Texts of ours: numbers, ids and digests.
fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn asked(headers: &HeaderMap, octets: u64, tag: &str) -> Asked {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(known) = text(header::IF_NONE_MATCH) {
        let mut known = known.split(',').map(str::trim);
        // Compared weakly (RFC 9110 §13.1.2).
        if known.any(|it| it == "*" || it.strip_prefix("W/").unwrap_or(it) == tag) {
            return Asked::Nothing;
        }
    }
    // A date proves nothing: these files have none that is strong (RFC 9110 §13.1.5).
    if text(header::IF_RANGE).is_some_and(|known| known != tag) {
        return Asked::Whole;
    }
    let range = text(header::RANGE).and_then(|range| range.strip_prefix("bytes="));
    range.map_or(Asked::Whole, |range| part(range, octets))
}

/// One range (RFC 9110 §14.1.2).
fn part(range: &str, octets: u64) -> Asked {
    let Some((first, last)) = range.trim().split_once('-') else {
        return Asked::Whole;
    };
    // More digits than a number has are beyond every file.
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let (first, last) = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => (first, last),
        (Some(first), None) if last.is_empty() => (first, u64::MAX),
        (None, Some(0)) if first.is_empty() => return Asked::Beyond,
        (None, Some(count)) if first.is_empty() => (octets.saturating_sub(count), u64::MAX),
        _ => return Asked::Whole,
    };
    if first >= octets {
        return Asked::Beyond;
    }
    Asked::Part(first..last.saturating_add(1).min(octets))
}
