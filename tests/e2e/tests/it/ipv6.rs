//! SIP and audio over IPv6, and bridged with IPv4.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use media::sdp::Codec;
use serde_json::json;

use crate::baresip::{self, Account};
use crate::handset::Audio;
use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp::{self, Scenario};
use crate::stopwatch::wait_for;

const HZ: u16 = 970;

/// Where a node takes datagrams.
fn listeners(node: &Node) -> Vec<SocketAddr> {
    let text = node.text();
    let said = text
        .lines()
        .filter_map(|line| line.strip_prefix("sip udp "));
    said.map(|it| it.parse().expect("an address")).collect()
}

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

#[test]
fn a_softphone_registers_over_ipv6_and_is_heard_over_ipv4() {
    if !sipp::is_there() || !baresip::is_there() {
        return;
    }
    let node = Node::start_with(&[
        ("SIP__UDP", "[\"127.0.0.1:0\", \"[::1]:0\"]"),
        ("MEDIA__ADDRESS6", "\"::1\""),
    ]);
    let listeners = listeners(&node);
    let office = Office::empty(&node, "acme");
    office.number("2001", "makecall");
    office.phone("1001", office.user);
    let phone = json!({ "user": "3001", "password": "correct-horse" });
    office.rest.post("/api/v1/phones", &phone).expect(201);
    let mut at = office.callee;
    at.set_ip(Ipv6Addr::LOCALHOST.into());
    let account = Account::registers("3001", "correct-horse", listeners[1], "udp");
    let mut phone = account.with("prefer_ipv6 yes".to_owned()).start(at);
    phone.is_registered();
    let id = office.makecall("2001", "3001");
    let mut audio = Audio::bind();
    let caller = office.calls("uac-answered", "2001").with("talk", 3_000);
    let mut caller = caller.with("rtp", audio.port()).start();
    phone.told("CALL_INCOMING");
    phone.command("accept", "");
    audio.start(caller.media(), Codec::Pcma, HZ);
    // The phone is an echo.
    wait_for("the caller's own tone", Duration::from_secs(5), || {
        (audio.heard()?.tone == Some(HZ)).then_some(())
    });
    caller.finish();
    for cdr in office.cdrs(&id, 2) {
        check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
    }
}
