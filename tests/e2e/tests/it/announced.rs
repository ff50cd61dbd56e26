//! A conference room that announces who comes and records what is said, for real telephones.

use std::time::Duration;

use media::handset::Speech;
use media::sdp::Codec;
use media::{tone, wav};
use serde_json::json;

use crate::handset::Audio;
use crate::node::Node;
use crate::office::{Office, check};
use crate::recordings::recording;
use crate::sipp::{self, Scenario, free_port};
use crate::sound::{self, assert_heard, chirp};
use crate::stopwatch::wait_for;

/// Who meets, and the tone that each says.
const MEMBERS: [(&str, u16); 2] = [("1001", 730), ("1002", 1_230)];

/// How many calls are in the room.
fn size(office: &Office) -> u64 {
    let rooms = office.rest.get("/api/v1/conferences").expect(200);
    rooms["data"][0]["size"].as_u64().unwrap_or_default()
}

#[test]
fn everybody_hears_who_comes_and_the_recording_holds_all_voices() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = Office::empty(&node, "acme");
    sound::upload(&office.rest, "welcome", &chirp(8_000.0));
    office.install("conference-room", "2001");
    let settings = json!({ "announce": "welcome", "record": "yes" });
    office.set("conference-room", &settings);
    let (mut callers, mut audios) = (Vec::new(), Vec::new());
    for (at, (user, _)) in MEMBERS.into_iter().enumerate() {
        let local = free_port();
        office.phone(user, local);
        let mut audio = Audio::bind();
        let caller = Scenario::caller("uac-answered-at-once", local, node.sip, "2001");
        let caller = caller.with("from", user).with("rtp", audio.port());
        let caller = caller.with("talk", 7_000).start();
        audio.start_saying(caller.media(), Codec::Pcma, Speech::Silence);
        wait_for("somebody in the room", Duration::from_secs(10), || {
            (size(&office) == at as u64 + 1).then_some(())
        });
        callers.push(caller);
        audios.push(audio);
    }
    // Both hear the second one announced, and then each other.
    std::thread::sleep(Duration::from_millis(2_500));
    for (audio, (_, hz)) in audios.iter().zip(MEMBERS) {
        audio.say(Speech::Tone(hz));
    }
    std::thread::sleep(Duration::from_millis(1_500));
    for (n, (audio, (user, own))) in audios.iter().zip(MEMBERS).enumerate() {
        let heard = audio.recording();
        assert_heard(user, &chirp(8_000.0), &heard);
        let last = &heard[heard.len() - 4_000..];
        let other = tone::level_of(last, MEMBERS[1 - n].1);
        assert!((-15.0..-9.0).contains(&other), "{user}: {other} dB");
        let own = tone::level_of(last, own);
        assert!(own < -50.0, "{user} hears itself at {own} dB");
    }
    callers.iter_mut().for_each(sipp::Sipp::finish);
    let one = recording(&office, "ready");
    check(&one, &json!({ "name": "conference-2001" }));
    let path = format!("/api/v1/recordings/{}/audio", one["id"].as_str().unwrap());
    let samples = wav::decode(&office.rest.file(&path)).expect("one channel of 8 kHz");
    assert_heard("the recording", &chirp(8_000.0), &samples);
    let mut parts = samples.chunks_exact(4_000);
    let both = |part: &[i16]| MEMBERS.iter().all(|it| tone::level_of(part, it.1) > -15.0);
    assert!(parts.any(both), "both voices at one time");
}
