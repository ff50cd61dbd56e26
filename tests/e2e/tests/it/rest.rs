//! REST as a client sees it: method, path, key, JSON in, status and JSON out.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// How long an answer may take; the API itself gives up after 5 s.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an idle connection is used again; the server cuts it after 30 s, and nobody polls this
/// client meanwhile.
const IDLE: Duration = Duration::from_secs(15);

/// A client with one key.
pub(crate) struct Rest {
    base: String,
    pub(crate) key: String,
    client: reqwest::Client,
    runtime: Runtime,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Null if there was no body, a string if it was no JSON.
    pub(crate) body: Value,
}

impl Rest {
    pub(crate) fn new(server: SocketAddr, key: &str) -> Self {
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .pool_idle_timeout(IDLE)
            .build();
        let runtime = Builder::new_current_thread().enable_all().build();
        Self {
            base: format!("http://{server}"),
            key: key.to_owned(),
            client: client.expect("a plain client needs nothing of the system"),
            runtime: runtime.expect("a runtime for one thread"),
        }
    }

    /// The same key at another server.
    pub(crate) fn at(&self, server: SocketAddr) -> Self {
        Self::new(server, &self.key)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(path, self.request(Method::GET, path))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(path, self.request(Method::POST, path).json(body))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(path, self.request(Method::PUT, path).json(body))
    }

    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send(path, self.request(Method::DELETE, path))
    }

    /// Posts whatever bytes, as that media type.
    pub(crate) fn post_bytes(&self, path: &str, media: &str, body: Vec<u8>) -> Answer {
        let request = self.request(Method::POST, path);
        self.send(path, request.header("content-type", media).body(body))
    }

    /// The same with PUT.
    pub(crate) fn put_bytes(&self, path: &str, media: &str, body: Vec<u8>) -> Answer {
        let request = self.request(Method::PUT, path);
        self.send(path, request.header("content-type", media).body(body))
    }

    /// A file; the test ends here if there is none.
    pub(crate) fn file(&self, path: &str) -> Vec<u8> {
        let request = self.request(Method::GET, path);
        let file = self.runtime.block_on(async {
            let response = request.send().await?.error_for_status()?;
            Ok::<_, reqwest::Error>(response.bytes().await?.to_vec())
        });
        file.unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }

    /// The status of a request for some octets of a file, and what came.
    pub(crate) fn part(&self, path: &str, range: &str) -> (u16, Vec<u8>) {
        let request = self.request(Method::GET, path).header("range", range);
        let part = self.runtime.block_on(async {
            let response = request.send().await?;
            let status = response.status().as_u16();
            Ok::<_, reqwest::Error>((status, response.bytes().await?.to_vec()))
        });
        part.unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }

    /// Uploads a component.
    pub(crate) fn upload(&self, path: &str, component: Vec<u8>) -> Answer {
        self.post_bytes(path, "application/wasm", component)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.key)
            .header("accept", "application/json")
    }

    fn send(&self, path: &str, request: RequestBuilder) -> Answer {
        let answer = self.runtime.block_on(async {
            let response = request.send().await?;
            let status = response.status().as_u16();
            let text = response.text().await?;
            let body = match text.as_str() {
                "" => Value::Null,
                text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
            };
            Ok::<_, reqwest::Error>(Answer { status, body })
        });
        answer.unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }
}

impl Answer {
    /// The body, if the status is `status`; otherwise the test ends here.
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        self.body
    }
}
