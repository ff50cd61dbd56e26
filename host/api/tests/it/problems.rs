//! Bodies, queries and paths that are wrong, and how they are told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use crate::harness::{Answered, Api, PLATFORM_KEY, Tenant};

const NUMBERS: &str = "/api/v1/numbers";

async fn raw(api: &Api, tenant: &Tenant, media: &str, body: impl Into<Body>) -> Answered {
    let request = Request::post(NUMBERS)
        .header("authorization", format!("Bearer {}", tenant.key))
        .header("content-type", media)
        .body(body.into());
    api.send(request.unwrap()).await
}

#[tokio::test]
async fn malformed_json_is_400() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    for body in [
        "",
        "{",
        "{\"a\":1}x",
        "{'a':1}",
        "\u{feff}{}",
        "nul",
        "{\"a\":\"\\ud800\"}",
    ] {
        let answer = raw(&api, &tenant, "application/json", body).await;
        answer.problem(400, "invalid-json");
    }
    let answer = raw(
        &api,
        &tenant,
        "application/json",
        b"{\"a\":\"\xff\"}".to_vec(),
    )
    .await;
    answer.problem(400, "invalid-json");
    let deep = format!("{}1{}", "[".repeat(33), "]".repeat(33));
    let answer = raw(&api, &tenant, "application/json", deep).await;
    let problem = answer.problem(400, "invalid-json");
    assert!(
        problem["detail"].as_str().unwrap().contains("32 levels"),
        "{problem}"
    );
}

#[tokio::test]
async fn another_content_type_is_415() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let body = r#"{"number":"2001","plugin":"makecall"}"#;
    for media in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "",
        "application/jsonp",
    ] {
        let answer = raw(&api, &tenant, media, body).await;
        answer.problem(415, "unsupported-media-type");
    }
    let answer = raw(&api, &tenant, "Application/JSON; charset=utf-8", body).await;
    answer.expect(201);
}

#[tokio::test]
async fn a_body_over_its_limit_is_413_with_and_without_a_length() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let exact = format!("\"{}\"", "x".repeat(api::limits::BODY - 2));
    let answer = raw(&api, &tenant, "application/json", exact.clone()).await;
    answer.problem(422, "invalid-body");
    let answer = raw(&api, &tenant, "application/json", format!("{exact} ")).await;
    answer.problem(413, "too-large");
    let chunk = |_| Ok::<_, std::io::Error>(vec![b' '; 4096]);
    let chunks = futures_util::stream::iter((0..17).map(chunk));
    let answer = raw(&api, &tenant, "application/json", Body::from_stream(chunks)).await;
    answer.problem(413, "too-large");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let asked = Arc::new(AtomicBool::new(false));
    let seen = asked.clone();
    let never = futures_util::stream::poll_fn(move |_| {
        seen.store(true, Ordering::Relaxed);
        Poll::<Option<std::io::Result<Vec<u8>>>>::Pending
    });
    let late = async {
        while !asked.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        tokio::time::pause();
        tokio::time::advance(api::limits::BODY_TIME).await;
    };
    let request = raw(&api, &tenant, "application/json", Body::from_stream(never));
    let (answer, ()) = tokio::join!(request, late);
    answer.problem(408, "too-slow");
}

#[tokio::test]
async fn every_wrong_member_is_named_by_its_pointer() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let check = async |path: &str, body: Value, pointers: &[&str]| {
        let answer = api.post(path, &tenant.key, body.clone()).await;
        answer.problem(422, "invalid-body");
        assert_eq!(answer.pointers(), pointers, "{body}");
    };
    check(NUMBERS, json!([]), &["#"]).await;
    check(NUMBERS, json!({}), &["#/number", "#/plugin"]).await;
    let body = json!({"number": 2001, "plugin": "makecall", "a/b~": 1});
    check(NUMBERS, body, &["#/number", "#/a~1b~0"]).await;
    let body = json!({"number": "20 01", "plugin": "../x"});
    check(NUMBERS, body, &["#/number", "#/plugin"]).await;
    let body = json!({"number": "2001\r\nX: y", "plugin": "makecall"});
    check(NUMBERS, body, &["#/number"]).await;
    let body = json!({"number": "2001", "plugin": "nope"});
    check(NUMBERS, body, &["#/plugin"]).await;

    let trunks = "/api/v1/trunks";
    let body = json!({"name": 1, "address": "carrier", "transport": "sctp",
                      "accept_from": ["127.0.0.1/32", "x", 7], "trust_identity": "yes",
                      "prefixes": "49"});
    let pointers = [
        "#/name",
        "#/transport",
        "#/address",
        "#/accept_from/1",
        "#/accept_from/2",
        "#/trust_identity",
        "#/prefixes",
    ];
    check(trunks, body, &pointers).await;
    let body = json!({"name": "c", "address": "0.0.0.0:5060", "accept_from": null});
    check(trunks, body, &["#/address", "#/accept_from"]).await;
    let body = json!({"name": "c", "address": "192.0.2.1", "accept_from": [], "gateways": [
        {"address": "192.0.2.2", "priority": 65_536, "weight": -1, "port": 5060}, 7, {}]});
    let pointers = [
        "#/gateways/0/priority",
        "#/gateways/0/weight",
        "#/gateways/0/port",
        "#/gateways/1",
        "#/gateways/2/address",
    ];
    check(trunks, body, &pointers).await;
    let body = json!({"name": "c", "address": "192.0.2.1", "accept_from": [],
                      "auth": {"user": "", "realm": "x"}});
    let pointers = ["#/auth/user", "#/auth/password", "#/auth/realm"];
    check(trunks, body, &pointers).await;
    let body = json!({"name": "c", "address": "192.0.2.1", "accept_from": [], "auth": "x",
                      "health": {"interval": 4}, "max_calls": 0, "calls_per_second": -1});
    let pointers = [
        "#/auth",
        "#/health/interval",
        "#/max_calls",
        "#/calls_per_second",
    ];
    check(trunks, body, &pointers).await;
    let body = json!({"name": "c", "address": "192.0.2.1", "accept_from": [], "transport": "tls",
                      "register": {"user": "", "registrar": "sip:example.com", "expires": 59,
                                   "realm": "x"}});
    let pointers = [
        "#/register/user",
        "#/register/password",
        "#/register/registrar",
        "#/register/expires",
        "#/register/realm",
    ];
    check(trunks, body, &pointers).await;
    let many = vec![json!({"address": "192.0.2.2"}); 16];
    let body = json!({"name": "c", "address": "192.0.2.1", "accept_from": [], "gateways": many});
    check(trunks, body, &["#/gateways"]).await;

    let phones = "/api/v1/phones";
    check(phones, json!({"user": "1001"}), &["#/password"]).await;
    let body = json!({"user": "1001", "password": "x", "address": "127.0.0.1:5071"});
    check(phones, body, &["#/password"]).await;
    let body = json!({"user": "1001", "address": "127.0.0.1:0"});
    check(phones, body, &["#/address"]).await;
}

#[tokio::test]
async fn a_member_that_stands_there_twice_is_named() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let body = r#"{"number":"2001","plugin":"makecall","number":"2002"}"#;
    let answer = raw(&api, &tenant, "application/json", body).await;
    answer.problem(422, "invalid-body");
    assert_eq!(answer.pointers(), ["#/number"]);
}

/// Every body here is wrong in as many places, or under as long a name, as its limit allows.
#[tokio::test]
async fn the_answer_to_a_hostile_body_is_smaller_than_the_body_may_be() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let most = api::limits::BODY;
    let unknown: Vec<String> = (0..7000).map(|n| format!("\"{n:04}\":1")).collect();
    let long = "\\u0000".repeat(4_500);
    let bodies = [
        format!("{{{}}}", unknown.join(",")),
        format!("[{}\"\"]", "\"\\n\",".repeat(12_000)),
        format!("{{\"{}\":[{}1]}}", "x".repeat(30_000), "1,".repeat(16_000)),
        format!(
            "{{\"{}\":[{}1]}}",
            "x".repeat(30_000),
            "\"\\n\",".repeat(6_000)
        ),
        format!("{{\"{long}\":1,\"{long}\":\"\\n\"}}"),
        format!(
            "{{\"number\":\"{}\",\"plugin\":1}}",
            "\\u0001".repeat(10_000)
        ),
    ];
    for body in bodies {
        assert!(
            body.len() <= most && body.len() > most / 2,
            "{}",
            body.len()
        );
        let answer = raw(&api, &tenant, "application/json", body).await;
        answer.problem(422, "invalid-body");
        assert!(answer.text.len() < most, "{} octets", answer.text.len());
        assert!(answer.pointers().len() <= api::limits::FAULTS);
    }
    let body =
        json!({"name": "c", "address": "192.0.2.1", "accept_from": vec!["\u{1}".repeat(600); 15]});
    let answer = api.post("/api/v1/trunks", &tenant.key, body).await;
    answer.problem(422, "invalid-body");
    assert!(answer.text.len() < most, "{} octets", answer.text.len());
}

#[tokio::test]
async fn a_wrong_query_is_400_and_names_the_parameter() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    for (query, pointer) in [
        ("limit=0", "#/limit"),
        ("limit=101", "#/limit"),
        ("limit=x", "#/limit"),
        ("limit=1&limit=2", "#/limit"),
        ("starting_after=nope", "#/starting_after"),
        ("offset=3", "#/offset"),
    ] {
        let answer = api.get(&format!("{NUMBERS}?{query}"), &tenant.key).await;
        answer.problem(400, "invalid-query");
        assert_eq!(answer.pointers(), [pointer], "{query}");
    }
    for query in ["from=yesterday", "call_id=ses_1", "caller=1"] {
        let answer = api.get(&format!("/api/v1/cdrs?{query}"), &tenant.key).await;
        answer.problem(400, "invalid-query");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let api = Api::new().await;
    for path in [
        "/",
        "/api",
        "/api/v1/nope",
        "/api/v1/numbers/",
        "/api/user/1001",
    ] {
        api.get(path, PLATFORM_KEY).await.problem(404, "not-found");
    }
    let answer = api.call("PATCH", NUMBERS, PLATFORM_KEY, Value::Null).await;
    answer.problem(405, "method-not-allowed");
    let allow = answer.headers["allow"].to_str().unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    let answer = api.call("DELETE", "/openapi.json", "", Value::Null).await;
    answer.problem(405, "method-not-allowed");
}

#[tokio::test]
async fn what_is_no_id_is_an_unknown_one() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    for path in [
        "/api/v1/numbers/1",
        "/api/v1/numbers/trk_01HZZZZZZZZZZZZZZZZZZZZZZZ",
        "/api/v1/calls/%ff/trace",
        "/api/v1/plugins/..%2f/activation",
        "/api/v1/plugins/Makecall",
    ] {
        api.get(path, &tenant.key).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_503() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    api.store.close().await;
    let answer = api.get(NUMBERS, &tenant.key).await;
    answer.problem(503, "unavailable");
    assert_eq!(answer.headers["retry-after"], "1");
    let ready = api.get("/readyz", "").await;
    assert_eq!(
        ready.problem(503, "unavailable")["detail"],
        "the store cannot answer now"
    );
    api.get("/livez", "").await.expect(200);
}

#[tokio::test]
async fn a_node_that_drains_is_not_ready() {
    let api = Api::new().await;
    api.get("/readyz", "").await.expect(200);
    api.drain.send(true).unwrap();
    let ready = api.get("/readyz", "").await;
    assert_eq!(
        ready.problem(503, "unavailable")["detail"],
        "the node drains"
    );
    api.get("/livez", "").await.expect(200);
}

#[tokio::test]
async fn answers_are_neither_sniffed_nor_cached() {
    let api = Api::new().await;
    let answer = api.get("/livez", "").await;
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert!(answer.headers.contains_key("x-request-id"));
}
