//! The main job by softphones: baresip on one side or on both.

use std::time::Duration;

use media::sdp::Codec;
use serde_json::json;

use crate::baresip::{self, Account, Baresip};
use crate::handset::Audio;
use crate::metrics::Page;
use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp::{self, free_port};
use crate::stopwatch::wait_for;
use crate::tls::Authority;

const PASSWORD: &str = "correct-horse";
const USER_HZ: u16 = 425;
const CALLEE_HZ: u16 = 970;

#[test]
fn a_softphone_calls_and_hears_its_echo() {
    if !baresip::is_there() {
        return;
    }
    for transport in ["udp", "tcp"] {
        let node = Node::start();
        let office = Office::empty(&node, "acme");
        office.number("2001", "makecall");
        office.phone_over(transport, "1001", office.user);
        office.phone("3001", office.callee);
        let id = office.makecall("2001", "3001");
        let mut audio = Audio::bind();
        let callee = office.is_called("uas-hangs-up").with("talk", 3_000);
        let mut callee = callee.with("rtp", audio.port()).start();
        let mut phone = Account::line("1001", office.user, transport).start(office.user);
        phone.dial(&format!(
            "sip:2001@{};transport={transport}",
            node.over(transport)
        ));
        phone.told("CALL_RINGING");
        audio.start(callee.media(), Codec::Pcma, CALLEE_HZ);
        phone.told("CALL_ESTABLISHED");
        // What the callee hears is what it says, on its way through both and back.
        wait_for("the callee's own tone", Duration::from_secs(5), || {
            let heard = audio.heard()?;
            (heard.tone == Some(CALLEE_HZ)).then_some(())
        });
        phone.told("CALL_CLOSED");
        callee.finish();
        for cdr in office.cdrs(&id, 2) {
            check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
            assert!(cdr["answer_time"].is_string(), "{cdr:#}");
        }
    }
}

#[test]
fn a_softphone_holds_and_the_callee_hears_nothing_meanwhile() {
    if !baresip::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let id = office.makecall("2001", "3001");
    let mut audio = Audio::bind();
    let callee = office.is_called("uas-held").with("rtp", audio.port());
    let mut callee = callee.start();
    let phone = Account::line("1001", office.user, "udp");
    let mut phone = phone.says(USER_HZ).start(office.user);
    phone.dial(&format!("sip:2001@{}", node.sip));
    phone.told("CALL_ESTABLISHED");
    audio.start(callee.media(), Codec::Pcma, CALLEE_HZ);
    // What the phone says goes out through the node to the callee, unless it is on hold.
    let packets = || audio.heard().map_or(0, |it| it.packets);
    wait_for("audio", Duration::from_secs(5), || {
        (packets() > 50).then_some(())
    });
    phone.command("hold", "");
    wait_for("the hold", Duration::from_secs(5), || callee.logged("held"));
    // What was on its way has arrived by then.
    std::thread::sleep(Duration::from_millis(300));
    let held = packets();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(
        packets(),
        held,
        "the one on hold hears music of a phone that has none"
    );
    phone.command("resume", "");
    wait_for("audio again", Duration::from_secs(5), || {
        (packets() > held + 50).then_some(())
    });
    assert!(callee.logged("resumed").is_some());
    phone.command("hangup", "");
    callee.finish();
    for cdr in office.cdrs(&id, 2) {
        check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
    }
}

/// A phone that registers with the node over that transport, and what it needs for it.
fn registered(node: &Node, user: &str, transport: &str, settings: &[String]) -> Baresip {
    let proxy = node.sip_over(transport);
    let account = Account::registers(user, PASSWORD, proxy, transport);
    let account = settings.iter().cloned().fold(account, Account::with);
    let phone = account.start(free_port());
    phone.is_registered();
    phone
}

/// A tenant whose phones register.
fn registering(node: &Node, users: &[&str]) -> Office {
    let office = Office::empty(node, "acme");
    office.number("2001", "makecall");
    for user in users {
        let phone = json!({ "user": user, "password": PASSWORD });
        office.rest.post("/api/v1/phones", &phone).expect(201);
    }
    office
}

#[test]
fn softphones_register_and_call_each_other_by_udp_and_tls() {
    if !baresip::is_there() {
        return;
    }
    let authority = Authority::new();
    authority.sign("node", "127.0.0.1");
    let path = |file| authority.path(file).display().to_string();
    let trusted = [format!("sip_cafile {}", path("ca.pem"))];
    let (cert, key) = (path("node.pem"), path("node.key"));
    let tls = [
        ("SIP__TLS", "[\"127.0.0.1:0\"]"),
        ("SIP__TLS_CERT", cert.as_str()),
        ("SIP__TLS_KEY", key.as_str()),
    ];
    for (settings, transport, needs) in [(&[][..], "udp", &[][..]), (&tls, "tls", &trusted)] {
        let node = Node::start_with(settings);
        let office = registering(&node, &["1001", "3001"]);
        let mut callee = registered(&node, "3001", transport, needs);
        let mut caller = registered(&node, "1001", transport, needs);
        let id = office.makecall("2001", "3001");
        caller.dial("sip:2001@acme.example");
        callee.told("CALL_INCOMING");
        caller.told("CALL_RINGING");
        callee.command("accept", "");
        caller.told("CALL_ESTABLISHED");
        callee.told("CALL_ESTABLISHED");
        caller.command("hangup", "");
        callee.told("CALL_CLOSED");
        for cdr in office.cdrs(&id, 2) {
            check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
            assert!(cdr["answer_time"].is_string(), "{cdr:#}");
        }
    }
}

#[test]
fn a_softphone_transfers_its_party_to_another_one() {
    if !baresip::is_there() {
        return;
    }
    let node = Node::start();
    let office = registering(&node, &["1001", "3001", "3002"]);
    let mut callee = registered(&node, "3001", "udp", &[]);
    let mut third = registered(&node, "3002", "udp", &[]);
    let mut caller = registered(&node, "1001", "udp", &[]);
    let id = office.makecall("2001", "3001");
    caller.dial("sip:2001@acme.example");
    callee.told("CALL_INCOMING");
    callee.command("accept", "");
    caller.told("CALL_ESTABLISHED");
    caller.command("transfer", "sip:3002@acme.example");
    third.told("CALL_INCOMING");
    third.command("accept", "");
    third.told("CALL_ESTABLISHED");
    // Who has transferred is out of it; the others go on.
    caller.told("CALL_CLOSED");
    wait_for("two live calls", Duration::from_secs(5), || {
        (office.live() == 2).then_some(())
    });
    third.command("hangup", "");
    callee.told("CALL_CLOSED");
    for cdr in office.cdrs(&id, 3) {
        check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
    }
}

#[test]
fn a_softphone_whose_connection_dies_is_not_available_and_one_beside_it_is_called() {
    if !baresip::is_there() || !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = registering(&node, &["3001"]);
    office.phone("1001", office.user);
    let first = registered(&node, "3001", "tcp", &[]);
    let second = registered(&node, "3001", "tcp", &[]);
    let lost = |places: u64| {
        wait_for("the end of a connection", Duration::from_secs(10), || {
            let page = Page::of(&node);
            let shards = page.count("jackfield_shard_up", &[]);
            (page.count("jackfield_bindings_lost", &[]) == places * shards).then_some(())
        });
    };
    lost(0);
    // It is killed: it says nothing of it.
    drop(first);
    lost(1);
    let id = office.makecall("2001", "3001");
    let mut caller = office.calls("uac-cancels", "2001").start();
    let mut second = second;
    second.told("CALL_INCOMING");
    caller.finish();
    second.told("CALL_CLOSED");
    office.cdrs(&id, 2);
    drop(second);
    lost(2);
    let id = office.makecall("2001", "3001");
    let refused = office.calls("uac-refused", "2001").with("status", 480);
    refused.start().finish();
    for cdr in office.cdrs(&id, 2) {
        check(&cdr, &json!({ "cause": 480 }));
    }
}
