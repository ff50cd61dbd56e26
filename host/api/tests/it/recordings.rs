//! Recordings: lists, audio in parts, removal.

use axum::{
    body::Body,
    http::{Request, header},
};
use model::{Audio, CallId, Recording, RecordingId, RecordingState, SessionId};
use serde_json::{Value, json};
use store::{RecordingChange, admin};

use crate::harness::{Answered, Api, NOW, Tenant};

const RECORDINGS: &str = "/api/v1/recordings";

/// A recording of that name; without a file it is being written.
pub(crate) async fn recording(
    api: &mut Api,
    tenant: &Tenant,
    name: &str,
    file: Option<&'static [u8]>,
) -> Recording {
    let ids = &mut api.ids;
    let mut row = Recording {
        id: RecordingId::mint(ids, NOW),
        tenant: tenant.id,
        call: CallId::mint(ids, NOW),
        session: SessionId::mint(ids, NOW),
        name: name.into(),
        begin: NOW,
        state: RecordingState::Open,
    };
    let mut changes = vec![RecordingChange::Begun(row.clone())];
    if let Some(file) = file {
        row.state = RecordingState::Ready(Audio {
            duration_ms: 2_500,
            octets: file.len() as u64,
        });
        changes.push(RecordingChange::Ended(row.id, row.state));
        let mut shards = api.shards.lock().unwrap();
        shards.audio.insert(row.id.to_string(), file.into());
    }
    let written = admin::record(&api.store, changes.as_slice()).await;
    written.unwrap();
    row
}

async fn audio(api: &Api, key: &str, id: RecordingId, headers: &[(&str, &str)]) -> Answered {
    let request = Request::builder().uri(format!("{RECORDINGS}/{id}/audio"));
    let mut request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    api.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_recording_is_listed_heard_and_deleted_by_who_may() {
    let mut api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let reader = api.key(&tenant, "read", None).await;
    let row = recording(&mut api, &tenant, "memo", Some(b"RIFF0123456789")).await;
    let path = format!("{RECORDINGS}/{}", row.id);
    let one = api.get(&path, &reader).await.expect(200);
    let expected = json!({
        "id": row.id.to_string(), "call_id": row.call.to_string(),
        "session_id": row.session.to_string(), "name": "memo",
        "begin_time": "2026-07-24T08:00:00.000Z", "state": "ready",
        "duration_ms": 2_500, "size": 14,
    });
    assert_eq!(one, expected);
    let listed = api.get(RECORDINGS, &reader).await.expect(200);
    assert_eq!(listed, json!({"data": [one], "has_more": false}));
    let whole = audio(&api, &reader, row.id, &[]).await;
    assert_eq!(
        (whole.status.as_u16(), whole.text.as_str()),
        (200, "RIFF0123456789")
    );
    assert_eq!(whole.headers["content-type"], "audio/wav");
    assert_eq!(whole.headers["content-length"], "14");

    let refused = api.call("DELETE", &path, &reader, Value::Null).await;
    refused.problem(403, "forbidden");
    let gone = api.call("DELETE", &path, &tenant.key, Value::Null).await;
    assert_eq!(gone.status, 204);
    for path in [path.clone(), format!("{path}/audio")] {
        api.get(&path, &reader).await.problem(404, "not-found");
    }
    let again = api.call("DELETE", &path, &tenant.key, Value::Null).await;
    again.problem(404, "not-found");
    assert_eq!(
        api.get(RECORDINGS, &reader).await.expect(200)["data"],
        json!([])
    );
}

#[tokio::test]
async fn audio_is_answered_in_the_parts_that_are_asked_for() {
    let mut api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let row = recording(&mut api, &tenant, "memo", Some(b"RIFF0123456789")).await;
    let of = async |headers: &[(&str, &str)]| audio(&api, &tenant.key, row.id, headers).await;
    let part = of(&[("range", "bytes=4-7")]).await;
    assert_eq!((part.status.as_u16(), part.text.as_str()), (206, "0123"));
    assert_eq!(part.headers["content-range"], "bytes 4-7/14");
    assert_eq!(part.headers["content-length"], "4");
    assert_eq!(part.headers["accept-ranges"], "bytes");
    let tag = part.headers["etag"].to_str().unwrap();
    let rest = of(&[("range", "bytes=-3"), ("if-range", tag)]).await;
    assert_eq!((rest.status.as_u16(), rest.text.as_str()), (206, "789"));
    let other = of(&[("range", "bytes=-3"), ("if-range", "\"other\"")]).await;
    assert_eq!((other.status.as_u16(), other.text.len()), (200, 14));
    let beyond = of(&[("range", "bytes=14-")]).await;
    beyond.problem(416, "range-not-satisfiable");
    assert_eq!(beyond.headers["content-range"], "bytes */14");
    let known = of(&[("if-none-match", tag)]).await;
    assert_eq!((known.status.as_u16(), known.text.as_str()), (304, ""));
}

#[tokio::test]
async fn what_has_no_audio_says_why() {
    let mut api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let row = recording(&mut api, &tenant, "memo", None).await;
    let one = format!("{RECORDINGS}/{}", row.id);
    let open = api.get(&one, &tenant.key).await.expect(200);
    assert_eq!(
        (&open["state"], &open["size"]),
        (&json!("open"), &Value::Null)
    );
    let heard = audio(&api, &tenant.key, row.id, &[]).await;
    heard.problem(409, "conflict");
    let kept = api.call("DELETE", &one, &tenant.key, Value::Null).await;
    kept.problem(409, "conflict");
    let failed = [RecordingChange::Ended(row.id, RecordingState::Failed)];
    admin::record(&api.store, failed.as_slice()).await.unwrap();
    let heard = audio(&api, &tenant.key, row.id, &[]).await;
    heard.problem(404, "not-found");
    let lost = recording(&mut api, &tenant, "memo", Some(b"RIFF")).await;
    api.shards.lock().unwrap().audio.clear();
    let heard = audio(&api, &tenant.key, lost.id, &[]).await;
    heard.problem(503, "unavailable");
}

#[tokio::test]
async fn lists_are_filtered_and_wrong_filters_named() {
    let mut api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let one = recording(&mut api, &tenant, "memo", Some(b"RIFF")).await;
    let two = recording(&mut api, &tenant, "other", None).await;
    let ids = async |query: &str| {
        let path = format!("{RECORDINGS}?{query}");
        let list = api.get(&path, &tenant.key).await.expect(200);
        let data = list["data"].as_array().unwrap().iter();
        data.map(|it| it["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let (first, second) = (one.id.to_string(), two.id.to_string());
    for (query, found) in [
        (format!("call_id={}", one.call), vec![&first]),
        (format!("session_id={}", two.session), vec![&second]),
        ("name=other".into(), vec![&second]),
        ("state=ready".into(), vec![&first]),
        ("state=failed".into(), vec![]),
        ("to=2026-07-24T08:00:00Z".into(), vec![]),
        ("from=2026-07-24T08:00:00Z&state=open".into(), vec![&second]),
    ] {
        assert_eq!(
            ids(&query).await.iter().collect::<Vec<_>>(),
            found,
            "{query}"
        );
    }
    let wrong = api
        .get(
            &format!("{RECORDINGS}?state=gone&from=now&x=1"),
            &tenant.key,
        )
        .await;
    wrong.problem(400, "invalid-query");
    assert_eq!(wrong.pointers(), ["#/state", "#/from", "#/x"]);
}
