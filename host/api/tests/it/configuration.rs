//! Tenants, numbers, trunks, phones.

use serde_json::{Value, json};

use crate::harness::{Api, NOW, PLATFORM_KEY};

#[tokio::test]
async fn a_tenant_that_was_made_is_told_with_its_key_though_the_shards_are_late() {
    let api = Api::new().await;
    api.shards.lock().unwrap().silent = true;
    let body = json!({"name": "acme", "domain": "acme.example"});
    let request = api.post("/api/platform/tenants", PLATFORM_KEY, body);
    let (answer, ()) = tokio::join!(request, api.let_the_shards_be_late());
    let tenant = answer.expect(201);
    tokio::time::resume();
    let key = tenant["key"].as_str().unwrap();
    api.get("/api/v1/numbers", key).await.expect(200);
}

#[tokio::test]
async fn a_tenant_is_made_with_its_key_and_the_built_in_policy() {
    let api = Api::new().await;
    let body = json!({"name": "acme", "domain": "acme.example"});
    let made = api
        .post("/api/platform/tenants", PLATFORM_KEY, body)
        .await
        .expect(201);
    let id = made["id"].as_str().unwrap();
    let key = made["key"].as_str().unwrap();
    assert!(id.starts_with("ten_") && key.starts_with("jf_"), "{made}");
    assert_eq!(
        (&made["name"], &made["domain"]),
        (&json!("acme"), &json!("acme.example"))
    );
    assert_eq!(made["default_plugin"], "makecall");
    assert_eq!(made["created"], "2026-07-24T08:00:00.000Z");
    assert_eq!(api.shards.lock().unwrap().changed[0].to_string(), id);

    let plugins = api.get("/api/v1/plugins", key).await.expect(200);
    assert_eq!(plugins["data"][0]["name"], "makecall");
    assert_eq!(plugins["data"][0]["activation"]["version"], 1);

    let path = format!("/api/platform/tenants/{id}");
    let shown = api.get(&path, PLATFORM_KEY).await;
    assert_eq!(shown.expect(200)["name"], "acme");
    let listed = api.get("/api/platform/tenants", PLATFORM_KEY).await;
    assert_eq!(listed.expect(200)["data"][0]["id"], id);
    assert!(!shown.text.contains("\"key\"") && !listed.text.contains("\"key\""));
}

#[tokio::test]
async fn a_tenant_without_a_domain_or_with_a_wrong_one_is_refused() {
    let api = Api::new().await;
    for (body, pointer) in [
        (json!({"name": "acme"}), "#/domain"),
        (json!({"name": "acme", "domain": "a b"}), "#/domain"),
        (json!({"name": "", "domain": "acme.example"}), "#/name"),
        (
            json!({"name": "a", "domain": "a.example", "key": "jf_mine"}),
            "#/key",
        ),
    ] {
        let answer = api.post("/api/platform/tenants", PLATFORM_KEY, body).await;
        answer.problem(422, "invalid-body");
        assert_eq!(answer.pointers(), [pointer]);
    }
}

/// Makes, shows, lists and removes one thing.
async fn lifecycle(path: &str, body: Value, prefix: &str, expected: Value) {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let made = api.post(path, &tenant.key, body.clone()).await.expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with(prefix), "{made}");
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&made[name], value, "{name}");
    }
    let one = format!("{path}/{id}");
    assert_eq!(api.get(&one, &tenant.key).await.expect(200), made);
    let listed = api.get(path, &tenant.key).await.expect(200);
    assert_eq!(listed, json!({"data": [made], "has_more": false}));
    // The same again is in conflict with itself.
    api.post(path, &tenant.key, body)
        .await
        .problem(409, "conflict");
    api.call("DELETE", &one, &tenant.key, Value::Null)
        .await
        .expect(204);
    api.get(&one, &tenant.key).await.problem(404, "not-found");
    let again = api.call("DELETE", &one, &tenant.key, Value::Null).await;
    again.problem(404, "not-found");
    // The tenant itself, the thing and its end: each told to the shards before its answer.
    assert_eq!(api.shards.lock().unwrap().changed, [tenant.id; 3]);
}

#[tokio::test]
async fn a_number_lives_and_goes() {
    let body = json!({"number": "2001", "plugin": "makecall"});
    lifecycle("/api/v1/numbers", body.clone(), "num_", body).await;
}

#[tokio::test]
async fn a_trunk_lives_and_goes() {
    let body = json!({"name": "carrier", "address": "127.0.0.1:5070", "transport": "tcp",
                      "accept_from": ["127.0.0.1/32"], "trust_identity": false,
                      "prefixes": ["49", "+"],
                      "health": {"interval": 60}, "srtp": "offer", "inband_digits": "on",
                      "codecs": ["G722", "PCMU"], "max_calls": 30, "calls_per_second": 5,
                      "gateways": [{"address": "127.0.0.1:5072", "priority": 10, "weight": 0},
                                   {"address": "sip.example.com", "priority": 20, "weight": 1}]});
    lifecycle("/api/v1/trunks", body.clone(), "trk_", body).await;
}

#[tokio::test]
async fn a_trunk_trusts_and_dials_everything_by_default() {
    let body = json!({"name": "carrier", "address": "192.0.2.1", "accept_from": ["192.0.2.0/24"]});
    let expected = json!({"name": "carrier", "address": "192.0.2.1:5060", "transport": "udp",
                          "accept_from": ["192.0.2.0/24"], "trust_identity": true,
                          "prefixes": [""], "gateways": []});
    lifecycle("/api/v1/trunks", body, "trk_", expected).await;
}

#[tokio::test]
async fn the_password_of_a_trunk_is_never_shown() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let body = json!({"name": "carrier", "address": "192.0.2.1", "accept_from": ["192.0.2.0/24"],
                      "auth": {"user": "acme", "password": "hunter2"},
                      "register": {"user": "acme", "password": "hunter23"}});
    let made = api.post("/api/v1/trunks", &tenant.key, body).await;
    assert_eq!(made.json()["auth"], json!({"user": "acme"}));
    let register = json!({"user": "acme", "expires": 3_600});
    assert_eq!(made.json()["register"], register);
    let path = format!("/api/v1/trunks/{}", made.json()["id"].as_str().unwrap());
    for path in [path.as_str(), "/api/v1/trunks"] {
        let shown = api.get(path, &tenant.key).await;
        assert!(
            shown.text.contains("acme") && !shown.text.contains("hunter2"),
            "{}",
            shown.text
        );
    }
}

#[tokio::test]
async fn a_trunk_shows_how_it_is_registered_and_which_gateways_answer() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let body = json!({"name": "carrier", "address": "192.0.2.1", "accept_from": [],
                      "register": {"user": "acme", "password": "x", "expires": 60,
                                   "registrar": "192.0.2.7"}});
    let made = api.post("/api/v1/trunks", &tenant.key, body).await.json();
    let path = format!("/api/v1/trunks/{}", made["id"].as_str().unwrap());
    let hop = |host| model::Hop {
        transport: model::Transport::Udp,
        address: ([192, 0, 2, host], 5060).into(),
        name: None,
    };
    let failure = model::Failure {
        status: 403,
        unix_ms: NOW - 1_000,
    };
    let known = |until, failure| model::TrunkStatus {
        registration: Some(model::Registration { until, failure }),
        gateways: vec![(hop(1), true), (hop(2), false)],
    };
    let gateways = json!([{"address": "192.0.2.1:5060", "up": true},
                          {"address": "192.0.2.2:5060", "up": false}]);
    for (status, expected) in [
        (None, Value::Null),
        (
            Some(known(Some(NOW), None)),
            json!({"registered": true, "registered_until": "2026-07-24T08:00:00.000Z",
                   "gateways": gateways}),
        ),
        (
            Some(known(None, Some(failure))),
            json!({"registered": false, "gateways": gateways,
                   "last_failure": {"code": 403, "at": "2026-07-24T07:59:59.000Z"}}),
        ),
    ] {
        api.shards.lock().unwrap().trunk = status;
        let shown = api.get(&path, &tenant.key).await.json();
        assert_eq!(shown["status"], expected);
        assert_eq!(shown["register"]["registrar"], "192.0.2.7:5060");
    }
}

#[tokio::test]
async fn a_gateway_is_a_backup_by_default() {
    let body = json!({"name": "carrier", "address": "192.0.2.1", "accept_from": ["192.0.2.0/24"],
                      "gateways": [{"address": "192.0.2.2"}]});
    let expected = json!({"name": "carrier", "address": "192.0.2.1:5060", "transport": "udp",
                          "accept_from": ["192.0.2.0/24"], "trust_identity": true,
                          "prefixes": [""],
                          "gateways": [{"address": "192.0.2.2:5060", "priority": 1, "weight": 1}]});
    lifecycle("/api/v1/trunks", body, "trk_", expected).await;
}

#[tokio::test]
async fn an_address_without_a_port_has_that_of_its_transport() {
    for (transport, address, expected) in [
        ("tcp", "192.0.2.1", "192.0.2.1:5060"),
        ("tls", "192.0.2.1", "192.0.2.1:5061"),
        ("tls", "2001:db8::1", "[2001:db8::1]:5061"),
        ("tls", "[2001:db8::1]:5060", "[2001:db8::1]:5060"),
    ] {
        let body = json!({"user": "1001", "address": address, "transport": transport});
        let expected = json!({"user": "1001", "address": expected, "transport": transport});
        lifecycle("/api/v1/phones", body, "phn_", expected).await;
    }
}

#[tokio::test]
async fn an_address_that_is_no_host_is_refused_and_so_is_a_zone() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let addresses = ["0.0.0.0:5060", "[::]:5060", "[ff02::1]:5060", "192.0.2.1:0"];
    for address in addresses
        .into_iter()
        .chain(["[fe80::1%1]:5060", "fe80::1%eth0"])
    {
        let body = json!({"user": "1001", "address": address});
        let answer = api.post("/api/v1/phones", &tenant.key, body).await;
        answer.problem(422, "invalid-body");
        assert_eq!(answer.pointers(), ["#/address"]);
    }
}

#[tokio::test]
async fn a_line_lives_and_goes() {
    let body = json!({"user": "1001", "address": "127.0.0.1:5071"});
    let expected = json!({"user": "1001", "address": "127.0.0.1:5071", "transport": "udp"});
    lifecycle("/api/v1/phones", body, "phn_", expected).await;
    let body = json!({"user": "1001", "address": "127.0.0.1:5071", "transport": "tcp"});
    lifecycle("/api/v1/phones", body.clone(), "phn_", body).await;
}

#[tokio::test]
async fn a_transport_that_is_not_there_is_refused_by_its_member() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    // Nobody is reached by a WebSocket of ours.
    for transport in ["sctp", "ws", "wss", "TLS"] {
        let line = json!({"user": "1001", "address": "127.0.0.1:5071", "transport": transport});
        let trunk = json!({"name": "carrier", "address": "127.0.0.1:5070",
                           "transport": transport, "accept_from": ["127.0.0.1/32"]});
        for (path, body) in [("/api/v1/phones", line), ("/api/v1/trunks", trunk)] {
            let answer = api.post(path, &tenant.key, body).await;
            answer.problem(422, "invalid-body");
            assert_eq!(answer.pointers(), ["#/transport"]);
        }
    }
}

#[tokio::test]
async fn a_phone_lives_and_goes_and_never_shows_its_password() {
    let body = json!({"user": "1001", "password": "s3cret"});
    let expected = json!({"user": "1001", "address": null, "password": null, "srtp": null,
                          "inband_digits": null, "codecs": null});
    lifecycle("/api/v1/phones", body, "phn_", expected).await;
}

#[tokio::test]
async fn how_the_audio_of_a_phone_is_set_is_shown_and_what_is_none_is_refused() {
    let body = json!({"user": "1001", "password": "s3cret", "srtp": "require",
                      "inband_digits": "off", "codecs": ["PCMU", "G722"]});
    let expected = json!({"srtp": "require", "inband_digits": "off", "codecs": ["PCMU", "G722"]});
    lifecycle("/api/v1/phones", body, "phn_", expected).await;
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    for (name, value, pointer) in [
        ("inband_digits", json!("always"), "#/inband_digits"),
        ("codecs", json!(["PCMA", "OPUS"]), "#/codecs/1"),
        ("codecs", json!(["PCMA", "PCMA"]), "#/codecs"),
        ("codecs", json!("PCMA"), "#/codecs"),
    ] {
        let mut body = json!({"user": "1001", "password": "s3cret"});
        body[name] = value;
        let refused = api.post("/api/v1/phones", &tenant.key, body).await;
        refused.problem(422, "invalid-body");
        assert_eq!(refused.pointers(), [pointer]);
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    for number in ["1", "2", "3"] {
        let body = json!({"number": number, "plugin": "makecall"});
        api.post("/api/v1/numbers", &tenant.key, body)
            .await
            .expect(201);
    }
    let mut seen = Vec::new();
    let mut query = String::from("?limit=2");
    loop {
        let page = api
            .get(&format!("/api/v1/numbers{query}"), &tenant.key)
            .await
            .expect(200);
        let data = page["data"].as_array().unwrap().clone();
        let last = data.last().unwrap()["id"].as_str().unwrap().to_owned();
        seen.extend(
            data.into_iter()
                .map(|number| number["number"].as_str().unwrap().to_owned()),
        );
        if page["has_more"] == false {
            break;
        }
        assert_eq!(seen.len(), 2);
        query = format!("?limit=2&starting_after={last}");
    }
    seen.sort();
    assert_eq!(seen, ["1", "2", "3"]);
}

#[tokio::test]
async fn two_tenants_that_cannot_be_told_apart_are_a_conflict() {
    let api = Api::new().await;
    let address = json!({"user": "1001", "address": "127.0.0.1:5071"});
    let (acme, other) = (api.tenant("acme").await, api.tenant("other").await);
    api.post("/api/v1/phones", &acme.key, address.clone())
        .await
        .expect(201);
    let answer = api.post("/api/v1/phones", &other.key, address).await;
    answer.problem(409, "conflict");
}

#[tokio::test]
async fn a_change_that_the_shards_do_not_confirm_is_504() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    api.shards.lock().unwrap().silent = true;
    let body = json!({"number": "2001", "plugin": "makecall"});
    let request = api.post("/api/v1/numbers", &tenant.key, body);
    let (answer, ()) = tokio::join!(request, api.let_the_shards_be_late());
    answer.problem(504, "no-answer");
}

#[tokio::test]
async fn a_tenant_sets_what_it_may_and_the_rest_is_the_nodes() {
    const SETTINGS: &str = "/api/v1/settings";
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let reader = api.key(&tenant, "read", None).await;
    let nothing =
        json!({ "media_timeout_seconds": null, "recordings_days": null, "records_turns": true });
    assert_eq!(api.get(SETTINGS, &reader).await.expect(200), nothing);
    let set = async |body: Value| api.call("PUT", SETTINGS, &tenant.key, body).await;
    let both =
        json!({ "media_timeout_seconds": 30, "recordings_days": 90, "records_turns": false });
    assert_eq!(set(both.clone()).await.expect(200), both);
    assert_eq!(api.get(SETTINGS, &reader).await.expect(200), both);
    let config = api.store.tenant_config(tenant.id).await.unwrap();
    assert_eq!(
        config.media_timeout,
        Some(std::time::Duration::from_secs(30))
    );
    assert!(!config.records_turns);
    assert_eq!(api.shards.lock().unwrap().changed, [tenant.id; 2]);
    let wrong = set(json!({ "media_timeout_seconds": 4 })).await;
    wrong.problem(422, "invalid-body");
    assert_eq!(wrong.pointers(), ["#/media_timeout_seconds"]);
    let wrong = set(json!({ "recordings_days": 36_501 })).await;
    assert_eq!(wrong.pointers(), ["#/recordings_days"]);
    // What is left out is as the node has it again.
    let half = json!({ "recordings_days": null, "media_timeout_seconds": 5 });
    let mut whole = half.clone();
    whole["records_turns"] = json!(true);
    assert_eq!(set(half).await.expect(200), whole);
    assert_eq!(set(json!({})).await.expect(200), nothing);
}
