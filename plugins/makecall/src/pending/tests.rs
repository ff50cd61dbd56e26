//! Numbers, bodies and matching, without a call.

use jackfield_sdk::{Request, RequestOrigin};

use super::{Pending, key};

fn request(user: &str, body: &str) -> Request {
    Request {
        id: "req_1".to_owned(),
        origin: RequestOrigin::User,
        user: user.to_owned(),
        verb: "makecall".to_owned(),
        body: body.to_owned(),
    }
}

fn pending() -> Pending {
    Pending::parse(&request("1001", r#"{"caller":"2001","callee":"3001"}"#)).unwrap()
}

#[test]
fn a_number_and_its_uri_have_one_request() {
    assert_eq!(key("1001"), "pending/1001");
    assert_eq!(key("sip:1001@example.com"), key("1001"));
}

#[test]
fn a_request_is_for_its_private_number_only() {
    assert!(pending().is_for_private_number("2001"));
    assert!(!pending().is_for_private_number("3001"));
    assert!(!pending().is_for_private_number("2002"));
}

#[test]
fn a_cti_server_may_name_the_callee() {
    assert!(pending().is_for_either("2001"));
    assert!(pending().is_for_either("3001"));
    assert!(!pending().is_for_either("3002"));
}

#[test]
fn a_member_that_is_no_number_is_named() {
    for (body, member) in [
        (r#"{"caller":"20 01","callee":"3001"}"#, "#/caller"),
        (
            r#"{"caller":"2001","callee":"sip:@example.com"}"#,
            "#/callee",
        ),
        (r#"{"caller":"2001","callee":"3001\r\nVia: x"}"#, "#/callee"),
        (r#"{"caller":"<2001>","callee":"3001"}"#, "#/caller"),
    ] {
        let refusal = Pending::parse(&request("1001", body)).unwrap_err();
        assert_eq!(refusal.status, 400);
        assert!(
            refusal.body.contains(&format!("\"{member}\"")),
            "{}",
            refusal.body
        );
    }
}

#[test]
fn a_caller_that_is_too_long_has_a_key_all_the_same() {
    assert_eq!(key(&"1".repeat(5_000)).len(), "pending/".len() + 200);
}
