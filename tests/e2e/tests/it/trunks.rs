//! Calls from and to the network: trunks instead of phones.

use std::net::UdpSocket;
use std::time::Duration;

use serde_json::json;

use crate::dns::{Dns, naptr, srv};
use crate::node::Node;
use crate::office::Office;
use crate::sipp;
use crate::stopwatch::wait_for;

/// Gives the office a carrier at the callee's address that asserts who calls.
pub(crate) fn carrier(office: &Office, accept_from: &str, prefix: &str) {
    let trunk = json!({
        "name": "carrier",
        "address": office.callee.to_string(),
        "transport": "udp",
        "accept_from": [accept_from],
        "trust_identity": true,
        "prefixes": [prefix],
    });
    office.rest.post("/api/v1/trunks", &trunk).expect(201);
}

#[test]
fn a_call_by_way_of_trunks_is_bridged_for_whom_the_carrier_asserts() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::empty(&node, "acme");
    office.number("2001", "makecall");
    carrier(&office, "127.0.0.1/32", "3");
    let id = office.makecall("2001", "3001");
    let mut callee = office.is_called("uas-answers").start();
    let user = office
        .calls("uac-answered", "2001")
        .with("from", "anonymous");
    let asserted = "P-Asserted-Identity: <sip:1001@carrier.example>";
    user.with("headers", asserted).start().finish();
    callee.finish();
    office.cdrs(&id, 2);
}

#[test]
fn a_destination_that_no_trunk_has_is_not_dialled() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::empty(&node, "acme");
    office.number("2001", "makecall");
    carrier(&office, "127.0.0.1/32", "4");
    office.makecall("2001", "3001");
    office
        .calls("uac-refused", "2001")
        .with("status", 603)
        .start()
        .finish();
}

#[test]
fn a_call_to_a_name_goes_to_the_next_of_its_servers_when_the_first_is_silent() {
    if !sipp::is_there() {
        return;
    }
    let dns = Dns::serve();
    let servers = format!("[\"{}\"]", dns.address);
    let node = Node::start_with(&[("SIP__DNS", &servers)]);
    let office = Office::empty(&node, "acme");
    office.number("2001", "makecall");
    office.phone("1001", office.user);
    // The first server of the service takes what it is sent and says nothing.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let here = vec![127, 0, 0, 1];
    dns.know([
        (
            "carrier.example",
            35,
            naptr("SIP+D2U", "_sip._udp.carrier.example"),
        ),
        (
            "_sip._udp.carrier.example",
            33,
            srv(10, port, "one.carrier.example"),
        ),
        (
            "_sip._udp.carrier.example",
            33,
            srv(20, office.callee.port(), "two.carrier.example"),
        ),
        ("one.carrier.example", 1, here.clone()),
        ("two.carrier.example", 1, here),
    ]);
    let trunk = json!({"name": "carrier", "address": "carrier.example", "accept_from": []});
    office.rest.post("/api/v1/trunks", &trunk).expect(201);
    // The last question of the search; its answer is with the shards at once.
    wait_for("the name to be looked up", Duration::from_secs(10), || {
        dns.was_asked("two.carrier.example", 28).then_some(())
    });
    std::thread::sleep(Duration::from_millis(300));

    let id = office.makecall("2001", "3001");
    let mut callee = office.is_called("uas-answers").start();
    office.calls("uac-answered", "2001").start().finish();
    callee.finish();
    office.cdrs(&id, 2);
    let mut message = [0; 2_048];
    let (length, _) = silent.recv_from(&mut message).unwrap();
    assert!(message[..length].starts_with(b"INVITE sip:3001@"));
}

#[test]
fn a_carrier_that_wants_a_proof_of_every_request_gets_it() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::empty(&node, "acme");
    office.number("2001", "makecall");
    office.phone("1001", office.user);
    let trunk = json!({
        "name": "carrier",
        "address": office.callee.to_string(),
        "accept_from": [],
        "auth": {"user": "us", "password": "secret"},
    });
    office.rest.post("/api/v1/trunks", &trunk).expect(201);
    let id = office.makecall("2001", "3001");
    let mut callee = office.is_called("uas-asks").start();
    office.calls("uac-holds", "2001").start().finish();
    callee.finish();
    office.cdrs(&id, 2);
    assert_eq!(office.live(), 0);
}

#[test]
fn numbers_are_spelled_as_the_carrier_spells_them_and_records_as_the_tenant() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::empty(&node, "acme");
    office.number("2001", "makecall");
    office.phone("1001", office.user);
    let rule = |prefix: &str| json!([{"prefix": prefix, "prepend": "+4930"}]);
    let trunk = json!({
        "name": "carrier",
        "address": office.callee.to_string(),
        "accept_from": [],
        "prefixes": ["3"],
        "rewrite": {"out": {"called": rule("3"), "caller": rule("2")}},
    });
    office.rest.post("/api/v1/trunks", &trunk).expect(201);
    let id = office.makecall("2001", "3001");
    // SIPp's expressions are extended ones.
    let callee = office.is_called("uas-answers").with("shown", "[+]49302001");
    let mut callee = callee.start();
    office.calls("uac-answered", "2001").start().finish();
    callee.finish();
    let cdrs = office.cdrs(&id, 2);
    let outbound = cdrs.iter().find(|cdr| cdr["direction"] == "outbound");
    let outbound = outbound.expect("a record of the leg");
    assert_eq!(outbound["from_uri"], "sip:2001@acme.example");
    assert_eq!(outbound["to_uri"], "sip:3001@acme.example");
}
