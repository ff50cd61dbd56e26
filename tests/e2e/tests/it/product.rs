//! makecall's settings for real telephones: one id from the request to the recording, and the other half.

use serde_json::json;

use crate::node::Node;
use crate::office::{Office, check};
use crate::recordings::recording;
use crate::sipp::{self, Scenario};

#[test]
fn one_id_leads_from_the_request_to_both_cdrs_the_recording_and_the_trace() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let asked = json!({ "caller": "2001", "callee": "3001", "record": true });
    let reply = office.rest.post("/api/user/1001/makecall", &asked);
    let reply = reply.expect(200);
    let id = reply["callid"].as_str().expect("a text");
    let mut callee = office.is_called("uas-answers").start();
    let mut user = office
        .calls("uac-answered", "2001")
        .with("talk", 1_500)
        .start();
    user.finish();
    callee.finish();

    let cdrs = office.cdrs(id, 2);
    assert_eq!(cdrs[0]["session_id"], cdrs[1]["session_id"]);
    let one = recording(&office, "ready");
    let of_the_caller = json!({
        "name": id, "call_id": cdrs[0]["call_id"], "session_id": cdrs[0]["session_id"],
    });
    check(&one, &of_the_caller);
    let named = office.rest.get(&format!("/api/v1/recordings?name={id}"));
    assert_eq!(named.expect(200)["data"], json!([one]));
    let call = cdrs[0]["call_id"].as_str().expect("a text");
    let trace = office.rest.get(&format!("/api/v1/calls/{call}/trace"));
    let trace = trace.expect(200).to_string();
    assert!(trace.contains(&format!("records {id}")), "{trace}");
}

#[test]
fn whoever_dials_a_private_number_reaches_its_owner() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    office.set(
        "makecall",
        &json!({ "owners": "2001=1001", "refusal_cause": "480" }),
    );
    let owner = Scenario::callee("uas-answers", office.user);
    let mut owner = owner.with("shown", "3001").start();
    let mut caller = Scenario::caller("uac-answered", office.callee, node.sip, "2001").start();
    caller.finish();
    owner.finish();
    let cdrs = office.cdrs_where("number=2001", 1);
    let session = cdrs[0]["session_id"].as_str().expect("a text");
    let cdrs = office.cdrs(session, 2);
    for (cdr, from, to) in [
        (&cdrs[0], "sip:3001@", "sip:2001@"),
        (&cdrs[1], "sip:3001@", "sip:1001@"),
    ] {
        let begins = |name: &str, with| cdr[name].as_str().is_some_and(|it| it.starts_with(with));
        assert!(begins("from_uri", from) && begins("to_uri", to), "{cdr:#}");
        check(cdr, &json!({ "cause": 200 }));
    }

    // Its own call is not led to itself.
    let own = office.calls("uac-refused", "2001").with("status", 480);
    own.start().finish();
}
