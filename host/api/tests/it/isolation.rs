//! One tenant's things are not there for another: every route with a foreign id.

use std::collections::BTreeMap;

use model::turn::Phase;
use serde_json::{Value, json};

use crate::{
    calls::ended_call,
    harness::{Api, Tenant},
    recorded::recorded_turn,
    recordings::recording,
};

/// Makes one of everything and tells the parameters of each kind of path.
async fn everything(api: &mut Api, tenant: &Tenant) -> BTreeMap<&'static str, Vec<String>> {
    let mut made = BTreeMap::new();
    for (path, body) in [
        (
            "/api/v1/numbers",
            json!({"number": "2001", "plugin": "makecall"}),
        ),
        (
            "/api/v1/trunks",
            json!({"name": "c", "address": "127.0.0.1:5070",
                                  "accept_from": ["127.0.0.1"]}),
        ),
        (
            "/api/v1/phones",
            json!({"user": "1001", "password": "s3cret"}),
        ),
        ("/api/v1/keys", json!({"name": "k", "scope": "read"})),
    ] {
        let one = api.post(path, &tenant.key, body).await.expect(201);
        made.insert(path, vec![one["id"].as_str().unwrap().to_owned()]);
    }
    api.upload("mine", &tenant.key, b"\0asm x".to_vec())
        .await
        .expect(201);
    let file = ("audio/wav", b"RIFF".to_vec());
    let path = "/api/v1/prompts?name=hello";
    let prompt = api.send_file("POST", path, &tenant.key, file).await;
    prompt.expect(201);
    made.insert("/api/v1/prompts", vec!["hello".into()]);
    let path = "/api/v1/plugins/mine/activation";
    let active = api
        .call("PUT", path, &tenant.key, json!({"version": 1}))
        .await;
    active.expect(200);
    made.insert("/api/v1/plugins", vec!["mine".into()]);
    let recording = recording(api, tenant, "hello", Some(b"RIFF")).await;
    made.insert("/api/v1/recordings", vec![recording.id.to_string()]);
    let live = api.live_call(tenant, Phase::Answered);
    let ended = ended_call(api, tenant, "x").await;
    let calls = vec![live.call.to_string(), ended.call.to_string()];
    made.insert("/api/v1/calls", calls);
    recorded_turn(api, tenant, ended.session, 0).await;
    let sessions = vec![live.session.to_string(), ended.session.to_string()];
    made.insert("/api/v1/sessions", sessions);
    made
}

/// A body that would be accepted by the owner.
fn body(method: &str, path: &str) -> Value {
    match (method, path) {
        ("put", p) if p.ends_with("/activation") => json!({"version": 1}),
        ("put", p) if p.ends_with("/settings") => json!({"a": "b"}),
        _ => Value::Null,
    }
}

#[tokio::test]
async fn every_route_answers_404_for_a_foreign_id() {
    let mut api = Api::new().await;
    let (acme, other) = (api.tenant("acme").await, api.tenant("other").await);
    let made = everything(&mut api, &acme).await;
    let document = api.get("/openapi.json", "").await.json();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some((base, _)) = path.split_once("/{") else {
            continue;
        };
        if base.starts_with("/api/platform") || base.starts_with("/api/user") {
            continue;
        }
        for method in item.as_object().unwrap().keys() {
            if (method.as_str(), path.as_str()) == ("post", "/api/v1/plugins/{name}/versions") {
                continue; // makes a plugin of its own of that name
            }
            let ids = made.get(base);
            for id in ids.unwrap_or_else(|| panic!("make one of {base} in `everything`")) {
                let path = path.replace("{id}", id).replace("{name}", id);
                let body = body(method, &path);
                let answer = api
                    .call(&method.to_uppercase(), &path, &other.key, body)
                    .await;
                let foreign = answer.problem(404, "not-found");
                let unknown = "there is no such thing in this tenant";
                assert_eq!(foreign["detail"], unknown, "{method} {path}");
                tried += 1;
            }
        }
    }
    assert!(tried > 25, "{tried}");
    assert!(api.shards.lock().unwrap().released.is_empty());
    let own = api.get("/api/v1/plugins/mine/activation", &acme.key).await;
    assert_eq!(own.expect(200)["version"], 1);
}

#[tokio::test]
async fn every_list_is_empty_of_foreign_things() {
    let mut api = Api::new().await;
    let (acme, other) = (api.tenant("acme").await, api.tenant("other").await);
    let made = everything(&mut api, &acme).await;
    for path in made.keys().chain([&"/api/v1/cdrs"]) {
        let own = api.get(path, &acme.key).await.expect(200);
        let foreign = api.get(path, &other.key).await.expect(200);
        let count = |list: &Value| list["data"].as_array().unwrap().len();
        // The other tenant has its own admin key and its own built-in plugin.
        let expected = usize::from(["/api/v1/keys", "/api/v1/plugins"].contains(path));
        assert_eq!(count(&foreign), expected, "{path}");
        assert!(count(&own) > expected, "{path}");
    }
    let call = &made["/api/v1/calls"][1];
    let filtered = api
        .get(&format!("/api/v1/cdrs?call_id={call}"), &other.key)
        .await;
    assert_eq!(filtered.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn a_request_reaches_the_sessions_of_the_keys_tenant() {
    let api = Api::new().await;
    let (acme, other) = (api.tenant("acme").await, api.tenant("other").await);
    for tenant in [&acme, &other] {
        api.post("/api/user/1001/x", &tenant.key, json!({}))
            .await
            .expect(200);
    }
    let shards = api.shards.lock().unwrap();
    let tenants: Vec<_> = shards.requests.iter().map(|(tenant, _)| *tenant).collect();
    assert_eq!(tenants, [acme.id, other.id]);
}

#[tokio::test]
async fn a_version_of_another_tenant_cannot_be_activated() {
    let api = Api::new().await;
    let (acme, other) = (api.tenant("acme").await, api.tenant("other").await);
    api.upload("makecall", &acme.key, b"\0asm x".to_vec())
        .await
        .expect(201);
    let path = "/api/v1/plugins/makecall/activation";
    let answer = api
        .call("PUT", path, &other.key, json!({"version": 2}))
        .await;
    answer.problem(404, "not-found");
}
