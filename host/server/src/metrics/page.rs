//! The page: `GET /metrics` on a listener of its own, so that it can be kept from tenants.

use std::{sync::Arc, time::Duration};

use axum::{
    Router, extract::State, http::header::CONTENT_TYPE, response::IntoResponse, routing::get,
};
use tokio::net::TcpListener;

use super::{Metrics, Sources};
use crate::rest::{self, Door};

/// Connections at one time.
const CONNECTIONS: usize = 32;

/// How often samples are gathered into buckets, whether or not anybody reads the page: until then
/// each one takes memory.
const GATHER: Duration = Duration::from_secs(5);

/// Serves the page, and gathers samples, until the node drops it.
pub async fn serve(listener: TcpListener, metrics: Metrics, sources: Sources) {
    let router = Router::new()
        .route("/metrics", get(page))
        .with_state((metrics.clone(), Arc::new(sources)));
    tokio::select! {
        () = rest::attend(Door::new(listener, CONNECTIONS), router) => {}
        () = gather(&metrics) => {}
    }
}

async fn gather(metrics: &Metrics) {
    let Some(recorder) = &metrics.0.recorder else {
        return;
    };
    let handle = recorder.handle();
    loop {
        tokio::time::sleep(GATHER).await;
        handle.run_upkeep();
    }
}

async fn page(State((metrics, sources)): State<(Metrics, Arc<Sources>)>) -> impl IntoResponse {
    sources.sample(&metrics).await;
    let recorder = metrics.0.recorder.as_ref();
    let text = recorder.map_or_else(String::new, |recorder| recorder.handle().render());
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}
