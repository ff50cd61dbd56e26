//! Calls, CDRs, traces and ladders.

use model::{
    CallId, Cdr, EndReason, Origin, Quality, ReleasedBy, SessionId,
    turn::{Phase, Usage},
};
use serde_json::{Value, json};

use crate::harness::{Api, NOW, Tenant, trace_of};

/// A call that is over, with its trace.
pub(crate) async fn ended_call(api: &mut Api, tenant: &Tenant, user_data: &str) -> Cdr {
    let cdr = Cdr {
        call: CallId::mint(&mut api.ids, NOW),
        session: SessionId::mint(&mut api.ids, NOW),
        tenant: tenant.id,
        direction: model::CallDirection::Outbound,
        from: "sip:2001@acme.example".parse().unwrap(),
        to: "sip:3001@acme.example".parse().unwrap(),
        begin: NOW,
        answer: Some(NOW + 1000),
        end: Some(NOW + 61_000),
        dropped_by: Some(ReleasedBy::User),
        cause: Some(200),
        end_reason: Some(EndReason::Released),
        user_data: user_data.into(),
        number: "2001".into(),
        plugin: "makecall".into(),
        version: 1,
        codec: Some("PCMA".into()),
        packets_received: 3000,
        packets_sent: 2999,
        packets_lost: 1,
        quality: Quality {
            jitter_us: Some(1_500),
            remote_lost: Some(2),
            remote_jitter_us: Some(125),
            rtt_us: Some(40_250),
            mos: Some(438),
        },
        usage: Usage {
            turns: 4,
            guest_us: 300,
            host_calls: 12,
            memory: 65_536,
            faults: 1,
        },
    };
    let written = store::admin::record(&api.store, std::slice::from_ref(&cdr));
    written.await.unwrap();
    let trace = trace_of(tenant.id, cdr.session, cdr.call);
    store::admin::record(&api.store, std::slice::from_ref(&trace))
        .await
        .unwrap();
    cdr
}

#[tokio::test]
async fn conferences_are_listed_page_by_page_to_their_tenant() {
    let mut api = Api::new().await;
    let (tenant, other) = (api.tenant("acme").await, api.tenant("other").await);
    let mut ids = ["a", "b", "c"].map(|name| api.conference(&tenant, name, 2));
    ids.sort_by(|one, other| other.cmp(one));
    let path = "/api/v1/conferences?limit=2";
    let first = api.get(path, &tenant.key).await.expect(200);
    let next = format!("{path}&starting_after={}", ids[1]);
    let rest = api.get(&next, &tenant.key).await.expect(200);
    let all = [&first["data"][0], &first["data"][1], &rest["data"][0]];
    for (it, id) in all.iter().zip(ids) {
        assert_eq!(
            (&it["id"], &it["size"]),
            (&json!(id.to_string()), &json!(2))
        );
    }
    assert_eq!(
        (&first["has_more"], &rest["has_more"]),
        (&json!(true), &json!(false))
    );
    let foreign = api.get(path, &other.key).await.expect(200);
    assert_eq!(foreign["data"], json!([]));
}

#[tokio::test]
async fn live_calls_are_listed_and_shown() {
    let mut api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let call = api.live_call(&tenant, Phase::Answered);
    let listed = api.get("/api/v1/calls", &tenant.key).await.expect(200);
    let expected = json!({
        "id": call.call.to_string(), "session_id": call.session.to_string(),
        "direction": "inbound", "phase": "answered",
        "from_uri": "sip:1001@acme.example", "to_uri": "sip:2001@acme.example",
        "begin_time": "2026-07-24T08:00:00.000Z", "answer_time": "2026-07-24T08:00:01.500Z",
        "end_time": null, "user_data": "x",
    });
    assert_eq!(listed, json!({"data": [expected], "has_more": false}));
    let path = format!("/api/v1/calls/{}", call.call);
    assert_eq!(api.get(&path, &tenant.key).await.expect(200), expected);
    for _ in 0..2 {
        api.live_call(&tenant, Phase::Ringing);
    }
    let page = api
        .get("/api/v1/calls?limit=2", &tenant.key)
        .await
        .expect(200);
    assert_eq!(page["has_more"], true);
    let last = page["data"][1]["id"].as_str().unwrap();
    let rest = format!("/api/v1/calls?limit=2&starting_after={last}");
    let rest = api.get(&rest, &tenant.key).await.expect(200);
    assert_eq!(rest["data"].as_array().unwrap().len(), 1);
    assert_eq!(rest["has_more"], false);
}

#[tokio::test]
async fn a_call_that_is_over_is_shown_from_its_record() {
    let mut api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let cdr = ended_call(&mut api, &tenant, "x").await;
    let path = format!("/api/v1/calls/{}", cdr.call);
    let shown = api.get(&path, &tenant.key).await.expect(200);
    assert_eq!(shown["phase"], "released");
    assert_eq!(shown["end_time"], "2026-07-24T08:01:01.000Z");
    let end = api.call("DELETE", &path, &tenant.key, Value::Null).await;
    end.problem(404, "not-found");
}

#[tokio::test]
async fn a_call_is_released_with_200_if_it_was_answered_and_else_with_480() {
    let mut api = Api::new().await;
    let tenant = api.tenant("acme").await;
    for (phase, cause) in [
        (Phase::Answered, 200),
        (Phase::Ringing, 480),
        (Phase::Offered, 480),
    ] {
        let call = api.live_call(&tenant, phase).call;
        let path = format!("/api/v1/calls/{call}");
        api.call("DELETE", &path, &tenant.key, Value::Null)
            .await
            .expect(204);
        let released = api.shards.lock().unwrap().released.pop();
        assert_eq!(released, Some((tenant.id, call, cause)));
        let again = api.call("DELETE", &path, &tenant.key, Value::Null).await;
        again.problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_new_call_is_a_request_of_the_tenant() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let body = json!({"verb": "makecall", "user": "1001", "body": {"caller": "2001"}});
    api.post("/api/v1/calls", &tenant.key, body)
        .await
        .expect(200);
    api.post("/api/v1/calls", &tenant.key, json!({"verb": "x"}))
        .await
        .expect(200);
    let answer = api
        .post(
            "/api/v1/calls",
            &tenant.key,
            json!({"verb": "a b", "to": 1}),
        )
        .await;
    answer.problem(422, "invalid-body");
    assert_eq!(answer.pointers(), ["#/verb", "#/to"]);
    let shards = api.shards.lock().unwrap();
    let request = &shards.requests[0].1;
    assert_eq!(request.origin, Origin::Tenant);
    assert_eq!(
        (request.user.as_str(), request.verb.as_str()),
        ("1001", "makecall")
    );
    assert_eq!(request.body, r#"{"caller":"2001"}"#);
    assert_eq!(shards.requests[1].1.body, "");
}

#[tokio::test]
async fn a_record_has_every_field_of_the_contract() {
    let mut api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let cdr = ended_call(&mut api, &tenant, "req_1").await;
    let listed = api.get("/api/v1/cdrs", &tenant.key).await.expect(200);
    let expected = json!({
        "call_id": cdr.call.to_string(), "session_id": cdr.session.to_string(),
        "direction": "outbound",
        "from_uri": "sip:2001@acme.example", "to_uri": "sip:3001@acme.example",
        "begin_time": "2026-07-24T08:00:00.000Z", "answer_time": "2026-07-24T08:00:01.000Z",
        "end_time": "2026-07-24T08:01:01.000Z", "dropped_by": "usr", "cause": 200,
        "end_reason": "released", "user_data": "req_1", "number": "2001",
        "plugin": "makecall", "version": 1, "codec": "PCMA",
        "packets_received": 3000, "packets_sent": 2999, "packets_lost": 1,
        "jitter_ms": 1.5, "remote_lost": 2, "remote_jitter_ms": 0.125, "rtt_ms": 40.25, "mos": 4.38,
        "usage": {"turns": 4, "guest_us": 300, "host_calls": 12, "memory": 65536, "faults": 1},
    });
    assert_eq!(listed, json!({"data": [expected], "has_more": false}));
}

#[tokio::test]
async fn records_are_filtered_and_paged() {
    let mut api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let first = ended_call(&mut api, &tenant, "a").await;
    let second = ended_call(&mut api, &tenant, "b").await;
    let count = async |query: String| {
        let page = api.get(&format!("/api/v1/cdrs?{query}"), &tenant.key).await;
        page.expect(200)["data"].as_array().unwrap().len()
    };
    for (query, expected) in [
        (format!("call_id={}", first.call), 1),
        (format!("session_id={}", second.session), 1),
        ("user_data=b".into(), 1),
        ("user_data=nope".into(), 0),
        ("number=2001".into(), 2),
        (
            "from=2026-07-24T08:00:00Z&to=2026-07-24T08:00:01Z".into(),
            2,
        ),
        ("from=2026-07-24T10:00:00%2B02:00".into(), 2),
        ("to=2026-07-24T08:00:00Z".into(), 0),
        ("limit=1".into(), 1),
    ] {
        assert_eq!(count(query.clone()).await, expected, "{query}");
    }
    let page = api.get("/api/v1/cdrs?limit=1", &tenant.key).await.json();
    assert_eq!(page["has_more"], true);
    let last = page["data"][0]["call_id"].as_str().unwrap();
    let rest = api
        .get(&format!("/api/v1/cdrs?starting_after={last}"), &tenant.key)
        .await
        .json();
    assert_eq!(rest["data"].as_array().unwrap().len(), 1);
    assert_eq!(rest["has_more"], false);
}

#[tokio::test]
async fn traces_and_ladders_are_there_while_a_call_lives_and_after() {
    let mut api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let live = api.live_call(&tenant, Phase::Ringing);
    let ended = ended_call(&mut api, &tenant, "x").await;
    for (call, session) in [(live.call, live.session), (ended.call, ended.session)] {
        let trace = api
            .get(&format!("/api/v1/calls/{call}/trace"), &tenant.key)
            .await
            .expect(200);
        let id = call.to_string();
        let expected = json!({
            "session_id": session.to_string(), "begin_time": "2026-07-24T08:00:00.000Z",
            "lanes": [{"call_id": id, "label": "1001"}],
            "entries": [
                {"at_us": 0, "kind": "sip", "call_id": id, "sent": false, "line": "INVITE 2001",
                 "sdp": true},
                {"at_us": 1200, "kind": "turn", "event": "on_incoming", "call_id": id,
                 "decisions": ["release 1001 403"]},
            ],
            "dropped": 0,
        });
        assert_eq!(trace, expected);
        let path = format!("/api/v1/sessions/{session}/trace");
        assert_eq!(api.get(&path, &tenant.key).await.expect(200), expected);
        let svg = api
            .get(&format!("/api/v1/calls/{call}/ladder.svg"), &tenant.key)
            .await;
        assert_eq!(svg.headers["content-type"], "image/svg+xml");
        assert!(svg.text.starts_with("<svg") && svg.text.contains("INVITE 2001"));
        let text = api
            .get(&format!("/api/v1/calls/{call}/ladder.txt"), &tenant.key)
            .await;
        assert!(
            text.text.contains("--INVITE 2001 (SDP)---"),
            "{}",
            text.text
        );
    }
}
