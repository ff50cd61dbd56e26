//! Encrypted audio with a softphone of others, and what both sides report of how it sounded.

use std::time::Duration;

use media::sdp::Codec;
use media::tone;
use serde_json::{Value, json};

use crate::baresip::{self, Account, Baresip};
use crate::handset::Audio;
use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp::{self, free_port};
use crate::stopwatch::wait_for;
use crate::tls::Authority;

const PASSWORD: &str = "correct-horse";
const USER_HZ: u16 = 425;
const CALLEE_HZ: u16 = 970;

/// A tenant whose phone 1001 registers over TLS, with audio as `srtp` says.
fn office(node: &Node, srtp: &str) -> Office {
    let office = Office::empty(node, "acme");
    office.number("2001", "makecall");
    let phone = json!({ "user": "1001", "password": PASSWORD, "srtp": srtp });
    office.rest.post("/api/v1/phones", &phone).expect(201);
    office.phone("3001", office.callee);
    office
}

/// The phone 1001, which is ready to call.
fn softphone(
    node: &Node,
    authority: &Authority,
    shape: impl FnOnce(Account) -> Account,
) -> Baresip {
    let proxy = node.sip_over("tls");
    let trusted = format!("sip_cafile {}", authority.path("ca.pem").display());
    let account = Account::registers("1001", PASSWORD, proxy, "tls").with(trusted);
    let account = shape(account.says(USER_HZ).that_keeps_what_it_hears());
    let phone = account.start(free_port());
    phone.is_registered();
    phone
}

/// It is called, talks for fifteen seconds, and hangs up; the CDRs of the call.
fn talk(office: &Office, phone: &mut Baresip) -> Vec<Value> {
    let id = office.makecall("2001", "3001");
    let mut audio = Audio::bind();
    let callee = office.is_called("uas-answers").with("rtp", audio.port());
    let mut callee = callee.start();
    phone.dial("sip:2001@acme.example");
    phone.told("CALL_ESTABLISHED");
    audio.start(callee.media(), Codec::Pcma, CALLEE_HZ);
    wait_for("the phone", Duration::from_secs(5), || {
        (audio.heard()?.tone == Some(USER_HZ)).then_some(())
    });
    // Our first report of RTCP comes within eight seconds, and the phone answers it within five more.
    std::thread::sleep(Duration::from_secs(15));
    phone.command("hangup", "");
    callee.finish();
    let cdrs = office.cdrs(&id, 2);
    let heard = phone.heard();
    let middle = &heard[heard.len() / 2..][..8_000];
    let level = tone::level_of(middle, CALLEE_HZ);
    assert!((-14.0..-10.0).contains(&level), "{level} dB");
    cdrs
}

/// What a softphone that reports is known to have heard.
fn check_quality(cdr: &Value) {
    assert_eq!(cdr["remote_lost"], 0, "{cdr:#}");
    let within = |name: &str, from: f64, to: f64| {
        let value = cdr[name].as_f64();
        assert!(
            value.is_some_and(|it| (from..to).contains(&it)),
            "{name} of {cdr:#}"
        );
    };
    within("rtt_ms", 0.0, 50.0);
    within("jitter_ms", 0.0, 20.0);
    within("remote_jitter_ms", 0.0, 20.0);
    within("mos", 4.0, 4.42);
}

#[test]
fn a_softphone_that_takes_nothing_but_srtp_talks_to_one_without() {
    if !baresip::is_there() || !sipp::is_there() {
        return;
    }
    let authority = Authority::new();
    let node = authority.certified_node();
    let office = office(&node, "require");
    let mut phone = softphone(&node, &authority, Account::encrypted);
    let cdrs = talk(&office, &mut phone);
    check_quality(&cdrs[0]);
    let call = cdrs[0]["call_id"].as_str().expect("an id");
    let trace = office.rest.get(&format!("/api/v1/calls/{call}/trace"));
    let trace = trace.expect(200).to_string();
    assert!(trace.contains("AES_CM_128_HMAC_SHA1_80"), "{trace}");
    assert!(!trace.contains("inline:"), "{trace}");
}

#[test]
fn both_sides_of_a_call_report_how_it_sounded() {
    if !baresip::is_there() || !sipp::is_there() {
        return;
    }
    let authority = Authority::new();
    let node = authority.certified_node();
    let office = office(&node, "off");
    let mut phone = softphone(&node, &authority, |it| it);
    let cdrs = talk(&office, &mut phone);
    check_quality(&cdrs[0]);
    let call = cdrs[0]["call_id"].as_str().expect("an id");
    let trace = office.rest.get(&format!("/api/v1/calls/{call}/trace"));
    let trace = trace.expect(200).to_string();
    let told = trace.matches("was heard: 0.0 % lost").count();
    assert!(told == 2 && trace.contains("round trip"), "{trace}");
    // The handset knows no RTCP.
    let unknown = json!({ "remote_lost": null, "remote_jitter_ms": null, "rtt_ms": null });
    check(&cdrs[1], &unknown);
}

#[test]
fn a_softphone_that_demands_what_its_phone_is_not_allowed_is_refused() {
    if !baresip::is_there() {
        return;
    }
    let authority = Authority::new();
    let node = authority.certified_node();
    let office = office(&node, "off");
    let mut phone = softphone(&node, &authority, Account::encrypted);
    office.makecall("2001", "3001");
    phone.dial("sip:2001@acme.example");
    let closed = phone.told("CALL_CLOSED").to_string();
    assert!(closed.contains("488"), "{closed}");
    assert_eq!(office.cancelcall(), 200, "the request is still there");
}
