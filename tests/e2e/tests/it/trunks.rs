//! Calls from and to the network: trunks instead of phones.

use serde_json::json;

use crate::node::Node;
use crate::office::Office;
use crate::sipp;

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
        .with("status", 403)
        .start()
        .finish();
}
