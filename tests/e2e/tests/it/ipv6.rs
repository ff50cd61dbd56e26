//! SIP and audio over IPv6, and bridged with IPv4.

use std::net::{Ipv6Addr, SocketAddr};

use serde_json::json;

use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp::{self, Scenario};

#[test]
fn phones_of_both_address_families_talk_to_each_other() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start_with(&[
        ("SIP__UDP", "[\"127.0.0.1:0\", \"[::1]:0\"]"),
        ("MEDIA__ADDRESS6", "\"::1\""),
    ]);
    let text = node.text();
    let listeners = text
        .lines()
        .filter_map(|line| line.strip_prefix("sip udp "));
    let listeners: Vec<SocketAddr> = listeners
        .map(|it| it.parse().expect("an address"))
        .collect();
    let office = Office::empty(&node, "acme");
    office.number("2001", "makecall");
    let phone = |user: &str, is_ipv6| {
        let mut address = sipp::free_port();
        if is_ipv6 {
            address.set_ip(Ipv6Addr::LOCALHOST.into());
        }
        office.phone(user, address);
        address
    };
    for (user, callee, is_ipv6) in [
        ("1001", "3001", [true, false]),
        ("1002", "3002", [false, true]),
        ("1003", "3003", [true, true]),
    ] {
        let (from, to) = (phone(user, is_ipv6[0]), phone(callee, is_ipv6[1]));
        let at = listeners[usize::from(is_ipv6[0])];
        let id = office.makecall_of(user, "2001", callee);
        let mut called = Scenario::callee("uas-answers", to).start();
        Scenario::caller("uac-answered", from, at, "2001")
            .start()
            .finish();
        called.finish();
        for cdr in office.cdrs(&id, 2) {
            check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
        }
    }
    assert_eq!(office.live(), 0);
}
