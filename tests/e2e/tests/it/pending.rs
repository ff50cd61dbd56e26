//! Which calls to a private number are let through, and which are refused.

use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp::{self, Scenario, free_port};
use serde_json::json;

#[test]
fn a_call_without_a_request_is_refused_with_403() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    office
        .calls("uac-refused", "2001")
        .with("status", 403)
        .start()
        .finish();
    let cdrs = office.cdrs_where("number=2001", 1);
    check(
        &cdrs[0],
        &json!({ "direction": "inbound", "cause": 403, "dropped_by": "sys" }),
    );
    check(
        &cdrs[0],
        &json!({ "answer_time": null, "end_reason": "released" }),
    );
}

#[test]
fn a_cancelled_request_lets_no_call_through() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    office.makecall("2001", "3001");
    assert_eq!(office.cancelcall(), 200);
    assert_eq!(office.cancelcall(), 404, "nothing is pending any more");
    office
        .calls("uac-refused", "2001")
        .with("status", 403)
        .start()
        .finish();
}

#[test]
fn a_call_to_another_private_number_is_refused_and_the_request_stays() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    office.makecall("2001", "3001");
    office
        .calls("uac-refused", "2002")
        .with("status", 403)
        .start()
        .finish();
    let mut callee = office.is_called("uas-answers").start();
    office.calls("uac-answered", "2001").start().finish();
    callee.finish();
}

#[test]
fn the_last_request_counts() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let other = free_port();
    office.phone("3002", other);
    let first = office.makecall("2001", "3001");
    let second = office.makecall("2001", "3002");
    assert_ne!(first, second);
    let mut callee = Scenario::callee("uas-answers", other).start();
    office.calls("uac-answered", "2001").start().finish();
    callee.finish();
    office.cdrs(&second, 2);
    office.cdrs(&first, 0);
}

#[test]
fn the_last_request_counts_for_another_private_number_too() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    office.makecall("2001", "3001");
    office.makecall("2002", "3001");
    office
        .calls("uac-refused", "2001")
        .with("status", 403)
        .start()
        .finish();
    let mut callee = office
        .is_called("uas-answers")
        .with("shown", "2002")
        .start();
    office.calls("uac-answered", "2002").start().finish();
    callee.finish();
}

#[test]
fn one_request_lets_one_call_through() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    office.makecall("2001", "3001");
    let mut callee = office.is_called("uas-answers").start();
    office.calls("uac-answered", "2001").start().finish();
    callee.finish();
    office
        .calls("uac-refused", "2001")
        .with("status", 403)
        .start()
        .finish();
}

#[test]
fn a_cti_servers_question_consumes_the_request_as_a_call_would() {
    let node = Node::start();
    let office = Office::open(&node, "acme");
    office.makecall("2001", "3001");
    let question = json!({ "from": "1001", "to": "3001" });
    let reply = office.rest.post("/api/cti/callin", &question).expect(200);
    assert_eq!(
        reply,
        json!({ "action": "bridge", "caller": "2001", "callee": "3001" })
    );
    let reply = office.rest.post("/api/cti/callin", &question).expect(200);
    assert_eq!(reply, json!({ "action": "reject", "cause": 403 }));
}

#[test]
fn a_caller_that_nobody_knows_is_refused_with_403() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    office.makecall("2001", "3001");
    let stranger = Scenario::caller("uac-refused", free_port(), node.sip, "2001");
    stranger.with("status", 403).start().finish();
    assert_eq!(office.cancelcall(), 200, "the request is still there");
}

#[test]
fn a_number_that_nobody_has_is_refused_with_404() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    office
        .calls("uac-refused", "2999")
        .with("status", 404)
        .start()
        .finish();
}
