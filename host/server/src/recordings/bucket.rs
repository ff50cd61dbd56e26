//! A store that speaks as much of S3 as the archive asks for, and fails as it is told to: for tests.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Query, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use tokio::{net::TcpListener, task::JoinSet};

use super::archive::Archive;
use crate::config;

/// The id of its one key.
const KEY: &str = "fake";

/// A running store; it ends when it is dropped.
pub(super) struct Bucket {
    address: String,
    shared: Shared,
    _server: JoinSet<()>,
}

type Shared = Arc<Mutex<Objects>>;

/// What it has, and how it behaves.
#[derive(Default)]
pub(super) struct Objects {
    /// By name.
    pub(super) all: BTreeMap<String, Vec<u8>>,
    uploads: BTreeMap<String, BTreeMap<u32, Bytes>>,
    /// It is away: everything is answered with 503.
    pub(super) away: bool,
    /// What it keeps lacks an octet.
    pub(super) spoils: bool,
    /// This part of an upload is never answered.
    pub(super) stalls_at: Option<u32>,
    /// What is read from it stops halfway, and nothing follows.
    pub(super) stalls_reading: bool,
    /// Whether a request has stalled.
    pub(super) stalled: bool,
}

impl Bucket {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let shared = Shared::default();
        let router = Router::new()
            .fallback(serve)
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&shared));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            shared,
            _server: server,
        }
    }

    /// An archive in it, whose objects begin with `p/`.
    pub(super) fn archive(&self) -> Archive {
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let bucket = config::Archive::Bucket {
            name: "calls".into(),
            prefix: "p".into(),
            settings: vec![
                setting("AWS_ENDPOINT_URL_S3", &self.address),
                setting("AWS_REGION", "eu-central-1"),
                setting("AWS_ACCESS_KEY_ID", KEY),
                setting("AWS_SECRET_ACCESS_KEY", "secret"),
            ],
        };
        Archive::open(bucket).unwrap()
    }

    pub(super) fn objects(&self) -> MutexGuard<'_, Objects> {
        lock(&self.shared)
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, Objects> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(
    State(shared): State<Shared>,
    (method, uri): (Method, Uri),
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name| headers.get(name).and_then(|it| it.to_str().ok());
    let signed = format!("AWS4-HMAC-SHA256 Credential={KEY}/");
    if !text(header::AUTHORIZATION).is_some_and(|it| it.starts_with(&signed)) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let part: Option<u32> = query.get("partNumber").and_then(|it| it.parse().ok());
    if part.is_some() && part == lock(&shared).stalls_at {
        lock(&shared).stalled = true;
        std::future::pending::<()>().await;
    }
    let mut objects = lock(&shared);
    if objects.away {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let name = uri.path().strip_prefix("/calls/").unwrap_or_default();
    let upload = query.get("uploadId");
    match (method, upload, part) {
        (Method::PUT, Some(upload), Some(part)) => {
            let upload = objects.uploads.entry(upload.clone()).or_default();
            upload.insert(part, body);
            [(header::ETAG, "\"part\"")].into_response()
        }
        (Method::POST, None, _) if query.contains_key("uploads") => {
            let id = format!("upload{}", objects.uploads.len());
            objects.uploads.insert(id.clone(), BTreeMap::new());
            tagged("InitiateMultipartUploadResult", "UploadId", &id)
        }
        (Method::POST, Some(upload), _) => {
            let parts = objects.uploads.remove(upload).unwrap_or_default();
            let whole: Vec<Bytes> = parts.into_values().collect();
            objects.put(name, whole.concat());
            tagged("CompleteMultipartUploadResult", "ETag", "whole")
        }
        (Method::DELETE, Some(upload), _) => {
            objects.uploads.remove(upload);
            StatusCode::NO_CONTENT.into_response()
        }
        (Method::PUT, None, _) => {
            objects.put(name, body.into());
            [(header::ETAG, "\"whole\"")].into_response()
        }
        (Method::DELETE, None, _) => {
            objects.all.remove(name);
            StatusCode::NO_CONTENT.into_response()
        }
        (Method::GET, None, _) => match objects.all.get(name) {
            Some(object) if objects.stalls_reading => {
                let (octets, half) = (object.len(), object[..object.len() / 2].to_vec());
                objects.stalled = true;
                half_of(octets, half)
            }
            Some(object) => get(object, text(header::RANGE)),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        _ => StatusCode::BAD_REQUEST.into_response(),
    }
}

impl Objects {
    fn put(&mut self, name: &str, mut octets: Vec<u8>) {
        if self.spoils {
            octets.pop();
        }
        self.all.insert(name.to_owned(), octets);
    }

    /// Uploads that were begun and neither completed nor given up.
    pub(super) fn open(&self) -> usize {
        self.uploads.len()
    }
}

fn tagged(outer: &str, inner: &str, value: &str) -> Response {
    format!("<{outer}><{inner}>{value}</{inner}></{outer}>").into_response()
}

fn half_of(octets: usize, half: Vec<u8>) -> Response {
    let about = [
        (header::ETAG, "\"whole\"".to_owned()),
        (
            header::LAST_MODIFIED,
            "Fri, 24 Jul 2026 08:00:00 GMT".to_owned(),
        ),
        (header::CONTENT_LENGTH, octets.to_string()),
    ];
    let half = stream::iter([Ok::<_, Infallible>(half)]).chain(stream::pending());
    (about, Body::from_stream(half)).into_response()
}

fn get(object: &[u8], range: Option<&str>) -> Response {
    let about = [
        (header::ETAG, "\"whole\""),
        (header::LAST_MODIFIED, "Fri, 24 Jul 2026 08:00:00 GMT"),
    ];
    let bounds = range.and_then(|it| it.strip_prefix("bytes=")?.split_once('-'));
    let Some((first, last)) = bounds else {
        return (about, object.to_vec()).into_response();
    };
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
    let octets = object.len();
    let range = [(
        header::CONTENT_RANGE,
        format!("bytes {first}-{last}/{octets}"),
    )];
    let part = Body::from(object[first..=last].to_vec());
    (StatusCode::PARTIAL_CONTENT, about, range, part).into_response()
}
