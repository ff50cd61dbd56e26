//! How requests reach a store: HTTP over TLS that believes whom this machine believes.
//!
//! Owns the connections and their patience. A client of our own, since there is one way to do TLS in this
//! program, and it is chosen in `tls`.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, Error, connect},
    rt::{TokioExecutor, TokioTimer},
};
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
        HttpResponse, HttpResponseBody, HttpService,
    },
};

use tokio::time::{Sleep, sleep};

use crate::tls;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer may take to begin, the sending of a part included.
const ANSWER: Duration = Duration::from_secs(120);
/// How long each piece of an answer may take.
const PIECE: Duration = Duration::from_secs(30);
/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(30);

/// Makes the client.
#[derive(Debug)]
pub(super) struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let generic = |why: anyhow::Error| object_store::Error::Generic {
            store: "S3",
            source: why.into(),
        };
        let mut tcp = connect::HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls::plain_client().map_err(generic)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(https);
        Ok(HttpClient::new(Http(client)))
    }
}

/// The client.
#[derive(Debug)]
struct Http(Client<HttpsConnector<connect::HttpConnector>, HttpRequestBody>);

#[async_trait]
impl HttpService for Http {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = tokio::time::timeout(ANSWER, self.0.request(request)).await;
        let answer = answer.map_err(|late| HttpError::new(HttpErrorKind::Timeout, late))?;
        let (head, body) = answer.map_err(failed)?.into_parts();
        let body = Timed { body, late: None };
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)))
    }
}

/// What follows the head of an answer. A store that stalls in it fails it.
struct Timed {
    body: Incoming,
    /// Runs while the next piece is waited for.
    late: Option<Pin<Box<Sleep>>>,
}

impl Body for Timed {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(piece) = Pin::new(&mut self.body).poll_frame(context) {
            self.late = None;
            let interrupted = |why| HttpError::new(HttpErrorKind::Interrupted, why);
            return Poll::Ready(piece.map(|it| it.map_err(interrupted)));
        }
        let late = self.late.get_or_insert_with(|| Box::pin(sleep(PIECE)));
        ready!(late.as_mut().poll(context));
        let late = io::Error::from(io::ErrorKind::TimedOut);
        Poll::Ready(Some(Err(HttpError::new(HttpErrorKind::Timeout, late))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn failed(why: Error) -> HttpError {
    let kind = if why.is_connect() {
        HttpErrorKind::Connect
    } else {
        HttpErrorKind::Request
    };
    HttpError::new(kind, why)
}
