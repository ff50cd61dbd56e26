//! Plugins: upload, activation, settings, logs.

use std::task::Poll;

use axum::{
    body::Body,
    http::{Request, header},
};
use futures_util::StreamExt;
use model::{LogLevel, LogLine};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::{Api, Tenant};

const LOGS: &str = "/api/v1/plugins/makecall/logs";

#[tokio::test]
async fn an_upload_becomes_the_next_version_and_is_not_active() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let made = api
        .upload("mine", &tenant.key, b"\0asm one".to_vec())
        .await
        .expect(201);
    assert_eq!(
        (&made["plugin"], &made["version"]),
        (&json!("mine"), &json!(1))
    );
    assert!(made["digest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(made["imports"], json!(["jackfield:policy/call@0.1.0"]));
    assert_eq!(
        made["exports"],
        json!(["jackfield:policy/call-events@0.1.0"])
    );
    assert_eq!(
        (&made["size"], &made["built_in"]),
        (&json!(8), &json!(false))
    );
    let second = api
        .upload("mine", &tenant.key, b"\0asm two".to_vec())
        .await
        .expect(201);
    assert_eq!(second["version"], 2);
    let listed = api
        .get("/api/v1/plugins/mine/versions", &tenant.key)
        .await
        .expect(200);
    assert_eq!(listed, json!({"data": [second, made], "has_more": false}));
    let plugin = api
        .get("/api/v1/plugins/mine", &tenant.key)
        .await
        .expect(200);
    assert_eq!(
        plugin,
        json!({"name": "mine", "newest_version": 2, "activation": null})
    );
    let none = api
        .get("/api/v1/plugins/mine/activation", &tenant.key)
        .await;
    none.problem(404, "not-found");
}

#[tokio::test]
async fn an_upload_tells_what_it_can_do_otherwise_than_the_active_version() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let (imports, exports) = (vec!["old".to_owned()], vec!["kept".to_owned()]);
    let old = store::NewVersion {
        digest: "sha256:old".into(),
        imports,
        exports,
        bytes: vec![1],
    };
    let made = api.store.create_version(tenant.id, "mine", &old, 1).await;
    assert_eq!(made.unwrap().version, 1);
    let path = "/api/v1/plugins/mine/activation";
    let body = json!({"version": 1});
    api.call("PUT", path, &tenant.key, body).await.expect(200);
    let new = api.upload("mine", &tenant.key, b"\0asm new".to_vec());
    assert_eq!(
        new.await.expect(201)["difference"],
        json!({
            "version": 1,
            "imports_gained": ["jackfield:policy/call@0.1.0"], "imports_lost": ["old"],
            "exports_gained": ["jackfield:policy/call-events@0.1.0"], "exports_lost": ["kept"],
        })
    );
}

#[tokio::test]
async fn an_upload_that_is_no_policy_is_refused_in_the_words_of_the_check() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let answer = api.upload("mine", &tenant.key, b"#!/bin/sh".to_vec()).await;
    let problem = answer.problem(422, "plugin-refused");
    assert_eq!(
        problem["detail"],
        "not a component: it does not begin with \\0asm"
    );
    api.get("/api/v1/plugins/mine", &tenant.key)
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn an_upload_has_a_name_a_type_and_a_limit() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    for name in ["Mine", "1x", "a%20b", &"x".repeat(65)] {
        let answer = api.upload(name, &tenant.key, b"\0asm".to_vec()).await;
        answer.problem(422, "invalid-body");
    }
    let mut most = b"\0asm".to_vec();
    most.resize(2 << 20, 0);
    api.upload("mine", &tenant.key, most.clone())
        .await
        .expect(201);
    most.push(0);
    api.upload("mine", &tenant.key, most)
        .await
        .problem(413, "too-large");
    let path = "/api/v1/plugins/mine/versions";
    let answer = api.post(path, &tenant.key, json!({})).await;
    answer.problem(415, "unsupported-media-type");
}

#[tokio::test]
async fn a_version_is_activated_and_rolled_back() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    api.upload("makecall", &tenant.key, b"\0asm mine".to_vec())
        .await
        .expect(201);
    let path = "/api/v1/plugins/makecall/activation";
    let put = async |body: Value| api.call("PUT", path, &tenant.key, body).await;
    let body = json!({"version": 2, "percent": 100, "shadow": false});
    let active = put(body).await.expect(200);
    assert_eq!(
        (&active["version"], &active["previous_version"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(
        (&active["percent"], &active["shadow"]),
        (&json!(100), &Value::Null)
    );
    assert_eq!(api.get(path, &tenant.key).await.expect(200), active);
    put(json!({"version": 3})).await.problem(404, "not-found");

    let rollback = "/api/v1/plugins/makecall/rollback";
    let back = api
        .post(rollback, &tenant.key, Value::Null)
        .await
        .expect(200);
    assert_eq!(back["version"], 1);
    assert_eq!(api.shards.lock().unwrap().changed, [tenant.id; 3]);

    api.upload("mine", &tenant.key, b"\0asm mine".to_vec())
        .await
        .expect(201);
    let nothing = api
        .post("/api/v1/plugins/mine/rollback", &tenant.key, Value::Null)
        .await;
    nothing.problem(409, "conflict");
}

#[tokio::test]
async fn a_share_of_new_sessions_is_tried_and_promoted() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    api.upload("makecall", &tenant.key, b"\0asm mine".to_vec())
        .await
        .expect(201);
    let path = "/api/v1/plugins/makecall/activation";
    let put = async |body: Value| api.call("PUT", path, &tenant.key, body).await;
    let tried = put(json!({"version": 2, "percent": 10})).await.expect(200);
    let shares = json!([{"version": 2, "percent": 10}, {"version": 1, "percent": 90}]);
    assert_eq!(tried["shares"], shares);
    assert_eq!(
        [
            &tried["version"],
            &tried["percent"],
            &tried["previous_version"]
        ],
        [2, 10, 1]
    );
    assert_eq!(tried["since"], "2026-07-24T08:00:00.000Z");
    let plugins = api.get("/api/v1/plugins", &tenant.key).await.expect(200);
    assert_eq!(plugins["data"][0]["activation"], tried);
    let active = put(json!({"version": 1, "percent": 50})).await;
    active.problem(409, "conflict");
    let promoted = put(json!({"version": 2})).await.expect(200);
    assert_eq!(promoted["shares"], json!([{"version": 2, "percent": 100}]));
    assert_eq!(promoted["previous_version"], 1);
}

#[tokio::test]
async fn a_shadow_runs_along_until_something_is_activated() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    api.upload("makecall", &tenant.key, b"\0asm mine".to_vec())
        .await
        .expect(201);
    let path = "/api/v1/plugins/makecall/activation";
    let put = async |body: Value| api.call("PUT", path, &tenant.key, body).await;
    let beside = put(json!({"version": 2, "shadow": true})).await.expect(200);
    let shadow = json!({"version": 2, "sessions": 0, "turns": 0, "differ": 0, "unknown": 0});
    assert_eq!(
        (&beside["version"], &beside["shadow"]),
        (&json!(1), &shadow)
    );
    let config = api.store.tenant_config(tenant.id).await.unwrap();
    let rollout = &config.rollouts["makecall"];
    assert_eq!(rollout.shadow.as_ref().map(|it| it.version), Some(2));
    assert_eq!(rollout.trial, None);
    assert!(
        config.versions().any(|it| it.version == 2),
        "it is compiled"
    );
    let tally = store::ShadowTally {
        sessions: 3,
        turns: 9,
        differ: 1,
        unknown: 1,
    };
    for version in [2, 7] {
        let added = api.store.add_shadow(tenant.id, "makecall", version, tally);
        added.await.unwrap();
    }
    let shadow = json!({"version": 2, "sessions": 3, "turns": 9, "differ": 1, "unknown": 1});
    let shown = api.get(path, &tenant.key).await.expect(200);
    assert_eq!(shown["shadow"], shadow);
    let listed = api.get("/api/v1/plugins", &tenant.key).await.expect(200);
    assert_eq!(listed["data"][0]["activation"], shown);
    for (wrong, status, code) in [(1, 409, "conflict"), (3, 404, "not-found")] {
        let answer = put(json!({"version": wrong, "shadow": true})).await;
        answer.problem(status, code);
    }
    let active = put(json!({"version": 1})).await.expect(200);
    assert_eq!(
        (&active["version"], &active["shadow"]),
        (&json!(1), &Value::Null)
    );
}

#[tokio::test]
async fn a_version_that_was_given_up_is_shown_until_a_hand_activates_again() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    api.upload("makecall", &tenant.key, b"\0asm mine".to_vec())
        .await
        .expect(201);
    let path = "/api/v1/plugins/makecall/activation";
    let put = async |body: Value| api.call("PUT", path, &tenant.key, body).await.expect(200);
    let body = json!({"version": 2, "max_faults": 5, "fault_window_seconds": 60});
    let active = put(body).await;
    assert_eq!(
        [&active["max_faults"], &active["fault_window_seconds"]],
        [5, 60]
    );
    assert_eq!(active["rolled_back"], Value::Null);
    let config = api.store.tenant_config(tenant.id).await.unwrap();
    let judged = config.rollouts["makecall"].probation.clone().unwrap();
    let (why, at) = ("five turns faulted", crate::harness::NOW);
    let flip = api.store.give_up(tenant.id, "makecall", &judged, why, at);
    assert_eq!(flip.await, Ok(true));
    let active = api.get(path, &tenant.key).await.expect(200);
    let at = "2026-07-24T08:00:00.000Z";
    let told = json!({"version": 2, "why": "five turns faulted", "at": at});
    assert_eq!(
        (&active["rolled_back"], &active["version"]),
        (&told, &json!(1))
    );
    let active = put(json!({"version": 1})).await;
    assert_eq!(active["rolled_back"], Value::Null);
    assert_eq!(
        [&active["max_faults"], &active["fault_window_seconds"]],
        [3, 600]
    );
}

#[tokio::test]
async fn a_share_of_a_shadow_and_no_share_are_refused_by_their_pointer() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let path = "/api/v1/plugins/makecall/activation";
    for (body, pointers) in [
        (
            json!({"version": 1, "percent": 0, "shadow": true}),
            vec!["#/percent"],
        ),
        (
            json!({"version": 1, "percent": 50, "shadow": true}),
            vec!["#/percent"],
        ),
        (json!({"version": 1, "percent": 101}), vec!["#/percent"]),
        (json!({"version": 1, "percent": 356}), vec!["#/percent"]),
        (
            json!({"version": 1, "max_faults": 101, "fault_window_seconds": 86_401}),
            vec!["#/max_faults", "#/fault_window_seconds"],
        ),
        (
            json!({"version": 1, "fault_window_seconds": 0}),
            vec!["#/fault_window_seconds"],
        ),
        (json!({"version": -1}), vec!["#/version"]),
        (json!({"version": "1"}), vec!["#/version"]),
        (json!({"version": 1.5}), vec!["#/version"]),
        (json!({}), vec!["#/version"]),
    ] {
        let answer = api.call("PUT", path, &tenant.key, body).await;
        answer.problem(422, "invalid-body");
        assert_eq!(answer.pointers(), pointers);
    }
}

#[tokio::test]
async fn settings_are_replaced_whole() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let path = "/api/v1/plugins/makecall/settings";
    assert_eq!(api.get(path, &tenant.key).await.expect(200), json!({}));
    for body in [
        json!({"max_ring": "20", "greeting": "hello"}),
        json!({"max_ring": "30"}),
    ] {
        let answer = api.call("PUT", path, &tenant.key, body.clone()).await;
        assert_eq!(answer.expect(200), body);
        assert_eq!(api.get(path, &tenant.key).await.expect(200), body);
    }
    let answer = api
        .call("PUT", path, &tenant.key, json!({"a": 1, "b": null}))
        .await;
    answer.problem(422, "invalid-body");
    assert_eq!(answer.pointers(), ["#/a", "#/b"]);
}

async fn write(api: &Api, tenant: &Tenant, messages: &[&str]) {
    let line = |message: &&str| LogLine {
        level: LogLevel::Info,
        message: (*message).to_owned(),
    };
    let lines: Vec<LogLine> = messages.iter().map(line).collect();
    let at = crate::harness::NOW;
    let written = api
        .store
        .append_logs(tenant.id, "makecall", 1, None, at, &lines);
    written.await.unwrap();
}

#[tokio::test]
async fn a_log_is_a_list_when_json_is_wanted() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    write(&api, &tenant, &["one", "two", "three"]).await;
    let list = async |query: &str| {
        let request = Request::get(format!("{LOGS}{query}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", tenant.key))
            .header(header::ACCEPT, "application/json");
        api.send(request.body(Body::empty()).unwrap())
            .await
            .expect(200)
    };
    let page = list("?limit=2").await;
    assert_eq!(page["has_more"], true);
    assert_eq!(page["data"][1]["message"], "two");
    let line = json!({"seq": 1, "at": "2026-07-24T08:00:00.000Z", "level": "info", "version": 1,
                      "session_id": null, "message": "one"});
    assert_eq!(page["data"][0], line);
    let rest = list("?limit=2&starting_after=2").await;
    assert_eq!(rest["has_more"], false);
    assert_eq!(rest["data"][0]["message"], "three");
    assert_eq!(list("?limit=3").await["has_more"], false);
}

#[tokio::test]
async fn a_log_is_followed_from_the_last_event_id_until_the_node_drains() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    write(&api, &tenant, &["one", "two"]).await;
    let request = Request::get(LOGS)
        .header(header::AUTHORIZATION, format!("Bearer {}", tenant.key))
        .header("last-event-id", "1")
        .body(Body::empty())
        .unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();
    let mut next = async || {
        let chunk = stream.next().await?.unwrap();
        Some(String::from_utf8(chunk.to_vec()).unwrap())
    };
    let event = next().await.unwrap();
    assert!(
        event.contains("id: 2\n") && event.contains("event: log\n"),
        "{event}"
    );
    assert!(event.contains("\"message\":\"two\""), "{event}");
    write(&api, &tenant, &["three"]).await;
    let event = next().await.unwrap();
    assert!(
        event.contains("id: 3\n") && event.contains("three"),
        "{event}"
    );
    api.drain.send(true).unwrap();
    assert_eq!(next().await, None);
}

#[tokio::test]
async fn a_key_follows_no_more_logs_at_once_than_it_may() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let other = api.key(&tenant, "read", None).await;
    let follow = async |key: &str| {
        let request = Request::get(LOGS)
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .body(Body::empty());
        let response = api.router.clone().oneshot(request.unwrap()).await.unwrap();
        (response.status().as_u16(), response)
    };
    let mut following = Vec::new();
    for _ in 0..api::limits::LOG_FOLLOWERS {
        following.push(follow(&tenant.key).await);
    }
    assert!(following.iter().all(|(status, _)| *status == 200));
    assert_eq!(follow(&tenant.key).await.0, 409);
    assert_eq!(follow(&other).await.0, 200);
    following.pop();
    assert_eq!(follow(&tenant.key).await.0, 200);
}

#[tokio::test]
async fn a_log_of_an_unknown_plugin_is_404_and_a_wrong_last_id_400() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let answer = api.get("/api/v1/plugins/nope/logs", &tenant.key).await;
    answer.problem(404, "not-found");
    let request = Request::get(LOGS)
        .header(header::AUTHORIZATION, format!("Bearer {}", tenant.key))
        .header("last-event-id", "x");
    let answer = api.send(request.body(Body::empty()).unwrap()).await;
    answer.problem(400, "invalid-query");
}

#[tokio::test]
async fn uploads_at_once_are_limited() {
    let api = Api::new().await;
    let mut tenants = Vec::new();
    for name in ["acme", "beta", "gamma", "delta", "omega"] {
        tenants.push(api.tenant(name).await);
    }
    assert_eq!(tenants.len(), api::limits::UPLOADS + 1);
    let last = tenants.pop().unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    let (taken, mut begun) = tokio::sync::mpsc::channel(16);
    for (count, tenant) in tenants.iter().enumerate() {
        let taken = taken.clone();
        let never = futures_util::stream::poll_fn(move |_| {
            let _ = taken.try_send(());
            Poll::<Option<std::io::Result<Vec<u8>>>>::Pending
        });
        let request = Request::post("/api/v1/plugins/mine/versions")
            .header(header::AUTHORIZATION, format!("Bearer {}", tenant.key))
            .header(header::CONTENT_TYPE, "application/wasm")
            .body(Body::from_stream(never))
            .unwrap();
        waiting.spawn(api.router.clone().oneshot(request));
        begun.recv().await.unwrap();
        // A tenant has one, and others are let in still.
        let refused = api.upload("mine", &tenant.key, b"\0asm".to_vec()).await;
        refused.problem(503, "unavailable");
        let seen = (api.control.uploads(), api.control.uploads_refused());
        assert_eq!(seen, (count + 1, count as u64 + 1));
    }
    let refused = api.upload("mine", &last.key, b"\0asm".to_vec()).await;
    refused.problem(503, "unavailable");
    waiting.abort_all();
    while waiting.join_next().await.is_some() {}
    assert_eq!(api.control.uploads(), 0);
    for tenant in tenants.into_iter().chain([last]) {
        let next = api.upload("mine", &tenant.key, b"\0asm".to_vec()).await;
        next.expect(201);
    }
}
