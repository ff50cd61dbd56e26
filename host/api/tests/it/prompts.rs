//! Prompts: upload, list, audio, replacement, removal.

use serde_json::{Value, json};

use crate::harness::{Answered, Api};

const PROMPTS: &str = "/api/v1/prompts";

async fn post(api: &Api, name: &str, key: &str, file: &[u8]) -> Answered {
    let path = format!("{PROMPTS}?name={name}");
    let file = ("audio/wav", file.to_vec());
    api.send_file("POST", &path, key, file).await
}

#[tokio::test]
async fn a_prompt_is_uploaded_listed_heard_replaced_and_removed() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let key = &tenant.key;
    let made = post(&api, "hello", key, b"RIFF one").await.expect(201);
    assert_eq!(made["name"], "hello");
    assert_eq!(
        (&made["duration_ms"], &made["size"]),
        (&json!(1_500), &json!(8))
    );
    assert_eq!(made["created"], "2026-07-24T08:00:00.000Z");
    let again = post(&api, "hello", key, b"RIFF two").await;
    again.problem(409, "conflict");

    let listed = api.get(PROMPTS, key).await.expect(200);
    assert_eq!(listed, json!({"data": [made], "has_more": false}));
    let path = "/api/v1/prompts/hello";
    assert_eq!(api.get(path, key).await.expect(200), made);
    let audio = format!("{path}/audio");
    let heard = api.get(&audio, key).await;
    assert_eq!(
        (heard.status.as_u16(), heard.text.as_str()),
        (200, "RIFF one")
    );
    assert_eq!(heard.headers["content-type"], "audio/wav");

    let file = ("application/octet-stream", b"RIFF two!".to_vec());
    let replaced = api.send_file("PUT", &audio, key, file).await.expect(200);
    assert_eq!(replaced["size"], 9);
    assert_ne!(replaced["digest"], made["digest"]);
    assert_eq!(api.get(&audio, key).await.text, "RIFF two!");

    let gone = api.call("DELETE", path, key, Value::Null).await;
    assert_eq!(gone.status, 204);
    api.get(&audio, key).await.problem(404, "not-found");
    assert_eq!(api.shards.lock().unwrap().changed, [tenant.id; 4]);
}

#[tokio::test]
async fn a_file_that_cannot_be_played_is_refused_in_the_words_of_the_decoder() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let refused = post(&api, "hello", &tenant.key, b"#!/bin/sh").await;
    let problem = refused.problem(422, "audio-refused");
    assert_eq!(problem["detail"], "the file is no WAV");
    let full = post(&api, "hello", &tenant.key, b"RIFF full").await;
    full.problem(503, "unavailable");
    assert_eq!(
        api.get(PROMPTS, &tenant.key).await.expect(200)["data"],
        json!([])
    );
}

#[tokio::test]
async fn an_upload_has_a_name_a_type_and_a_limit() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    for name in ["", "..", "a/b", "tone:busy", &"x".repeat(65)] {
        let answer = post(&api, name, &tenant.key, b"RIFF").await;
        answer.problem(400, "invalid-query");
    }
    let file = ("audio/wav", b"RIFF".to_vec());
    let nameless = api.send_file("POST", PROMPTS, &tenant.key, file).await;
    nameless.problem(400, "invalid-query");
    assert_eq!(nameless.pointers(), ["#/name"]);
    let path = format!("{PROMPTS}?name=a");
    let text = api.post(&path, &tenant.key, json!({})).await;
    text.problem(415, "unsupported-media-type");
    let mut most = b"RIFF".to_vec();
    most.resize(api::limits::AUDIO, 0);
    post(&api, "most", &tenant.key, &most).await.expect(201);
    most.push(0);
    let more = post(&api, "more", &tenant.key, &most).await;
    more.problem(413, "too-large");
}

#[tokio::test]
async fn who_may_only_read_uploads_nothing() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let reader = api.key(&tenant, "read", None).await;
    post(&api, "a", &reader, b"RIFF")
        .await
        .problem(403, "forbidden");
    let developer = api.key(&tenant, "developer", None).await;
    post(&api, "a", &developer, b"RIFF").await.expect(201);
}
