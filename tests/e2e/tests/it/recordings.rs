//! Recordings over REST: of a call that ended, and of one in the middle of which the node was killed.

use std::path::Path;
use std::time::Duration;

use media::sdp::Codec;
use media::tone;
use serde_json::{Value, json};

use crate::handset::Audio;
use crate::metrics::Page;
use crate::node::Node;
use crate::office::{Office, check};
use crate::sipp::{self, Sipp};
use crate::sound;
use crate::stopwatch::{now, wait_for};

pub(crate) const RECORDINGS: &str = "/api/v1/recordings";
const CALLER_HZ: u16 = 425;
/// Octets of a second of two channels at 8 kHz.
const SECOND: usize = 32_000;

/// A tenant whose number 2001 records who calls it.
pub(crate) fn office(node: &Node) -> Office {
    let office = Office::empty(node, "acme");
    office.phone("1001", office.user);
    office.install("memo", "2001");
    office
}

/// A caller that says a tone for so long, in milliseconds.
pub(crate) fn caller(office: &Office, talk: u64) -> (Sipp, Audio) {
    let mut audio = Audio::bind();
    let caller = office.calls("uac-answered-at-once", "2001");
    let caller = caller.with("talk", talk).with("rtp", audio.port()).start();
    audio.start(caller.media(), Codec::Pcma, CALLER_HZ);
    (caller, audio)
}

/// The one recording that there is, once it is in that state.
pub(crate) fn recording(office: &Office, state: &str) -> Value {
    let what = format!("a recording that is {state}");
    wait_for(&what, Duration::from_secs(10), || {
        let list = office.rest.get(RECORDINGS).expect(200);
        let [one] = &list["data"].as_array().expect("a list")[..] else {
            return None;
        };
        (one["state"] == state).then(|| one.clone())
    })
}

/// For how long the caller's tone is there, in milliseconds.
fn tone_ms(samples: &[i16]) -> usize {
    let blocks = samples.chunks_exact(800);
    let sounding = blocks.filter(|it| tone::level_of(it, CALLER_HZ) > -20.0);
    sounding.count() * 100
}

#[test]
fn a_recorded_call_is_listed_heard_in_parts_and_deleted() {
    if !sipp::is_there() {
        return;
    }
    let node = Node::start();
    let office = office(&node);
    let (mut caller, audio) = caller(&office, 2_500);
    let open = recording(&office, "open");
    let path = format!("{RECORDINGS}/{}", open["id"].as_str().expect("a text"));
    let audio_of = format!("{path}/audio");
    office.rest.get(&audio_of).expect(409);
    office.rest.delete(&path).expect(409);
    caller.finish();
    drop(audio);
    let one = recording(&office, "ready");
    assert_eq!(office.rest.get(&path).expect(200), one);
    let cdr = office.cdrs_where("number=2001", 1).remove(0);
    check(&one, &json!({ "call_id": cdr["call_id"], "name": "memo" }));
    let of_call = format!(
        "{RECORDINGS}?state=ready&call_id={}",
        cdr["call_id"].as_str().unwrap()
    );
    assert_eq!(office.rest.get(&of_call).expect(200)["data"], json!([one]));

    assert_eq!(Page::of(&node).count("jackfield_call_mos_count", &[]), 1);

    let file = office.rest.file(&audio_of);
    assert_eq!(file.len() as u64, one["size"].as_u64().unwrap());
    let lasts = (file.len() - 44) * 1_000 / SECOND;
    assert_eq!(lasts as u64, one["duration_ms"].as_u64().unwrap());
    assert!((2_400..3_500).contains(&lasts), "{lasts} ms");
    let tone = tone_ms(&sound::channels(&file)[0]);
    assert!(tone >= 2_000, "{tone} ms of {lasts}");
    // More than is read at once.
    let (status, part) = office.rest.part(&audio_of, "bytes=1000-75999");
    assert!(status == 206 && part == file[1_000..76_000], "{status}");
    assert_eq!(office.rest.part(&audio_of, "bytes=9999999-").0, 416);

    let other = Office::empty(&node, "other");
    other.rest.get(&audio_of).expect(404);
    other.rest.delete(&path).expect(404);
    office.rest.delete(&path).expect(204);
    office.rest.get(&path).expect(404);
    assert_eq!(office.rest.get(RECORDINGS).expect(200)["data"], json!([]));
    wait_for("the end of the file", Duration::from_secs(10), || {
        let mut files = node.recordings().read_dir().expect("it is there");
        files.next().is_none().then_some(())
    });
}

#[test]
fn a_recording_in_the_middle_of_which_the_node_was_killed_lacks_a_second_at_the_most() {
    if !sipp::is_there() {
        return;
    }
    let mut node = Node::start();
    let mut office = office(&node);
    let (mut caller, audio) = caller(&office, 30_000);
    let began = now();
    recording(&office, "open");
    std::thread::sleep(Duration::from_millis(3_700).saturating_sub(began.elapsed()));
    node.crash();
    let talked = began.elapsed().as_millis() as usize;
    caller.kill();
    drop(audio);
    node.restart();
    office.turn_to(&node);
    let one = recording(&office, "ready");
    let path = format!("{RECORDINGS}/{}/audio", one["id"].as_str().expect("a text"));
    let file = office.rest.file(&path);
    // What players believe: the header's length.
    let length = u32::from_le_bytes(file[40..44].try_into().unwrap()) as usize;
    assert_eq!(length, file.len() - 44);
    assert_eq!(
        one["duration_ms"].as_u64().unwrap() as usize,
        length * 1_000 / SECOND
    );
    let tone = tone_ms(&sound::channels(&file)[0]);
    println!("{tone} ms of {talked} ms are left");
    assert!(
        (talked - 1_000..=talked).contains(&tone),
        "{tone} ms of {talked}"
    );
    let lost = json!({ "call_id": one["call_id"], "end_reason": "node-lost" });
    let cdrs = office.rest.get("/api/v1/cdrs").expect(200);
    check(&cdrs["data"][0], &lost);
}

#[test]
fn a_recording_moves_to_the_archive_and_is_heard_from_there() {
    if !sipp::is_there() {
        return;
    }
    let archive = tempfile::tempdir().expect("a temporary folder");
    let url = format!("file://{}", archive.path().display());
    let node = Node::start_with(&[("RECORDINGS__STORE", &url)]);
    let office = office(&node);
    let (mut caller, audio) = caller(&office, 1_500);
    caller.finish();
    drop(audio);
    let one = recording(&office, "ready");
    let count = |folder: &Path| folder.read_dir().expect("it is there").count();
    wait_for("the recording to move", Duration::from_secs(10), || {
        (count(&node.recordings()) == 0).then_some(())
    });
    let path = format!("{RECORDINGS}/{}", one["id"].as_str().expect("a text"));
    let audio_of = format!("{path}/audio");
    let file = office.rest.file(&audio_of);
    assert_eq!(file.len() as u64, one["size"].as_u64().unwrap());
    assert!(tone_ms(&sound::channels(&file)[0]) >= 1_000);
    let (status, part) = office.rest.part(&audio_of, "bytes=100-199");
    assert!(status == 206 && part == file[100..200], "{status}");
    let counted = || {
        let labels = [r#"outcome="archived""#];
        Page::of(&node).count("jackfield_recordings_total", &labels)
    };
    assert_eq!(counted(), 1);
    let mut tenants = archive.path().read_dir().expect("it is there");
    let tenant = tenants.next().expect("one").expect("a folder").path();
    assert_eq!(count(&tenant), 1);
    office.rest.delete(&path).expect(204);
    wait_for("the end of the file", Duration::from_secs(10), || {
        (count(&tenant) == 0).then_some(())
    });
}
