//! Serves REST.
//!
//! Owns the connections: how many there are, and that none is held by a peer that says nothing, or
//! takes nothing. And that a handler which changes something runs to its end: a client that goes away
//! must not stop it between its commit and the publication. Knows no route.
//!
//! | a peer | is cut off |
//! |---|---|
//! | that does not end the head of a request, or is idle between two | [`HEAD`] after the connection, or the last answer |
//! | that sends a body slowly | by the route: `api::limits::BODY_TIME`, `UPLOAD_TIME` |
//! | that does not take its answer | after [`STALL`] in which it took nothing |

mod door;
mod patient;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
pub use door::{Door, source};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use patient::Patient;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::oneshot,
    task::JoinSet,
};
use tower::ServiceExt;

use crate::metrics::Metrics;

/// Connections of the API at one time.
const CONNECTIONS: usize = 1_024;
/// How long the head of a request may take. The time between two requests counts, so a proxy must not
/// keep idle connections for longer.
const HEAD: Duration = Duration::from_secs(30);
/// How long a peer may take nothing of what it is sent.
const STALL: Duration = Duration::from_secs(30);
/// Octets of a head, and what is read at once of a body.
const HEAD_OCTETS: usize = 64 << 10;

/// Serves the API until it is dropped: while calls drain it is still wanted.
pub async fn serve(listener: TcpListener, router: Router, metrics: Metrics) {
    let door = Door::new(listener, CONNECTIONS);
    let door = door.shown_by(metrics.connections(), metrics.connections_closed());
    attend(door, to_the_end(router)).await;
}

/// Lets connections in and serves them, until it is dropped; so are they, then.
pub async fn attend(mut door: Door, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            (stream, place) = door.accept() => {
                let router = router.clone();
                connections.spawn(async move {
                    converse(stream, router).await;
                    drop(place);
                });
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// Serves one connection to its end.
async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, router: Router) {
    let service =
        service_fn(move |request: hyper::Request<Incoming>| router.clone().oneshot(request));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_OCTETS)
        .serve_connection(TokioIo::new(Patient::new(stream, STALL)), service)
        .await;
    if let Err(why) = served {
        tracing::debug!(%why, "a connection of the API has broken off");
    }
}

/// Handlers that change something; no more than there are connections.
type Handlers = Arc<Mutex<JoinSet<()>>>;

/// Lets every handler that changes something run to its end.
fn to_the_end(router: Router) -> Router {
    router.layer(middleware::from_fn_with_state(Handlers::default(), run))
}

async fn run(State(handlers): State<Handlers>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let (reply, answer) = oneshot::channel();
    let handler = async move {
        // The client may have gone.
        let _ = reply.send(next.run(request).await);
    };
    {
        let mut handlers = handlers.lock().unwrap_or_else(PoisonError::into_inner);
        while handlers.try_join_next().is_some() {}
        handlers.spawn(handler);
    }
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR.into_response();
    answer.await.unwrap_or_else(failed)
}
