//! What the caller does, and what the callee sees of it.

use serde_json::json;

use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp;

#[test]
fn a_caller_that_gives_up_while_it_rings_cancels_the_callee() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let id = office.makecall("2001", "3001");
    let callee = office.is_called("uas-cancelled").with("status", 180);
    let mut callee = callee.with("reason", "Ringing").start();
    office
        .calls("uac-cancels", "2001")
        .with("talk", 500)
        .start()
        .finish();
    callee.finish();
    let cdrs = office.cdrs(&id, 2);
    check(
        &cdrs[0],
        &json!({ "cause": 487, "dropped_by": "usr", "answer_time": null }),
    );
    check(
        &cdrs[1],
        &json!({ "cause": 487, "dropped_by": "sys", "answer_time": null }),
    );
    assert_eq!(office.live(), 0);
}
