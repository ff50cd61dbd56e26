//! A softphone that knows Opus only, with the reference implementation of it. The program under test has to be built
//! with the feature `opus`.

use std::time::Duration;

use media::sdp::Codec;
use serde_json::json;

use crate::baresip::{self, Account};
use crate::handset::Audio;
use crate::node::Node;
use crate::office::{Office, check};
use crate::stopwatch::wait_for;

const CALLEE_HZ: u16 = 970;

#[test]
fn a_softphone_of_opus_and_a_telephone_of_g711_hear_each_other() {
    if !std::env::var("E2E_OPUS").is_ok_and(|it| it == "1") || !baresip::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::empty(&node, "acme");
    office.number("2001", "makecall");
    office.phone_over("udp", "1001", office.user);
    office.phone("3001", office.callee);
    let id = office.makecall("2001", "3001");
    let mut audio = Audio::bind();
    let callee = office.is_called("uas-hangs-up").with("talk", 4_000);
    let mut callee = callee.with("rtp", audio.port()).start();
    let phone = Account::line("1001", office.user, "udp").speaks_opus();
    let mut phone = phone.start(office.user);
    phone.dial(&format!("sip:2001@{};transport=udp", node.over("udp")));
    phone.told("CALL_RINGING");
    audio.start(callee.media(), Codec::Pcma, CALLEE_HZ);
    phone.told("CALL_ESTABLISHED");
    // What the callee hears is what it says, by way of an encoder and a decoder of ours and one each of theirs.
    wait_for("the callee's own tone", Duration::from_secs(5), || {
        let heard = audio.heard()?;
        (heard.tone == Some(CALLEE_HZ) && heard.level_db > -25.0).then_some(())
    });
    phone.told("CALL_CLOSED");
    callee.finish();
    let cdrs = office.cdrs(&id, 2);
    let spoken: Vec<_> = cdrs.iter().map(|cdr| cdr["codec"].clone()).collect();
    assert!(
        spoken.contains(&json!("opus")) && spoken.contains(&json!("PCMA")),
        "{spoken:?}"
    );
    for cdr in cdrs {
        check(&cdr, &json!({ "cause": 200, "end_reason": "released" }));
    }
}
