//! What the callee does, and what the caller hears of it.

use serde_json::json;

use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp;

/// One call to a callee that never answers: its scenario, the status it sends and the one that the
/// caller must get. Returns the CDRs, inbound first.
fn unanswered(
    office: &Office,
    callee: (&'static str, u16, &str),
    status: u16,
) -> Vec<serde_json::Value> {
    let id = office.makecall("2001", "3001");
    let (scenario, sends, reason) = callee;
    let callee = office.is_called(scenario).with("status", sends);
    let mut callee = callee.with("reason", reason).start();
    let user = office.calls("uac-refused", "2001").with("status", status);
    user.start().finish();
    callee.finish();
    let cdrs = office.cdrs(&id, 2);
    for cdr in &cdrs {
        check(cdr, &json!({ "answer_time": null, "cause": status }));
    }
    cdrs
}

#[test]
fn a_busy_callee_is_busy_to_the_caller() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let cdrs = unanswered(&office, ("uas-refuses", 486, "Busy Here"), 486);
    check(&cdrs[0], &json!({ "dropped_by": "sys" }));
    check(&cdrs[1], &json!({ "dropped_by": "usr" }));
}

#[test]
fn a_redirecting_callee_is_unavailable_to_the_caller() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let id = office.makecall("2001", "3001");
    let callee = office.is_called("uas-refuses").with("status", 302);
    let mut callee = callee.with("reason", "Moved Temporarily").start();
    office
        .calls("uac-refused", "2001")
        .with("status", 480)
        .start()
        .finish();
    callee.finish();
    check(
        &office.cdrs(&id, 2)[0],
        &json!({ "cause": 480, "answer_time": null }),
    );
}

#[test]
fn a_callee_that_rings_on_is_cancelled_and_the_caller_gets_408() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    office.set("makecall", &json!({ "max_ring_seconds": "2" }));
    unanswered(&office, ("uas-cancelled", 180, "Ringing"), 408);
}

#[test]
fn a_callee_that_sends_100_and_stalls_is_cancelled_and_the_caller_gets_408() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    unanswered(&office, ("uas-cancelled", 100, "Trying"), 408);
}

#[test]
fn a_callee_that_hangs_up_ends_the_callers_call() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let id = office.makecall("2001", "3001");
    let mut callee = office.is_called("uas-hangs-up").with("talk", 500).start();
    office.calls("uac-waits", "2001").start().finish();
    callee.finish();
    let cdrs = office.cdrs(&id, 2);
    check(&cdrs[0], &json!({ "dropped_by": "sys", "cause": 200 }));
    check(&cdrs[1], &json!({ "dropped_by": "usr", "cause": 200 }));
}
