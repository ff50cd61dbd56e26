//! The makecall component, turn by turn (architecture §8).

use model::Command;
use model::Origin::{Cti, Tenant, User};
use model::turn::Phase;
use model::{CallId, Event};
use serde_json::{Value, json};

use crate::scene::{Scene, makecall};

const BODY: &str = r#"{"caller":"2001","callee":"3001"}"#;

async fn asked() -> Scene {
    let mut scene = Scene::new(makecall());
    assert_eq!(scene.ask(User, "makecall", BODY).await.status, 200);
    scene
}

/// A scene in which the callee is dialled: the caller and the callee.
async fn dialling() -> (Scene, CallId, CallId) {
    let mut scene = asked().await;
    let (a, incoming) = scene.incoming("1001", "2001");
    scene.turn(incoming).await;
    let b = scene.calls[1].id;
    (scene, a, b)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn makecall_answers_with_the_id_of_the_request() {
    let mut scene = Scene::new(makecall());
    let event = scene.request(User, "makecall", BODY);
    let Event::Request(request) = &event else {
        unreachable!()
    };
    let id = request.id.to_string();
    let effects = scene.turn(event).await;
    let reply = effects.reply.unwrap();
    assert_eq!(
        (reply.status, json(&reply.body)),
        (200, json!({ "callid": id }))
    );
    assert!(effects.commands.is_empty());
    assert_eq!(scene.keys(), ["pending/1001"]);
}

#[tokio::test]
async fn a_call_that_was_asked_for_is_led_to_the_callee() {
    let mut scene = asked().await;
    let (_, incoming) = scene.incoming("1001", "2001");
    let effects = scene.turn(incoming).await;
    assert_eq!(
        scene.words(&effects),
        ["set-user-data a", "construct 2001 -> 3001"]
    );
    assert_eq!(scene.calls[0].user_data, scene.calls[1].user_data);
    assert!(scene.calls[0].user_data.starts_with("req_"));
    let Some(Command::Construct(made)) = effects.commands.last() else {
        unreachable!()
    };
    assert_eq!(made.max_ring_seconds, 60);
    assert!(scene.keys().is_empty(), "the request is used up");
}

#[tokio::test]
async fn the_setting_says_how_long_the_callee_may_ring() {
    let mut scene = asked().await;
    scene.settings.insert("max_ring_seconds".into(), "7".into());
    let (_, incoming) = scene.incoming("1001", "2001");
    let effects = scene.turn(incoming).await;
    let Some(Command::Construct(made)) = effects.commands.last() else {
        unreachable!()
    };
    assert_eq!(made.max_ring_seconds, 7);
}

#[tokio::test]
async fn a_call_to_another_private_number_is_refused_and_the_request_stays() {
    let mut scene = asked().await;
    let (_, incoming) = scene.incoming("1001", "2002");
    let effects = scene.turn(incoming).await;
    assert_eq!(scene.words(&effects), ["release a 403"]);
    assert_eq!(scene.keys(), ["pending/1001"]);
}

#[tokio::test]
async fn a_call_of_somebody_else_or_too_late_is_refused() {
    let mut scene = asked().await;
    let (_, incoming) = scene.incoming("1002", "2001");
    let effects = scene.turn(incoming).await;
    assert_eq!(scene.words(&effects), ["release a 403"]);

    let mut scene = asked().await;
    scene.now += 120_000;
    let (_, incoming) = scene.incoming("1001", "2001");
    let effects = scene.turn(incoming).await;
    assert_eq!(scene.words(&effects), ["release a 403"]);
}

#[tokio::test]
async fn the_last_request_counts_whatever_its_numbers() {
    let mut scene = asked().await;
    scene
        .ask(User, "makecall", r#"{"caller":"2002","callee":"3002"}"#)
        .await;
    let (_, incoming) = scene.incoming("1001", "2001");
    let effects = scene.turn(incoming).await;
    assert_eq!(scene.words(&effects), ["release a 403"]);
    let (_, incoming) = scene.incoming("1001", "2002");
    let effects = scene.turn(incoming).await;
    assert_eq!(
        scene.words(&effects),
        ["set-user-data b", "construct 2002 -> 3002"]
    );
}

#[tokio::test]
async fn what_may_not_be_dialled_is_refused_and_the_request_stays() {
    let mut scene = Scene::new(makecall());
    scene
        .ask(User, "makecall", r#"{"caller":"2001","callee":"5001"}"#)
        .await;
    let (_, incoming) = scene.incoming("1001", "2001");
    let effects = scene.turn(incoming).await;
    assert_eq!(scene.words(&effects), ["set-user-data a", "release a 603"]);
    assert_eq!(scene.keys(), ["pending/1001"]);
    assert!(
        effects.logs[0].message.contains("no trunk may dial"),
        "{:?}",
        effects.logs
    );
}

#[tokio::test]
async fn without_the_store_a_call_is_refused_with_503() {
    let mut scene = asked().await;
    scene.store_is_away();
    let (_, incoming) = scene.incoming("1001", "2001");
    let effects = scene.turn(incoming).await;
    assert_eq!(scene.words(&effects), ["release a 503"]);
}

#[tokio::test]
async fn ringing_and_answer_are_passed_through() {
    let (mut scene, _, b) = dialling().await;
    let effects = scene
        .turn(Event::Ringing {
            call: b,
            early_media: false,
        })
        .await;
    assert_eq!(scene.words(&effects), ["ring a"]);
    let answered = scene.dial_completed(b, None);
    let effects = scene.turn(answered).await;
    assert_eq!(scene.words(&effects), ["answer a", "bridge-start a b"]);
    let effects = scene.turn(Event::Answered { call: b }).await;
    assert!(effects.commands.is_empty());
}

#[tokio::test]
async fn early_media_is_passed_through_and_bridged_once() {
    let (mut scene, _, b) = dialling().await;
    let effects = scene
        .turn(Event::Ringing {
            call: b,
            early_media: true,
        })
        .await;
    assert_eq!(scene.words(&effects), ["bridge-start a b"]);
    let answered = scene.dial_completed(b, None);
    let effects = scene.turn(answered).await;
    assert_eq!(scene.words(&effects), ["answer a"]);
}

#[tokio::test]
async fn causes_of_the_callee_reach_the_caller_by_the_table() {
    for (cause, words) in [
        (486, "release a 486"),
        (603, "release a 603"),
        (408, "release a 408"),
        (302, "release a 480"),
        (407, "release a 500"),
        (503, "release a 500"),
    ] {
        let (mut scene, _, b) = dialling().await;
        let failed = scene.dial_completed(b, Some(cause));
        let effects = scene.turn(failed).await;
        assert_eq!(scene.words(&effects), [words], "{cause}");
        let released = scene.released(b, cause);
        assert!(scene.turn(released).await.commands.is_empty(), "{cause}");
    }
}

#[tokio::test]
async fn the_callers_cancel_reaches_the_callee() {
    let (mut scene, a, b) = dialling().await;
    let released = scene.released(a, 487);
    let effects = scene.turn(released).await;
    assert_eq!(scene.words(&effects), ["release b 487"]);
    let completed = scene.dial_completed(b, Some(487));
    assert!(scene.turn(completed).await.commands.is_empty());
}

#[tokio::test]
async fn who_hangs_up_ends_the_call_of_the_other() {
    for caller_first in [true, false] {
        let (mut scene, a, b) = dialling().await;
        let answered = scene.dial_completed(b, None);
        scene.turn(answered).await;
        let (first, words) = if caller_first {
            (a, "release b 200")
        } else {
            (b, "release a 200")
        };
        let released = scene.released(first, 200);
        let effects = scene.turn(released).await;
        assert_eq!(scene.words(&effects), [words]);
    }
}

#[tokio::test]
async fn an_answer_that_crosses_the_callers_cancel_changes_nothing() {
    let (mut scene, a, b) = dialling().await;
    scene.phase(a, Phase::Released);
    let answered = scene.dial_completed(b, None);
    assert!(scene.turn(answered).await.commands.is_empty());
}

#[tokio::test]
async fn cancelcall_withdraws_the_request() {
    let mut scene = asked().await;
    assert_eq!(scene.ask(User, "cancelcall", "").await.status, 200);
    assert!(scene.keys().is_empty());
    let reply = scene.ask(User, "cancelcall", "").await;
    assert_eq!(
        (reply.status, &json(&reply.body)["code"]),
        (404, &json!("not-pending"))
    );
}

#[tokio::test]
async fn a_body_that_will_not_do_names_its_member() {
    let mut scene = Scene::new(makecall());
    for (body, pointer) in [
        (r#"{"callee":"3001"}"#, "#/caller"),
        (r#"{"caller":"2001","callee":3001}"#, "#/callee"),
        (
            r#"{"caller":"2001","callee":"3001","when":"now"}"#,
            "#/when",
        ),
        (r#"{"caller":"2001","callee":"<3001>"}"#, "#/callee"),
    ] {
        let reply = scene.ask(User, "makecall", body).await;
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(json(&reply.body)["errors"][0]["pointer"], pointer, "{body}");
    }
    assert_eq!(scene.ask(User, "makecall", "not json").await.status, 400);
    assert_eq!(scene.ask(User, "dance", "{}").await.status, 404);
    assert!(scene.keys().is_empty());
}

#[tokio::test]
async fn callin_tells_a_cti_server_what_to_do_and_uses_the_request_up() {
    for to in ["2001", "3001"] {
        let mut scene = asked().await;
        let body = json!({ "from": "1001", "to": to }).to_string();
        let reply = scene.ask(Cti, "callin", &body).await;
        let bridge = json!({ "action": "bridge", "caller": "2001", "callee": "3001" });
        assert_eq!((reply.status, json(&reply.body)), (200, bridge));
        let reply = scene.ask(Cti, "callin", &body).await;
        assert_eq!(
            json(&reply.body),
            json!({ "action": "reject", "cause": 403 })
        );
    }
}

#[tokio::test]
async fn callin_of_another_number_is_rejected_and_the_request_stays() {
    let mut scene = asked().await;
    let reply = scene
        .ask(Cti, "callin", r#"{"from":"1001","to":"2002"}"#)
        .await;
    assert_eq!(
        json(&reply.body),
        json!({ "action": "reject", "cause": 403 })
    );
    assert_eq!(scene.keys(), ["pending/1001"]);
}

#[tokio::test]
async fn callin_is_for_a_cti_server_only() {
    for origin in [User, Tenant] {
        let mut scene = asked().await;
        let reply = scene
            .ask(origin, "callin", r#"{"from":"1001","to":"2001"}"#)
            .await;
        assert_eq!(reply.status, 403);
        assert_eq!(scene.keys(), ["pending/1001"]);
    }
}

#[tokio::test]
async fn a_turn_that_is_run_again_does_the_same_and_notes_what_it_read() {
    let mut scene = asked().await;
    let (_, incoming) = scene.incoming("1001", "2001");
    let first = scene.turn(incoming).await;
    assert_eq!(
        first.store.reads.into_iter().collect::<Vec<_>>(),
        [("pending/1001".into(), 1)]
    );
    assert_eq!(first.store.writes.len(), 1);
    assert!(
        first.usage.host_calls > 5 && first.usage.guest_us > 0,
        "{:?}",
        first.usage
    );
    assert_eq!(first.usage.turns, 1);
}
