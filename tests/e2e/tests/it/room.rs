//! `plugins/conference-room` for real telephones: who hears whom.

use std::net::SocketAddr;
use std::time::Duration;

use media::handset::Speech;
use media::sdp::Codec;
use media::tone;
use serde_json::json;

use crate::baresip::{self, Account};
use crate::handset::Audio;
use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp::{self, Scenario, free_port};
use crate::sound::{assert_heard, chirp};
use crate::stopwatch::wait_for;

/// Who meets, in what codec, and the tone that each says.
const MEMBERS: [(&str, u8, Codec, u16); 3] = [
    ("1001", 8, Codec::Pcma, 425),
    ("1002", 0, Codec::Pcmu, 730),
    ("1003", 9, Codec::G722, 1_230),
];

/// A tenant with a room behind 2001.
fn office(node: &Node) -> Office {
    let office = Office::empty(node, "acme");
    office.install("conference-room", "2001");
    office.set("conference-room", &json!({ "pin": "42" }));
    office
}

/// How many calls are in the room.
fn size(office: &Office) -> u64 {
    let rooms = office.rest.get("/api/v1/conferences").expect(200);
    rooms["data"][0]["size"].as_u64().unwrap_or_default()
}

fn wait_for_size(office: &Office, expected: u64) {
    wait_for(
        &format!("{expected} in the room"),
        Duration::from_secs(10),
        || (size(office) == expected).then_some(()),
    );
}

/// One who calls the room from there and keys these digits.
fn caller(node: &Node, user: &str, local: SocketAddr, codecs: u8, rtp: u16) -> Scenario {
    let caller = Scenario::caller("uac-answered-at-once", local, node.sip, "2001");
    let caller = caller.with("from", user).with("codecs", codecs);
    caller.with("rtp", rtp).with("talk", 6_000)
}

#[test]
fn three_callers_hear_each_other_and_not_themselves() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = office(&node);
    let mut callers = Vec::new();
    let mut audios = Vec::new();
    for (at, (user, codecs, codec, hz)) in MEMBERS.into_iter().enumerate() {
        let local = free_port();
        office.phone(user, local);
        let mut audio = Audio::bind();
        let caller = caller(&node, user, local, codecs, audio.port()).start();
        audio.start(caller.media(), codec, hz);
        audio.press(if at == 1 { "1#42#" } else { "42#" });
        wait_for_size(&office, at as u64 + 1);
        callers.push(caller);
        audios.push(audio);
    }
    std::thread::sleep(Duration::from_millis(2_000));
    let heard: Vec<_> = audios.iter().map(Audio::recording).collect();
    callers.iter_mut().for_each(sipp::Sipp::finish);
    for ((who, heard), audio) in MEMBERS.iter().zip(&heard).zip(&audios) {
        let last = &heard[heard.len() - 8_000..];
        for (whom, _, _, hz) in MEMBERS {
            let level = tone::level_of(last, hz);
            // They speak at −12 dB.
            let fits = if who.0 == whom {
                level < -50.0
            } else {
                (-15.0..-9.0).contains(&level)
            };
            assert!(fits, "{} hears {whom} at {level} dB", who.0);
        }
        let heard = audio.heard().expect("it listened");
        assert!(heard.lost == 0 && heard.streams == 1, "{heard:?}");
    }
    for cdr in office.cdrs_where("number=2001", 3) {
        check(&cdr, &json!({ "cause": 200, "dropped_by": "usr" }));
    }
    wait_for_size(&office, 0);
}

#[test]
fn the_third_wrong_pin_ends_the_call() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = office(&node);
    office.phone("1001", office.user);
    let mut audio = Audio::bind();
    let caller = office
        .calls("uac-listens", "2001")
        .with("rtp", audio.port());
    let mut caller = caller.start();
    audio.start_saying(caller.media(), Codec::Pcma, Speech::Silence);
    audio.press("1#2#4#");
    caller.finish();
    let cdr = office.cdrs_where("number=2001", 1).remove(0);
    check(&cdr, &json!({ "cause": 403, "dropped_by": "sys" }));
}

#[test]
fn a_softphone_in_the_room_hears_and_is_heard() {
    if !baresip::is_there() || !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = office(&node);
    office.phone("1001", office.user);
    office.phone("3001", office.callee);
    let mut audio = Audio::bind();
    let talker = caller(&node, "1001", office.user, 8, audio.port());
    let mut talker = talker.start();
    audio.start_saying(talker.media(), Codec::Pcma, Speech::Silence);
    audio.press("42#");
    wait_for_size(&office, 1);
    let phone = Account::line("3001", office.callee, "udp").says(970);
    let mut phone = phone.that_keeps_what_it_hears().start(office.callee);
    phone.dial(&format!("sip:2001@{}", node.sip));
    phone.told("CALL_ESTABLISHED");
    "42#".chars().for_each(|digit| phone.key(digit));
    wait_for_size(&office, 2);
    std::thread::sleep(Duration::from_millis(1_500));
    audio.say(Speech::Samples(chirp(8_000.0)));
    talker.finish();
    wait_for_size(&office, 1);
    phone.command("hangup", "");
    wait_for_size(&office, 0);
    let heard = phone.heard();
    let other = assert_heard("the other one", &chirp(8_000.0), &heard);
    // The chirp passes by its own tone.
    let before = &heard[..other.at];
    assert!(before.len() > 8_000, "{other:?}");
    let own = before.chunks_exact(8_000).map(|it| tone::level_of(it, 970));
    let own = own.fold(-100.0, f32::max);
    assert!(own < -50.0, "it hears itself at {own} dB");
    let heard = audio.recording();
    let mut seconds = heard.chunks_exact(4_000);
    assert!(seconds.any(|it| tone::level_of(it, 970) > -14.0));
}
