//! Requests that the policy answers.

use axum::{body::Body, http::Request};
use model::{Origin, Refusal, Reply, turn::Fault};
use serde_json::{Value, json};

use crate::harness::Api;

#[tokio::test]
async fn makecall_reaches_the_policy_and_answers_with_its_callid() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let body = json!({"caller": "2001", "callee": "3001"});
    let answer = api
        .post("/api/user/1001/makecall", &tenant.key, body.clone())
        .await;
    let reply = answer.expect(200);
    assert_eq!(answer.headers["content-type"], "application/json");
    let shards = api.shards.lock().unwrap();
    let (asked, request) = &shards.requests[0];
    assert_eq!(*asked, tenant.id);
    assert_eq!(
        (request.user.as_str(), request.verb.as_str()),
        ("1001", "makecall")
    );
    assert_eq!(request.origin, Origin::User);
    assert_eq!(serde_json::from_str::<Value>(&request.body).unwrap(), body);
    // The id of the HTTP request is the id that the policy sees.
    assert_eq!(reply["callid"], request.id.to_string());
    assert_eq!(
        answer.headers["x-request-id"],
        request.id.to_string().as_str()
    );
}

#[tokio::test]
async fn any_verb_and_an_empty_body_reach_the_policy() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let path = "/api/user/%2B4915112345/cancelcall";
    api.post(path, &tenant.key, Value::Null).await.expect(200);
    api.post("/api/user/a.b_c-d/do-this", &tenant.key, json!([1]))
        .await
        .expect(200);
    let shards = api.shards.lock().unwrap();
    let seen: Vec<_> = shards
        .requests
        .iter()
        .map(|(_, r)| (&*r.user, &*r.verb, &*r.body))
        .collect();
    assert_eq!(
        seen,
        [
            ("+4915112345", "cancelcall", ""),
            ("a.b_c-d", "do-this", "[1]")
        ]
    );
}

#[tokio::test]
async fn the_text_of_a_body_is_passed_on_unchanged() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let text = "{ \"n\": 1.50, \"z\":\"\\u00e4\", \"a\":null }";
    let request = Request::post("/api/user/1001/x")
        .header("authorization", format!("bearer {}", tenant.key))
        .header("content-type", "application/json")
        .body(Body::from(text));
    api.send(request.unwrap()).await.expect(200);
    assert_eq!(api.shards.lock().unwrap().requests[0].1.body, text);
}

#[tokio::test]
async fn what_is_no_number_or_verb_is_404_and_what_is_no_json_is_refused() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let long = "1".repeat(65);
    for path in ["10 01", "10%2F01", "10%0d%0a01", "%00", &long, "a@b"] {
        let path = format!("/api/user/{}/makecall", path.replace(' ', "%20"));
        api.post(&path, &tenant.key, json!({}))
            .await
            .problem(404, "not-found");
    }
    api.post("/api/user/1001/a.b", &tenant.key, json!({}))
        .await
        .problem(404, "not-found");
    let request = |media: &str, body: &'static str| {
        Request::post("/api/user/1001/makecall")
            .header("authorization", format!("Bearer {}", tenant.key))
            .header("content-type", media)
            .body(Body::from(body))
            .unwrap()
    };
    let answer = api.send(request("application/json", "{")).await;
    answer.problem(400, "invalid-json");
    let answer = api.send(request("text/plain", "{}")).await;
    answer.problem(415, "unsupported-media-type");
    let answer = api
        .send(request("application/json", r#"{"a":["x","y\n"]}"#))
        .await;
    answer.problem(422, "invalid-body");
    assert_eq!(answer.pointers(), ["#/a/1"]);
    assert!(api.shards.lock().unwrap().requests.is_empty());
}

#[tokio::test]
async fn callin_has_its_own_origin_which_no_phone_key_can_forge() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let body = json!({"from": "1001", "to": "2001"});
    api.post("/api/cti/callin", &tenant.key, body.clone())
        .await
        .expect(200);
    let phone = api.key(&tenant, "phone", None).await;
    api.post("/api/cti/callin", &phone, body.clone())
        .await
        .problem(403, "forbidden");
    api.post("/api/user/1001/callin", &phone, body)
        .await
        .expect(200);
    let shards = api.shards.lock().unwrap();
    let seen: Vec<_> = shards
        .requests
        .iter()
        .map(|(_, r)| (r.origin, r.verb.as_str()))
        .collect();
    assert_eq!(seen, [(Origin::Cti, "callin"), (Origin::User, "callin")]);
    assert_eq!(shards.requests[0].1.user, "");
}

#[tokio::test]
async fn a_reply_is_passed_through_with_its_status() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    for (status, body) in [
        (200, "{}"),
        (201, "[1]"),
        (404, r#"{"error":"nothing"}"#),
        (499, "\"x\""),
    ] {
        let reply = Reply {
            status,
            body: body.into(),
        };
        api.shards.lock().unwrap().reply = Some(reply);
        let answer = api.post("/api/user/1001/x", &tenant.key, json!({})).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (status, body)
        );
        assert_eq!(answer.headers["content-type"], "application/json");
    }
}

#[tokio::test]
async fn a_policys_refusal_with_a_code_is_completed_into_problem_details() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    let answer = async |status, body: Value| {
        let body = body.to_string();
        api.shards.lock().unwrap().reply = Some(Reply { status, body });
        api.post("/api/user/1001/x", &tenant.key, json!({})).await
    };
    let error = json!({"pointer": "#/caller", "detail": "caller is missing"});
    let refusal = json!({"status": 400, "code": "invalid-body", "detail": "caller is missing",
                         "errors": [error], "own": 1});
    let refused = answer(400, refusal).await;
    let problem = refused.problem(400, "invalid-body");
    assert_eq!(problem["detail"], "caller is missing");
    assert_eq!(problem["title"], "The policy refused");
    assert_eq!(
        (refused.pointers(), &problem["own"]),
        (vec!["#/caller".into()], &json!(1))
    );

    // What the policy says stays, but for what the platform knows better.
    let refusal = json!({"code": "busy", "status": 200, "request_id": "forged", "title": "Busy"});
    let problem = answer(409, refusal).await.problem(409, "busy");
    assert_eq!(problem["title"], "Busy");

    for (status, body) in [
        (200, json!({"code": "fine"})),
        (404, json!({"error": "nothing"})),
        (404, json!(["code"])),
        (404, json!({"code": 7})),
        (404, json!({"code": "not a word"})),
    ] {
        let passed = answer(status, body.clone()).await;
        assert_eq!(passed.headers["content-type"], "application/json", "{body}");
        assert_eq!(passed.expect(status), body);
    }
}

#[tokio::test]
async fn a_reply_that_is_no_json_or_has_another_status_is_the_policys_fault() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    for (status, body) in [
        (200, "oops"),
        (200, "{}{}"),
        (500, "{}"),
        (101, "{}"),
        (0, "{}"),
    ] {
        let reply = Reply {
            status,
            body: body.into(),
        };
        api.shards.lock().unwrap().reply = Some(reply);
        let answer = api.post("/api/user/1001/x", &tenant.key, json!({})).await;
        answer.problem(502, "invalid-reply");
    }
}

#[tokio::test]
async fn refusals_of_the_shard_are_problems() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    for (refusal, status, code) in [
        (Refusal::NoHandler, 404, "not-found"),
        (Refusal::Fault(Fault::Deadline), 502, "policy-fault"),
        (
            Refusal::Unavailable("too many sessions"),
            503,
            "unavailable",
        ),
    ] {
        api.shards.lock().unwrap().refusal = Some(refusal);
        let answer = api.post("/api/user/1001/x", &tenant.key, json!({})).await;
        answer.problem(status, code);
    }
}

#[tokio::test]
async fn no_answer_in_time_is_504() {
    let api = Api::new().await;
    let tenant = api.tenant("acme").await;
    api.shards.lock().unwrap().silent = true;
    let request = api.post("/api/user/1001/x", &tenant.key, json!({}));
    let (answer, ()) = tokio::join!(request, api.let_the_shards_be_late());
    answer.problem(504, "no-answer");
}

/// A queue that is full of questions, which wait for their answers.
async fn full() -> (
    api::Control,
    tokio::sync::mpsc::Receiver<api::ControlRequest>,
    tokio::task::JoinSet<Result<model::Answer, api::ControlError>>,
    model::TenantId,
) {
    let (control, receiver) = api::Control::channel();
    let mut ids = model::IdSource::new([1; 32], 0, 0);
    let tenant = model::TenantId::mint(&mut ids, 1);
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..api::limits::CONTROL_QUEUE {
        let control = control.clone();
        waiting.spawn(async move { control.ask(tenant, model::Ask::Calls).await });
    }
    while receiver.len() < api::limits::CONTROL_QUEUE {
        tokio::task::yield_now().await;
    }
    (control, receiver, waiting, tenant)
}

#[tokio::test]
async fn a_queue_that_nobody_empties_is_full_at_its_limit() {
    let (control, receiver, mut waiting, tenant) = full().await;
    let refused = control.ask(tenant, model::Ask::Calls).await;
    assert_eq!(refused.unwrap_err(), api::ControlError::Full);
    let seen = (control.queued(), control.refused());
    assert_eq!(seen, (api::limits::CONTROL_QUEUE, 1));
    // A node that goes down takes its queue with it.
    drop(receiver);
    let first = waiting.join_next().await.unwrap().unwrap();
    assert_eq!(first.unwrap_err(), api::ControlError::Full);
    let changed = control.tenant_changed(tenant).await;
    assert_eq!(changed.unwrap_err(), api::ControlError::Full);
}

#[tokio::test(start_paused = true)]
async fn the_word_of_a_committed_row_waits_for_room_and_is_not_lost() {
    let (control, mut receiver, _waiting, tenant) = full().await;
    let (told, many) = (control.clone(), 100);
    let mut changes = tokio::task::JoinSet::new();
    for _ in 0..many {
        let told = told.clone();
        changes.spawn(async move { told.tenant_changed(tenant).await });
    }
    // Longer than anybody waits for an answer.
    tokio::time::sleep(api::limits::CONTROL_ANSWER * 3).await;
    assert_eq!(changes.len(), many);
    assert!(changes.try_join_next().is_none(), "one was given up");
    let mut heard = 0;
    while heard < many {
        if let api::ControlRequest::TenantChanged { done, .. } = receiver.recv().await.unwrap() {
            heard += 1;
            done.send(()).unwrap();
        }
    }
    while let Some(done) = changes.join_next().await {
        assert_eq!(done.unwrap(), Ok(()));
    }
    assert_eq!(control.refused(), 0);
}
