//! SIP over TCP: calls of phones and trunks, mixed with UDP, and peers that only hold connections.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::metrics::Page;
use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp;
use crate::stopwatch::{now, wait_for};

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

#[test]
fn silent_connections_do_not_delay_a_call() {
    if !sipp::is_there() {
        return;
    }
    let many = if std::env::var_os("E2E_LONG").is_some() {
        10_000
    } else {
        500
    };
    let node = Node::start();
    let office = office(&node, "tcp", "tcp");
    let mut crowd = Vec::new();
    for number in 0..many {
        let mut one = TcpStream::connect(node.sip_tcp).expect("the node listens");
        // Some say nothing, some begin to.
        if number % 2 == 0 {
            one.write_all(b"INVITE sip:2001@x SIP/2.0\r\nVia")
                .expect("it is there");
        }
        crowd.push(one);
    }
    let began = now();
    call(&node, &office, ["tcp", "tcp"], "t1");
    // The scenarios ring, answer and talk for 0.6 s.
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    // Those that are left have their time, and no more.
    wait_for(
        "the end of the silent ones",
        Duration::from_secs(30),
        || {
            let page = Page::of(&node);
            let ended = |how| page.count("jackfield_sip_connections_ended_total", &[how]);
            let ends = [r#"end="silent""#, r#"end="displaced""#].map(ended);
            let left = page.count("jackfield_sip_connections_silent", &[]);
            (ends.iter().sum::<u64>() == many && left == 0).then_some(())
        },
    );
}
