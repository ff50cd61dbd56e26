//! A node's REST, as a tenant's key reaches it.
//!
//! Owns addresses, the key and what is said of refusals. Knows no plugin.

use anyhow::{Context, bail};
use clap::Args;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;

/// Where the node is, who asks, and for whom the answer is.
#[derive(Args, Debug)]
pub struct Server {
    /// The node's REST, as http://HOST:PORT.
    #[arg(
        long = "server",
        env = "JACKFIELD_SERVER",
        default_value = "http://127.0.0.1:8080"
    )]
    address: String,
    /// A key of the tenant with the scope `developer` (`read` to look only).
    #[arg(long, env = "JACKFIELD_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Write JSON, as the node answered it.
    #[arg(long)]
    json: bool,
}

impl Server {
    /// The way there.
    pub(crate) fn remote(self) -> anyhow::Result<Remote> {
        let key = self
            .key
            .context("no key: give --key, or set JACKFIELD_KEY to a key of the tenant")?;
        if !self.address.starts_with("http://") {
            let server = &self.address;
            bail!(
                "--server {server}: this command speaks http:// only; name the node itself, or a tunnel to it"
            );
        }
        Ok(Remote {
            base: self.address.trim_end_matches('/').to_owned(),
            key,
            client: Client::new(),
            json: self.json,
        })
    }
}

/// A node, with a key.
pub(crate) struct Remote {
    base: String,
    key: String,
    client: Client,
    /// Answers are shown as they came.
    pub(crate) json: bool,
}

impl Remote {
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.value(self.request(Method::GET, path)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.value(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn post(&self, path: &str) -> anyhow::Result<Value> {
        self.value(self.request(Method::POST, path)).await
    }

    /// Sends octets of that media type.
    pub(crate) async fn upload(
        &self,
        path: &str,
        kind: &str,
        octets: Vec<u8>,
    ) -> anyhow::Result<Value> {
        let request = self.request(Method::POST, path).body(octets);
        self.value(request.header("content-type", kind)).await
    }

    /// Asks for server-sent events behind that id.
    pub(crate) async fn events(&self, path: &str, after: u64) -> anyhow::Result<Response> {
        let request = self.request(Method::GET, path);
        let request = request.header("accept", "text/event-stream");
        self.send(request.header("last-event-id", after)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        request
            .bearer_auth(&self.key)
            .header("accept", "application/json")
    }

    async fn value(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let answer = self.send(request).await?;
        let text = answer.text().await.context("the answer broke off")?;
        serde_json::from_str(&text).context("the answer is no JSON: is this a node?")
    }

    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let base = &self.base;
        let sent = request.send().await;
        let answer = sent.with_context(|| format!("{base} cannot be reached"))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.text().await.unwrap_or_default();
        bail!("{base} answered {}: {}", status.as_u16(), reason(&text));
    }
}

/// What a problem says, wrong members included; the text itself if it is none.
fn reason(text: &str) -> String {
    let Ok(problem) = serde_json::from_str::<Value>(text) else {
        return model::brief(text, 200);
    };
    let member = |name: &str| problem[name].as_str().unwrap_or_default();
    let told = match (member("detail"), member("title")) {
        ("", title) => title.to_owned(),
        (detail, _) => detail.to_owned(),
    };
    let wrong = problem["errors"].as_array().into_iter().flatten();
    let wrong = wrong.map(|wrong| {
        let part = |name: &str| wrong[name].as_str().unwrap_or_default();
        format!("; {}: {}", part("pointer"), part("detail"))
    });
    told + &wrong.collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn a_refusal_is_told_with_its_wrong_members() {
        let problem = r##"{"title": "Not valid", "detail": "the body will not do",
                          "errors": [{"pointer": "#/version", "detail": "is no number"}]}"##;
        assert_eq!(
            reason(problem),
            "the body will not do; #/version: is no number"
        );
        assert_eq!(reason(r#"{"title": "Unauthorized"}"#), "Unauthorized");
        assert_eq!(reason("<html>"), "<html>");
    }
}
