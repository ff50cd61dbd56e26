//! What a body may be, and how a refusal names the member.

use serde_json::{Value, json};

use crate::{Reply, Request, RequestOrigin};

fn request(body: &str) -> Request {
    Request {
        id: "req_1".to_owned(),
        origin: RequestOrigin::User,
        user: "1001".to_owned(),
        verb: "makecall".to_owned(),
        body: body.to_owned(),
    }
}

fn pointers(body: &str) -> Vec<String> {
    let refusal = request(body).strings(["caller", "callee"]).unwrap_err();
    assert_eq!(refusal.status, 400);
    let problem: Value = serde_json::from_str(&refusal.body).unwrap();
    assert_eq!(problem["code"], "invalid-body");
    let errors = problem["errors"].as_array().unwrap();
    errors
        .iter()
        .map(|e| e["pointer"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_named_strings_come_in_the_order_of_their_names() {
    let body = r#"{"callee":"3001","caller":"2001"}"#;
    let strings = request(body).strings(["caller", "callee"]).unwrap();
    assert_eq!(strings, ["2001", "3001"]);
}

#[test]
fn every_offending_member_is_named() {
    assert_eq!(pointers("{}"), ["#/caller", "#/callee"]);
    assert_eq!(pointers(r#"{"caller":"2001"}"#), ["#/callee"]);
    assert_eq!(
        pointers(r#"{"caller":"","callee":3001}"#),
        ["#/caller", "#/callee"]
    );
    assert_eq!(
        pointers(r#"{"caller":"2001","callee":"3001","a/b":1}"#),
        ["#/a~1b"]
    );
}

#[test]
fn a_flag_may_be_absent_and_is_nothing_but_true_or_false() {
    let flag = |body: &str| request(body).strings_and_flags(["callee"], ["record"]);
    assert_eq!(flag(r#"{"callee":"3001"}"#).unwrap().1, [false]);
    assert_eq!(
        flag(r#"{"callee":"3001","record":true}"#).unwrap().1,
        [true]
    );
    for body in [
        r#"{"callee":"3001","record":"true"}"#,
        r#"{"callee":"3001","record":1}"#,
    ] {
        let refusal = flag(body).unwrap_err();
        assert!(refusal.body.contains("\"#/record\""), "{}", refusal.body);
    }
}

#[test]
fn a_member_that_is_no_address_is_named() {
    let body = r#"{"caller":"sip:2001@example.com","callee":"30 01"}"#;
    let refusal = request(body).addresses_and_flags(["caller", "callee"], []);
    let refusal = refusal.unwrap_err();
    assert!(refusal.body.contains("\"#/callee\""), "{}", refusal.body);
    let body = body.replace(' ', "");
    assert!(
        request(&body)
            .addresses_and_flags(["caller", "callee"], [])
            .is_ok()
    );
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    for body in ["", "{", "[]", "\"text\"", "null"] {
        assert_eq!(pointers(body), [""; 0], "{body}");
    }
}

#[test]
fn an_unknown_verb_is_404_and_named() {
    let reply = Reply::unknown_verb("dance");
    assert_eq!(reply.status, 404);
    let problem: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(
        problem,
        json!({
            "status": 404, "code": "unknown-verb", "detail": "nothing here answers dance",
        })
    );
}
