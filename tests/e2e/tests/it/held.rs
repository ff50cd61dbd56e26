//! `plugins/keypad` holds a real telephone and takes it back; one that refuses is told of.

use std::time::Duration;

use media::sdp::Codec;
use serde_json::json;

use crate::baresip::{self, Account};
use crate::handset::Audio;
use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp;
use crate::stopwatch::wait_for;

/// A tenant whose number 2001 leads to the keypad.
fn office(node: &Node) -> Office {
    let office = Office::empty(node, "acme");
    office.phone("1001", office.user);
    office.install("keypad", "2001");
    office
}

#[test]
fn a_party_is_held_and_taken_back_by_the_policy() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = office(&node);
    let mut audio = Audio::bind();
    let caller = office.calls("uac-is-held", "2001").with("talk", 500);
    let mut caller = caller.with("rtp", audio.port()).start();
    audio.start(caller.media(), Codec::Pcma, 425);
    audio.press("C1#");
    caller.finish();
    let held = caller.time_of("resumed") - caller.time_of("held");
    assert!((1.5..4.0).contains(&held), "{held} s");
    let cdr = office.cdrs_where("number=2001", 1).remove(0);
    check(&cdr, &json!({ "cause": 200, "user_data": "" }));
}

#[test]
fn the_policy_is_told_that_its_party_will_not_be_held() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = office(&node);
    let mut audio = Audio::bind();
    let caller = office.calls("uac-refuses-hold", "2001").with("talk", 500);
    let mut caller = caller.with("rtp", audio.port()).start();
    audio.start(caller.media(), Codec::Pcma, 425);
    audio.press("C1#");
    caller.finish();
    let cdr = office.cdrs_where("number=2001", 1).remove(0);
    check(&cdr, &json!({ "cause": 200, "user_data": "(hold failed)" }));
}

#[test]
fn a_softphone_is_held_and_taken_back_by_the_policy() {
    if !baresip::is_there() {
        return;
    }
    let node = Node::start();
    let office = office(&node);
    let phone = Account::line("1001", office.user, "udp").says(425);
    let mut phone = phone.start(office.user);
    phone.dial(&format!("sip:2001@{}", node.sip));
    phone.told("CALL_ESTABLISHED");
    for digit in "C1#".chars() {
        phone.key(digit);
    }
    // On hold for two seconds.
    std::thread::sleep(Duration::from_millis(3_500));
    phone.command("hangup", "");
    let cdr = office.cdrs_where("number=2001", 1).remove(0);
    check(&cdr, &json!({ "cause": 200, "user_data": "" }));
    let path = format!(
        "/api/v1/calls/{}/ladder.svg",
        cdr["call_id"].as_str().expect("an id")
    );
    let ladder = wait_for("the ladder", Duration::from_secs(10), || {
        let answer = office.rest.get(&path);
        (answer.status == 200).then(|| answer.body.to_string())
    });
    assert_eq!(ladder.matches("it only hears").count(), 1, "{ladder}");
    assert!(ladder.matches("INVITE").count() >= 3, "{ladder}");
}
