//! `plugins/voicemail` and `plugins/memo` for real telephones: what is on the recordings.

use std::time::Duration;

use media::handset::Speech;
use media::sdp::Codec;
use media::tone;
use serde_json::json;

use crate::baresip::{self, Account};
use crate::handset::Audio;
use crate::node::Node;
use crate::office::{Office, check};
use crate::recordings::recording;
use crate::sipp;
use crate::sound::{self, assert_heard, channels, chirp, falling, wait_to_hear};
use crate::stopwatch::wait_for;

const BEEP_HZ: u16 = 1_000;
const CALLER_HZ: u16 = 425;

/// Samples in a millisecond.
const MS: usize = 8;

/// A tenant with an answering machine behind 2001, and a policy that records behind 2002.
fn office(node: &Node) -> Office {
    let office = Office::empty(node, "acme");
    office.phone("1001", office.user);
    office.phone("3001", office.callee);
    sound::upload(&office.rest, "greeting", &chirp(8_000.0));
    office.install("voicemail", "2001");
    office.install("memo", "2002");
    office
}

/// Where the beep begins in what was heard, once there is one.
fn beep(heard: &[i16]) -> Option<usize> {
    let mut pieces = heard.chunks_exact(20 * MS).enumerate();
    let beeps = |it: &[i16]| tone::level_of(it, BEEP_HZ) > -19.0;
    // A chirp passes by this frequency as well, and does not stay.
    let beep = pieces.position(|(at, _)| {
        let at = at * 20 * MS;
        heard.get(at..at + 160 * MS).is_some_and(beeps)
    });
    beep.map(|at| at * 20 * MS)
}

/// Both channels of the only recording, once it is whole.
fn recorded(office: &Office) -> [Vec<i16>; 2] {
    let id = recording(office, "ready")["id"].clone();
    let id = id.as_str().expect("an id");
    channels(&office.rest.file(&format!("/api/v1/recordings/{id}/audio")))
}

#[test]
fn a_caller_leaves_a_message_after_the_beep() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = office(&node);
    let mut audio = Audio::bind();
    let caller = office
        .calls("uac-listens", "2001")
        .with("rtp", audio.port());
    let mut caller = caller.start();
    audio.start_saying(caller.media(), Codec::Pcma, Speech::Silence);
    let first = wait_for("the beep", Duration::from_secs(10), || {
        beep(&audio.recording())
    });
    std::thread::sleep(Duration::from_millis(500));
    audio.say(Speech::Samples(falling()));
    std::thread::sleep(Duration::from_millis(2_500));
    audio.press("#");
    caller.finish();
    let heard = audio.recording();
    let greeting = assert_heard("the greeting", &chirp(8_000.0), &heard);
    let gap = first.abs_diff(greeting.at + 2_000 * MS);
    assert!(gap < 80 * MS, "{greeting:?} {first}");
    // While it speaks it is sent nothing.
    let farewell = &heard[first + 220 * MS..];
    assert!(beep(farewell).is_some(), "nobody said that it is kept");
    let [said, told] = recorded(&office);
    assert_heard("the message", &falling(), &said);
    assert_eq!(beep(&told), None, "the beep is not a part of the message");
    let cdr = office.cdrs_where("number=2001", 1).remove(0);
    check(&cdr, &json!({ "user_data": "3 s", "cause": 200 }));
    office.log_with("voicemail", "a message of 1001");
}

#[test]
fn a_softphone_leaves_a_message_and_hangs_up() {
    if !baresip::is_there() {
        return;
    }
    let node = Node::start();
    let office = office(&node);
    let phone = Account::line("1001", office.user, "udp").says(CALLER_HZ);
    let mut phone = phone.that_keeps_what_it_hears().start(office.user);
    phone.dial(&format!("sip:2001@{}", node.sip));
    phone.told("CALL_ESTABLISHED");
    std::thread::sleep(Duration::from_millis(4_500));
    phone.command("hangup", "");
    office.cdrs_where("number=2001", 1);
    office.log_with("voicemail", "a message of 1001");
    let heard = phone.heard();
    assert_heard("the greeting", &chirp(8_000.0), &heard);
    assert!(beep(&heard).is_some());
    let [said, _] = recorded(&office);
    assert!(said.len() > 1_500 * MS, "{}", said.len());
    for second in said[200 * MS..].chunks_exact(500 * MS) {
        let level = tone::level_of(second, CALLER_HZ);
        assert!(level > -14.0, "{level}");
    }
}

#[test]
fn both_sides_of_a_recorded_bridge_are_aligned() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = office(&node);
    let (mut audio, mut far) = (Audio::bind(), Audio::bind());
    let callee = office.is_called("uas-hangs-up").with("talk", 4_000);
    let mut callee = callee.with("rtp", far.port()).start();
    let caller = office
        .calls("uac-listens", "2002")
        .with("rtp", audio.port());
    let mut caller = caller.start();
    audio.start_saying(caller.media(), Codec::Pcma, Speech::Silence);
    wait_to_hear_nothing(&audio);
    audio.press("A");
    far.start_saying(callee.media(), Codec::Pcma, Speech::Silence);
    wait_to_hear(&audio, 500);
    // Both say the same at the same time.
    audio.say(Speech::Samples(chirp(8_000.0)));
    far.say(Speech::Samples(chirp(8_000.0)));
    caller.finish();
    callee.finish();
    let sides = recorded(&office);
    let [party, other] = sides.map(|side| assert_heard("a side", &chirp(8_000.0), &side));
    let apart = party.at.abs_diff(other.at);
    assert!(apart <= 20 * MS, "{} ms", apart / MS);
}

/// A caller that hears nothing yet must have been answered all the same, and be listened to.
fn wait_to_hear_nothing(audio: &Audio) {
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(audio.heard().map(|it| it.packets), Some(0));
}
