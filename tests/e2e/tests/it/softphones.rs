//! The main job by softphones: baresip on one side or on both.

use std::time::Duration;

use media::sdp::Codec;
use serde_json::json;

use crate::baresip::{self, Account};
use crate::handset::Audio;
use crate::node::Node;
use crate::office::{Office, check};
use crate::stopwatch::wait_for;

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
