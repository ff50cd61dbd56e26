//! Serves REST.
//!
//! Owns the connections, and that a handler which changes something runs to its end: a client that
//! goes away must not stop it between its commit and the publication. Knows no route.

mod capped;

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use capped::Capped;
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

/// Connections at one time.
const CONNECTIONS: usize = 1_024;

/// Serves until it is dropped: while calls drain the API is still wanted.
pub async fn serve(listener: TcpListener, router: Router) {
    let listener = Capped::new(listener, CONNECTIONS);
    if let Err(error) = axum::serve(listener, to_the_end(router)).await {
        tracing::error!(%error, "the API has stopped");
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{Router, routing::post};
    use tokio::{io::AsyncWriteExt, net::TcpListener, sync::Semaphore};

    #[tokio::test]
    async fn a_handler_runs_to_its_end_though_its_client_is_gone() {
        let (begun, go, ended) = (
            Arc::new(Semaphore::new(0)),
            Arc::new(Semaphore::new(0)),
            Arc::new(Semaphore::new(0)),
        );
        let (b, g, e) = (begun.clone(), go.clone(), ended.clone());
        let handler = async move || {
            b.add_permits(1);
            g.acquire().await.unwrap().forget();
            e.add_permits(1);
        };
        let router = Router::new().route("/", post(handler));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let work = async {
            let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
            let request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
            client.write_all(request).await.unwrap();
            begun.acquire().await.unwrap().forget();
            drop(client);
            // The server sees the end of the connection before the handler goes on.
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
            go.add_permits(1);
            ended.acquire().await.unwrap().forget();
        };
        tokio::select! {
            () = super::serve(listener, router) => {}
            () = work => {}
        }
    }
}
