//! A trunk that registers with its carrier, which is another node: there it is a phone.

use std::time::Duration;

use serde_json::{Value, json};

use crate::dns::Dns;
use crate::metrics::Page;
use crate::node::Node;
use crate::office::Office;
use crate::sipp;
use crate::stopwatch::wait_for;

/// The number of ours, and the user whom the carrier knows.
const OURS: &str = "4001";

/// A carrier of the tests' own: a tenant with the phone 4001, which registers, and a line 1001.
fn carrier(node: &Node) -> Office {
    let carrier = Office::empty(node, "carrier");
    carrier.number("2001", "makecall");
    carrier.phone("1001", carrier.user);
    let phone = json!({ "user": OURS, "password": "correct-horse" });
    carrier.rest.post("/api/v1/phones", &phone).expect(201);
    carrier
}

/// The status of a trunk, once it is registered or not.
fn status(office: &Office, trunk: &str, registered: bool) -> Value {
    let path = format!("/api/v1/trunks/{trunk}");
    let what = format!("the trunk to be registered: {registered}");
    wait_for(&what, Duration::from_secs(15), || {
        let status = office.rest.get(&path).expect(200)["status"].clone();
        let settled = registered || status["last_failure"].is_object();
        (status["registered"] == registered && settled).then_some(status)
    })
}

#[test]
fn a_call_comes_over_a_trunk_that_registers_until_its_node_stops() {
    if !sipp::is_there() {
        return;
    }
    let network = Node::start();
    let carrier = carrier(&network);
    let dns = Dns::serve();
    dns.know([("carrier.example", 1, vec![127, 0, 0, 1])]);
    let servers = format!("[\"{}\"]", dns.address);
    let mut node = Node::start_with(&[("SIP__DNS", &servers)]);
    let office = Office::empty(&node, "acme");
    office.number(OURS, "makecall");
    office.phone("3001", office.callee);
    let trunk = |name: &str, password: &str| {
        let address = format!("carrier.example:{}", network.sip.port());
        let register = json!({ "user": OURS, "password": password, "expires": 60 });
        let trunk = json!({ "name": name, "address": address, "accept_from": [],
                            "register": register });
        let made = office.rest.post("/api/v1/trunks", &trunk).expect(201);
        made["id"].as_str().expect("it has an id").to_owned()
    };
    let wrong = trunk("wrong", "guess");
    assert_eq!(status(&office, &wrong, false)["last_failure"]["code"], 401);
    let path = format!("/api/v1/trunks/{wrong}");
    office.rest.delete(&path).expect(204);
    let id = trunk("carrier", "correct-horse");
    let registered = status(&office, &id, true);
    assert!(registered["registered_until"].is_string(), "{registered}");

    // 1001 calls its number at the carrier, which calls ours, where it is bridged to 3001.
    carrier.makecall("2001", OURS);
    let call = office.makecall_of("2001", OURS, "3001");
    let mut callee = office.is_called("uas-answers").with("shown", OURS).start();
    carrier.calls("uac-answered", "2001").start().finish();
    callee.finish();
    let cdrs = office.cdrs(&call, 2);
    assert_eq!(cdrs[0]["to_uri"], format!("sip:{OURS}@carrier.example"));
    let page = Page::of(&node);
    assert_eq!(page.count("jackfield_trunks_registered", &[]), 1);

    assert!(node.stop().success());
    carrier.makecall("2001", OURS);
    let refused = carrier.calls("uac-refused", "2001").with("status", 480);
    refused.start().finish();
}
