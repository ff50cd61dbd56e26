//! The OpenAPI document, and a page for reading it that needs nothing from elsewhere.

use std::fmt::Write as _;

use axum::{
    Router,
    http::{HeaderValue, header},
    routing::get,
};
use bytes::Bytes;
use serde_json::{Value, json};
use utoipa::openapi::{
    Components, InfoBuilder, OpenApi, OpenApiBuilder, SecurityRequirement,
    security::{Http, HttpAuthScheme, SecurityScheme},
};

use crate::State;

const ABOUT: &str = "Telephone control for phone users, tenants and the platform team. Every error \
    is an RFC 9457 problem with a stable `code`. Lists take `limit` and `starting_after` and \
    answer `has_more`. Times are RFC 3339 in UTC.";

/// The document without paths.
pub(super) fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Jackfield")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT));
    let mut components = Components::new();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme("key", bearer);
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some([SecurityRequirement::new(
            "key",
            Vec::<String>::new(),
        )]))
        .build()
}

/// The document itself, and the page made of it.
pub(super) fn routes(document: OpenApi) -> Router<State> {
    // Both are the same for every request, so they are written once.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    complete(&mut document);
    let json = Bytes::from(format!("{document:#}"));
    let html = Bytes::from(page(&document));
    Router::new()
        .route(
            "/openapi.json",
            get(async || answer("application/json", json)),
        )
        .route(
            "/docs",
            get(async || answer("text/html; charset=utf-8", html)),
        )
}

fn answer(media: &'static str, bytes: Bytes) -> ([(header::HeaderName, HeaderValue); 2], Bytes) {
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media)),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(policy),
        ),
    ];
    (headers, bytes)
}

/// Says what is true of every route, and what the routes' own descriptions cannot say: a unique id,
/// the media type of problems, that unknown members are refused.
fn complete(document: &mut Value) {
    for (path, item) in members(&mut document["paths"]) {
        for (method, operation) in members(item) {
            operation["operationId"] = operation_id(method, path).into();
            for (status, response) in members(&mut operation["responses"]) {
                if response.get("description").is_none_or(|text| text == "") {
                    response["description"] = "Done".into();
                }
                let problem = matches!(status.as_str(), "default" | "503");
                if let Some(body) = response.pointer_mut("/content/application~1json")
                    && problem
                {
                    response["content"] = json!({"application/problem+json": body.take()});
                }
            }
        }
    }
    for (name, schema) in members(&mut document["components"]["schemas"]) {
        if name.starts_with("New") {
            schema["additionalProperties"] = false.into();
        }
    }
}

/// `get_api_v1_numbers_id`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |id, word| format!("{id}_{word}"))
}

fn members(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flatten()
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
    padding:0 1rem;color:#1f2328}code{font-family:ui-monospace,monospace}h2{margin-top:2.5rem}\
    dt{margin-top:1rem}dd{margin:0 0 0 5.5rem;color:#57606a}.m{display:inline-block;width:5rem;\
    font-weight:bold;color:#8250df}";

/// One page: every route by its tag.
fn page(document: &Value) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Jackfield API</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style>\
         <h1>Jackfield API</h1><p>{}</p><p>As OpenAPI 3.1: <a href=\"/openapi.json\">\
         <code>/openapi.json</code></a></p>\n",
        escape(ABOUT)
    );
    let mut tags: Vec<&str> = operations(document).map(|o| o.tag).collect();
    tags.sort_unstable();
    tags.dedup();
    for tag in tags {
        let _ = writeln!(html, "<h2>{}</h2><dl>", escape(tag));
        for operation in operations(document).filter(|operation| operation.tag == tag) {
            let _ = writeln!(
                html,
                "<dt><code><span class=\"m\">{}</span>{}</code></dt><dd>{}</dd>",
                operation.method.to_uppercase(),
                escape(operation.path),
                escape(&operation.words)
            );
        }
        html.push_str("</dl>\n");
    }
    html.push_str("</html>\n");
    html
}

struct Operation<'a> {
    tag: &'a str,
    method: &'a str,
    path: &'a str,
    words: String,
}

fn operations(document: &Value) -> impl Iterator<Item = Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| {
            let text = |name: &str| operation[name].as_str().unwrap_or_default();
            Operation {
                tag: operation["tags"][0].as_str().unwrap_or_default(),
                method,
                path,
                words: format!("{}. {}", text("summary"), text("description")),
            }
        })
    })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
