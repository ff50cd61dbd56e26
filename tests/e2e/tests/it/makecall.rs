//! The main job: 1001 asks for a call, calls 2001, and is bridged to 3001.

use std::time::Duration;

use media::sdp::Codec;
use serde_json::json;

use crate::handset::Audio;
use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp;
use crate::stopwatch::wait_for;

/// The tones of both sides, of those that a handset can tell apart.
const USER_HZ: u16 = 425;
const CALLEE_HZ: u16 = 970;

#[test]
fn a_call_to_the_private_number_is_bridged_and_both_hear_each_other() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let id = office.makecall("2001", "3001");
    let (mut user_audio, mut callee_audio) = (Audio::bind(), Audio::bind());
    let callee = office
        .is_called("uas-answers")
        .with("ring", 600)
        .with("answer", 600);
    let mut callee = callee.with("rtp", callee_audio.port()).start();
    let user = office.calls("uac-answered", "2001").with("talk", 3_000);
    let mut user = user.with("rtp", user_audio.port()).start();
    callee_audio.start(callee.media(), Codec::Pcma, CALLEE_HZ);
    user_audio.start(user.media(), Codec::Pcma, USER_HZ);
    user.finish();
    callee.finish();

    assert!(
        user.time_of("180") >= callee.time_of("rings"),
        "ringing was invented"
    );
    assert!(
        user.time_of("200") >= callee.time_of("answers"),
        "the answer was invented"
    );
    let heard = [user_audio.heard(), callee_audio.heard()].map(|it| it.expect("it listened"));
    assert_eq!(heard[0].tone, Some(CALLEE_HZ), "{heard:?}");
    assert_eq!(heard[1].tone, Some(USER_HZ), "{heard:?}");
    for heard in heard {
        assert!(heard.packets > 100 && heard.lost == 0, "{heard:?}");
    }

    let cdrs = office.cdrs(&id, 2);
    let both = json!({ "dropped_by": "usr", "cause": 200, "end_reason": "released" });
    check(
        &cdrs[0],
        &json!({ "direction": "inbound", "user_data": id }),
    );
    check(&cdrs[0], &both);
    check(
        &cdrs[1],
        &json!({ "direction": "outbound", "user_data": id, "cause": 200 }),
    );
    check(
        &cdrs[1],
        &json!({ "dropped_by": "sys", "end_reason": "released" }),
    );
    assert_eq!(cdrs[0]["session_id"], cdrs[1]["session_id"]);
    for (cdr, from, to) in [
        (&cdrs[0], "sip:1001@", "sip:2001@"),
        (&cdrs[1], "sip:2001@", "sip:3001@"),
    ] {
        assert!(cdr["answer_time"].is_string(), "{cdr:#}");
        assert!(
            cdr["from_uri"]
                .as_str()
                .is_some_and(|uri| uri.starts_with(from)),
            "{cdr:#}"
        );
        assert!(
            cdr["to_uri"]
                .as_str()
                .is_some_and(|uri| uri.starts_with(to)),
            "{cdr:#}"
        );
    }
    assert_eq!(office.live(), 0);
    assert_eq!(office.cancelcall(), 404, "the call has used up the request");
}

#[test]
fn two_phones_without_a_codec_in_common_are_transcoded() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    office.makecall("2001", "3001");
    let (mut user_audio, mut callee_audio) = (Audio::bind(), Audio::bind());
    let callee = office.is_called("uas-answers").with("codecs", 0);
    let mut callee = callee.with("rtp", callee_audio.port()).start();
    let user = office
        .calls("uac-answered", "2001")
        .with("codecs", 8)
        .with("talk", 2_000);
    let mut user = user.with("rtp", user_audio.port()).start();
    callee_audio.start(callee.media(), Codec::Pcmu, CALLEE_HZ);
    user_audio.start(user.media(), Codec::Pcma, USER_HZ);
    user.finish();
    callee.finish();
    let heard = [user_audio.heard(), callee_audio.heard()].map(|it| it.expect("it listened"));
    assert_eq!(
        heard.map(|it| it.tone),
        [Some(CALLEE_HZ), Some(USER_HZ)],
        "{heard:?}"
    );
}

#[test]
fn early_media_reaches_the_caller_before_the_answer() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let id = office.makecall("2001", "3001");
    let (mut user_audio, mut callee_audio) = (Audio::bind(), Audio::bind());
    let callee = office.is_called("uas-early").with("answer", 4_000);
    let mut callee = callee.with("rtp", callee_audio.port()).start();
    let user = office.calls("uac-early", "2001").with("talk", 1_000);
    let mut user = user.with("rtp", user_audio.port()).start();
    callee_audio.start(callee.media(), Codec::Pcma, CALLEE_HZ);
    user_audio.start(user.media(), Codec::Pcma, USER_HZ);
    wait_for("early media", Duration::from_secs(10), || {
        let heard = user_audio.heard()?;
        (heard.tone == Some(CALLEE_HZ)).then_some(())
    });
    assert_eq!(user.logged("200"), None, "the audio came after the answer");
    user.finish();
    callee.finish();
    assert_eq!(callee_audio.heard().and_then(|it| it.tone), Some(USER_HZ));
    assert_eq!(office.cdrs(&id, 2).len(), 2);
}

#[test]
fn the_ladder_of_a_call_can_be_had_when_it_is_over() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::open(&node, "acme");
    let id = office.makecall("2001", "3001");
    let mut callee = office.is_called("uas-answers").start();
    let mut user = office.calls("uac-answered", "2001").start();
    user.finish();
    callee.finish();
    let cdrs = office.cdrs(&id, 2);
    let call = cdrs[0]["call_id"].as_str().expect("an id");
    let path = format!("/api/v1/calls/{call}");
    let ladder = wait_for("the ladder", Duration::from_secs(10), || {
        let answer = office.rest.get(&format!("{path}/ladder.svg"));
        (answer.status == 200).then(|| answer.body.to_string())
    });
    for part in ["<svg", "INVITE", "180", "200", "BYE"] {
        assert!(ladder.contains(part), "{part} is not in {ladder}");
    }
    let trace = office
        .rest
        .get(&format!("{path}/trace"))
        .expect(200)
        .to_string();
    assert!(
        trace.contains("on_incoming") || trace.contains("on-incoming"),
        "{trace}"
    );
}
