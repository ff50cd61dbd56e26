//! SIP over TCP: calls of phones and trunks, mixed with UDP.

use serde_json::json;

use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp;

/// A tenant whose phones speak over these transports.
fn office(node: &Node, user: &str, callee: &str) -> Office {
    let office = Office::empty(node, "acme");
    office.number("2001", "makecall");
    office.phone_over(user, "1001", office.user);
    office.phone_over(callee, "3001", office.callee);
    office
}

/// One makecall call between them. TCP is spoken in that way.
fn call(node: &Node, office: &Office, transports: [&str; 2], mode: &'static str) {
    let id = office.makecall("2001", "3001");
    let mut callee = office.is_called("uas-answers");
    if transports[1] == "tcp" {
        callee = callee.over_tcp(mode, node.sip_tcp);
    }
    let mut callee = callee.start();
    let mut user = office.calls("uac-answered", "2001");
    if transports[0] == "tcp" {
        user = user.over_tcp(mode, node.sip_tcp);
    }
    user.start().finish();
    callee.finish();
    for cdr in office.cdrs(&id, 2) {
        check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
        assert!(cdr["answer_time"].is_string(), "{cdr:#}");
    }
    assert_eq!(office.live(), 0);
}

#[test]
fn a_makecall_call_over_tcp_and_mixed_with_udp() {
    if !sipp::is_there() {
        return;
    }
    for transports in [["tcp", "tcp"], ["tcp", "udp"], ["udp", "tcp"]] {
        let node = Node::start();
        let office = office(&node, transports[0], transports[1]);
        call(&node, &office, transports, "t1");
    }
}

#[test]
fn a_connection_for_each_call_and_a_trunk_over_tcp() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::empty(&node, "acme");
    office.number("2001", "makecall");
    office.phone_over("tcp", "1001", office.user);
    let trunk = json!({
        "name": "carrier", "address": office.callee.to_string(), "transport": "tcp",
        "accept_from": ["127.0.0.3/32"], "prefixes": ["3"],
    });
    let made = office.rest.post("/api/v1/trunks", &trunk).expect(201);
    check(&made, &json!({ "transport": "tcp" }));
    call(&node, &office, ["tcp", "tcp"], "tn");
}
