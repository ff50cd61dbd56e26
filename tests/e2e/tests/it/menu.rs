//! `plugins/ivr` for real telephones: what is played is heard, what is keyed is done.

use std::time::Duration;

use media::handset::Speech;
use media::sdp::Codec;
use media::tone::{self, Tone};
use serde_json::json;

use crate::baresip::{self, Account};
use crate::handset::Audio;
use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp;
use crate::sound::{self, assert_heard, chirp, falling, wait_to_hear};
use crate::stopwatch::wait_for;

const OPERATOR_HZ: u16 = 970;
const CALLER_HZ: u16 = 425;
/// The prompts `menu` and `goodbye`: told by their pitch.
const MENU_HZ: u16 = 1_230;
const GOODBYE_HZ: u16 = 730;

/// A tenant with a menu behind 2001.
fn office(node: &Node) -> Office {
    let office = Office::empty(node, "acme");
    office.phone("1001", office.user);
    office.phone("3001", office.callee);
    sound::upload(&office.rest, "welcome", &chirp(8_000.0));
    sound::upload(&office.rest, "hours", &falling());
    for (name, hz, ms) in [("menu", MENU_HZ, 4_000), ("goodbye", GOODBYE_HZ, 600)] {
        let mut samples = vec![0; ms * 8];
        Tone::new(hz, -12.0).fill(&mut samples);
        sound::upload(&office.rest, name, &samples);
    }
    office.install("ivr", "2001");
    office
}

/// Waits until a second of what was heard last is that tone, of prompts at −12 dB.
fn wait_for_tone(audio: &Audio, hz: u16) {
    wait_for(&format!("{hz} Hz"), Duration::from_secs(10), || {
        let heard = audio.recording();
        let last = heard.get(heard.len().checked_sub(4_000)?..)?;
        (tone::level_of(last, hz) > -14.0).then_some(())
    });
}

#[test]
fn a_caller_hears_the_greeting_before_the_answer_and_what_it_chose_after_it() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = office(&node);
    for (codecs, codec) in [(8, Codec::Pcma), (0, Codec::Pcmu), (9, Codec::G722)] {
        let mut audio = Audio::bind();
        let caller = office.calls("uac-listens", "2001").with("codecs", codecs);
        let mut caller = caller.with("rtp", audio.port()).start();
        audio.start_saying(caller.media(), codec, Speech::Silence);
        wait_to_hear(&audio, 1_900);
        assert_eq!(caller.logged("200"), None, "the greeting is early media");
        wait_for_tone(&audio, MENU_HZ);
        assert!(caller.logged("200").is_some());
        audio.press("1");
        wait_for_tone(&audio, MENU_HZ);
        // The hours play for two seconds, and the menu again.
        std::thread::sleep(Duration::from_millis(3_000));
        audio.press("9");
        wait_for_tone(&audio, GOODBYE_HZ);
        caller.finish();
        let heard = audio.recording();
        let first = assert_heard("welcome", &chirp(8_000.0), &heard);
        let second = assert_heard("hours", &falling(), &heard);
        assert!(
            first.at < 1_600 && second.at > first.at + 16_000,
            "{first:?} {second:?}"
        );
        let end = audio.heard().expect("it listened");
        assert!(end.lost == 0 && end.streams == 1, "{end:?}");
    }
    let cdrs = office.cdrs_where("number=2001", 3);
    let expected = json!({ "user_data": "goodbye", "cause": 200, "dropped_by": "sys" });
    for cdr in &cdrs {
        check(cdr, &expected);
    }
}

#[test]
fn a_caller_who_asks_for_the_operator_is_joined_to_it() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = office(&node);
    let (mut audio, mut operator_audio) = (Audio::bind(), Audio::bind());
    let operator = office.is_called("uas-hangs-up").with("shown", "2001");
    let operator = operator.with("answer", 2_000).with("talk", 3_000);
    let mut operator = operator.with("rtp", operator_audio.port()).start();
    let caller = office
        .calls("uac-listens", "2001")
        .with("rtp", audio.port());
    let mut caller = caller.start();
    audio.start(caller.media(), Codec::Pcma, CALLER_HZ);
    wait_for_tone(&audio, MENU_HZ);
    audio.press("0");
    operator_audio.start(operator.media(), Codec::Pcma, OPERATOR_HZ);
    wait_for_tone(&audio, OPERATOR_HZ);
    caller.finish();
    operator.finish();
    // While it rang the caller was told so: British ringback, 400 and 450 Hz.
    let heard = audio.recording();
    let rings = |it: &[i16]| [400, 450].iter().all(|hz| tone::level_of(it, *hz) > -30.0);
    assert!(heard.chunks_exact(1_600).any(rings), "no ringback");
    assert_eq!(
        operator_audio.heard().and_then(|it| it.tone),
        Some(CALLER_HZ)
    );
    let end = audio.heard().expect("it listened");
    assert!(end.lost == 0 && end.streams == 1, "{end:?}");
}

#[test]
fn a_softphone_hears_the_greeting_and_keys_its_way_to_the_operator() {
    if !baresip::is_there() || !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = office(&node);
    let mut operator_audio = Audio::bind();
    let operator = office.is_called("uas-answers").with("shown", "2001");
    let mut operator = operator.with("rtp", operator_audio.port()).start();
    let phone = Account::line("1001", office.user, "udp").says(CALLER_HZ);
    let mut phone = phone.that_keeps_what_it_hears().start(office.user);
    phone.dial(&format!("sip:2001@{}", node.sip));
    phone.told("CALL_ESTABLISHED");
    std::thread::sleep(Duration::from_millis(500));
    phone.key('0');
    operator_audio.start(operator.media(), Codec::Pcma, OPERATOR_HZ);
    wait_for_tone(&operator_audio, CALLER_HZ);
    std::thread::sleep(Duration::from_millis(1_500));
    phone.command("hangup", "");
    operator.finish();
    let heard = phone.heard();
    assert_heard("welcome", &chirp(8_000.0), &heard);
    let last = &heard[heard.len() - 8_000..];
    assert!(tone::level_of(last, OPERATOR_HZ) > -14.0);
}
