//! Keys of real telephones, both ways: as events (RFC 4733), by INFO, and as tones in the audio.

use std::time::Duration;

use media::handset::Speech;
use media::sdp::Codec;
use serde_json::json;

use crate::handset::Audio;
use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp;
use crate::stopwatch::wait_for;

/// All keys but those that have a meaning for `plugins/keypad`.
const KEYS: &str = "1234567890*D";

/// What it sends on request.
const SENT: &str = "159*D#";

/// A tenant whose number 2001 leads to the keypad: it writes down what is keyed, `#` ends the call.
fn office(node: &Node) -> Office {
    let office = Office::empty(node, "acme");
    office.phone("1001", office.user);
    office.install("keypad", "2001");
    office
}

/// The keys of the call that is over, as they came to the policy.
fn check_keyed(office: &Office, keys: &str) {
    let cdr = office.cdrs_where("number=2001", 1).remove(0);
    check(&cdr, &json!({ "user_data": keys, "dropped_by": "sys" }));
}

fn keyed_from(audio: &mut Audio, events: &str) {
    let node = Node::start();
    let office = office(&node);
    let caller = office.calls("uac-listens", "2001").with("events", events);
    let mut caller = caller.with("rtp", audio.port()).start();
    audio.start_saying(caller.media(), Codec::Pcma, Speech::Silence);
    audio.press(KEYS);
    audio.press("#");
    caller.finish();
    check_keyed(&office, KEYS);
}

#[test]
fn keys_come_as_events() {
    if sipp::is_there() {
        keyed_from(&mut Audio::bind(), " 101");
    }
}

#[test]
fn keys_come_as_tones_of_a_telephone_without_events() {
    if sipp::is_there() {
        keyed_from(&mut Audio::without_events(), "");
    }
}

#[test]
fn keys_come_by_info() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = office(&node);
    office.calls("uac-informs", "2001").start().finish();
    check_keyed(&office, "5*9");
}

#[test]
fn keys_are_sent_as_events_or_else_as_tones() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = office(&node);
    for (mut audio, events) in [(Audio::bind(), " 101"), (Audio::without_events(), "")] {
        let caller = office.calls("uac-listens", "2001").with("events", events);
        let mut caller = caller.with("rtp", audio.port()).start();
        audio.start_saying(caller.media(), Codec::Pcma, Speech::Silence);
        audio.press("C2#");
        wait_for("the keys", Duration::from_secs(10), || {
            (audio.digits() == SENT).then_some(())
        });
        audio.press("#");
        caller.finish();
    }
}
